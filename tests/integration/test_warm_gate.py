"""One gate for many batches: what it keeps ready makes it quicker, and changes no answer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread

import duckdb
import pytest

from sluicegate import Gate, Outcome
from sluicegate.config import load_profile
from sluicegate.errors import EngineError

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
