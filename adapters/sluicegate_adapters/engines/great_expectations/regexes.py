r"""Patterns that need Python's ``re``: this engine has it, so look-around and back-references are supported here.

The canonical meaning stays RE2's otherwise: ``$`` is the end of the text alone, ``\w \d \s \b`` are ASCII. In a native
expectation Python's own meaning holds, as in GX on pandas.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sluicegate.checks.patterns import inspect_pattern
from sluicegate_adapters.engines.great_expectations.faults import Fault

if TYPE_CHECKING:
    import duckdb

__all__ = ["as_meant", "count_breaking", "native_test", "needs_python"]

_PIECE = 10_000


def needs_python(pattern: str) -> bool:
    """Whether RE2 can't run the pattern and Python can.

    Raises:
        Fault: neither can.
    """
    facts = inspect_pattern(pattern)
    if facts.broken:
        place = "" if facts.position is None else f" at position {facts.position}"
        raise Fault(f"the regular expression is broken{place}: {facts.broken}")
    if facts.python_only and facts.re2_only:
        raise Fault(f"the regular expression mixes {facts.python_only[0]} (Python's) with {facts.re2_only[0]} (RE2's)")
    return bool(facts.python_only)


def as_meant(pattern: str) -> re.Pattern[str]:
    r"""The pattern for Python, with the canonical meaning.

    >>> as_meant(r"(?=a)[$]?a$").pattern
    '(?=a)[$]?a\\Z'
    """
    written, inside, place = [], False, 0
    multiline = re.search(r"\(\?[a-z]*m", pattern) is not None
    while place < len(pattern):
        step = pattern[place]
        if step == "\\":
            step = pattern[place : place + 2]
        elif step == "[" and not inside:
            inside = True
            step += pattern[place + 1 :][: re.match(r"\^?\]?", pattern[place + 1 :]).end()]  # type: ignore[union-attr]
        elif step == "]":
            inside = False
        written.append(r"\Z" if step == "$" and not inside and not multiline else step)
        place += len(step)
    return re.compile("".join(written), re.ASCII)


def native_test(kind: str, exact: Mapping[str, Any]) -> Callable[[str], bool] | None:
    """For a regex expectation with a pattern that RE2 lacks: whether a text breaks it; None where DuckDB can say.

    Raises:
        Fault: a pattern is broken.
    """
    patterns = [exact["regex"]] if exact.get("regex") is not None else list(exact.get("regex_list") or ())
    if "regex" not in kind or not any([needs_python(str(pattern)) for pattern in patterns]):  # noqa: C419 - judge every one
        return None
    searches = [re.compile(str(pattern)).search for pattern in patterns]
    if "_not_match_" in kind:
        return lambda text: any(search(text) for search in searches)
    if exact.get("match_on") == "all":
        return lambda text: not all(search(text) for search in searches)
    return lambda text: not any(search(text) for search in searches)


def count_breaking(breaks: Callable[[str], bool], keep: int) -> Callable[[duckdb.DuckDBPyConnection], tuple[int, int, list[str]]]:
    """A fold over rows of (text, how often): rows in all, rows that break, and a few of the texts that do."""

    def fold(rows: duckdb.DuckDBPyConnection) -> tuple[int, int, list[str]]:
        total = failing = 0
        kept: list[str] = []
        while piece := rows.fetchmany(_PIECE):
            for text, times in piece:
                total += times
                if breaks(text):
                    failing += times
                    if len(kept) < keep:
                        kept.append(text)
        return total, failing, kept

    return fold
