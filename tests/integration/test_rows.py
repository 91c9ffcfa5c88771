"""Row scope, end to end: a batch is split, its rest committed, its broken rows replayed beside it; and what comes of crashes between."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate import Gate, RunOutcome
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.errors import BatchConflict, StorageError, TransientStorageError, UsageError
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.merge import ALONE, MERGED
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Engine, Result, RunContext
from sluicegate.ports.quarantine import CHECKS_COLUMN, ROW_COLUMN, Manifest, QuarantineStatus
from sluicegate.ports.target import CommitRequest, Readable
from sluicegate.verdict.model import Outcome
from tests.integration.rows_shop import (
    BROKEN,
    CONTRACT,
    LINES,
    NOW,
    REST,
    TARGETS,
    committed,
    csv,
    gate_of,
    open_shop,
    the_item,
    wanted,
)

FLIGHTS = Path(__file__).parents[2] / "contracts" / "flights"
REPAIRED = ["2,2.00,b", "5,5.00,e", "6,5.50,f"]


@pytest.fixture(params=TARGETS)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    monkeypatch.chdir(tmp_path)
    return open_shop(tmp_path, request.param)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return open_shop(tmp_path)


def hand_in(gate: Gate, contract: str = "rows.yaml", batch: Any = "bad.csv", **options: Any) -> RunOutcome:
    return gate.run(contract, batch, batch_id="b1", **options)


def write(name: str, *changes: tuple[str, str], base: str = CONTRACT) -> str:
    for old, new in changes:
        assert old in base
        base = base.replace(old, new)
    Path(name).write_text(base)
    return name


def kept(gate: Gate, item: Manifest) -> pa.Table:
    (file,) = gate.quarantine_store.data_files(item)
    return pq.read_table(file)


def dies(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> None:
    """The next commit dies before it does anything."""

    def die(_: CommitRequest) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gate.target, "commit", die)


def half_split(gate: Gate, monkeypatch: pytest.MonkeyPatch, batch: Any = "bad.csv") -> Manifest:
    """What a run leaves that dies between the item and the rest."""
    with monkeypatch.context() as patch:
        dies(patch, gate)
        with pytest.raises(KeyboardInterrupt):
            hand_in(gate, batch=batch)
    return the_item(gate)


def test_the_broken_rows_wait_and_the_rest_is_committed(shop: Path) -> None:
    gate = gate_of(shop)
    done = hand_in(gate)
    assert (done.action, done.exit_code, done.passed, done.decided_before) == (ActionTaken.SPLIT, 0, True, False)
    assert committed(shop) == wanted()
    item = the_item(gate)
    assert (item.scope, item.rows, item.batch_rows, item.status) == ("rows", 3, 7, QuarantineStatus.QUARANTINED)
    table = kept(gate, item)
    assert table[ROW_COLUMN].to_pylist() == BROKEN
    assert table["id"].to_pylist() == [2, 5, 5]
    names = {check.check.fingerprint: check.check.name for check in done.verdict.outcomes}
    broke = [[names[fingerprint] for fingerprint in checks] for checks in table[CHECKS_COLUMN].to_pylist()]
    positive, unique = "amounts are positive", "ids are unique"
    assert [sorted(found) for found in broke] == [[positive], [unique], [positive, unique]]
    assert done.parts is not None
    assert {name: rows for _, name, rows in done.parts.checks} == {positive: 2, unique: 2}
    found = gate.target.find("b1", dataset="orders")
    assert found is not None
    assert (found.rows, found.content_sha256) == (4, done.verdict.batch_sha256)


def test_the_same_batch_again_is_told_the_first_decision(shop: Path) -> None:
    gate = gate_of(shop)
    first = hand_in(gate)
    for contract in (
        "rows.yaml",
        "loose.yaml",
        write("whole.yaml", ("scope: rows", "scope: batch"), ("max_quarantined: 60 %", "s3_prefix: x")),
    ):
        again = hand_in(gate, contract, now=NOW + timedelta(days=1))
        assert (again.action, again.decided_before, again.exit_code, again.warnings[1:]) == (ActionTaken.SPLIT, True, 0, ())
        assert again.manifest is not None
        assert first.manifest is not None
        assert again.manifest.quarantine_id == first.manifest.quarantine_id
        assert again.parts is not None
        assert (again.parts.committed, again.parts.quarantined) == (4, 3)
    assert committed(shop) == wanted()
    (shop / "other.csv").write_text(csv(LINES[:-1]))
    with pytest.raises(BatchConflict):
        hand_in(gate, batch="other.csv")


def test_a_check_says_what_a_run_would_do_and_does_nothing(local: Path) -> None:
    gate = gate_of(local)
    told = gate.check("rows.yaml", "bad.csv", batch_id="b1")
    assert (told.action, told.exit_code) == (ActionTaken.CHECKED, 0)
    assert told.as_document()["split"]["rows_quarantined"] == 3
    assert not (local / "held").exists()
    assert not (local / "data").exists()


def test_the_rows_are_replayed_beside_the_rest_and_judged_with_it(shop: Path) -> None:
    gate = gate_of(shop)
    hand_in(gate)
    item = the_item(gate)
    again = gate.replay(item.quarantine_id)
    judged, rows = (MERGED, 7) if isinstance(gate.target, Readable) else (ALONE, 3)
    assert (again.passed, again.judged, again.manifest.attempt) == (False, judged, 2)
    assert again.verdict is not None
    assert again.verdict.rows == rows
    fine = write("fine.yaml", ("min: 0", "min: -100"), ("columns: [id]", "columns: [id, amount]"))
    done = gate.replay(item.quarantine_id, fine, by="ada")
    assert (done.passed, done.judged, done.manifest.status) == (True, judged, QuarantineStatus.REPLAYED)
    assert committed(shop) == wanted(set(range(len(LINES)))), "each row once"
    assert done.receipt is not None
    assert done.receipt.rows == 3
    assert gate.replay(item.quarantine_id).receipt is None, "it is at rest"
    late = hand_in(gate)
    assert (late.action, late.exit_code) == (ActionTaken.SPLIT, 0)
    assert "replayed since" in " ".join(late.warnings)
    assert committed(shop) == wanted(set(range(len(LINES))))


def test_the_history_counts_each_committed_row_once(local: Path) -> None:
    gate = gate_of(local)
    hand_in(gate)
    gate.release(the_item(gate).quarantine_id, by="ada", reason="refunds")
    hand_in(gate)
    since, until = ((NOW + timedelta(days=days)).isoformat() for days in (-1, 1))
    counted = gate.history.committed_rows_between("orders", since, until, tenant="default", excluding_batch_id="none")
    assert counted == len(LINES)


@pytest.mark.parametrize("extra", [False, True])
def test_a_repaired_file_with_or_without_what_the_quarantine_added_is_merged(local: Path, extra: bool) -> None:
    gate = gate_of(local)
    hand_in(gate)
    item = the_item(gate)
    if extra:
        (file,) = gate.export(item.quarantine_id, local / "out")
        data = local / "fixed.parquet"
        duckdb.sql(
            f"COPY (SELECT * REPLACE (abs(amount)::DECIMAL(9,2) AS amount, (id + (id = 5 AND amount < 0)::INT)::BIGINT AS id) FROM '{file}') TO '{data}'"
        )
    else:
        data = local / "fixed.csv"
        data.write_text(csv(REPAIRED))
    done = gate.replay(item.quarantine_id, data=str(data))
    assert (done.passed, done.judged, done.verdict is not None and done.verdict.rows) == (True, MERGED, 7)
    assert sorted(number for number, *_ in committed(local)) == [1, 2, 3, 4, 5, 6, 7]
    names = pq.read_schema(next(local.glob("data/orders/batch=b1.rows-*/part-*.parquet"))).names
    assert names == ["id", "amount", "note"], "nothing of the quarantine's own gets into the target"
    again = gate.replay(item.quarantine_id, data=str(data))
    assert again.manifest == done.manifest
    (local / "other.csv").write_text(csv(REPAIRED[:1]))
    with pytest.raises(UsageError, match="other data"):
        gate.replay(item.quarantine_id, data="other.csv")


def test_repaired_rows_that_would_break_the_merged_batch_are_not_committed(local: Path) -> None:
    gate = gate_of(local)
    hand_in(gate)
    (local / "fixed.csv").write_text(csv(["1,2.00,b"]))
    done = gate.replay(the_item(gate).quarantine_id, data="fixed.csv")
    assert (done.passed, done.judged) == (False, MERGED)
    assert committed(local) == wanted(), "the order 1 is in the rest already"


def test_where_the_rest_cannot_be_read_the_rows_are_judged_alone_and_that_is_said(
    local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of(local)
    hand_in(gate)
    monkeypatch.setattr(gate.target, "files", lambda *_, **__: (), raising=True)
    (local / "fixed.csv").write_text(csv(REPAIRED))
    done = gate.replay(the_item(gate).quarantine_id, data="fixed.csv")
    assert (done.passed, done.judged) == (True, ALONE)
    assert done.verdict is not None
    skipped = {item.check.name: item.message for item in done.verdict.outcomes if item.outcome is Outcome.SKIPPED}
    assert list(skipped) == ["there are orders"]
    assert "held on the rest" in skipped["there are orders"]
    assert done.as_document()["judged"] == ALONE
    assert "keys that the rest has, too, were not looked for" in " ".join(done.warnings)


def test_release_commits_the_rows_as_they_are(shop: Path) -> None:
    gate = gate_of(shop)
    hand_in(gate)
    done = gate.release(the_item(gate).quarantine_id, by="ada", reason="refunds")
    assert done.manifest.status is QuarantineStatus.RELEASED
    assert committed(shop) == wanted(set(range(len(LINES))))


def test_what_was_split_may_be_deleted_and_the_rest_stays(shop: Path) -> None:
    gate = gate_of(shop)
    hand_in(gate)
    gate.delete(the_item(gate).quarantine_id, by="ada", reason="noise")
    late = hand_in(gate)
    assert late.action is ActionTaken.SPLIT
    assert "broken rows of this batch were quarantined before, and have been deleted since" in " ".join(late.warnings)
    assert committed(shop) == wanted()


def test_rows_that_were_replayed_are_not_told_as_given_up_when_their_copies_are(local: Path) -> None:
    gate = gate_of(local)
    hand_in(gate)
    gate.release(the_item(gate).quarantine_id, by="ada", reason="they are right")
    gate.delete(the_item(gate).quarantine_id, by="ada", reason="done with it")
    late = hand_in(gate)
    assert "have been released since, and what was kept is deleted" in " ".join(late.warnings)
    assert committed(local) == wanted(set(range(len(LINES))))


WHOLE: dict[str, tuple[tuple[tuple[str, str], ...], str]] = {
    "over the limit": ((("60 %", "40 %"),), "at most 40 % may be"),
    "over the limit in rows": ((("60 %", "2"),), "3 rows of 7 break the contract, at most 2 rows"),
    "a dataset-level check fails": ((("min: 3", "min: 9"),), "there are orders names no rows"),
    "a native check fails": ((("{type: row_count, name: there are orders, min: 3}", "{type: row_count, min: 1}"), ("  violation", "    soda: {checks: [row_count > 9]}\n  violation")), "names no rows"),
    "the rest would not pass": ((("min: 3", "min: 5"),), "the rest would not pass either (there are orders: failed)"),
    "no row passes": ((("min: 0", "min: 100"),), "no row of it passes"),
    "rows that DuckDB cannot tell": ((("{type: range, name: amounts are positive, column: amount, min: 0}", "{type: pattern, column: note, pattern: '^(?=[a-f])', engine: great_expectations}"),), "DuckDB can't tell"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_what_cannot_be_split_is_quarantined_whole_and_says_why(local: Path, case: str) -> None:
    changes, why = WHOLE[case]
    gate = gate_of(local)
    done = hand_in(gate, write("other.yaml", *changes))
    assert (done.action, done.exit_code, done.parts) == (ActionTaken.QUARANTINED, 3, None)
    assert why in done.verdict.reasons[-1]
    item = the_item(gate)
    assert (item.scope, item.rows, item.split) == ("batch", 7, {})
    assert item.reason.endswith(done.verdict.reasons[-1])
    assert not (local / "data").exists()


class Miscounting:
    """An engine that finds one row less than there are."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.versions, self.translate = engine.name, engine.versions, engine.translate
        self._engine = engine

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterator[Result]:
        for result in self._engine.run(checks, batch, context):
            yield replace(result, failing=result.failing - 1 if result.failing else result.failing)


