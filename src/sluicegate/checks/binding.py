"""Fitting a check to a batch: the columns exist, their kinds suit the check, and its values become the columns' own.

What can't be bound never reaches an engine: it is ``errored``, with a message that names the column and a cure. What is
bound compares exactly in every engine: bounds are rounded to what the column can hold (and stay equivalent), values that
it can't hold are dropped, ISO 8601 texts become dates and timestamps, moments become the column's: naive UTC wall clock for
TIMESTAMP, aware for TIMESTAMP_TZ, whole days for DATE (a DATE column is compared by day: a bound's time of day is cut off).
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sluicegate.checks import model as m
from sluicegate.checks.fitting import Misfit, fit_bounds, fit_values, kind_word
from sluicegate.checks.types import BatchSchema, Column, Kind
from sluicegate.checks.values import Instant, RelativeTime
from sluicegate.checks.visitor import CheckVisitor

__all__ = ["Unbindable", "bind", "near_name", "resolve_times"]

_F = m.AggregateFunction
_ANY_ORDER = "numbers, texts, dates, times and timestamps have an order"


@dataclass(frozen=True, slots=True)
class Unbindable:
    """Why a check doesn't fit the batch, in one sentence, and the cure."""

    message: str
    hint: str = ""


def resolve_times(check: m.CanonicalCheck, now: datetime) -> m.CanonicalCheck:
    """The check with every relative time as a moment in UTC.

    Args:
        check: any canonical check.
        now: the run's clock, aware.
    """
    changed: dict[str, object] = {}
    for item in dataclasses.fields(check):
        value = getattr(check, item.name)
        if isinstance(value, m.Bounds):
            changed[item.name] = dataclasses.replace(value, min=_moment(value.min, now), max=_moment(value.max, now))
        elif isinstance(value, tuple) and any(isinstance(entry, RelativeTime) for entry in value):
            changed[item.name] = tuple(_moment(entry, now) for entry in value)
    return dataclasses.replace(check, **changed) if changed else check  # type: ignore[arg-type]


def _moment(value: Instant, now: datetime) -> Instant:
    return value.at(now) if isinstance(value, RelativeTime) else value


def bind(
    check: m.CanonicalCheck, schema: BatchSchema, references: Mapping[str, BatchSchema] | None = None
) -> m.CanonicalCheck | Unbindable:
    """The check as it is meant for a batch of this schema, or why it can't be meant so.

    Args:
        check: its relative times resolved.
        schema: the batch's columns.
        references: dataset -> its columns, for ``reference`` checks.
    """
    try:
        return _Binder(schema, references or {}).visit(check)
    except Misfit as misfit:
        return Unbindable(misfit.message, misfit.hint)


def near_name(name: str, names: Iterable[str]) -> str:
    """``did you mean 'x'?``, or an empty string; upper and lower case don't count."""
    by_folded = {known.casefold(): known for known in names}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else ""


