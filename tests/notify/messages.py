"""Messages and notifiers for tests: each kind of channel, pointed at the tests' own servers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sluicegate import plugins
from sluicegate.ports.notifier import AlertSeverity, Message, Notifier
from tests.notify.mailboxes import SmtpServer
from tests.notify.ports import HOST
from tests.notify.webhooks import WebhookServer

__all__ = ["HOOK", "KINDS", "SECRET", "a_message", "mail_settings", "notifier", "web_settings"]

SECRET = "Xk29sEcReTtOkEn77"
HOOK = f"/services/T0123/B0123/{SECRET}"
KINDS = ("slack", "teams", "pagerduty", "apprise")  # those that speak HTTP


def a_message(**changes: Any) -> Message:
    told: dict[str, Any] = {
        "key": "message-1",
        "incident": "incident-1",
        "title": "orders: 3 checks failed",
        "body": "**not_null** failed",
        "text": "not_null failed",
        "severity": AlertSeverity.ERROR,
    }
    return Message(**(told | changes))


def notifier(kind: str, settings: Mapping[str, Any]) -> Notifier:
    found: Notifier = plugins.load("sluicegate.notifiers", kind)(settings, Path())
    return found


def web_settings(kind: str, server: WebhookServer) -> dict[str, Any]:
    return {
        "slack": {"webhook_url": server.url + HOOK},
        "teams": {"webhook_url": server.url + HOOK},
        "pagerduty": {"routing_key": SECRET, "api_url": f"{server.url}/v2/enqueue"},
        "apprise": {"url": server.url.replace("http:", "json:") + HOOK},
    }[kind]


def mail_settings(server: SmtpServer, **changes: Any) -> dict[str, Any]:
    smtp = {"host": HOST, "port": server.port, "tls": "none"}
    return {"smtp": smtp, "sender": "gate@example.org", "recipients": ["team@example.org"]} | changes
