"""Partitioned Iceberg tables: each row in its partition, as any reader's pruning expects it, and rows in a stream."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, IdentityTransform, VoidTransform
from pyiceberg.types import DoubleType, LongType, NestedField, StringType, StructType, UUIDType

from sluicegate.errors import StorageError
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.targets import DATASET, commit_request
from sluicegate_adapters.targets import _iceberg_files
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.unit.targets.iceberg_tables import opened, rows, table

QUERY = """SELECT a::BIGINT AS a, CASE WHEN a % 7 = 0 THEN NULL ELSE chr(65 + (a % 3)::INTEGER) || '/ü' END AS code,
    CASE WHEN a % 11 = 0 THEN NULL ELSE TIMESTAMPTZ '1969-12-30 23:00:00+00' + to_hours(a::INTEGER) END AS moment,
    DATE '2013-01-01' + (a % 5)::INTEGER AS day, (a / 8)::DECIMAL(9, 2) AS price, ('x' || a)::BLOB AS bytes
    FROM range(100) t(a)"""
TRANSFORMS = [
    "code", "identity(day)", "truncate(1, code)", "bucket(4, code)", "bucket(4, a)", "truncate(10, a)", "truncate(100, price)",
    "bucket(5, price)", "price", "year(day)", "month(day)", "days(day)", "bucket(3, day)", "year(moment)", "month(moment)",
    "day(moment)", "hours(moment)", "bucket(6, moment)", "truncate(2, bytes)", "bucket(4, bytes)",
]  # fmt: skip


def batch(query: str = QUERY, *, rows: int = 100, batch_id: str = "b1") -> CommitRequest:
    return replace(commit_request(range(rows), batch_id=batch_id), batch=MemoryBatch(query))


def made(base: Path, schema: Schema, spec: PartitionSpec) -> None:
    with opened(base) as catalog:
        catalog.create_namespace("default")
        catalog.create_table(("default", DATASET), schema, partition_spec=spec)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_each_file_holds_the_rows_of_its_partition_and_no_others(tmp_path: Path, transform: str) -> None:
    """By pyiceberg's own transforms, row by row, where the target asks them once for each distinct value."""
    IcebergTarget({"partition_by": [transform]}, tmp_path).commit(batch())
    found = table(tmp_path)
    (field,) = found.spec().fields
    source = found.schema().find_field(field.source_id)
    partition_of = field.transform.transform(source.field_type)
    total = 0
    for task in found.scan().plan_files():
        column = pq.read_table(task.file.file_path).column(source.name)
        kept = column.cast({"timestamp": pa.int64(), "date32": pa.int32()}.get(str(column.type).split("[")[0], column.type))
        assert {partition_of(value) for value in kept.to_pylist()} == {task.file.partition[0]}
        total += len(column)
    assert total == 100
    assert rows(tmp_path) == sorted(MemoryBatch(QUERY).connect().sql("FROM batch").to_arrow_table().to_pylist(), key=str)


def test_filters_on_partitioned_columns_find_their_rows_and_skip_the_other_files(tmp_path: Path) -> None:
    IcebergTarget({"partition_by": ["day(moment)", "code", "bucket(16, a)"]}, tmp_path).commit(batch())
    found = table(tmp_path)
    everything = found.scan().to_arrow().to_pylist()
    for wanted, holds in (
        ("a = 42", lambda row: row["a"] == 42),
        ("code = 'B/ü'", lambda row: row["code"] == "B/ü"),
        ("code is null", lambda row: row["code"] is None),
        ("moment is null", lambda row: row["moment"] is None),
        ("moment = '1969-12-31T23:00:00+00:00'", lambda row: row["a"] == 24),
    ):
        scan = found.scan(row_filter=wanted)
        assert sorted(scan.to_arrow().to_pylist(), key=str) == sorted(filter(holds, everything), key=str)
        assert len(list(scan.plan_files())) < len(list(found.scan().plan_files()))


def test_the_partition_fields_have_the_names_that_icebergs_own_tools_give_them(tmp_path: Path) -> None:
    IcebergTarget({"partition_by": ["day(moment)", "code", "bucket(16, a)", "truncate(2, bytes)"]}, tmp_path).commit(batch())
    assert [(field.name, str(field.transform)) for field in table(tmp_path).spec().fields] == [
        ("moment_day", "day"),
        ("code", "identity"),
        ("a_bucket_16", "bucket[16]"),
        ("bytes_trunc_2", "truncate[2]"),
    ]


def test_the_spec_of_a_table_that_is_there_is_kept_whatever_the_profile_says(tmp_path: Path) -> None:
    schema = Schema(NestedField(1, "a", LongType()), NestedField(2, "old", StringType()))
    fields = (PartitionField(1, 1000, BucketTransform(4), "a_bucket"), PartitionField(2, 1001, VoidTransform(), "old_null"))
    made(tmp_path, schema, PartitionSpec(*fields))
    IcebergTarget({"partition_by": ["truncate(3, a)"]}, tmp_path).commit(commit_request(range(9)))
    found = table(tmp_path)
    assert [field.name for field in found.spec().fields] == ["a_bucket", "old_null"]
    assert sorted(found.scan().to_arrow().column("a").to_pylist()) == list(range(9))
    assert len(list(found.scan(row_filter="a = 5").plan_files())) == 1


