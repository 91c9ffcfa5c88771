"""The expectations that only pandas can answer: GX's own metrics, over frames of nothing but the columns that they need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.great_expectations.arguments import columns_of
from sluicegate_adapters.engines.great_expectations.conditions import Condition
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.gx import Judged, judge, metric_names
from sluicegate_adapters.engines.great_expectations.native_rows import ROW_KINDS
from sluicegate_adapters.engines.great_expectations.private import module

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["frames_of", "judge_on_pandas"]

_PIECE = 65_536
_KEPT = 20  # GX's partial_unexpected_count
_SEVERAL_ROWS = frozenset(
    {
        "expect_column_values_to_be_unique", "expect_column_values_to_be_increasing", "expect_column_values_to_be_decreasing",
        "expect_column_value_z_scores_to_be_less_than", "expect_column_values_to_not_be_outliers",
        "expect_compound_columns_to_be_unique",
    }
)  # fmt: skip
_ROW_BY_ROW = (ROW_KINDS.keys() - _SEVERAL_ROWS) | {
    "expect_column_values_to_be_dateutil_parseable",
    "expect_column_values_to_be_json_parseable",
    "expect_column_values_to_match_json_schema",
    "expect_column_values_to_match_strftime_format",
}
"""Expectations that look at one row at a time."""


def judge_on_pandas(
    expectation: Any,
    exact: Mapping[str, Any],
    condition: Condition | None,
    schema: BatchSchema,
    connection: duckdb.DuckDBPyConnection,
) -> Judged:
    """GX's verdict with GX's own pandas metrics.

    An expectation that looks at each row by itself sees one piece of the batch after the other, and its counts are summed; any other
    one needs its columns whole.

    Args:
        expectation: of GX's own class.
        exact: its arguments.
        condition: its row condition.
        schema: the batch's columns.
        connection: a fresh one: a result that is still open on it would be in the way.

    Raises:
        Fault: a metric could not be computed, or GX could not judge.
    """
    chosen = condition.sql if condition is not None else ""
    rows = _PIECE if expectation.expectation_type in _ROW_BY_ROW else None
    told: dict[str, Any] = {}
    engine = None
    for frame in frames_of(connection, _needed(exact, condition, schema), chosen, rows):
        engine = module("execution_engine").PandasExecutionEngine()
        engine.load_batch_data("batch", frame)
        told = _summed(told, _metrics(expectation, engine)) if told else _metrics(expectation, engine)
    return judge(expectation, told, engine)


def _metrics(expectation: Any, engine: Any) -> dict[str, Any]:
    try:
        wanted = metric_names(expectation, engine)
        calculator = module("validator.metrics_calculator").MetricsCalculator(engine)
        metrics, aborted = calculator.compute_metrics(list(wanted.values()))
    except Exception as error:
        raise Fault(f"Great Expectations could not compute it on pandas ({type(error).__name__})") from error
    if aborted:
        raise Fault(f"Great Expectations could not compute it on pandas ({_reason(aborted)})")
    return {name: metrics[item.id] for name, item in wanted.items()}


def _summed(before: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Counts added up; of the values that break an expectation the first few, as many as GX keeps."""
    return {
        name: (before[name] + more[name])[:_KEPT] if isinstance(before[name], list) else before[name] + more[name]
        for name in more
    }


def _reason(aborted: Mapping[Any, Any]) -> str:
    """Which metrics failed; the exceptions' texts may quote values of the batch, so they stay out."""
    return ", ".join(sorted({str(metric[0]) for metric in aborted}))


def _needed(exact: Mapping[str, Any], condition: Condition | None, schema: BatchSchema) -> list[str]:
    named = dict.fromkeys(columns_of(exact))
    if condition is not None and condition.pandas_query:
        named |= dict.fromkeys(name for name in schema.names if name in condition.pandas_query)
    return list(named)


def frames_of(
    connection: duckdb.DuckDBPyConnection, columns: list[str], condition: str = "", rows: int | None = None
) -> Iterator[pd.DataFrame]:
    """The columns through Arrow: texts and lists as Python objects, whole numbers with NULLs as nullable integers.

    Args:
        connection: a fresh one.
        columns: of the batch.
        condition: a predicate; empty for all rows.
        rows: in pieces of so many; None: all at once. There is one piece at least.
    """
    import pyarrow as pa

    where = f" WHERE {condition}" if condition else ""
    names = [identifier(name) for name in columns]
    select = f"SELECT {', '.join(names) or '1'} FROM {BATCH}{where}"
    if rows is None:
        yield _frame(connection.sql(select).to_arrow_table(), columns, [], 0)
        return
    lacking = ", ".join(f"count({name}) < count(*)" for name in names)
    [nulls] = connection.execute(f"SELECT {lacking or 'count(*)'} FROM {BATCH}{where}").fetchall()
    holed = [name for name, has_null in zip(columns, nulls, strict=False) if has_null]
    relation = connection.sql(select)
    reader = (getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader)(rows)
    first = 0
    for piece in reader:
        yield _frame(pa.Table.from_batches([piece]), columns, holed, first)
        first += piece.num_rows
    if not first:
        yield _frame(reader.schema.empty_table(), columns, holed, 0)


def _frame(table: Any, columns: list[str], holed: Collection[str], first: int) -> pd.DataFrame:
    """One frame.

    Args:
        table: of Arrow.
        columns: its columns that matter.
        holed: those that have a NULL somewhere, if not here.
        first: the number of its first row.
    """
    import pandas as pd
    import pyarrow as pa

    index = pd.RangeIndex(first, first + table.num_rows)
    series: dict[str, pd.Series[Any]] = {}
    for name in columns:
        column = table.column(name)
        if pa.types.is_integer(column.type) and (column.null_count or name in holed):
            values = column.to_pandas(types_mapper=_nullable)
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = pd.Series(column.to_pylist(), dtype=object)
        else:
            values = column.to_pandas()
        series[name] = values.set_axis(index)
    return pd.DataFrame(series, index=index)


def _nullable(kind: Any) -> Any:
    import pandas as pd

    return getattr(pd, f"{'U' if str(kind).startswith('u') else ''}Int{kind.bit_width}Dtype")()
