"""Slack: an incoming webhook, or a bot's token and a channel.

The payload is that of ``chat.postMessage`` and of incoming webhooks: https://docs.slack.dev/reference/methods/chat.postMessage,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and https://docs.slack.dev/reference/block-kit/blocks for its limits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import ConfigError
from sluicegate.ports.notifier import AlertSeverity, Message, Sent, TextFormat
from sluicegate_adapters.notify.sending import one_line, post_json, shortened, told
from sluicegate_adapters.notify.settings import Keys, address_secrets, spelled, web_address

if TYPE_CHECKING:
    from apprise import NotifyBase

    from sluicegate_adapters.notify.wire import Exchange

__all__ = ["SlackNotifier", "slack_payload"]

API = "https://slack.com/api/chat.postMessage"
TITLE_AT_MOST = 300
SECTION_AT_MOST = 3000
SECTIONS_AT_MOST = 15  # of 50 blocks: more than anybody reads
BODY_AT_MOST = SECTION_AT_MOST * (SECTIONS_AT_MOST + 1)
CUT = "\n… and more"
COLOURS = {
    AlertSeverity.CRITICAL: "#b3261e",
    AlertSeverity.ERROR: "#b3261e",
    AlertSeverity.WARNING: "#b26a00",
    AlertSeverity.INFO: "#2e7d32",
}
# Of what a bot's call can answer, that which may be better the next time; the others are about the token, the channel or the message.
_PASSING = {
    "fatal_error",
    "internal_error",
    "ratelimited",
    "rate_limited",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}
_HIDDEN = 0xE000  # characters that mean nothing to anybody
_ESCAPED_OR_CODE = re.compile(r"\\([!-/:-@\[-`{-~])|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)", re.DOTALL)
_GROUPS = ("here", "channel", "everyone")


class SlackNotifier:
    """One webhook or one channel. A contract's recipients that begin with ``#`` are channels too, where there is a bot's token."""

    format = TextFormat.MARKDOWN

    def __init__(self, settings: Mapping[str, Any], _base: Path) -> None:
        keys = Keys(settings)
        self._url = keys.text("webhook_url", "url")
        self._token = keys.text("bot_token", "token")
        self._channel = keys.text("channel")
        self._name = keys.text("username")
        self._mentions = tuple(_mention(one) for one in keys.texts("mentions", "mention"))
        api = keys.text("api_url", default=API)
        keys.done()
        if bool(self._url) == bool(self._token):
            raise ConfigError("webhook_url: either it or bot_token is needed", hint="webhook_url: ${SLACK_WEBHOOK_URL}")
        if self._token and not self._channel:
            raise ConfigError("channel: is missing", hint="a bot needs one to write to")
        if self._token and re.fullmatch(r"[!-~]+", self._token) is None:
            raise ConfigError("bot_token: is no token")
        self._address = web_address("webhook_url", self._url) if self._url else web_address("api_url", api)
        self.secrets = spelled((*address_secrets(self._url),) if self._url else (self._token,))

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:
        """The channel, or for want of a name ``webhook``."""
        chosen = tuple(dict.fromkeys(name for name in recipients if name.startswith("#"))) if self._token else ()
        return chosen or (self._channel or "webhook",)

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:
        payload = slack_payload(message, mentions=self._mentions)
        channel = service if self._token else self._channel
        payload |= {key: value for key, value in (("channel", channel), ("username", self._name)) if value}
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        deliver = post_json(self._address, payload, headers=headers, taken=_bot_took_it if self._token else _hook_took_it)
        return told(deliver, timeout=timeout, secrets=self.secrets, title=message.title)


def slack_payload(message: Message, *, mentions: Sequence[str] = ()) -> dict[str, Any]:
    """What Slack is sent: the title, whoever is called by name, and the body beside a bar in the severity's colour."""
    title = _escaped(one_line(message.title, TITLE_AT_MOST))
    called = " ".join(mentions) if message.mention else ""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in _sections(_mrkdwn(message.body))]
    if message.link and message.link not in message.body:
        text = f"<{_escaped(message.link).replace('|', '%7C')}>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": shortened(text, SECTION_AT_MOST)}})
    return {
        "text": f"*{title}*" + (f" {called}" if called else ""),
        "attachments": [{"color": COLOURS[message.severity], "fallback": title, "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _mention(text: str) -> str:
    """As Slack wants a user, a group of users or a whole channel called by name."""
    plain = text.strip("<>@!")
    if plain in _GROUPS:
        return f"<!{plain}>"
    if re.fullmatch(r"[UW][A-Z0-9]{5,}", plain):
        return f"<@{plain}>"
    if re.fullmatch(r"S[A-Z0-9]{5,}", plain.removeprefix("subteam^")):
        return f"<!subteam^{plain.removeprefix('subteam^')}>"
    return _escaped(text)  # a mere name: shown, though Slack calls nobody by it


@cache
def _converter() -> NotifyBase:
    from apprise.plugins.slack import NotifySlack

    return NotifySlack(token_a="T", token_b="B", token_c="X")  # noqa: S106 - no secret: only its way with Markdown is wanted


def _mrkdwn(markdown: str) -> str:
    """Slack's own dialect, which knows no escapes: what is escaped goes around the translation, and comes back as it is.

    What only looks like a mention stays a text: nobody is called by a batch's name.
    """
    hidden = _ESCAPED_OR_CODE.sub(lambda found: chr(_HIDDEN + ord(found[1])) if found[1] else found[0], markdown[:BODY_AT_MOST])
    text: str = _converter().dialect_convert(hidden, "markdown")
    text = re.sub(r"<(?!(?:https?://|mailto:)[^>]*>)", "&lt;", text)
    return re.sub(f"[{chr(_HIDDEN)}-{chr(_HIDDEN + 127)}]", lambda found: _escaped(chr(ord(found[0]) - _HIDDEN)), text)


def _sections(text: str) -> list[str]:
    """In pieces that a section takes, divided where a line ends if one does."""
    found: list[str] = []
    rest = text.strip()
    while rest and len(found) < SECTIONS_AT_MOST:
        cut = len(rest) if len(rest) <= SECTION_AT_MOST else rest.rfind("\n", 1, SECTION_AT_MOST)
        cut = cut if cut > 0 else SECTION_AT_MOST
        found.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    if rest:
        found[-1] = shortened(found[-1], SECTION_AT_MOST - len(CUT)) + CUT
    return found or ["…"]


def _hook_took_it(exchange: Exchange, answer: bytes) -> bool:
    """A webhook says ``ok``; a proxy's page to log in says something else."""
    if answer.strip() == b"ok":
        return True
    exchange.trouble = "that isn't how Slack answers"
    return False


def _bot_took_it(exchange: Exchange, answer: bytes) -> bool:
    """The Web API says 200 whatever happens, and in the body what did."""
    try:
        said = json.loads(answer)
        took, error = bool(said["ok"]), str(said.get("error", ""))
    except (ValueError, TypeError, KeyError):
        exchange.trouble = "that isn't how Slack answers"
        return False
    if not took:
        exchange.hopeless, exchange.said = error not in _PASSING, error
    return took
