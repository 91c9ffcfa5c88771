"""The life of a quarantined batch, as Python code sees it: replayed, released, reviewed, deleted, purged, verified, exported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sluicegate.errors import (
    BatchConflict,
    CommitStateUnknown,
    ContractError,
    StorageError,
    TransientStorageError,
    UsageError,
)
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.gate import Gate
from sluicegate.gate.items import Desk
from sluicegate.gate.ward import pacer
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.ports.target import CommitReceipt, CommitRequest
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from tests.crash.replay_shop import (
    BAD,
    FIXED,
    LATER,
    LOOSE,
    MUCH_LATER,
    NOW,
    STRICT,
    committed,
    gate_of,
    open_shop,
    sha,
    the_item,
)

Status = QuarantineStatus


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    open_shop(tmp_path)
    return tmp_path


@pytest.fixture
def gate(shop: Path) -> Gate:
    return gate_of(shop)


@pytest.fixture
def item(gate: Gate) -> Manifest:
    manifest = gate.run("strict.yaml", "bad.csv", batch_id="b1").manifest
    assert manifest
    return manifest


def rows(shop: Path) -> list[tuple[Any, ...]]:
    return duckdb.execute(f"SELECT id, amount::VARCHAR FROM '{shop}/data/orders/*/*.parquet' ORDER BY id").fetchall()


def story(gate: Gate, item: Manifest) -> list[str]:
    return [step.status.value for step in gate.quarantine_store.get(item.quarantine_id).history]


def test_a_batch_that_passes_now_is_committed_under_its_own_id(gate: Gate, item: Manifest, shop: Path) -> None:
    done = gate.replay(item.quarantine_id, "loose.yaml", by="ada")
    assert (done.passed, done.exit_code, done.manifest.status) == (True, 0, Status.REPLAYED)
    assert rows(shop) == [(1, "1.00"), (2, "-2.00"), (3, "3.00")]
    assert story(gate, item) == ["quarantined", "replaying", "replayed"]
    claim, last = done.manifest.history[-2:]
    assert (claim.by, claim.details["data_sha256"]) == ("ada", sha(BAD))
    assert (last.details["contract_version"], last.details["verdict"]["decision"]) == ("1.1.0", "commit")
    assert done.manifest.contract_version == "1.0.0", "both contracts are on record"
    found = gate.target.find("b1", dataset="orders")
    assert found
    assert (found.content_sha256, str(found.location)) == (sha(BAD), last.details["location"])
    again = gate.replay(item.quarantine_id, "loose.yaml")
    assert (again.passed, again.verdict, again.manifest) == (True, None, done.manifest)
    assert [run.action for run in gate.history.runs(contract=None, dataset=None, limit=9)].count("committed") == 1


def test_a_batch_that_fails_again_is_the_same_item_with_one_more_attempt(gate: Gate, item: Manifest, shop: Path) -> None:
    done = gate.replay(item.quarantine_id)
    assert (done.passed, done.exit_code, done.manifest.attempt) == (False, 3, 2)
    assert done.manifest.verdict == item.verdict
    assert done.manifest.history[-1].details["verdict"]["decision"] == "quarantine"
    assert (done.manifest.owner, done.manifest.lease_until) == (None, None)
    assert committed(shop) == []
    assert gate.replay(item.quarantine_id).manifest.attempt == 3
    assert gate.replay(item.quarantine_id, "loose.yaml").passed


def test_a_dry_run_judges_and_changes_nothing(gate: Gate, item: Manifest, shop: Path) -> None:
    would, would_not = (gate.replay(item.quarantine_id, contract, dry_run=True) for contract in ("loose.yaml", None))
    assert (would.passed, would.exit_code, would_not.passed, would_not.exit_code) == (True, 0, False, 3)
    assert gate.quarantine_store.get(item.quarantine_id) == item
    assert committed(shop) == []


def test_a_dry_run_foretells_that_the_target_has_other_content_under_the_batchs_id(gate: Gate, item: Manifest) -> None:
    assert gate.run("strict.yaml", "fixed.csv", batch_id="b1").action is ActionTaken.COMMITTED
    for dry_run in (True, False):
        with pytest.raises(BatchConflict, match="committed before with other content"):
            gate.replay(item.quarantine_id, "loose.yaml", dry_run=dry_run)
        assert gate.replay(item.quarantine_id, dry_run=dry_run).exit_code == 3, "its checks fail, first"


def test_a_dry_run_knows_what_is_committed_already_and_notes_nothing(gate: Gate, item: Manifest, shop: Path) -> None:
    run_blindly(shop)
    told = gate.replay(item.quarantine_id, dry_run=True)
    assert (told.passed, told.verdict, told.manifest.status) == (True, None, QuarantineStatus.REPLAYED)
    assert gate.quarantine_store.get(item.quarantine_id) == item
    assert gate.replay(item.quarantine_id).manifest.status is QuarantineStatus.REPLAYED


def test_a_repaired_file_is_committed_under_the_original_id_and_the_original_stays(
    gate: Gate, item: Manifest, shop: Path
) -> None:
    done = gate.replay(item.quarantine_id, data="fixed.csv")
    assert done.manifest.history[-1].details["data_sha256"] == sha(FIXED)
    assert rows(shop) == [(1, "1.00"), (2, "2.00"), (3, "3.00")]
    (kept,) = gate.quarantine_store.data_files(done.manifest)
    assert kept.read_text() == BAD
    again = gate.replay(item.quarantine_id, data="fixed.csv")
    assert (again.passed, again.manifest) == (True, done.manifest)
    (shop / "other.csv").write_text(FIXED.replace("2.00", "4.00"))
    with pytest.raises(UsageError, match="other data"):
        gate.replay(item.quarantine_id, data="other.csv")
    late = gate.run("strict.yaml", "bad.csv", batch_id="b1")
    assert (late.action, late.manifest, late.exit_code) == (ActionTaken.COMMITTED, done.manifest, 0)
    assert "replayed with other data since" in " ".join(late.warnings)
    assert committed(shop) == [sha(FIXED)]


def test_a_repaired_file_that_fails_leaves_all_as_it_was(gate: Gate, item: Manifest, shop: Path) -> None:
    (shop / "worse.csv").write_text(BAD.replace("1.00", "-1.00"))
    assert gate.replay(item.quarantine_id, data="worse.csv").exit_code == 3
    assert committed(shop) == []
    assert gate.replay(item.quarantine_id, data="fixed.csv").passed


@pytest.mark.parametrize("kind", ["table", "partitioned"])
def test_a_batch_that_was_not_kept_as_its_own_bytes_keeps_its_fingerprint(gate: Gate, shop: Path, kind: str) -> None:
    if kind == "table":
        batch: Any = pa.table({"id": [1], "amount": pa.array([Decimal("-1.00")], pa.decimal128(9, 2))})
    else:
        duckdb.sql("COPY (SELECT -1.00::DECIMAL(9,2) AS amount, 1 AS id) TO 'parts' (FORMAT parquet, PARTITION_BY (id))")
        batch = "parts"
    held = gate.run("strict.yaml", batch, batch_id="b2").manifest
    assert held
    assert gate.replay(held.quarantine_id, "loose.yaml").passed
    again = gate.run("loose.yaml", batch, batch_id="b2")
    assert again.receipt
    assert again.receipt.already_there, "the target knows it as what was handed in"
    assert len(committed_ids(shop)) == 1


def committed_ids(shop: Path) -> list[str]:
    return [folder.name for folder in (shop / "data" / "orders").iterdir()]


def test_release_commits_what_failed_and_says_who_and_why(gate: Gate, item: Manifest, shop: Path) -> None:
    done = gate.release(item.quarantine_id, by="ada", reason="refunds are negative")
    assert (done.manifest.status, done.exit_code, done.verdict) == (Status.RELEASED, 0, None)
    assert (done.manifest.history[-1].by, done.manifest.history[-1].why) == ("ada", "refunds are negative")
    assert rows(shop)[1] == (2, "-2.00"), "with the contract's types"
    assert gate.release(item.quarantine_id, by="bob", reason="again").manifest == done.manifest
    (record, *_) = [run for run in gate.history.runs(contract=None, dataset=None, limit=9) if run.action == "committed"]
    assert (record.decision, record.quarantine_id) == ("quarantine", item.quarantine_id)
    for empty in ({"by": " ", "reason": "x"}, {"by": "ada", "reason": ""}):
        with pytest.raises(UsageError):
            gate.release(item.quarantine_id, **empty)


def test_delete_leaves_a_tombstone_that_stays(gate: Gate, item: Manifest, shop: Path) -> None:
    stone = gate.delete(item.quarantine_id, by="ada", reason="a test delivery")
    assert gate.delete(item.quarantine_id, by="bob", reason="again") == stone
    assert story(gate, item) == ["quarantined", "deleted"]
    assert not list((shop / "held").rglob("*.csv"))
    for work in (
        lambda: gate.replay(item.quarantine_id, "loose.yaml"),
        lambda: gate.release(item.quarantine_id, by="a", reason="b"),
        lambda: gate.review(item.quarantine_id, by="a", note="b"),
        lambda: gate.export(item.quarantine_id, shop / "out"),
    ):
        with pytest.raises(UsageError, match="deleted by ada"):
            work()
    late = gate.run("loose.yaml", "bad.csv", batch_id="b1")
    assert (late.action, late.manifest, late.exit_code, late.passed) == (ActionTaken.DELETED, stone, 4, False)
    assert committed(shop) == []
    assert "deleted since" in " ".join(late.warnings)


def run_blindly(shop: Path) -> None:
    """A run that doesn't see what is in quarantine, and dies right after its commit: commits what waits there."""
    blind = gate_of(shop)
    blind.__dict__["quarantine_store"] = LocalQuarantineStore({"path": "elsewhere"}, shop)
    assert blind.run("loose.yaml", "bad.csv", batch_id="b1").action is ActionTaken.COMMITTED


