"""The values that a check may name: plain scalars, and times relative to the run's clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeAlias

__all__ = ["Instant", "RelativeTime", "Scalar", "parse_instant", "parse_relative_time"]

Scalar: TypeAlias = bool | int | Decimal | float | str | date | datetime | time | None
"""A value of a check. YAML's decimals arrive as ``Decimal``, so that 0.1 is a tenth."""

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_ANCHORS = {"now": False, "today": True, "yesterday": True, "tomorrow": True}
_SHIFT = {"yesterday": -86400, "tomorrow": 86400}
_RELATIVE = re.compile(r"(?P<count>\d+)\s+(?P<unit>second|minute|hour|day|week)s?\s+(?P<way>ago|from now)")


@dataclass(frozen=True, slots=True)
class RelativeTime:
    """A moment given relative to the run's clock, such as ``2 hours ago`` or ``today``.

    Attributes:
        offset_seconds: added to the clock.
        midnight: cut the clock to 00:00 UTC first (``today``, ``yesterday``, ``tomorrow``).
        text: what the author wrote.
    """

    offset_seconds: int
    midnight: bool
    text: str

    def at(self, now: datetime) -> datetime:
        """The moment itself, in UTC.

        >>> parse_relative_time("2 hours ago").at(datetime(2026, 1, 1, 12, tzinfo=UTC)).isoformat()
        '2026-01-01T10:00:00+00:00'
        """
        anchor = now.astimezone(UTC)
        if self.midnight:
            anchor = anchor.replace(hour=0, minute=0, second=0, microsecond=0)
        return anchor + timedelta(seconds=self.offset_seconds)


Instant: TypeAlias = Scalar | RelativeTime


def parse_relative_time(text: str) -> RelativeTime | None:
    """Read ``now``, ``today``, ``yesterday``, ``tomorrow``, ``3 days ago``, ``1 hour from now``; None if it is none of them."""
    words = " ".join(text.lower().split())
    if words in _ANCHORS:
        return RelativeTime(_SHIFT.get(words, 0), _ANCHORS[words], text)
    match = _RELATIVE.fullmatch(words)
    if match is None:
        return None
    seconds = int(match["count"]) * _UNITS[match["unit"]]
    return RelativeTime(-seconds if match["way"] == "ago" else seconds, midnight=False, text=text)


def parse_instant(text: str) -> date | datetime | None:
    """Read an ISO 8601 date or timestamp; None if the text is neither.

    >>> parse_instant("2013-01-01")
    datetime.date(2013, 1, 1)
    """
    try:
        return date.fromisoformat(text) if len(text) == len("2013-01-01") else datetime.fromisoformat(text)
    except ValueError:
        return None
