"""Canonical checks in SodaCL: user-defined metrics over the reference meaning, Soda's own checks where they mean the same.

Each check becomes a few entries, and a way to read its figures from what the database answered to them. The rows considered
and the rows failing are always asked for explicitly; a percentage is never read, a name never matched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json
from sluicegate.checks.custom_sql import Refused, guard_query
from sluicegate.checks.figures import Figured, figure, read_figure
from sluicegate.checks.meaning import row_meaning
from sluicegate.checks.nested import inner_types
from sluicegate.checks.patterns import inspect_pattern
from sluicegate.checks.questions import Alone, Asked, Figures, Question, ask
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of, type_fits
from sluicegate.checks.values import Instant, Scalar
from sluicegate.checks.visitor import CheckVisitor
from sluicegate.ports.engine import Result, Unsupported
from sluicegate_adapters.engines.soda.answering import Share
from sluicegate_adapters.engines.soda.sodacl import expression_text, metric_name, name_text, query_text

__all__ = ["Entry", "Probe", "Row", "probe"]

Row = tuple[Any, ...]
_EXTREMES = {m.AggregateFunction.MIN, m.AggregateFunction.MAX}

_NAMEABLE = re.compile(r"(?!.*\$\{)[^\"\r\n\x00]+")
"""Column names that Soda's grammar takes between double quotes: it knows no escape."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One check of a SodaCL document: its line and its configuration."""

    line: str
    config: Mapping[str, Json]
    asks: Mapping[str, Share] = field(default_factory=dict)
    """What Soda asks for it, as Soda gets it -> how the run's one scan answers that."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A canonical check as SodaCL.

    Attributes:
        entries: what Soda is asked.
        read: from the database's answers to them, in their order, to the figures. Soda's own check says nothing through
            an answer; it hands over its faults instead.
        questions: what it takes to answer Soda.
        own_path: why Soda reads the batch itself.
    """

    entries: tuple[Entry, ...]
    read: Callable[[Sequence[Row]], Result]
    questions: tuple[Question, ...] = ()
    own_path: str = ""


def probe(
    check: ContractCheck, schema: BatchSchema | None, references: Mapping[str, str] | None = None, now: datetime | None = None
) -> Probe | Unsupported:
    """Translate a canonical check.

    Args:
        check: its promise is canonical; bound, if there is a schema.
        schema: the batch's columns; None when there is no data yet.
        references: dataset -> view.
        now: the run's clock, when there is a run.
    """
    found: Probe | Unsupported = _Probes(check, schema, references or {}, now).visit(check.promise)  # type: ignore[arg-type]
    if isinstance(found, Unsupported):
        return found
    work = ask(check.promise, schema, references)  # type: ignore[arg-type]
    match work:
        case Asked(questions=questions):
            return replace(found, questions=questions)
        case Alone(why=why):
            return replace(found, own_path=why)
    return found


