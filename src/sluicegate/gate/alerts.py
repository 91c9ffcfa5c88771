"""From what happened to an alert: what it is about, how much it matters, under which key it is kept once, and what may be told of it.

Everything in an alert is a count, a name or an ID, or the contract author's own words: it is made of the verdict *document*, in which
classified values are masked, without its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sluicegate.checks.contract_check import Area
from sluicegate.contract.model import Contract
from sluicegate.errors import BatchUnreadable, SluicegateError
from sluicegate.gate.act import ActionTaken
from sluicegate.gate.commands import Commands
from sluicegate.gate.outcome import RunOutcome
from sluicegate.gate.replay import ReplayOutcome
from sluicegate.history.alert import Alert, Event
from sluicegate.notify.facts import facts_of
from sluicegate.ports.notifier import AlertSeverity
from sluicegate.ports.quarantine import Manifest
from sluicegate.redact import redacted_tree
from sluicegate.verdict.document import document
from sluicegate.verdict.model import Decision, Outcome, Verdict

__all__ = [
    "Frame",
    "alert_of",
    "alert_of_error",
    "alert_of_expiry",
    "alert_of_recovery",
    "alert_of_replay",
    "died",
]

_BY_AREA = {
    Area.SCHEMA: Event.SCHEMA_VIOLATION,
    Area.QUALITY: Event.QUALITY_VIOLATION,
    Area.SLA: Event.SLA_VIOLATION,
}
"""The most telling first."""
_BROKEN = (Outcome.FAILED, Outcome.ERRORED, Outcome.UNSUPPORTED)
_KEPT = {ActionTaken.QUARANTINED, ActionTaken.SPLIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What an alert tells beside the run itself.

    Attributes:
        at: the time, which the run's clock need not be.
        commands: how its reader is told to go on.
        quarantine_path: where the batch's item is, or would be.
    """

    at: datetime
    commands: Commands
    quarantine_path: str = ""


def alert_of(outcome: RunOutcome, frame: Frame, *, quarantine_id: str = "") -> Alert | None:
    """What there is to tell of a run; None of one that passed without a warning, or that changed nothing because it only checked.

    Args:
        outcome: of the run; before it acts, as it will be if that goes well.
        frame: what else is told.
        quarantine_id: of the item that is not there yet.
    """
    verdict, action = outcome.verdict, outcome.action
    item = outcome.manifest.quarantine_id if outcome.manifest else quarantine_id
    if action is ActionTaken.CHECKED or (verdict.decision is Decision.COMMIT and action not in _KEPT):
        return None
    if outcome.decided_by_hand:
        return None  # who replayed it told that
    events = _events(verdict, action)
    found = document(verdict, outcome.contract.classified_columns)
    if outcome.decided_before and action in _KEPT and outcome.manifest and outcome.manifest.verdict.get("checks"):
        found = dict(outcome.manifest.verdict)  # what it was refused for, which needn't be what the checks say today
    commands = frame.commands
    known = _run(outcome) | {
        "next_command": commands.doctor() if events[0] is Event.ENGINE_ERROR else commands.look(outcome.contract.name)
    }
    if action in _KEPT:
        known |= _item(item, outcome.manifest, frame)
    return _alert(
        outcome.contract,
        frame,
        facts_of(found, **_contract(outcome.contract), **known),
        key=_key(outcome, events[0], item),
        events=events,
        severity=_severity(outcome, events[0]),
        decision=found["decision"],
        run_id=outcome.run_id,
    )


def _events(verdict: Verdict, action: ActionTaken) -> tuple[Event, ...]:
    broken = [item for item in verdict.outcomes if item.outcome in _BROKEN]
    areas = {item.check.area for item in broken if not item.engine_broke}
    found = [Event.ENGINE_ERROR] if any(item.engine_broke for item in broken) else []
    found += [event for area, event in _BY_AREA.items() if area in areas]
    if action in _KEPT:
        found.append(Event.QUARANTINED)
    elif verdict.decision is Decision.COMMIT_WITH_WARNINGS:
        found.append(Event.COMMITTED_WITH_WARNINGS)
    return tuple(found) or (Event.QUALITY_VIOLATION,)  # nothing was tested, and that doesn't pass


def _severity(outcome: RunOutcome, event: Event) -> AlertSeverity:
    if event is Event.ENGINE_ERROR or outcome.action is ActionTaken.BLOCKED:
        return AlertSeverity.CRITICAL
    if outcome.action is ActionTaken.SPLIT or outcome.passed:
        return AlertSeverity.WARNING
    return AlertSeverity.ERROR


def _key(outcome: RunOutcome, event: Event, item: str) -> str:
    contract = outcome.contract
    batch = f"{contract.tenant}/{contract.dataset}/{outcome.verdict.batch_id}"
    if outcome.action in _KEPT:
        return f"quarantined:{item}"
    if outcome.passed:
        return f"warnings:{batch}"
    if outcome.action is ActionTaken.BLOCKED:
        return f"{event.value}:{outcome.run_id}"
    return f"refused-late:{batch}"  # it had been committed, or given up, before: that is told once


def alert_of_error(
    contract: Contract, error: SluicegateError, frame: Frame, *, run_id: str, batch_id: str, started_at: datetime
) -> Alert:
    """Of a run that broke off without a verdict: the batch can't be read, or an engine broke."""
    unreadable = isinstance(error, BatchUnreadable)
    event, action = (Event.SCHEMA_VIOLATION, "unreadable") if unreadable else (Event.ENGINE_ERROR, "broke")
    facts = facts_of(
        None,
        **_contract(contract),
        batch_id=batch_id,
        decision=Decision.BLOCK.value,
        action=action,
        problem=error.message,
        next_command=frame.commands.look(contract.name) if unreadable else frame.commands.doctor(),
        run_id=run_id,
        run={"run_id": run_id, "started_at": started_at.isoformat(), "action": action},
    )
    return _alert(
        contract,
        frame,
        facts,
        key=f"{event.value}:{run_id}",
        events=(event,),
        severity=AlertSeverity.CRITICAL,
        decision=Decision.BLOCK.value,
        run_id=run_id,
    )


