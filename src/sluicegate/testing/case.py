"""One conformance case: a check on one of the awkward tables, under the clock of every conformance run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sluicegate.checks import model as m
from sluicegate.checks.values import Scalar
from sluicegate.testing.oracle import Expected

__all__ = ["NOW", "VAST", "Case", "interval"]

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The clock of every conformance run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One check on one table.

    Attributes:
        table: a key of ``data.TABLES``.
        name: what is awkward here; unique among the table's cases of this check.
        check: what is promised.
        figures: what it must yield, where Python can't say: for checks that are SQL.
    """

    table: str
    name: str
    check: m.CanonicalCheck
    figures: Expected | None = None

    @property
    def id(self) -> str:
        """``check/table/name``: what a declared divergence matches against."""
        return f"{self.check.type_name}/{self.table}/{self.name}"


def interval(low: Scalar = None, high: Scalar = None, *, open_low: bool = False, open_high: bool = False) -> m.Bounds:
    """An interval, closed unless it is said to be open."""
    return m.Bounds(min=low, max=high, min_inclusive=not open_low, max_inclusive=not open_high)


VAST = interval(-(10**60), 10**60)
"""An interval that holds any number."""
