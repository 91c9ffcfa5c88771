"""The notification files and the JSON Schema that ship."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sluicegate.contract.nodes import Faults
from sluicegate.contract.yaml_source import parse_yaml, read_yaml
from sluicegate.history.alert import Event
from sluicegate.notify.json_schema import SHIPPED, notifications_schema
from sluicegate.notify.opening import open_notifiers
from sluicegate.notify.settings_document import ChannelDocument, SettingsDocument
from sluicegate.notify.settings_file import load_notifications

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "configs" / "notifications.yaml"
COMPOSE = ROOT / "configs" / "compose-notifications.yaml"
PAGE = (ROOT / "docs" / "notifications.md").read_text("utf-8")
SECRETS = {
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "SMTP_HOST": "mail.example.com",
    "SMTP_USERNAME": "gate",
    "SMTP_PASSWORD": "0123",
    "PAGERDUTY_ROUTING_KEY": "r" * 32,
    "TEAMS_WEBHOOK_URL": "https://example.webhook.office.com/x",
    "CHAT_URL": "json://chat.example.com",
}


def test_the_example_loads_with_no_variable_set_and_then_nothing_leaves() -> None:
    found = load_notifications(EXAMPLE, {})
    assert found.warnings == ()
    assert {channel.enabled for channel in found.channels.values()} == {False}
    assert {"slack", "email", "pagerduty", "teams"} < found.channels.keys()


def test_each_channel_of_the_example_works_once_its_variables_are_set() -> None:
    enabled = dict.fromkeys(re.findall(r"\w+_ENABLED", EXAMPLE.read_text("utf-8")), "true")
    found = load_notifications(EXAMPLE, SECRETS | enabled)
    assert open_notifiers(found).keys() == found.channels.keys()


def test_the_compose_profile_mails_to_mailpit() -> None:
    (channel,) = load_notifications(COMPOSE, {}).channels.values()
    assert (channel.type, channel.enabled) == ("email", True)
    assert channel.settings["smtp"] == {"host": "localhost", "port": 1025, "tls": "none"}
    assert load_notifications(COMPOSE, {"SMTP_PORT": "1026"}).channels["email"].settings["smtp"]["port"] == 1026


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = notifications_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case Decimal():
            return float(value)
        case date():
            return value.isoformat()
        case _:
            return value


def test_the_shipped_schema_is_what_the_dataclasses_say() -> None:
    assert json.loads(SHIPPED.read_text("utf-8")) == notifications_schema(), "python -m sluicegate.notify.json_schema > …"


@pytest.mark.parametrize("path", [EXAMPLE, COMPOSE], ids=lambda path: path.stem)
def test_the_schema_accepts_the_shipped_files(path: Path, validator: jsonschema.Draft202012Validator) -> None:
    found = plain(read_yaml(path).root.data())
    assert [error.message for error in validator.iter_errors(found)] == []
    assert validator.is_valid({"notifications": found})


@pytest.mark.parametrize(
    "text",
    [
        "windw: 1h", "window: 5", "channels: []", "channels: {slack: {severities: [fatal]}}", "channels: {slack: {events: []}}",
        "channels: {slack: {enabled: perhaps}}", "channels: {slack: {templates: {quarantine: x}}}", "quiet_hours: {from: '22:00'}",
        "channels: {slack: {templates: {quarantined: {path: x}}}}", "retention_warning: {days_before: 0}", "slack: {}",
    ],
)  # fmt: skip
def test_the_schema_refuses_what_has_the_wrong_shape(text: str, validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid(plain(parse_yaml(text, Faults("f")).data()))


@pytest.mark.parametrize(("heading", "document"), [("Keys", SettingsDocument), ("Keys of a channel", ChannelDocument)])
def test_the_page_has_every_key(heading: str, document: type) -> None:
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0].partition("All other keys")[0]
    rows = re.findall(r"^\| `(\w+)`", section, re.MULTILINE)
    assert [row for row in rows if row != "channels"] == [item.metadata.get("key", item.name) for item in fields(document)]


def test_the_page_has_every_event() -> None:
    section = PAGE.partition("### Events\n")[2].partition("\n#")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == [event.value for event in Event]
