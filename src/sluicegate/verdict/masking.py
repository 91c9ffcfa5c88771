"""What of a check's outcome may be a value of a classified column, and is therefore not shown.

Nothing of it changes an outcome, a count or a decision. What was there before stays with the outcome, as ``unmasked``, for who has it in his hands.
"""

from __future__ import annotations

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


def masked(outcome: CheckOutcome, classified: Collection[str]) -> CheckOutcome:
    """The outcome without any value of a classified column: evidence cells, figures that are themselves values, and words that aren't ours.

    Args:
        outcome: of one check.
        classified: ``Contract.classified_columns``.
    """
    kept = masked_evidence(outcome, classified)
    if outcome.unmasked is not None or not ("" in classified or classified):
        return kept
    tells = may_tell(outcome.check.promise, classified)
    if outcome.instead and (tells or outcome.engine_broke):  # what broke an engine may be another check's
        return replace(_without_figure(kept) if tells else kept, message=outcome.instead, hint="", instead="", unmasked=outcome)
    if tells and outcome.value is not None and _is_figure(outcome):
        held = "outside" if outcome.outcome in {Outcome.FAILED, Outcome.WARNED} else "within"
        skipped = outcome.outcome is Outcome.SKIPPED  # it says why, and no figure
        message = outcome.message if skipped else f"the figure is classified; it lies {held} what is wanted"
        return replace(kept, value=MASK, message=message, unmasked=outcome)
    return kept


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


def _without_figure(outcome: CheckOutcome) -> CheckOutcome:
    return replace(outcome, value=MASK) if outcome.value is not None and _is_figure(outcome) else outcome
