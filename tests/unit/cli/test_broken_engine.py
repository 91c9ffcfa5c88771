"""What ``plan`` and ``contract lint`` say of a check whose engine breaks before it has seen any data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluicegate.cli.main import main
from sluicegate_adapters.engines.duckdb.engine import DuckdbEngine

CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  quality_checks:
    checks:
      - {type: not_null, column: id}
"""


@pytest.fixture
def contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(DuckdbEngine, "translate", broken)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.yaml").write_text(CONTRACT)
    return "orders.yaml"


def test_a_plan_shows_the_check(contract: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", contract]) == 0
    assert "duckdb broke while it translated the check" in " ".join(capsys.readouterr().out.split())
    assert main(["plan", contract, "--json"]) == 0
    assert "ZeroDivisionError" in json.loads(capsys.readouterr().out)["checks"][0]["error"]


def test_lint_calls_it_a_fault(contract: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "lint", contract]) == 2
    assert "duckdb broke while it translated the check" in " ".join(capsys.readouterr().out.split())
