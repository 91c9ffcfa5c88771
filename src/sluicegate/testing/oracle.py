"""What the canonical checks mean, in plain Python over rows: slow, exact, and written from the words in ``checks/model.py``.

The conformance suite holds every engine against this, and with them the SQL in ``checks/meaning.py``. It shares nothing with
either: numbers are fractions, texts are Python's, and no database computes anything.
"""

from __future__ import annotations

import itertools
import math
import operator
import re
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sluicegate.checks import model as m
from sluicegate.checks.sqltext import identifier
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of, type_fits
from sluicegate.checks.visitor import CheckVisitor

if TYPE_CHECKING:
    from sluicegate.ports.batch import BatchView

__all__ = ["Expected", "Table", "expected", "ordered", "read_table"]

_RANK_LOW, _RANK_FINITE, _RANK_HIGH, _RANK_NAN = range(-1, 3)


@dataclass(frozen=True, slots=True)
class Table:
    """A dataset as plain values: one tuple per row, in the columns' order."""

    schema: BatchSchema
    rows: tuple[tuple[Any, ...], ...]

    def values(self, name: str) -> list[Any]:
        """All values of a column, in the batch's order."""
        at = self.schema.names.index(name)
        return [row[at] for row in self.rows]

    def column(self, name: str) -> Column:
        """The column of this name.

        Raises:
            KeyError: there is none.
        """
        found = self.schema.get(name)
        if found is None:
            raise KeyError(name)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The figures that a check must yield; None means that the figure is not part of its result.

    Attributes:
        rows, failing: as ``ports.engine.Result`` defines them.
        value: a number as Fraction (NaN and infinities as float), a text, a moment without zone in UTC, or None for no value.
        exact: whether ``value`` must be met to the last digit, or to nine digits.
    """

    rows: int | None = None
    failing: int | None = None
    value: Any = None
    exact: bool = True


def read_table(batch: BatchView, view: str) -> Table:
    """The rows of a view; moments with a zone arrive as UTC's wall clock."""
    connection = batch.connect()
    described = connection.execute(f"DESCRIBE {identifier(view)}").fetchall()
    schema = BatchSchema(tuple(Column(name, kind_of(native) or Kind.OTHER, native) for name, native, *_ in described))
    items = [
        f"timezone('UTC', {identifier(column.name)})" if column.kind is Kind.TIMESTAMP_TZ else identifier(column.name)
        for column in schema
    ]
    rows = tuple(connection.execute(f"SELECT {', '.join(items)} FROM {identifier(view)}").fetchall())
    connection.close()
    return Table(schema, rows)


def expected(check: m.CanonicalCheck, table: Table, references: Mapping[str, Table] | None = None) -> Expected:
    """What the check must yield on these rows.

    Raises:
        NotImplementedError: the check is SQL (``row_expression``, ``metric_query``), which Python can't evaluate.
    """
    return _Oracle(table, references or {}).visit(check)


def ordered(value: Any) -> Any:
    """A value as something that compares as the checks compare: exactly, NaN equal to itself and above all numbers.

    >>> ordered(0.1) == ordered(Decimal("0.1")), ordered(-0.0) == ordered(0), ordered(math.nan) > ordered(math.inf)
    (False, True, True)
    """
    match value:
        case bool() | str() | bytes() | None:
            return value
        case float() | Decimal() if math.isnan(value):
            return (_RANK_NAN, Fraction(0))
        case float() | Decimal() if math.isinf(value):
            return (_RANK_HIGH if value > 0 else _RANK_LOW, Fraction(0))
        case int() | float() | Decimal() | Fraction():
            return (_RANK_FINITE, Fraction(value))
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        case date():
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - midnight, UTC's wall clock
        case UUID():
            return str(value)
        case _:
            return value


