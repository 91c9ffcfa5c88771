"""Making the values of a check a column's own, without changing what the check means."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from sluicegate.checks.model import Bounds
from sluicegate.checks.types import Column, Kind
from sluicegate.checks.values import Instant, Scalar, parse_instant

__all__ = ["Misfit", "fit_bounds", "fit_values", "kind_word"]

_EXACT = Context(prec=1000)  # wide enough that nothing here is ever rounded by accident
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_NANO_MIN, _NANO_MAX = datetime(1677, 9, 22), datetime(2262, 4, 11)  # noqa: DTZ001 - naive as the column is
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)", re.IGNORECASE)


class Misfit(Exception):
    """A check and a column that don't go together; ``binding.bind`` turns it into a value."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def kind_word(column: Column) -> str:
    """How a message calls a column's type."""
    words = {Kind.STRING: "text", Kind.OTHER: column.native, Kind.TIMESTAMP_TZ: "timestamp with time zone"}
    word = words.get(column.kind, column.kind.value)
    return f"{'an' if word[0].lower() in 'aeio' else 'a'} {word}" if column.kind is not Kind.STRING else word


def fit_values(column: Column, values: Iterable[Instant]) -> tuple[Scalar, ...]:
    """The values that a row of the column can be equal to, each once; NULL is none of them.

    Raises:
        Misfit: a value is of another kind than the column.
    """
    fitted: dict[tuple[type, Scalar], Scalar] = {}
    for value in values:
        if value is None:
            continue
        for held in _held(column, value):
            fitted.setdefault((type(held), held), held)
    return tuple(fitted.values())


def _held(column: Column, value: Instant) -> tuple[Scalar, ...]:
    """The value as the column holds it, or nothing where no row can be equal to it."""
    own = _own(column, value)
    if _is_nanosecond(column) and isinstance(own, datetime) and not _NANO_MIN <= own <= _NANO_MAX:
        return ()
    if column.kind not in {Kind.INTEGER, Kind.DECIMAL} or column.is_null or not isinstance(own, Decimal):
        return (own,)
    if not own.is_finite():
        return ()
    scale, low, high = _grid(column)
    steps = own.scaleb(scale, _EXACT)
    whole = steps.to_integral_value()
    if steps != whole or not low <= whole <= high:
        return ()
    return (_on_grid(column, int(whole), scale),)


def fit_bounds(column: Column, bounds: Bounds, *, exactly: bool) -> Bounds:
    """Equivalent bounds in the column's own values.

    Args:
        column: whose values are held against the bounds.
        bounds: as the author wrote them, relative times resolved.
        exactly: round to what the column can hold, so that any engine compares without a detour; False where the bounds
            are for a figure that is compared in Python.

    Raises:
        Misfit: a bound is of another kind than the column.
    """
    low = None if bounds.min is None else _own(column, bounds.min)
    high = None if bounds.max is None else _own(column, bounds.max)
    for bound in (low, high):
        if isinstance(bound, float | Decimal) and math.isnan(bound):
            raise Misfit(f"NaN is no bound for column {column.name!r}", "leave the side out to leave it open")
    if column.kind.is_number and not exactly:
        return bounds  # the figure is compared in Python, with the numbers as they were written
    fitted = replace(bounds, min=low, max=high)
    if exactly and _is_nanosecond(column):
        return _within_nanoseconds(fitted)
    if exactly and column.kind in {Kind.INTEGER, Kind.DECIMAL} and not column.is_null:
        return _snap_max(column, _snap_min(column, fitted))
    return fitted


def _is_nanosecond(column: Column) -> bool:
    return column.native.upper() == "TIMESTAMP_NS"


def _within_nanoseconds(bounds: Bounds) -> Bounds:
    """Equivalent bounds inside what TIMESTAMP_NS can hold; DuckDB refuses to compare with anything outside."""
    if isinstance(bounds.min, datetime) and bounds.min > _NANO_MAX:
        bounds = replace(bounds, min=_NANO_MAX, min_inclusive=False)
    elif isinstance(bounds.min, datetime) and bounds.min < _NANO_MIN:
        bounds = replace(bounds, min=None)
    if isinstance(bounds.max, datetime) and bounds.max < _NANO_MIN:
        bounds = replace(bounds, max=_NANO_MIN, max_inclusive=False)
    elif isinstance(bounds.max, datetime) and bounds.max > _NANO_MAX:
        bounds = replace(bounds, max=None)
    return bounds


