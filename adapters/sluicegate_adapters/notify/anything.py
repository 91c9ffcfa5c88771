"""Whatever else apprise speaks to: its URLs, each of them one service with one target."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import ConfigError
from sluicegate.ports.notifier import Message, Sent, TextFormat
from sluicegate_adapters.notify.sending import asset, one_line, told
from sluicegate_adapters.notify.settings import Keys, address_secrets, spelled
from sluicegate_adapters.notify.wire import Exchange, watched

if TYPE_CHECKING:
    from apprise import NotifyBase

__all__ = ["AppriseNotifier"]

_PATIENCE = 5.0  # seconds; opening contacts nobody
_FORMATS = {form.value: form.value for form in TextFormat}


class AppriseNotifier:
    """``url``, or ``urls`` of one kind: https://appriseit.com/services. Called by the kind; of several, by their number besides."""

    def __init__(self, settings: Mapping[str, Any], _base: Path) -> None:
        keys = Keys(settings)
        urls = keys.texts("urls", commas=False) or ((only,) if (only := keys.text("url")) else ())
        chosen = keys.one_of("format", choices=_FORMATS, default="")
        keys.done()
        if not urls:
            raise ConfigError("url: is missing", hint="url: ${…}, as on https://appriseit.com/services")
        self.secrets = spelled(tuple(secret for url in urls for secret in _url_secrets(url)))
        self._urls: dict[str, str] = {}
        formats = set()
        for url in urls:
            kind = url.partition("://")[0]
            self._urls[kind if len(urls) == 1 else f"{kind} {len(self._urls) + 1}"] = url
            formats.add(_best_format(self._plugin(url)))
        if len(formats) > 1 and not chosen:
            raise ConfigError("urls: don't take the same format", hint="format: text, or a channel for each")
        self.format = TextFormat(chosen) if chosen else formats.pop()

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - the URL says whom it reaches
        """The URLs, by names that hold nothing of them."""
        return tuple(self._urls)

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:
        url = self._urls.get(service)
        if url is None:
            return Sent(delivered=False, detail="the channel has no such URL any more", hopeless=True)

        def make(exchange: Exchange) -> NotifyBase:
            plugin = self._plugin(url)
            plugin.socket_connect_timeout = plugin.socket_read_timeout = exchange.left
            return plugin

        return told(make, timeout=timeout, secrets=self.secrets, title=one_line(message.title, 250), body=message.body or message.title,
                    body_format=self.format, severity=message.severity)  # fmt: skip

    def _plugin(self, url: str) -> NotifyBase:
        """Apprise's own, told to try once, to say so if it fails, and to cut what is too long rather than to send it in pieces.

        Raises:
            ConfigError: apprise can't use the URL, or it has several targets.
        """
        from apprise import Apprise, OverflowMode

        with watched(Exchange(_PATIENCE, self.secrets)):
            _load_plugins()
            try:
                plugin = Apprise.instantiate(url, asset=asset())
            except Exception:  # noqa: BLE001 - what it says may hold a secret
                plugin = None
        if plugin is None:
            raise ConfigError("url: apprise can't use it", hint="https://appriseit.com/services has the format of each service")
        plugin.retry, plugin.optional, plugin.persistent_storage = 0, False, False
        plugin.overflow_mode = OverflowMode.TRUNCATE
        if len(plugin) > 1:
            raise ConfigError("url: has several targets", hint="urls: one for each, so that each is told once")
        return plugin


@cache
def _load_plugins() -> None:
    """All of them: apprise finds by their URLs only what it has imported. One of them warns of a module of Python's that it keeps alive."""
    from apprise import Apprise

    with warnings.catch_warnings(action="ignore"):
        Apprise.instantiate("json://localhost", asset=asset())


def _best_format(plugin: NotifyBase) -> TextFormat:
    """The richest that the service shows as it is, or the one that its URL asks for."""
    rich = (TextFormat.MARKDOWN, TextFormat.HTML)
    return next((form for form in rich if plugin.resolve_format(form.value).value == form.value), TextFormat.TEXT)


def _url_secrets(url: str) -> Iterator[str]:
    """Of many services' URLs the host is a key, too."""
    yield from address_secrets(url)
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    if "." not in host and host != "localhost":
        yield host