def test_deleting_what_a_run_committed_meanwhile_says_so(gate: Gate, item: Manifest, shop: Path) -> None:
    run_blindly(shop)
    gate.delete(item.quarantine_id, by="ada", reason="done")
    assert story(gate, item) == ["quarantined", "replayed", "deleted"]
    assert committed(shop) == [sha(BAD)]


def test_a_replay_of_what_a_run_committed_finds_it(gate: Gate, item: Manifest, shop: Path) -> None:
    run_blindly(shop)
    done = gate.replay(item.quarantine_id)
    assert (done.manifest.status, done.verdict) == (Status.REPLAYED, None)
    assert "found in the target" in done.manifest.history[-1].why
    assert committed(shop) == [sha(BAD)]


def test_a_target_that_has_other_content_under_this_id_refuses_and_the_item_waits(gate: Gate, item: Manifest, shop: Path) -> None:
    gate.run("strict.yaml", "fixed.csv", batch_id="b1")
    with pytest.raises(BatchConflict):
        gate.replay(item.quarantine_id, "loose.yaml")
    assert story(gate, item) == ["quarantined", "replaying", "quarantined"]
    assert committed(shop) == [sha(FIXED)]
    gate.delete(item.quarantine_id, by="ada", reason="superseded")


def test_on_hold_nothing_deletes_it(gate: Gate, item: Manifest, shop: Path) -> None:
    held = gate.review(item.quarantine_id, by="ada", note="a lawsuit", hold=True)
    assert (held.status, held.held) == (Status.REVIEWED, True)
    assert gate.review(item.quarantine_id, by="bob", note="seen").held
    with pytest.raises(UsageError, match="on hold"):
        gate.delete(item.quarantine_id, by="ada", reason="x")
    late = gate_of(shop, now=MUCH_LATER)
    assert [kept.done for kept in late.purge()] == ["held"]
    gate.review(item.quarantine_id, by="ada", note="settled", hold=False)
    assert [kept.done for kept in late.purge(dry_run=True)] == ["would be deleted"]
    assert [kept.done for kept in late.purge()] == ["deleted"]
    assert list(late.purge()) == []


