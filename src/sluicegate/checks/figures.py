"""What each dataset-level figure means: one SQL aggregate over the batch, and how its raw value is read.

The reference, as ``meaning.py`` is for rows. Everything in it is one aggregate expression, so that all the figures of a run
can share one scan.

- NaN is a value: one of them makes every figure of a float column NaN, but for a count.
- ``stdev`` is the sample's; of one value there is none. ``median`` and ``quantile`` interpolate linearly.
- ``mean``, ``stdev``, ``median`` and ``quantile`` are computed in DOUBLE and cut to 15 significant digits, which hides the last
  bit's noise: the median of 0.1 and 0.2 is 0.15. ``sum`` of integers and decimals is exact, and an overflow is an error.
- Without a value to look at there is no figure (None), but ``distinct_count`` and ``row_count`` are then 0.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, date, datetime
from decimal import Decimal

from sluicegate.checks import model as m
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import BatchSchema, Column, Kind
from sluicegate.checks.values import Scalar

__all__ = ["figure", "read_figure"]

_F = m.AggregateFunction
_DIGITS = 15
_DIGITS_OF_SAFE_SUMS = 26
_INFINITY = {datetime.max, datetime.min}  # noqa: DTZ901 - how DuckDB hands out a TIMESTAMP 'infinity'
_CUT = {_F.MEAN, _F.STDEV, _F.MEDIAN, _F.QUANTILE}

Figured = m.RowCount | m.Freshness | m.Aggregate | m.Drift
"""The checks that measure one figure of the batch."""


def figure(check: Figured, schema: BatchSchema | None) -> str:
    """The figure as one SQL aggregate expression over the batch.

    Args:
        check: bound to the schema, if there is one.
        schema: None when there is no data yet: columns are then taken for float columns.
    """
    if isinstance(check, m.RowCount):
        return "count(*)"
    if isinstance(check, m.Freshness):
        return f"CAST(max({identifier(check.column)}) AS TIMESTAMP)"
    function, column = _function(check), check.column
    if function is None:
        if check.column is None:
            return "count(*)"
        return f"100.0 * (count(*) - count({identifier(check.column)})) / nullif(count(*), 0)"
    assert column is not None, check  # noqa: S101 - the contract's decoder demands it
    quantile = check.quantile if isinstance(check, m.Aggregate) else None
    return _aggregate(function, _column(column, schema), quantile)


def _function(check: m.Aggregate | m.Drift) -> m.AggregateFunction | None:
    """The aggregate behind a check; None for a drift of ``row_count`` or ``null_percent``."""
    if isinstance(check, m.Aggregate):
        return check.function
    plain = {m.DriftMetric.ROW_COUNT, m.DriftMetric.NULL_PERCENT}
    return None if check.metric in plain else m.AggregateFunction(check.metric.value)


def _column(name: str, schema: BatchSchema | None) -> Column:
    return (schema.get(name) if schema else None) or Column(name, Kind.FLOAT, "DOUBLE")


def _aggregate(function: m.AggregateFunction, column: Column, quantile: Decimal | None) -> str:
    name, is_float = identifier(column.name), column.kind is Kind.FLOAT
    match function:
        case _F.DISTINCT_COUNT:
            return f"count(DISTINCT {name})"
        case _F.SUM:
            return f"sum({name})"
        case _F.MEAN:
            return f"avg(CAST({name} AS DOUBLE))" if _is_wide(column) else f"avg({name})"
        case _F.MIN | _F.MAX:
            return _extreme(function, column)
        case _F.STDEV:
            if not is_float:
                return f"stddev_samp({name})"
            # A value that is not finite would make some versions raise, for the whole statement.
            spread = f"stddev_samp({name}) FILTER (WHERE isfinite({name}))"
            return f"CASE WHEN count(*) FILTER (WHERE NOT isfinite({name})) > 0 THEN {literal(math.nan)} ELSE {spread} END"
        case _F.MEDIAN | _F.QUANTILE:
            share = literal(Decimal("0.5") if function is _F.MEDIAN or quantile is None else quantile)
            value = name if column.native.upper() == "DOUBLE" else f"CAST({name} AS DOUBLE)"
            return _unless_nan(f"quantile_cont({value}, {share})", column)
    raise TypeError(f"{function} has no figure")


def _is_wide(column: Column) -> bool:
    """Whether a sum of a few values, which DuckDB forms for their mean, could overflow the column's 38 digits."""
    found = re.match(r"DECIMAL\((\d+)", column.native.upper())
    return found is not None and int(found[1]) > _DIGITS_OF_SAFE_SUMS


def _extreme(function: m.AggregateFunction, column: Column) -> str:
    name = identifier(column.name)
    if column.kind is Kind.STRING and column.native.upper() != "VARCHAR":
        name = f"CAST({name} AS VARCHAR)"  # enums have an order of their own
    value = f"{function.value}({name})"
    if column.kind is Kind.TIMESTAMP_TZ or column.native.upper() == "TIMESTAMP_NS":
        return f"CAST({value} AS TIMESTAMP)"
    return _unless_nan(value, column) if function is _F.MIN else value  # to max() NaN is the largest already


def _unless_nan(value: str, column: Column) -> str:
    if column.kind is not Kind.FLOAT:
        return value
    return f"CASE WHEN count(*) FILTER (WHERE isnan({identifier(column.name)})) > 0 THEN {literal(math.nan)} ELSE {value} END"


def read_figure(check: Figured, raw: Scalar, schema: BatchSchema | None) -> Scalar:
    """The figure as it is judged and shown, from what its SQL gave.

    Moments are aware, in UTC, except the extremes of a column that has no zone; floats are cut as described above.

    Raises:
        ValueError: the value is a moment beyond Python's calendar.
    """
    if raw is None:
        return None
    if isinstance(check, m.RowCount):
        return raw
    if isinstance(check, m.Freshness):
        return _moment(raw)
    if _function(check) is None:  # row_count, null_percent
        return raw if isinstance(raw, int) else _tidy(float(raw), None, cut=True)  # type: ignore[arg-type]
    column = _column(check.column, schema) if check.column is not None else None
    if isinstance(raw, float):
        return _tidy(raw, column, cut=_function(check) in _CUT)
    if column is not None and isinstance(raw, str) and column.kind is not Kind.STRING:
        raise ValueError("the figure is a moment beyond the calendar (infinity, a year beyond 9999, or 24:00)")
    if column is not None and column.kind is Kind.TIMESTAMP_TZ and isinstance(raw, date):
        return _moment(raw)
    return raw


def _moment(raw: Scalar) -> datetime:
    if isinstance(raw, datetime) and raw.replace(tzinfo=None) not in _INFINITY:
        return raw.replace(tzinfo=UTC) if raw.tzinfo is None else raw.astimezone(UTC)
    raise ValueError("the newest value is no moment of the calendar (infinity, or a year beyond 9999)")


def _tidy(raw: float, column: Column | None, *, cut: bool) -> float | Decimal:
    if not math.isfinite(raw):
        return raw
    if cut:
        text = f"{raw:.{_DIGITS}g}"
        return Decimal(text) if column is not None and column.kind in {Kind.INTEGER, Kind.DECIMAL} else float(text)
    if column is not None and column.native.upper() in {"FLOAT", "REAL"}:
        return _shortest(raw)
    return raw


def _shortest(value: float) -> float:
    """A four-byte float as the shortest number that reads back as it: 0.1, not 0.10000000149011612."""
    for digits in range(6, 9):
        text = f"{value:.{digits}g}"
        try:
            if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
                return float(text)
        except OverflowError:
            break
    return value
