"""Native expectations in SQL: which rows one looks at and which break it, or the figures that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind
from sluicegate.checks.meaning import RowMeaning, row_meaning
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema, Kind
from sluicegate_adapters.engines.great_expectations.faults import Fault

__all__ = ["ROW_KINDS", "row_kind"]


def row_kind(kind: str, exact: Mapping[str, Any], schema: BatchSchema | None) -> RowMeaning:
    """The rows of a map expectation, without its row condition.

    Args:
        kind: one of ``ROW_KINDS``.
        exact: its arguments.
        schema: the batch's columns; None when there is no data yet.

    Raises:
        Fault: the arguments don't fit the expectation or the batch.
    """
    return ROW_KINDS[kind](_Call(exact, schema))


@dataclass(frozen=True, slots=True)
class _Call:
    """An expectation's arguments and the batch's columns, with the questions that the translations ask of them."""

    exact: Mapping[str, Any]
    schema: BatchSchema | None
    columns: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        named = [self.exact[key] for key in ("column", "column_A", "column_B") if key in self.exact]
        object.__setattr__(self, "columns", (*named, *(self.exact.get("column_list") or ())))

    def meaning(self, check: m.CanonicalCheck) -> RowMeaning:
        """As the canonical check, fitted to the column."""
        bound = bind(check, self.schema) if self.schema else check
        if isinstance(bound, Unbindable):
            raise Fault(bound.message, bound.hint)
        return row_meaning(bound, self.schema)

    @property
    def column(self) -> str:
        return str(self.exact["column"])

    @property
    def quoted(self) -> list[str]:
        return [identifier(name) for name in self.columns]

    def bounds(self) -> m.Bounds:
        low, high = self.exact.get("min_value"), self.exact.get("max_value")
        if low is None and high is None:
            raise Fault("min_value and max_value cannot both be missing")
        numbers = int | float | Decimal
        if isinstance(low, numbers) and isinstance(high, numbers) and low > high:
            raise Fault("min_value is greater than max_value")
        strict_min, strict_max = bool(self.exact.get("strict_min")), bool(self.exact.get("strict_max"))
        return m.Bounds(min=low, max=high, min_inclusive=not strict_min, max_inclusive=not strict_max)

    def number(self, key: str) -> Decimal:
        try:
            return Decimal(str(self.exact[key]))
        except InvalidOperation as error:
            raise Fault(f"{key} must be a number") from error

    def texts(self, key: str) -> list[str]:
        given = self.exact[key]
        if not isinstance(given, list | tuple) or not given:
            raise Fault(f"{key} must be a list with at least one entry")
        return [str(item) for item in given]

    def present(self, breaks: str) -> RowMeaning:
        """Rows whose value is there, and the predicate that breaks them."""
        there = f"{identifier(self.column)} IS NOT NULL"
        return RowMeaning(considered=there, failing=f"({there} AND {breaks})")


def _not_null(call: _Call) -> RowMeaning:
    return call.meaning(m.NotNull(column=call.column))


def _null(call: _Call) -> RowMeaning:
    return RowMeaning(considered="TRUE", failing=f"{identifier(call.column)} IS NOT NULL")


def _between(call: _Call) -> RowMeaning:
    return call.meaning(m.Range(column=call.column, bounds=call.bounds()))


def _in_set(call: _Call) -> RowMeaning:
    return call.meaning(m.AcceptedValues(column=call.column, values=tuple(call.exact["value_set"])))


def _not_in_set(call: _Call) -> RowMeaning:
    return call.meaning(m.RejectedValues(column=call.column, values=tuple(call.exact["value_set"])))


def _lengths(call: _Call) -> RowMeaning:
    bounds = call.bounds()
    low, high = _whole(bounds.min, "min_value"), _whole(bounds.max, "max_value")
    return call.meaning(
        m.Length(
            column=call.column,
            min=None if low is None else low + (not bounds.min_inclusive),
            max=None if high is None else high - (not bounds.max_inclusive),
        )
    )


def _length(call: _Call) -> RowMeaning:
    exactly = _whole(call.exact["value"], "value")
    return call.meaning(m.Length(column=call.column, min=exactly, max=exactly))


def _whole(value: object, name: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int | float | Decimal) or value != int(value):
        raise Fault(f"{name} must be a whole number")
    return int(value)


def _regex(*, negate: bool) -> Callable[[_Call], RowMeaning]:
    def rows(call: _Call) -> RowMeaning:
        if call.exact.get("regex") is None:
            raise Fault("regex is missing")
        return call.meaning(m.Pattern(column=call.column, pattern=str(call.exact["regex"]), negate=negate))

    return rows


def _regexes(*, negate: bool) -> Callable[[_Call], RowMeaning]:
    def rows(call: _Call) -> RowMeaning:
        patterns = call.texts("regex_list")
        meanings = [call.meaning(m.Pattern(column=call.column, pattern=pattern, negate=negate)) for pattern in patterns]
        every = negate or call.exact.get("match_on") == "all"
        joined = (" OR " if every else " AND ").join(meaning.failing for meaning in meanings)
        return RowMeaning(considered=meanings[0].considered, failing=f"({joined})")

    return rows


def _like(*, key: str, negate: bool) -> Callable[[_Call], RowMeaning]:
    def rows(call: _Call) -> RowMeaning:
        patterns = call.texts(key) if key.endswith("_list") else [str(call.exact[key])]
        column, escape = identifier(call.column), call.exact.get("escape")
        ending = f" ESCAPE {literal(str(escape))}" if escape is not None else ""
        tests = [f"({column} LIKE {literal(pattern)}{ending})" for pattern in patterns]
        if negate:
            return call.present(f"({' OR '.join(tests)})")
        return call.present(f"NOT ({(' AND ' if call.exact.get('match_on') == 'all' else ' OR ').join(tests)})")

    return rows


def _unique(call: _Call) -> RowMeaning:
    return call.meaning(m.Unique(columns=(call.column,)))


def _ordered(direction: m.Direction) -> Callable[[_Call], RowMeaning]:
    def rows(call: _Call) -> RowMeaning:
        strict = bool(call.exact.get("strictly"))
        return call.meaning(m.Monotonic(column=call.column, direction=direction, strict=strict))

    return rows


def _numbers_only(call: _Call) -> None:
    column = call.schema.get(call.column) if call.schema else None
    if call.schema and (column is None or not column.kind.is_number):
        raise Fault(f"column {call.column!r} holds no numbers")


def _z_scores(call: _Call) -> RowMeaning:
    _numbers_only(call)
    double_sided, limit = bool(call.exact["double_sided"]), call.number("threshold")
    score = f"(({identifier(call.column)} - _sluicegate_mean) / _sluicegate_spread)"
    under = f"abs({score}) < {literal(abs(limit))}" if double_sided else f"{score} < {literal(limit)}"
    return _against_figures(call, f"(_sluicegate_spread <> 0 AND NOT ({under}))", spread="stddev_samp", mean="avg")


def _outliers(call: _Call) -> RowMeaning:
    _numbers_only(call)
    method, times = call.exact.get("method") or "iqr", literal(Decimal(str(call.exact.get("multiplier") or "1.5")))
    column = identifier(call.column)
    if method == "std":
        distance = f"abs({column} - _sluicegate_mean)"
        beyond = f"CASE WHEN {times} * _sluicegate_spread <= 0 THEN {column} <> _sluicegate_mean "
        beyond += f"ELSE {distance} >= {times} * _sluicegate_spread END"
        return _against_figures(call, f"(_sluicegate_spread IS NOT NULL AND {beyond})", spread="stddev_samp", mean="avg")
    if method != "iqr":
        raise Fault(f"method {method!r} is neither iqr nor std")
    source = (
        f"(SELECT * FROM {BATCH}, (SELECT quantile_cont(_sluicegate_x, 0.25) AS _sluicegate_low, "
        f"quantile_cont(_sluicegate_x, 0.75) AS _sluicegate_high FROM (SELECT CAST({column} AS DOUBLE) AS _sluicegate_x "
        f"FROM {BATCH} WHERE {column} IS NOT NULL)))"
    )
    fence = f"{times} * (_sluicegate_high - _sluicegate_low)"
    beyond = f"({column} < _sluicegate_low - {fence} OR {column} > _sluicegate_high + {fence})"
    there = f"{column} IS NOT NULL"
    return RowMeaning(considered=there, failing=f"({there} AND {beyond})", source=source, fusable=False)


def _against_figures(call: _Call, breaks: str, *, spread: str, mean: str) -> RowMeaning:
    column = identifier(call.column)
    source = (
        f"(SELECT * FROM {BATCH}, (SELECT {mean}({column}) AS _sluicegate_mean, {spread}({column}) AS _sluicegate_spread "
        f"FROM {BATCH}))"
    )
    there = f"{column} IS NOT NULL"
    return RowMeaning(considered=there, failing=f"({there} AND coalesce({breaks}, FALSE))", source=source, fusable=False)


_IGNORE = {
    "both_values_are_missing": "any", "all_values_are_missing": "any", "either_value_is_missing": "all",
    "any_value_is_missing": "all", "neither": "none", "never": "none",
}  # fmt: skip


def _looked_at(call: _Call, default: str) -> str:
    given = str(call.exact.get("ignore_row_if") or default)
    if given not in _IGNORE:
        raise Fault(f"ignore_row_if can't be {given!r}", f"it is one of {', '.join(_IGNORE)}")
    there = [f"{column} IS NOT NULL" for column in call.quoted]
    match _IGNORE[given]:
        case "any":
            return f"({' OR '.join(there)})"
        case "all":
            return f"({' AND '.join(there)})"
        case _:
            return "TRUE"


def _pair(holds: Callable[[_Call, str, str], str]) -> Callable[[_Call], RowMeaning]:
    def rows(call: _Call) -> RowMeaning:
        left, right = call.quoted
        looked_at = _looked_at(call, "both_values_are_missing")
        return RowMeaning(considered=looked_at, failing=f"({looked_at} AND NOT coalesce({holds(call, left, right)}, FALSE))")

    return rows


def _greater(call: _Call, left: str, right: str) -> str:
    return f"({left} {'>=' if call.exact.get('or_equal') else '>'} {right})"


def _pair_in_set(call: _Call, left: str, right: str) -> str:
    pairs = [tuple(pair) for pair in call.exact["value_pairs_set"]]
    same = [f"({left} IS NOT DISTINCT FROM {literal(one)} AND {right} IS NOT DISTINCT FROM {literal(two)})" for one, two in pairs]
    return f"({' OR '.join(same) or 'FALSE'})"


def _record(holds: Callable[[_Call, Sequence[str]], str]) -> Callable[[_Call], RowMeaning]:
    def rows(call: _Call) -> RowMeaning:
        looked_at = _looked_at(call, "all_values_are_missing")
        return RowMeaning(considered=looked_at, failing=f"({looked_at} AND NOT coalesce({holds(call, call.quoted)}, FALSE))")

    return rows


def _sum_equals(call: _Call, columns: Sequence[str]) -> str:
    found = [call.schema.get(name) if call.schema else None for name in call.columns]
    whole = [column is not None and column.kind is Kind.INTEGER for column in found]
    wide = [f"CAST({column} AS HUGEINT)" if is_whole else column for column, is_whole in zip(columns, whole, strict=True)]
    return f"({' + '.join(wide)} = {literal(call.number('sum_total'))})"


def _all_same(_: _Call, columns: Sequence[str]) -> str:
    return f"({' AND '.join(f'{columns[0]} IS NOT DISTINCT FROM {other}' for other in columns[1:]) or 'TRUE'})"


def _all_different(_: _Call, columns: Sequence[str]) -> str:
    pairs = [(one, two) for place, one in enumerate(columns) for two in columns[place + 1 :]]
    return f"({' AND '.join(f'{one} IS DISTINCT FROM {two}' for one, two in pairs) or 'TRUE'})"


def _compound(call: _Call) -> RowMeaning:
    """NULL equals NULL here, as GX means it on pandas; the canonical ``unique`` doesn't look at such rows."""
    looked_at, keys = _looked_at(call, "all_values_are_missing"), ", ".join(call.quoted)
    counted = f"count(*) OVER (PARTITION BY {keys})"
    source = f"(SELECT *, {counted} AS _sluicegate_times FROM {BATCH})"
    return RowMeaning(considered=looked_at, failing=f"({looked_at} AND _sluicegate_times > 1)", source=source, fusable=False)