def test_a_batch_whose_broken_rows_the_engine_counted_otherwise_is_not_split(
    local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of(local)
    monkeypatch.setitem(gate.engines._loaded, "duckdb", Miscounting(gate.engines["duckdb"]))
    done = hand_in(gate)
    assert done.action is ActionTaken.QUARANTINED
    assert "amounts are positive: duckdb counted 1, and 2 rows could be found" in done.verdict.reasons[-1]
    assert (the_item(gate).scope, the_item(gate).rows) == ("batch", 7)
    assert not (local / "data").exists()


def test_a_batch_in_memory_is_split_too(local: Path) -> None:
    gate = gate_of(local)
    table = pa.table(
        {
            "id": pa.array([1, 2, 3, 4], pa.int64()),
            "amount": pa.array([Decimal(1), Decimal(-2), Decimal(3), Decimal(4)], pa.decimal128(9, 2)),
            "note": ["a"] * 4,
        }
    )
    done = hand_in(gate, batch=table)
    assert (done.action, the_item(gate).rows) == (ActionTaken.SPLIT, 1)
    assert sorted(number for number, *_ in committed(local)) == [1, 3, 4]
    assert hand_in(gate, batch=table).decided_before


def test_a_batch_with_a_column_of_our_own_name_is_not_split(local: Path) -> None:
    (local / "own.csv").write_text(csv(LINES).replace("note", ROW_COLUMN))
    done = hand_in(
        gate_of(local),
        write("own.yaml", ("name: note", f"name: {ROW_COLUMN}"), ("column: note", f"column: {ROW_COLUMN}")),
        "own.csv",
    )
    assert done.action is ActionTaken.QUARANTINED
    assert "a name that the gate uses itself" in done.verdict.reasons[-1]


def test_a_rest_that_was_not_committed_is_so_by_the_same_batch_again(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(shop)
    item = half_split(gate, monkeypatch)
    assert item.status is QuarantineStatus.QUARANTINED
    assert gate.target.find("b1", dataset="orders") is None
    again = hand_in(gate, "loose.yaml", now=NOW + timedelta(days=1))
    assert (again.action, again.decided_before) == (ActionTaken.SPLIT, True), "the item says which rows, whatever holds today"
    assert committed(shop) == wanted()


def test_the_rows_go_nowhere_before_their_rest_is_committed(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(local)
    item = half_split(gate, monkeypatch)
    work: list[Callable[[], object]] = [
        lambda: gate.replay(item.quarantine_id, "loose.yaml"),
        lambda: gate.replay(item.quarantine_id, "loose.yaml", dry_run=True),
        lambda: gate.release(item.quarantine_id, by="a", reason="b"),
        lambda: gate.delete(item.quarantine_id, by="a", reason="b"),
    ]
    for step in work:
        with pytest.raises(TransientStorageError, match="not committed yet") as raised:
            step()
        assert "hand the batch in again" in raised.value.hint
    for dry_run in (True, False):
        (held,) = gate_of(local, NOW + timedelta(days=30)).purge(dry_run=dry_run)
        assert (held.done, held.exit_code) == ("failed", 6)
    assert gate.review(item.quarantine_id, by="ada", note="seen").status is QuarantineStatus.REVIEWED
    assert hand_in(gate).action is ActionTaken.SPLIT
    assert committed(local) == wanted()


def test_a_rest_that_can_never_be_committed_does_not_keep_its_rows_for_ever(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(local)
    item = half_split(gate, monkeypatch)
    (local / "other.csv").write_text(csv(LINES[:1] + LINES[2:4]))
    assert hand_in(gate, batch="other.csv").action is ActionTaken.COMMITTED
    with pytest.raises(TransientStorageError):
        gate.release(item.quarantine_id, by="a", reason="b")
    assert gate.delete(item.quarantine_id, by="a", reason="b").status is QuarantineStatus.DELETED


def test_a_batch_that_was_committed_whole_is_not_split_afterwards(shop: Path) -> None:
    gate = gate_of(shop)
    fine = write("fine.yaml", ("min: 0", "min: -100"), ("columns: [id]", "columns: [id, amount]"))
    assert hand_in(gate, fine).action is ActionTaken.COMMITTED
    late = hand_in(gate)
    assert (late.action, late.exit_code) == (ActionTaken.COMMITTED, 4)
    assert list(gate.quarantine_store.list()) == []
    assert committed(shop) == wanted(set(range(len(LINES))))


def test_a_run_that_commits_the_whole_batch_meanwhile_settles_the_rows(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(shop)
    fine = write("fine.yaml", ("min: 0", "min: -100"), ("columns: [id]", "columns: [id, amount]"))
    store = gate.quarantine_store
    put = store.put

    def put_and_lose(request: Any) -> Manifest:
        """The whole batch is committed by another worker who did not see the item yet."""
        other = gate_of(shop)
        assert hand_in(other, fine).action is ActionTaken.COMMITTED
        return put(request)

    monkeypatch.setattr(store, "put", put_and_lose)
    done = hand_in(gate)
    assert done.action is ActionTaken.COMMITTED
    item = the_item(gate)
    assert item.status is QuarantineStatus.REPLAYED
    assert "a run of the gate had committed it" in item.history[-1].why
    assert committed(shop) == wanted(set(range(len(LINES)))), "no row twice"


def test_a_split_that_is_quicker_than_a_commit_of_the_whole_stands(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(shop)
    fine = write("fine.yaml", ("min: 0", "min: -100"), ("columns: [id]", "columns: [id, amount]"))
    commit = gate.target.commit

    def commit_second(request: CommitRequest) -> Any:
        """After this worker's last look: it can't have seen the item."""
        assert request.verify is not None
        request.verify()
        assert hand_in(gate_of(shop)).action is ActionTaken.SPLIT
        return commit(replace(request, verify=None))

    monkeypatch.setattr(gate.target, "commit", commit_second)
    done = hand_in(gate, fine)
    assert (done.action, done.decided_before, done.exit_code) == (ActionTaken.SPLIT, True, 0)
    assert committed(shop) == wanted(), "its own whole batch came too late"


def test_two_who_split_differently_commit_one_rest(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(local)
    store = gate.quarantine_store
    put = store.put

    def put_second(request: Any) -> Manifest:
        other = gate_of(local)
        assert hand_in(other, "loose.yaml").action is ActionTaken.SPLIT
        return put(request)

    monkeypatch.setattr(store, "put", put_second)
    done = hand_in(gate)
    assert (done.action, done.decided_before) == (ActionTaken.SPLIT, True)
    assert the_item(gate).rows == 2, "the loose contract was first"
    assert committed(local) == wanted({0, 1, 2, 3, 6})


def test_a_rest_that_the_target_has_forgotten_is_not_committed_again(local: Path) -> None:
    gate = gate_of(local)
    hand_in(gate)
    (local / "data").rename(local / "away")
    late = hand_in(gate)
    assert late.action is ActionTaken.SPLIT
    assert "not committed again" in " ".join(late.warnings)
    assert not list(local.glob("data/orders/*"))


def test_rows_that_do_not_fit_the_batch_commit_nothing(local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_of(local)
    item = half_split(gate, monkeypatch)
    strange = replace(item, batch_rows=9)
    monkeypatch.setattr(gate.quarantine_store, "get", lambda *_, **__: strange)
    with pytest.raises(StorageError, match="don't fit"):
        hand_in(gate)
    assert not list(local.glob("data/orders/*"))


def test_a_day_of_snow_is_split_and_comes_together_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """930 real departures, half of them cancelled: checks of four engines hold on those that flew."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FLIGHTS, "flights")
    contract = Path("flights/contract.yaml")
    contract.write_text(contract.read_text().replace("retention_days: 30\n", "retention_days: 30\n      scope: rows\n"))
    Path("gate.yaml").write_text(TARGETS["parquet"] + REST + "engines: {python: {rules: [flights/rules]}}\n")
    day = Path("flights/data/2013-02-08.parquet")
    gate = gate_of(tmp_path, datetime(2013, 2, 9, 10, tzinfo=UTC))
    done = gate.run(contract, day, batch_id="2013-02-08")
    assert done.parts is not None
    assert {name: rows for _, name, rows in done.parts.checks} == {"flight was not cancelled": 472, "tail number is known": 161}
    assert done.receipt is not None
    assert pq.read_table(Path(done.receipt.location) / "part-00000.parquet").num_rows == done.receipt.rows == 458
    told = gate.replay(the_item(gate).quarantine_id, contract, dry_run=True)
    assert (told.passed, told.judged) == (False, MERGED)
    assert told.verdict is not None
    assert [(item.check.name, item.failing) for item in told.verdict.outcomes if item.outcome is Outcome.FAILED] == [
        ("flight was not cancelled", 472),
        ("tail number is known", 161),
    ], "as the whole batch was judged"
    gate.release(the_item(gate).quarantine_id, contract, by="ada", reason="it snowed")
    found = "SELECT * EXCLUDE (batch) FROM read_parquet('data/flights/*/*.parquet', hive_partitioning = true)"
    apart = f"(FROM ({found}) EXCEPT ALL FROM '{day}') UNION ALL (FROM '{day}' EXCEPT ALL FROM ({found}))"
    assert duckdb.execute(f"SELECT count(*) FROM ({apart})").fetchall() == [(0,)], "the day, each flight once"


def test_an_order_that_only_the_batch_had_does_not_keep_its_rows_out(local: Path) -> None:
    gate = gate_of(local)
    check = "{type: unique, name: ids are unique, columns: [id]}"
    hand_in(gate, write("order.yaml", (check, "{type: monotonic, name: ids rise, column: id, direction: increasing}")))
    item = the_item(gate)
    (local / "fixed.csv").write_text(csv(["2,2.00,b", "6,5.50,f"]))
    done = gate.replay(item.quarantine_id, data="fixed.csv")
    assert (done.passed, done.judged) == (True, MERGED)
    assert done.verdict is not None
    (skipped,) = [found for found in done.verdict.outcomes if found.outcome is Outcome.SKIPPED]
    assert (skipped.check.name, "no place in its order" in skipped.message) == ("ids rise", True)


TYPES = """
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  schema: [{name: key, type: uuid}, {name: at, type: timestamp_tz}, {name: big, type: "decimal(38,0)"}, {name: amount, type: double}]
  quality_checks: {checks: [{type: range, column: amount, min: 0}]}
  violation_handling: {quarantine: {scope: rows}}
"""


def test_rows_come_back_with_the_types_of_their_batch(shop: Path) -> None:
    columns = (
        "format('d3b07384-d9a0-4c9b-8f5e-{:012d}', i)::UUID AS key, '2024-01-01 12:00:00+00'::TIMESTAMPTZ AS at, "
        "i::DECIMAL(38,0) AS big, CASE i % 3 WHEN 0 THEN 'nan'::DOUBLE ELSE i END AS amount, [i, NULL] AS list, {'a': i} AS struct, 'x'::BLOB AS bytes"
    )
    table = duckdb.sql(f"SELECT {columns} FROM range(9) t(i)")
    (shop / "types.yaml").write_text(TYPES)
    gate = gate_of(shop)
    done = hand_in(gate, "types.yaml", table)
    assert (done.action, the_item(gate).rows) == (ActionTaken.SPLIT, 3), "NaN breaks a range"
    told = gate.replay(the_item(gate).quarantine_id, "types.yaml", dry_run=True)
    assert told.verdict is not None
    failed = [item.check.name for item in told.verdict.outcomes if item.outcome in {Outcome.FAILED, Outcome.ERRORED}]
    assert failed == ["range(amount)"], "a UUID is one again, not a text"
    assert gate.release(the_item(gate).quarantine_id, by="ada", reason="NaN is fine").passed
