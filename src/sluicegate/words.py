"""How figures are said to a person."""

from __future__ import annotations

__all__ = ["plural"]


def plural(count: int, noun: str) -> str:
    """The count and its noun, thousands separated.

    >>> plural(1, "check"), plural(2048, "row")
    ('1 check', '2,048 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
