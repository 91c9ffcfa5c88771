"""What one run owes to the history and to people: planned before it acts, kept with its record, told at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sluicegate.contract.model import Contract
from sluicegate.errors import BatchUnreadable, EngineError, SluicegateError, StorageError
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.alerting import Alerting
from sluicegate.gate.commands import Commands
from sluicegate.gate.outcome import RunOutcome
from sluicegate.gate.record import record_of, record_of_unreadable
from sluicegate.verdict.model import Decision, Verdict

if TYPE_CHECKING:
    from sluicegate.history.alert import Alert
    from sluicegate.history.message import Intent, Standing

__all__ = ["Errand"]


@dataclass(slots=True, kw_only=True)
class Errand:
    """One run's.

    Attributes:
        now: the run's clock.
        acts: whether it may change anything: a check tells nobody.
        delivers: whether it also sends what there is to tell; else that waits for whoever does.
        started: by the monotonic clock.
        intent: what the outbox knows of what the run is about to do.
    """

    alerting: Alerting
    contract: Contract
    run_id: str
    now: datetime
    started: float
    commands: Commands
    acts: bool
    delivers: bool = True
    batch_id: str = ""
    intent: Intent | None = None

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.started

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have the history and people know of a run that breaks off: there is no verdict, and the batch went nowhere."""
        try:
            yield
        except (BatchUnreadable, EngineError) as error:
            with suppress(SluicegateError):  # what is wrong with the batch matters more
                self._broke(error)
            raise
        except Exception:
            if self.intent is not None:
                self.alerting.broke_off(self.intent)
            raise

    def _broke(self, error: BatchUnreadable | EngineError) -> None:
        alert = None
        if self.tells:
            from sluicegate.gate.alerts import alert_of_error

            frame = self.alerting.frame(self.contract, self.commands)
            alert = alert_of_error(
                self.contract, error, frame, run_id=self.run_id, batch_id=self.batch_id, started_at=self.now
            )
        history = self.alerting.history()
        try:
            if isinstance(error, BatchUnreadable):
                record = record_of_unreadable(
                    self.contract, error, run_id=self.run_id, batch_id=self.batch_id, now=self.now, seconds=self.seconds
                )
                history.record(record, alert=alert)
            elif alert is not None:
                history.outbox.put(alert)
        except StorageError:
            if alert is not None and self.delivers:
                self.alerting.send_directly(alert)
            return
        if self.delivers:
            self.alerting.deliver()

    @property
    def tells(self) -> bool:
        """Whether there may be anybody to tell."""
        return self.acts and self.alerting.is_configured

    def plan(self, verdict: Verdict, quarantine_id: str) -> None:
        """Right before the run acts: from now on it is told, whatever becomes of this process."""
        if not self.tells or verdict.decision not in {Decision.COMMIT_WITH_WARNINGS, Decision.QUARANTINE}:
            return  # a plain commit is nothing to tell, and blocking changes nothing that the record could miss
        action = ActionTaken.QUARANTINED if verdict.decision is Decision.QUARANTINE else ActionTaken.COMMITTED
        wanted = RunOutcome(
            run_id=self.run_id, contract=self.contract, verdict=verdict, action=action, seconds=self.seconds
        )
        alert = self._alert(wanted, quarantine_id if action is ActionTaken.QUARANTINED else "")
        if alert is not None:
            self.intent = self.alerting.intend(self.contract, alert, self.commands)

    def _alert(self, outcome: RunOutcome, quarantine_id: str = "") -> Alert | None:
        from sluicegate.gate.alerts import alert_of

        item = outcome.manifest.quarantine_id if outcome.manifest else quarantine_id
        frame = self.alerting.frame(self.contract, self.commands, item)
        return alert_of(outcome, frame, quarantine_id=quarantine_id)

    def _recovered(self, outcome: RunOutcome, standing: Standing) -> Alert:
        from sluicegate.gate.alerts import alert_of_recovery

        frame = self.alerting.frame(self.contract, self.commands)
        return alert_of_recovery(outcome, frame, since=standing.failing_since.isoformat(), refused=standing.refused)

    def finish(self, outcome: RunOutcome) -> RunOutcome:
        """Write the run to the history, in one transaction with what there is to tell of it; and tell.

        The history isn't the arbiter: if it can't be written, the decision stands, and says so; people are told directly then.
        """
        alert = self._alert(outcome) if self.tells else None
        passes = self.tells and outcome.action is ActionTaken.COMMITTED and outcome.passed and not outcome.decided_before
        lines = self.alerting.unreachable(self.contract)
        try:
            self.alerting.history().record(
                record_of(outcome),
                alert=alert,
                intent=self.intent,
                recovered=(lambda standing: self._recovered(outcome, standing)) if passes else None,
            )
        except StorageError as error:
            lines = (*lines, f"the run is not in the history: {error}")
            if alert is not None and self.intent is None:
                return self._told(replace(outcome, warnings=(*outcome.warnings, *lines)), alert, directly=True)
            return replace(outcome, warnings=(*outcome.warnings, *lines))
        outcome = replace(outcome, warnings=(*outcome.warnings, *lines))
        return self._told(outcome, alert) if self.tells else outcome

    def _told(self, outcome: RunOutcome, alert: Alert | None, *, directly: bool = False) -> RunOutcome:
        """Send what waits; what of it is about this run goes into its report."""
        try:
            if directly:
                assert alert is not None  # noqa: S101 - else there is nothing to send
                return replace(outcome, told=self.alerting.send_directly(alert))
            if self.delivers:
                self.alerting.deliver()
            return replace(outcome, told=self.alerting.told(alert.key)) if alert else outcome
        except SluicegateError as error:
            waits = "" if directly else "; the alert is kept"
            return replace(outcome, warnings=(*outcome.warnings, f"nobody was told: {error.message.splitlines()[0]}{waits}"))
