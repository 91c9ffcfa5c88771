"""What a report shows beside the run document: what the engines were asked, and what the checks measured before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sluicegate.errors import SluicegateError, StorageError
from sluicegate.report.model import Report, past_of

if TYPE_CHECKING:
    from sluicegate.gate.gate import Gate
    from sluicegate.gate.outcome import RunOutcome

__all__ = ["report_of"]

_BATCHES = 30
"""So many batches a chart goes back, this one among them."""


def report_of(gate: Gate, outcome: RunOutcome, *, contract_file: str = "", more: Mapping[str, Any] | None = None) -> Report:
    """The report of a run. It has less in it where the history can't be read, and is made all the same.

    Args:
        gate: whose engines and history they are.
        outcome: what came of the run.
        contract_file: where checks that stand in no file have their place.
        more: what the run document is to have besides.
    """
    facts = outcome.as_document() | dict(more or {})
    return Report(
        facts=facts,
        contract_file=contract_file,
        translations=_translations(gate, outcome),
        past=past_of(facts, _earlier(gate, outcome)),
    )


def _translations(gate: Gate, outcome: RunOutcome) -> dict[str, tuple[str, str]]:
    ran = {item.check.id: item.engine for item in outcome.verdict.outcomes}
    with suppress(SluicegateError):
        planned = gate.plan(outcome.contract, now=outcome.verdict.now)
        return {
            item.check.id: (item.translation.language, item.translation.text)
            for item in planned.checks
            if item.translation and item.engine == ran.get(item.check.id)
        }
    return {}


def _earlier(gate: Gate, outcome: RunOutcome) -> Any:
    verdict = outcome.verdict
    with suppress(StorageError):
        return gate.history.other_batches(
            verdict.dataset,
            tenant=outcome.contract.tenant,
            excluding_batch_id=verdict.batch_id,
            until=verdict.now.isoformat(),
            limit=_BATCHES - 1,
        )
    return ()
