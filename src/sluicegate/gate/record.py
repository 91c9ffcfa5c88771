"""RunOutcome -> RunRecord: what the history keeps of a run."""

from __future__ import annotations

import math
from decimal import Decimal

from sluicegate.checks.model import Drift
from sluicegate.gate.outcome import RunOutcome
from sluicegate.history.record import RunRecord
from sluicegate.verdict.document import document
from sluicegate.verdict.model import Outcome

__all__ = ["record_of"]


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
        rows=verdict.rows,
        decision=verdict.decision.value,
        action=outcome.action.value,
        location=outcome.receipt.location if outcome.receipt else "",
        quarantine_id=outcome.manifest.quarantine_id if outcome.manifest else None,
        counts={kind.value: verdict.count(kind) for kind in Outcome},
        verdict=document(verdict, contract.classified_columns),
        figures={
            item.check.fingerprint: item.value
            for item in verdict.outcomes
            if isinstance(item.check.promise, Drift)
            and isinstance(item.value, int | float | Decimal)
            and math.isfinite(item.value)
        },
    )
