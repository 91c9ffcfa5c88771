"""The expectations that only pandas can answer: GX's own metrics, over a frame of nothing but the columns that they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.great_expectations.arguments import columns_of
from sluicegate_adapters.engines.great_expectations.conditions import Condition
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.gx import Judged, judge, metric_names
from sluicegate_adapters.engines.great_expectations.private import module

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

__all__ = ["frame_of", "judge_on_pandas"]


def judge_on_pandas(
    expectation: Any,
    exact: Mapping[str, Any],
    condition: Condition | None,
    schema: BatchSchema,
    connection: duckdb.DuckDBPyConnection,
) -> Judged:
    """GX's verdict with GX's own pandas metrics.

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
    frame = frame_of(connection, _needed(exact, condition, schema), chosen)
    engine = module("execution_engine").PandasExecutionEngine()
    engine.load_batch_data("batch", frame)
    try:
        wanted = metric_names(expectation, engine)
        calculator = module("validator.metrics_calculator").MetricsCalculator(engine)
        metrics, aborted = calculator.compute_metrics(list(wanted.values()))
    except Exception as error:
        raise Fault(f"Great Expectations could not compute it on pandas ({type(error).__name__})") from error
    if aborted:
        raise Fault(f"Great Expectations could not compute it on pandas ({_reason(aborted)})")
    return judge(expectation, {name: metrics[item.id] for name, item in wanted.items()}, engine)


def _reason(aborted: Mapping[Any, Any]) -> str:
    """Which metrics failed; the exceptions' texts may quote values of the batch, so they stay out."""
    return ", ".join(sorted({str(metric[0]) for metric in aborted}))


def _needed(exact: Mapping[str, Any], condition: Condition | None, schema: BatchSchema) -> list[str]:
    named = dict.fromkeys(columns_of(exact))
    if condition is not None and condition.pandas_query:
        named |= dict.fromkeys(name for name in schema.names if name in condition.pandas_query)
    return list(named)


def frame_of(connection: duckdb.DuckDBPyConnection, columns: list[str], condition: str = "") -> pd.DataFrame:
    """The columns through Arrow: texts and lists as Python objects, whole numbers with NULLs as nullable integers.

    Args:
        connection: a fresh one.
        columns: of the batch.
        condition: a predicate; empty for all rows.
    """
    import pandas as pd
    import pyarrow as pa

    where = f" WHERE {condition}" if condition else ""
    names = ", ".join(identifier(name) for name in columns)
    table = connection.sql(f"SELECT {names or '1'} FROM {BATCH}{where}").to_arrow_table()
    series: dict[str, pd.Series[Any]] = {}
    for name in columns:
        column = table.column(name)
        whole = pa.types.is_integer(column.type) and column.null_count
        if whole:
            values = column.to_pandas(types_mapper=_nullable)
        elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = pd.Series(column.to_pylist(), dtype=object)
        else:
            values = column.to_pandas()
        series[name] = values.reset_index(drop=True)
    return pd.DataFrame(series, index=pd.RangeIndex(table.num_rows))


def _nullable(kind: Any) -> Any:
    import pandas as pd

    return getattr(pd, f"{'U' if str(kind).startswith('u') else ''}Int{kind.bit_width}Dtype")()
