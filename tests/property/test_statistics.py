"""What Parquet's statistics decide is what reading the columns says, whatever the rows, the row groups, the files and the types."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.batch.readers import file_list
from sluicegate.batch.source import open_batch
from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind
from sluicegate.checks.questions import Asked, ask
from sluicegate.scan.scan import answer_all
from sluicegate.scan.statistics import Statistics
from tests.property.strategies import VALUES

_TYPES = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "DECIMAL(10,2)": pa.decimal128(10, 2),
    "VARCHAR": pa.string(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMPTZ": pa.timestamp("us", "UTC"),
    "BOOLEAN": pa.bool_(),
}
_SMALL = {"BIGINT": st.integers(-2, 2), "DATE": VALUES["DATE"].filter(lambda day: day.year == 2013)}


@st.composite
def _column(draw: st.DrawFn, kind: str) -> list[list[Any]]:
    """Row groups: some of values that are near each other, some of anything, some without a value."""
    values = draw(st.sampled_from([_SMALL.get(kind, VALUES[kind]), VALUES[kind]]))
    group = st.lists(st.one_of(values, st.none()), min_size=1, max_size=4)
    return draw(st.lists(st.one_of(group, st.lists(st.none(), min_size=1, max_size=2)), min_size=1, max_size=4))


def _checks(bounds: m.Bounds, values: tuple[Any, ...]) -> list[m.CanonicalCheck]:
    return [
        m.NotNull(column="x"),
        m.Range(column="x", bounds=bounds),
        m.AcceptedValues(column="x", values=values),
        m.RejectedValues(column="x", values=values),
        m.Freshness(column="x", max_age_hours=Decimal(1)),
        m.Aggregate(column="x", function=m.AggregateFunction.MIN, bounds=bounds),
        m.Aggregate(column="x", function=m.AggregateFunction.MAX, bounds=bounds),
    ]


def _write(path: Path, tables: list[pa.Table], writer: str) -> None:
    """A row group for each table; DuckDB, which says of bounds that they are exact, makes one of them all."""
    if writer == "DuckDB":
        with duckdb.connect() as connection:
            rows = connection.from_arrow(pa.concat_tables(tables))
            connection.execute("SET TimeZone = 'UTC'")
            rows.write_parquet(str(path))
        return
    with pq.ParquetWriter(path, tables[0].schema, store_decimal_as_integer=writer == "Arrow, decimals as integers") as arrow:
        for table in tables:
            arrow.write_table(table)


@given(
    data=st.data(),
    kind=st.sampled_from(sorted(_TYPES)),
    writer=st.sampled_from(["Arrow", "Arrow, decimals as integers", "DuckDB"]),
    several=st.booleans(),
)
def test_statistics_answer_what_reading_would(data: st.DataObject, kind: str, writer: str, *, several: bool) -> None:
    groups = data.draw(_column(kind))
    ends = data.draw(st.tuples(VALUES[kind], VALUES[kind], st.booleans(), st.booleans()))
    values = tuple(data.draw(st.lists(_SMALL.get(kind, VALUES[kind]), min_size=1, max_size=3)))
    bounds = m.Bounds(min=ends[0], max=ends[1], min_inclusive=ends[2], max_inclusive=ends[3])
    with tempfile.TemporaryDirectory() as folder:
        tables = [pa.table({"x": pa.array(group, _TYPES[kind])}) for group in groups]
        paths = [Path(folder) / f"{number}.parquet" for number in range(len(tables) if several else 1)]
        for number, path in enumerate(paths):
            _write(path, tables[number : number + 1] if several else tables, writer)
        with open_batch(paths) as batch:
            bound = [bind(check, batch.schema, {}) for check in _checks(bounds, values)]
            works = [ask(check, batch.schema) for check in bound if not isinstance(check, Unbindable)]
            questions = [question for work in works if isinstance(work, Asked) for question in work.questions]
            statistics = Statistics(file_list(batch.files), batch.schema, batch.rows, worth=0)
            known = statistics.answers(batch.view().connect(), questions)
        with open_batch(pa.concat_tables(tables)) as batch:  # no file, no statistics
            read = dict(answer_all(batch.view().connect(), questions, batch.schema, {}))
        assert {question: answer or 0 for question, answer in known.items()} == {item: read[item] or 0 for item in known}
        assert known  # the NULL counts, at least
