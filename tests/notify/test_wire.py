"""What is sent by us is bounded and unlogged; what others send with the same libraries meanwhile is none of our business."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from sluicegate.ports.notifier import Notifier, Sent
from sluicegate_adapters.notify.sending import asset, told
from sluicegate_adapters.notify.wire import ANSWER_AT_MOST, Exchange, retry_seconds
from tests.notify.messages import HOOK, SECRET, a_message, notifier, web_settings
from tests.notify.servers import WebhookServer
from tests.notify.webhooks import OK, Answer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG = 20.0  # seconds


@pytest.fixture
def slack(webhook_server: WebhookServer) -> Notifier:
    return notifier("slack", web_settings("slack", webhook_server))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0), (" 120 ", 120), ("9" * 400, 999_999_999), ("Sat, 21 Nov 2026 12:01:30 GMT", 90), ("Sat, 21 Nov 2026 13:00:00 +0100", 0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0), ("-5", None), ("1.5", None), ("", None), ("soon", None), ("٣", None), ("Sat, 99 Nov 2026 12:00:00 GMT", None),
    ],
)  # fmt: skip
def test_a_retry_after_is_seconds_or_a_date(said: str, seconds: float | None) -> None:
    assert retry_seconds(said, NOW) == seconds


def test_what_others_send_passes_untouched_and_is_logged_as_ever(
    slack: Notifier, webhook_server: WebhookServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3")
    assert slack.send("webhook", a_message(), timeout=LONG).delivered
    assert "urllib3" not in {record.name.partition(".")[0] for record in caplog.records}
    webhook_server.will(Answer(302, headers={"Location": f"{webhook_server.url}/there"}), OK)
    response = requests.get(f"{webhook_server.url}/here", timeout=LONG)
    assert (response.status_code, len(response.history)) == (200, 1), "their redirects are followed"
    assert "GET /here" in caplog.text


def test_apprise_may_not_log_addresses_though_everything_else_logs_all(
    webhook_server: WebhookServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    apprise = logging.getLogger("apprise")
    monkeypatch.setattr(apprise, "level", logging.NOTSET)
    caplog.set_level(1)
    channel = notifier("apprise", web_settings("apprise", webhook_server))
    assert channel.send("json", a_message(), timeout=LONG).delivered
    assert not apprise.isEnabledFor(logging.DEBUG), "it would also from threads that a plugin starts by itself"
    assert SECRET not in caplog.text


def test_an_endless_answer_is_read_to_a_limit(slack: Notifier, webhook_server: WebhookServer) -> None:
    webhook_server.will(Answer(500, b"x" * (3 * ANSWER_AT_MOST)))
    sent = slack.send("webhook", a_message(), timeout=LONG)
    assert (sent.delivered, sent.hopeless) == (False, False)
    assert len(sent.detail) < 300


def test_the_proxy_of_the_environment_is_used(webhook_server: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", webhook_server.url)
    monkeypatch.setenv("no_proxy", "")
    channel = notifier("teams", {"webhook_url": f"http://hooks.invalid{HOOK}"})
    assert channel.send("webhook", a_message(), timeout=LONG).delivered
    assert [request.path for request in webhook_server.requests] == [f"http://hooks.invalid{HOOK}"]


def test_a_plugin_that_breaks_is_told_by_the_kind_of_its_error_only() -> None:
    def broken(_exchange: Exchange) -> Any:
        raise RuntimeError(SECRET)

    sent = told(broken, timeout=LONG, secrets=frozenset(), title="x")
    assert sent == Sent(delivered=False, detail="it can't be sent: RuntimeError")


def test_what_a_plugin_that_speaks_no_http_says_is_kept_without_secrets() -> None:
    from apprise import NotifyBase

    class Radio(NotifyBase):  # type: ignore[misc]
        service_name = "radio"

        def url(self, *_args: Any, **_options: Any) -> str:
            return "radio://"

        def send(self, **_message: Any) -> bool:
            self.logger.warning("no carrier for %s", SECRET)
            return False

    sent = told(lambda _exchange: Radio(asset=asset()), timeout=LONG, secrets=frozenset({SECRET}), title="x")
    assert sent == Sent(delivered=False, detail="no carrier for …")


@pytest.mark.parametrize("options", ["?retry=3&wait=0.1", "?optional=yes", "?redirect=yes", "?rto=60&cto=60", "?overflow=split"])
def test_a_url_cant_talk_us_into_retries_nor_into_believing_failures(webhook_server: WebhookServer, options: str) -> None:
    webhook_server.will(Answer(503))
    settings = web_settings("apprise", webhook_server)
    channel = notifier("apprise", {"url": settings["url"] + options})
    sent = channel.send("json", a_message(body="x" * 200_000), timeout=LONG)
    assert (sent.delivered, sent.hopeless) == (False, False)
    assert len(webhook_server.requests) == 1


def test_pictures_and_addresses_of_apprises_makers_arent_sent(webhook_server: WebhookServer) -> None:
    for kind in ("slack", "teams", "pagerduty", "apprise"):
        channel = notifier(kind, web_settings(kind, webhook_server))
        assert channel.send(channel.services(())[0], a_message(), timeout=LONG).delivered
    assert all(
        b"apprise" not in request.everything.lower() and b"github" not in request.everything
        for request in webhook_server.requests
    )


def test_a_service_that_is_no_longer_configured_is_hopeless(webhook_server: WebhookServer) -> None:
    channel = notifier("apprise", web_settings("apprise", webhook_server))
    assert channel.send("json 2", a_message(), timeout=LONG).hopeless
    assert webhook_server.requests == ()


def test_the_time_is_up_at_once_where_none_is_left(slack: Notifier) -> None:
    for timeout in (0.0, -1.0):
        assert not slack.send("webhook", a_message(), timeout=timeout).hopeless


def test_nobody_waits_longer_than_for_the_date_that_a_service_names(slack: Notifier, webhook_server: WebhookServer) -> None:
    when = (datetime.now(UTC) + timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    webhook_server.will(Answer(503, headers={"Retry-After": when}))
    found = slack.send("webhook", a_message(), timeout=LONG).retry_after
    assert found is not None
    assert 0 < found <= 3600
