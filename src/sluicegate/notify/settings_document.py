"""The keys of ``notifications.yaml``, as dataclasses: they read it, and its JSON Schema is made from them."""

# ruff: noqa: RUF009 - the defaults of frozen values are values
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from typing import Any

from sluicegate.contract.decode import BAD, Bad, Reader, did_you_mean, reader_of
from sluicegate.contract.nodes import Faults, Node
from sluicegate.history.alert import Event
from sluicegate.notify.facts import EMPTY
from sluicegate.ports.notifier import AlertSeverity
from sluicegate.verdict.model import Decision

__all__ = ["ChannelDocument", "DigestDocument", "QuietDocument", "RetentionDocument", "SettingsDocument"]

_DURATION = re.compile(
    r"(?:(\d+) ?d(?:ays?)?)? ?(?:(\d+) ?h(?:ours?)?)? ?(?:(\d+) ?m(?:in(?:utes?)?)?)? ?(?:(\d+) ?s(?:ec(?:onds?)?)?)?"
)
_LENGTH = {"anyOf": [{"type": "string", "minLength": 1}, {"const": 0}]}
_TIME = {"type": "string", "minLength": 1}
_TEXTS = {
    "type": "object",
    "propertyNames": {"enum": [event.value for event in Event]},
    "additionalProperties": {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "object", "properties": {"file": {"type": "string"}}, "required": ["file"], "additionalProperties": False},
        ]
    },
}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def _key(doc: str, *, default: Any = None, **metadata: Any) -> Any:
    return field(default=default, metadata={"doc": doc, **metadata})


def _duration(node: Node, faults: Faults) -> timedelta | Bad:
    if node.text.strip() == "0":
        return timedelta()
    found = _DURATION.fullmatch(node.text.strip().lower()) if isinstance(node.value, str) else None
    if found is None or not any(found.groups()):
        faults.add(node, f"must be a length of time, not {node.shown}", "such as 30m, 1h, 1h 30m or 3d")
        return BAD
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        length = timedelta.max
    if length > timedelta(days=366):
        faults.add(node, "must be at most a year")
        return BAD
    return length


def _clock(node: Node, faults: Faults) -> time | Bad:
    found = _CLOCK.fullmatch(node.text) if isinstance(node.value, str) else None
    if found is None:
        faults.add(node, f"must be a time of day, not {node.shown}", "such as 22:00")
        return BAD
    return time(int(found[1]), int(found[2]))


def _words(kind: type[StrEnum]) -> Reader:
    """A set of words; one of them needs no brackets."""
    read = reader_of(kind)

    def read_words(node: Node, faults: Faults) -> Any:
        items = node.value if isinstance(node.value, list) else [node]
        if not items:
            faults.add(node, "must not be empty", "leave the key out for all of them; `enabled: false` is for none")
            return BAD
        found = [BAD if item.broken else read(item, faults) for item in items]
        return BAD if any(item is BAD for item in found) else frozenset(found)

    return read_words


def _zone(node: Node, faults: Faults) -> Any:
    name = reader_of(str)(node, faults)
    if isinstance(name, Bad) or name == "UTC":
        return name
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        hint = did_you_mean(name, known) if known else "this machine knows no time zones: pip install tzdata"
        faults.add(node, f"there is no time zone {node.shown}", hint or "an IANA name, such as Europe/Berlin")
        return BAD


def _link(node: Node, faults: Faults) -> Any:
    link = reader_of(str)(node, faults)
    if isinstance(link, Bad):
        return link
    if not re.match(r"https?://[^\s/]", link):
        faults.add(node, "must be a link", "https://gate.example.com/quarantine/{quarantine_id}")
        return BAD
    texts = [name for name, value in EMPTY.items() if isinstance(value, str)]
    unknown = [name for name in re.findall(r"\{(\w+)\}", link) if name not in texts]
    for name in unknown:
        faults.add(node, f"has an unknown name in it: {name!r}", did_you_mean(name, texts) or "see docs/notifications.md")
    return BAD if unknown else link


def _templates(node: Node, faults: Faults) -> Any:
    """Event -> where its template is written; it is read and tried later."""
    if not isinstance(node.value, dict):
        faults.add(node, f"must be a mapping, not {node.kind}", "an event for each template: {quarantined: …}")
        return BAD
    found: dict[Event, Node] = {}
    for key, item in node.value.items():
        event = reader_of(Event)(Node(key, *node.keys[key], text=key), faults)
        if not isinstance(event, Bad):
            found[event] = item
    return found if len(found) == len(node.value) else BAD


