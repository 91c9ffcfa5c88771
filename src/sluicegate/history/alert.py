"""What there is to tell: one thing that happened and that somebody should know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sluicegate.ports.notifier import AlertSeverity

__all__ = ["Alert", "Event"]


class Event(StrEnum):
    """What an alert can be about; templates and channels' filters go by these."""

    ENGINE_ERROR = "engine_error"
    SCHEMA_VIOLATION = "schema_violation"
    QUALITY_VIOLATION = "quality_violation"
    SLA_VIOLATION = "sla_violation"
    QUARANTINED = "quarantined"
    COMMITTED_WITH_WARNINGS = "committed_with_warnings"
    REPLAYED = "replayed"
    RECOVERED = "recovered"
    RETENTION_WARNING = "retention_warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that happened and that somebody should know; kept with the run record, before it is anybody's message.

    Attributes:
        key: the same key is the same happening, whoever finds it and however often: it is kept once.
        events: what it is about, the most telling first (``quality_violation``, ``quarantined``): filters take any of them, templates the
            first that they have.
        at: when it happened, UTC.
        decision: the verdict's, empty where there was none.
        channels: what the contract chose; empty: the configuration's ``default_channels``.
        recipients: whom the contract names.
        facts: what templates may show, as JSON (``notify.facts`` has the names); classified values are masked in it.
    """

    key: str
    events: tuple[Event, ...]
    severity: AlertSeverity
    at: datetime
    tenant: str
    dataset: str
    contract_name: str
    run_id: str = ""
    decision: str = ""
    channels: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def event(self) -> Event:
        """What it is about above all: alerts of one contract, event and severity fold into one message."""
        return self.events[0]

    @property
    def refusal(self) -> bool:
        """Whether it says that a batch was refused, in whole or in part: from then on its contract fails, until a batch passes."""
        return Event.COMMITTED_WITH_WARNINGS not in self.events and not _REFUSALS.isdisjoint(self.events)


_REFUSALS = frozenset(
    {Event.ENGINE_ERROR, Event.SCHEMA_VIOLATION, Event.QUALITY_VIOLATION, Event.SLA_VIOLATION, Event.QUARANTINED}
)
