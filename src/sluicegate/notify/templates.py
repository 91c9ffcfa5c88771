"""What a message says: alerts in, a ``Message`` out. A template that misbehaves costs its own text, never the message."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sluicegate.history.alert import Alert, Event
from sluicegate.notify.dialects import looks_like_html, text_of_html
from sluicegate.notify.facts import NAMES, complete
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.samples import SAMPLES
from sluicegate.notify.sandbox import TemplateFault, TooMuch, check, environment, fill
from sluicegate.notify.wording import (
    clock,
    digest_headline,
    fails_again,
    heading,
    headline,
    moment,
    particulars,
    passes_again,
    summary,
    summary_of_all,
)
from sluicegate.ports.notifier import AlertSeverity, Message, TextFormat
from sluicegate.redact import redacted_tree
from sluicegate.words import one_line

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["Folded", "TemplateFault", "faults_of", "render"]

_LONGEST_TITLE = 150
_LONGEST_BODY = 20_000
_LONGEST_HTML = 100_000  # what mail readers show without cutting it themselves
_LONGEST_MARKDOWN = 2_900  # a section of a chat's message takes 3,000
_MOST_ALERTS = 20
_SUBJECT = re.compile(r"(\s*)Subject:[ \t]*(\S[^\n]*)(?:\n|\Z)", re.IGNORECASE)
_NO_ATTRIBUTE = re.compile(r"has no (?:attribute|element) '?(\w+)'?")
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


def faults_of(text: str) -> tuple[TemplateFault, ...]:
    """Everything that is wrong with a template, held against what every event has to say; empty: it will render."""
    parts = [part for part in _parts(text) if part is not None]
    faults = [fault for part in parts for fault in check(part)[1]] or [fault for part in parts for fault in _stumbles(part)]
    return tuple(sorted(faults, key=lambda fault: fault.line))


def _stumbles(template: str) -> Iterator[TemplateFault]:
    """What a template runs into when it tells the samples: of each kind the first."""
    told: set[tuple[int, str]] = set()
    settings = NotificationSettings(review_url="https://example.com/{run_id}")
    for name, alert in SAMPLES.items():
        try:
            _filled_in(template, TextFormat.TEXT, _facts(Folded.of(alert), settings))
        except Exception as error:  # noqa: BLE001 - whatever a template can run into is its fault
            fault = _fault_of(error, f"in a message about {name}")
            if (fault.line, fault.message) not in told:
                told.add((fault.line, fault.message))
                yield fault


def render(channel: Channel, format: TextFormat, folded: Folded, settings: NotificationSettings) -> Message:  # noqa: A002 - the port's word
    """The message that this channel is sent. Never raises for anything that is in a template, or in the facts."""
    facts = _facts(folded, settings)
    last = folded.alerts[-1]
    chosen = None if folded.digest else next((event for event in last.events if event in channel.templates), None)
    subject, body, text = _written(chosen and channel.templates[chosen], f"for {chosen} in {channel.name}", format, facts)
    severity = min((alert.severity for alert in folded.alerts), key=list(AlertSeverity).index)
    return Message(
        key=folded.key,
        incident=_incident(last, folded),
        title=one_line(subject or facts["headline"], _LONGEST_TITLE),
        body=body,
        text=text,
        severity=severity,
        resolves=not folded.digest and ((last.event is Event.RECOVERED and not fails_again(facts)) or passes_again(facts)),
        mention=channel.mention_on_critical and severity is AlertSeverity.CRITICAL,
        link="" if folded.digest else facts["review_url"],
    )


def _written(template: str | None, which: str, format: TextFormat, facts: Mapping[str, Any]) -> tuple[str, str, str]:  # noqa: A002
    """Title, body and plain text; of a template that can't be used, what is said without one, and that it can't.

    A title is what a template's first line has after ``Subject:``. Without one, or without a text below it, that is the shipped one.
    """
    if template is None:
        return "", *_by_default(format, facts)
    try:
        subject, rest = _parts(template)
        title = _filled_in(subject, TextFormat.TEXT, facts) if subject else ""
        return " ".join(title.split()), *(_by_default(format, facts) if rest is None else _by_template(rest, format, facts))
    except Exception as error:  # noqa: BLE001 - a message never fails for its template
        fault = _fault_of(error, "")
        note = f"The template {which} can't be used, line {fault.line}: {fault.message}"
        return "", *_by_default(format, facts, note)


def _parts(template: str) -> tuple[str | None, str | None]:
    """Title and text of a template, as far as it has them; their lines are where they were."""
    found = _SUBJECT.match(template)
    if not found:
        return None, template
    rest = template[found.end() :]
    return found[1] + found[2], "\n" * template.count("\n", 0, found.end()) + rest if rest.strip() else None


def _by_template(template: str, format: TextFormat, facts: Mapping[str, Any]) -> tuple[str, str]:  # noqa: A002 - the port's word
    """Body and plain text. For a mail a template is HTML, or plain text that is set as it is."""
    if format is not TextFormat.HTML:
        body = _filled_in(template, format, facts)
        return body, body if format is TextFormat.TEXT else _filled_in(template, TextFormat.TEXT, facts)
    if looks_like_html(template):
        body = _filled_in(template, TextFormat.HTML, facts, _LONGEST_HTML)
        return body, text_of_html(body)
    text = _filled_in(template, TextFormat.TEXT, facts)
    return _set(text), text


def _set(text: str) -> str:
    return f'<div style="font:16px/1.5 sans-serif;white-space:pre-wrap;overflow-wrap:anywhere;">{escape(text)}</div>'


def _by_default(format: TextFormat, facts: Mapping[str, Any], note: str = "") -> tuple[str, str]:  # noqa: A002 - the port's word
    shown = {**facts, "note": note}
    text = _tidy(_cut(*fill(_shipped(TextFormat.TEXT), shown, _LONGEST_BODY)))
    if format is TextFormat.TEXT:
        return text, text
    longest = {TextFormat.MARKDOWN: _LONGEST_MARKDOWN, TextFormat.HTML: _LONGEST_HTML}[format]
    body, more = fill(_shipped(format), shown, longest)
    if more and format is TextFormat.HTML:  # half a page is no page
        return _set(text), text
    return (body if format is TextFormat.HTML else _tidy(_cut(body, more))), text


def _filled_in(template: str, format: TextFormat, facts: Mapping[str, Any], longest: int = _LONGEST_BODY) -> str:  # noqa: A002
    known = {name: facts[name] for name in NAMES}
    text, more = fill(_compiled(template, format), known, longest)
    if more and format is TextFormat.HTML:
        raise TooMuch(f"more than {longest:,} characters")
    return text if format is TextFormat.HTML else _tidy(_cut(text, more))


def _cut(text: str, more: bool) -> str:  # noqa: FBT001 - what fill() returns
    return f"{text.rstrip()}\n… (cut: it is longer)" if more else text


def _tidy(text: str) -> str:
    """Without the holes that facts with nothing to say leave."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)).strip()


