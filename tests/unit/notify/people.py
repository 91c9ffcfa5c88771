"""An outbox, a clock that is set by hand, and channels whose services do as they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sluicegate.history.alert import Alert, Event
from sluicegate.history.message import KeptMessage
from sluicegate.history.outbox import Outbox
from sluicegate.history.sqlite import SqliteHistory
from sluicegate.notify.carrier import Delivered
from sluicegate.notify.deliver import flush
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.notifiers import Notifiers
from sluicegate.ports.notifier import AlertSeverity, Message, Sent, TextFormat
from sluicegate.redact import register

__all__ = ["PATIENCE", "START", "TOOK", "Clock", "Office", "Service", "alert"]

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
TOOK = Sent(delivered=True, detail="200")
PATIENCE = 30.0
"""Seconds: no test waits longer for anything."""


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> None:
        self.now += timedelta(**time)


class Service:
    """What stands behind a channel: takes everything, unless it is told to answer something else, to break or to hang."""

    format = TextFormat.TEXT
    secrets = frozenset({"tok-123456"})

    def __init__(self, *names: str) -> None:
        self.names = names or ("one",)
        self.sent: list[tuple[str, Message]] = []
        self.answers: dict[str, Sent | Exception] = {}
        self.hangs: set[str] = set()
        self.asked = threading.Event()
        self.released = threading.Event()

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:
        return tuple(recipients) or self.names

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:
        assert timeout > 0
        self.sent.append((service, message))
        if service in self.hangs:
            self.asked.set()
            assert self.released.wait(PATIENCE)
        answer = self.answers.get(service, TOOK)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def asked_services(self) -> list[str]:
        return sorted(service for service, _ in self.sent)


def alert(key: str = "a-1", *, contract: str = "orders", at: datetime = START, **more: Any) -> Alert:
    known: dict[str, Any] = {"severity": AlertSeverity.ERROR, "channels": ("ops",), "decision": "quarantine"}
    return Alert(
        key=key,
        events=(Event.QUALITY_VIOLATION, Event.QUARANTINED),
        at=at,
        tenant="default",
        dataset=contract,
        contract_name=contract,
        **{**known, **more},
    )


class Office:
    """One outbox, and who is told."""

    def __init__(self, place: Path, services: Mapping[str, Service], **settings: Any) -> None:
        self.clock = Clock()
        self.history = SqliteHistory(place / "history.sqlite")
        self.services = services
        self.notifiers = self.with_channels(*services, **settings)

    @property
    def outbox(self) -> Outbox:
        return self.history.outbox

    def with_channels(self, *names: str, **settings: Any) -> Notifiers:
        """Opened anew, with these channels."""
        channels = {name: Channel(name=name, type="test") for name in names}
        self.notifiers = Notifiers(NotificationSettings(channels=channels, **settings))
        for name in names:
            self.notifiers._opened[name] = self.services[name]
            register(self.services[name].secrets)
        return self.notifiers

    def flush(self, *, limit: float = PATIENCE, chance: Callable[[], float] = lambda: 0.0) -> list[tuple[str, str, str]]:
        """Channel, service, state of what was tried."""
        return [
            (each.delivery.channel, each.delivery.service, each.state.value) for each in self.told(limit=limit, chance=chance)
        ]

    def told(self, *, limit: float = PATIENCE, chance: Callable[[], float] = lambda: 0.0) -> list[Delivered]:
        found = flush(self.outbox, self.notifiers, limit=limit, clock=self.clock, chance=chance)
        return sorted(found, key=lambda each: (each.delivery.channel, each.delivery.service))

    def messages(self) -> tuple[KeptMessage, ...]:
        return self.outbox.messages()
