"""The canonical checks: a closed union of small frozen types, each a promise that any engine can test.

What each one means, to the row, is defined once in ``meaning.py``. A *row-level* check can name the rows that break it;
a *dataset-level* check yields one value that is held against bounds. Dimensions are ODCS's.

All of them agree on this: NULL breaks nothing but ``not_null`` and ``completeness``; NaN is a value, and it breaks ranges
and aggregates; numbers compare exactly; text is compared by code point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, TypeAlias, get_args

from sluicegate.checks.values import Instant, Scalar

__all__ = [
    "CANONICAL_TYPES",
    "AcceptedValues",
    "Aggregate",
    "AggregateFunction",
    "Bounds",
    "CanonicalCheck",
    "ColumnComparison",
    "ColumnType",
    "Completeness",
    "Dimension",
    "Direction",
    "Drift",
    "DriftMethod",
    "DriftMetric",
    "Freshness",
    "Length",
    "MetricQuery",
    "Monotonic",
    "NotNull",
    "Operator",
    "Pattern",
    "Range",
    "Reference",
    "RejectedValues",
    "RowCount",
    "RowExpression",
    "Schema",
    "Unique",
]


class Dimension(StrEnum):
    """What kind of quality a check is about (ODCS's seven)."""

    ACCURACY = "accuracy"
    COMPLETENESS = "completeness"
    CONFORMITY = "conformity"
    CONSISTENCY = "consistency"
    COVERAGE = "coverage"
    TIMELINESS = "timeliness"
    UNIQUENESS = "uniqueness"


class Operator(StrEnum):
    """How ``column_comparison`` compares two columns of a row."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


class Direction(StrEnum):
    INCREASING = "increasing"
    DECREASING = "decreasing"


class AggregateFunction(StrEnum):
    """What ``aggregate`` computes over the non-NULL values of a column.

    ``stdev`` is the sample's (n - 1); ``median`` and ``quantile`` interpolate linearly between neighbours.
    """

    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    SUM = "sum"
    STDEV = "stdev"
    MEDIAN = "median"
    QUANTILE = "quantile"
    DISTINCT_COUNT = "distinct_count"


class DriftMethod(StrEnum):
    """How ``drift`` measures the distance of a metric from its own past."""

    ZSCORE = "zscore"
    PERCENT = "percent"


class DriftMetric(StrEnum):
    """What ``drift`` watches."""

    ROW_COUNT = "row_count"
    NULL_PERCENT = "null_percent"
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    SUM = "sum"
    STDEV = "stdev"
    MEDIAN = "median"
    DISTINCT_COUNT = "distinct_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """An interval; a side that is None is open."""

    min: Instant = None
    max: Instant = None
    min_inclusive: bool = True
    max_inclusive: bool = True

    def hold(self, value: Scalar) -> bool:
        """Whether the value lies within; NaN never does.

        >>> Bounds(min=1, max=3, max_inclusive=False).hold(3)
        False
        """
        if isinstance(value, float | Decimal) and math.isnan(value):
            return False
        low, high = _comparable(self.min), _comparable(self.max)
        at = _comparable(value)
        above = low is None or (at >= low if self.min_inclusive else at > low)  # type: ignore[operator]
        below = high is None or (at <= high if self.max_inclusive else at < high)  # type: ignore[operator]
        return bool(above and below)

    def __str__(self) -> str:
        left, right = "[" if self.min_inclusive else "(", "]" if self.max_inclusive else ")"
        low = "-inf" if self.min is None else self.min
        high = "inf" if self.max is None else self.max
        return f"{left}{low}, {high}{right}"


def _comparable(value: Instant) -> Instant:
    """Dates become midnight, so that a date and a timestamp compare; naive timestamps are UTC's wall clock."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) if value.tzinfo is None else (value - value.utcoffset()).replace(tzinfo=None)  # type: ignore[operator]
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - naive on purpose, as above
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(repr(value))  # the float 0.15 is the author's 0.15, not 0.1499999999999999944…
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNull:
    """Every row has a value in the column. NaN and the empty string are values."""

    type_name: ClassVar[str] = "not_null"
    dimension: ClassVar[Dimension] = Dimension.COMPLETENESS
    row_level: ClassVar[bool] = True
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """No two rows share the key. Every row of a repeated key breaks it; rows with a NULL in the key are not considered."""

    type_name: ClassVar[str] = "unique"
    dimension: ClassVar[Dimension] = Dimension.UNIQUENESS
    row_level: ClassVar[bool] = True
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedValues:
    """Every value is one of these."""

    type_name: ClassVar[str] = "accepted_values"
    dimension: ClassVar[Dimension] = Dimension.CONFORMITY
    row_level: ClassVar[bool] = True
    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedValues:
    """No value is one of these."""

    type_name: ClassVar[str] = "rejected_values"
    dimension: ClassVar[Dimension] = Dimension.CONFORMITY
    row_level: ClassVar[bool] = True
    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Every value lies between two bounds: numbers, text, dates, timestamps, or times relative to the run's clock.

    A column of dates is compared by day (a bound's time of day is cut off), a column of floats in its own precision.
    """

    type_name: ClassVar[str] = "range"
    dimension: ClassVar[Dimension] = Dimension.ACCURACY
    row_level: ClassVar[bool] = True
    column: str
    bounds: Bounds = field(metadata={"inline": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Every value contains a match of the regular expression: a *search*, so anchor it.

    With ``negate``, no value may contain one. The dialect is RE2's; what it lacks (look-around, back-references) is
    ``unsupported`` on engines that have no other.
    """

    type_name: ClassVar[str] = "pattern"
    dimension: ClassVar[Dimension] = Dimension.CONFORMITY
    row_level: ClassVar[bool] = True
    column: str
    pattern: str
    negate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Every text has between ``min`` and ``max`` code points, both included."""

    type_name: ClassVar[str] = "length"
    dimension: ClassVar[Dimension] = Dimension.CONFORMITY
    row_level: ClassVar[bool] = True
    column: str
    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """At least ``min_percent`` of all rows have a value that is not NULL and not one of ``missing_values``."""

    type_name: ClassVar[str] = "completeness"
    dimension: ClassVar[Dimension] = Dimension.COMPLETENESS
    row_level: ClassVar[bool] = True
    column: str
    min_percent: Decimal
    missing_values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnComparison:
    """In every row ``left operator right`` holds; a row with a NULL on either side is not considered, NaN breaks it.

    An integer or a decimal beside a float column is compared as a float.
    """

    type_name: ClassVar[str] = "column_comparison"
    dimension: ClassVar[Dimension] = Dimension.CONSISTENCY
    row_level: ClassVar[bool] = True
    left: str
    operator: Operator
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Every key exists among ``reference_columns`` of another dataset; rows with a NULL in the key are not considered.

    ``dataset`` is a name from the contract's ``references``, or a file, a glob or an ``s3://`` URI, relative to the contract's file.
    """

    type_name: ClassVar[str] = "reference"
    dimension: ClassVar[Dimension] = Dimension.CONSISTENCY
    row_level: ClassVar[bool] = True
    columns: tuple[str, ...]
    dataset: str
    reference_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monotonic:
    """Each value is at least (``strict``: more than) the one before it, or the other way round when decreasing.

    Before it means in the order of the batch, or of ``order_by``. NULLs are passed over.
    """

    type_name: ClassVar[str] = "monotonic"
    dimension: ClassVar[Dimension] = Dimension.CONSISTENCY
    row_level: ClassVar[bool] = True
    column: str
    direction: Direction = Direction.INCREASING
    strict: bool = False
    order_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExpression:
    """A SQL expression (DuckDB's dialect) over one row's columns that is false for no row; NULL is not false.

    No subqueries, aggregates or windows: those are for ``metric_query``. No ``now()``, no ``random()``: a verdict is reproducible.
    """

    type_name: ClassVar[str] = "row_expression"
    dimension: ClassVar[Dimension] = Dimension.CONSISTENCY
    row_level: ClassVar[bool] = True
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The batch has these columns; others only with ``allow_unexpected``; in this order with ``ordered``."""

    type_name: ClassVar[str] = "schema"
    dimension: ClassVar[Dimension] = Dimension.CONFORMITY
    row_level: ClassVar[bool] = False
    columns: tuple[str, ...]
    optional_columns: tuple[str, ...] = ()
    allow_unexpected: bool = True
    ordered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType:
    """The column has this type: ``integer`` takes any width, ``int32`` or ``decimal(10,2)`` only that one.

    ``list`` takes any list, ``list<int64>`` or ``struct<a: string>`` only what holds just that.

    A column that is absent breaks it, unless it is ``optional``.
    """

    type_name: ClassVar[str] = "column_type"
    dimension: ClassVar[Dimension] = Dimension.CONFORMITY
    row_level: ClassVar[bool] = False
    column: str
    type: str
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCount:
    """The batch has this many rows; with ``window_hours``, counted together with what was committed in that time before."""

    type_name: ClassVar[str] = "row_count"
    dimension: ClassVar[Dimension] = Dimension.COMPLETENESS
    row_level: ClassVar[bool] = False
    bounds: Bounds = field(metadata={"inline": True})
    window_hours: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """The newest value of a date or timestamp column is at most ``max_age_hours`` older than the run's clock."""

    type_name: ClassVar[str] = "freshness"
    dimension: ClassVar[Dimension] = Dimension.TIMELINESS
    row_level: ClassVar[bool] = False
    column: str
    max_age_hours: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A figure over the column's non-NULL values lies within bounds. One NaN makes every figure but a count NaN."""

    type_name: ClassVar[str] = "aggregate"
    dimension: ClassVar[Dimension] = Dimension.ACCURACY
    row_level: ClassVar[bool] = False
    column: str
    function: AggregateFunction
    bounds: Bounds = field(metadata={"inline": True})
    quantile: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuery:
    """A SELECT (DuckDB's dialect, over ``batch`` and the contract's references) whose one value lies within bounds.

    No table functions, files, ``now()`` or ``random()``.
    """

    type_name: ClassVar[str] = "metric_query"
    dimension: ClassVar[Dimension] = Dimension.ACCURACY
    row_level: ClassVar[bool] = False
    query: str
    bounds: Bounds = field(metadata={"inline": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A metric stays near its own past: within ``threshold`` standard deviations, or percent of the mean, of past runs.

    Until ``min_runs`` past runs exist the check is ``skipped``; ``window_runs`` bounds how far back it looks.
    """

    type_name: ClassVar[str] = "drift"
    dimension: ClassVar[Dimension] = Dimension.ACCURACY
    row_level: ClassVar[bool] = False
    metric: DriftMetric
    threshold: Decimal
    column: str | None = None
    method: DriftMethod = DriftMethod.ZSCORE
    window_runs: int = 30
    min_runs: int = 5


CanonicalCheck: TypeAlias = (
    NotNull
    | Unique
    | AcceptedValues
    | RejectedValues
    | Range
    | Pattern
    | Length
    | Completeness
    | ColumnComparison
    | Reference
    | Monotonic
    | RowExpression
    | Schema
    | ColumnType
    | RowCount
    | Freshness
    | Aggregate
    | MetricQuery
    | Drift
)

CANONICAL_TYPES: dict[str, type[CanonicalCheck]] = {check.type_name: check for check in get_args(CanonicalCheck)}
"""Every canonical check by the name that contracts use."""
