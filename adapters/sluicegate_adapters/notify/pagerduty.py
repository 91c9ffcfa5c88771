"""PagerDuty: events of its API v2, one incident from a contract's first alert to its ``recovered``.

https://developer.pagerduty.com/docs/send-alert-event
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import ConfigError
from sluicegate.ports.notifier import Message, Sent, TextFormat
from sluicegate_adapters.notify.sending import NAME, one_line, post_json, shortened, told
from sluicegate_adapters.notify.settings import Keys, spelled, web_address

if TYPE_CHECKING:
    from sluicegate_adapters.notify.wire import Exchange

__all__ = ["PagerDutyNotifier", "pagerduty_payload"]

REGIONS = {"us": "https://events.pagerduty.com/v2/enqueue", "eu": "https://events.eu.pagerduty.com/v2/enqueue"}
SUMMARY_AT_MOST = 1024
KEY_AT_MOST = 255
DETAILS_AT_MOST = 50_000  # of 512 kB


class PagerDutyNotifier:
    """One integration."""

    format = TextFormat.TEXT

    def __init__(self, settings: Mapping[str, Any], _base: Path) -> None:
        keys = Keys(settings)
        hint = "routing_key: ${PAGERDUTY_ROUTING_KEY}"
        self._key = keys.needed("routing_key", "integration_key", "service_key", "key", hint=hint)
        self._about = {
            "source": keys.text("source", default=NAME),
            "component": keys.text("service", "component"),
            "group": keys.text("group"),
        }
        self._region = keys.one_of("region", choices={region: region for region in REGIONS}, default="us")
        self._address = web_address("api_url", keys.text("api_url", default=REGIONS[self._region]))
        keys.done()
        if re.fullmatch(r"[!-~]+", self._key) is None:
            raise ConfigError("routing_key: is no key")
        self.secrets = spelled((self._key,))

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """Whom PagerDuty calls is for PagerDuty to know."""
        return (self._about["component"] or "pagerduty",)

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:  # noqa: ARG002 - there is but one
        payload = pagerduty_payload(message, routing_key=self._key, about=self._about)
        return told(post_json(self._address, payload, taken=_took_it), timeout=timeout, secrets=self.secrets, title=message.title)


def pagerduty_payload(message: Message, *, routing_key: str, about: Mapping[str, str]) -> dict[str, Any]:
    """The event: it triggers the message's incident, or resolves it."""
    event = {"routing_key": routing_key, "dedup_key": _fitting(message.incident)}
    if message.resolves:
        return {**event, "event_action": "resolve"}
    link = {"client_url": message.link, "links": [{"href": message.link, "text": "Open"}]} if message.link else {}
    return {
        **event,
        "event_action": "trigger",
        "client": NAME,
        **link,
        "payload": {
            "summary": one_line(message.title, SUMMARY_AT_MOST),
            "severity": message.severity.value,
            **{name: value for name, value in about.items() if value},
            "custom_details": {"text": shortened(message.body, DETAILS_AT_MOST)},
        },
    }


def _fitting(key: str) -> str:
    return key if 0 < len(key) <= KEY_AT_MOST else hashlib.sha256(key.encode()).hexdigest()


def _took_it(_exchange: Exchange, _answer: bytes) -> bool:
    return True  # 202 says it all
