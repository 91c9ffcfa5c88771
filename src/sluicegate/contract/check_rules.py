"""What a check's own values must satisfy to mean anything: no bounds that nothing satisfies, no check that tests nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from sluicegate.checks import model as m
from sluicegate.checks.types import unknown_type
from sluicegate.checks.values import Instant, RelativeTime
from sluicegate.checks.visitor import CheckVisitor

__all__ = ["Complaint", "complaints"]

Complaint: TypeAlias = tuple[str, str, str]
"""The key that is wrong, the message, a hint."""

_PERCENT = 100


def complaints(check: m.CanonicalCheck) -> Iterator[Complaint]:
    """What is wrong with the values of a check, each on its own well-typed."""
    yield from _Rules().visit(check)


class _Rules(CheckVisitor[Iterator[Complaint]]):
    def _fine(self, check: m.CanonicalCheck) -> Iterator[Complaint]:  # noqa: ARG002 - nothing of it can be wrong
        return iter(())

    not_null = row_expression = monotonic = _fine

    def unique(self, check: m.Unique) -> Iterator[Complaint]:
        return _key_columns("columns", check.columns)

    def accepted_values(self, check: m.AcceptedValues) -> Iterator[Complaint]:
        if not check.values:
            yield "values", "an empty list accepts no value at all", "use completeness, or list the values"

    def rejected_values(self, check: m.RejectedValues) -> Iterator[Complaint]:
        if not check.values:
            yield "values", "an empty list rejects nothing", "list the values"

    def range(self, check: m.Range) -> Iterator[Complaint]:
        return _bounds(check.bounds)

    def pattern(self, check: m.Pattern) -> Iterator[Complaint]:
        from sluicegate.checks.patterns import inspect_pattern

        facts = inspect_pattern(check.pattern)
        if facts.broken:
            at = "" if facts.position is None else f" at position {facts.position + 1}"
            yield (
                "pattern",
                f"the regular expression is broken{at}: {facts.broken}",
                "a literal special character needs a backslash",
            )

    def length(self, check: m.Length) -> Iterator[Complaint]:
        if check.min is None and check.max is None:
            yield "", "length has neither 'min' nor 'max': it tests nothing", ""
        for key, value in (("min", check.min), ("max", check.max)):
            if value is not None and value < 0:
                yield key, f"no text has {value} characters", ""
        if check.min is not None and check.max is not None and check.min > check.max:
            yield "min", f"min {check.min} is greater than max {check.max}: nothing is between", ""

    def completeness(self, check: m.Completeness) -> Iterator[Complaint]:
        if not 0 <= check.min_percent <= _PERCENT:
            yield "min_percent", f"{check.min_percent} is not between 0 and 100 percent", ""
        elif 0 < check.min_percent < 1:
            yield "min_percent", f"{check.min_percent} is a share, not a percentage", f"write {check.min_percent * 100:f}"

    def column_comparison(self, check: m.ColumnComparison) -> Iterator[Complaint]:
        if check.left == check.right:
            yield "right", "a column is compared with itself", ""

    def reference(self, check: m.Reference) -> Iterator[Complaint]:
        yield from _key_columns("columns", check.columns)
        if len(check.columns) != len(check.reference_columns):
            yield (
                "reference_columns",
                f"{len(check.columns)} columns refer to {len(check.reference_columns)}",
                "name as many on both sides",
            )

    def schema(self, check: m.Schema) -> Iterator[Complaint]:
        yield from _key_columns("columns", check.columns)
        for name in sorted(set(check.columns) & set(check.optional_columns)):
            yield "optional_columns", f"column {name!r} is both required and optional", ""

    def column_type(self, check: m.ColumnType) -> Iterator[Complaint]:
        if (unknown := unknown_type(check.type)) is not None:
            from sluicegate.contract.decode import did_you_mean

            yield "data_type", f"no type is called {unknown!r}", did_you_mean(unknown, _COMMON_TYPES)

    def row_count(self, check: m.RowCount) -> Iterator[Complaint]:
        for key, value in (("min", check.bounds.min), ("max", check.bounds.max)):
            if value is not None and (not isinstance(value, int) or value < 0):
                yield key, f"a number of rows is a whole number from 0, not {value!r}", ""
        if check.window_hours is not None and check.window_hours <= 0:
            yield "window_hours", "the window must be longer than 0 hours", ""
        yield from _bounds(check.bounds)

    def freshness(self, check: m.Freshness) -> Iterator[Complaint]:
        if check.max_age_hours < 0:
            yield "max_age_hours", "an age is not negative", ""

    def aggregate(self, check: m.Aggregate) -> Iterator[Complaint]:
        quantile = check.function is m.AggregateFunction.QUANTILE
        if quantile and check.quantile is None:
            yield "function", "a quantile needs 'quantile', a share between 0 and 1", "quantile: 0.95"
        elif not quantile and check.quantile is not None:
            yield "quantile", f"'quantile' has no meaning for {check.function}", "function: quantile"
        elif check.quantile is not None and not 0 <= check.quantile <= 1:
            yield "quantile", f"{check.quantile} is not a share between 0 and 1", "the median is 0.5"
        yield from _bounds(check.bounds)

    def metric_query(self, check: m.MetricQuery) -> Iterator[Complaint]:
        return _bounds(check.bounds)

    def drift(self, check: m.Drift) -> Iterator[Complaint]:
        rows = check.metric is m.DriftMetric.ROW_COUNT
        if rows and check.column is not None:
            yield "column", "row_count is about no column", "remove it, or choose another metric"
        elif not rows and check.column is None:
            yield "", f"the drift of {check.metric} needs a 'column'", ""
        if check.threshold <= 0:
            yield "threshold", "the threshold must be greater than 0", ""
        if check.min_runs < 1 + (check.method is m.DriftMethod.ZSCORE):
            yield (
                "min_runs",
                f"{check.min_runs} past runs have no {'deviation' if check.min_runs > 0 else 'past'}",
                "the default is 5",
            )
        if check.window_runs < check.min_runs:
            yield "window_runs", f"looks back {check.window_runs} runs, but waits for {check.min_runs}: always skipped", ""


_COMMON_TYPES = (
    "boolean", "integer", "int32", "int64", "bigint", "decimal", "float", "double", "string", "varchar", "date", "time",
    "timestamp", "timestamp_tz", "binary", "list", "struct", "map",
)  # fmt: skip


def _key_columns(key: str, columns: tuple[str, ...]) -> Iterator[Complaint]:
    if not columns:
        yield key, "must name at least one column", ""
    for name in sorted({name for name in columns if columns.count(name) > 1}):
        yield key, f"column {name!r} stands twice", ""


def _bounds(bounds: m.Bounds) -> Iterator[Complaint]:
    low, high = bounds.min, bounds.max
    if low is None and high is None:
        yield "", "there is neither 'min' nor 'max': it tests nothing", ""
        return
    for key, side, inclusive in (("min_inclusive", low, bounds.min_inclusive), ("max_inclusive", high, bounds.max_inclusive)):
        if side is None and not inclusive:
            yield key, f"{key!r} has no {key[:3]!r} to go with", ""
    if low is None or high is None:
        return
    if _family(low) != _family(high):
        if {_family(low), _family(high)} <= {"time", "text"}:
            return  # "2013-01-01" in quotes beside 'now': binding to the column tells
        yield "max", f"min is a {_family(low)} and max a {_family(high)}", ""
    elif not _ordered(low, high, both=bounds.min_inclusive and bounds.max_inclusive):
        yield "min", f"nothing lies in {bounds}", "is min greater than max?"


def _family(value: object) -> str:
    return "number" if isinstance(value, int | Decimal | float) else "text" if isinstance(value, str) else "time"


def _ordered(low: Instant, high: Instant, *, both: bool) -> bool:
    if isinstance(low, RelativeTime) and isinstance(high, RelativeTime):
        if low.midnight != high.midnight:
            return True  # depends on the hour of the run
        return low.offset_seconds <= high.offset_seconds if both else low.offset_seconds < high.offset_seconds
    if isinstance(low, RelativeTime) or isinstance(high, RelativeTime):
        return True  # depends on the day of the run
    if isinstance(low, date) and not isinstance(low, datetime) and low == high:
        return both
    return m.Bounds(min=low, min_inclusive=both).hold(high)
