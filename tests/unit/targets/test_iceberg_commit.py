"""What an Iceberg commit does when the catalog refuses it, loses its answer, or is not what was expected."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from sqlalchemy import event
from sqlalchemy.engine import Engine

from sluicegate.errors import BatchConflict, CommitStateUnknown, ConfigError, PluginError, StorageError, TransientStorageError
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.targets import iceberg
from sluicegate_adapters.targets.iceberg import IcebergTarget, once
from tests.unit.targets.iceberg_tables import opened, table, values


class Refusing(Exception):
    """What some catalog's client raises."""


def answers_lost(monkeypatch: pytest.MonkeyPatch, error: Exception, *, after: bool) -> list[int]:
    """Let the catalog's next commit of a snapshot raise, before or after it is made; how often it was asked."""
    asked: list[int] = []
    commit_table = SqlCatalog.commit_table

    def commit(self: SqlCatalog, *arguments: Any) -> Any:
        asked.append(1)
        if len(asked) > 1:
            return commit_table(self, *arguments)
        if after:
            commit_table(self, *arguments)
        raise error

    monkeypatch.setattr(SqlCatalog, "commit_table", commit)
    return asked


def test_a_commit_whose_answer_is_lost_is_found_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers_lost(monkeypatch, Refusing("connection reset"), after=True)
    receipt = IcebergTarget({}, tmp_path).commit(commit_request([1, 2]))
    assert (receipt.rows, receipt.already_there, len(asked)) == (2, False, 1)
    assert values(tmp_path) == [1, 2]


def test_a_commit_that_is_said_to_be_refused_but_was_made_is_found_with_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers_lost(monkeypatch, CommitFailedException("a proxy sent it twice"), after=True)
    receipt = IcebergTarget({}, tmp_path).commit(commit_request([1, 2]))
    assert (receipt.already_there, len(asked)) == (False, 1)
    assert values(tmp_path) == [1, 2]  # pyiceberg left alone would have deleted the manifests


def test_a_commit_of_which_nothing_is_known_is_said_to_be_that_and_may_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_lost(monkeypatch, Refusing("connection reset"), after=False)
    with pytest.raises(CommitStateUnknown, match="not known whether batch 'b1' was committed"):
        IcebergTarget({}, tmp_path).commit(commit_request([1, 2]))
    assert values(tmp_path) == []
    assert not IcebergTarget({}, tmp_path).commit(commit_request([1, 2])).already_there
    assert values(tmp_path) == [1, 2]


def test_a_refused_commit_is_made_again_on_what_is_there_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers_lost(monkeypatch, CommitFailedException("somebody was first"), after=False)
    assert not IcebergTarget({}, tmp_path).commit(commit_request([1, 2])).already_there
    assert (len(asked), values(tmp_path)) == (2, [1, 2])


def test_a_commit_that_always_loses_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise CommitFailedException("somebody was first")

    monkeypatch.setattr(SqlCatalog, "commit_table", never)
    monkeypatch.setattr(iceberg, "_ATTEMPTS", 3)
    with pytest.raises(TransientStorageError, match="3 times somebody else"):
        IcebergTarget({}, tmp_path).commit(commit_request([1]))


