"""A channel's keys: what is understood, what is refused, and that a fault names the key and never what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import ConfigError
from sluicegate.ports.notifier import TextFormat
from sluicegate_adapters.notify.pagerduty import PagerDutyNotifier
from tests.notify.mailboxes import SmtpServer
from tests.notify.messages import HOOK, SECRET, a_message, notifier
from tests.notify.ports import HOST

MAIL = {"smtp": {"host": "mail.example.org"}, "sender": "gate@example.org", "recipients": ["team@example.org"]}
HOOKS = f"https://hooks.example.org{HOOK}"


@pytest.mark.parametrize(
    ("kind", "settings", "services", "form"),
    [
        ("slack", {"webhook_url": HOOKS}, ("webhook",), TextFormat.MARKDOWN),
        (
            "slack",
            {"webhook_url": HOOKS, "channel": "#alerts", "mentions": "@here, U01234567"},
            ("#alerts",),
            TextFormat.MARKDOWN,
        ),
        ("slack", {"token": f"xoxb-{SECRET}", "channel": "C0123"}, ("C0123",), TextFormat.MARKDOWN),
        ("teams", {"webhook_url": HOOKS, "mentions": None}, ("webhook",), TextFormat.MARKDOWN),
        ("teams", {"url": HOOKS}, ("webhook",), TextFormat.MARKDOWN),
        ("pagerduty", {"routing_key": SECRET}, ("pagerduty",), TextFormat.TEXT),
        ("pagerduty", {"integration_key": SECRET, "service": "orders", "region": "EU"}, ("orders",), TextFormat.TEXT),
        ("email", MAIL, ("team@example.org",), TextFormat.HTML),
        ("email", MAIL | {"smtp": "mail.example.org:2525"}, ("team@example.org",), TextFormat.HTML),
        ("apprise", {"url": f"json://example.org{HOOK}"}, ("json",), TextFormat.MARKDOWN),
        ("apprise", {"url": f"json://example.org{HOOK}?format=text"}, ("json",), TextFormat.TEXT),
        ("apprise", {"url": f"prowl://{'a1' * 20}"}, ("prowl",), TextFormat.TEXT),
        ("apprise", {"url": f"discord://123456789/{SECRET}"}, ("discord",), TextFormat.MARKDOWN),
        ("apprise", {"urls": f"json://a.org/{SECRET}?to=a,b"}, ("json",), TextFormat.MARKDOWN),
        ("apprise", {"urls": [f"json://a.org/{SECRET}", f"json://b.org/{SECRET}"]}, ("json 1", "json 2"), TextFormat.MARKDOWN),
        ("apprise", {"url": f"json://example.org{HOOK}", "format": "html"}, ("json",), TextFormat.HTML),
    ],
)
def test_what_a_channel_may_say(kind: str, settings: Mapping[str, Any], services: tuple[str, ...], form: TextFormat) -> None:
    channel = notifier(kind, settings)
    assert (channel.services(()), channel.format) == (services, form)


def test_older_spellings_of_a_mail_channel_mean_the_same(smtp_server: SmtpServer) -> None:
    flat = {"smtp_server": HOST, "smtp_port": str(smtp_server.port), "use_tls": False, "smtp_username": smtp_server.user,
            "smtp_password": smtp_server.password, "from": "gate@example.org", "to": "team@example.org"}  # fmt: skip
    channel = notifier("email", flat)
    assert channel.send("team@example.org", a_message(), timeout=20).delivered
    assert smtp_server.mails[0].user == smtp_server.user


@pytest.mark.parametrize(
    ("kind", "settings", "key"),
    [
        ("slack", {}, "webhook_url"),
        ("slack", {"webhook_url": HOOKS, "bot_token": SECRET, "channel": "#a"}, "webhook_url"),
        ("slack", {"webhook_url": f"hooks.slack.com{HOOK}"}, "webhook_url"),
        ("slack", {"webhook_url": f"https://hooks.slack.com:0{HOOK}"}, "webhook_url"),
        ("slack", {"webhook_url": f"https://[{HOOK}"}, "webhook_url"),
        ("slack", {"webhook_url": f"https://a b{HOOK}"}, "webhook_url"),
        ("slack", {"webhook_url": [HOOKS]}, "webhook_url"),
        ("slack", {"webhook_url": HOOKS, "mentions": {"here": SECRET}}, "mentions"),
        ("slack", {"webhook_url": HOOKS, "chanel": SECRET}, "chanel"),
        ("slack", {"bot_token": SECRET}, "channel"),
        ("slack", {"bot_token": f"{SECRET}\nX: y", "channel": "#a"}, "bot_token"),
        ("teams", {}, "webhook_url"),
        ("teams", {"webhook_url": "  "}, "webhook_url"),
        ("teams", {"webhook_url": f"ftp://example.org{HOOK}"}, "webhook_url"),
        ("teams", {"webhook_url": HOOKS, "url": HOOKS}, "url"),
        ("pagerduty", {"service": "orders"}, "routing_key"),
        ("pagerduty", {"routing_key": True}, "routing_key"),
        ("pagerduty", {"routing_key": f"a {SECRET}"}, "routing_key"),
        ("pagerduty", {"routing_key": SECRET, "region": SECRET}, "region"),
        ("email", {"sender": "gate@example.org"}, "smtp_server"),
        ("email", MAIL | {"smtp": [SECRET]}, "smtp"),
        ("email", MAIL | {"smtp": {}}, "host"),
        ("email", MAIL | {"smtp": {"host": SECRET, "prot": 25}}, "prot"),
        ("email", MAIL | {"smtp": {"host": "a", "port": SECRET}}, "port"),
        ("email", MAIL | {"smtp": {"host": "a", "port": 0}}, "port"),
        ("email", MAIL | {"smtp": {"host": "a", "port": 99999}}, "port"),
        ("email", MAIL | {"smtp": {"host": "a", "tls": SECRET}}, "tls"),
        ("email", MAIL | {"smtp": {"host": "a", "password": SECRET}}, "smtp.username"),
        ("email", MAIL | {"smtp": f"a b {SECRET}"}, "smtp.host"),
        ("email", MAIL | {"smtp": f"a:{SECRET}"}, "smtp.host"),
        ("email", MAIL | {"sender": None}, "sender"),
        ("email", MAIL | {"sender": SECRET}, "sender"),
        ("email", MAIL | {"recipients": [SECRET]}, "recipients"),
        ("email", MAIL | {"recipients": 5}, "recipients"),
        ("apprise", {}, "url"),
        ("apprise", {"url": SECRET}, "url"),
        ("apprise", {"url": f"nosuchservice://{SECRET}"}, "url"),
        ("apprise", {"url": f"slack://{SECRET}"}, "url"),
        ("apprise", {"url": f"slack://T1JJ3T3L2/A1BRTD4JD/{SECRET}/#a/#b"}, "url"),
        ("apprise", {"url": f"json://example.org{HOOK}", "format": SECRET}, "format"),
        ("apprise", {"urls": [f"json://a.org{HOOK}", f"json://b.org{HOOK}?format=html"]}, "urls"),
    ],
)
def test_a_fault_names_the_key_and_not_what_it_says(
    kind: str, settings: Mapping[str, Any], key: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(1)
    with pytest.raises(ConfigError) as caught:
        notifier(kind, settings)
    assert caught.value.message.startswith(f"{key}: ")
    told = "".join((str(caught.value), caught.value.hint, repr(caught.value), caplog.text, *capfd.readouterr()))
    assert SECRET not in told
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("region", "host"), [(None, "events.pagerduty.com"), ("us", "events.pagerduty.com"), ("EU", "events.eu.pagerduty.com")]
)
def test_pagerduty_is_asked_where_the_account_lives(region: str | None, host: str) -> None:
    channel = PagerDutyNotifier({"routing_key": SECRET, "region": region}, Path())
    assert channel._address == f"https://{host}/v2/enqueue"


def test_a_key_that_nobody_knows_is_answered_with_the_near_one() -> None:
    with pytest.raises(ConfigError) as caught:
        notifier("slack", {"webhook_url": HOOKS, "chanel": "#a"})
    assert "did you mean 'channel'?" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "settings", "secrets"),
    [
        ("slack", {"webhook_url": HOOKS}, {HOOKS, HOOK, SECRET}),
        ("slack", {"webhook_url": "https://user:pass%2Fword@h.org/x"}, {"user", "pass/word", "pass%2Fword"}),
        ("slack", {"bot_token": SECRET, "channel": "#a"}, {SECRET}),
        ("teams", {"webhook_url": f"https://a.org/workflows/{SECRET}/invoke?sig=a%2Bb%3Dcdef&sp=x"}, {SECRET, "a%2Bb%3Dcdef", "a+b=cdef"}),
        ("pagerduty", {"routing_key": SECRET}, {SECRET}),
        ("email", MAIL | {"smtp": {"host": "a", "username": "u", "password": 'p"ä s'}}, {'p"ä s', "p%22%C3%A4%20s", "p%22%C3%A4+s", 'p\\"\\u00e4 s'}),
        ("apprise", {"url": f"json://bob:{SECRET}@example.org{HOOK}?+X-Key=k3y-k3y-k3y"}, {SECRET, "bob", HOOK, "k3y-k3y-k3y"}),
        ("apprise", {"url": f"discord://987654321/{SECRET}"}, {"987654321", SECRET}),
    ],
)  # fmt: skip
def test_every_part_that_gives_access_is_a_secret_however_it_is_spelled(
    kind: str, settings: Mapping[str, Any], secrets: set[str]
) -> None:
    found = notifier(kind, settings).secrets
    assert secrets <= found


def test_the_words_in_an_address_are_no_secrets() -> None:
    """Else no message could say them."""
    urls = [
        "https://hooks.slack.com/services/T0/B0/x0x0x0x0",
        "https://a.example.org/workflows/f/triggers/manual/paths/invoke?api-version=2016-06-01",
    ]
    for url in urls:
        assert notifier("teams", {"webhook_url": url}).secrets.isdisjoint(
            {"services", "workflows", "triggers", "manual", "invoke", "2016-06-01", "hooks.slack.com"}
        )


def python(script: str, home: Path, **environment: str) -> Any:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "COVERAGE", "XDG_"))}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, env={**kept, "HOME": str(home), **environment}, capture_output=True, text=True, check=False, cwd=home
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


OPEN = """
import json, sys
from pathlib import Path
from sluicegate import plugins
for kind, settings in json.loads(sys.argv[1]) if len(sys.argv) > 1 else %s:
    plugins.load("sluicegate.notifiers", kind)(settings, Path())
