"""A run that split a batch and died: whoever recovers commits the rest, if the batch's files are still what they were."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate import Gate
from sluicegate.errors import StorageError
from sluicegate.gate.rest import rest_step
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.ports.recovery import Recovered
from tests.integration.rows_shop import LINES, committed, csv, gate_of, open_shop, the_item, wanted
from tests.integration.test_rows import half_split, hand_in, write


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.chdir(tmp_path)
    return gate_of(open_shop(tmp_path))


def finish(gate: Gate, item: Manifest, *, dry_run: bool = False) -> Recovered | None:
    found = [told for told in gate.recover(dry_run=dry_run) if told.what == "rows"]
    assert {told.where for told in found} <= {item.quarantine_id}
    return found[0] if found else None


@pytest.mark.parametrize("suffix", ["csv", "parquet", "folders"])
def test_the_rest_is_committed_from_the_batchs_own_files(gate: Gate, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    batch = "bad.csv"
    if suffix == "parquet":
        import duckdb

        columns = "columns = {'id': 'BIGINT', 'amount': 'DECIMAL(9,2)', 'note': 'VARCHAR'}"
        duckdb.sql(f"COPY (FROM read_csv('bad.csv', {columns})) TO 'bad.parquet'")
        batch = "bad.parquet"
    elif suffix == "folders":
        batch = "bad"
        ids, amounts, notes = zip(*(line.split(",") for line in LINES), strict=True)
        money = pa.array([Decimal(amount) for amount in amounts], pa.decimal128(9, 2))
        table = pa.table({"id": [int(number) for number in ids], "amount": money, "note": [note or None for note in notes]})
        for day, rows in {"1": table.slice(0, 4), "2": table.slice(4)}.items():
            Path(f"bad/day={day}").mkdir(parents=True)
            pq.write_table(rows, f"bad/day={day}/orders.parquet")
    item = half_split(gate, monkeypatch, batch)
    monkeypatch.chdir("/")
    told = finish(gate, item, dry_run=True)
    assert told is not None
    assert (told.done, told.exit_code) == ("would be finished", 0)
    assert the_item(gate) == item
    done = finish(gate, item)
    assert done is not None
    assert (done.what, done.where, done.done, done.exit_code) == ("rows", item.quarantine_id, "finished", 0)
    root = gate.profile.base
    assert committed(root) == wanted()
    step = rest_step(the_item(gate))
    assert step is not None
    assert step.details["rest_rows"] == 4
    assert finish(gate, the_item(gate)) is None, "nothing is left to do"


def test_recover_does_it_for_all_items(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    item = half_split(gate, monkeypatch)
    (told,) = [found for found in gate.recover(dry_run=True) if found.what == "rows"]
    (done,) = [found for found in gate.recover() if found.what == "rows"]
    assert (done.where, done.done) == (item.quarantine_id, "finished")
    assert (told.done, told.why) == ("would be finished", done.why)
    assert done.why.startswith("its rest was not committed yet")
    assert committed(gate.profile.base) == wanted()
    assert [found for found in gate.recover() if found.what == "rows"] == []
    assert hand_in(gate).decided_before


def test_a_dry_run_tells_what_a_run_does_also_where_committing_the_rest_would_clear_up(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_split(gate, monkeypatch)
    staged = Path("data/.sluicegate-staging", "0" * 32)
    staged.mkdir(parents=True)
    staged.with_suffix(".lock").touch()
    told = [(each.what, each.where, each.done.removeprefix("would be "), each.why) for each in gate.recover(dry_run=True)]
    done = [(each.what, each.where, each.done, each.why) for each in gate.recover()]
    assert told == done
    assert sorted(what for what, *_ in done) == ["rows", "staging folder"]


def test_the_rest_is_read_as_it_was_when_the_batch_was_split(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bad.csv").write_text(csv(LINES).replace(",", ";"))
    item = half_split(gate, monkeypatch)
    assert item.split["fields"] == [["id", "integer"], ["amount", "decimal(9,2)"], ["note", "string"]]
    done = finish(gate, item)
    assert done is not None
    assert done.done == "finished"
    assert committed(gate.profile.base) == wanted()


@pytest.mark.parametrize("how", ["changed", "gone", "in memory"])
def test_without_the_batchs_files_it_is_left_and_the_cure_is_told(gate: Gate, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    table = pa.table({"id": pa.array([1, 2], pa.int64()), "amount": pa.array([1, -2]), "note": ["a", "b"]})
    write("rows.yaml", ("min: 3", "min: 1"), ('"decimal(9,2)"', "integer"))
    item = half_split(gate, monkeypatch, table if how == "in memory" else write_small())
    if how == "changed":
        Path("small.csv").write_text("id,amount,note\n1,1,a\n2,-3,b\n")
    elif how == "gone":
        Path("small.csv").unlink()
    for dry_run in (True, False):
        told = finish(gate, item, dry_run=dry_run)
        assert told is not None
        assert (told.done, told.exit_code != 0) == ("left", True)
        assert "hand the batch in again" in told.why
    assert not list(Path().glob("data/orders/*"))


def write_small() -> str:
    Path("small.csv").write_text("id,amount,note\n1,1,a\n2,-2,b\n")
    return "small.csv"


def test_a_rest_that_was_committed_is_only_noted(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    store = gate.quarantine_store
    with monkeypatch.context() as patch:

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(store, "swap", die)
        with pytest.raises(KeyboardInterrupt):
            hand_in(gate)
    item = the_item(gate)
    assert rest_step(item) is None
    Path("bad.csv").unlink()
    done = finish(gate, item)
    assert done is not None
    assert done.done == "finished"
    assert rest_step(the_item(gate)) is not None
    assert committed(gate.profile.base) == wanted()


def test_a_note_that_cannot_be_made_changes_no_decision(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StorageError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(gate.quarantine_store, "swap", away)
        done = hand_in(gate)
    assert done.action == "split"
    assert "doesn't say yet where the rest" in " ".join(done.warnings)
    assert gate.release(the_item(gate).quarantine_id, by="ada", reason="refunds").passed, "the target knows where the rest is"


def test_a_batch_that_was_committed_whole_meanwhile_settles_the_item(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    item = half_split(gate, monkeypatch)
    real = gate.quarantine_store.get
    with monkeypatch.context() as patch:  # another worker, who doesn't see the item
        from sluicegate.errors import NoSuchItem

        def unseen(*_: object, **__: object) -> Manifest:
            raise NoSuchItem("none")

        patch.setattr(gate.quarantine_store, "get", unseen)
        fine = write("fine.yaml", ("min: 0", "min: -100"), ("columns: [id]", "columns: [id, amount]"))
        assert hand_in(gate, fine).action == "committed"
    assert real(item.quarantine_id) == item
    done = finish(gate, item)
    assert done is not None
    assert done.done == "finished"
    assert the_item(gate).status is QuarantineStatus.REPLAYED
    assert committed(gate.profile.base) == wanted(set(range(len(LINES))))


def test_other_content_under_the_batchs_id_is_told(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    item = half_split(gate, monkeypatch)
    Path("other.csv").write_text(csv(LINES[:1] + LINES[2:4]))
    assert hand_in(gate, batch="other.csv").action == "committed"
    told = finish(gate, item)
    assert told is not None
    assert (told.done, told.exit_code) == ("left", 4)


def test_whole_batches_are_not_its_business(gate: Gate) -> None:
    hand_in(gate, write("whole.yaml", ("scope: rows", "scope: batch")))
    assert finish(gate, the_item(gate)) is None
