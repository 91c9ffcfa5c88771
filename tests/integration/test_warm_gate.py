"""One gate for many batches: what it keeps ready makes it quicker, and changes no answer."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread

import duckdb
import pytest

from sluicegate import Gate, Outcome, load_contract
from sluicegate.config import load_profile
from sluicegate.contract.model import Contract
from sluicegate.errors import ContractError, EngineError

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
HEAD = """\
data_contract:
  name: {name}
  version: 1.0.0
  owner: shop
  quality_checks:
    checks:
      - {{type: not_null, column: id}}
      - {{type: unique, columns: [id]}}
      - {{type: range, column: amount, min: 0, max: {most}}}
"""
OWN_SQL = """\
      - {type: metric_query, name: greedy, query: "SELECT count(*) FROM 'other.parquet'", min: 0}
"""


def write(path: Path, query: str) -> Path:
    duckdb.sql(f"COPY ({query}) TO '{path}'")
    return path


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.yaml").write_text(HEAD.format(name="orders", most=1000))
    write(tmp_path / "good.parquet", "SELECT i AS id, i * 1.5 AS amount FROM range(20) t(i)")
    write(tmp_path / "other.parquet", "SELECT 1 AS secret")
    return tmp_path


@pytest.fixture
def gate(shop: Path) -> Gate:
    return Gate(load_profile(None), clock=lambda: NOW)


def failing(gate: Gate, batch: str, contract: str = "orders.yaml") -> list[int | None]:
    return [item.failing for item in gate.check(contract, batch).verdict.outcomes]


def test_a_closed_gate_leaves_no_folder_behind_and_still_works(shop: Path) -> None:
    (shop / "gate.yaml").write_text("batch: {temp_directory: spill}\n")
    with Gate.from_config("gate.yaml") as gate:
        assert gate.run("orders.yaml", "good.parquet", batch_id="b1").exit_code == 0
        assert len(list((shop / "spill").iterdir())) == 1, "a database waits for the next batch"
    assert not list((shop / "spill").iterdir())
    assert gate.run("orders.yaml", "good.parquet", batch_id="b2").exit_code == 0
    assert not list((shop / "spill").iterdir())


def test_sql_of_an_author_reaches_no_file_however_many_batches_came_before(gate: Gate, shop: Path) -> None:
    (shop / "greedy.yaml").write_text(HEAD.format(name="greedy", most=1000) + OWN_SQL)
    for _ in range(2):
        assert gate.check("orders.yaml", "good.parquet").exit_code == 0
        greedy = gate.check("greedy.yaml", "good.parquet")
        assert [item.outcome for item in greedy.verdict.outcomes] == [Outcome.PASSED] * 3 + [Outcome.ERRORED]


def test_a_batch_that_was_opened_without_a_seal_is_not_shown_to_sql_of_an_author(gate: Gate, shop: Path) -> None:
    (shop / "greedy.yaml").write_text(HEAD.format(name="greedy", most=1000) + OWN_SQL)
    calm, greedy = gate._contract("orders.yaml"), gate._contract("greedy.yaml")
    with gate._open(calm, "good.parquet", None, None) as batch, pytest.raises(EngineError, match="must not see it"):
        gate._judge(greedy, batch, NOW, lambda _: None)


def test_threads_that_share_a_gate_get_the_answers_of_their_own_batches(gate: Gate, shop: Path) -> None:
    for bad in range(4):
        rows = f"SELECT CASE WHEN i < {bad} THEN NULL ELSE i END AS id, CASE WHEN i < {2 * bad} THEN -1.0 ELSE i END AS amount"
        write(shop / f"{bad}.parquet", f"{rows} FROM range(50) t(i)")
        (shop / f"{bad}.yaml").write_text(HEAD.format(name=f"c{bad}", most=49 - bad))
    together, wrong = Barrier(4), []

    def work(bad: int) -> None:
        together.wait()
        for _ in range(6):
            found = failing(gate, f"{bad}.parquet", f"{bad}.yaml")
            if found != [bad, 0, 3 * bad]:
                wrong.append((bad, found))

    threads = [Thread(target=work, args=(bad,)) for bad in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def rewrite(path: Path, old: str, new: str) -> None:
    """Change a file and leave its size, its times and its place as they were."""
    before = path.stat()
    assert len(old) == len(new)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


JOB = "tenant_id: acme\nenvironment: test\nasset_path: asset.yaml\n"
ASSET = """\
asset:
  name: sales
  source_type: postgres
  object: sales
  version: "1"
  data_contract:
    enabled: true
    contract_path: whole.yaml
    inline_checks:
      - {type: range_check, column: amount, max: 99}