@lru_cache(maxsize=64)
def _compiled(template: str, format: TextFormat) -> Template:  # noqa: A002 - the port's word
    """A configured template, ready.

    Raises:
        _Unusable: it has faults.
    """
    tree, faults = check(template)
    if tree is None:
        raise _Unusable(faults[0])
    return environment(format).from_string(tree)


@cache
def _shipped(format: TextFormat) -> Template:  # noqa: A002 - the port's word
    """What a message says where no template is configured."""
    source = files("sluicegate.notify").joinpath("defaults", f"{format.value}.j2").read_text(encoding="utf-8")
    return environment(format).from_string(source)


class _Unusable(Exception):
    def __init__(self, fault: TemplateFault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def _fault_of(error: Exception, hint: str) -> TemplateFault:
    """What a template ran into, and in which of its lines."""
    if isinstance(error, _Unusable):
        return error.fault
    lines = [frame.tb_lineno for frame in _frames(error.__traceback__) if frame.tb_frame.f_code.co_filename == "<template>"]
    message = str(error) or type(error).__name__
    if missing := _NO_ATTRIBUTE.search(message):
        message = f"there is no {missing[1]!r} in it"
    return TemplateFault(lines[-1] if lines else 1, message, hint)


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace:
        yield trace
        trace = trace.tb_next


def _incident(alert: Alert, folded: Folded) -> str:
    """The same for a contract's refusals and for its recovery; of other events nobody waits for the end."""
    about = (alert.tenant, alert.contract_name, alert.dataset)
    parts: tuple[str, ...] = (
        (folded.key,) if folded.digest else about if alert.event in _ENDED_BY_RECOVERED else (*about, alert.event.value)
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _facts(folded: Folded, settings: NotificationSettings) -> dict[str, Any]:
    """Those of the last alert, with what only the telling knows; and beside the names what the shipped templates show besides."""
    zone = settings.timezone
    told = [_of(alert, settings) for alert in folded.alerts]
    facts = told[-1] | {
        "folded": folded.count,
        "alerts": told[-_MOST_ALERTS:],
        "first_at": moment(folded.first_at, zone),
        "last_at": moment(folded.last_at, zone),
        "since": clock(folded.first_at, folded.last_at, zone),
        "standing": folded.standing,
    }
    facts |= {
        "digest": folded.digest,
        "groups": _groups(folded.alerts, settings),
        "more": folded.count - len(folded.alerts),
        "note": "",
    }
    facts |= {"heading": heading(facts), "particulars": particulars(facts), "summary": summary_of_all(facts)}
    return facts | {"headline": digest_headline(facts) if folded.digest else headline(facts)}


def _groups(alerts: Sequence[Alert], settings: NotificationSettings) -> list[dict[str, Any]]:
    """Of a digest: those of one contract and event together, the one that came last first."""
    groups: dict[tuple[str, ...], list[Alert]] = {}
    for alert in reversed(alerts):
        groups.setdefault((alert.tenant, alert.contract_name, alert.event.value), []).append(alert)
    told = []
    for those in groups.values():
        facts = _of(those[0], settings) | {"folded": len(those), "since": clock(those[-1].at, those[0].at, settings.timezone)}
        told.append(facts | {"headline": headline(facts)})
    return told


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
    facts = complete(redacted_tree({**known, **alert.facts}))  # before any is escaped, and a secret no longer looks like itself
    facts |= {name: moment(facts[name], settings.timezone) for name in _TIMES}
    if alert.event is Event.REPLAYED:  # it is through
        facts["replay_command"] = ""
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