class _Binder(CheckVisitor[m.CanonicalCheck]):
    def __init__(self, schema: BatchSchema, references: Mapping[str, BatchSchema]) -> None:
        self._schema = schema
        self._references = references

    def _column(self, name: str) -> Column:
        return _find(name, self._schema, "the batch")

    def _need(self, name: str, *, good: bool, check: str, hint: str = "") -> None:
        column = self._column(name)
        if not (good or column.is_null):
            raise Misfit(f"{check} can't be checked on column {name!r}, which is {kind_word(column)}", hint)

    def not_null(self, check: m.NotNull) -> m.CanonicalCheck:
        self._column(check.column)
        return check

    def unique(self, check: m.Unique) -> m.CanonicalCheck:
        for name in check.columns:
            self._need(name, good=not self._column(name).kind.is_nested, check="uniqueness", hint="name the columns of the key")
        return check

    def accepted_values(self, check: m.AcceptedValues) -> m.CanonicalCheck:
        return dataclasses.replace(check, values=fit_values(self._column(check.column), check.values))

    def rejected_values(self, check: m.RejectedValues) -> m.CanonicalCheck:
        return dataclasses.replace(check, values=fit_values(self._column(check.column), check.values))

    def completeness(self, check: m.Completeness) -> m.CanonicalCheck:
        column = self._column(check.column)
        return dataclasses.replace(check, missing_values=fit_values(column, check.missing_values))

    def range(self, check: m.Range) -> m.CanonicalCheck:
        column = self._column(check.column)
        self._need(check.column, good=column.kind.is_ordered, check="a range", hint=_ANY_ORDER)
        return dataclasses.replace(check, bounds=fit_bounds(column, check.bounds, exactly=True))

    def pattern(self, check: m.Pattern) -> m.CanonicalCheck:
        good = self._column(check.column).kind is Kind.STRING
        self._need(check.column, good=good, check="a pattern", hint="patterns are for text columns")
        return check

    def length(self, check: m.Length) -> m.CanonicalCheck:
        good = self._column(check.column).kind is Kind.STRING
        self._need(check.column, good=good, check="a length", hint="lengths are for text columns")
        return check

    def column_comparison(self, check: m.ColumnComparison) -> m.CanonicalCheck:
        left, right = self._column(check.left), self._column(check.right)
        ordering = check.operator not in {m.Operator.EQ, m.Operator.NE}
        for column in (left, right):
            good = column.kind.is_ordered or (column.kind is Kind.BOOLEAN and not ordering)
            self._need(column.name, good=good, check=f"a comparison with {check.operator.value!r}", hint=_ANY_ORDER)
        _need_comparable(left, right)
        return check

    def reference(self, check: m.Reference) -> m.CanonicalCheck:
        theirs = self._references.get(check.dataset)
        if theirs is None:
            raise Misfit(f"the dataset {check.dataset!r} of the reference is not open", "is its file there, and readable?")
        for ours_name, their_name in zip(check.columns, check.reference_columns, strict=True):
            ours, their = self._column(ours_name), _find(their_name, theirs, f"the dataset {check.dataset!r}")
            for column in (ours, their):
                if column.kind.is_nested:
                    raise Misfit(f"a reference can't be checked on column {column.name!r}, which is {kind_word(column)}")
            _need_comparable(ours, their)
        return check

    def monotonic(self, check: m.Monotonic) -> m.CanonicalCheck:
        for name in (check.column, check.order_by):
            if name is not None:
                self._need(name, good=self._column(name).kind.is_ordered, check="an order", hint=_ANY_ORDER)
        return check

    def freshness(self, check: m.Freshness) -> m.CanonicalCheck:
        good = self._column(check.column).kind.is_temporal
        self._need(check.column, good=good, check="freshness", hint="freshness is for DATE and TIMESTAMP columns")
        return check

    def aggregate(self, check: m.Aggregate) -> m.CanonicalCheck:
        column, word = self._column(check.column), check.function.value
        if check.function in {_F.MIN, _F.MAX}:
            self._need(check.column, good=column.kind.is_ordered, check=f"the {word}", hint=_ANY_ORDER)
            return dataclasses.replace(check, bounds=fit_bounds(column, check.bounds, exactly=False))
        if check.function is _F.DISTINCT_COUNT:
            self._need(check.column, good=not column.kind.is_nested, check=f"the {word}")
        else:
            self._need(check.column, good=column.kind.is_number, check=f"the {word}", hint=f"{word} is for number columns")
        return dataclasses.replace(check, bounds=fit_bounds(_ANY_NUMBER, check.bounds, exactly=False))

    def drift(self, check: m.Drift) -> m.CanonicalCheck:
        if check.column is None:
            return check
        column, word = self._column(check.column), check.metric.value
        if check.metric is m.DriftMetric.DISTINCT_COUNT:
            self._need(check.column, good=not column.kind.is_nested, check=f"the drift of {word}")
        elif check.metric not in {m.DriftMetric.NULL_PERCENT, m.DriftMetric.ROW_COUNT}:
            self._need(check.column, good=column.kind.is_number, check=f"the drift of {word}", hint="drift needs numbers")
        return check

    def _as_it_is(self, check: m.CanonicalCheck) -> m.CanonicalCheck:
        return check

    row_expression = schema = column_type = row_count = metric_query = _as_it_is


_ANY_NUMBER = Column("the figure", Kind.FLOAT, "DOUBLE")


def _find(name: str, schema: BatchSchema, owner: str) -> Column:
    column = schema.get(name)
    if column is None:
        raise Misfit(f"{owner} has no column {name!r}", near_name(name, schema.names) or f"it has {', '.join(schema.names)}")
    return column


def _need_comparable(left: Column, right: Column) -> None:
    same = (
        left.kind is right.kind
        or (left.kind.is_number and right.kind.is_number)
        or (left.kind.is_temporal and right.kind.is_temporal)
    )
    if not (same or left.is_null or right.is_null):
        raise Misfit(
            f"column {left.name!r} ({kind_word(left)}) can't be compared with {right.name!r} ({kind_word(right)})",
            "both must be numbers, both texts, or both dates or timestamps",
        )
