"""To whom alerts may go, and when: frozen values, nothing that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from sluicegate.errors import Fault
from sluicegate.history.alert import Alert, Event
from sluicegate.ports.notifier import AlertSeverity

__all__ = ["Channel", "Digest", "NotificationSettings", "QuietHours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to people, as ``notifications.yaml`` has it.

    Attributes:
        type: the notifier's entry point.
        settings: what that one is told: addresses, keys; secrets are in here and nowhere else.
        severities, decisions, events: what it wants; empty: everything.
        mention_on_critical: whether critical messages call people by name.
        templates: event -> the template's text; where there is none the default one is used.
        trouble: why it can't be used as things are; its messages wait.
    """

    name: str
    type: str
    enabled: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    severities: frozenset[AlertSeverity] = frozenset()
    decisions: frozenset[str] = frozenset()
    events: frozenset[Event] = frozenset()
    mention_on_critical: bool = False
    templates: Mapping[Event, str] = field(default_factory=dict)
    trouble: str = ""

    def wants(self, alert: Alert) -> bool:
        """Whether such an alert goes there.

        That a contract passes again is for all who were told that it doesn't, whatever they want besides: an incident must end.
        """
        if not self.enabled or (self.events and self.events.isdisjoint(alert.events)):
            return False
        return alert.event is Event.RECOVERED or (
            (not self.severities or alert.severity in self.severities)
            and (not self.decisions or not alert.decision or alert.decision in self.decisions)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When messages of these severities wait for the morning; ``start`` may be later than ``end``: over midnight."""

    start: time
    end: time
    severities: frozenset[AlertSeverity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Alerts of these severities are told once a day, at this time, all in one message."""

    at: time
    severities: frozenset[AlertSeverity]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """``notifications.yaml``, read. An empty one tells nobody.

    Attributes:
        channels: by name, the disabled ones too.
        default_channels: for contracts that name none.
        window: of one contract, event and severity a channel gets at most one message in this time; more is folded into the next one.
        timezone: of quiet hours, the digest and the times that messages show (IANA name).
        time_limit: how long a run may spend on telling, in seconds.
        give_up_after: how long a delivery is retried.
        retention_days_before: warn of quarantined items this many days before they expire; None: never.
        review_url: a link's template with ``{quarantine_id}``, ``{run_id}`` and other plain names; empty: none.
        base: where relative paths start.
        files: what was read: the file itself, then templates' files.
        warnings: what lint has to say of the file that is no fault.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    default_channels: tuple[str, ...] = ()
    window: timedelta = timedelta(hours=1)
    quiet_hours: QuietHours | None = None
    digest: Digest | None = None
    timezone: str = "UTC"
    time_limit: float = 5
    give_up_after: timedelta = timedelta(days=3)
    retention_days_before: int | None = None
    review_url: str = ""
    base: Path = Path()
    files: tuple[Path, ...] = field(default=(), compare=False)
    warnings: tuple[Fault, ...] = field(default=(), compare=False)
