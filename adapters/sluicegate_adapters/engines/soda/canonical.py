"""Canonical checks in SodaCL: user-defined metrics over the reference meaning, Soda's own checks where they mean the same.

Each check becomes a few entries, and a way to read its figures from what the database answered to them. The rows considered
and the rows failing are always asked for explicitly; a percentage is never read, a name never matched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json
from sluicegate.checks.custom_sql import Refused, guard_query
from sluicegate.checks.meaning import row_meaning
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of, type_fits
from sluicegate.checks.values import Instant, Scalar
from sluicegate.checks.visitor import CheckVisitor
from sluicegate.ports.engine import Result, Unsupported
from sluicegate_adapters.engines.soda.sodacl import expression_text, metric_name, name_text, query_text

__all__ = ["Entry", "Probe", "Row", "probe"]

Row = tuple[Any, ...]
_F = m.AggregateFunction

_NAMEABLE = re.compile(r"(?!.*\$\{)[^\"\r\n\x00]+")
"""Column names that Soda's grammar takes between double quotes: it knows no escape."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One check of a SodaCL document: its line and its configuration."""

    line: str
    config: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Probe:
    """A canonical check as SodaCL.

    Attributes:
        entries: what Soda is asked.
        read: from the database's answers to them, in their order, to the figures. Soda's own check says nothing through
            an answer; it hands over its faults instead.
    """

    entries: tuple[Entry, ...]
    read: Callable[[Sequence[Row]], Result]


def probe(check: ContractCheck, schema: BatchSchema | None, references: Mapping[str, str] | None = None) -> Probe | Unsupported:
    """Translate a canonical check.

    Args:
        check: its promise is canonical; bound, if there is a schema.
        schema: the batch's columns; None when there is no data yet.
        references: dataset -> view.
    """
    return _Probes(check, schema, references or {}).visit(check.promise)  # type: ignore[arg-type]


