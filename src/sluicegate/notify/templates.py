"""What a message says: alerts in, a ``Message`` out. A template that misbehaves costs its own text, never the message."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from sluicegate.history.alert import Alert, Event
from sluicegate.notify.facts import complete
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.wording import clock, headline, moment, summary
from sluicegate.ports.notifier import AlertSeverity, Message, TextFormat

__all__ = ["Folded", "TemplateFault", "faults_of", "render"]

_LONGEST_TITLE = 150
_TIMES = ("at", "expires_at", "failing_since")
_ENDED_BY_RECOVERED = frozenset(
    {Event.ENGINE_ERROR, Event.SCHEMA_VIOLATION, Event.QUALITY_VIOLATION, Event.SLA_VIOLATION, Event.RECOVERED}
)
_NAME = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """What one message stands for.

    Attributes:
        key: the message's: the same key is the same message.
        alerts: oldest first; of many the newest 20 are enough. The last one is told, the others are counted.
        count: how many there are in all.
        first_at, last_at: when the first and the last of all happened.
        standing: of the contract now: ``failing``, ``passing``, or empty.
        digest: the alerts are of several contracts or events, and are told as a list.
    """

    key: str
    alerts: tuple[Alert, ...]
    count: int
    first_at: datetime
    last_at: datetime
    standing: str = ""
    digest: bool = False

    @classmethod
    def of(cls, *alerts: Alert, standing: str = "") -> Folded:
        """Those alerts and no other, oldest first; the key is the last one's."""
        return cls(
            key=alerts[-1].key,
            alerts=alerts,
            count=len(alerts),
            first_at=alerts[0].at,
            last_at=alerts[-1].at,
            standing=standing,
            digest=len({(alert.tenant, alert.contract_name, alert.event, alert.severity) for alert in alerts}) > 1,
        )


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """One thing wrong in a template: the line counts from 1 within its text."""

    line: int
    message: str
    hint: str = ""


def faults_of(text: str) -> tuple[TemplateFault, ...]:
    """Everything that is wrong with a template, held against what every event has to say; empty: it will render."""
    return () if text.strip() else (TemplateFault(1, "it says nothing"),)


def render(channel: Channel, format: TextFormat, folded: Folded, settings: NotificationSettings) -> Message:  # noqa: A002 - the port's word
    """The message that this channel is sent. Never raises for anything that is in a template, or in the facts."""
    facts = _facts(folded, settings)
    last = folded.alerts[-1]
    text = "\n\n".join(filter(None, (facts["summary"], facts["violations_list"], facts["next_command"])))
    return Message(
        key=folded.key,
        incident=_incident(last),
        title=facts["headline"],
        body=text if format is not TextFormat.HTML else f"<pre>{escape(text)}</pre>",
        text=text,
        severity=last.severity,
        resolves=last.event is Event.RECOVERED,
        mention=channel.mention_on_critical and last.severity is AlertSeverity.CRITICAL,
        link=facts["review_url"],
    )


def _incident(alert: Alert) -> str:
    """The same for a contract's refusals and for its recovery; of other events nobody waits for the end."""
    about = (alert.tenant, alert.contract_name, alert.dataset)
    parts = about if alert.event in _ENDED_BY_RECOVERED else (*about, alert.event.value)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _facts(folded: Folded, settings: NotificationSettings) -> dict[str, Any]:
    """Those of the last alert, with what only the telling knows."""
    zone = settings.timezone
    told = [_of(alert, settings) for alert in folded.alerts]
    facts = told[-1] | {
        "folded": folded.count,
        "alerts": told,
        "first_at": moment(folded.first_at, zone),
        "last_at": moment(folded.last_at, zone),
        "since": clock(folded.first_at, folded.last_at, zone),
        "standing": folded.standing,
    }
    return facts | {"headline": headline(facts)[:_LONGEST_TITLE]}


def _of(alert: Alert, settings: NotificationSettings) -> dict[str, Any]:
    """One alert's facts, complete and as readers have them."""
    known = {
        "event": alert.event.value,
        "events": [event.value for event in alert.events],
        "severity": alert.severity.value,
        "decision": alert.decision,
        "at": alert.at.isoformat(),
        "contract_name": alert.contract_name,
        "asset_name": alert.dataset,
        "tenant_id": alert.tenant,
        "run_id": alert.run_id,
    }
    facts = complete({**known, **alert.facts})
    facts |= {name: moment(facts[name], settings.timezone) for name in _TIMES}
    facts["review_url"] = _filled(settings.review_url, facts)
    facts["summary"] = facts["summary"] or summary(facts)
    facts["headline"] = headline(facts)
    return facts


def _filled(address: str, facts: Mapping[str, Any]) -> str:
    """A link's template with its plain names filled in; none where one of them has nothing to say."""
    names = _NAME.findall(address)
    if not all(isinstance(facts.get(name), str) and facts[name] for name in names):
        return ""
    return _NAME.sub(lambda found: quote(facts[found[1]], safe=""), address)
