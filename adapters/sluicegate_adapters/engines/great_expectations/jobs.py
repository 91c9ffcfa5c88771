"""What one check needs: its asks, and what becomes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.meaning import RowMeaning
from sluicegate.checks.sqltext import BATCH
from sluicegate_adapters.engines.great_expectations.asks import Ask
from sluicegate_adapters.engines.great_expectations.faults import Fault

if TYPE_CHECKING:
    import duckdb

    from sluicegate.ports.engine import Result

__all__ = ["Finish", "Job", "RowFigures", "row_asks", "row_figures", "row_metric", "unique_asks"]

Finish = Callable[[Sequence[Any], "duckdb.DuckDBPyConnection"], "Result"]


@dataclass(frozen=True, slots=True)
class Job:
    """One check of a run.

    Attributes:
        asks: what is asked of the batch; all jobs' asks are answered together.
        finish: makes the result of the answers, in the asks' order.

    """

    check: ContractCheck
    asks: tuple[Ask, ...]
    finish: Finish


@dataclass(frozen=True, slots=True)
class RowFigures:
    """A map expectation's figures: rows in all, rows looked at, rows that break it."""

    total: int
    rows: int
    failing: int


def row_asks(meaning: RowMeaning, condition: str = "", prefix: str = "") -> tuple[Ask, ...]:
    """The asks that ``row_figures`` reads.

    Args:
        meaning: of the check or expectation.
        condition: a row condition.
        prefix: for a meaning that can't be fused, a WITH clause under which ``batch`` is the rows of the condition.
    """
    total = Ask(f"count(*) FILTER (WHERE {condition})" if condition else "count(*)")
    if not meaning.fusable:
        figures = f"count(*) FILTER (WHERE {meaning.considered}), count(*) FILTER (WHERE {meaning.failing})"
        return total, Ask(f"{prefix}SELECT {figures} FROM {meaning.source}", False, _pair)
    also = f" AND {condition}" if condition else ""
    rows = total if meaning.considered == "TRUE" else Ask(f"count(*) FILTER (WHERE {meaning.considered}{also})")
    return total, rows, Ask(f"count(*) FILTER (WHERE {meaning.failing}{also})")


def unique_asks(columns: Sequence[str], considered: str) -> tuple[Ask, ...]:
    """The same for a unique key without a row condition: one hash aggregation, the batch is read once."""
    keys = ", ".join(columns)
    groups = f"SELECT count(*) AS n FROM {BATCH} WHERE {considered} GROUP BY {keys}"
    return Ask("count(*)"), Ask(
        f"SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE n > 1), 0) FROM ({groups})", False, _pair
    )


def row_figures(answers: Sequence[Any]) -> RowFigures:
    """What ``row_asks`` asked."""
    if isinstance(answers[1], tuple):
        return RowFigures(answers[0], *answers[1])
    return RowFigures(*answers[:3])


def _pair(rows: Any) -> tuple[int, int]:
    first, second = rows.fetchone()
    return int(first), int(second)


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
