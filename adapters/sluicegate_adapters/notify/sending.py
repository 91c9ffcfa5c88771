"""Everything leaves through apprise: one service, one attempt, one result.

apprise's own plugins for the services that this package writes to itself are not used: docs/adr/0016 says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sluicegate.ports.notifier import AlertSeverity, Sent, TextFormat
from sluicegate_adapters.notify.wire import Exchange, watched

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

__all__ = ["asset", "one_line", "post_json", "shortened", "told"]

NAME = "sluicegate"
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


@cache
def _posted() -> type[NotifyBase]:
    from apprise import NotifyBase

    class Posted(NotifyBase):  # type: ignore[misc]
        """A service of our own, as apprise takes it."""

        service_name = NAME

        def __init__(self, deliver: Callable[[], bool]) -> None:
            super().__init__(asset=asset(), store="no")
            self._deliver = deliver

        def url(self, *_args: Any, **_options: Any) -> str:
            return f"{NAME}://"

        def send(self, **_message: Any) -> bool:
            return self._deliver()

    return Posted


def told(
    deliver: Callable[[Exchange], bool] | NotifyBase,
    *,
    timeout: float,
    secrets: frozenset[str],
    title: str,
    body: str = NAME,
    body_format: TextFormat = TextFormat.TEXT,
    severity: AlertSeverity = AlertSeverity.INFO,
) -> Sent:
    """Send by a plugin of apprise's, or by a function that says whether the service took it. Never raises."""
    from apprise import Apprise, NotifyBase

    with watched(timeout, secrets) as exchange:
        try:
            plugin = deliver if isinstance(deliver, NotifyBase) else _posted()(lambda: deliver(exchange))
            service = Apprise(asset=asset())
            service.add(plugin)
            result = service.notify(body=body, title=title, body_format=body_format.value, notify_type=_KINDS[severity])
        except Exception as error:  # noqa: BLE001 - whatever a plugin does, a run must go on; the text may hold a secret
            exchange.trouble = exchange.trouble or f"it can't be sent: {type(error).__name__}"
            return exchange.sent(delivered=False)
    return exchange.sent(delivered=bool(result))


def post_json(
    url: str, payload: Mapping[str, Any], *, headers: Mapping[str, str] | None = None, taken: Callable[[Exchange, bytes], bool]
) -> Callable[[Exchange], bool]:
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

    return deliver


def one_line(text: str, at_most: int) -> str:
    """A title: no line ends and control characters, which could become headers, and not too long."""
    return shortened(" ".join("".join(letter if letter.isprintable() else " " for letter in text).split()), at_most)


def shortened(text: str, at_most: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= at_most else text[: at_most - 2].rstrip() + " …"