def _set(kind: type[StrEnum], doc: str, *default: StrEnum) -> Any:
    """A key whose value is one or several words."""
    word = {"anyOf": [{"enum": list(kind)}, {"type": "string", "pattern": r"\$\{"}]}
    schema = {"anyOf": [word, {"type": "array", "items": word, "minItems": 1}]}
    return _key(doc, default=frozenset(default), read=_words(kind), schema=schema)


def _lasting(doc: str, default: timedelta) -> Any:
    return _key(doc, default=default, read=_duration, schema=_LENGTH)


@dataclass(frozen=True, kw_only=True)
class ChannelDocument:
    """One way to people. What is none of these keys is for the notifier: addresses, tokens, keys."""

    type: str | None = _key(
        "The notifier: `slack`, `email`, `pagerduty`, `teams`, `apprise`. Needless where the channel is called so."
    )
    enabled: bool = _key("`false`: nothing leaves by it, and its variables may be missing.", default=True)
    severities: frozenset[AlertSeverity] = _set(
        AlertSeverity, "Which alerts it wants: `critical`, `error`, `warning`, `info`. All of them without it."
    )
    decisions: frozenset[Decision] = _set(
        Decision,
        "Of alerts about a verdict, which: `commit_with_warnings`, `quarantine`, `block`, `commit`. All of them without it.",
    )
    events: frozenset[Event] = _set(Event, "What it wants to hear about, see [events](#events). Everything without it.")
    mention_on_critical: bool = _key("Critical messages call the channel's `mentions`.", default=False)
    templates: Mapping[Event, Node] | None = _key(
        "Its own texts: event → text, or `{file: PATH}`, see [templates](#templates).", read=_templates, schema=_TEXTS
    )


@dataclass(frozen=True, kw_only=True)
class QuietDocument:
    """When messages wait for the morning."""

    start: time = field(metadata={"key": "from", "read": _clock, "schema": _TIME, "doc": "When quiet begins, such as `22:00`."})
    end: time = field(
        metadata={"key": "to", "read": _clock, "schema": _TIME, "doc": "When it ends; earlier than `from`: the next morning."}
    )
    severities: frozenset[AlertSeverity] = _set(AlertSeverity, "Which messages wait.", AlertSeverity.WARNING, AlertSeverity.INFO)


@dataclass(frozen=True, kw_only=True)
class DigestDocument:
    """What is told once a day, in one message."""

    at: time = _key("When, such as `08:00`.", default=time(8), read=_clock, schema=_TIME)
    severities: frozenset[AlertSeverity] = _set(AlertSeverity, "Which alerts.", AlertSeverity.WARNING)


@dataclass(frozen=True, kw_only=True)
class RetentionDocument:
    """Warnings about quarantined batches that expire."""

    days_before: int = field(metadata={"minimum": 1, "maximum": 365, "doc": "How many days before they do."})


@dataclass(frozen=True, kw_only=True)
class SettingsDocument:
    """Who is told when a batch does not pass, and how. All of it may stand under a top key `notifications`."""

    default_channels: tuple[str, ...] = _key("The channels of contracts that name none.", default=())
    window: timedelta = _lasting(
        "Of one contract, event and severity, a channel gets at most one message in this time; what comes meanwhile is counted in the next. `0`: a message for each.",
        timedelta(hours=1),
    )
    quiet_hours: QuietDocument | None = _key(
        "When messages wait for the morning: `from`, `to`, and `severities` (`[warning, info]` unless said)."
    )
    digest: DigestDocument | None = _key(
        "What is told once a day, all in one message: `at` (`08:00`), and `severities` (`[warning]` unless said)."
    )
    timezone: str = _key(
        "Of these times, and of those in messages: an IANA name such as `Europe/Berlin`.", default="UTC", read=_zone
    )
    time_limit_seconds: float = _key(
        "How long a run may spend on telling; what is left then is told later. `0`: a run only writes down what is to be told.",
        default=5.0,
        minimum=0,
        maximum=3600,
    )
    give_up_after: timedelta = _lasting("How long a delivery is tried again.", timedelta(days=3))
    retention_warning: RetentionDocument | None = _key("Tell of quarantined batches `days_before` they expire; never without it.")
    review_url: str = _key(
        "A link for messages, with `{quarantine_id}`, `{run_id}` and other names in it.", default="", read=_link
    )
    templates: Mapping[Event, Node] | None = _key(
        "Texts for every channel that has none of its own: event → text, or `{file: PATH}`.", read=_templates, schema=_TEXTS
    )
