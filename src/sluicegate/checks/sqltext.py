"""DuckDB's SQL as text: names and values, quoted. Nothing else in the project may paste a value into SQL."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sluicegate.checks.values import RelativeTime, Scalar

__all__ = ["BATCH", "identifier", "literal", "literals"]

BATCH = "batch"
"""The name of the view over the batch, on every connection that an engine gets."""

_HUGEINT = 2**127
_DECIMAL_DIGITS = 38
_FLOAT_DIGITS = 15


def identifier(name: str) -> str:
    """A quoted name.

    >>> print(identifier('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: Scalar | RelativeTime) -> str:
    """A value as SQL that reads back as exactly that value.

    >>> literal("it's"), literal(Decimal("0.10")), literal(datetime(2013, 1, 1, tzinfo=UTC))
    ("'it''s'", '0.10', "TIMESTAMPTZ '2013-01-01 00:00:00+00:00'")
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value) if -_HUGEINT <= value < _HUGEINT else f"CAST('{value}' AS DOUBLE)"
        case Decimal() | float():
            return _number(value)
        case str():
            return _text(value)
        case datetime() if value.tzinfo is not None:
            return f"TIMESTAMPTZ '{value.astimezone(UTC).isoformat(sep=' ')}'"
        case datetime():
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case time():
            return f"TIME '{value.isoformat()}'"
        case RelativeTime():
            raise TypeError(f"{value.text!r} must be resolved against the run's clock before it becomes SQL")


def _text(value: str) -> str:
    parts = ["'" + part.replace("'", "''") + "'" for part in value.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"  # DuckDB 1.0 stops reading at a NUL


def _number(value: Decimal | float) -> str:
    if not math.isfinite(value):
        return f"CAST('{str(float(value)).lower()}' AS DOUBLE)"
    text = format(value if isinstance(value, Decimal) else Decimal(repr(value)), "f")
    digits, places = len(text.lstrip("-0.").replace(".", "")), len(text.partition(".")[2])
    if isinstance(value, float) and (digits > _FLOAT_DIGITS or places > _FLOAT_DIGITS):
        return f"CAST('{value!r}' AS DOUBLE)"  # as a DECIMAL first it could come back as the float beside it
    if max(digits, places) < _DECIMAL_DIGITS:
        return text
    whole = len(text.lstrip("-0").partition(".")[0])
    kind = f"DECIMAL({_DECIMAL_DIGITS},{places})" if whole + places <= _DECIMAL_DIGITS else "DOUBLE"
    return f"CAST('{text}' AS {kind})"  # DuckDB reads so long a number as DOUBLE by itself


def literals(values: tuple[Scalar, ...]) -> str:
    """Values as a comma-separated list for ``IN (…)``."""
    return ", ".join(literal(value) for value in values)