def test_a_batch_without_the_partitioned_column_is_in_the_partition_of_null(tmp_path: Path) -> None:
    schema = Schema(NestedField(1, "a", LongType()), NestedField(2, "old", StringType()))
    made(tmp_path, schema, PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "old")))
    IcebergTarget({}, tmp_path).commit(commit_request(range(9)))
    (task,) = table(tmp_path).scan(row_filter="old is null").plan_files()
    assert (task.file.partition[0], task.file.record_count) == (None, 9)


NESTED = StructType(NestedField(2, "inner", LongType()))
REFUSED: list[tuple[Schema, int, str, str]] = [
    (Schema(NestedField(1, "a", DoubleType())), 1, "a", "rows can't be divided by its identity"),
    (Schema(NestedField(1, "a", LongType()), NestedField(3, "s", NESTED)), 2, "p", "of a nested or dropped column"),
]


@pytest.mark.parametrize(("schema", "source", "name", "message"), REFUSED, ids=["float", "nested"])
def test_a_spec_that_rows_cannot_be_divided_by_is_refused_by_name(
    tmp_path: Path, schema: Schema, source: int, name: str, message: str
) -> None:
    made(tmp_path, schema, PartitionSpec(PartitionField(source, 1000, IdentityTransform(), name)))
    with pytest.raises(StorageError, match=message):
        IcebergTarget({}, tmp_path).commit(commit_request([1]))
    assert table(tmp_path).snapshots() == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("nowhere", "names 'nowhere', which is no column of the batch"),
        ("day(a)", "column 'a' is long: rows can't be divided by its day"),
        ("hour(day)", "column 'day' is date: rows can't be divided by its hour"),
    ],
)
def test_a_partition_that_the_batch_cannot_have_is_refused_and_no_table_is_made(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        IcebergTarget({"partition_by": [entry]}, tmp_path).commit(batch())
    with opened(tmp_path) as catalog:
        assert catalog.list_namespaces() == []


def test_a_partition_named_as_a_column_of_the_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="makes a partition 'day_month', and the batch has a column of that name"):
        IcebergTarget({"partition_by": ["month(day)"]}, tmp_path).commit(
            batch("SELECT DATE '2013-01-01' AS day, 1 AS day_month", rows=1)
        )


@pytest.mark.parametrize("partition_by", [[], ["day(moment)"], ["moment"]], ids=["flat", "by day", "by itself"])
def test_moments_beyond_pythons_calendar_are_refused_by_the_columns_name(tmp_path: Path, partition_by: list[str]) -> None:
    query = "SELECT TIMESTAMP '12013-01-01 05:00:00' AS moment UNION ALL SELECT TIMESTAMP '2013-01-01 05:00:00'"
    with pytest.raises(StorageError, match="column 'moment' has moments beyond the year 9999"):
        IcebergTarget({"partition_by": partition_by}, tmp_path).commit(batch(query, rows=2))
    assert table(tmp_path).snapshots() == []


def test_what_waits_in_memory_and_how_many_files_are_open_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_iceberg_files, "_PENDING_BYTES", 2000)
    monkeypatch.setattr(_iceberg_files, "_OPEN_AT_MOST", 2)
    query = "SELECT a, a % 5 AS part FROM range(200000) t(a)"
    IcebergTarget({"partition_by": ["part"]}, tmp_path).commit(batch(query, rows=200_000))
    found = table(tmp_path)
    files = [task.file for task in found.scan().plan_files()]
    assert len(files) > 5  # those that had to be closed went on in another file
    assert sorted(found.scan().to_arrow().column("a").to_pylist()) == list(range(200_000))
    assert {file.partition[0] for file in files} == set(range(5))


def test_a_batch_of_too_many_partitions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_iceberg_files, "_PARTITIONS_AT_MOST", 9)
    target = IcebergTarget({"partition_by": ["a"]}, tmp_path)
    with pytest.raises(StorageError, match="more than 9 partitions"):
        target.commit(commit_request(range(10)))
    assert table(tmp_path).snapshots() == []
    assert target.commit(commit_request(range(9))).rows == 9


def test_a_table_with_a_column_of_uuids_is_refused_by_the_columns_name(tmp_path: Path) -> None:
    made(tmp_path, Schema(NestedField(1, "a", UUIDType())), PartitionSpec())
    with pytest.raises(StorageError, match="have another type: 'a'"):
        IcebergTarget({}, tmp_path).commit(batch("SELECT uuid() AS a", rows=1))


def test_the_figures_of_a_partitioned_file_are_those_of_its_rows(tmp_path: Path) -> None:
    IcebergTarget({"partition_by": ["code"]}, tmp_path).commit(batch())
    told: list[dict[str, Any]] = table(tmp_path).inspect.files().to_pylist()
    assert sum(file["record_count"] for file in told) == 100
    assert all(file["file_size_in_bytes"] == Path(file["file_path"]).stat().st_size for file in told)
