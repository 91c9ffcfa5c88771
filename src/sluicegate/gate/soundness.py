"""Whether a result is one that can be judged: an engine is somebody else's code, and garbage is never a pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.ports.engine import Evidence, NativeOutcome, Result

__all__ = ["unsound"]


def unsound(given: object, check: ContractCheck) -> str:
    """What is wrong with an engine's result for a check, as the object of "it gave"; an empty text if nothing is."""
    if not isinstance(given, Result):
        return f"a {type(given).__name__} for a result"
    return next(_complaints(given, check), "")


def _complaints(given: Result, check: ContractCheck) -> Iterator[str]:
    for name in ("rows", "failing"):
        count: object = getattr(given, name)
        if count is not None and (type(count) is not int or count < 0):
            yield f"a result whose '{name}' is no count"
    for name in ("error", "error_hint", "message"):
        if not isinstance(getattr(given, name), str):
            yield f"a result whose '{name}' is no text"
    row_level = getattr(check.promise, "row_level", False)
    if row_level and given.rows is not None and given.failing is not None and given.failing > given.rows:
        yield "a result with more failing rows than rows"
    if not _is_scalar(given.value):
        yield "a result whose 'value' is no plain value"
    if given.native is not None and not isinstance(given.native, NativeOutcome):
        yield "a result whose 'native' is no outcome"
    if given.evidence is not None and not _is_evidence(given.evidence):
        yield "a result whose 'evidence' is none"


def _is_scalar(value: object) -> bool:
    if isinstance(value, Decimal):
        return not value.is_snan()
    return value is None or isinstance(value, bool | int | float | str | date | datetime | time)


def _is_evidence(given: object) -> bool:
    return isinstance(given, Evidence) and all(
        len(row) == len(given.columns) and all(_is_scalar(cell) for cell in row) for row in given.rows
    )