class _Probes(CheckVisitor[Probe | Unsupported]):
    def __init__(self, check: ContractCheck, schema: BatchSchema | None, references: Mapping[str, str]) -> None:
        self._check = check
        self._schema = schema
        self._references = references

    # --- building blocks -------------------------------------------------------------------------------------------------

    def _metric(self, prefix: str, threshold: str, sql: str, *, query: bool = False) -> Entry:
        name = metric_name(prefix, self._check.id)
        how, text = ("query", query_text(sql)) if query else ("expression", expression_text(sql))
        return Entry(f"{name} {threshold}", {"name": name_text(self._check.name), f"{name} {how}": text})

    def _soda(self, line: str, config: Mapping[str, Json] | None = None) -> Entry:
        return Entry(line, {"name": name_text(self._check.name), **(config or {})})

    def _limit(self) -> str:
        """The threshold of the failing rows; a tolerance in percent has an entry of its own."""
        tolerance = self._check.tolerance
        if tolerance.rows is not None:
            return f"<= {tolerance.rows}" if tolerance.rows else "= 0"
        return ">= 0" if tolerance.percent is not None else "= 0"

    def _percent(self, promise: m.CanonicalCheck) -> Decimal | None:
        if isinstance(promise, m.Completeness):
            return 100 - promise.min_percent
        return self._check.tolerance.percent

    def _rows(self, promise: m.CanonicalCheck, failing: Entry | None = None) -> Probe:
        """Rows considered and rows failing, in the scan that all such checks share."""
        meaning = row_meaning(promise, self._schema, self._references)
        if not meaning.fusable:
            sql = f"SELECT count(*) FILTER (WHERE {meaning.considered}) AS rows, count(*) FILTER (WHERE {meaning.failing}) AS failing FROM {meaning.source}"
            return self._counted(sql)
        limit = self._percent(promise)
        failed = f"count(*) FILTER (WHERE {meaning.failing})"
        considered = "count(*)" if meaning.considered == "TRUE" else f"count(*) FILTER (WHERE {meaning.considered})"
        threshold = ">= 0" if isinstance(promise, m.Completeness) else self._limit()
        entries = [failing or self._metric("failing", threshold, failed)]
        entries.append(self._soda("row_count >= 0") if considered == "count(*)" else self._metric("rows", ">= 0", considered))
        if limit is not None:
            percent = f"coalesce(100.0 * {failed} / nullif({considered}, 0), 0)"
            entries.append(self._metric("percent", f"<= {_number(limit)}", percent))
        return Probe(tuple(entries), self._read_rows)

    def _read_rows(self, answers: Sequence[Row]) -> Result:
        return Result(check_id=self._check.id, failing=int(answers[0][0]), rows=int(answers[1][0]))

    def _counted(self, sql: str) -> Probe:
        """A statement of its own that answers rows and failing; Soda judges its last column."""
        return Probe((self._metric("failing", self._limit(), sql, query=True),), self._read_counted)

    def _read_counted(self, answers: Sequence[Row]) -> Result:
        rows, failing = answers[0]
        return Result(check_id=self._check.id, rows=int(rows), failing=int(failing))

    def _value(self, entry: Entry, decode: Callable[[Any], Scalar] = lambda value: value) -> Probe:
        def read(answers: Sequence[Row]) -> Result:
            value = answers[0][0]
            return Result(check_id=self._check.id, value=None if value is None else decode(value))

        return Probe((entry,), read)

    def _kind(self, name: str) -> Kind | None:
        """None where there is no data yet; a column that can hold nothing but NULL may pass for any number."""
        found = self._schema.get(name) if self._schema else None
        return None if found is None or found.is_null else found.kind

    # --- row-level -------------------------------------------------------------------------------------------------------

    def not_null(self, check: m.NotNull) -> Probe:
        if not _NAMEABLE.fullmatch(check.column):
            return self._rows(check)
        return self._rows(check, self._soda(f'missing_count("{check.column}") {self._limit()}'))

    def _row_level(self, check: m.CanonicalCheck) -> Probe:
        return self._rows(check)

    accepted_values = rejected_values = range = pattern = length = completeness = _row_level
    column_comparison = reference = monotonic = row_expression = _row_level

    def unique(self, check: m.Unique) -> Probe:
        """The reference's figures from one aggregation: how often each key occurs, and how many rows that makes."""
        keys = ", ".join(identifier(column) for column in check.columns)
        present = row_meaning(check, self._schema).considered
        groups = f"SELECT count(*) AS n FROM {BATCH} WHERE {present} GROUP BY {keys}"
        return self._counted(
            f"SELECT coalesce(sum(n), 0) AS rows, coalesce(sum(n) FILTER (WHERE n > 1), 0) AS failing FROM ({groups})"
        )

    # --- the batch's columns ---------------------------------------------------------------------------------------------

    def schema(self, check: m.Schema) -> Probe | Unsupported:
        allowed: dict[str, Json] = dict.fromkeys((*check.columns, *check.optional_columns))
        if not check.allow_unexpected:
            if not allowed:
                return Unsupported("a schema check that allows no column at all is one that Soda ignores")
            rules: dict[str, Json] = {"when mismatching columns": allowed}
            if check.optional_columns:
                rules["with optional columns"] = list(check.optional_columns)
        else:
            rules = {"when required column missing": list(check.columns)}
        entries = [self._soda("schema", {"fail": rules})]
        if check.ordered:
            entries.append(self._metric("order", "= 0", _order_sql(check.columns), query=True))
        return Probe(tuple(entries), self._read_faults)

    def column_type(self, check: m.ColumnType) -> Probe:
        known = f"column_name = {literal(check.column)} AND ({_types_sql(check.type)})"
        sql = f"SELECT CAST(count(*) = 0 AS INTEGER) FROM information_schema.columns WHERE table_name = '{BATCH}' AND {known}"
        return Probe((self._metric("wrong_type", "= 0", sql, query=True),), self._read_faults)

    def _read_faults(self, answers: Sequence[Row]) -> Result:
        return Result(check_id=self._check.id, failing=sum(int(answer[0]) for answer in answers))

    # --- figures ---------------------------------------------------------------------------------------------------------

    def row_count(self, check: m.RowCount) -> Probe | Unsupported:
        threshold = _threshold(check.bounds)
        return _NO_NUMBER if threshold is None else self._value(self._soda(f"row_count {threshold}"), int)

    def freshness(self, check: m.Freshness) -> Probe:
        kind = self._kind(check.column)
        minutes = check.max_age_hours * 60
        # Soda takes a DATE for its last microsecond, and DuckDB hands over a TIMESTAMPTZ only where pytz is installed.
        if kind in {None, Kind.TIMESTAMP} and minutes == int(minutes) and _NAMEABLE.fullmatch(check.column):
            return self._value(self._soda(f'freshness("{check.column}") < {_duration(int(minutes))}'))
        newest = (
            f"epoch_us(CAST(max({identifier(check.column)}) AS {'TIMESTAMPTZ' if kind is Kind.TIMESTAMP_TZ else 'TIMESTAMP'}))"
        )
        age = f"(epoch_us(TIMESTAMPTZ '${{NOW}}') - {newest}) / 3600000000"  # a variable of Soda's, so not escaped
        name = metric_name("age_hours", self._check.id)
        judged = self._soda(f"{name} <= {_number(check.max_age_hours)}", {f"{name} expression": age})
        moment = self._value(self._metric("newest_us", _ANYTHING, newest), _MOMENTS[kind or Kind.TIMESTAMP].decode)
        return Probe((*moment.entries, judged), moment.read)

    def aggregate(self, check: m.Aggregate) -> Probe | Unsupported:
        return self._figure(check.function, check.column, check.bounds, check.quantile)

    def drift(self, check: m.Drift) -> Probe | Unsupported:
        if check.metric is m.DriftMetric.ROW_COUNT:
            return self._value(self._soda("row_count >= 0"), int)
        if check.metric is m.DriftMetric.NULL_PERCENT:
            nulls = f"count(*) FILTER (WHERE {identifier(check.column or '')} IS NULL)"
            return self._value(self._metric("null_percent", ">= 0", f"100.0 * {nulls} / nullif(count(*), 0)"), float)
        return self._figure(_F(check.metric.value), check.column or "", m.Bounds(), None)

    def metric_query(self, check: m.MetricQuery) -> Probe | Unsupported:
        threshold = _threshold(check.bounds)
        if threshold is None:
            return _NO_NUMBER
        guarded = guard_query(check.query, self._references)  # a refusal is the run's to report
        entry = self._metric("value", threshold, check.query if isinstance(guarded, Refused) else guarded, query=True)
        return Probe((entry,), self._read_query)

    def _read_query(self, answers: Sequence[Row]) -> Result:
        if len(answers[0]) != 1:
            return Result(check_id=self._check.id, error="the query answers several columns", error_hint="select one value")
        value = answers[0][0]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
            kind = type(value).__name__
            return Result(check_id=self._check.id, error=f"the query answers a {kind}; Soda's metrics are numbers")
        return Result(check_id=self._check.id, value=value)

    def _figure(
        self, function: m.AggregateFunction, name: str, bounds: m.Bounds, quantile: Decimal | None
    ) -> Probe | Unsupported:
        kind = self._kind(name)
        if function in {_F.MIN, _F.MAX} and kind not in {None, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}:
            return self._moment(function, name, bounds, kind) if kind in _MOMENTS else _NO_NUMBER
        threshold = _threshold(bounds)
        sql = _figure_sql(function, identifier(name), quantile, is_float=kind is Kind.FLOAT)
        return _NO_NUMBER if threshold is None else self._value(self._metric(function.value, threshold, sql))

    def _moment(self, function: m.AggregateFunction, name: str, bounds: m.Bounds, kind: Kind) -> Probe | Unsupported:
        code = _MOMENTS[kind]
        encoded = [None if at is None else code.encode(at) for at in (bounds.min, bounds.max)]
        threshold = _threshold(
            m.Bounds(min=encoded[0], max=encoded[1], min_inclusive=bounds.min_inclusive, max_inclusive=bounds.max_inclusive)
        )
        entry = self._metric(function.value, threshold or _ANYTHING, code.sql.format(f"{function.value}({identifier(name)})"))
        return self._value(entry, code.decode)


