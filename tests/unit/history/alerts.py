"""Alerts and other small things for tests of the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sluicegate.history import SqliteHistory
from sluicegate.history.alert import Alert, Event
from sluicegate.history.message import Delivery, Route
from sluicegate.history.owner import Owner
from sluicegate.ports.notifier import AlertSeverity

__all__ = ["HERE", "HOUR", "LEASE", "NOBODY_LEFT", "NOW", "alert", "claim", "route", "routed"]

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=1)
HERE = Owner.here()
NOBODY_LEFT = Owner(HERE.host, HERE.pid, "before this process")
"""One of this machine that has certainly died: its number is another's now."""


def alert(key: str = "a1", **changes: Any) -> Alert:
    usual: dict[str, Any] = {
        "events": (Event.QUALITY_VIOLATION, Event.QUARANTINED),
        "severity": AlertSeverity.ERROR,
        "at": NOW,
        "tenant": "default",
        "dataset": "flights",
        "contract_name": "flights",
        "run_id": "r1",
        "decision": "quarantine",
        "facts": {"violation_count": 2},
    }
    return Alert(key=key, **{**usual, **changes})


def route(channel: str = "slack", group: str = "g", window: timedelta = HOUR) -> Route:
    return Route(channel=channel, group=group, window=window, due=lambda earliest: earliest)


def routed(history: SqliteHistory, *alerts: Alert, routes: Sequence[Route] = (route(),), now: datetime = NOW) -> None:
    for each in alerts:
        history.outbox.put(each)
    assert history.outbox.route([(each.key, routes) for each in alerts], now) == len(alerts)


def claim(history: SqliteHistory, now: datetime = NOW, owner: Owner = HERE, services: Sequence[str] = ("s",)) -> list[Delivery]:
    return list(history.outbox.claim(now, owner, lease=LEASE, services=lambda _channel, _recipients: tuple(services)))
