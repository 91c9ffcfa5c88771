"""The notifier port: who is told. The adapter and the outbox come with their own issue; the door is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Alert", "Notifier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One message about one run. ``key`` deduplicates: the same key is the same alert."""

    key: str
    title: str
    body: str
    severity: str


class Notifier(Protocol):
    """An entry point of the group ``sluicegate.notifiers`` names a callable that returns one."""

    def notify(self, alert: Alert, recipients: Sequence[str]) -> bool:
        """Deliver; True only if every service took it. A failure never changes a decision."""
        ...
