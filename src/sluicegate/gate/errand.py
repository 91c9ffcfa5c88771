"""What one run owes to the history and to people: planned before it acts, kept with its record, told at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sluicegate.contract.model import Contract
from sluicegate.errors import BatchUnreadable, EngineError, SluicegateError, StorageError
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.alerting import Alerting
from sluicegate.gate.items import DONE
from sluicegate.gate.outcome import RunOutcome, Told
from sluicegate.gate.record import record_of, record_of_unreadable
from sluicegate.gate.replay import ReplayOutcome
from sluicegate.gate.split import Parts
from sluicegate.verdict.model import Decision, Verdict

if TYPE_CHECKING:
    from sluicegate.gate.commands import Commands
    from sluicegate.history.alert import Alert
    from sluicegate.history.message import Intent, Standing
    from sluicegate.history.record import RunRecord
    from sluicegate.ports.quarantine import Manifest

__all__ = ["Errand", "ReplayErrand"]


@dataclass(slots=True, kw_only=True)
class Errand:
    """One run's.

    Attributes:
        now: the run's clock.
        commands: how people go on.
        acts: whether it may change anything: a check tells nobody.
        delivers: whether it also sends what there is to tell; else that waits for whoever does, if the history can keep it.
        started: by the monotonic clock.
        intent: what the outbox knows of what the run is about to do.
    """

    alerting: Alerting
    contract: Contract
    run_id: str
    now: datetime
    started: float
    commands: Callable[[], Commands]
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
            with _resolving(self):
                yield
        except (BatchUnreadable, EngineError) as error:
            with suppress(Exception):  # what is wrong with the batch matters more
                self._broke(error)
            raise

    def _broke(self, error: BatchUnreadable | EngineError) -> None:
        alert = None
        if self.tells:
            from sluicegate.gate.alerts import alert_of_error

            frame = self.alerting.frame(self.contract, self.commands())
            alert = alert_of_error(self.contract, error, frame, run_id=self.run_id, batch_id=self.batch_id, started_at=self.now)
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
            if alert is not None:
                self.alerting.send_directly(alert)
            return
        if self.delivers:
            self.alerting.deliver()

    @property
    def tells(self) -> bool:
        """Whether there may be anybody to tell."""
        return self.acts and self.alerting.is_configured

    def plan(self, verdict: Verdict, quarantine_id: str = "", parts: Parts | None = None) -> None:
        """Right before the run acts: from now on it is told, whatever becomes of this process."""
        if not self.tells or verdict.decision not in {Decision.COMMIT_WITH_WARNINGS, Decision.QUARANTINE}:
            return  # a plain commit is nothing to tell, and blocking changes nothing that the record could miss
        kept = ActionTaken.SPLIT if parts else ActionTaken.QUARANTINED
        wanted = RunOutcome(
            run_id=self.run_id,
            contract=self.contract,
            verdict=verdict,
            action=kept if quarantine_id else ActionTaken.COMMITTED,
            seconds=self.seconds,
            parts=parts,
        )
        alert, _ = self._alert(wanted, quarantine_id)
        if alert is not None:
            self.intent = self.alerting.intend(self.contract, alert, self.commands())

    def _alert(self, outcome: RunOutcome, quarantine_id: str = "") -> tuple[Alert | None, str]:
        """What there is to tell; or why that can't be said: telling must never keep a run from acting."""
        if not self.tells:
            return None, ""
        from sluicegate.gate.alerts import alert_of

        item = outcome.manifest.quarantine_id if outcome.manifest else quarantine_id
        try:
            frame = self.alerting.frame(self.contract, self.commands(), item)
            return alert_of(outcome, frame, quarantine_id=quarantine_id), ""
        except Exception as error:  # noqa: BLE001 - a fault of ours in telling changes no decision
            return None, f"nobody was told: the alert can't be made ({type(error).__name__})"

    def _recovered(self, outcome: RunOutcome, standing: Standing) -> Alert | None:
        from sluicegate.gate.alerts import alert_of_recovery

        try:
            frame = self.alerting.frame(self.contract, self.commands())
            return alert_of_recovery(outcome, frame, since=standing.failing_since.isoformat(), refused=standing.refused)
        except Exception:  # noqa: BLE001 - a fault of ours in telling keeps no record from being kept
            return None

    def finish(self, outcome: RunOutcome, progress: Callable[[str], None]) -> RunOutcome:
        """Write the run to the history, in one transaction with what there is to tell of it; and tell.

        The history isn't the arbiter: if it can't be written, the decision stands, and says so; people are told directly then.
        """
        alert, trouble = self._alert(outcome)
        passes = self.tells and outcome.action is ActionTaken.COMMITTED and outcome.passed and not outcome.decided_before
        notes = [*self.alerting.unreachable(self.contract), *filter(None, [trouble])]
        kept = True
        try:
            self.alerting.history().record(
                record_of(outcome),
                alert=alert,
                intent=self.intent,
                recovered=(lambda standing: self._recovered(outcome, standing)) if passes else None,
            )
        except StorageError as error:
            notes.append(f"the run is not in the history: {error}")
            kept = False
            if self.intent is not None:
                self.alerting.leave(self.intent)
        if alert is not None:
            progress("telling people")
        told, trouble = self._tell(alert, kept=kept)
        notes += filter(None, [trouble])
        return replace(outcome, warnings=(*outcome.warnings, *notes), told=told)

    def _tell(self, alert: Alert | None, *, kept: bool) -> tuple[tuple[Told, ...], str]:
        """Send what waits. How far this run's alert is; and what keeps it, if something does."""
        if not self.tells:
            return (), ""
        if not kept:
            directly = alert is not None and self.intent is None  # whoever would deliver it later has nothing of it
            return _guarded(lambda: self.alerting.send_directly(alert) if directly and alert else ())
        told, trouble = _guarded(self.alerting.deliver) if self.delivers else ((), "")
        if alert is not None and not trouble:
            told, trouble = _guarded(lambda: self.alerting.told(alert.key))
        return (told if alert else ()), trouble and f"{trouble}; what there is to tell is kept"


