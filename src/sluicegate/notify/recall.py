"""What there would be to tell of a run that is on record, where nobody was told when it happened: to try templates on."""

from __future__ import annotations

from datetime import datetime

from sluicegate.history.alert import Alert, Event
from sluicegate.history.record import RunRecord
from sluicegate.notify.facts import facts_of
from sluicegate.ports.notifier import AlertSeverity

__all__ = ["alert_of_record"]

_BY_AREA = {"schema": Event.SCHEMA_VIOLATION, "quality": Event.QUALITY_VIOLATION, "sla": Event.SLA_VIOLATION}
_BROKEN = {"failed", "errored", "unsupported"}
_SEVERITIES = {
    "blocked": AlertSeverity.CRITICAL,
    "unreadable": AlertSeverity.CRITICAL,
    "quarantined": AlertSeverity.ERROR,
    "replayed": AlertSeverity.INFO,
}
_KEPT = {"quarantined", "split"}


def alert_of_record(run: RunRecord, *, next_command: str = "") -> Alert | None:
    """An alert of what the record knows, which isn't whoever is to be asked. None if the run tells nobody."""
    if run.action == "checked" or (run.decision == "commit" and run.action not in _KEPT):
        return None
    events = _events(run)
    problem = str(run.verdict.get("error", {}).get("message", ""))
    waiting = run.action in _KEPT
    action = "replayed" if Event.REPLAYED in events else run.action
    facts = facts_of(
        None if problem else run.verdict,
        contract_version=run.contract_version,
        batch_id=run.batch_id,
        problem=problem,
        action=action,
        location=run.location,
        quarantine_id=run.quarantine_id or "",
        next_command=next_command,
        rows_committed=run.rows if run.action == "split" or not waiting else 0,
        run={
            "run_id": run.run_id,
            "started_at": run.started_at,
            "seconds": run.seconds,
            "action": action,
            "location": run.location,
        },
    )
    whole = facts.get("rows", 0)
    facts["rows_quarantined"] = whole - run.rows if run.action == "split" else whole if waiting else 0
    return Alert(
        key=f"{events[0].value}:{run.run_id}",
        events=events,
        severity=_SEVERITIES.get(action, AlertSeverity.WARNING),
        at=datetime.fromisoformat(run.started_at),
        tenant=run.tenant,
        dataset=run.dataset,
        contract_name=run.contract_name,
        run_id=run.run_id,
        decision=run.decision,
        facts=facts,
    )


def _events(run: RunRecord) -> tuple[Event, ...]:
    if run.action == "unreadable":
        return (Event.SCHEMA_VIOLATION,)
    if run.action == "committed" and run.quarantine_id:  # which it has left
        return (Event.REPLAYED,)
    areas = {check["area"] for check in run.verdict.get("checks", ()) if check["outcome"] in _BROKEN}
    found = [event for area, event in _BY_AREA.items() if area in areas]
    found += [Event.QUARANTINED] if run.action in _KEPT else []
    found += [Event.COMMITTED_WITH_WARNINGS] if run.action == "committed" else []
    return tuple(found) or (Event.QUALITY_VIOLATION,)