class _Probes(CheckVisitor[Probe | Unsupported]):
    def __init__(
        self, check: ContractCheck, schema: BatchSchema | None, references: Mapping[str, str], now: datetime | None
    ) -> None:
        self._check = check
        self._schema = schema
        self._references = references
        self._now = now

    # --- building blocks -------------------------------------------------------------------------------------------------

    def _metric(self, prefix: str, threshold: str, sql: str, share: Share | None = None) -> Entry:
        name, text = metric_name(prefix, self._check.id), expression_text(sql)
        config = {"name": name_text(self._check.name), f"{name} expression": text}
        return Entry(f"{name} {threshold}", config, {text: share} if share else {})

    def _query(self, prefix: str, threshold: str, sql: str, share: Share | None = None) -> Entry:
        name = metric_name(prefix, self._check.id)
        config = {"name": name_text(self._check.name), f"{name} query": query_text(sql)}
        return Entry(f"{name} {threshold}", config, {sql: share} if share else {})

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
        considered, failed = _count(meaning.considered), _count(meaning.failing)
        if not meaning.fusable:
            return self._counted(f"SELECT {considered} AS rows,\n       {failed} AS failing\nFROM {meaning.source}")
        threshold = ">= 0" if isinstance(promise, m.Completeness) else self._limit()
        entries = [failing or self._metric("failing", threshold, failed, self._share(promise, lambda found: found.failing))]
        if considered == "count(*)":
            entries.append(self._soda("row_count >= 0"))
        else:
            entries.append(self._metric("rows", ">= 0", considered, self._share(promise, lambda found: found.rows)))
        limit = self._percent(promise)
        if limit is not None:
            percent = f"coalesce(100.0 * {failed} / nullif({considered}, 0), 0)"
            entries.append(self._metric("percent", f"<= {_number(limit)}", percent, self._share(promise, _percent_of)))
        return Probe(tuple(entries), self._read_rows)

    def _share(self, promise: m.CanonicalCheck, of: Callable[[Figures], Any]) -> Share | None:
        """How the figures of a check are had from its questions; None if it has none."""
        work = ask(promise, self._schema, self._references)
        return Share(work.questions, lambda answers: of(work.read(answers))) if isinstance(work, Asked) else None

    def _raw(self, promise: Figured, encode: Callable[[Any], Any] = lambda raw: raw) -> Share | None:
        """The same for the one figure of a check, as the database gives it."""
        work = ask(promise, self._schema, self._references)
        if not isinstance(work, Asked):
            return None
        return Share(work.questions, lambda answers: None if answers[0] is None else encode(answers[0]))

    def _read_rows(self, answers: Sequence[Row]) -> Result:
        return Result(check_id=self._check.id, failing=int(answers[0][0]), rows=int(answers[1][0]))

    def _counted(self, sql: str, share: Share | None = None) -> Probe:
        """A statement of its own that answers rows and failing; Soda judges its last column."""
        return Probe((self._query("failing", self._limit(), sql, share),), self._read_counted)

    def _read_counted(self, answers: Sequence[Row]) -> Result:
        rows, failing = answers[0]
        return Result(check_id=self._check.id, rows=int(rows), failing=int(failing))

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

    def pattern(self, check: m.Pattern) -> Probe | Unsupported:
        if lacking := inspect_pattern(check.pattern).python_only:
            return Unsupported(f"Soda matches with DuckDB's regular expressions (RE2), which lack {', '.join(lacking)}")
        return self._rows(check)

    accepted_values = rejected_values = range = length = completeness = _row_level
    column_comparison = reference = monotonic = row_expression = _row_level

    def unique(self, check: m.Unique) -> Probe:
        """The reference's figures from one aggregation: how often each key occurs, and how many rows that makes."""
        keys = ", ".join(identifier(column) for column in check.columns)
        present = row_meaning(check, self._schema).considered
        return self._counted(
            "SELECT coalesce(sum(n), 0) AS rows,\n       coalesce(sum(n) FILTER (WHERE n > 1), 0) AS failing\n"
            f"FROM (SELECT count(*) AS n FROM {BATCH} WHERE {present} GROUP BY {keys})",
            self._share(check, lambda found: (found.rows, found.failing)),
        )

    # --- the batch's columns ---------------------------------------------------------------------------------------------

    def schema(self, check: m.Schema) -> Probe:
        allowed: dict[str, Json] = dict.fromkeys((*check.columns, *check.optional_columns))
        if check.allow_unexpected:
            rules: dict[str, Json] = {"when required column missing": list(check.columns)}
        elif not allowed:
            rules = {"when forbidden column present": ["%"]}  # an empty list of columns is one that Soda ignores
        else:
            rules = {"when mismatching columns": allowed}
            if check.optional_columns:
                rules["with optional columns"] = list(check.optional_columns)
        entries = [self._soda("schema", {"fail": rules})]
        if check.ordered and check.columns:
            entries.append(self._query("order", "= 0", _order_sql(check.columns)))
        return Probe(tuple(entries), self._read_faults)

    def column_type(self, check: m.ColumnType) -> Probe:
        fits = f"coalesce(bool_or({self._type_sql(check)}), {literal(check.optional)})"
        where = f"table_name = '{BATCH}' AND column_name = {literal(check.column)}"
        sql = f"SELECT CAST(NOT {fits} AS INTEGER) FROM information_schema.columns WHERE {where}"
        return Probe((self._query("wrong_type", "= 0", sql),), self._read_faults)

    def _type_sql(self, check: m.ColumnType) -> str:
        column = self._schema.get(check.column) if self._schema else None
        if column is None or not inner_types(check.type):
            return _types_sql(check.type)
        # Whole names are all that can be compared: the batch's own, where it fits.
        return f"data_type = {literal(column.native)}" if column.is_null or type_fits(check.type, column) else "FALSE"

    def _read_faults(self, answers: Sequence[Row]) -> Result:
        return Result(check_id=self._check.id, failing=sum(int(answer[0]) for answer in answers))

    # --- figures ---------------------------------------------------------------------------------------------------------

    def row_count(self, check: m.RowCount) -> Probe | Unsupported:
        threshold = _threshold(check.bounds)
        return _NO_NUMBER if threshold is None else self._figured(check, self._soda(f"row_count {threshold}"))

    def freshness(self, check: m.Freshness) -> Probe:
        """Soda's own where it means the same: it takes a DATE for its last microsecond."""
        minutes = check.max_age_hours * 60
        if self._kind(check.column) in {None, Kind.TIMESTAMP} and minutes == int(minutes) and _NAMEABLE.fullmatch(check.column):
            return self._figured(check, self._soda(f'freshness("{check.column}") < {_duration(int(minutes))}'))
        newest = _microseconds_sql(figure(check, self._schema))
        name = metric_name("age_hours", self._check.id)
        # NOW is a variable of Soda's: the only template here that is meant as one.
        age = f"(epoch_us(TIMESTAMPTZ '${{NOW}}') - {expression_text(newest)}) / 3600000000"
        judged = self._soda(f"{name} <= {_number(check.max_age_hours)}", {f"{name} expression": age})
        aged = self._raw(check, self._age) if self._now else None
        judged = replace(judged, asks={age: aged} if aged else {})
        moment = self._figured(check, self._metric("newest_us", _ANYTHING, newest, self._raw(check, _encoded)), _wall_clock)
        return Probe((*moment.entries, judged), moment.read)

    def _age(self, newest: Any) -> float:
        """Hours since a moment."""
        assert self._now is not None  # noqa: S101 - else nobody asks
        return (_encoded(self._now) - _encoded(newest)) / 3_600_000_000

    def aggregate(self, check: m.Aggregate) -> Probe | Unsupported:
        kind = self._kind(check.column)
        if check.function in _EXTREMES and kind is not None and not kind.is_number:
            return self._moment(check, kind)
        return self._number(check, check.function, check.bounds)

    def drift(self, check: m.Drift) -> Probe | Unsupported:
        if check.metric is m.DriftMetric.ROW_COUNT:
            return self._figured(check, self._soda("row_count >= 0"))
        return self._number(check, check.metric, m.Bounds())

    def _number(self, check: m.Aggregate | m.Drift, prefix: str, bounds: m.Bounds) -> Probe | Unsupported:
        threshold = _threshold(bounds)
        if threshold is None:
            return _NO_NUMBER
        return self._figured(check, self._metric(prefix, threshold, figure(check, self._schema), self._raw(check)))

    def _moment(self, check: m.Aggregate, kind: Kind) -> Probe | Unsupported:
        """The first or last date, time or timestamp, as microseconds: Soda's figures are numbers."""
        if not (kind.is_temporal or kind is Kind.TIME):
            return _NO_NUMBER
        sql, bounds = figure(check, self._schema), check.bounds
        ends = [None if at is None else _microseconds(at) for at in (bounds.min, bounds.max)]
        threshold = _threshold(replace(bounds, min=ends[0], max=ends[1])) or _ANYTHING
        encoded = f"epoch_us({sql})" if kind is Kind.TIME else _microseconds_sql(sql)
        entry = self._metric(f"{check.function.value}_us", threshold, encoded, self._raw(check, _encoded))
        return self._figured(check, entry, _DECODE.get(kind, _wall_clock))

    def _figured(self, check: Figured, entry: Entry, decode: Callable[[Any], Scalar] = lambda raw: raw) -> Probe:
        def read(answers: Sequence[Row]) -> Result:
            raw = answers[0][0]
            value = None if raw is None else read_figure(check, decode(raw), self._schema)
            return Result(check_id=self._check.id, value=value)

        return Probe((entry,), read)

    def metric_query(self, check: m.MetricQuery) -> Probe | Unsupported:
        threshold = _threshold(check.bounds)
        if threshold is None:
            return _NO_NUMBER
        guarded = guard_query(check.query, self._references)  # a refusal is the run's to report
        entry = self._query("value", threshold, check.query if isinstance(guarded, Refused) else guarded)
        return Probe((entry,), self._read_query)

    def _read_query(self, answers: Sequence[Row]) -> Result:
        if len(answers[0]) != 1:
            return Result(
                check_id=self._check.id, error="the query answers several columns", error_hint="select one value", harmless=True
            )
        value = answers[0][0]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float | Decimal)):
            kind = type(value).__name__
            return Result(check_id=self._check.id, error=f"the query answers a {kind}; Soda's metrics are numbers", harmless=True)
        return Result(check_id=self._check.id, value=value)