ROW_KINDS: Mapping[str, Callable[[_Call], RowMeaning]] = {
    "expect_column_values_to_not_be_null": _not_null,
    "expect_column_values_to_be_null": _null,
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_value_lengths_to_be_between": _lengths,
    "expect_column_value_lengths_to_equal": _length,
    "expect_column_values_to_match_regex": _regex(negate=False),
    "expect_column_values_to_not_match_regex": _regex(negate=True),
    "expect_column_values_to_match_regex_list": _regexes(negate=False),
    "expect_column_values_to_not_match_regex_list": _regexes(negate=True),
    "expect_column_values_to_match_like_pattern": _like(key="like_pattern", negate=False),
    "expect_column_values_to_not_match_like_pattern": _like(key="like_pattern", negate=True),
    "expect_column_values_to_match_like_pattern_list": _like(key="like_pattern_list", negate=False),
    "expect_column_values_to_not_match_like_pattern_list": _like(key="like_pattern_list", negate=True),
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_be_increasing": _ordered(m.Direction.INCREASING),
    "expect_column_values_to_be_decreasing": _ordered(m.Direction.DECREASING),
    "expect_column_value_z_scores_to_be_less_than": _z_scores,
    "expect_column_values_to_not_be_outliers": _outliers,
    "expect_column_pair_values_to_be_equal": _pair(lambda _, left, right: f"({left} = {right})"),
    "expect_column_pair_values_a_to_be_greater_than_b": _pair(_greater),
    "expect_column_pair_values_to_be_in_set": _pair(_pair_in_set),
    "expect_multicolumn_sum_to_equal": _record(_sum_equals),
    "expect_multicolumn_values_to_be_equal": _record(_all_same),
    "expect_select_column_values_to_be_unique_within_record": _record(_all_different),
    "expect_compound_columns_to_be_unique": _compound,
}
"""Every map expectation that SQL answers, without its row condition."""
