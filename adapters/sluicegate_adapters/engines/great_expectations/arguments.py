"""The arguments of a native expectation: checked, cleaned, and with times made absolute."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sluicegate.checks.types import BatchSchema, Kind
from sluicegate.checks.values import parse_relative_time
from sluicegate_adapters.engines.great_expectations.catalogue import COMMON, EXPECTATIONS, REFUSED, known_expectations
from sluicegate_adapters.engines.great_expectations.faults import Fault

__all__ = ["Arguments", "check_names", "columns_of", "need_columns", "read_arguments", "refusal", "waits_for_clock"]

_TIMED = ("min_value", "max_value", "value_set", "value_pairs_set", "quantile_ranges")
_EMPTY_SETS_PASS = frozenset({"expect_column_distinct_values_to_contain_set", "expect_column_values_to_not_be_in_set"})
_SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Arguments:
    """What an expectation is called with.

    Attributes:
        exact: as the author meant them: times absolute, numbers exact.
        plain: the same as GX takes them: no Decimal.
        severity: ``critical``, or GX's ``warning`` or ``info``: then a failure only warns.
    """

    exact: Mapping[str, Any]
    plain: Mapping[str, Any]
    severity: str


def refusal(kind: str) -> str:
    """Why an expectation of this name can't run here; an empty string if it can."""
    if kind in REFUSED:
        return f"{kind}: {REFUSED[kind]}"
    if kind in EXPECTATIONS:
        return ""
    near = difflib.get_close_matches(kind, known_expectations(), n=1)
    guess = f": did you mean {near[0]!r}?" if near else ""
    return f"Great Expectations exports no expectation called {kind!r}{guess}"


def check_names(kind: str, body: Mapping[str, Any]) -> None:
    """Hold the arguments' names against the expectation's.

    Raises:
        Fault: an argument that it doesn't have, or one that is missing.
    """
    known = EXPECTATIONS[kind]
    names = (*known.required, *known.optional)
    for name in body:
        if name not in names and name not in COMMON:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names) or 'none'}"
            raise Fault(f"{kind} has no argument {name!r}", hint)
    if missing := [name for name in known.required if body.get(name) is None]:
        raise Fault(f"{kind} needs {' and '.join(missing)}")
    if kind == "unexpected_rows_expectation" and "{batch}" not in str(body["unexpected_rows_query"]):
        raise Fault("unexpected_rows_query must select from {batch}")  # GX would print a note about it
    if nothing := _tests_nothing(kind, names, body):
        raise Fault(f"{kind} {nothing}: it tests nothing, and would pass whatever the batch is")
    for name, value in body.items():
        if isinstance(value, Mapping) and "$PARAMETER" in value:
            raise Fault(f"{name} of {kind} is a suite parameter, and there is no suite run to fill it", "write the value itself")


def _tests_nothing(kind: str, names: Iterable[str], body: Mapping[str, Any]) -> str:
    """Why GX would let everything pass; empty where something can fail."""
    if kind == "expect_column_kl_divergence_to_be_less_than":
        return "" if body.get("threshold") is not None else "has no threshold"
    if {"min_value", "max_value"} <= set(names) and body.get("min_value") is None and body.get("max_value") is None:
        return "has neither min_value nor max_value"
    if kind in _EMPTY_SETS_PASS and not body.get("value_set"):
        return "has an empty value_set"
    ranges = body.get("quantile_ranges")
    if isinstance(ranges, Mapping) and not any(
        end is not None for pair in ranges.get("value_ranges") or () for end in pair or ()
    ):
        return "has no bound in its value_ranges"
    return ""


def read_arguments(kind: str, body: Mapping[str, Any], schema: BatchSchema | None, now: datetime | None) -> Arguments:
    """The arguments of one check.

    Args:
        kind: an expectation that is known and not refused.
        body: as the contract gives it.
        schema: relative times become values of the column's own kind; None when there is no data yet.
        now: the run's clock, aware; None while it isn't known: relative times stay what they are.

    Raises:
        Fault: a wrong name, or a column that the batch lacks.
    """
    check_names(kind, body)
    exact = {name: value for name, value in body.items() if name not in COMMON}
    temporal = _temporal_kind(kind, exact, schema) if schema else None
    if temporal is not None and now is not None:
        exact |= {name: _timed(exact[name], temporal, now) for name in _TIMED if name in exact}
    severity = str(body.get("severity") or "critical")
    if severity not in _SEVERITIES:
        raise Fault(f"the severity {severity!r} is none of GX's: {', '.join(_SEVERITIES)}")
    return Arguments(exact, {name: _without_decimals(value) for name, value in exact.items()}, severity)


def columns_of(exact: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that the arguments name, besides those of a row condition."""
    named = [exact[key] for key in ("column", "column_A", "column_B") if key in exact]
    return tuple(str(name) for name in (*named, *(exact.get("column_list") or ())))


def waits_for_clock(exact: Mapping[str, Any]) -> bool:
    """Whether an argument may be a time that is relative to the run's clock."""
    return any(_mentions_time(exact[name]) for name in _TIMED if name in exact)


def _mentions_time(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_mentions_time, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_mentions_time, value))
    return isinstance(value, str) and parse_relative_time(value) is not None


def need_columns(names: Iterable[str], schema: BatchSchema | None) -> None:
    """Raise Fault for a column that the batch lacks."""
    if schema is None:
        return
    for name in names:
        if name not in schema:
            folded = {known.casefold(): known for known in schema.names}
            near = difflib.get_close_matches(name.casefold(), folded, n=1)
            raise Fault(f"the batch has no column {name!r}", f"did you mean {folded[near[0]]!r}?" if near else "")


def _temporal_kind(kind: str, exact: Mapping[str, Any], schema: BatchSchema) -> Kind | None:
    if kind.startswith("expect_table") or kind == "expect_column_to_exist":
        return None
    names = columns_of(exact)
    need_columns(names, schema)
    kinds = [found.kind for name in names if (found := schema.get(name)) is not None and found.kind.is_temporal]
    return kinds[0] if kinds else None


def _timed(value: Any, kind: Kind, now: datetime) -> Any:
    """The value with every relative time in it as a moment of the column's own kind."""
    if isinstance(value, Mapping):
        return {key: _timed(item, kind, now) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_timed(item, kind, now) for item in value]
    relative = parse_relative_time(value) if isinstance(value, str) else None
    if relative is None:
        return value
    moment = relative.at(now)
    if kind is Kind.DATE:
        return moment.date()
    return moment if kind is Kind.TIMESTAMP_TZ else moment.astimezone(UTC).replace(tzinfo=None)


def _without_decimals(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_decimals(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_decimals(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    return value