"""
WHOLE = """\
data_contract:
  name: sales
  version: 1.0.0
  owner: shop
  quality_checks:
    checks:
      - type: range
        column: id
        max: ${HIGHEST_ID:-19}
    great_expectations:
      expectation_suite: ./suite.json
"""
SUITE = """\
{"name": "s", "expectations": [{"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount", "min_value": 0}}]}
"""


@pytest.fixture
def chain(shop: Path) -> Path:
    for name, content in {"job.yaml": JOB, "asset.yaml": ASSET, "whole.yaml": WHOLE, "suite.json": SUITE}.items():
        (shop / name).write_text(content)
    return shop


def planned(gate: Gate) -> Contract:
    return gate.plan("job.yaml", now=NOW).contract


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("job.yaml", "acme", "ecma"),
        ("asset.yaml", "max: 99", "max: 98"),
        ("whole.yaml", "-19}", "-18}"),
        ("suite.json", '"min_value": 0', '"max_value": 9'),
    ],
)
def test_a_contract_is_read_anew_when_any_of_its_files_changed_even_with_its_size_and_times(
    gate: Gate, chain: Path, file: str, old: str, new: str
) -> None:
    before = planned(gate)
    assert planned(gate) is before, "nothing changed"
    rewrite(chain / file, old, new)
    after = planned(gate)
    assert after is not before
    assert after == load_contract("job.yaml")
    assert after != before


def test_a_contract_is_read_anew_when_a_variable_changes_that_it_has_a_default_for(
    gate: Gate, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planned(gate)
    monkeypatch.setenv("HIGHEST_ID", "7")
    changed = planned(gate)
    assert changed.sha256 != before.sha256
    assert changed == load_contract("job.yaml")
    monkeypatch.delenv("HIGHEST_ID")
    assert planned(gate) == before


def test_a_contract_by_a_relative_path_is_the_one_of_the_working_directory(
    gate: Gate, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = planned(gate)
    (chain / "other").mkdir()
    for name, content in {"job.yaml": JOB, "asset.yaml": ASSET, "whole.yaml": WHOLE, "suite.json": SUITE}.items():
        (chain / "other" / name).write_text(content.replace("acme", "other"))
    monkeypatch.chdir(chain / "other")
    assert (before.tenant, planned(gate).tenant) == ("acme", "other")


def test_a_file_that_went_or_broke_is_a_fault_and_no_memory_of_it_helps(gate: Gate, chain: Path) -> None:
    before = planned(gate)
    (chain / "suite.json").rename(chain / "away.json")
    with pytest.raises(ContractError, match="no suite file"):
        planned(gate)
    (chain / "away.json").rename(chain / "suite.json")
    assert planned(gate) == before
    (chain / "asset.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ContractError, match="UTF-8"):
        planned(gate)


def test_relative_times_are_resolved_anew_in_each_run(gate: Gate, shop: Path) -> None:
    checks = "      - {type: range, column: at, max: now}\n      - {type: not_null, column: at}\n"
    (shop / "times.yaml").write_text(HEAD.format(name="times", most=1000).partition("      - ")[0] + checks)
    write(shop / "times.parquet", "SELECT TIMESTAMP '2026-01-02 12:00:00' + to_hours(i) AS at FROM range(10) t(i)")
    moments = (NOW, NOW + timedelta(hours=4), NOW + timedelta(hours=9), NOW)
    found = [gate.check("times.yaml", "times.parquet", now=moment).verdict.outcomes[0].failing for moment in moments]
    assert found == [9, 5, 0, 9]


def test_batches_of_changing_shape_are_each_planned_by_their_own_columns(gate: Gate, shop: Path) -> None:
    write(shop / "text.parquet", "SELECT 'a' || i AS id, i * 1.5 AS amount FROM range(20) t(i)")
    write(shop / "less.parquet", "SELECT i AS id FROM range(20) t(i)")
    write(shop / "date.parquet", "SELECT i AS id, DATE '2026-01-01' AS amount FROM range(20) t(i)")
    for name in ("good", "text", "less", "good", "date", "less", "good"):
        cold = Gate(load_profile(None), clock=lambda: NOW)
        warm, fresh = (one.check("orders.yaml", f"{name}.parquet").verdict for one in (gate, cold))
        assert warm == fresh, name
        assert (warm.outcomes[2].outcome is Outcome.ERRORED) == (name in {"less", "date"})