def _own(column: Column, value: Instant) -> Scalar:
    """The value in the column's kind: numbers as Decimal (as float for float columns), moments in the column's form."""
    kind = column.kind
    if column.is_null and not isinstance(value, float):
        return value  # type: ignore[return-value]  # relative times were resolved before
    if kind.is_number and isinstance(value, int | Decimal | float) and not isinstance(value, bool):
        return (
            _float(column, value) if kind is Kind.FLOAT else Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        )
    if (kind is Kind.STRING and isinstance(value, str)) or (kind is Kind.BOOLEAN and isinstance(value, bool)):
        return value
    if kind.is_temporal and (moment := _moment(kind, value)) is not None:
        return moment
    if kind is Kind.TIME and (clock := _clock(value)) is not None:
        return clock
    raise Misfit(
        f"{_shown(value)} can't be compared with column {column.name!r}, which is {kind_word(column)}", _cure(kind, value)
    )


def _shown(value: Instant) -> str:
    word = "true or false" if isinstance(value, bool) else "a number" if isinstance(value, int | float | Decimal) else ""
    return f"{word} ({value})" if word else f"the text {value!r}" if isinstance(value, str) else f"{value}"


def _cure(kind: Kind, value: Instant) -> str:
    if kind is Kind.STRING:
        return f'write it as text: "{value}"'
    if kind.is_temporal:
        return "write dates and timestamps in ISO 8601, such as 2013-01-31 or 2013-01-31T12:00:00"
    if kind.is_number and isinstance(value, str):
        return "write numbers without quotes"
    return (
        ""
        if kind in {Kind.BOOLEAN, Kind.TIME} or kind.is_number
        else "only columns of numbers, texts, times and booleans have such values"
    )


def _float(column: Column, value: float | Decimal) -> float:
    """The nearest value that the column can hold: a float column is compared in its own precision."""
    try:
        nearest = float(value)
        if column.native.upper() in {"FLOAT", "REAL"}:
            nearest = float(struct.unpack("f", struct.pack("f", nearest))[0])
    except OverflowError:
        return math.copysign(math.inf, 1 if value > 0 else -1)
    return nearest


def _moment(kind: Kind, value: Instant) -> date | datetime | None:
    at = parse_instant(value) if isinstance(value, str) else value
    if not isinstance(at, date):
        return None
    if isinstance(at, datetime):
        at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    if kind is Kind.DATE:
        return at.date() if isinstance(at, datetime) else at
    at = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)  # noqa: DTZ001 - zone follows
    return at.replace(tzinfo=UTC) if kind is Kind.TIMESTAMP_TZ else at


def _clock(value: Instant) -> time | None:
    try:
        at = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return at if isinstance(at, time) and at.tzinfo is None else None


def _grid(column: Column) -> tuple[int, int, int]:
    """Decimals after the point, and the smallest and largest value in units of the last one."""
    native = column.native.upper()
    if match := _DECIMAL.fullmatch(native):
        precision, scale = int(match[1]), int(match[2])
        return scale, 1 - 10**precision, 10**precision - 1
    signed = native if native in _BITS else native.removeprefix("U")
    bits = _BITS.get(signed, 128)
    return (0, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed == native else (0, 0, 2**bits - 1)


def _on_grid(column: Column, steps: int, scale: int) -> int | Decimal:
    return steps if column.kind is Kind.INTEGER else Decimal(steps).scaleb(-scale, _EXACT)


def _snap_min(column: Column, bounds: Bounds) -> Bounds:
    scale, low, high = _grid(column)
    if not isinstance(bounds.min, Decimal):
        return bounds
    if not bounds.min.is_finite():
        steps, inclusive = (low if bounds.min < 0 else high + 1), True
    else:
        exact = bounds.min.scaleb(scale, _EXACT)
        steps = int(exact.to_integral_value(ROUND_CEILING))
        inclusive = bounds.min_inclusive or steps != exact
    if steps > high:  # nothing that the column can hold is large enough
        return replace(bounds, min=_on_grid(column, high, scale), min_inclusive=False)
    if steps < low or (steps == low and inclusive):
        return replace(bounds, min=None, min_inclusive=True)
    return replace(bounds, min=_on_grid(column, steps, scale), min_inclusive=inclusive)


def _snap_max(column: Column, bounds: Bounds) -> Bounds:
    scale, low, high = _grid(column)
    if not isinstance(bounds.max, Decimal):
        return bounds
    if not bounds.max.is_finite():
        steps, inclusive = (high if bounds.max > 0 else low - 1), True
    else:
        exact = bounds.max.scaleb(scale, _EXACT)
        steps = int(exact.to_integral_value(ROUND_FLOOR))
        inclusive = bounds.max_inclusive or steps != exact
    if steps < low:
        return replace(bounds, max=_on_grid(column, low, scale), max_inclusive=False)
    if steps > high or (steps == high and inclusive):
        return replace(bounds, max=None, max_inclusive=True)
    return replace(bounds, max=_on_grid(column, steps, scale), max_inclusive=inclusive)
