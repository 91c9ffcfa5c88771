"""Tables that are read where they lie: no copy is made, and nothing tells them from a copy."""

from __future__ import annotations

import gc
import threading
import weakref
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.batch.database import BatchSettings
from sluicegate.batch.in_place import reads_in_place
from sluicegate.batch.pool import DatabasePool
from sluicegate.batch.source import Batch, open_batch
from sluicegate.errors import BatchUnreadable

pytestmark = pytest.mark.skipif(not reads_in_place(), reason="this DuckDB leaves filters to Arrow: everything is copied")

ROWS = 500_000
LARGE = BatchSettings(memory_limit="2GB", threads=2)


def large() -> pa.Table:
    return pa.table({"i": pa.array(range(ROWS)), "s": pa.array(["some text"] * ROWS)})


def held_by_duckdb(batch: Batch) -> int:
    """Bytes of the batch in DuckDB's own memory."""
    found = batch.view().connect().execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
    return int(found[0][0])


@pytest.mark.parametrize("form", ["table", "chunks", "slice", "record batch", "polars", "lazy"])
def test_a_table_of_plain_columns_is_not_copied(form: str) -> None:
    table = large()
    source: Any = {
        "table": table,
        "chunks": pa.concat_tables([table, table]),
        "slice": table.slice(100),
        "record batch": table.to_batches()[0],
        "polars": pl.from_arrow(table),
        "lazy": pl.DataFrame(pl.from_arrow(table)).lazy(),
    }[form]
    with open_batch(source, settings=LARGE) as batch:
        found = batch.view().connect().execute("SELECT count(i), count(DISTINCT s) FROM batch").fetchall()
        assert found == [(batch.rows, 1)]
        assert held_by_duckdb(batch) < 1_000_000


@pytest.mark.parametrize("form", ["reader", "pandas", "relation", "nested"])
def test_what_may_change_or_is_there_once_is_copied(form: str) -> None:
    import duckdb

    table = large()
    source: Any = {
        "reader": table.to_reader,
        "pandas": lambda: table.select(["i"]).to_pandas(),
        "relation": lambda: duckdb.from_arrow(table),
        "nested": lambda: table.append_column("l", pa.nulls(ROWS, pa.list_(pa.int64()))),
    }[form]()
    with open_batch(source, settings=LARGE) as batch:
        assert held_by_duckdb(batch) > 2_000_000


@pytest.mark.parametrize("pooled", [False, True])
def test_the_memory_is_given_back_when_the_batch_is_closed(pooled: bool) -> None:
    pool = DatabasePool(LARGE) if pooled else None
    table = pa.table({"i": [1, 2, 3]})
    gone = weakref.ref(table)
    with open_batch(table, settings=LARGE, pool=pool) as batch:
        assert batch.content_sha256
        del table
        gc.collect()
        assert batch.view().connect().execute("SELECT sum(i) FROM batch").fetchall() == [(6,)]
    del batch
    gc.collect()
    assert gone() is None


def test_the_next_batch_of_a_database_is_another_one() -> None:
    pool = DatabasePool(LARGE)
    for value in (1, 2):
        with open_batch(pa.table({"i": [value]}), settings=LARGE, pool=pool) as batch:
            assert batch.view().connect().execute("FROM batch").fetchall() == [(value,)]
    pool.close()


@pytest.mark.parametrize(
    "predicate", ["i > 5", "f > 1.5", "f = 'nan'::DOUBLE", "s = 'a'", "s IS NULL", "i IN (1, 2)", "d > 0.5", "t > '2020-01-01'"]
)
def test_filters_are_duckdbs_own(predicate: str) -> None:
    """Arrow orders NaN otherwise: should a DuckDB leave filters to it again, ``reads_in_place`` must say so."""
    with open_batch(EVERYTHING) as batch:
        plan = batch.view().connect().execute(f"EXPLAIN SELECT count(*) FROM batch WHERE {predicate}").fetchall()[0][1]
    assert "Filters:" not in plan
    assert "ilter" in plan


