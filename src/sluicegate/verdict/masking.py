"""What of a check's outcome may be a value of a classified column, and is therefore not shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Json, NativeCheck, plain
from sluicegate.checks.values import Scalar
from sluicegate.ports.engine import Evidence
from sluicegate.verdict.model import CheckOutcome, Outcome

__all__ = ["MASK", "masked", "masked_evidence"]

MASK = "***"
_FIGURES = (m.Aggregate, m.MetricQuery, m.Drift, m.Freshness, NativeCheck)
"""Promises whose measured figure may itself be a value of the data, or tell one."""

_QUERY = re.compile(r"\bselect\b")
_COUNT = re.compile(r"\bcount\s*\(\s*\*\s*\)")
_RENAMING = re.compile(r"[*#]|\bcolumns\s*\(|[\w\")]\s*\(\s*\w+\s*(?:,\s*\w+\s*)+\)\s*(?:where|limit|group|order|join|\)|$)")
"""Ways in which a query reaches a column without naming it: stars, positions, patterns, a table's columns called anew."""


def masked(outcome: CheckOutcome, classified: Collection[str]) -> CheckOutcome:
    """The outcome without any value of a classified column: evidence cells, and figures that are themselves values.

    Args:
        outcome: of one check.
        classified: ``Contract.classified_columns``.
    """
    kept = masked_evidence(outcome, classified)
    if outcome.value is None or not _reveals(outcome.check.promise, outcome.value, classified):
        return kept
    held = "outside" if outcome.outcome in {Outcome.FAILED, Outcome.WARNED} else "within"
    return replace(kept, value=MASK, message=f"the figure is classified; it lies {held} what is wanted")


def masked_evidence(outcome: CheckOutcome, classified: Collection[str]) -> CheckOutcome:
    """The outcome without the cells of its evidence that are, or may be, a classified column's."""
    evidence, promise = outcome.evidence, outcome.check.promise
    if evidence is None or not _any(classified):
        return outcome
    # A query calls its columns what it likes: a name that isn't classified proves nothing where it mentions one that is.
    free = isinstance(promise, NativeCheck) and any(
        _QUERY.search(text) and (_names(text, classified) or _renames(text.replace("select *", ""))) for text in _texts(promise)
    )
    folded = {name.casefold() for name in classified}
    hidden = [free or name in classified or name.casefold() in folded for name in evidence.columns]
    rows = tuple(
        tuple(MASK if hide and cell is not None else cell for hide, cell in zip(hidden, row, strict=True))
        for row in evidence.rows
    )
    return replace(outcome, evidence=Evidence(columns=evidence.columns, rows=rows))


def _any(classified: Collection[str]) -> bool:
    return _whole(classified) or bool(classified)


def _whole(classified: Collection[str]) -> bool:
    """Whether the contract is classified as a whole: no column is called by the empty name."""
    return "" in classified


def _reveals(promise: object, value: Scalar, classified: Collection[str]) -> bool:
    if not isinstance(promise, _FIGURES) or not _any(classified):
        return False
    texts = list(_texts(promise))
    if _whole(classified) or any(_names(text, classified) for text in texts):
        return True
    queries = [text for text in texts if isinstance(promise, m.MetricQuery) or _QUERY.search(text) or "columns(" in text]
    number = isinstance(value, int | float | Decimal)
    return bool(queries) and (not number or any(_renames(text) for text in queries))


def _names(text: str, classified: Collection[str]) -> bool:
    """Whether a text mentions a classified column; SQL's names know no case, and double the quotes in them."""
    return any(name.casefold() in text or name.casefold().replace('"', '""') in text for name in classified)


def _renames(query: str) -> bool:
    return _RENAMING.search(_COUNT.sub("", query)) is not None


def _texts(promise: object) -> Iterator[str]:
    """Every text in a promise, in lower case: names of columns, values, queries."""
    level: list[Json] = [plain(promise)]
    while level:
        match level.pop():
            case str() as text:
                yield " ".join(text.casefold().split())
            case list() as items:
                level += items
            case Mapping() as items:
                level += [*items, *items.values()]
