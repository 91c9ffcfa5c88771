"""What alerts become: messages, one per channel, group and window, and their deliveries, one per service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sluicegate.history.alert import Alert
from sluicegate.history.owner import Owner
from sluicegate.ports.notifier import AlertSeverity

__all__ = [
    "DIGEST",
    "Delivery",
    "DeliveryState",
    "Intent",
    "KeptMessage",
    "Result",
    "Route",
    "Services",
    "Standing",
    "Tried",
    "Way",
]

DIGEST = "digest"
"""The group of a channel's daily digest."""

Services = Callable[[str, tuple[str, ...]], tuple[str, ...] | None]
"""(channel, recipients) -> the services that a message goes to. None: that can't be said now, let the message wait."""


class DeliveryState(StrEnum):
    """How far a delivery is. Nobody takes up what is ``delivered``, ``failed`` (given up) or ``dropped`` (there is nobody to send it to)."""

    DUE = "due"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An alert of something that a process is about to do."""

    intent_id: int
    alert: Alert
    owner: Owner
    planned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A contract that fails.

    Attributes:
        failing_since: when it was first refused, without having passed since.
        refused: how many batches were.
    """

    tenant: str
    contract_name: str
    dataset: str
    failing_since: datetime
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an alert goes.

    Attributes:
        group: alerts of one channel and group are one message, at most one in a window.
        window: how long the group is quiet after a message.
        due: the earliest moment that the window allows -> when a message is to leave, at that moment or later.
    """

    channel: str
    group: str
    window: timedelta
    due: Callable[[datetime], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message on its way to one service, in the hands of whoever claimed it.

    Attributes:
        attempt: which this is, from 1.
        since: when the message was first to leave.
        severity: the worst of its alerts.
        count: how many alerts it stands for.
        alerts: the latest of them, at most 20, in the order in which they came.
        first_at, last_at: when the first and the last of all of them happened.
        failing: whether a contract of its alerts is refused to this moment.
    """

    message_id: str
    channel: str
    service: str
    group: str
    attempt: int
    since: datetime
    severity: AlertSeverity
    count: int
    alerts: tuple[Alert, ...]
    first_at: datetime
    last_at: datetime
    failing: bool

    @property
    def is_digest(self) -> bool:
        """Whether it is of many contracts."""
        return self.group == DIGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a delivery.

    Attributes:
        state: ``delivered``; ``due`` for another attempt at ``next_at``; ``failed``; ``dropped``.
        detail: what the service said, or what kept it away; without secrets.
    """

    state: DeliveryState
    at: datetime
    detail: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How far a message is with one service; ``next_at`` is when it is tried again, or when a sender's time is over."""

    service: str
    state: DeliveryState
    attempts: int
    next_at: datetime
    detail: str
    noted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How far one alert is in one channel.

    Attributes:
        due_at: when its message is to leave, or was.
        deliveries: empty before it is on its way.
    """

    channel: str
    due_at: datetime
    deliveries: tuple[Tried, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """A message as people may look at it.

    Attributes:
        due_at: when it is to leave, and may take further alerts until then.
        sealed_at: since when it is on its way; None: it waits.
        alerts: the latest, at most 20.
        deliveries: empty before it is sealed.
    """

    message_id: str
    channel: str
    group: str
    due_at: datetime
    sealed_at: datetime | None
    severity: AlertSeverity
    count: int
    alerts: tuple[Alert, ...]
    first_at: datetime
    last_at: datetime
    deliveries: tuple[Tried, ...]
