"""Reading messages back, whole: for whoever sends them, and for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sluicegate.history.alert import Alert
from sluicegate.history.message import DeliveryState, KeptMessage, Tried, Way
from sluicegate.history.standing import from_json
from sluicegate.ports.notifier import AlertSeverity

if TYPE_CHECKING:
    import sqlite3

__all__ = ["MOST_ALERTS", "Content", "content", "listed", "ways"]

MOST_ALERTS = 20
"""So many of a message's alerts are read; the others are counted."""

_WHOLE = """
SELECT severity, count(*), min(happened_at), max(happened_at), max(EXISTS (
    SELECT 1 FROM standings WHERE standings.tenant = alerts.tenant AND standings.contract_name = alerts.contract_name
        AND standings.dataset = alerts.dataset
)) FROM members JOIN alerts USING (alert_id) WHERE message_id = ? GROUP BY severity
"""

_LATEST = "SELECT alert FROM members JOIN alerts USING (alert_id) WHERE message_id = ? ORDER BY alert_id DESC LIMIT ?"

_LISTED = """
SELECT message_id, channel, grp, due_at, sealed_at FROM messages
WHERE EXISTS (SELECT 1 FROM members JOIN alerts USING (alert_id) WHERE members.message_id = messages.message_id
        AND coalesce(contract_name = ?, TRUE) AND coalesce(key = ?, TRUE))
    AND (? IS NULL OR EXISTS (SELECT 1 FROM deliveries WHERE deliveries.message_id = messages.message_id AND state = ?)
        OR ? = 'due' AND sealed_at IS NULL)
ORDER BY coalesce(sealed_at, due_at) DESC, message_id LIMIT ?
"""

_WAYS = """
SELECT message_id, messages.channel, due_at FROM alerts JOIN members USING (alert_id) JOIN messages USING (message_id) WHERE key = ?
ORDER BY messages.channel
"""

_TRIED = "SELECT service, state, attempts, next_at, detail, noted_at FROM deliveries WHERE message_id = ? ORDER BY service"


@dataclass(frozen=True)
class Content:
    """What a message says, as ``Delivery`` has it."""

    severity: AlertSeverity
    count: int
    first_at: datetime
    last_at: datetime
    failing: bool
    alerts: tuple[Alert, ...]


def content(connection: sqlite3.Connection, message_id: str) -> Content:
    """What a message says."""
    rows = connection.execute(_WHOLE, (message_id,)).fetchall()
    latest = [from_json(text) for (text,) in connection.execute(_LATEST, (message_id, MOST_ALERTS))]
    severities = {row[0] for row in rows}
    return Content(
        severity=next(severity for severity in AlertSeverity if severity in severities),  # the worst comes first
        count=sum(row[1] for row in rows),
        first_at=datetime.fromisoformat(min(row[2] for row in rows)),
        last_at=datetime.fromisoformat(max(row[3] for row in rows)),
        failing=any(row[4] for row in rows),
        alerts=tuple(reversed(latest)),
    )


def listed(
    connection: sqlite3.Connection, *, state: DeliveryState | None, contract: str | None, key: str | None, limit: int | None
) -> tuple[KeptMessage, ...]:
    """Messages, the latest first; see ``Outbox.messages``."""
    arguments = (contract, key, state, state, state, -1 if limit is None else limit)
    return tuple(_kept(connection, row) for row in connection.execute(_LISTED, arguments).fetchall())


def _kept(connection: sqlite3.Connection, row: tuple[str, str, str, str, str | None]) -> KeptMessage:
    message_id, channel, group, due_at, sealed_at = row
    found = content(connection, message_id)
    return KeptMessage(
        message_id=message_id,
        channel=channel,
        group=group,
        due_at=datetime.fromisoformat(due_at),
        sealed_at=_moment(sealed_at),
        severity=found.severity,
        count=found.count,
        alerts=found.alerts,
        first_at=found.first_at,
        last_at=found.last_at,
        deliveries=_tried(connection, message_id),
    )


def ways(connection: sqlite3.Connection, key: str) -> tuple[Way, ...]:
    """How far an alert is, by channel; without reading what else its messages are of, which may be much."""
    return tuple(
        Way(channel=channel, due_at=datetime.fromisoformat(due_at), deliveries=_tried(connection, message_id))
        for message_id, channel, due_at in connection.execute(_WAYS, (key,)).fetchall()
    )


def _tried(connection: sqlite3.Connection, message_id: str) -> tuple[Tried, ...]:
    return tuple(
        Tried(
            service=service,
            state=DeliveryState(state),
            attempts=attempts,
            next_at=datetime.fromisoformat(next_at),
            detail=detail,
            noted_at=_moment(noted_at),
        )
        for service, state, attempts, next_at, detail, noted_at in connection.execute(_TRIED, (message_id,))
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
