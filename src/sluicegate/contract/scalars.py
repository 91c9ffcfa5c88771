"""What an unquoted YAML scalar is: the core schema of YAML 1.2, with decimals, dates and timestamps."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

__all__ = ["YamlScalar", "number_of", "scalar_of"]

_MAX_DIGITS = 300

YamlScalar: TypeAlias = bool | int | Decimal | str | date | datetime | None

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_INTEGER = re.compile(r"[-+]?\d+")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_OTHER_BASE = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt]|[ \t]+)\d\d?:\d\d(?::\d\d(?:\.\d*)?)?[ \t]*(?:[zZ]|[-+]\d\d?(?::?\d\d)?)?")
_WORDS: dict[str, YamlScalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INFINITE = {".inf": "Infinity", "+.inf": "Infinity", "-.inf": "-Infinity", ".nan": "NaN"}


def scalar_of(text: str) -> YamlScalar:
    """What an unquoted scalar is.

    Raises:
        ValueError: it looks like a number or a date and isn't one; the message is for the author.

    >>> scalar_of("0.10"), scalar_of("NO"), scalar_of("2013-01-01")
    (Decimal('0.10'), 'NO', datetime.date(2013, 1, 1))
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _NUMBER.fullmatch(text):
        return number_of(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if text.lower() in _INFINITE:
        return Decimal(_INFINITE[text.lower()])
    if _DATE.fullmatch(text):
        return _checked("date", date.fromisoformat, text)
    if _TIMESTAMP.fullmatch(text):
        return _checked("timestamp", _timestamp, text)
    return text


def number_of(text: str) -> int | Decimal:
    """A number's text as that number, exactly.

    Raises:
        ValueError: it is one that no column can hold, or that readers read differently.
    """
    if _LEADING_ZERO.fullmatch(text):
        raise ValueError(f"{text} is octal to some readers and decimal to others: quote it if it is a text, or drop the zeros")
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} digits is too long: quote it if it is a text")
    if _INTEGER.fullmatch(text):
        return int(text)
    number = Decimal(text)
    if number and abs(number.adjusted()) > _MAX_DIGITS:
        raise ValueError(f"{text} is beyond any number that a column can hold")
    return number


def _timestamp(text: str) -> datetime:
    days, clock = text[:10], text[10:].lstrip("Tt \t")
    match = re.fullmatch(r"(\d\d?):(\d\d)(?::(\d\d)(?:\.(\d*))?)?[ \t]*([zZ]|[-+]\d\d?(?::?\d\d)?)?", clock)
    if match is None or len(match[4] or "") > len("123456"):
        raise ValueError
    zone = match[5] or ""
    if zone and zone not in "zZ":
        hours, minutes = re.fullmatch(r"[-+](\d\d?):?(\d\d)?", zone).groups()  # type: ignore[union-attr]
        zone = f"{zone[0]}{int(hours):02}:{minutes or '00'}"
    fraction = f"{match[4] or '':0<6}"
    return datetime.fromisoformat(f"{days}T{int(match[1]):02}:{match[2]}:{match[3] or '00'}.{fraction}{zone.upper()}")


def _checked(what: str, read: Callable[[str], date], text: str) -> date:
    try:
        return read(text)
    except (ValueError, AttributeError):
        raise ValueError(f"there is no such {what} as {text}: quote it if it is a text") from None
