"""Real batches of every kind, as the gate opens them, through the Parquet target and the local quarantine store."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluicegate.batch.source import Batch, open_batch
from sluicegate.errors import BatchUnreadable, StorageError
from sluicegate.ports.quarantine import QuarantineRequest, quarantine_id
from sluicegate.ports.target import CommitReceipt, CommitRequest
from sluicegate.testing.quarantine import quarantine_request
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from sluicegate_adapters.targets.parquet import ParquetTarget


def write(path: Path, query: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"COPY ({query}) TO '{path}'")


def csv(folder: Path) -> object:
    write(folder / "in.csv", "SELECT range AS a, 'x' AS b FROM range(3)")
    return folder / "in.csv"


def parquet(folder: Path) -> object:
    write(folder / "in.parquet", "SELECT range AS a, 'x' AS b FROM range(3)")
    return folder / "in.parquet"


def two_parquet_files(folder: Path) -> object:
    write(folder / "in" / "2.parquet", "SELECT 2::BIGINT AS a, 'x' AS b")
    write(folder / "in" / "1.parquet", "SELECT range AS a, 'x' AS b FROM range(2)")
    return folder / "in"


def partitioned(folder: Path) -> object:
    for key in range(3):
        write(folder / "in" / f"a={key}" / "part.parquet", "SELECT 'x' AS b")
    return folder / "in"


def in_memory(_folder: Path) -> object:
    relation: Any = duckdb.sql("SELECT range AS a, 'x' AS b FROM range(3)")
    return relation.to_arrow_table() if hasattr(relation, "to_arrow_table") else relation.arrow()


SOURCES = [csv, parquet, two_parquet_files, partitioned, in_memory]


@pytest.fixture(params=SOURCES, ids=lambda make: make.__name__)
def batch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Batch]:
    make: Callable[[Path], object] = request.param
    with open_batch(make(tmp_path), batch_id="b1") as opened:
        yield opened


def commit(batch: Batch, base: Path) -> CommitReceipt:
    return ParquetTarget({}, base).commit(
        CommitRequest(
            dataset="d",
            batch_id=batch.batch_id,
            content_sha256=batch.content_sha256,
            rows=batch.rows,
            files=batch.parquet_files(),
            batch=batch.view(),
            verify=batch.check_unchanged,
        )
    )


def test_any_batch_can_be_committed_and_has_all_its_rows_and_columns(batch: Batch, tmp_path: Path) -> None:
    receipt = commit(batch, tmp_path)
    found = duckdb.execute(f"SELECT a, b FROM read_parquet('{receipt.location}/*.parquet') ORDER BY a").fetchall()
    assert [(int(a), b) for a, b in found] == [(0, "x"), (1, "x"), (2, "x")]
    assert commit(batch, tmp_path).already_there


def test_any_batch_can_be_quarantined_and_opened_again(batch: Batch, tmp_path: Path) -> None:
    files = batch.spool(tmp_path / "spool")
    sha256 = batch.content_sha256
    named = quarantine_id(tenant="default", dataset="numbers", batch_id="b1", content_sha256=sha256)
    manifest = replace(quarantine_request().manifest, content_sha256=sha256, quarantine_id=named)
    request = QuarantineRequest(
        manifest=manifest, files=files, now=datetime(2026, 1, 1, tzinfo=UTC), fingerprinted=files == batch.files
    )
    store = LocalQuarantineStore({}, tmp_path)
    kept = store.data_files(store.put(request))
    with open_batch([str(path) for path in kept], format=batch.format, batch_id="b1") as again:
        assert again.rows == 3
        assert sorted(again.schema.names) == ["a", "b"]
        assert (again.content_sha256 == batch.content_sha256) == request.fingerprinted


def test_a_csv_that_changes_between_check_and_commit_is_not_committed(tmp_path: Path) -> None:
    csv(tmp_path)
    with open_batch(tmp_path / "in.csv", batch_id="b1") as opened:
        assert opened.content_sha256
        (tmp_path / "in.csv").write_text("a,b\n9,y\n9,y\n9,y\n")
        with pytest.raises(BatchUnreadable, match="changed"):
            commit(opened, tmp_path)
    assert not (tmp_path / ".sluicegate" / "data" / "default" / "d").exists()


@contextmanager
def files_no_larger_than(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("make", [csv, parquet], ids=["written", "copied"])
def test_a_disk_that_takes_no_more_is_a_storage_error_and_nothing_is_there(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    with open_batch(make(tmp_path), batch_id="b1") as opened:
        assert opened.content_sha256
        with files_no_larger_than(100), pytest.raises(StorageError, match=r"File too large.*free some space"):
            commit(opened, tmp_path)
        data = tmp_path / ".sluicegate" / "data" / "default"
        assert [path.name for path in data.iterdir()] == [".sluicegate-staging"]
        assert list((data / ".sluicegate-staging").iterdir()) == []
        assert not commit(opened, tmp_path).already_there
