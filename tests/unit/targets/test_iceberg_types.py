"""What an Iceberg table keeps of a batch: every value as it was, or a refusal that names the column."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.schema import Schema
from pyiceberg.types import DoubleType, IntegerType, LongType, NestedField, StringType

from sluicegate.errors import StorageError
from sluicegate.ports.fingerprint import files_sha256
from sluicegate.ports.target import CommitReceipt, CommitRequest
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.targets import DATASET, commit_request
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.unit.targets.iceberg_tables import opened, table


def written(query: str, *, batch_id: str = "b1", rows: int = 1) -> CommitRequest:
    return replace(commit_request(range(rows), batch_id=batch_id), batch=MemoryBatch(query))


def delivered(file: Path, content: pa.Table, *, batch_id: str = "b1") -> CommitRequest:
    """A request with a Parquet file of its own, opened as the gate opens it."""
    parquet.write_table(content, file)
    return replace(
        commit_request(range(content.num_rows), batch_id=batch_id),
        files=(file,),
        content_sha256=files_sha256([file]),
        batch=MemoryBatch(f"SELECT * FROM read_parquet('{file}')"),
    )


def test_every_value_is_kept_as_it_was(tmp_path: Path) -> None:
    query = """SELECT true AS yes, 1::UTINYINT AS tiny, -5::SMALLINT AS small, 4294967295::UINTEGER AS u32, 9007199254740993::BIGINT AS big,
        18446744073709551615::UBIGINT AS u64, 12345678901234567890123456789::HUGEINT AS huge, 0.10::DECIMAL(10, 2) AS d, 1.5::FLOAT AS f,
        'NaN'::DOUBLE AS nan, DATE '2013-01-01' AS day, TIME '10:00:00.000001' AS t, TIMESTAMP '2013-01-01 00:00:00.000001' AS ts,
        TIMESTAMPTZ '2013-01-01 01:00:00+01' AS moment, TIMESTAMP_NS '2013-01-01 00:00:00.000001' AS ns, 'ä' AS text, '' AS empty,
        NULL::VARCHAR AS nothing, 'a'::ENUM('a', 'b') AS one_of, '\\x00\\xFF'::BLOB AS bytes, ['x', NULL] AS texts,
        {'a': 1, 'b': [1.5]} AS nested, MAP {'k': 1} AS mapped, [1, 2]::INTEGER[2] AS pair"""
    IcebergTarget({}, tmp_path).commit(written(query))
    (row,) = table(tmp_path).scan().to_arrow().to_pylist()
    nan = row.pop("nan")
    assert nan != nan  # noqa: PLR0124 - NaN
    assert row == {
        "yes": True, "tiny": 1, "small": -5, "u32": 4294967295, "big": 9007199254740993, "u64": Decimal(18446744073709551615),
        "huge": Decimal(12345678901234567890123456789), "d": Decimal("0.10"), "f": 1.5, "day": date(2013, 1, 1),
        "t": time(10, 0, 0, 1), "ts": datetime(2013, 1, 1, 0, 0, 0, 1), "moment": datetime(2013, 1, 1, tzinfo=UTC),
        "ns": datetime(2013, 1, 1, 0, 0, 0, 1), "text": "ä", "empty": "", "nothing": None, "one_of": "a", "bytes": b"\x00\xff",
        "texts": ["x", None], "nested": {"a": 1, "b": [Decimal("1.5")]}, "mapped": [("k", 1)], "pair": [1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("TIMETZ '10:00:00+02'", "Parquet keeps no"),
        ("INTERVAL 1 DAY", "Parquet keeps no"),
        ("'101'::BIT", "Parquet keeps no"),
        ("union_value(n := 1)", "Iceberg keeps no"),
        ("NULL", "has no type"),
        ("TIMESTAMP_NS '2013-01-01 00:00:00.000000001'", "not every value of timestamp.ns. fits"),
        ("170141183460469231731687303715884105727::HUGEINT", "not every value of decimal128.38, 0. fits"),
        ("{'a': INTERVAL 1 DAY}", "Parquet keeps no"),
    ],
)
def test_what_iceberg_cannot_keep_is_refused_by_name(tmp_path: Path, kind: str, message: str) -> None:
    with pytest.raises(StorageError, match=f"column 'odd one'.*{message}"):
        IcebergTarget({}, tmp_path).commit(written(f'SELECT {kind} AS "odd one"'))
    assert IcebergTarget({}, tmp_path).find("b1", dataset=DATASET) is None


@pytest.mark.parametrize("column", ["a.b", "1st", "select", "ä b", 'q"uote', "x/y", "a b%c"])
def test_any_column_name_is_a_name(tmp_path: Path, column: str) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(delivered(tmp_path / "a.parquet", pa.table({column: [1]})))
    quoted = column.replace('"', '""')
    target.commit(replace(written(f'SELECT 2::BIGINT AS "{quoted}"', batch_id="b2"), content_sha256="cd" * 32))
    kept = table(tmp_path).scan().to_arrow()
    assert kept.column_names == [column]
    assert sorted(kept.column(0).to_pylist()) == [1, 2]


def bytes_kept(base: Path, request: CommitRequest) -> bool:
    """Whether the table's data file is the delivered one, byte by byte."""
    IcebergTarget({}, base).commit(request)
    (kept,) = (base / ".sluicegate/iceberg/warehouse/default/numbers/data/b1").iterdir()
    return kept.read_bytes() == request.files[0].read_bytes()


