"""What of a check's outcome may be a value of a classified column, and is therefore not shown.

Nothing of it changes an outcome, a count or a decision. What was there before stays with the outcome, as ``unmasked``, for who has it in his hands.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import NativeCheck
from sluicegate.ports.engine import Evidence
from sluicegate.redact import MASK
from sluicegate.verdict.model import CheckOutcome, Outcome
from sluicegate.verdict.reading import counts, is_hidden, keeps_names, may_tell

__all__ = ["MASK", "masked", "masked_evidence"]

_FIGURES = (m.Aggregate, m.MetricQuery, m.Drift, m.Freshness, NativeCheck)
"""Promises whose measured figure may itself be a value of the data, or tell one."""

_PIECE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|.""", re.DOTALL)
_NESTED = re.compile(r"\b(?:STRUCT|ENUM|UNION)\((?!…\))", re.IGNORECASE)


def masked(outcome: CheckOutcome, classified: Collection[str]) -> CheckOutcome:
    """The outcome without any value of a classified column: evidence cells, figures that are themselves values, and words that aren't ours.

    Args:
        outcome: of one check.
        classified: ``Contract.classified_columns``.
    """
    kept = masked_evidence(outcome, classified)
    if outcome.unmasked is not None or not ("" in classified or classified):
        return kept
    shown = _told(kept, tells=may_tell(outcome.check.promise, classified))
    shown = replace(shown, message=_without_fields(shown.message), hint=_without_fields(shown.hint))
    return kept if shown == kept else replace(shown, unmasked=outcome)


def _told(outcome: CheckOutcome, *, tells: bool) -> CheckOutcome:
    """The outcome with what may be said; ``tells``: its words and its figure may be of a classified column."""
    is_figure = tells and outcome.value is not None and _is_figure(outcome)
    if outcome.instead and (tells or outcome.engine_broke):  # what broke an engine may be another check's
        return replace(outcome, message=outcome.instead, hint="", instead="", value=MASK if is_figure else outcome.value)
    if not is_figure:
        return outcome
    held = "outside" if outcome.outcome in {Outcome.FAILED, Outcome.WARNED} else "within"
    skipped = outcome.outcome is Outcome.SKIPPED  # it says why, and no figure
    return replace(
        outcome, value=MASK, message=outcome.message if skipped else f"the figure is classified; it lies {held} what is wanted"
    )


def _without_fields(text: str) -> str:
    """The text without the names in nested types: in JSON, for one, they are data as often as not.

    >>> _without_fields("is STRUCT(jane STRUCT(age BIGINT))[], not DECIMAL(9,2)")
    'is STRUCT(…)[], not DECIMAL(9,2)'
    """
    while match := _NESTED.search(text):
        end, depth = match.end(), 1
        for token in _PIECE.finditer(text, end):
            end, depth = token.end(), depth + {"(": 1, ")": -1}.get(token[0], 0)
            if not depth:
                break
        text = f"{text[: match.end()]}…){text[end:]}"
    return text


def masked_evidence(outcome: CheckOutcome, classified: Collection[str]) -> CheckOutcome:
    """The outcome without the cells of its evidence that are, or may be, a classified column's."""
    evidence, promise = outcome.evidence, outcome.check.promise
    if evidence is None or not ("" in classified or classified):
        return outcome
    # A query, or a rule, calls its columns what it likes: a name that isn't classified proves nothing then.
    free = (
        isinstance(promise, NativeCheck) and not evidence.as_read and may_tell(promise, classified) and not keeps_names(promise)
    )
    hidden = [free or is_hidden(name, classified) for name in evidence.columns]
    rows = tuple(
        tuple(MASK if hide and cell is not None else cell for hide, cell in zip(hidden, row, strict=True))
        for row in evidence.rows
    )
    return replace(outcome, evidence=Evidence(columns=evidence.columns, rows=rows, as_read=evidence.as_read))


def _is_figure(outcome: CheckOutcome) -> bool:
    """Whether a measured figure may be, or tell, a value: a count of rows doesn't."""
    promise, value = outcome.check.promise, outcome.value
    is_count = counts(promise) or (isinstance(promise, NativeCheck) and value == outcome.failing and isinstance(value, int))
    return isinstance(promise, _FIGURES) and not is_count
