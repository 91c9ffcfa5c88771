"""How figures and foreign texts are said to a person."""

from __future__ import annotations

import unicodedata

__all__ = ["clean", "plural"]


def plural(count: int, noun: str) -> str:
    """The count and its noun, thousands separated.

    >>> plural(1, "check"), plural(2048, "row")
    ('1 check', '2,048 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def clean(text: object) -> str:
    r"""The text without control characters: data must not move the cursor or ring the bell of who reads it.

    >>> print(clean("a\x1b[31mb\n"))
    a\x1b[31mb\n
    """
    return "".join(char if _is_safe(char) else char.encode("unicode_escape").decode() for char in str(text))


def _is_safe(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} or char == "\u200d"