def test_a_file_of_plain_columns_is_copied(tmp_path: Path) -> None:
    content = pa.table({"a": [1], "s": ["x"], "t": pa.array([datetime(2013, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))})
    assert bytes_kept(tmp_path, delivered(tmp_path / "a.parquet", content))
    assert table(tmp_path).scan().to_arrow().to_pylist() == content.to_pylist()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**32 - 1], pa.uint32()),
        pa.array([datetime(2013, 1, 1)], pa.timestamp("ms")),
        pa.array([[1, 2]]),
        pa.array(["x"]).dictionary_encode(),
        pa.array([datetime(2013, 1, 1, 1)], pa.timestamp("us", "Europe/Berlin")),
    ],
)
def test_a_file_whose_types_iceberg_does_not_have_is_written_anew(tmp_path: Path, column: pa.Array) -> None:
    content = pa.table({"a": column})
    assert not bytes_kept(tmp_path, delivered(tmp_path / "a.parquet", content))
    assert table(tmp_path).scan().to_arrow().to_pylist() == content.to_pylist()


def test_field_ids_of_somebody_elses_table_do_not_swap_columns(tmp_path: Path) -> None:
    fields = [pa.field(name, pa.int64(), metadata={b"PARQUET:field_id": str(id_).encode()}) for name, id_ in (("a", 2), ("b", 1))]
    content = pa.table([[1], [2]], schema=pa.schema(fields))
    assert not bytes_kept(tmp_path, delivered(tmp_path / "a.parquet", content))
    assert table(tmp_path).scan().to_arrow().to_pylist() == [{"a": 1, "b": 2}]


def test_a_name_mapping_that_does_not_know_all_columns_is_not_relied_on(tmp_path: Path) -> None:
    schema = Schema(NestedField(1, "a", LongType()), NestedField(2, "b", LongType()))
    with opened(tmp_path) as catalog:
        catalog.create_namespace("default")
        mapping = '[{"field-id": 1, "names": ["a"]}]'
        catalog.create_table(("default", DATASET), schema, properties={"schema.name-mapping.default": mapping})
    assert not bytes_kept(tmp_path, delivered(tmp_path / "a.parquet", pa.table({"a": [1], "b": [2]})))
    assert table(tmp_path).scan().to_arrow().to_pylist() == [{"a": 1, "b": 2}]


def into(base: Path, schema: Schema, query: str) -> CommitReceipt:
    """Commit a batch into a table that somebody made before."""
    with opened(base) as catalog:
        catalog.create_namespace("default")
        catalog.create_table(("default", DATASET), schema)
    return IcebergTarget({}, base).commit(written(query))


TWO = Schema(NestedField(1, "a", LongType()), NestedField(2, "b", StringType()))