@dataclass(frozen=True)
class _Oracle(CheckVisitor[Expected]):
    table: Table
    references: Mapping[str, Table] = field(default_factory=dict)

    def not_null(self, check: m.NotNull) -> Expected:
        values = self.table.values(check.column)
        return Expected(rows=len(values), failing=sum(value is None for value in values))

    def completeness(self, check: m.Completeness) -> Expected:
        column = self.table.column(check.column)
        missing = {_of_check(column, value) for value in check.missing_values if value is not None}
        values = self.table.values(check.column)
        return Expected(rows=len(values), failing=sum(value is None or ordered(value) in missing for value in values))

    def unique(self, check: m.Unique) -> Expected:
        keys = self._keys(self.table, check.columns)
        times = Counter(keys)
        return Expected(rows=len(keys), failing=sum(times[key] > 1 for key in keys))

    def accepted_values(self, check: m.AcceptedValues) -> Expected:
        column = self.table.column(check.column)
        accepted = {_of_check(column, value) for value in check.values if value is not None}
        return self._each(check.column, lambda value: ordered(value) not in accepted)

    def rejected_values(self, check: m.RejectedValues) -> Expected:
        column = self.table.column(check.column)
        rejected = {_of_check(column, value) for value in check.values if value is not None}
        return self._each(check.column, lambda value: ordered(value) in rejected)

    def range(self, check: m.Range) -> Expected:
        column, bounds = self.table.column(check.column), check.bounds
        low = None if bounds.min is None else _of_check(column, bounds.min)
        high = None if bounds.max is None else _of_check(column, bounds.max)

        def outside(value: Any) -> bool:
            at = ordered(value)
            below = low is not None and (at < low or (at == low and not bounds.min_inclusive))
            above = high is not None and (at > high or (at == high and not bounds.max_inclusive))
            return below or above or _is_nan(value)

        return self._each(check.column, outside)

    def pattern(self, check: m.Pattern) -> Expected:
        search = re.compile(_re2_as_python(check.pattern), re.ASCII).search
        return self._each(check.column, lambda value: (search(str(value)) is None) is not check.negate)

    def length(self, check: m.Length) -> Expected:
        low, high = check.min or 0, math.inf if check.max is None else check.max
        return self._each(check.column, lambda value: not low <= len(str(value)) <= high)

    def column_comparison(self, check: m.ColumnComparison) -> Expected:
        left, right = self.table.column(check.left), self.table.column(check.right)
        pairs = zip(self.table.values(check.left), self.table.values(check.right), strict=True)
        both = [pair for pair in pairs if None not in pair]
        compare: dict[m.Operator, Callable[[Any, Any], bool]] = {
            m.Operator.EQ: operator.eq,
            m.Operator.NE: operator.ne,
            m.Operator.LT: operator.lt,
            m.Operator.LE: operator.le,
            m.Operator.GT: operator.gt,
            m.Operator.GE: operator.ge,
        }
        holds = compare[check.operator]
        failing = sum(_is_nan(a) or _is_nan(b) or not holds(_in_terms_of(right, a), _in_terms_of(left, b)) for a, b in both)
        return Expected(rows=len(both), failing=failing)

    def reference(self, check: m.Reference) -> Expected:
        known = set(self._keys(self.references[check.dataset], check.reference_columns))
        keys = self._keys(self.table, check.columns)
        return Expected(rows=len(keys), failing=sum(key not in known for key in keys))

    def monotonic(self, check: m.Monotonic) -> Expected:
        values = self.table.values(check.column)
        if check.order_by is not None:
            keys = [(key is None, ordered(key)) for key in self.table.values(check.order_by)]  # NULL comes last
            values = [values[i] for i in sorted(range(len(values)), key=lambda i: keys[i] if not keys[i][0] else (True,))]
        line = [ordered(value) for value in values if value is not None]
        if check.direction is m.Direction.DECREASING:
            line.reverse()
        breaks = sum(after < before or (check.strict and after == before) for before, after in itertools.pairwise(line))
        return Expected(rows=len(line), failing=breaks)

    def row_expression(self, check: m.RowExpression) -> Expected:
        raise NotImplementedError("a SQL expression: the case must say what it expects")

    def metric_query(self, check: m.MetricQuery) -> Expected:
        raise NotImplementedError("a SQL query: the case must say what it expects")

    def schema(self, check: m.Schema) -> Expected:
        here, allowed = self.table.schema.names, {*check.columns, *check.optional_columns}
        missing = [name for name in check.columns if name not in here]
        unexpected = [] if check.allow_unexpected else [name for name in here if name not in allowed]
        wanted = [name for name in check.columns if name in here]
        found = [name for name in here if name in wanted]
        return Expected(failing=len(missing) + len(unexpected) + (check.ordered and wanted != found))

    def column_type(self, check: m.ColumnType) -> Expected:
        column = self.table.schema.get(check.column)
        fits = check.optional if column is None else type_fits(check.type, column)
        return Expected(failing=int(not fits))

    def row_count(self, check: m.RowCount) -> Expected:  # noqa: ARG002 - the check's bounds are the verdict's matter
        return Expected(value=Fraction(len(self.table.rows)))

    def freshness(self, check: m.Freshness) -> Expected:
        return Expected(value=max((ordered(value) for value in self._present(check.column)), default=None))

    def aggregate(self, check: m.Aggregate) -> Expected:
        return self._figure(check.function, check.column, check.quantile)

    def drift(self, check: m.Drift) -> Expected:
        if check.metric is m.DriftMetric.ROW_COUNT:
            return Expected(value=Fraction(len(self.table.rows)))
        values = self.table.values(check.column or "")
        if check.metric is m.DriftMetric.NULL_PERCENT:
            nulls = sum(value is None for value in values)
            return Expected(value=Fraction(100 * nulls, len(values)) if values else None, exact=False)
        return self._figure(m.AggregateFunction(check.metric.value), check.column or "", None)

    def _figure(self, function: m.AggregateFunction, column: str, quantile: Decimal | None) -> Expected:
        found = _aggregate(function, self._present(column), quantile)
        narrow = self.table.column(column).native.upper() == "FLOAT" and function in {
            m.AggregateFunction.MIN,
            m.AggregateFunction.MAX,
        }
        return Expected(value=_shortest(found.value), exact=False) if narrow and isinstance(found.value, Fraction) else found

    def _present(self, column: str) -> list[Any]:
        return [value for value in self.table.values(column) if value is not None]

    def _each(self, column: str, breaks: Callable[[Any], bool]) -> Expected:
        present = self._present(column)
        return Expected(rows=len(present), failing=sum(map(breaks, present)))

    @staticmethod
    def _keys(table: Table, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        rows = zip(*(table.values(column) for column in columns), strict=True)
        return [tuple(ordered(value) for value in row) for row in rows if None not in row]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _of_check(column: Column, value: Any) -> Any:
    """A check's value beside a column; a DATE column is compared by day."""
    if isinstance(value, float) and column.kind is not Kind.FLOAT and math.isfinite(value):
        return ordered(Decimal(repr(value)))  # the float 0.1 is the author's 0.1
    at = _in_terms_of(column, value)
    return at.replace(hour=0, minute=0, second=0, microsecond=0) if column.kind is Kind.DATE else at


def _in_terms_of(column: Column, value: Any) -> Any:
    """A value beside a column: a number becomes the nearest float next to floats, as wide as they are; else it is exact."""
    if column.kind is not Kind.FLOAT or not isinstance(value, int | float | Decimal):
        return ordered(value)
    if column.native.upper() != "FLOAT" or not math.isfinite(value):
        return ordered(float(value))
    try:
        return ordered(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return ordered(math.copysign(math.inf, value))


def _re2_as_python(pattern: str) -> str:
    """Python's ``$`` also matches before a last line feed; RE2's does not."""
    return re.sub(r"(\\.)|\$", lambda found: found[1] or r"\Z", pattern, flags=re.DOTALL).replace(r"\z", r"\Z")


def _aggregate(function: m.AggregateFunction, values: list[Any], quantile: Decimal | None) -> Expected:
    f = m.AggregateFunction
    if function is f.DISTINCT_COUNT:
        return Expected(value=Fraction(len({ordered(value) for value in values})))
    if not values or (function is f.STDEV and len(values) == 1):
        return Expected()
    if any(_is_nan(value) for value in values):
        return Expected(value=math.nan)
    if function in {f.MIN, f.MAX}:
        return Expected(value=_plain((min if function is f.MIN else max)(values, key=ordered)))
    if any(isinstance(value, float) and math.isinf(value) for value in values):
        return Expected(value=_with_infinities(function, sorted(values), quantile), exact=False)
    return Expected(
        value=_exactly(function, sorted(map(Fraction, values)), quantile), exact=function is f.SUM and not _has_float(values)
    )


def _has_float(values: list[Any]) -> bool:
    return any(isinstance(value, float) for value in values)


def _plain(value: Any) -> Any:
    """A number as Fraction, everything else as it compares."""
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool) and math.isfinite(value)
    if number:
        return Fraction(value)
    return value if isinstance(value, float) else ordered(value)


def _shortest(value: Fraction) -> Fraction:
    """A four-byte float as people write it, 0.1 and not 0.10000000149…: the shortest decimal that reads back as it."""
    texts = (f"{float(value):.{digits}g}" for digits in range(1, 10))
    return next(Fraction(text) for text in texts if struct.unpack("f", struct.pack("f", float(text)))[0] == value)


def _exactly(function: m.AggregateFunction, values: list[Fraction], quantile: Decimal | None) -> Any:
    """Mean, sum, standard deviation or quantile of sorted finite numbers; the root is the only rounded step."""
    f, count, total = m.AggregateFunction, len(values), sum(values, Fraction(0))
    if function is f.SUM:
        return total
    if function is f.MEAN:
        return total / count
    if function is f.STDEV:
        mean = total / count
        variance = sum(((value - mean) ** 2 for value in values), Fraction(0)) / (count - 1)
        return Fraction(math.sqrt(variance))
    at = Fraction(1, 2) if function is f.MEDIAN else Fraction(quantile or 0)
    place = at * (count - 1)
    low = math.floor(place)
    high = min(low + 1, count - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def _with_infinities(function: m.AggregateFunction, values: list[Any], quantile: Decimal | None) -> Any:
    """The same where some are infinite: floats' own arithmetic says what comes out."""
    f = m.AggregateFunction
    if function is f.STDEV:
        return math.nan
    if function in {f.SUM, f.MEAN}:
        return sum(value for value in values if math.isinf(value))
    at = Fraction(1, 2) if function is f.MEDIAN else Fraction(quantile or 0)
    place = at * (len(values) - 1)
    low = math.floor(place)
    before, after = values[low], values[min(low + 1, len(values) - 1)]
    if place == low or before == after:
        return _plain(before)
    infinite = {value for value in (before, after) if math.isinf(value)}
    if infinite:  # between a number and an infinity lies the infinity; between two, nothing that is known
        return infinite.pop() if len(infinite) == 1 else math.nan
    return Fraction(before) + (Fraction(after) - Fraction(before)) * (place - low)
