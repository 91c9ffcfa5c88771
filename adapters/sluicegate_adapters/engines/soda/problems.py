"""Why Soda could not evaluate a check, in one line that holds no value of the data."""

from __future__ import annotations

from collections.abc import Iterable

from sluicegate.errors import EngineError
from sluicegate.ports.engine import Result
from sluicegate_adapters.engines.soda.runtime import Problem

__all__ = ["errored", "raise_if_lost"]

_LOST = {
    "InterruptException": "was interrupted",
    "ConnectionException": "lost its connection to the batch",
    "FatalException": "broke",
}
_BROKE = {
    "OutOfMemoryException": "DuckDB ran out of memory",
    "InternalException": "DuckDB broke",
    "IOException": "DuckDB could not read or write",
}
# What these say is about names and SQL alone: they are raised before a row is read.
_ABOUT_SQL = {"BinderException", "CatalogException", "ParserException", "SyntaxException", "NotImplementedException"}
_QUIET = {
    "ConversionException": "a value can't be converted to the type that the check needs",
    "OutOfRangeException": "a figure leaves the range of its type",
    "InvalidInputException": "DuckDB can't compute it on this batch",
}
_OWN = ("Total number of groups", "name property is required", "the query answers")


def raise_if_lost(problems: Iterable[Problem]) -> None:
    """Stop where nothing more can come of the connection.

    Raises:
        EngineError: it was interrupted, closed or invalidated.
    """
    for problem in problems:
        if isinstance(problem.exception, EngineError):  # the run's one scan, which it waited for
            raise problem.exception
        word = _LOST.get(type(problem.exception).__name__)
        if word:
            raise EngineError(f"soda {word}") from problem.exception


def errored(check_id: str, problems: Iterable[Problem], otherwise: str) -> Result:
    """The result of a check that could not be evaluated.

    Args:
        check_id: whose.
        problems: what Soda logged while it ran that check alone.
        otherwise: what is said where none of them explains it.
    """
    for problem in problems:
        kind = type(problem.exception).__name__
        text = str(problem.exception)
        first = text.strip().splitlines()[0] if text.strip() else kind
        if kind in _BROKE:
            return Result(check_id=check_id, error=_BROKE[kind], engine_broke=True, harmless=True)
        if kind in _ABOUT_SQL:
            hint = "a name that is also a word of SQL stands in double quotes" if kind == "ParserException" else ""
            return Result(check_id=check_id, error=first, error_hint=hint, harmless=True)
        if kind in _QUIET:
            return Result(check_id=check_id, error=_QUIET[kind], harmless=True)
        if kind == "UndefinedError":
            return Result(check_id=check_id, error=f"a variable has no value: {first}", harmless=True)
        if first.startswith(_OWN):
            return Result(check_id=check_id, error=first, harmless=True)
    return Result(check_id=check_id, error=otherwise, harmless=True)
