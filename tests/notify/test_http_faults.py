"""Whatever a service does, ``send`` says what came of it, and raises nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sluicegate.ports.notifier import Notifier, Sent
from tests.notify.messages import HOOK, KINDS, SECRET, a_message, notifier, web_settings
from tests.notify.webhooks import ACCEPTED, BROKEN, CUT, HANG, OK, Answer, WebhookServer, busy

LONG, SHORT = 20.0, 0.3  # seconds: more than any answer here takes; and what tests of silence wait


@pytest.fixture(params=KINDS)
def channel(request: pytest.FixtureRequest, webhook_server: WebhookServer) -> Notifier:
    return notifier(request.param, web_settings(request.param, webhook_server))


def sent(channel: Notifier, timeout: float = LONG, recipients: Sequence[str] = ()) -> Sent:
    (service,) = channel.services(recipients)
    return channel.send(service, a_message(), timeout=timeout)


def test_what_was_taken_is_delivered(channel: Notifier, webhook_server: WebhookServer) -> None:
    assert sent(channel) == Sent(delivered=True, detail="200 OK")
    assert len(webhook_server.requests) == 1


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("", None), ("soon", None), ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0)])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_says_when_to_come_back(
    channel: Notifier, webhook_server: WebhookServer, status: int, said: str, seconds: float | None
) -> None:
    webhook_server.will(busy(retry_after=said, status=status))
    found = sent(channel)
    assert (found.delivered, found.hopeless, found.retry_after) == (False, False, seconds)
    assert found.detail.startswith(str(status))
    assert "rate_limited" in found.detail
    assert len(webhook_server.requests) == 1, "nothing is tried twice"


@pytest.mark.parametrize(
    "answer", [BROKEN, Answer(502), Answer(504), Answer(408), Answer(307, headers={"Location": "/elsewhere"})]
)
def test_what_may_pass_is_not_hopeless(channel: Notifier, webhook_server: WebhookServer, answer: Answer) -> None:
    webhook_server.will(answer)
    found = sent(channel)
    assert (found.delivered, found.hopeless) == (False, False)
    assert found.detail.startswith(str(answer.status))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_what_will_not_pass_is_hopeless(channel: Notifier, webhook_server: WebhookServer, status: int) -> None:
    webhook_server.will(Answer(status, b"no_service"))
    found = sent(channel)
    assert (found.delivered, found.hopeless) == (False, True)
    assert "no_service" in found.detail


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_followed_elsewhere(channel: Notifier, webhook_server: WebhookServer, status: int) -> None:
    webhook_server.will(Answer(status, headers={"Location": f"{webhook_server.url}/elsewhere"}), OK)
    assert not sent(channel).delivered
    assert [request.path for request in webhook_server.requests] != []
    assert webhook_server.at("/elsewhere") == ()


def test_a_service_that_is_down_refuses(channel: Notifier, webhook_server: WebhookServer) -> None:
    webhook_server.down()
    assert sent(channel) == Sent(delivered=False, detail="the connection was refused")
    webhook_server.up()
    assert sent(channel).delivered


def test_a_service_that_says_nothing_is_not_waited_for(channel: Notifier, webhook_server: WebhookServer) -> None:
    webhook_server.will(HANG)
    assert sent(channel, SHORT) == Sent(delivered=False, detail="no answer in time")
    webhook_server.release()


def test_a_service_that_drips_is_not_waited_for(channel: Notifier, webhook_server: WebhookServer) -> None:
    webhook_server.will(Answer(drip=SHORT / 3))  # each byte comes in time
    assert sent(channel, SHORT) == Sent(delivered=False, detail="no answer in time")
    webhook_server.release()


def test_an_answer_that_breaks_off_is_none(channel: Notifier, webhook_server: WebhookServer) -> None:
    webhook_server.will(CUT)
    assert sent(channel) == Sent(delivered=False, detail="the connection broke off in mid-answer")


def test_an_address_that_nobody_knows_is_said(webhook_server: WebhookServer) -> None:
    channel = notifier("teams", {"webhook_url": f"http://nobody.invalid{HOOK}"})
    assert sent(channel) == Sent(delivered=False, detail="its name can't be resolved")


def test_who_answers_without_tls_is_not_trusted(webhook_server: WebhookServer) -> None:
    channel = notifier("teams", {"webhook_url": webhook_server.url.replace("http:", "https:") + HOOK})
    found = sent(channel)
    assert (found.delivered, found.hopeless) == (False, False)
    assert found.detail.startswith("no secure connection")


@pytest.mark.parametrize("echo", [SECRET, f"POST {HOOK} failed", f"http://127.0.0.1{HOOK}?x"])
def test_a_service_that_repeats_our_key_is_not_quoted(channel: Notifier, webhook_server: WebhookServer, echo: str) -> None:
    webhook_server.will(Answer(500, echo.encode()))
    assert SECRET not in repr(sent(channel))


def test_a_page_of_html_is_not_quoted(channel: Notifier, webhook_server: WebhookServer) -> None:
    webhook_server.will(Answer(502, b"\n<html><body>Bad gateway"))
    assert sent(channel).detail == "502 Bad Gateway"


def test_any_good_status_counts_where_the_body_says_nothing(webhook_server: WebhookServer) -> None:
    webhook_server.will(ACCEPTED)
    assert sent(notifier("teams", web_settings("teams", webhook_server))).detail == "202 Accepted"
