"""The notifier port: what leaves, through what, and what the service said to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = ["AlertSeverity", "Message", "Notifier", "Sent", "TextFormat"]


class AlertSeverity(StrEnum):
    """How much an alert matters; PagerDuty's own four words."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class TextFormat(StrEnum):
    """What a notifier's bodies are written in."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, rendered and ready to leave. Nothing in it is a secret or a classified value.

    Attributes:
        key: the same key is the same message: services that can tell doubles are given it.
        incident: stays the same from a contract's first alert of one kind to its ``recovered``: PagerDuty's ``dedup_key``.
        resolves: this ends the incident.
        title: one line of plain text.
        body: in the notifier's format.
        text: the same in plain text.
        mention: whether people are to be called by name, where the channel has some.
        link: of the run or the item, empty if there is none.
    """

    key: str
    incident: str
    title: str
    body: str
    text: str
    severity: AlertSeverity
    resolves: bool = False
    mention: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of sending one message to one service.

    Attributes:
        delivered: the service took it.
        detail: what it said, or what kept it away; without secrets.
        retry_after: how long it asks to be left alone, in seconds, if it says so.
        hopeless: trying again as things are can't help: the key is wrong, the address doesn't exist.
    """

    delivered: bool
    detail: str = ""
    retry_after: float | None = None
    hopeless: bool = False


class Notifier(Protocol):
    """One channel. An entry point of the group ``sluicegate.notifiers`` is named after a channel's ``type`` in notifications.yaml.

    It is a callable ``(settings, base) -> Notifier`` that raises ConfigError for settings it can't use: ``settings`` are the channel's own
    keys, with its variables filled in; relative paths in them start at ``base``. One notifier may be used by several threads.

    A *service* is what takes or refuses a message as a whole: a webhook, one mailbox. It is called by a name without secrets that stays the
    same as long as the service does, for its results are kept under it.
    """

    @property
    def format(self) -> TextFormat:
        """What the bodies of its messages are written in."""
        ...

    @property
    def secrets(self) -> frozenset[str]:
        """The texts among its settings that must never be shown."""
        ...

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:
        """Where a message of a contract that names these recipients goes; of one that names none, where the channel itself says.

        What of the recipients the channel can't reach (a mail address in Slack) it leaves out.
        """
        ...

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:
        """Deliver to one service, in at most about ``timeout`` seconds. Never raises, never tries again, never logs a secret."""
        ...
