"""The outbox: alerts until they are messages, messages until they have left. It stores, and decides nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluicegate.history import claiming
from sluicegate.history.alert import Alert
from sluicegate.history.database import Database, stamp
from sluicegate.history.listing import listed, ways
from sluicegate.history.message import Delivery, DeliveryState, Intent, KeptMessage, Result, Route, Services, Way
from sluicegate.history.owner import Owner
from sluicegate.history.standing import as_json, from_json, put
from sluicegate.ports.notifier import AlertSeverity

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Outbox"]

_FOREIGN_INTENT = timedelta(minutes=15)

_PENDING = """
SELECT EXISTS (SELECT 1 FROM intents) OR EXISTS (SELECT 1 FROM alerts WHERE state = 'waiting')
    OR EXISTS (SELECT 1 FROM deliveries WHERE state = 'sending') OR EXISTS (SELECT 1 FROM deliveries WHERE state = 'due' AND next_at <= ?)
    OR EXISTS (SELECT 1 FROM messages WHERE sealed_at IS NULL AND due_at <= ?)
"""

_NOTE = """
UPDATE deliveries SET state = ?, next_at = ?, detail = ?, noted_at = ?, host = NULL, pid = NULL, process_started = NULL
WHERE message_id = ? AND service = ? AND (state = 'sending' AND attempts = ? OR ? = 'delivered' AND state <> 'delivered')
"""

_RETRY = """
UPDATE deliveries SET state = 'due', next_at = ? WHERE state = 'failed' AND message_id = coalesce(?, message_id)
"""

_OLD = """
SELECT message_id FROM messages WHERE sealed_at < ? AND NOT EXISTS (
    SELECT 1 FROM deliveries WHERE deliveries.message_id = messages.message_id AND state IN ('due', 'sending')
)
"""

_LEFT_OVER = "state = 'routed' AND happened_at < ? AND alert_id NOT IN (SELECT alert_id FROM members)"

_ANY_OLD = f"SELECT EXISTS ({_OLD}) OR EXISTS (SELECT 1 FROM alerts WHERE {_LEFT_OVER})"

_LOUD = """
EXISTS (SELECT 1 FROM members JOIN alerts USING (alert_id) WHERE members.message_id = {table}.message_id AND severity IN ({severities}))
"""

_GIVE_BACK = """
UPDATE deliveries SET state = 'due', attempts = attempts - 1, next_at = ?, host = NULL, pid = NULL, process_started = NULL
WHERE message_id = ? AND service = ? AND state = 'sending' AND attempts = ?
"""


class Outbox:
    """The alerts of a history, and what became of them. Moments are the caller's, of the real clock, in UTC.

    Args:
        database: the history's.
        fresh: makes a part of an ID that nothing else has.
    """

    def __init__(self, database: Database, *, fresh: Callable[[], str] = lambda: secrets.token_hex(6)) -> None:
        self._database = database
        self._fresh = fresh

    def pending(self, now: datetime) -> bool:
        """Whether anything is to be done: resolve an intent, route an alert, send a message. Cheap: runs ask it each time.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected(current=True) as connection:
            moment = stamp(now)
            return connection is not None and bool(connection.execute(_PENDING, (moment, moment)).fetchone()[0])

    def intend(self, alert: Alert, owner: Owner, now: datetime) -> Intent:
        """Keep what somebody is about to do: if they die over it, it is told all the same.

        Raises:
            StorageError: it was not kept.
        """
        with self._database.writing() as connection:
            query = "INSERT INTO intents (planned_at, alert, host, pid, process_started) VALUES (?, ?, ?, ?, ?)"
            done = connection.execute(query, (stamp(now), as_json(alert), owner.host, owner.pid, owner.started))
            assert done.lastrowid is not None  # noqa: S101 - an INSERT has one
            return Intent(intent_id=done.lastrowid, alert=alert, owner=owner, planned_at=now)

    def drop(self, intent: Intent) -> None:
        """Forget an intent: what it says did not happen. One that is forgotten already is no fault.

        Raises:
            StorageError: it is still there.
        """
        with self._database.writing() as connection:
            connection.execute("DELETE FROM intents WHERE intent_id = ?", (intent.intent_id,))

    def orphans(self, now: datetime) -> tuple[Intent, ...]:
        """The intents whose process has died; of one that can't be looked at, because it is another host's, after a quarter of an hour.

        Raises:
            StorageError: the history can't be read.
        """
        found = self.intents()
        lapsed = now - _FOREIGN_INTENT
        here = Owner.here().host if found else ""
        return tuple(
            intent for intent in found if intent.owner.is_dead or (intent.owner.host != here and intent.planned_at <= lapsed)
        )

    def intents(self) -> tuple[Intent, ...]:
        """All that somebody is about to do, or died over.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected(current=True) as connection:
            if connection is None:
                return ()
            query = "SELECT intent_id, planned_at, alert, host, pid, process_started FROM intents ORDER BY intent_id"
            return tuple(
                Intent(
                    intent_id=number,
                    planned_at=datetime.fromisoformat(at),
                    alert=from_json(alert),
                    owner=Owner(host, pid, started),
                )
                for number, at, alert, host, pid, started in connection.execute(query)
            )

    def settle(self, intent: Intent, alert: Alert | None) -> None:
        """Resolve an orphan: with the alert of what is known to have come of it, or None if nothing did. Of several who do, one does it.

        Raises:
            StorageError: it is as it was.
        """
        with self._database.writing() as connection:
            done = connection.execute("DELETE FROM intents WHERE intent_id = ?", (intent.intent_id,))
            if done.rowcount and alert is not None:
                put(connection, alert, late=True)

    def put(self, alert: Alert) -> bool:
        """Keep an alert that belongs to no run's record. Whether it is new.

        Raises:
            StorageError: it was not kept.
        """
        with self._database.writing() as connection:
            return put(connection, alert)

    def waiting(self, limit: int = 500) -> tuple[Alert, ...]:
        """The oldest alerts that are no messages yet.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected(current=True) as connection:
            if connection is None:
                return ()
            query = "SELECT alert FROM alerts WHERE state = 'waiting' ORDER BY alert_id LIMIT ?"
            return tuple(from_json(text) for (text,) in connection.execute(query, (limit,)))

    def alerts_of(self, run_id: str) -> tuple[Alert, ...]:
        """What a run gave to tell, in the order in which it did; empty if that was long ago.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected(current=True) as connection:
            if connection is None:
                return ()
            found = connection.execute("SELECT alert FROM alerts WHERE instr(alert, ?) ORDER BY alert_id", (run_id,))
            return tuple(alert for (text,) in found if (alert := from_json(text)).run_id == run_id)

    def route(self, chosen: Iterable[tuple[str, Sequence[Route]]], now: datetime) -> int:
        """Make alerts (by key) members of messages: of the open one of the group, or of a new one. Nothing is routed twice.

        Returns:
            How many of them were still waiting.

        Raises:
            StorageError: all of them still are.
        """
        with self._database.writing() as connection:
            return sum(_routed(connection, key, routes, now, self._fresh) for key, routes in chosen)

    def postpone(self, severities: Collection[AlertSeverity], now: datetime, until: datetime) -> None:
        """Let what would leave now wait until then, if an alert of these severities is in it.

        Raises:
            StorageError: nothing was postponed.
        """
        if not self.pending(now):
            return
        names = ", ".join("?" * len(severities))
        loud = {table: _LOUD.format(table=table, severities=names) for table in ("messages", "deliveries")}
        row = (stamp(until), stamp(now), *severities)
        with self._database.writing() as connection:
            connection.execute(
                f"UPDATE messages SET due_at = ? WHERE sealed_at IS NULL AND due_at <= ? AND {loud['messages']}", row
            )
            connection.execute(
                "UPDATE deliveries SET state = 'due', next_at = ?, host = NULL, pid = NULL, process_started = NULL "
                f"WHERE state IN ('due', 'sending') AND next_at <= ? AND {loud['deliveries']}",
                row,
            )

    def claim(
        self,
        now: datetime,
        owner: Owner,
        *,
        lease: timedelta,
        services: Services,
        limit: int = 100,
        besides: Collection[tuple[str, str]] = (),
    ) -> tuple[Delivery, ...]:
        """Take deliveries in hand: no other gets them while this process lives and the lease lasts.

        Messages that are due are sealed by it: nothing joins them any more, their group is quiet for its window, and they have a
        delivery for each service.

        Args:
            now: the moment.
            owner: who takes them.
            lease: for how long.
            services: is asked for each message that is sealed, and each list of recipients among its alerts; mostly while nothing is
                locked. A message that it can't answer for stays open; one that goes nowhere is dropped.
            limit: how many to take at most; of what one service has in line no more than a quarter of it.
            besides: the services, each with its channel, that are not to be sent anything now.

        Raises:
            StorageError: nothing was taken.
        """
        with self._database.connected(current=True) as connection:
            if connection is None:
                return ()
            asked = {(channel, recipients) for _, channel, _, _, recipients in claiming.due(connection, now)}
            if not asked and not claiming.ready(connection, now, limit, besides):
                return ()
        known = claiming.Known(services)
        for channel, recipients in asked:
            known[channel, recipients]
        with self._database.writing() as connection:
            claiming.seal(connection, now, known)
            return claiming.lease(connection, claiming.ready(connection, now, limit, besides), owner, now + lease)

    def note(self, delivery: Delivery, result: Result) -> bool:
        """Keep what came of a delivery. Whether it was: what a claim that has lapsed meanwhile brings is kept if it arrived, and only then.

        Raises:
            StorageError: it was not kept; the delivery is free again when its lease is over.
        """
        with self._database.writing() as connection:
            row = (result.state, stamp(result.next_at or result.at), result.detail, stamp(result.at))
            found = connection.execute(_NOTE, (*row, delivery.message_id, delivery.service, delivery.attempt, result.state))
            return bool(found.rowcount)

    def give_back(self, deliveries: Iterable[Delivery], now: datetime) -> None:
        """Have others take what was claimed and not begun; it was no attempt.

        Raises:
            StorageError: they are free again when their lease is over.
        """
        with self._database.writing() as connection:
            connection.executemany(_GIVE_BACK, [(stamp(now), each.message_id, each.service, each.attempt) for each in deliveries])

    def retry(self, now: datetime, message_id: str | None = None) -> int:
        """Have what was given up, of one message or of all, be tried again at once. How many deliveries that are.

        Raises:
            StorageError: none is.
        """
        with self._database.writing() as connection:
            return connection.execute(_RETRY, (stamp(now), message_id)).rowcount

    def ways(self, key: str) -> tuple[Way, ...]:
        """How far an alert is, in each channel that it goes to.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected(current=True) as connection:
            return ways(connection, key) if connection else ()

    def messages(
        self,
        *,
        state: DeliveryState | None = None,
        contract: str | None = None,
        key: str | None = None,
        limit: int | None = 50,
    ) -> tuple[KeptMessage, ...]:
        """Messages and how far they are, the latest first.

        Args:
            state: those with a delivery in this state; those that aren't sealed yet are ``due``, too.
            contract: those with an alert of this contract.
            key: those with this alert.
            limit: at most so many; None: all.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected(current=True) as connection:
            return listed(connection, state=state, contract=contract, key=key, limit=limit) if connection else ()

    def prune(self, before: datetime) -> int:
        """Forget messages that left, or were given up, before that, and alerts that no message is of. How many messages.

        Their happenings, met again, are told again.

        Raises:
            StorageError: nothing was forgotten.
        """
        moment = stamp(before)
        with self._database.connected(current=True) as connection:
            if connection is None or not connection.execute(_ANY_OLD, (moment, moment)).fetchone()[0]:
                return 0
        with self._database.writing() as connection:
            old = connection.execute(_OLD, (moment,)).fetchall()
            for table in ("deliveries", "members", "messages"):
                connection.executemany(f"DELETE FROM {table} WHERE message_id = ?", old)
            connection.execute(f"DELETE FROM alerts WHERE {_LEFT_OVER}", (moment,))
            connection.execute("DELETE FROM groups WHERE until < ?", (moment,))
            return len(old)


def _routed(connection: sqlite3.Connection, key: str, routes: Sequence[Route], now: datetime, fresh: Callable[[], str]) -> bool:
    row = connection.execute("SELECT alert_id FROM alerts WHERE key = ? AND state = 'waiting'", (key,)).fetchone()
    if row is None:
        return False
    for route in routes:
        query = "INSERT INTO members (alert_id, channel, message_id) VALUES (?, ?, ?)"
        connection.execute(query, (row[0], route.channel, _message(connection, route, now, fresh)))
    connection.execute("UPDATE alerts SET state = 'routed' WHERE alert_id = ?", row)
    return True


def _message(connection: sqlite3.Connection, route: Route, now: datetime, fresh: Callable[[], str]) -> str:
    """The open message of a group, or a new one."""
    group = (route.channel, route.group)
    query = "SELECT message_id FROM messages WHERE channel = ? AND grp = ? AND sealed_at IS NULL"
    if row := connection.execute(query, group).fetchone():
        return str(row[0])
    row = connection.execute("SELECT until FROM groups WHERE channel = ? AND grp = ?", group).fetchone()
    earliest = now + route.window  # no later, if the window is shorter now, or the clock was ahead and has been set back
    due = route.due(max(now, min(datetime.fromisoformat(row[0]), earliest)) if row else now)
    message_id = f"M-{fresh()}"
    query = "INSERT INTO messages (message_id, channel, grp, window_seconds, due_at) VALUES (?, ?, ?, ?, ?)"
    connection.execute(query, (message_id, *group, route.window.total_seconds(), stamp(due)))
    return message_id