EVERYTHING = pa.table(
    {
        "i": pa.array([1, None, 3], pa.int32()),
        "f": [1.5, float("nan"), None],
        "s": ["x", "", None],
        "d": [Decimal("0.10"), None, Decimal("2.00")],
        "t": pa.array([datetime(2013, 1, 1, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
    }
)

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "i": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "u": (pa.uint8(), st.integers(0, 255)),
    "f": (pa.float64(), FLOATS),
    "g": (pa.float32(), st.floats(width=32)),
    "s": (pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
    "v": (pa.string_view(), st.text("ab", max_size=20)),
    "x": (pa.binary(), st.binary(max_size=5)),
    "b": (pa.bool_(), st.booleans()),
    "d": (pa.decimal128(12, 2), st.decimals(-(10**9), 10**9, places=2)),
    "day": (pa.date32(), st.dates(date(1, 1, 1))),
    "t": (pa.timestamp("us"), st.datetimes(datetime(1, 1, 1))),
    "z": (pa.timestamp("us", "UTC"), st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))),
}
QUESTIONS = """
SELECT count(*), count(f), count(*) FILTER (WHERE f > 0), count(*) FILTER (WHERE NOT f <= 0), max(f), min(f), count(DISTINCT g),
    count(*) FILTER (WHERE s ~ 'a'), count(*) FILTER (WHERE i BETWEEN -5 AND 5), sum(d), min(day), max(t), count(*) FILTER (WHERE b),
    (SELECT count(*) FROM batch WHERE f > 0), (SELECT count(*) FROM batch WHERE g <> 1), (SELECT count(*) FROM batch WHERE i = 0),
    (SELECT count(*) FROM (SELECT v FROM batch GROUP BY v HAVING count(*) > 1)), list(x), list(u), list(z::VARCHAR)
FROM batch
"""


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Any rows, cut into any chunks, which may begin in the middle of their buffers."""
    rows = draw(st.integers(0, 40))
    values = {
        name: pa.array(draw(st.lists(st.none() | each, min_size=rows, max_size=rows)), kind)
        for name, (kind, each) in COLUMNS.items()
    }
    whole = pa.table(values)
    cuts = sorted({0, rows, *draw(st.lists(st.integers(0, rows), max_size=3))})
    parts = [whole.slice(start, end - start) for start, end in pairwise(cuts)]
    return pa.concat_tables(parts) if parts else whole


@settings(max_examples=30)
@given(tables())
def test_nothing_tells_a_table_from_its_copy(table: pa.Table) -> None:
    with open_batch(table) as batch, open_batch(table.to_reader()) as copy:
        assert batch.schema == copy.schema
        assert batch.rows == copy.rows == table.num_rows
        for query in ("FROM batch SELECT * REPLACE (z::VARCHAR AS z)", QUESTIONS):
            mine, its = (repr(each.view().connect().execute(query).fetchall()) for each in (batch, copy))
            assert mine == its
        assert batch.content_sha256 == copy.content_sha256


def test_several_threads_read_one_table_at_once() -> None:
    table = pa.concat_tables([pa.table({"i": pa.array(range(start, start + 10_000))}) for start in range(0, 200_000, 10_000)])
    found: list[Any] = []
    with open_batch(table, settings=LARGE) as batch:

        def read() -> None:
            found.append(batch.view().connect().execute("SELECT sum(i), count(DISTINCT i) FROM batch").fetchall())

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [[(sum(range(200_000)), 200_000)]] * 6


def test_a_table_without_rows_is_a_batch_and_one_without_columns_is_none() -> None:
    with open_batch(pa.table({"i": pa.array([], pa.int64())})) as batch:
        assert (batch.rows, batch.schema.names) == (0, ("i",))
    with pytest.raises(BatchUnreadable, match="no columns"):
        open_batch(pa.table({}))
    with pytest.raises(BatchUnreadable, match="two columns"):
        open_batch(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "A"]))


def test_decimals_that_duckdb_does_not_have_are_refused_as_a_batch_is() -> None:
    hundreds = pa.array([Decimal(100)], pa.decimal128(20, 0)).cast(pa.decimal128(20, -2))
    with pytest.raises(BatchUnreadable), open_batch(pa.table({"a": hundreds})):
        pass