print(json.dumps([name for name in ("apprise", "requests", "smtplib", "ssl", "jinja2") if name in sys.modules]))
"""


def test_to_open_a_channel_imports_nothing_that_only_sending_needs(tmp_path: Path) -> None:
    channels = [
        ("slack", {"webhook_url": HOOKS}),
        ("teams", {"webhook_url": HOOKS}),
        ("pagerduty", {"routing_key": SECRET}),
        ("email", MAIL),
    ]
    assert python(OPEN % channels, tmp_path) == []
    assert python(OPEN % [("apprise", {"url": f"json://example.org{HOOK}"})], tmp_path)[0] == "apprise"


SEND = """
import json, logging, sys
logging.basicConfig(level=1)
from tests.notify.messages import KINDS, a_message, mail_settings, notifier, web_settings
from tests.notify.servers import smtp_server_running, webhook_server_running
with webhook_server_running() as web, smtp_server_running() as smtp:
    channels = [notifier(kind, web_settings(kind, web)) for kind in KINDS] + [notifier("email", mail_settings(smtp))]
    print(json.dumps([channel.send(channel.services(())[0], a_message(), timeout=20).delivered for channel in channels]))
"""


def test_sending_leaves_nothing_in_the_home_directory(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    assert python(SEND, tmp_path, PYTHONPATH=str(root)) == [True] * 5
    assert list(tmp_path.rglob("*")) == []