def test_purge_takes_what_has_expired_and_nothing_else(gate: Gate, item: Manifest, shop: Path) -> None:
    assert list(gate.purge()) == []
    gate.replay(item.quarantine_id, "loose.yaml")
    assert [kept.done for kept in gate_of(shop, now=MUCH_LATER).purge()] == ["deleted"]
    assert story(gate, item) == ["quarantined", "replaying", "replayed", "deleted"]
    assert committed(shop) == [sha(BAD)], "what is committed stays"


def test_verify_finds_what_is_damaged_and_nothing_uses_it(gate: Gate, item: Manifest, shop: Path) -> None:
    gate.run("strict.yaml", "bad.csv", batch_id="b2")
    assert [kept.done for kept in gate.verify()] == ["intact", "intact"]
    (kept,) = gate.quarantine_store.data_files(item)
    kept.write_text(BAD.replace("1.00", "9.00"))
    assert {kept.manifest.batch_id: (kept.done, kept.exit_code) for kept in gate.verify()} == {
        "b1": ("damaged", 6),
        "b2": ("intact", 0),
    }
    for work in (
        lambda: gate.replay(item.quarantine_id, "loose.yaml"),
        lambda: gate.release(item.quarantine_id, by="a", reason="b"),
        lambda: gate.export(item.quarantine_id, shop / "out"),
    ):
        with pytest.raises(StorageError, match="not what was quarantined"):
            work()
    assert committed(shop) == []
    assert gate.replay(item.quarantine_id, data="fixed.csv").passed, "a repaired file needs no kept one"


