"""What others do to a table, and what the dead leave in it: expired snapshots, rewritten files, orphans; and reading a batch back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField

from sluicegate.errors import BatchConflict, ConfigError, StorageError, TransientStorageError
from sluicegate.ports.fingerprint import files_sha256
from sluicegate.ports.recovery import Recoverable
from sluicegate.ports.target import CommitRequest, Readable
from sluicegate.testing.recovery import RecoveryConformance, RecoverySite
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.targets import _iceberg_snapshots
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.unit.quarantine.test_recovery import files_below, stopped_at
from tests.unit.targets.iceberg_tables import opened, table, values

WAREHOUSE = Path(".sluicegate/iceberg/warehouse/default") / DATASET
LATER = datetime.now(UTC) + timedelta(hours=1)


def one(value: int, *, sha256: str = "ab" * 32) -> CommitRequest:
    return commit_request([value], batch_id=f"b/{value}", sha256=sha256)


def expire(base: Path, keep: int = 1) -> None:
    with opened(base) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        snapshots = sorted(loaded.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)
        loaded.maintenance.expire_snapshots().by_ids([snapshot.snapshot_id for snapshot in snapshots[:-keep]]).commit()


@pytest.fixture
def good_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens within seconds here happens on days else; a disk and a catalog have one clock here."""
    monkeypatch.setattr(_iceberg_snapshots, "_CLOCKS_DIFFER", timedelta(0))


@pytest.mark.parametrize("settings", [{}, {"partition_by": ["bucket(2, a)"]}], ids=["flat", "partitioned"])
def test_a_batch_whose_snapshot_was_expired_is_known_by_its_files(tmp_path: Path, settings: dict[str, Any]) -> None:
    target = IcebergTarget(settings, tmp_path)
    target.commit(one(1))
    target.commit(one(2, sha256="cd" * 32))
    target.commit(one(3))
    expire(tmp_path)
    assert len(table(tmp_path).snapshots()) == 1
    for again in (target, IcebergTarget(settings, tmp_path)):
        receipt = again.find("b/2", dataset=DATASET)
        assert receipt is not None
        assert (receipt.content_sha256, receipt.rows) == ("cd" * 32, 1)
        assert again.commit(one(1)).already_there
    with pytest.raises(BatchConflict):
        target.commit(one(1, sha256="ef" * 32))
    assert target.find("b/4", dataset=DATASET) is None
    assert not target.commit(one(4)).already_there
    assert values(tmp_path) == [1, 2, 3, 4]