def alert_of_replay(outcome: ReplayOutcome, contract: Contract, frame: Frame, *, run_id: str = "") -> Alert:
    """A batch that waited is in the target."""
    item, receipt = outcome.manifest, outcome.receipt
    step = next((step for step in reversed(item.history) if "action" in step.details), None)
    location = receipt.location if receipt else ""
    facts = facts_of(
        document(outcome.verdict, contract.classified_columns) if outcome.verdict else None,
        **_contract(contract),
        **_item(item.quarantine_id, item, frame),
        batch_id=item.batch_id,
        rows=item.rows,
        action=item.status.value,
        location=location,
        rows_committed=receipt.rows if receipt else item.rows,
        by=step.by if step else "",
        reason=step.why if step else "",
        run_id=run_id,
        run={"run_id": run_id, "action": item.status.value, "location": location},
    )
    event = Event.REPLAYED
    key = f"replayed:{item.quarantine_id}"
    return _alert(contract, frame, facts, key=key, events=(event,), severity=AlertSeverity.INFO, run_id=run_id)


def alert_of_recovery(outcome: RunOutcome, frame: Frame, *, since: str, refused: int) -> Alert:
    """A contract passes again, and people had been told that it didn't."""
    facts = facts_of(
        document(outcome.verdict, outcome.contract.classified_columns),
        **_contract(outcome.contract),
        **(_run(outcome) | {"action": "passed"}),
        failing_since=since,
        refused=refused,
    )
    return _alert(
        outcome.contract,
        frame,
        facts,
        key=f"recovered:{outcome.run_id}",
        events=(Event.RECOVERED,),
        severity=AlertSeverity.INFO,
        decision=outcome.verdict.decision.value,
        run_id=outcome.run_id,
    )


def alert_of_expiry(item: Manifest, contract: Contract, frame: Frame) -> Alert:
    """A batch that waits will soon be purged."""
    facts = facts_of(
        item.verdict if item.verdict.get("checks") else None,
        **_contract(contract),
        **_item(item.quarantine_id, item, frame),
        batch_id=item.batch_id,
        rows=item.rows,
        action="expiring",
    )
    key = f"retention:{item.quarantine_id}:{item.expires_at}"
    return _alert(contract, frame, facts, key=key, events=(Event.RETENTION_WARNING,), severity=AlertSeverity.WARNING)


def died(alert: Alert, *, found: bool | None) -> Alert:
    """An alert of a run that died while it acted, with what is known of its batch by now.

    Args:
        alert: as it was planned.
        found: whether what was to be done is done; None: that can't be told.
    """
    if found:
        return replace(
            alert,
            facts={**alert.facts, "problem": "the run ended before it was recorded: `sluicegate recover` finishes what it left"},
        )
    what = "the batch is where it was" if found is False else "what became of the batch isn't known"
    facts = {**alert.facts, "action": "unknown", "problem": f"the run died while it acted: {what}"}
    nowhere = dict.fromkeys(("quarantine_id", "quarantine_path", "replay_command", "next_command", "expires_at", "location"), "")
    return replace(
        alert,
        key=f"died:{alert.run_id or alert.key}",  # what comes of the batch yet is told under its own
        events=tuple(event for event in alert.events if event not in _OF_ACTIONS) or alert.events,
        facts=facts | nowhere if found is False else facts,
    )


_OF_ACTIONS = {Event.QUARANTINED, Event.COMMITTED_WITH_WARNINGS}


def _alert(contract: Contract, frame: Frame, facts: Mapping[str, Any], **what: Any) -> Alert:
    chosen = contract.notification
    return Alert(
        at=frame.at,
        tenant=contract.tenant,
        dataset=contract.dataset,
        contract_name=contract.name,
        channels=chosen.channels,
        recipients=chosen.recipients,
        facts=redacted_tree(facts),
        **what,
    )


def _contract(contract: Contract) -> dict[str, Any]:
    return {
        "contract_name": contract.name,
        "contract_version": contract.version,
        "asset_name": contract.dataset,
        "tenant_id": contract.tenant,
        "environment": contract.environment,
        "owner": contract.owner or "",
        "documentation_url": contract.documentation_url or "",
    }


def _run(outcome: RunOutcome) -> dict[str, Any]:
    """What a run did."""
    parts, receipt = outcome.parts, outcome.receipt
    rows = outcome.verdict.rows
    location = receipt.location if receipt else ""
    waits = rows if outcome.action is ActionTaken.QUARANTINED else 0
    return {
        "action": outcome.action.value,
        "location": location,
        "rows_committed": parts.committed if parts else receipt.rows if receipt else 0,
        "rows_quarantined": parts.quarantined if parts else waits,
        "run_id": outcome.run_id,
        "run": {
            "run_id": outcome.run_id,
            "started_at": outcome.verdict.now.isoformat(),
            "seconds": round(outcome.seconds, 3),
            "action": outcome.action.value,
            "location": location,
        },
    }


def _item(quarantine_id: str, item: Manifest | None, frame: Frame) -> dict[str, Any]:
    """Where a batch waits, and how to go on with it."""
    return {
        "quarantine_id": quarantine_id,
        "quarantine_path": frame.quarantine_path,
        "expires_at": (item.expires_at if item else None) or "",
        "replay_command": frame.commands.replay(quarantine_id),
        "next_command": frame.commands.show(quarantine_id),
    }