_NO_NUMBER = Unsupported("Soda holds numbers only against thresholds, not texts, dates or timestamps")
_ANYTHING = "> -999999999999999999"
"""Soda knows no check without a threshold: this one is for figures that are judged elsewhere."""


@dataclass(frozen=True, slots=True)
class _Code:
    """A kind of moment as an integer: the SQL that makes it (``{}`` stands for the moment), both ways in Python."""

    sql: str
    encode: Callable[[Any], int]
    decode: Callable[[Any], Scalar]


def _days(value: date) -> int:
    return value.toordinal() - date(1970, 1, 1).toordinal()


def _microseconds(value: datetime) -> int:
    return (value.replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 - bound: UTC's wall clock


def _wall_clock(value: Any) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=int(value))  # noqa: DTZ001 - as the column: UTC's wall clock


def _clock_microseconds(value: time) -> int:
    return _microseconds(datetime.combine(date(1970, 1, 1), value))


_MOMENTS = {
    Kind.DATE: _Code("datediff('day', DATE '1970-01-01', {})", _days, lambda value: date.fromordinal(_days_epoch + int(value))),
    Kind.TIME: _Code("epoch_us({})", _clock_microseconds, lambda value: _wall_clock(value).time()),
    Kind.TIMESTAMP: _Code("epoch_us(CAST({} AS TIMESTAMP))", _microseconds, _wall_clock),
    Kind.TIMESTAMP_TZ: _Code("epoch_us({})", _microseconds, lambda value: _wall_clock(value).replace(tzinfo=UTC)),
}
_days_epoch = date(1970, 1, 1).toordinal()