_NO_NUMBER = Unsupported("Soda holds numbers only against thresholds, not texts, dates or timestamps")
_ANYTHING = "> -999999999999999999"
"""Soda knows no check without a threshold: this one is for figures that are judged elsewhere."""


def _microseconds_sql(moment: str) -> str:
    """A date or timestamp as microseconds since 1970; what is infinite leaves Python's calendar, and is an error there."""
    at = moment if moment.endswith(" AS TIMESTAMP)") else f"CAST({moment} AS TIMESTAMP)"
    return f"coalesce(epoch_us({at}), CASE WHEN {at} IS NOT NULL THEN {2**62} END)"


def _encoded(value: Any) -> int:
    """What ``_microseconds_sql`` makes of a moment, from the moment itself; what Python can't hold leaves its calendar again."""
    beyond = not isinstance(value, date | time) or (isinstance(value, datetime) and value.replace(tzinfo=None) in _INFINITE)
    return 2**62 if beyond else _microseconds(value)


def _microseconds(value: Instant) -> int:
    """A bound, as binding leaves it: a date, a time, a naive moment or one in UTC."""
    at = datetime.combine(_EPOCH, value) if isinstance(value, time) else value
    if not isinstance(at, datetime):
        assert isinstance(at, date), at  # noqa: S101 - binding leaves nothing else
        at = datetime(at.year, at.month, at.day)  # noqa: DTZ001 - midnight of UTC's wall clock, as all here
    return (at.replace(tzinfo=None) - _EPOCH) // timedelta(microseconds=1)


def _wall_clock(microseconds: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))


_INFINITE = {datetime.max, datetime.min}  # noqa: DTZ901 - how DuckDB hands out a TIMESTAMP 'infinity'
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC's wall clock
_DECODE: dict[Kind, Callable[[Any], Scalar]] = {
    Kind.DATE: lambda raw: _wall_clock(raw).date(),
    Kind.TIME: lambda raw: _wall_clock(raw).time(),
}


def _percent_of(found: Figures) -> float:
    return 100 * (found.failing or 0) / found.rows if found.rows else 0.0


def _count(predicate: str) -> str:
    """How many rows a predicate holds for, in the cheapest spelling: FILTER copies what it selects, CASE does much the same."""
    if predicate == "TRUE":
        return "count(*)"
    present = re.fullmatch(r'("(?:[^"]|"")*") IS NOT NULL', predicate)
    return f"count({present[1]})" if present else f"coalesce(count_if({predicate}), 0)"


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