def test_pyiceberg_commits_once_and_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test of what we rely on inside pyiceberg: it fails where a new version repeats or cleans up in another way."""
    IcebergTarget({}, tmp_path).commit(commit_request([1]))
    asked: list[int] = []

    def refuse(*_: Any) -> None:
        asked.append(1)
        raise CommitFailedException("somebody was first")

    monkeypatch.setattr(SqlCatalog, "commit_table", refuse)
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        transaction = loaded.transaction()
        transaction.add_files([], check_duplicate_files=False)
        metadata = Path(loaded.location()) / "metadata"
        before = sorted(metadata.iterdir())
        once(loaded, transaction)
        assert loaded.metadata.properties["commit.retry.num-retries"] == "0"
        with pytest.raises(CommitFailedException):
            transaction.commit_transaction()
    assert len(asked) == 1
    assert sorted(metadata.iterdir()) == before
    assert "commit.retry.num-retries" not in table(tmp_path).properties


def racing(operation_to_precede: str, hook: Callable[[], object]) -> Callable[[str, Path], AbstractContextManager[object]]:
    """A step that lets somebody else in just before an operation, once."""
    done: list[str] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == operation_to_precede and not done:
            done.append(operation)
            hook()
        return nullcontext()

    return step


@pytest.mark.parametrize("operation", ["ensure table", "write snapshot", "commit"])
def test_who_loses_the_race_with_the_same_content_finds_it_there(tmp_path: Path, operation: str) -> None:
    other = IcebergTarget({}, tmp_path)
    step = racing(operation, lambda: other.commit(commit_request([1, 2])))
    assert IcebergTarget({}, tmp_path, step=step).commit(commit_request([1, 2])).already_there
    assert values(tmp_path) == [1, 2]


def test_who_loses_the_race_with_other_content_is_told(tmp_path: Path) -> None:
    other = IcebergTarget({}, tmp_path)
    step = racing("commit", lambda: other.commit(commit_request([3], sha256="cd" * 32)))
    with pytest.raises(BatchConflict, match="other content"):
        IcebergTarget({}, tmp_path, step=step).commit(commit_request([1, 2]))
    assert values(tmp_path) == [3]


def test_a_table_that_loses_its_snapshots_by_a_rollback_takes_the_batch_again(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(commit_request([1], batch_id="b1"))
    target.commit(commit_request([2], batch_id="b2", sha256="cd" * 32))
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.manage_snapshots().rollback_to_snapshot(loaded.snapshots()[0].snapshot_id).commit()
    assert target.find("b2", dataset=DATASET) is None
    assert not target.commit(commit_request([2], batch_id="b2", sha256="cd" * 32)).already_there
    assert values(tmp_path) == [1, 2]


def test_parquet_files_that_fit_are_copied_byte_by_byte(tmp_path: Path) -> None:
    files = tuple(parquet_file(tmp_path / f"{name}.parquet", [number]) for number, name in enumerate("ba"))
    IcebergTarget({}, tmp_path).commit(commit_request([0, 1], files=files))
    kept = sorted((tmp_path / ".sluicegate/iceberg/warehouse/default/numbers/data/b1").iterdir())
    assert [path.read_bytes() for path in kept] == [file.read_bytes() for file in files]
    assert values(tmp_path) == [0, 1]


def test_nothing_is_left_in_staging(tmp_path: Path) -> None:
    IcebergTarget({}, tmp_path).commit(commit_request([1]))
    assert list((tmp_path / ".sluicegate/iceberg/warehouse/default/numbers/.sluicegate-staging").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "x"}, "unknown setting 'path'"),
        ({"namespace": "a/b"}, "target.namespace can't be"),
        ({"table": "{batch}"}, "target.table can't be"),
        ({"table": 3}, "target.table can't be"),
        ({"catalog": "x"}, "target.catalog must be a mapping"),
        ({"catalog": {"uri": ""}}, "target.catalog.uri must be a text"),
        ({"branch": "a b"}, "target.branch can't be 'a b'"),
        ({"branch": 7}, "target.branch can't be 7"),
        ({"branch": "audit", "publish": "yes"}, "target.publish must be true or false"),
        ({"staging": ""}, "target.staging must be a path"),
        ({"partition_by": "day(a)"}, "must be a list of texts"),
        ({"partition_by": ["week(a)"]}, "unknown transform 'week'"),
        ({"partition_by": ["bucket(a)"]}, "partition_by can't be 'bucket"),
        ({"partition_by": ["bucket(0, a)"]}, "divides by nothing"),
        ({"partition_by": ["day(3, a)"]}, "partition_by can't be 'day"),
        ({"partition_by": ["a", "identity(a)"]}, "names a partition twice"),
        ({"partition_by": ["day(a)", "hour(a)"]}, "two units of time"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        IcebergTarget(settings, tmp_path)


def test_a_catalog_of_ones_own_is_used_and_its_relative_paths_start_at_the_profile(tmp_path: Path) -> None:
    catalog = {"name": "lake", "uri": "sqlite:///mine.sqlite", "warehouse": "house"}
    target = IcebergTarget({"catalog": catalog, "namespace": "raw", "table": "{tenant}_{dataset}"}, tmp_path)
    (tmp_path / "house").mkdir()
    assert target.commit(commit_request([1])).location.startswith("iceberg:lake.raw.default_numbers@")
    assert (tmp_path / "mine.sqlite").exists()
    assert (tmp_path / "house" / "raw" / "default_numbers").is_dir()


def test_a_table_of_another_dataset_is_not_written_to(tmp_path: Path) -> None:
    target = IcebergTarget({"table": "all"}, tmp_path)
    target.commit(commit_request([1]))
    with pytest.raises(ConfigError, match="is of dataset 'numbers'"):
        target.commit(commit_request([2], dataset="another"))
    assert target.find("b1", dataset="another") is None


def test_a_warehouse_that_is_neither_on_a_disk_nor_in_s3_is_refused(tmp_path: Path) -> None:
    IcebergTarget({}, tmp_path).commit(commit_request([1], batch_id="b0"))
    (metadata,) = (tmp_path / ".sluicegate/iceberg/warehouse/default/numbers/metadata").glob("00001-*.json")
    document = json.loads(metadata.read_text())
    document["location"] = "gs://lake/numbers"
    metadata.write_text(json.dumps(document))
    with pytest.raises(StorageError, match="to local disks and to S3"):
        IcebergTarget({}, tmp_path).commit(commit_request([1]))


def test_a_catalog_that_cannot_be_opened_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    target = IcebergTarget({"catalog": {"uri": "sqlite:///file/catalog.sqlite", "warehouse": "house"}}, tmp_path)
    with pytest.raises(StorageError, match="can't be opened") as caught:
        target.find("b1", dataset=DATASET)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("uri", ["odd://me:hunter2@db/x", "postgresql+nothing://me:hunter2@db/x"])
def test_a_password_in_the_catalogs_uri_stands_in_no_message(tmp_path: Path, uri: str) -> None:
    with pytest.raises(StorageError, match="can't be opened") as caught:
        IcebergTarget({"catalog": {"uri": uri}}, tmp_path).find("b1", dataset=DATASET)
    with pytest.raises(ConfigError) as misplaced:
        IcebergTarget({"catalog": uri}, tmp_path)
    assert "hunter2" not in f"{caught.value} {misplaced.value}"


def test_without_pyiceberg_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiceberg.catalog", None)
    with pytest.raises(PluginError, match=r"sluicegate\[iceberg\]"):
        IcebergTarget({}, tmp_path).find("b1", dataset=DATASET)


def test_a_batch_whose_rows_are_gone_from_the_check_is_refused_before_the_commit(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="1 rows were staged where 2 were checked"):
        IcebergTarget({}, tmp_path).commit(replace(commit_request([1]), rows=2))


def test_everything_is_on_disk_before_the_catalog_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = tmp_path / ".sluicegate" / "iceberg" / "warehouse"
    synced: set[int] = set()  # a file may have been synced under another name
    not_yet: list[set[str]] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def committing(*_: Any) -> None:
        there = [path for path in warehouse.rglob("*") if ".sluicegate-staging" not in str(path)]
        not_yet.append({str(path) for path in there if path.stat().st_ino not in synced})

    monkeypatch.setattr(os, "fsync", noting)
    event.listen(Engine, "commit", committing)
    try:
        IcebergTarget({}, tmp_path).commit(commit_request([1, 2]))
    finally:
        event.remove(Engine, "commit", committing)
    assert len(not_yet) >= 3  # the namespace, the table, the snapshot
    assert set().union(*not_yet) == set()
    assert {path.suffix for path in warehouse.rglob("*.*") if path.is_file()} == {".json", ".avro", ".parquet"}