def _figure_sql(function: m.AggregateFunction, column: str, quantile: Decimal | None, *, is_float: bool) -> str:
    """The figure over the non-NULL values; one NaN makes it NaN, which DuckDB's own order and deviation would hide or refuse."""
    match function:
        case _F.MEAN:
            return f"avg({column})"
        case _F.SUM:
            return f"sum({column})"
        case _F.DISTINCT_COUNT:
            return f"count(DISTINCT {column})"
        case _F.STDEV if is_float:
            return _unless(f"NOT isfinite({column})", f"stddev_samp({column}) FILTER (WHERE isfinite({column}))")
        case _F.STDEV:
            return f"stddev_samp({column})"
        case _F.MEDIAN | _F.QUANTILE:
            share = "0.5" if function is _F.MEDIAN else _number(quantile or Decimal(0))
            plain = f"quantile_cont(CAST({column} AS DOUBLE), {share})"  # a decimal's own median is rounded to its scale
        case _F.MIN | _F.MAX:
            plain = f"{function.value}({column})"
    return _unless(f"isnan({column})", plain) if is_float else plain


def _unless(broken: str, figure: str) -> str:
    return f"CASE WHEN bool_or({broken}) THEN CAST('nan' AS DOUBLE) ELSE {figure} END"


def _order_sql(columns: Sequence[str]) -> str:
    places = ", ".join(f"({place}, {literal(name)})" for place, name in enumerate(columns))
    here, wanted = (f"list(c.column_name ORDER BY {place})" for place in ("c.ordinal_position", "w.place"))
    return (
        f"SELECT CAST(coalesce({here} <> {wanted}, FALSE) AS INTEGER) FROM information_schema.columns AS c "
        f"JOIN (VALUES {places}) AS w(place, name) ON c.column_name = w.name WHERE c.table_name = '{BATCH}'"
    )


_NATIVES = (
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT",
    "DOUBLE", "VARCHAR", "UUID", "JSON", "DATE", "TIME", "TIME WITH TIME ZONE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS",
    "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "BLOB",
)  # fmt: skip
_FAMILIES = {
    "DECIMAL(18,3)": "data_type LIKE 'DECIMAL(%'", "ENUM('a')": "data_type LIKE 'ENUM(%)'", "VARCHAR[]": "data_type LIKE '%]'",
    "STRUCT(a INTEGER)": "data_type LIKE 'STRUCT(%)'", "MAP(VARCHAR, INTEGER)": "data_type LIKE 'MAP(%)'",
}  # fmt: skip


def _types_sql(declared: str) -> str:
    """Which of the data source's types the declared one takes: Soda's schema check compares whole names, and knows no kinds."""

    def fits(native: str) -> bool:
        return type_fits(declared, Column("", kind_of(native) or Kind.OTHER, native))

    arguments = re.search(r"\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", declared)
    if kind_of(declared) is None:
        return "FALSE"
    if kind_of(declared) is Kind.DECIMAL and arguments:
        return f"data_type IN ('DECIMAL({arguments[1]},{arguments[2] or 0})', '\"NULL\"')"
    names = ", ".join(literal(native) for native in (*filter(fits, _NATIVES), '"NULL"'))
    return " OR ".join([f"data_type IN ({names})", *(sql for native, sql in _FAMILIES.items() if fits(native))])


def _threshold(bounds: m.Bounds) -> str | None:
    """Bounds as Soda writes them; None if they are not numbers."""
    ends = [None if _is_open(bound) else bound for bound in (bounds.min, bounds.max)]
    if any(bound is not None and (isinstance(bound, bool) or not isinstance(bound, int | float | Decimal)) for bound in ends):
        return None
    low, high = (None if bound is None else _number(bound) for bound in ends)  # type: ignore[arg-type]
    if low is not None and high is not None:
        left, right = "" if bounds.min_inclusive else "(", "" if bounds.max_inclusive else ")"
        return f"between {left}{low} and {high}{right}"
    if low is not None:
        return f"{'>=' if bounds.min_inclusive else '>'} {low}"
    return _ANYTHING if high is None else f"{'<=' if bounds.max_inclusive else '<'} {high}"


def _is_open(bound: Instant) -> bool:
    return bound is None or (isinstance(bound, float | Decimal) and not math.isfinite(bound))


def _number(value: float | Decimal) -> str:
    exact = value if isinstance(value, int | Decimal) else Decimal(repr(value))
    return format(exact, "f") if isinstance(exact, Decimal) else str(exact)


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest}m" if hours and rest else f"{rest}m" if rest else f"{hours}h"
