"""What Parquet's own statistics say of a batch, and when they are believed.

Each row group says how many NULLs a column has there, and mostly its smallest and largest value. Where that decides a question, the
column need not be read (``Statistics``). Believed are, unless the profile says ``trust_statistics: false``:

- **NULL counts** of columns that aren't nested, if every row group has one, and the row groups' rows are the batch's.
- **Bounds** of whole numbers, decimals of up to 18 digits, dates and timestamps (Parquet's INT32 and INT64), if every row group
  with a value has both, as ``min_value`` and ``max_value``. They bound the values, and need not be among them; for the smallest or
  largest value itself the writer must say that they are (``is_min_value_exact``).

Not believed: bounds of floats (they leave out NaN, which is larger than all numbers here), of texts and bytes (they may be cut
off, and old writers ordered them otherwise), of nested columns, of INT96, and the ``min`` and ``max`` of old writers.

DuckDB believes more than that: a NULL count of 0 makes ``count(x)`` a ``count(*)``, bounds decide comparisons, extremes, and which row
groups a filter reads. Where that is too much, the column is *hidden* from its optimiser, by a function that hands out each value as it is:

- columns that hold floats at any depth, unless DuckDB wrote the file: it writes no bounds where there is a NaN;
- texts, bytes, INT96 and unsigned numbers of a writer that isn't known to use ``min_value`` and ``max_value``;
- every column, with ``trust_statistics: false``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.checks.questions import Aggregate, Bearing, Question, present_column
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import BatchSchema, Column
from sluicegate.errors import EngineError
from sluicegate.ports.statements import mapped

if TYPE_CHECKING:
    import duckdb

__all__ = ["Statistics", "hidden", "unbounded"]

_OWN = re.compile(r"DuckDB version v[1-9]")
_ORDERLY = re.compile(
    r"DuckDB version v[1-9]|parquet-cpp-arrow version |parquet-rs version |parquet-go version |polars|parquet-mr(-\w+)? version 1\.[1-9]\d",
    re.IGNORECASE,
)
_FLOATS = re.compile(r"\b(FLOAT|DOUBLE)\b|Float16")  # physical types, and the logical one of two bytes
_ORDERED_OTHERWISE = re.compile(r"\b(BYTE_ARRAY|FIXED_LEN_BYTE_ARRAY|INT96|UINT_\d+)\b")

_BOUNDED = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)|DECIMAL\(\d+,\d+\)|DATE|TIMESTAMP( WITH TIME ZONE)?")
_COUNTS = (  # of a column, over all row groups
    "path_in_schema",
    "sum(row_group_num_rows)",
    "sum(stats_null_count)",
    "bool_and(coalesce(num_values = row_group_num_rows AND stats_null_count BETWEEN 0 AND num_values, FALSE))",
    "CASE WHEN bool_and(type IN ('INT32', 'INT64')) THEN count(*) FILTER (WHERE stats_null_count < row_group_num_rows) END",
)
_EXACT = "bool_and(coalesce(min_is_exact AND max_is_exact, FALSE) OR stats_null_count = row_group_num_rows)"
_BOUNDS = """[
    CAST(min(TRY_CAST(stats_min_value AS {native})) AS VARCHAR),
    CAST(max(TRY_CAST(stats_max_value AS {native})) AS VARCHAR),
    CAST(count(*) FILTER (WHERE TRY_CAST(stats_min_value AS {native}) <= TRY_CAST(stats_max_value AS {native})) AS VARCHAR)
]"""


def hidden(column: str) -> str:
    """The column as a SQL expression that has the column's values, and no statistics.

    Anything plainer is seen through: DuckDB 2.0 knows the bounds of ``x * 1``, ``least(x, x)`` and ``coalesce(x, x)`` by those of ``x``.
    """
    return f"union_value(a := {identifier(column)}).a"


def unbounded(columns: Mapping[str, Sequence[tuple[str, int, str]]], writers: Sequence[str]) -> tuple[str, ...]:
    """The columns whose bounds, if there are any, need not bound all their values in DuckDB's order.

    Args:
        columns: name -> its nodes of the schema: name, number of children, types.
        writers: what the files say wrote them (``created_by``); empty where one doesn't say.
    """
    signs = [] if all(map(_OWN.match, writers)) else [_FLOATS]
    signs += [] if all(map(_ORDERLY.match, writers)) else [_ORDERED_OTHERWISE]
    return tuple(name for name, nodes in columns.items() if any(sign.search(kind) for _, _, kind in nodes for sign in signs))


class _Known(NamedTuple):
    """What the row groups say of a column, together: how many rows have a value, and its bounds as text in the type's own form."""

    present: int
    low: str | None = None
    high: str | None = None
    bounded: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics of a batch's files.

    Attributes:
        files: a SQL list of them.
        schema: the batch's columns, which are the files' own.
        rows: of the batch.
        worth: they are only asked from so many rows on. Measured: of fewer, reading the columns takes no longer.
    """

    files: str
    schema: BatchSchema
    rows: int
    worth: int = 300_000

    def answers(self, connection: duckdb.DuckDBPyConnection, questions: Iterable[Question]) -> dict[Question, Any]:
        """Answers to those of the questions that the statistics decide: exactly what reading the columns would give.

        Raises:
            EngineError: DuckDB was interrupted, or is of no more use.
        """
        import duckdb

        asked = {item: column for item in questions if isinstance(item, Aggregate) and (column := self._column(item))}
        if not asked or self.rows < self.worth:
            return {}
        columns = {column.name: column for column in asked.values()}
        try:
            try:
                known = self._known(
                    connection, columns, _EXACT if any(item.bearing is Bearing.EXTREME for item in asked) else "FALSE"
                )
            except duckdb.BinderException:  # older versions of DuckDB don't tell what is exact
                known = self._known(connection, columns, "FALSE")
            bounded = [item for item, column in asked.items() if item.bearing and _decides(known.get(column.name), item.bearing)]
            found = self._over_ends(connection, bounded, known) if bounded else {}
        except duckdb.Error as error:
            failed = mapped(error)
            if isinstance(failed, EngineError):
                raise failed from error
            return {}  # whoever reads the files says what is wrong with them
        present: dict[Question, Any] = {
            item: known[column.name].present for item, column in asked.items() if not item.bearing and column.name in known
        }
        return present | found

    def _column(self, question: Aggregate) -> Column | None:
        """The column that the statistics may know enough of."""
        found = self.schema.get(question.column if question.bearing else present_column(question))
        return found if found and not found.kind.is_nested else None

    def _known(self, connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Column], exact: str) -> dict[str, _Known]:
        """Each column whose statistics hold together; ``exact`` is SQL for whether its bounds are values."""
        natives = sorted({column.native for column in columns.values() if _BOUNDED.fullmatch(column.native)})
        figures = ", ".join([*_COUNTS, exact, *(_BOUNDS.format(native=native) for native in natives)])
        wanted = ", ".join(literal(name) for name in columns)
        query = f"SELECT {figures} FROM parquet_metadata({self.files}) WHERE path_in_schema IN ({wanted}) GROUP BY path_in_schema"
        known = {}
        for name, rows, nulls, is_whole, valued, is_exact, *bounds in connection.execute(query).fetchall():
            if is_whole and rows == self.rows:
                by_type = dict(zip(natives, bounds, strict=True))
                low, high, bounded = by_type.get(columns[name].native) or (None, None, None)
                known[name] = _Known(self.rows - int(nulls), low, high, bounded=str(valued) == bounded, exact=is_exact)
        return known

    def _over_ends(
        self, connection: duckdb.DuckDBPyConnection, bounded: Sequence[Aggregate], known: Mapping[str, _Known]
    ) -> dict[Question, Any]:
        """The aggregates over two rows: the columns' smallest values, and their largest; as far as they are what they are over all."""
        columns = [column for column in self.schema if column.name in {item.column for item in bounded}]
        lows = [f"CAST({literal(known[column.name].low)} AS {column.native}) AS {identifier(column.name)}" for column in columns]
        highs = [f"CAST({literal(known[column.name].high)} AS {column.native})" for column in columns]
        ends = f"SELECT {', '.join(lows)} UNION ALL SELECT {', '.join(highs)}"
        found = connection.execute(f"SELECT {', '.join(item.sql for item in bounded)} FROM ({ends})").fetchone() or ()
        pairs = zip(bounded, found, strict=True)
        return {item: value for item, value in pairs if item.bearing is Bearing.EXTREME or not value}


def _decides(known: _Known | None, bearing: Bearing) -> bool:
    """Whether what the row groups say of a column is enough: of certain values, its bounds say nothing."""
    if known is None or not known.bounded:
        return False
    return bearing is Bearing.OUTSIDE or (bearing is Bearing.EXTREME and known.exact)
