"""What ``contract lint`` and ``doctor`` say of the file of notifications that the profile names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluicegate.cli.main import main

CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  schema: [{name: id}]
  violation_handling:
    notification:
      channels: [email, slak]
"""
EMAIL = "channels:\n  email: {smtp: localhost, sender: gate@example.com, recipients: [a@example.com, b@example.com, c@example.com, d@example.com]}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLUICEGATE_NOTIFICATIONS", "notifications.yaml")
    for name in ("orders.yaml", "again.yaml"):
        (tmp_path / name).write_text(CONTRACT)
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = main([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def findings(capsys: pytest.CaptureFixture[str], code: int) -> dict[str, tuple[str, str]]:
    """What ``doctor`` finds of what follows the history."""
    got, found = typed(capsys, "doctor")
    assert got == code
    names = [item["name"] for item in found["findings"]]
    return {item["name"]: (item["status"], item["detail"]) for item in found["findings"][names.index("history") + 1 :]}


def test_lint_looks_at_the_file_once_and_at_each_contracts_channels(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "notifications.yaml").write_text(
        EMAIL + "  slack: {enabled: no, webhook_url: https://hooks.slack.com/services/T/B/x}\n"
    )
    code, found = typed(capsys, "contract", "lint", "orders.yaml", "again.yaml")
    assert code == 0
    told = {Path(each["file"]).name: [(item["line"], item["hint"]) for item in each["warnings"]] for each in found["files"]}
    assert told == {
        "orders.yaml": [(8, "did you mean 'slack'?")],
        "again.yaml": [(8, "did you mean 'slack'?")],
        "notifications.yaml": [(3, "put it into a variable: ${WEBHOOK_URL}")],
    }


def test_lint_refuses_a_faulty_file_and_tells_what_its_names_say_all_the_same(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "notifications.yaml").write_text(EMAIL.replace("sender", "sendr"))
    code, found = typed(capsys, "contract", "lint", "orders.yaml")
    assert code == 2
    contract, people = found["files"]
    assert ([item["message"] for item in contract["warnings"]], contract["faults"]) == (
        ["the channel 'slak' is not defined: nobody is told by it"],
        [],
    )
    assert [(item["line"], item["message"].startswith("the channel 'email': sender")) for item in people["faults"]] == [(2, True)]


def test_lint_of_a_contract_tells_that_the_file_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = typed(capsys, "contract", "lint", "orders.yaml")
    assert (code, here.exists()) == (2, True)
    assert [item["message"] for item in found["files"][1]["faults"]] == ["there is no such file"]


def test_lint_does_not_look_at_people_before_a_contract_can_be_read(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "orders.yaml").write_text("data_contract: {}")
    code, found = typed(capsys, "contract", "lint", "orders.yaml")
    assert code == 2
    assert [each["file"] for each in found["files"]] == ["orders.yaml"]


def test_doctor_opens_each_channel_and_counts_what_waits(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "notifications.yaml").write_text(
        EMAIL + "  later: {type: slack, enabled: no}\n  named: {type: email, smtp: localhost, sender: g@example.com}\n"
    )
    found = findings(capsys, 0)
    assert found.pop("notifications") == ("ok", f"{here / 'notifications.yaml'}: 3 channels")
    assert found == {
        "channel email": ("ok", "email: a@example.com, b@example.com, c@example.com and 1 more"),
        "channel later": ("ok", "slack, not enabled"),
        "channel named": ("advice", "email: it reaches whom a contract names, and nobody otherwise"),
        "outbox": ("ok", "0 alerts and 0 messages waiting, 0 messages given up"),
    }


def test_doctor_says_what_is_wrong_with_the_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "notifications.yaml").write_text(EMAIL.replace("localhost", "{host: localhost, port: many}"))
    found = findings(capsys, 2)
    assert found["notifications"] == (
        "broken",
        f"{here / 'notifications.yaml'}:2:41: the channel 'email': port: must be a port's number",
    )
    assert "outbox" in found


def test_without_a_file_doctor_says_that_nobody_is_told(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICEGATE_NOTIFICATIONS")
    assert here.exists()
    assert findings(capsys, 0) == {"notifications": ("ok", "nobody is told: the profile names no file of notifications")}