def test_export_gives_the_files_back_and_overwrites_nothing(gate: Gate, item: Manifest, shop: Path) -> None:
    (copy,) = gate.export(item.quarantine_id, shop / "out")
    assert (copy.name, copy.read_text()) == ("bad.csv", BAD)
    assert gate.export(item.quarantine_id, shop / "out") == (copy,)
    copy.write_text("mine")
    with pytest.raises(UsageError, match="another file"):
        gate.export(item.quarantine_id, shop / "out")
    assert copy.read_text() == "mine"
    assert [path.name for path in (shop / "out").iterdir()] == ["bad.csv"]


def test_exported_files_of_one_name_are_told_apart_whatever_the_others_are_called(gate: Gate, shop: Path) -> None:
    parts = ["00001-part.csv", "x/part.csv", "y/part.csv"]
    for number, name in enumerate(parts):
        (shop / name).parent.mkdir(exist_ok=True)
        (shop / name).write_text(BAD.replace("3.00", f"3.0{number}"))
    item = gate.run("strict.yaml", [str(shop / name) for name in parts], batch_id="b2").manifest
    assert item
    copies = gate.export(item.quarantine_id, shop / "out")
    assert [copy.read_text() for copy in copies] == [(shop / name).read_text() for name in parts]


@pytest.mark.parametrize("form", [list, tuple])
def test_a_repaired_delivery_of_several_files_is_read_as_the_first_was(
    gate: Gate, item: Manifest, shop: Path, form: Callable[[list[str]], object]
) -> None:
    (path,) = shop.glob("held/*/*/*/manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "options": {"null_values": ["NA"]}}))
    (shop / "1.csv").write_text("id,amount\n1,1.00\n")
    (shop / "2.csv").write_text("id,amount\n2,NA\n")
    assert gate.replay(item.quarantine_id, "loose.yaml", data=form(["1.csv", "2.csv"])).passed
    assert rows(shop) == [(1, "1.00"), (2, None)]


def test_an_item_that_does_not_say_its_clock_is_told(gate: Gate, item: Manifest, shop: Path) -> None:
    (path,) = shop.glob("held/*/*/*/manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "verdict": {}}))
    with pytest.raises(UsageError, match="by which clock"):
        gate.replay(item.quarantine_id, "loose.yaml", original_clock=True)


def test_a_contract_of_another_dataset_is_refused(gate: Gate, item: Manifest, shop: Path) -> None:
    (shop / "other.yaml").write_text(LOOSE.replace("name: orders", "name: returns"))
    with pytest.raises(UsageError, match="dataset"):
        gate.replay(item.quarantine_id, "other.yaml")
    assert gate.quarantine_store.get(item.quarantine_id) == item


def test_an_original_contract_that_is_not_whole_is_refused(gate: Gate, shop: Path) -> None:
    (shop / "asset.yaml").write_text(
        "asset:\n  name: orders\n  source_type: file\n  object: o\n  version: 1.0.0\n  data_contract:\n    enabled: true\n"
        "    contract_path: strict.yaml\n    inline_checks:\n      - {type: null_check, columns: [amount]}\n"
    )
    held = gate.run("asset.yaml", "bad.csv", batch_id="b1").manifest
    assert held
    with pytest.raises(UsageError, match="can't be had from its manifest alone"):
        gate.replay(held.quarantine_id)
    assert not gate.replay(held.quarantine_id, "asset.yaml").passed


def test_a_fault_on_the_way_leaves_the_item_waiting(gate: Gate, item: Manifest, shop: Path) -> None:
    (shop / "broken.yaml").write_text(STRICT.replace("owner", "onwer"))
    with pytest.raises(ContractError):
        gate.replay(item.quarantine_id, "broken.yaml")
    assert gate.quarantine_store.get(item.quarantine_id) == item

    class Full:
        find = gate.target.find

        def commit(self, request: CommitRequest) -> CommitReceipt:
            raise StorageError("no space left")

    broken = gate_of(shop)
    broken.__dict__["target"] = Full()
    with pytest.raises(StorageError, match="no space"):
        broken.replay(item.quarantine_id, "loose.yaml")
    assert story(gate, item) == ["quarantined", "replaying", "quarantined"]
    assert gate.replay(item.quarantine_id, "loose.yaml").passed


def test_a_commit_whose_answer_was_lost_is_found_by_the_next(gate: Gate, item: Manifest, shop: Path) -> None:
    class Deaf:
        find = gate.target.find

        def commit(self, request: CommitRequest) -> CommitReceipt:
            gate.target.commit(request)
            raise CommitStateUnknown("the answer was lost")

    deaf = gate_of(shop)
    deaf.__dict__["target"] = Deaf()
    with pytest.raises(CommitStateUnknown):
        deaf.replay(item.quarantine_id, "loose.yaml")
    assert story(gate, item) == ["quarantined", "replaying"]
    assert gate.replay(item.quarantine_id, "loose.yaml").manifest.status is Status.REPLAYED, "at once: the target has it"
    assert committed(shop) == [sha(BAD)]


def test_a_live_claim_keeps_others_out_until_its_lease_is_over(gate: Gate, item: Manifest, shop: Path) -> None:
    desk = Desk(store=gate.quarantine_store, target=gate.target, clock=lambda: NOW, lease=timedelta(minutes=5))
    desk.claim(item.quarantine_id, "replay", sha(BAD), by="dead", why="it dies")
    for work in (
        lambda: gate.replay(item.quarantine_id, "loose.yaml"),
        lambda: gate.release(item.quarantine_id, by="a", reason="b"),
        lambda: gate.delete(item.quarantine_id, by="a", reason="b"),
        lambda: gate.review(item.quarantine_id, by="a", note="b"),
    ):
        with pytest.raises(TransientStorageError, match="is being worked on"):
            work()
    assert gate_of(shop, now=LATER).replay(item.quarantine_id, "loose.yaml").passed
    assert story(gate, item) == ["quarantined", "replaying", "replaying", "replayed"]


OTHERS: list[Callable[[Gate, str], object]] = [
    lambda gate, quarantine_id: gate.replay(quarantine_id, "loose.yaml"),
    lambda gate, quarantine_id: gate.replay(quarantine_id, data="fixed.csv"),
    lambda gate, quarantine_id: gate.release(quarantine_id, by="bob", reason="b"),
]


@pytest.mark.parametrize("other", OTHERS, ids=["replay", "repaired", "release"])
def test_a_worker_that_stalls_past_its_lease_and_wakes_commits_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Callable[[Gate, str], object]
) -> None:
    origin = tmp_path / "origin"
    open_shop(origin)
    held = gate_of(origin).run(origin / "strict.yaml", origin / "bad.csv", batch_id="b1").manifest
    assert held
    at, done = 0, False
    while not done:
        at += 1
        shop = tmp_path / str(at)
        shutil.copytree(origin, shop)
        monkeypatch.chdir(shop)
        done = not _stalls(shop, held.quarantine_id, at, other)
        item = the_item(shop)
        assert item.status in {Status.REPLAYED, Status.RELEASED}
        assert committed(shop) in ([sha(BAD)], [sha(FIXED)])
        landed = next(step for step in reversed(item.history) if "location" in step.details)
        assert landed.details["data_sha256"] == committed(shop)[0]
    assert at > 10


def _stalls(shop: Path, quarantine_id: str, at: int, other: Callable[[Gate, str], object]) -> bool:
    """A replay that falls asleep at its n-th operation outside of the item's lock, for so long that another takes over."""
    seen, slept, locked = 0, False, False

    def step(operation: str, path: Path) -> AbstractContextManager[object]:
        nonlocal seen, slept, locked
        in_store = "held" in path.parts
        locked = in_store and (locked or operation == "lock")
        if operation == "lock" or not in_store:
            seen += 1
            if seen == at:
                slept = True
                other(gate_of(shop, now=LATER), quarantine_id)
        return nullcontext()

    try:
        gate_of(shop, step=step).replay(quarantine_id, "loose.yaml", by="sleeper")
    except (TransientStorageError, UsageError):
        assert slept
    return slept


def test_a_rate_is_kept() -> None:
    pauses: list[float] = []
    pace = pacer(4, pause=pauses.append)
    for _ in range(3):
        pace()
    assert pauses == [0.25, 0.25]
    with pytest.raises(UsageError):
        pacer(0)


def test_the_original_clock_is_that_of_the_verdict(gate: Gate, item: Manifest, shop: Path) -> None:
    late = gate_of(shop, now=MUCH_LATER)
    first, second = (late.replay(item.quarantine_id, original_clock=original, dry_run=True) for original in (True, False))
    assert first.verdict
    assert second.verdict
    assert (first.verdict.now, second.verdict.now) == (NOW, MUCH_LATER)


def test_manifests_of_before_there_were_details_stay_readable(item: Manifest) -> None:
    document = item.as_json()
    del document["held"]
    for step in document["history"]:
        del step["details"]
    assert Manifest.from_json(document) == replace(item, held=False)


def test_what_is_deleted_while_its_worker_sleeps_right_before_the_rename_is_on_record(
    gate: Gate, item: Manifest, shop: Path
) -> None:
    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "publish":
            gate_of(shop, now=LATER).delete(item.quarantine_id, by="bob", reason="given up")
        return nullcontext()

    done = gate_of(shop, step=step).replay(item.quarantine_id, "loose.yaml")
    assert (done.passed, done.manifest.status) == (True, Status.DELETED)
    assert "committed after all" in done.manifest.history[-1].why
    assert committed(shop) == [sha(BAD)]


def test_a_clock_without_a_zone_is_taken_for_utc(shop: Path, item: Manifest) -> None:
    gate = Gate(gate_of(shop).profile, clock=lambda: MUCH_LATER.replace(tzinfo=None))
    assert [kept.done for kept in gate.purge(dry_run=True)] == ["would be deleted"]
    assert gate.replay(item.quarantine_id, "loose.yaml").manifest.history[-1].at == MUCH_LATER.isoformat()


def test_a_late_delivery_is_kept_as_long_as_any_other(shop: Path, gate: Gate) -> None:
    item = gate.run("strict.yaml", "bad.csv", batch_id="b1", now=NOW - timedelta(days=5000)).manifest
    assert item
    assert (item.created_at, item.expires_at) == (NOW.isoformat(), (NOW + timedelta(days=7)).isoformat())
    assert item.history[0].at == NOW.isoformat()
    assert item.verdict["clock"] != item.created_at
    assert list(gate.purge()) == []
    assert [kept.done for kept in gate_of(shop, now=MUCH_LATER).purge()] == ["deleted"]


def test_a_clock_at_the_end_of_time_keeps_nobody_from_quarantining(gate: Gate) -> None:
    assert gate.run("strict.yaml", "bad.csv", batch_id="b1", now=NOW.replace(year=9999)).action is ActionTaken.QUARANTINED
