"""One check of a run: what it has to know, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.sought import RowFigures, Sought

if TYPE_CHECKING:
    import duckdb

    from sluicegate.ports.engine import Result

__all__ = ["Connect", "Finish", "Job", "row_metric"]

Connect = Callable[[], "duckdb.DuckDBPyConnection"]
"""The engine's connection to the batch, opened when it is first needed."""
Finish = Callable[[Any, Connect], "Result"]


@dataclass(frozen=True, slots=True)
class Job:
    """One check of a run.

    Attributes:
        sought: what has to be known of the batch.
        finish: makes the result of it.
    """

    check: ContractCheck
    sought: Sought[Any]
    finish: Finish


def row_metric(name: str, figures: RowFigures, own: str = "") -> Any:
    """What an expectation about rows is told under one of its metrics' names.

    Args:
        name: GX's.
        figures: of the rows.
        own: the expectation's own map metric.

    Raises:
        Fault: a metric that no such expectation is known to ask for.
    """
    if name == "table.row_count":
        return figures.total
    if name in {f"{own}.unexpected_count", "unexpected_rows_query.row_count"}:
        return figures.failing
    if name == "column_values.nonnull.unexpected_count":
        return figures.total - figures.rows
    if name.endswith(".filtered_row_count"):
        return figures.rows
    if name.endswith(".unexpected_values") or name == "unexpected_rows_query.table":
        return []
    raise Fault(f"the metric {name!r} can't be answered here")