@pytest.mark.parametrize(
    ("schema", "query", "message"),
    [
        (TWO, "SELECT 1::BIGINT AS a, 'x' AS b, 1 AS new, 2 AS \"and new\"", "these are not in the table: 'new', 'and new'"),
        (TWO, "SELECT 'x' AS a, 'x' AS b", r"these have another type: 'a' \(the table has int64, the batch string\)"),
        (TWO, "SELECT 1.0::DOUBLE AS a", "have another type: 'a'"),
        (
            Schema(NestedField(1, "a", IntegerType())),
            "SELECT 2147483648::BIGINT AS a",
            "column 'a': not every value of int64 fits",
        ),
        (Schema(NestedField(1, "a", DoubleType())), "SELECT 9007199254740993::BIGINT AS a", "column 'a': not every value"),
        (
            Schema(NestedField(1, "a", LongType(), required=True)),
            "SELECT NULL::BIGINT AS a",
            "required by the table, and has NULLs",
        ),
        (
            Schema(NestedField(1, "a", LongType(), required=True), *TWO.fields[1:]),
            "SELECT 'x' AS b",
            "are required by the table: 'a'",
        ),
    ],
)
def test_a_batch_that_does_not_fit_a_table_is_refused_with_the_columns(
    tmp_path: Path, schema: Schema, query: str, message: str
) -> None:
    with pytest.raises(StorageError, match=message):
        into(tmp_path, schema, query)
    assert table(tmp_path).snapshots() == []


def test_a_batch_goes_into_the_types_of_the_table_where_every_value_fits(tmp_path: Path) -> None:
    wide = Schema(
        NestedField(1, "a", DoubleType()), NestedField(2, "b", StringType()), NestedField(3, "c", IntegerType(), required=True)
    )
    into(tmp_path, wide, "SELECT 7::BIGINT AS c, 3::BIGINT AS a")
    assert table(tmp_path).scan().to_arrow().to_pylist() == [{"a": 3.0, "b": None, "c": 7}]


def test_new_columns_that_the_contract_declares_are_added_and_read_as_null_in_older_batches(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(delivered(tmp_path / "0.parquet", pa.table({"a": [0]}), batch_id="b0"))
    request = written("SELECT 1::BIGINT AS a, ['x'] AS tags, 7::UINTEGER AS n", batch_id="b1")
    target.commit(replace(request, declared=dict.fromkeys(["a", "tags", "n"])))
    target.commit(delivered(tmp_path / "2.parquet", pa.table({"a": [2]}), batch_id="b2"))
    target.commit(replace(delivered(tmp_path / "3.parquet", pa.table({"n": [3], "d": [4]}), batch_id="b3"), declared={"d": None}))
    kept = table(tmp_path).scan().to_arrow().to_pylist()
    nothing = {"a": None, "tags": None, "n": None, "d": None}
    assert sorted(kept, key=str) == sorted(
        [nothing | {"a": 0}, nothing | {"a": 1, "tags": ["x"], "n": 7}, nothing | {"a": 2}, nothing | {"n": 3, "d": 4}], key=str
    )


def test_a_new_column_that_the_contract_does_not_declare_is_refused_and_the_table_stays(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written("SELECT 0::BIGINT AS a", batch_id="b0"))
    request = written("SELECT 1::BIGINT AS a, 2 AS fine, 3 AS sneaky", batch_id="b1")
    with pytest.raises(StorageError, match="these are not in the table: 'fine', 'sneaky'"):
        target.commit(replace(request, declared=dict.fromkeys(["a", "fine"])))
    assert [field.name for field in table(tmp_path).schema().fields] == ["a"]


def test_a_column_of_nothing_but_untyped_nulls_goes_into_a_table_that_has_it(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written("SELECT 0::BIGINT AS a, 'x' AS b", batch_id="b0"))
    target.commit(written("SELECT 1::BIGINT AS a, NULL AS b", batch_id="b1"))
    assert {"a": 1, "b": None} in table(tmp_path).scan().to_arrow().to_pylist()


def test_two_that_add_columns_at_once_both_get_them(tmp_path: Path) -> None:
    first, second = IcebergTarget({}, tmp_path), written("SELECT 2 AS c", batch_id="b2")
    first.commit(written("SELECT 0::BIGINT AS a", batch_id="b0"))
    seen: list[str] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "write snapshot" and not seen:
            seen.append(operation)
            first.commit(replace(second, declared={"c": None}))
        return nullcontext()

    mine = replace(written("SELECT 1 AS b", batch_id="b1"), declared={"b": None})
    IcebergTarget({}, tmp_path, step=step).commit(mine)
    kept = table(tmp_path).scan().to_arrow().to_pylist()
    assert sorted(kept, key=str) == [
        {"a": 0, "c": None, "b": None},
        {"a": None, "c": 2, "b": None},
        {"a": None, "c": None, "b": 1},
    ]
