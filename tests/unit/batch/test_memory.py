"""Tables in memory, and Arrow files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate.batch.source import open_batch
from sluicegate.checks.types import Kind
from sluicegate.errors import BatchUnreadable, UsageError
from tests.unit.batch.support import read, text, write

CONNECTION = duckdb.connect()
TABLE = pa.table(
    {
        "i": pa.array([1, None, 3], pa.int64()),
        "s": ["x", "", None],
        "f": [1.5, float("nan"), None],
        "d": [Decimal("0.10"), None, Decimal("2.00")],
        "t": pa.array([datetime(2013, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "b": [True, False, None],
        "day": [date(2013, 1, 1), None, None],
        "l": [[1, 2], [], None],
        "n": [{"a": 1}, {"a": None}, None],
    }
)


def forms(table: pa.Table) -> dict[str, Any]:
    return {
        "table": table,
        "chunked": pa.concat_tables([table.slice(0, 1), table.slice(1)]),
        "reader": table.to_reader(max_chunksize=1),
        "polars": pl.from_arrow(table),
        "lazy": pl.DataFrame(pl.from_arrow(table)).lazy(),
        "relation": CONNECTION.from_arrow(table),
    }


def test_the_same_rows_are_the_same_batch_in_every_form() -> None:
    found = {}
    for name, source in forms(TABLE).items():
        with open_batch(source) as batch:
            rows = batch.view().connect().execute("SELECT * EXCLUDE t, t::VARCHAR FROM batch").fetchall()
            found[name] = ([(column.name, column.native) for column in batch.schema], repr(rows), batch.content_sha256)
    assert len(set(map(repr, found.values()))) == 1
    assert repr(found["table"][1]).count("nan") == 1


def test_a_pandas_frame_is_the_same_batch_as_its_arrow_table() -> None:
    frame = pd.DataFrame({"i": pd.array([1, None], "Int64"), "s": ["x", None], "f": [1.5, 2.5]})
    with open_batch(frame) as mine, open_batch(pa.Table.from_pandas(frame)) as other:
        assert mine.content_sha256 == other.content_sha256


def test_nan_is_missing_in_numpy_columns_and_a_value_in_arrow_ones() -> None:
    frame = pd.DataFrame(
        {"n": [1.0, float("nan")], "a": pd.Series(pa.array([1.0, float("nan")]), dtype=pd.ArrowDtype(pa.float64()))}
    )
    assert repr(read(frame)[1][1]) == "(None, nan)"


def test_named_index_levels_are_columns_and_unnamed_ones_are_not() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    assert read(frame)[1] == [("x", 1), ("y", 2)]
    assert read(pd.DataFrame({"a": [1, 2]}).iloc[1:])[1] == [(2,)]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are called 'a'"),
        (pd.DataFrame([[1, 2]], columns=["a", "A"]), "can't tell apart"),
        (pd.DataFrame({0: [1]}), "not text"),
        (pd.DataFrame({"a": [1, "secret"]}, dtype=object), "'a' are not of one type"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a")), "both called 'a'"),
        (pd.DataFrame(), "no columns"),
    ],
)
def test_a_frame_that_is_no_table_is_unreadable_and_shows_no_data(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(BatchUnreadable, match=message) as caught:
        open_batch(frame)
    assert "secret" not in str(caught.value)


def test_a_column_without_a_value_has_the_declared_type_or_is_text(tmp_path: Path) -> None:
    table = pa.table({"a": pa.nulls(2), "b": pa.nulls(2), "c": [1, 2]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    for source in (table, table.to_pandas(), tmp_path / "a.parquet", tmp_path / "a.arrow"):
        assert read(source, declared=[("a", "date")])[0] == {"a": "DATE", "b": "VARCHAR", "c": "BIGINT"}


def test_every_kind_of_column_is_read_and_hashed() -> None:
    columns = {
        "category": pa.array(["x", "y", None]).dictionary_encode(),
        "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "time": pa.array([time(1), None, None]),
        "duration": pa.array([timedelta(1), None, None]),
        "binary": [b"\0", b"", None],
        "map": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "array": pa.array([[1, 2], [3, None], None], pa.list_(pa.int64(), 2)),
        "nanoseconds": pa.array([datetime(2013, 1, 1), None, None], pa.timestamp("ns")),
        "large": pa.array(["a", "", None], pa.large_string()),
        "nested": pa.array([{"a": [{"b": "x"}]}, {"a": None}, None]),
    }
    with open_batch(pa.table(columns)) as batch, open_batch(pa.table(columns).slice(1)) as rest:
        assert Kind.OTHER not in {column.kind for column in batch.schema}
        assert batch.content_sha256 != rest.content_sha256


def test_changing_the_table_afterwards_changes_nothing() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    with open_batch(frame) as batch:
        frame.loc[0, "a"] = 99
        assert batch.view().connect().execute("SELECT a FROM batch").fetchall() == [(1,), (2,)]


def test_a_relation_of_a_closed_connection_is_unreadable() -> None:
    connection = duckdb.connect()
    relation = connection.sql("SELECT 1 AS a")
    connection.close()
    with pytest.raises(BatchUnreadable, match="relation can't be read"):
        open_batch(relation)


def test_a_relation_that_fails_half_way_is_unreadable_and_shows_no_data() -> None:
    with pytest.raises(BatchUnreadable) as caught:
        open_batch(
            CONNECTION.sql("SELECT CASE WHEN i < 90000 THEN 1 ELSE error('secret ' || i) END AS a FROM range(100000) r(i)")
        )
    assert "secret" not in str(caught.value)


def test_an_interrupt_in_a_reader_is_an_interrupt() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield TABLE.to_batches()[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_batch(pa.RecordBatchReader.from_batches(TABLE.schema, batches()))


def test_a_reader_that_breaks_makes_the_batch_unreadable() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches()
        raise RuntimeError("the connection with password hunter2 was lost")

    with pytest.raises(BatchUnreadable, match="RuntimeError") as caught:
        open_batch(pa.RecordBatchReader.from_batches(TABLE.schema, batches()))
    assert "hunter2" not in str(caught.value)


def test_the_fingerprint_tells_values_places_names_and_types_apart() -> None:
    tables = [
        pa.table({"a": [1, 2]}),
        pa.table({"a": [2, 1]}),
        pa.table({"a": [1, None]}),
        pa.table({"a": [None, 1]}),
        pa.table({"b": [1, 2]}),
        pa.table({"a": pa.array([1, 2], pa.int32())}),
        pa.table({"a": ["1", "2"]}),
        pa.table({"a": ["12", ""]}),
        pa.table({"a": [[1], [2]]}),
        pa.table({"a": [[1, 2], []]}),
        pa.table({"a": [1, 2], "b": [1, 2]}),
        pa.table({"a": pa.array([], pa.int64())}),
    ]
    found = set()
    for table in tables:
        with open_batch(table) as batch:
            found.add(batch.content_sha256)
            assert batch.batch_id == batch.content_sha256[:16]
    assert len(found) == len(tables)


def test_what_lies_under_a_null_does_not_change_the_fingerprint() -> None:
    validity = pa.py_buffer(b"\x01")
    hashes = set()
    for hidden in (b"\x07", b"\x09"):
        data = pa.py_buffer(b"\x01" + b"\x00" * 7 + hidden + b"\x00" * 7)
        with open_batch(pa.table({"a": pa.Array.from_buffers(pa.int64(), 2, [validity, data])})) as batch:
            hashes.add(batch.content_sha256)
    assert len(hashes) == 1


def test_long_tables_hash_alike_however_they_are_cut() -> None:
    table = pa.table({"a": range(150_000), "s": [str(i) for i in range(150_000)]})
    found = set()
    for source in (table, table.to_reader(max_chunksize=7_001)):
        with open_batch(source) as batch:
            found.add(batch.content_sha256)
    assert len(found) == 1


def test_a_table_in_memory_is_kept_as_one_parquet_file_with_the_same_rows(tmp_path: Path) -> None:
    with open_batch(TABLE) as batch:
        (kept,) = batch.spool(tmp_path / "kept")
        assert (batch.format, batch.files, batch.parquet_files()) == ("parquet", (), ())
        assert pq.read_table(kept)["d"].to_pylist() == [Decimal("0.10"), None, Decimal("2.00")]
        with open_batch(kept) as again:
            assert again.schema == batch.schema
            assert again.rows == batch.rows


def test_wide_integers_survive_being_kept(tmp_path: Path) -> None:
    with open_batch(CONNECTION.sql("SELECT 170141183460469231731687303715884105727::HUGEINT // 100 AS a")) as batch:
        (kept,) = batch.spool(tmp_path)
        assert int(pq.read_table(kept)["a"].to_pylist()[0]) == (2**127 - 1) // 100


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_files_are_read_in_both_of_their_formats(tmp_path: Path, stream: bool) -> None:
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    for number in (1, 2):
        with new(tmp_path / f"{number}.arrow", TABLE.schema) as writer:
            writer.write_table(TABLE)
    with open_batch(tmp_path) as batch:
        assert (batch.rows, batch.format) == (6, "arrow")
    with new(tmp_path / "3.arrow", pa.schema([("i", pa.int32())])) as writer:
        writer.write_table(pa.table({"i": pa.array([1], pa.int32())}))
    with pytest.raises(BatchUnreadable, match=r"3\.arrow has other columns"):
        open_batch(tmp_path)


def test_a_damaged_arrow_file_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(path, TABLE.schema) as writer:
        writer.write_table(TABLE)
    whole = path.read_bytes()
    for content in (whole[:-30], whole[: len(whole) // 2], b"no arrow file, only words"):
        with pytest.raises(BatchUnreadable) as caught:
            open_batch(text(path, content))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "TIMETZ '10:00:00+02'",
        "'101'::BIT",
        "[{'a': '101'::BIT}]",
        "340282366920938463463374607431768211455::UHUGEINT",
        "union_value(a := 1)",
        "[union_value(a := 1)]",
    ],
)
def test_a_type_that_would_arrive_as_another_is_refused_by_its_column(value: str) -> None:
    with pytest.raises(BatchUnreadable, match="column 'odd one' is"):
        open_batch(duckdb.sql(f'SELECT 1 AS a, {value} AS "odd one"'))


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": ["secret"]}).lazy().select(pl.col("b")),
        pl.DataFrame({"a": ["secret"]}).lazy().select(pl.col("a").cast(pl.Int64)),
        pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}),
        pl.DataFrame({"a": pl.Series([2**100], dtype=pl.Int128)}),
    ],
)
def test_a_polars_frame_that_is_no_table_is_unreadable_and_shows_no_data(frame: pl.DataFrame | pl.LazyFrame) -> None:
    with pytest.raises(BatchUnreadable, match="the polars frame") as caught:
        open_batch(frame)
    assert "secret" not in str(caught.value)


def test_format_and_options_are_refused_for_tables() -> None:
    for options in ({"format": "csv"}, {"options": {"header": False}}):
        with pytest.raises(UsageError, match="for files"):
            open_batch(TABLE, **options)


def test_a_partitioned_folder_that_changes_before_it_is_kept_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in/year=2013/a.parquet", "SELECT 1 AS a")
    with open_batch(tmp_path / "in") as batch:
        assert batch.content_sha256
        path.unlink()
        write(path, "SELECT 99 AS a")
        with pytest.raises(BatchUnreadable, match="changed while the gate was at work"):
            batch.spool(tmp_path / "kept")


def test_a_partitioned_folder_is_kept_with_its_partition_columns(tmp_path: Path) -> None:
    write(tmp_path / "in/year=2013/a.parquet", "SELECT 1 AS a")
    with open_batch(tmp_path / "in") as batch:
        assert batch.parquet_files() == ()
        (kept,) = batch.spool(tmp_path / "kept")
    assert read(kept) == ({"a": "INTEGER", "year": "BIGINT"}, [(1, 2013)])