def _guarded(tell: Callable[[], tuple[Any, ...]]) -> tuple[tuple[Any, ...], str]:
    """What it comes to; or why nobody was told: nothing that happens over telling may change how a run ends."""
    try:
        return tell(), ""
    except SluicegateError as error:
        return (), f"nobody was told: {error.message.splitlines()[0]}"
    except Exception as error:  # noqa: BLE001 - as above: a fault of ours
        return (), f"nobody was told: {type(error).__name__}"


@dataclass(slots=True, kw_only=True)
class ReplayErrand:
    """That of a replay or a release: people are told of a batch that was brought through; whoever tries sees the rest.

    Attributes:
        commands: how people go on.
        tells: False: of a dry run there is nothing to tell.
    """

    alerting: Alerting
    commands: Callable[[], Commands]
    tells: bool = True
    intent: Intent | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Should it break off, people are told only if the batch is through all the same."""
        with _resolving(self):
            yield

    def plan(self, item: Manifest, contract: Contract) -> None:
        """Right before the item is taken in hand."""
        if self.tells and self.alerting.is_configured and item.status not in DONE and self.intent is None:
            alert = self._alert(ReplayOutcome(manifest=item), contract)
            self.intent = None if alert is None else self.alerting.intend(contract, alert, self.commands())

    def _alert(self, outcome: ReplayOutcome, contract: Contract, run_id: str = "") -> Alert | None:
        from sluicegate.gate.alerts import alert_of_replay

        try:
            frame = self.alerting.frame(contract, self.commands(), outcome.manifest.quarantine_id)
            return alert_of_replay(outcome, contract, frame, run_id=run_id)
        except Exception:  # noqa: BLE001 - a fault of ours in telling changes no decision
            return None

    def finish(self, outcome: ReplayOutcome, record: RunRecord | None) -> ReplayOutcome:
        """Write what was done to the history, and tell it; as after a run, a history that can't be written changes nothing."""
        alert = None
        if record is not None and outcome.contract is not None and outcome.receipt is not None and self.alerting.is_configured:
            alert = self._alert(outcome, outcome.contract, record.run_id)
        try:
            if record is not None:
                self.alerting.history().record(record, alert=alert, intent=self.intent)
            elif self.intent is not None:
                self.alerting.history().outbox.drop(self.intent)
        except StorageError as error:
            if self.intent is not None:
                self.alerting.leave(self.intent)
            return replace(outcome, warnings=(*outcome.warnings, f"the run is not in the history: {error}"))
        _, trouble = _guarded(self.alerting.deliver) if self.alerting.is_configured else ((), "")
        told = (f"{trouble}; what there is to tell is kept",) if trouble else ()
        return replace(outcome, warnings=(*outcome.warnings, *told))


@contextmanager
def _resolving(errand: Errand | ReplayErrand) -> Iterator[None]:
    """Should acting break off, its intent doesn't stay: the caller hears of it, and what is done all the same is told."""
    try:
        yield
    except Exception:
        if errand.intent is not None:
            errand.alerting.broke_off(errand.intent)
        raise
    except BaseException:  # who interrupts doesn't want to wait for a store
        if errand.intent is not None:
            errand.alerting.leave(errand.intent)
        raise
