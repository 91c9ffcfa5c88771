"""What came of one run: the last value of the line, for callers, reports and the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluicegate.contract.model import Contract
from sluicegate.errors import BatchRefused
from sluicegate.gate.act import ActionTaken
from sluicegate.ports.quarantine import Manifest
from sluicegate.ports.target import CommitReceipt
from sluicegate.verdict.document import document
from sluicegate.verdict.model import Decision, Verdict

__all__ = ["RunOutcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What came of one run.

    Attributes:
        action: what was done with the batch; ``checked`` where nothing was to be done. ``committed`` with a decision to
            quarantine: it had been committed before, and stays so.
        receipt: of a commit, now or before.
        manifest: of a quarantine.
        seconds: of wall time, from the contract's file to the end.
        warnings: what a person should know beside the decision, and doesn't change it: columns that could not be read as
            declared, what of the contract this release does not act on, a history that could not be written.
    """

    run_id: str
    contract: Contract
    verdict: Verdict
    action: ActionTaken
    seconds: float
    receipt: CommitReceipt | None = None
    manifest: Manifest | None = None
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The CLI's exit code for this run: the verdict's; 4 where the batch was refused too late for the quarantine."""
        refused_too_late = self.action is ActionTaken.COMMITTED and self.verdict.decision is Decision.QUARANTINE
        return max(self.verdict.exit_code, 4) if refused_too_late else self.verdict.exit_code

    @property
    def passed(self) -> bool:
        """Whether the decision lets the batch through."""
        return self.verdict.decision in {Decision.COMMIT, Decision.COMMIT_WITH_WARNINGS}

    def as_document(self) -> dict[str, Any]:
        """The run as JSON: the verdict document, and what was done. Classified values are masked."""
        return {
            "run_id": self.run_id,
            "action": self.action.value,
            "location": self.receipt.location if self.receipt else None,
            "already_committed": self.receipt.already_there if self.receipt else None,
            "quarantine_id": self.manifest.quarantine_id if self.manifest else None,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
            "warnings": list(self.warnings),
            "owner": self.contract.owner,
            "documentation_url": self.contract.documentation_url,
            "verdict": document(self.verdict, self.contract.classified_columns),
        }

    def raise_if_refused(self) -> RunOutcome:
        """Return this outcome, or raise.

        Raises:
            BatchRefused: the decision was to quarantine or to block.
        """
        if not self.passed:
            raise BatchRefused(f"{self.contract.name}: {self.action}: {'; '.join(self.verdict.reasons)}", outcome=self)
        return self
