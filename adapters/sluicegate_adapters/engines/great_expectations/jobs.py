"""One check of a run: what it has to know, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck
from sluicegate_adapters.engines.great_expectations.sought import RowFigures, Sought

if TYPE_CHECKING:
    import duckdb

    from sluicegate.ports.engine import Result

__all__ = ["Connect", "Finish", "Job", "row_metrics"]

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


def row_metrics(figures: RowFigures, own: str = "") -> dict[str, Any]:
    """What an expectation about rows wants to know, by GX's names.

    Args:
        figures: of the rows.
        own: the expectation's own map metric; without one it is a query of unexpected rows.
    """
    if not own:
        return {"unexpected_rows_query.row_count": figures.failing, "unexpected_rows_query.table": []}
    return {
        "table.row_count": figures.total,
        "column_values.nonnull.unexpected_count": figures.total - figures.rows,
        f"{own}.filtered_row_count": figures.rows,
        f"{own}.unexpected_count": figures.failing,
        f"{own}.unexpected_values": [],
    }
