"""How figures are said to a person, and texts that came from elsewhere shown."""

from __future__ import annotations

__all__ = ["clean", "one_line", "plural"]


def plural(count: int, noun: str, nouns: str = "") -> str:
    """The count and its noun, thousands separated; ``nouns`` where an ``s`` doesn't do.

    >>> plural(1, "check"), plural(2048, "row")
    ('1 check', '2,048 rows')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def clean(text: object) -> str:
    r"""The text without control characters: data must not move the cursor or ring the bell of who reads it.

    >>> print(clean("a\x1b[31mb\n"))
    a\x1b[31mb\n
    """
    return "".join(char if _is_safe(char) else char.encode("unicode_escape").decode() for char in str(text))


def one_line(text: str, longest: int) -> str:
    r"""The text on one line, a space for what would move the cursor, turn the direction of reading or begin a line; cut with an ellipsis.

    >>> one_line("a\nb\u202ec", 100), one_line("departures", 6)
    ('a b c', 'depar…')
    """
    shown = "".join(char if _is_safe(char) else " " for char in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _is_safe(char: str) -> bool:
    if char.isprintable():
        return True
    from unicodedata import category

    return category(char) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} or char == "\u200d"
