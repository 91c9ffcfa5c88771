"""What arrives is what Slack's, Teams' and PagerDuty's published formats take, whatever the message says."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sluicegate.ports.notifier import AlertSeverity, Message
from sluicegate_adapters.notify.pagerduty import pagerduty_payload
from sluicegate_adapters.notify.slack import slack_payload
from sluicegate_adapters.notify.teams import teams_payload
from tests.notify.messages import HOOK, SECRET, a_message, notifier, web_settings
from tests.notify.published import PAGERDUTY, SLACK, TEAMS
from tests.notify.webhooks import Answer, WebhookServer

ABOUT = {"source": "sluicegate", "component": "", "group": ""}
any_message = st.builds(
    Message,
    key=st.text(min_size=1),
    incident=st.text(min_size=1),
    title=st.text(min_size=1).map(lambda text: f"x{text}"),
    body=st.text(alphabet=st.sampled_from("ab <>&|*_`[](){}!@#\n\\é✅"), max_size=300),
    text=st.text(),
    severity=st.sampled_from(AlertSeverity),
    resolves=st.booleans(),
    mention=st.booleans(),
    link=st.sampled_from(["", "https://gate.example.org/runs/1?a=b|c"]),
)


@cache
def validator(schema: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(json.loads(schema))
    return Draft202012Validator(json.loads(schema))


def checked(payload: Any, schema: Any, most_bytes: int) -> Any:
    validator(json.dumps(schema)).validate(payload)
    assert len(json.dumps(payload).encode()) <= most_bytes
    return payload


def slack(message: Message, *mentions: str) -> Any:
    return checked(slack_payload(message, mentions=mentions), SLACK, 500_000)


def teams(message: Message, *mentions: str) -> Any:
    return checked(teams_payload(message, mentions=mentions), TEAMS, 10**9)


def pagerduty(message: Message, **about: str) -> Any:
    return checked(pagerduty_payload(message, routing_key=SECRET, about=ABOUT | about), PAGERDUTY, 512_000)


@given(any_message)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_message_is_what_the_services_take(message: Message) -> None:
    slack(message, "<!here>")
    teams(message, "jane@example.org")
    pagerduty(message)


@pytest.mark.parametrize("length", [3_001, 60_000])
@pytest.mark.parametrize("unit", ["x", "line\n", "<&>", "**b** ", "✅"])
def test_a_body_of_any_length_fits(length: int, unit: str) -> None:
    message = a_message(title=unit * length, body=unit * length, link="https://gate.example.org/" + "r" * 2000)
    slack(message)
    pagerduty(message)
    card = teams(message)
    assert len(json.dumps(card, ensure_ascii=False).encode()) < 28_000


def test_a_body_that_is_cut_says_so() -> None:
    blocks = slack(a_message(body="line\n" * 20_000))["attachments"][0]["blocks"]
    assert blocks[-1]["text"]["text"].endswith("… and more")


def test_slack_gets_the_title_the_severitys_colour_and_the_body_in_its_own_dialect() -> None:
    found = slack(a_message(title="a < b", body="# Orders\n**3 rows** of `x<y` see [run](https://gate.example.org/r?a=1&b=2)"))
    assert found["text"] == "*a &lt; b*"
    (attachment,) = found["attachments"]
    assert (attachment["color"], attachment["fallback"]) == ("#b3261e", "a &lt; b")
    (block,) = attachment["blocks"]
    assert block["text"]["text"] == "*Orders*\n*3 rows* of `x&lt;y` see <https://gate.example.org/r?a=1&amp;b=2|run>"


@pytest.mark.parametrize(
    "body", ["<!channel> look", "<@U0123456>", "&lt;!here&gt;", "<!subteam^S0123456>", "!channel|x>", "@here", "<#C0123>"]
)
def test_nobody_in_slack_is_called_by_what_a_body_says(body: str) -> None:
    for message in (a_message(body=body), a_message(title=body)):
        for text in (slack(message)["text"], slack(message)["attachments"][0]["blocks"][0]["text"]["text"]):
            assert "<!" not in text
            assert "<@" not in text
            assert "<#" not in text


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("@here", "<!here>"), ("channel", "<!channel>"), ("<!everyone>", "<!everyone>"), ("U0123ABCD", "<@U0123ABCD>"), ("<@W0123ABCD>", "<@W0123ABCD>"),
        ("@U0123ABCD", "<@U0123ABCD>"), ("S0123ABCD", "<!subteam^S0123ABCD>"), ("<!subteam^S0123ABCD>", "<!subteam^S0123ABCD>"),
        ("@data-team", "@data-team"), ("a<b", "a&lt;b"),
    ],
)  # fmt: skip
def test_who_is_called_in_slack_is_who_the_channel_names(webhook_server: WebhookServer, written: str, sent: str) -> None:
    channel = notifier(
        "slack", web_settings("slack", webhook_server) | {"mentions": [written], "channel": "#alerts", "username": "gate"}
    )
    for mention in (True, False):
        assert channel.send("#alerts", a_message(mention=mention), timeout=20).delivered
    called, quiet = (checked(request.json, SLACK, 500_000) for request in webhook_server.requests)
    assert called["text"] == f"*orders: 3 checks failed* {sent}"
    assert quiet["text"] == "*orders: 3 checks failed*"
    assert (called["channel"], called["username"]) == ("#alerts", "gate")


def bot(server: WebhookServer) -> dict[str, Any]:
    return {"bot_token": f"xoxb-{SECRET}", "channel": "#alerts", "api_url": f"{server.url}/api/chat.postMessage"}


def test_a_slack_bot_writes_to_channels_with_its_token(webhook_server: WebhookServer) -> None:
    webhook_server.will(Answer(body=b'{"ok": true, "ts": "1.2"}'))
    channel = notifier("slack", bot(webhook_server))
    assert channel.services(()) == channel.services(["jane@example.org"]) == ("#alerts",)
    assert channel.services(["#orders", "#sales", "#orders", "jane@example.org"]) == ("#orders", "#sales")
    assert channel.send("#orders", a_message(), timeout=20).delivered
    (request,) = webhook_server.requests
    assert request.headers["Authorization"] == f"Bearer xoxb-{SECRET}"
    assert checked(request.json, SLACK, 500_000)["channel"] == "#orders"


@pytest.mark.parametrize(
    ("answer", "hopeless"),
    [(b'{"ok": false, "error": "channel_not_found"}', True), (b'{"ok": false, "error": "invalid_auth"}', True),
     (b'{"ok": false, "error": "internal_error"}', False), (b"<html>please log in</html>", False), (b"[]", False), (b"null", False)],
)  # fmt: skip
def test_a_slack_bot_reads_what_the_answer_says_though_its_status_is_good(
    webhook_server: WebhookServer, answer: bytes, hopeless: bool
) -> None:
    webhook_server.will(Answer(body=answer))
    sent = notifier("slack", bot(webhook_server)).send("#alerts", a_message(), timeout=20)
    assert (sent.delivered, sent.hopeless) == (False, hopeless)
    assert not hopeless or json.loads(answer)["error"] in sent.detail


def test_a_webhook_of_slack_says_ok_and_nothing_else(webhook_server: WebhookServer) -> None:
    webhook_server.will(Answer(body=b"please log in"))
    sent = notifier("slack", web_settings("slack", webhook_server)).send("webhook", a_message(), timeout=20)
    assert (sent.delivered, sent.hopeless) == (False, False)
    assert sent.detail.startswith("that isn't how Slack answers")


def test_teams_gets_a_card_with_the_title_each_paragraph_and_a_button(webhook_server: WebhookServer) -> None:
    channel = notifier("teams", web_settings("teams", webhook_server) | {"mentions": ["jane@example.org"]})
    message = a_message(body="**one**\n\n- two\n- three", link="https://gate.example.org/runs/1", mention=True)
    assert channel.send("webhook", message, timeout=20).delivered
    (request,) = webhook_server.at(HOOK)
    card = checked(request.json, TEAMS, 28_000)["attachments"][0]["content"]
    assert [block["text"] for block in card["body"]] == [
        "orders: 3 checks failed", "**one**", "- two\n- three", "<at>jane@example.org</at>"
    ]  # fmt: skip
    assert card["body"][0]["color"] == "Attention"
    assert card["actions"][0]["url"] == "https://gate.example.org/runs/1"
    assert [entity["text"] for entity in card["msteams"]["entities"]] == ["<at>jane@example.org</at>"]


def test_links_in_a_card_have_no_angle_brackets() -> None:
    card = teams(a_message(body="[run](<https://x.org/a_(b)?c=d>) and [that](https://x.org)"))["attachments"][0]["content"]
    assert card["body"][1]["text"] == "[run](https://x.org/a_%28b%29?c=d) and [that](https://x.org)"


def test_the_query_of_a_workflows_address_is_sent_as_it_is(webhook_server: WebhookServer) -> None:
    path = "/powerautomate/automations/direct/workflows/0a1b/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers&sv=1.0&sig=a-B_c%2B1"
    assert notifier("teams", {"webhook_url": webhook_server.url + path}).send("webhook", a_message(), timeout=20).delivered
    assert [request.path for request in webhook_server.requests] == [path]


def test_a_connector_that_was_refused_by_teams_is_believed_though_its_status_is_good(webhook_server: WebhookServer) -> None:
    text = b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0"
    webhook_server.will(Answer(body=text))
    sent = notifier("teams", web_settings("teams", webhook_server)).send("webhook", a_message(), timeout=20)
    assert (sent.delivered, sent.hopeless) == (False, False)
    assert sent.detail.startswith("429 Too Many Requests")


@pytest.mark.parametrize("severity", AlertSeverity)
def test_pagerduty_gets_an_event_of_its_severity(severity: AlertSeverity) -> None:
    event = pagerduty(a_message(severity=severity, link="https://gate.example.org/runs/1"), component="orders-etl", group="sales")
    assert (event["event_action"], event["dedup_key"]) == ("trigger", "incident-1")
    assert event["payload"] == {
        "summary": "orders: 3 checks failed",
        "severity": severity.value,
        "source": "sluicegate",
        "component": "orders-etl",
        "group": "sales",
        "custom_details": {"text": "**not_null** failed"},
    }
    assert event["client_url"] == event["links"][0]["href"] == "https://gate.example.org/runs/1"


def test_what_recovered_resolves_the_same_incident(webhook_server: WebhookServer) -> None:
    channel = notifier("pagerduty", web_settings("pagerduty", webhook_server))
    for resolves in (False, True):
        assert channel.send("pagerduty", a_message(resolves=resolves), timeout=20).delivered
    failed, recovered = (checked(request.json, PAGERDUTY, 512_000) for request in webhook_server.at("/v2/enqueue"))
    assert (failed["event_action"], recovered["event_action"]) == ("trigger", "resolve")
    assert failed["dedup_key"] == recovered["dedup_key"]
    assert failed["routing_key"] == recovered["routing_key"] == SECRET


def test_an_incident_with_a_long_name_stays_one_of_its_own() -> None:
    keys = {pagerduty(a_message(incident="i" * 300 + end))["dedup_key"] for end in "ab"}
    assert len(keys) == 2
