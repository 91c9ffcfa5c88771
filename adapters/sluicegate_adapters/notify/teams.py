"""Microsoft Teams: a workflow's webhook (Power Automate), which posts an Adaptive Card. The connectors of before take the same card.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, https://adaptivecards.io/explorer
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.ports.notifier import AlertSeverity, Message, Sent, TextFormat
from sluicegate_adapters.notify.sending import one_line, post_json, shortened, told
from sluicegate_adapters.notify.settings import Keys, address_secrets, spelled, web_address

if TYPE_CHECKING:
    from sluicegate_adapters.notify.wire import Exchange

__all__ = ["TeamsNotifier", "teams_payload"]

TITLE_AT_MOST = 300
BODY_AT_MOST = 18_000  # bytes; Teams takes 28 kB with everything
COLOURS = {
    AlertSeverity.CRITICAL: "Attention",
    AlertSeverity.ERROR: "Attention",
    AlertSeverity.WARNING: "Warning",
    AlertSeverity.INFO: "Good",
}


class TeamsNotifier:
    """One webhook."""

    format = TextFormat.MARKDOWN

    def __init__(self, settings: Mapping[str, Any], _base: Path) -> None:
        keys = Keys(settings)
        self._address = web_address("webhook_url", keys.needed("webhook_url", "url", hint="webhook_url: ${TEAMS_WEBHOOK_URL}"))
        self._mentions = keys.texts("mentions", "mention")
        keys.done()
        self.secrets = spelled((*address_secrets(self._address),))

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        """The webhook alone knows where it leads."""
        return ("webhook",)

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:  # noqa: ARG002 - there is but one
        deliver = post_json(self._address, teams_payload(message, mentions=self._mentions), taken=_took_it)
        return told(deliver, timeout=timeout, secrets=self.secrets, title=message.title)


def teams_payload(message: Message, *, mentions: Sequence[str] = ()) -> dict[str, Any]:
    """The card: whoever is called by name (users' addresses), the title, the body, a button to the link."""
    called = mentions if message.mention else ()
    blocks = [
        _block(one_line(message.title, TITLE_AT_MOST), size="Medium", weight="Bolder", color=COLOURS[message.severity]),
        *(_block(text) for text in _paragraphs(_links(_cut(message.body)))),
    ]
    if called:
        blocks.append(_block(" ".join(f"<at>{one}</at>" for one in called)))
    entities = [{"type": "mention", "text": f"<at>{one}</at>", "mentioned": {"id": one, "name": one}} for one in called]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "msteams": {"width": "Full", **({"entities": entities} if entities else {})},
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": message.link}]
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}],
    }


def _block(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **style}


def _paragraphs(text: str) -> list[str]:
    return [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()] or ["…"]


def _links(text: str) -> str:
    """Cards know a subset of Markdown, and no addresses in angle brackets."""
    return re.sub(r"\]\(<([^<>\s]*)>\)", lambda found: f"]({found[1].replace('(', '%28').replace(')', '%29')})", text)


def _cut(text: str) -> str:
    data = text.encode()
    return text if len(data) <= BODY_AT_MOST else shortened(data[:BODY_AT_MOST].decode(errors="ignore") + "   ", BODY_AT_MOST)


def _took_it(exchange: Exchange, answer: bytes) -> bool:
    """A connector says 200 also when Teams took nothing, and in words what Teams said to it."""
    if found := re.search(rb"returned HTTP error (\d{3})", answer):
        exchange.status = int(found[1])
        return False
    return True
