"""RunOutcome -> RunRecord: what the history keeps of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal

from sluicegate.checks.model import Drift
from sluicegate.contract.model import Contract
from sluicegate.errors import BatchUnreadable
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.outcome import RunOutcome
from sluicegate.gate.replay import ReplayOutcome
from sluicegate.history.record import RunRecord
from sluicegate.ports.quarantine import Manifest
from sluicegate.ports.target import CommitReceipt
from sluicegate.verdict.document import document
from sluicegate.verdict.model import CheckOutcome, Decision, Outcome

__all__ = ["record_of", "record_of_replay", "record_of_unreadable"]


def record_of(outcome: RunOutcome) -> RunRecord:
    """The record of a finished run; classified values are masked in it."""
    contract, verdict = outcome.contract, outcome.verdict
    return RunRecord(
        run_id=outcome.run_id,
        started_at=verdict.now.isoformat(),
        seconds=outcome.seconds,
        contract_name=verdict.contract_name,
        contract_version=verdict.contract_version,
        contract_sha256=verdict.contract_sha256,
        tenant=contract.tenant,
        dataset=verdict.dataset,
        batch_id=verdict.batch_id,
        batch_sha256=verdict.batch_sha256,
        rows=outcome.parts.committed if outcome.parts else verdict.rows,
        decision=verdict.decision.value,
        action=outcome.action.value,
        location=outcome.receipt.location if outcome.receipt else "",
        quarantine_id=outcome.manifest.quarantine_id if outcome.manifest else None,
        counts={kind.value: verdict.count(kind) for kind in Outcome},
        verdict=document(verdict, contract.classified_columns),
        figures=_figures(outcome.parts.rest.outcomes if outcome.parts and outcome.parts.rest else verdict.outcomes),
    )


def _figures(outcomes: Sequence[CheckOutcome]) -> dict[str, int | float | Decimal]:
    """What drift measured, by fingerprint: the next runs compare with it, so it is kept as it is. Nothing shows it."""
    found = {item.check.fingerprint: (item.unmasked or item).value for item in outcomes if isinstance(item.check.promise, Drift)}
    return {
        fingerprint: value
        for fingerprint, value in found.items()
        if isinstance(value, int | float | Decimal) and math.isfinite(value)
    }


def record_of_unreadable(
    contract: Contract, error: BatchUnreadable, *, run_id: str, batch_id: str | None, now: datetime, seconds: float
) -> RunRecord:
    """The record of a run on a batch that could not be read: no checks, and in the place of a verdict what is wrong with it.

    Without a ``batch_id`` of its own the batch has none: that would come from its content.
    """
    found = {"message": error.message, "lines": [asdict(line) for line in error.lines], "more_lines": error.more}
    return RunRecord(
        run_id=run_id,
        started_at=now.isoformat(),
        seconds=seconds,
        contract_name=contract.name,
        contract_version=contract.version,
        contract_sha256=contract.sha256,
        tenant=contract.tenant,
        dataset=contract.dataset,
        batch_id=batch_id or "",
        batch_sha256="",
        rows=0,
        decision=Decision.BLOCK.value,
        action="unreadable",
        verdict={"error": found},
    )


def record_of_replay(outcome: ReplayOutcome, *, run_id: str, started_at: str, seconds: float) -> RunRecord | None:
    """The record of a replay or release; None where nothing was done, because the item was at rest already."""
    contract, verdict, item = outcome.contract, outcome.verdict, outcome.manifest
    if contract is None:
        return None
    if verdict is None:
        record = _record_of_release(item, outcome.receipt, run_id=run_id, started_at=started_at, seconds=seconds)
    else:
        done = RunOutcome(
            run_id=run_id,
            seconds=seconds,
            contract=contract,
            verdict=verdict,
            action=ActionTaken.COMMITTED if outcome.receipt else ActionTaken.QUARANTINED,
            receipt=outcome.receipt,
            manifest=item,
        )
        record = record_of(done)
    if item.scope == "rows":  # beside the rest of their batch, not instead of it
        rows = outcome.receipt.rows if outcome.receipt else item.rows
        record = replace(record, batch_id=item.target_batch_id, rows=rows)
    return record


def _record_of_release(
    item: Manifest, receipt: CommitReceipt | None, *, run_id: str, started_at: str, seconds: float
) -> RunRecord:
    """The record of a batch that was committed without its checks being run again: with the verdict that had refused it."""
    return RunRecord(
        run_id=run_id,
        started_at=started_at,
        seconds=seconds,
        contract_name=item.contract_name,
        contract_version=item.contract_version,
        contract_sha256=item.contract_sha256,
        tenant=item.tenant,
        dataset=item.dataset,
        batch_id=item.batch_id,
        batch_sha256=item.content_sha256,
        rows=item.rows,
        decision=str(item.verdict.get("decision", "quarantine")),
        action=ActionTaken.COMMITTED.value,
        location=receipt.location if receipt else "",
        quarantine_id=item.quarantine_id,
        counts=item.verdict.get("counts", {}),
        verdict=item.verdict,
    )
