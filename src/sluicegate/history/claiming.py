"""Taking messages in hand: those that are due are sealed, and their deliveries leased; statements on an open connection."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluicegate.history.database import stamp
from sluicegate.history.listing import content
from sluicegate.history.message import Delivery, DeliveryState, Services
from sluicegate.history.owner import Owner

if TYPE_CHECKING:
    import sqlite3

__all__ = ["NOBODY", "Known", "due", "lease", "ready", "seal"]

NOBODY = "the channel is not there any more, or reaches nobody"
"""The detail of a delivery that was dropped when its message was to leave."""

_DUE_RECIPIENTS = """
SELECT DISTINCT message_id, messages.channel, window_seconds, grp, recipients
FROM messages JOIN members USING (message_id) JOIN alerts USING (alert_id) WHERE sealed_at IS NULL AND due_at <= ?
"""

_INSERT_DELIVERY = """
INSERT INTO deliveries (message_id, service, state, attempts, next_at, detail, noted_at) VALUES (?, ?, ?, 0, ?, ?, ?)
"""

_QUIET = "INSERT INTO groups (channel, grp, until) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until"

_READY = """
SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY channel, service ORDER BY next_at, message_id) AS place FROM (
        SELECT message_id, channel, service, state, next_at, host, pid, process_started
        FROM deliveries JOIN messages USING (message_id) WHERE state = 'due' AND next_at <= ? {besides} ORDER BY next_at LIMIT 1000
    )
) WHERE place <= ?
UNION ALL SELECT message_id, channel, service, state, next_at, host, pid, process_started, 0
FROM deliveries JOIN messages USING (message_id) WHERE state = 'sending' {besides} ORDER BY place, next_at, message_id, service
"""
"""In turns, one of each service, and no more of one than its share: a long line at one of them keeps no other's waiting."""

_SHARES = 4

_LEASE = """
UPDATE deliveries SET state = 'sending', attempts = attempts + 1, next_at = ?, host = ?, pid = ?, process_started = ?
WHERE message_id = ? AND service = ?
"""

_CLAIMED = """
SELECT channel, grp, sealed_at, attempts FROM deliveries JOIN messages USING (message_id) WHERE message_id = ? AND service = ?
"""


class Known(dict[tuple[str, str], tuple[str, ...] | None]):
    """The services of channels, each asked once for each list of recipients."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    def __missing__(self, key: tuple[str, str]) -> tuple[str, ...] | None:
        channel, recipients = key
        found = self[key] = self._services(channel, tuple(json.loads(recipients)))
        return found


def due(connection: sqlite3.Connection, now: datetime) -> list[tuple[str, str, float, str, str]]:
    """Messages that are to leave: ID, channel, window in seconds, group, and each list of recipients among their alerts."""
    return connection.execute(_DUE_RECIPIENTS, (stamp(now),)).fetchall()


def seal(connection: sqlite3.Connection, now: datetime, known: Known) -> None:
    """Close the messages that are due, and make their deliveries; their groups are quiet from now on."""
    moment = stamp(now)
    asked: dict[tuple[str, str, float, str], list[tuple[str, ...] | None]] = {}
    for message_id, channel, window, group, recipients in due(connection, now):
        asked.setdefault((message_id, channel, window, group), []).append(known[channel, recipients])
    for (message_id, channel, window, group), found in asked.items():
        if None in found:
            continue
        connection.execute("UPDATE messages SET sealed_at = ? WHERE message_id = ?", (moment, message_id))
        connection.execute(_QUIET, (channel, group, stamp(now + timedelta(seconds=window))))
        services = sorted({service for each in found for service in each or ()})
        rows = [(message_id, service, DeliveryState.DUE, moment, "", None) for service in services]
        connection.executemany(_INSERT_DELIVERY, rows or [(message_id, "", DeliveryState.DROPPED, moment, NOBODY, moment)])


def ready(
    connection: sqlite3.Connection, now: datetime, limit: int, besides: Collection[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The deliveries that anybody may take (message, service): due ones, and those of senders that died or took too long."""
    dead: dict[Owner, bool] = {}
    found = []
    query = _READY.format(besides="AND NOT (channel = ? AND service = ?) " * len(besides))
    names = [name for each in besides for name in each]
    row = (stamp(now), *names, -(-limit // _SHARES), *names)
    for message_id, _, service, state, next_at, *sender, _ in connection.execute(query, row):
        if state == DeliveryState.SENDING and next_at > stamp(now):
            owner = Owner(*sender)
            if not dead.setdefault(owner, owner.is_dead):
                continue
        found.append((message_id, service))
    return found[:limit]


def lease(
    connection: sqlite3.Connection, taken: Sequence[tuple[str, str]], owner: Owner, until: datetime
) -> tuple[Delivery, ...]:
    """Have these deliveries be somebody's, and no other's until then; with all that they say."""
    rows = [(stamp(until), owner.host, owner.pid, owner.started, *each) for each in taken]
    connection.executemany(_LEASE, rows)
    contents = {message_id: content(connection, message_id) for message_id in {message_id for message_id, _ in taken}}
    leased = []
    for message_id, service in taken:
        channel, group, sealed_at, attempt = connection.execute(_CLAIMED, (message_id, service)).fetchone()
        leased.append(
            Delivery(
                message_id=message_id,
                channel=channel,
                service=service,
                group=group,
                attempt=attempt,
                since=datetime.fromisoformat(sealed_at),
                **vars(contents[message_id]),
            )
        )
    return tuple(leased)