def test_a_chain_that_was_cut_in_the_middle_is_still_one_history(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    for value in (1, 2, 3):
        target.commit(one(value))
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.maintenance.expire_snapshots().by_id(loaded.snapshots()[1].snapshot_id).commit()
    assert target.commit(one(1)).already_there
    assert target.commit(one(2)).already_there
    assert values(tmp_path) == [1, 2, 3]


@pytest.mark.usefixtures("good_clocks")
def test_a_rolled_back_batch_is_not_found_by_files_that_no_snapshot_refers_to(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(one(1))
    target.commit(one(2))
    target.commit(one(3))
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.manage_snapshots().rollback_to_snapshot(loaded.snapshots()[1].snapshot_id).commit()
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.maintenance.expire_snapshots().by_id(loaded.snapshots()[0].snapshot_id).commit()
    assert target.find("b/3", dataset=DATASET) is None
    assert target.find("b/1", dataset=DATASET) is not None
    assert not target.commit(one(3)).already_there
    assert values(tmp_path) == [1, 2, 3]


def rewritten_and_expired(base: Path) -> None:
    """What a compaction does, and the upkeep after it."""
    with opened(base) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.overwrite(loaded.scan().to_arrow())
    expire(base)


def aged(base: Path, by: timedelta = timedelta(hours=1)) -> None:
    """Let all data files be older than they are."""
    for file in data(base):
        os.utime(file, (file.stat().st_mtime - by.total_seconds(),) * 2)


def test_a_batch_that_may_have_been_committed_before_all_that_is_known_is_refused(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(one(1))
    aged(tmp_path)
    rewritten_and_expired(tmp_path)
    assert target.find("b/1", dataset=DATASET) is None
    with pytest.raises(StorageError, match=r"may be in default\.numbers already") as caught:
        target.commit(one(1))
    folder = Path((caught.value.hint or "").partition("remove ")[2].partition(" and run")[0])
    assert not target.commit(one(2)).already_there
    told = list(target.recover(older_than=LATER))
    assert {found.done for found in told} == {"left"}
    shutil.rmtree(folder)
    assert not target.commit(one(1)).already_there
    assert values(tmp_path) == [1, 1, 2]  # somebody said so


@pytest.mark.usefixtures("good_clocks")
def test_an_attempt_that_came_to_nothing_is_repeated_though_snapshots_were_expired(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(one(1))
    target.commit(one(2))
    expire(tmp_path)
    breaks_off(tmp_path, "write snapshot", one(3))
    assert not target.commit(one(3)).already_there
    assert values(tmp_path) == [1, 2, 3]


def test_a_table_that_somebody_else_made_becomes_the_table_of_one_dataset_with_its_first_batch(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.create_namespace("default")
        catalog.create_table(("default", "all"), Schema(NestedField(1, "a", LongType())))
    target = IcebergTarget({"table": "all"}, tmp_path)
    target.commit(one(1))
    assert table(tmp_path, "all").properties["sluicegate.dataset"] == DATASET
    with pytest.raises(ConfigError, match="is of dataset 'numbers'"):
        target.commit(replace(one(1), dataset="another"))


def test_a_committed_batch_can_be_read_back_from_its_own_files(tmp_path: Path) -> None:
    target = IcebergTarget({"partition_by": ["bucket(2, a)"]}, tmp_path)
    target.commit(commit_request(range(9), batch_id="b1"))
    target.commit(commit_request([100], batch_id="b2"))
    files = target.files("b1", dataset=DATASET)
    assert len(files) == 2
    assert sorted(value for file in files for value in pq.read_table(file).column("a").to_pylist()) == list(range(9))
    assert isinstance(target, Readable)
    assert target.files("b3", dataset=DATASET) == ()
    target.commit(commit_request([], batch_id="b0"))
    assert target.files("b0", dataset=DATASET) == ()


def test_a_batch_whose_files_were_rewritten_cannot_be_read_back(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(one(1))
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.overwrite(loaded.scan().to_arrow())
    assert target.files("b/1", dataset=DATASET) == ()


def breaks_off(base: Path, operation: str, request: CommitRequest) -> None:
    """A commit that comes to nothing at an operation."""

    def step(seen: str, path: Path) -> AbstractContextManager[object]:
        if seen == operation:
            raise OSError(errno.EIO, "broken", str(path))
        return nullcontext()

    with pytest.raises(StorageError):
        IcebergTarget({}, base, step=step).commit(request)


def data(base: Path) -> list[Path]:
    return sorted((base / WAREHOUSE / "data").rglob("*.parquet"))


@pytest.mark.usefixtures("good_clocks")
def test_recovery_removes_data_files_that_no_snapshot_refers_to_and_no_others(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(one(1))
    target.commit(one(2))
    kept = data(tmp_path)
    foreign = tmp_path / WAREHOUSE / "data" / "00000-0-somebody-elses.parquet"
    foreign.write_bytes(b"?")
    expire(tmp_path)
    breaks_off(tmp_path, "write snapshot", one(3))
    (orphan,) = set(data(tmp_path)) - {*kept, foreign}
    before = datetime.now(UTC) - timedelta(hours=1)
    assert list(target.recover(older_than=before)) == []
    (told,) = target.recover(older_than=LATER, dry_run=True)
    assert (told.what, told.where, told.done) == ("orphan file", str(orphan), "would be removed")
    assert orphan.exists()
    (told,) = target.recover(older_than=LATER)
    assert (told.done, told.bytes > 0) == ("removed", True)
    assert set(data(tmp_path)) == {*kept, foreign}
    assert list(target.recover(older_than=LATER)) == []
    assert not target.commit(one(3)).already_there
    assert values(tmp_path) == [1, 2, 3]


def test_files_of_a_branch_and_of_a_tag_are_no_orphans(tmp_path: Path) -> None:
    target = IcebergTarget({"branch": "audit"}, tmp_path)
    target.commit(one(1))
    IcebergTarget({}, tmp_path).commit(one(2))
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.manage_snapshots().create_tag(loaded.metadata.refs["audit"].snapshot_id, "kept").commit()
        loaded = catalog.load_table(("default", DATASET))
        loaded.manage_snapshots().remove_branch("audit").commit()
    assert list(target.recover(older_than=LATER)) == []
    assert len(data(tmp_path)) == 2


def test_recovery_leaves_the_files_of_a_commit_that_is_being_made(tmp_path: Path) -> None:
    told: list[str] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "commit":
            told.extend(found.done for found in IcebergTarget({}, tmp_path).recover(older_than=LATER))
        return nullcontext()

    IcebergTarget({}, tmp_path, step=step).commit(one(1))
    assert told == ["left"]
    assert values(tmp_path) == [1]


def test_a_dead_attempts_files_that_are_published_again_meanwhile_stay(tmp_path: Path) -> None:
    files = tuple(parquet_file(tmp_path / f"{value}.parquet", [value]) for value in (1, 2, 3))
    request = commit_request([1, 2, 3], files=files, sha256=files_sha256(files))

    breaks_off(tmp_path, "write snapshot", request)
    assert len(data(tmp_path)) == 3
    recovery = IcebergTarget({}, tmp_path).recover(older_than=datetime.now(UTC))
    assert next(recovery).done == "removed"
    IcebergTarget({}, tmp_path).commit(request)
    assert [told.what for told in recovery] == []
    assert values(tmp_path) == [1, 2, 3]


def test_recovery_removes_the_staging_folders_of_the_dead(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(one(1))
    staging = tmp_path / WAREHOUSE / ".sluicegate-staging"
    (staging / "dead").mkdir()
    (staging / "dead" / "part-00000.parquet").write_bytes(b"half")
    (staging / "dead.lock").touch()
    assert [found.done for found in target.recover(older_than=LATER, dry_run=True)] == ["would be removed"]
    (told,) = target.recover(older_than=LATER)
    assert (told.what, told.where) == ("staging folder", str(staging / "dead"))
    assert list(staging.iterdir()) == []


def test_tables_that_no_batch_was_committed_to_are_not_looked_into(tmp_path: Path) -> None:
    IcebergTarget({"table": "chosen"}, tmp_path).commit(one(1))
    with opened(tmp_path) as catalog:
        catalog.create_table(("default", "foreign"), Schema(NestedField(1, "a", LongType())))
    folder = tmp_path / ".sluicegate/iceberg/warehouse/default"
    for name in ("chosen", "foreign"):
        path = folder / name / "data" / "b" / f"{'0' * 64}-00000-{'0' * 32}.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"?")
    (told,) = IcebergTarget({}, tmp_path).recover(older_than=LATER)
    assert "/chosen/" in told.where


def test_data_files_that_vanish_before_the_commit_stop_it(tmp_path: Path) -> None:
    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "write snapshot":
            for file in data(tmp_path):
                file.unlink()
        return nullcontext()

    with pytest.raises(TransientStorageError, match="were removed: nothing was committed"):
        IcebergTarget({}, tmp_path, step=step).commit(one(1))
    assert values(tmp_path) == []


def test_a_catalog_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr(SqlCatalog, "list_namespaces", away)
    with pytest.raises(TransientStorageError, match="tables can't be listed"):
        list(IcebergTarget({}, tmp_path).recover(older_than=LATER))


class IcebergSite:
    """A table with a batch in it, and data files of attempts that came to nothing."""

    def __init__(self, base: Path) -> None:
        self.base = base
        IcebergTarget({}, base).commit(one(1))

    @property
    def place(self) -> Recoverable:
        return IcebergTarget({}, self.base)

    def leave(self) -> None:
        for name in ("b2", "b3/part=1"):
            path = self.base / WAREHOUSE / "data" / name / f"{'0' * 64}-00000-{'0' * 32}.parquet"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"half")

    def living(self) -> AbstractContextManager[object]:
        return stopped_at("commit", lambda step: IcebergTarget({}, self.base, step=step).commit(one(2)))

    def lying(self) -> Mapping[str, bytes]:
        return files_below(self.base / WAREHOUSE)

    def served(self) -> object:
        return values(self.base)


class TestIcebergTargetClearsUp(RecoveryConformance):
    @pytest.fixture
    def site(self, tmp_path: Path) -> RecoverySite:
        return IcebergSite(tmp_path)
