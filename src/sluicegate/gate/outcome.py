"""What came of one run: the last value of the line, for callers, reports and the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluicegate.contract.model import Contract
from sluicegate.errors import BatchRefused
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.items import landing_step
from sluicegate.gate.split import Parts
from sluicegate.ports.quarantine import Manifest
from sluicegate.ports.target import CommitReceipt
from sluicegate.redact import redacted_tree
from sluicegate.verdict.document import document
from sluicegate.verdict.model import Decision, Verdict

__all__ = ["RunOutcome", "Told"]

_HELD, _BLOCKED, _ENGINE_BROKE = 3, 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How far the alert of a run is with one service.

    Attributes:
        service: empty where the channel's message still waits for its moment.
        state: ``delivered``; ``due``, tried again at ``next_at``; ``sending``, no answer yet; ``failed`` and ``dropped``, given up;
            ``waiting``: joined a message that leaves at ``next_at``.
        detail: what the service said; without secrets.
    """

    channel: str
    state: str
    service: str = ""
    detail: str = ""
    next_at: datetime | None = None

    def as_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "channel": self.channel,
            "service": self.service,
            "state": self.state,
            "detail": self.detail,
            "next_at": self.next_at.isoformat() if self.next_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What came of one run.

    Attributes:
        action: what became of the batch; ``checked`` where nothing was to be done. The first decision on a batch stands: it may
            be ``committed`` although today's verdict refuses it, and ``quarantined`` although it passes today.
        receipt: of a commit, now or before.
        manifest: the batch's item in the quarantine, if it has one; of a batch that is committed, too.
        decided_before: the action is that of an earlier run, or of another at the same moment; this one changed nothing.
        seconds: of wall time, from the contract's file to the end.
        parts: of a batch that was split; of one that was only checked, if it would be.
        told: to whom what there is to tell of the run has got by now.
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
    decided_before: bool = False
    warnings: tuple[str, ...] = ()
    parts: Parts | None = None
    told: tuple[Told, ...] = ()

    @property
    def exit_code(self) -> int:
        """The CLI's exit code for this run: what became of the batch; 5 in any case where an engine broke and it isn't through.

        0 where it is in the target, and is so by the verdict or by a replay or release; 4 where it was refused too late: an earlier
        run had committed it.
        """
        verdict = self.verdict.exit_code
        if self.passed or verdict == _ENGINE_BROKE:
            return 0 if self.passed else verdict
        match self.action:
            case ActionTaken.QUARANTINED:
                return _HELD
            case ActionTaken.COMMITTED | ActionTaken.DELETED:
                return _BLOCKED
            case _:
                return verdict

    @property
    def passed(self) -> bool:
        """Whether the batch is let through: the verdict says so and nothing that stands does not; or it was replayed or released."""
        lets_through = self.verdict.decision in {Decision.COMMIT, Decision.COMMIT_WITH_WARNINGS}
        if self.action is ActionTaken.SPLIT or (self.action is ActionTaken.CHECKED and self.parts is not None):
            return True
        return self.decided_by_hand or (lets_through and self.action in {ActionTaken.COMMITTED, ActionTaken.CHECKED})

    @property
    def decided_by_hand(self) -> bool:
        """Whether the batch is in the target because somebody replayed or released it."""
        step = landing_step(self.manifest) if self.manifest else None
        return self.action is ActionTaken.COMMITTED and step is not None and "action" in step.details

    def as_document(self) -> dict[str, Any]:
        """The run as JSON: the verdict document, and what was done. Classified values and configured secrets are masked."""
        found: dict[str, Any] = {
            "run_id": self.run_id,
            "action": self.action.value,
            "location": self.receipt.location if self.receipt else None,
            "already_committed": self.receipt.already_there if self.receipt else None,
            "rows_committed": self.receipt.rows if self.receipt else None,
            "other_data": self.receipt is not None and self.receipt.content_sha256 != self.verdict.batch_sha256,
            "decided_before": self.decided_before,
            "quarantine_id": self.manifest.quarantine_id if self.manifest else None,
            "quarantined_at": self.manifest.created_at if self.manifest else None,
            "split": self.parts.as_document() if self.parts else None,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
            "warnings": list(self.warnings),
            "alerts": [told.as_document() for told in self.told],
            "owner": self.contract.owner,
            "documentation_url": self.contract.documentation_url,
            "verdict": document(self.verdict, self.contract.classified_columns),
        }
        return redacted_tree(found)  # type: ignore[no-any-return]

    def raise_if_refused(self) -> RunOutcome:
        """Return this outcome, or raise.

        Raises:
            BatchRefused: the batch was quarantined or blocked, now or before.
        """
        if not self.passed:
            why = "; ".join(self.verdict.reasons) or "it was refused before"
            raise BatchRefused(f"{self.contract.name}: {self.action}: {why}", outcome=self)
        return self
