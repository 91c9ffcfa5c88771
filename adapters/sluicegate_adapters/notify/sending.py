"""Everything leaves through apprise: one service, one attempt, one result.

apprise's own plugins for the services that this package writes to itself are not used: docs/adr/0016 says why.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sluicegate.ports.notifier import AlertSeverity, Sent, TextFormat
from sluicegate_adapters.notify.wire import LATE, Exchange, watched

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

__all__ = ["asset", "one_line", "own", "post_json", "shortened", "told"]

NAME = "sluicegate"
_GRACE = 0.25  # seconds beyond the time limit, in which a socket's own limit may still say what was the matter
_KINDS = {
    AlertSeverity.CRITICAL: "failure",
    AlertSeverity.ERROR: "failure",
    AlertSeverity.WARNING: "warning",
    AlertSeverity.INFO: "info",
}


@cache
def asset() -> AppriseAsset:
    """How apprise behaves: it keeps nothing on disk, follows no redirect, shows no pictures of its own, and starts no threads."""
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id=NAME, app_desc=NAME, app_url="", image_url_mask="", image_url_logo="", storage_mode="memory", service_timeout=0,
        http_redirects=False, allow_templates=False, interpret_emojis=False, interpret_escapes=False, pgp_autogen=False, pem_autogen=False,
    )  # fmt: skip


def own(deliver: Callable[[Exchange], bool]) -> Callable[[Exchange], NotifyBase]:
    """A service that this package speaks to itself, as apprise takes it; ``deliver`` says whether it took the message."""

    def make(exchange: Exchange) -> NotifyBase:
        return _own_plugin()(lambda: deliver(exchange))

    return make


@cache
def _own_plugin() -> type[NotifyBase]:
    from apprise import NotifyBase

    class Own(NotifyBase):  # type: ignore[misc]
        service_name = NAME

        def __init__(self, deliver: Callable[[], bool]) -> None:
            super().__init__(asset=asset(), store="no")
            self._deliver = deliver

        def url(self, *_args: Any, **_options: Any) -> str:
            return f"{NAME}://"

        def send(self, **_message: Any) -> bool:
            return self._deliver()

    return Own


def told(
    make: Callable[[Exchange], NotifyBase],
    *,
    timeout: float,
    secrets: frozenset[str],
    title: str,
    body: str = NAME,
    body_format: TextFormat = TextFormat.TEXT,
    severity: AlertSeverity = AlertSeverity.INFO,
) -> Sent:
    """Send by the plugin that ``make`` gives. Never raises.

    In a thread of its own, which is left alone when the time is up: a resolver or a server that drips can't be told how long to take.
    """
    found: list[Sent] = []

    def attempt() -> None:
        exchange = Exchange(timeout, secrets)
        delivered = False
        try:
            from apprise import Apprise

            with watched(exchange):
                service = Apprise(asset=asset())
                service.add(make(exchange))
                delivered = bool(
                    service.notify(body=body, title=title, body_format=body_format.value, notify_type=_KINDS[severity])
                )
        except Exception as error:  # noqa: BLE001 - whatever a plugin does, a run must go on; the text may hold a secret
            exchange.trouble = exchange.trouble or f"it can't be sent: {type(error).__name__}"
        found.append(exchange.sent(delivered=delivered))

    worker = threading.Thread(target=attempt, name="sluicegate-sending", daemon=True)
    worker.start()
    worker.join(timeout + _GRACE)
    return found[0] if found else Sent(delivered=False, detail=LATE)


def post_json(
    url: str, payload: Mapping[str, Any], *, headers: Mapping[str, str] | None = None, taken: Callable[[Exchange, bytes], bool]
) -> Callable[[Exchange], NotifyBase]:
    """To post this; ``taken`` judges an answer below 300 by its body."""

    def deliver(exchange: Exchange) -> bool:
        import requests

        data = json.dumps(payload, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json; charset=utf-8", "User-Agent": NAME, **(headers or {})}
        try:
            response = requests.post(url, data=data, headers=sent, timeout=exchange.timeout)
        except requests.RequestException:
            return False  # the exchange knows why
        return response.ok and not response.is_redirect and taken(exchange, response.content)

    return own(deliver)


def one_line(text: str, at_most: int) -> str:
    """A title: no line ends and control characters, which could become headers, and not too long."""
    return shortened(" ".join("".join(letter if letter.isprintable() else " " for letter in text).split()), at_most)


def shortened(text: str, at_most: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= at_most else text[: at_most - 2].rstrip() + " …"
