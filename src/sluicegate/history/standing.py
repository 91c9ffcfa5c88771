"""Keeping alerts inside a transaction, and with them whether a contract fails: statements on an open connection."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sluicegate.history.alert import Alert, Event
from sluicegate.history.database import stamp
from sluicegate.history.message import Standing
from sluicegate.ports.notifier import AlertSeverity

if TYPE_CHECKING:
    import sqlite3

__all__ = ["as_json", "from_json", "put", "recover"]

_PUT = """
INSERT INTO alerts (key, state, happened_at, tenant, contract_name, dataset, severity, refusal, recipients, alert)
VALUES (?, 'waiting', ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
"""

_FAILING = """
INSERT INTO standings (tenant, contract_name, dataset, failing_since, refused, first_alert) VALUES (?, ?, ?, ?, 1, ?)
ON CONFLICT DO UPDATE SET refused = refused + 1
"""

_TOLD = """
SELECT DISTINCT messages.channel FROM alerts JOIN members USING (alert_id) JOIN messages USING (message_id)
WHERE tenant = ? AND contract_name = ? AND dataset = ? AND alert_id >= ? AND refusal AND sealed_at IS NOT NULL
ORDER BY messages.channel
"""

_PASSED_SINCE = """
SELECT EXISTS (
    SELECT 1 FROM runs WHERE tenant = ? AND dataset = ? AND started_at > ? AND contract_name = ? AND action = 'committed'
        AND decision IN ('commit', 'commit_with_warnings')
)
"""


def put(connection: sqlite3.Connection, alert: Alert, *, late: bool = False) -> bool:
    """Have an alert wait for its messages, unless its happening is known; one that tells of a refusal says that its contract fails.

    Args:
        connection: in a transaction.
        alert: what happened.
        late: it is told after the fact: the contract may have passed since.

    Returns:
        Whether it is new.
    """
    contract = (alert.tenant, alert.contract_name, alert.dataset)
    recipients = json.dumps(sorted(alert.recipients))
    row = (alert.key, stamp(alert.at), *contract, alert.severity, alert.refusal, recipients, as_json(alert))
    done = connection.execute(_PUT, row)
    if not done.rowcount:
        return False
    if alert.refusal and not (late and _passed_since(connection, alert)):
        connection.execute(_FAILING, (*contract, stamp(alert.at), done.lastrowid))
    return True


def recover(connection: sqlite3.Connection, contract: tuple[str, str, str], alert: Callable[[Standing], Alert | None]) -> None:
    """Note that a contract (tenant, name, dataset) passes; if channels told people that it doesn't, have these tell them this, too."""
    where = "WHERE tenant = ? AND contract_name = ? AND dataset = ?"
    row = connection.execute(f"SELECT failing_since, refused, first_alert FROM standings {where}", contract).fetchone()
    if row is None:
        return
    connection.execute(f"DELETE FROM standings {where}", contract)
    since, refused, first = row
    if channels := tuple(channel for (channel,) in connection.execute(_TOLD, (*contract, first))):
        tenant, name, dataset = contract
        found = Standing(
            tenant=tenant, contract_name=name, dataset=dataset, failing_since=datetime.fromisoformat(since), refused=refused
        )
        told = alert(found)
        if told is not None:
            put(connection, replace(told, channels=channels))


def _passed_since(connection: sqlite3.Connection, alert: Alert) -> bool:
    row = (alert.tenant, alert.dataset, stamp(alert.at), alert.contract_name)
    return bool(connection.execute(_PASSED_SINCE, row).fetchone()[0])


def as_json(alert: Alert) -> str:
    """An alert as the outbox keeps it."""
    return json.dumps({**asdict(alert), "at": alert.at.isoformat()}, default=_plain)


def from_json(text: str) -> Alert:
    """The alert that is kept as this."""
    found: dict[str, Any] = json.loads(text)
    return Alert(
        **{
            **found,
            "events": tuple(Event(event) for event in found["events"]),
            "severity": AlertSeverity(found["severity"]),
            "at": datetime.fromisoformat(found["at"]),
            "channels": tuple(found["channels"]),
            "recipients": tuple(found["recipients"]),
        }
    )


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
