"""``notifications.yaml``: what is read, what is refused, and that no fault shows a secret."""

from __future__ import annotations

import zlib
from contextlib import suppress
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.errors import ConfigError
from sluicegate.history.alert import Event
from sluicegate.notify.model import Channel, Digest, NotificationSettings, QuietHours
from sluicegate.notify.opening import open_notifier
from sluicegate.notify.settings_file import load_notifications
from sluicegate.ports.notifier import AlertSeverity


def written(folder: Path, text: str) -> Path:
    path = folder / "notifications.yaml"
    path.write_text(text)
    return path


def load(folder: Path, text: str, *, thorough: bool = True, **environ: str) -> NotificationSettings:
    return load_notifications(written(folder, text), environ, thorough=thorough)


def faults(folder: Path, text: str, **environ: str) -> list[str]:
    """The faults of a file, without its name."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_notifications(path, environ)
    assert caught.value.faults
    assert str(caught.value) == "\n".join(str(fault) for fault in caught.value.faults)
    return [str(fault).removeprefix(str(path)) for fault in caught.value.faults]


def test_an_empty_mapping_tells_nobody_and_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "channels: {}") == NotificationSettings(base=tmp_path)
    assert load(tmp_path, "notifications: {}") == NotificationSettings(base=tmp_path)


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "blocked.txt").write_text("blocked: {{ contract_name }}")
    found = load(
        tmp_path,
        """
        notifications:
          default_channels: oncall
          window: 1h 30m
          quiet_hours: {from: "22:00", to: 7:00, severities: [warning]}
          digest: {at: 09:30, severities: info}
          timezone: Europe/Berlin
          time_limit_seconds: 2.5
          give_up_after: 2 days
          retention_warning: {days_before: 4}
          review_url: https://gate.example.com/quarantine/{quarantine_id}?run={run_id}
          templates:
            quarantined: "kept: {{ quarantine_id }}"
            schema_violation: {file: blocked.txt}
          channels:
            oncall:
              type: apprise
              url: ${ONCALL}
              severities: [critical, Error]
              decisions: block
              events: [schema_violation, recovered]
              mention_on_critical: yes
              templates: {quarantined: "{{ headline }}"}
            email:
              enabled: no
              smtp: {port: "${PORT:-25}"}
              password: ${PASSWORD}
        """,
        ONCALL="json://127.0.0.1/hook",
    )
    assert found == NotificationSettings(
        channels={
            "oncall": Channel(
                name="oncall",
                type="apprise",
                settings={"url": "json://127.0.0.1/hook"},
                severities=frozenset({AlertSeverity.CRITICAL, AlertSeverity.ERROR}),
                decisions=frozenset({"block"}),
                events=frozenset({Event.SCHEMA_VIOLATION, Event.RECOVERED}),
                mention_on_critical=True,
                templates={Event.QUARANTINED: "{{ headline }}", Event.SCHEMA_VIOLATION: "blocked: {{ contract_name }}"},
            ),
            "email": Channel(
                name="email",
                type="email",
                enabled=False,
                settings={"smtp": {"port": 25}},
                templates={
                    Event.QUARANTINED: "kept: {{ quarantine_id }}",
                    Event.SCHEMA_VIOLATION: "blocked: {{ contract_name }}",
                },
            ),
        },
        default_channels=("oncall",),
        window=timedelta(minutes=90),
        quiet_hours=QuietHours(start=time(22), end=time(7), severities=frozenset({AlertSeverity.WARNING})),
        digest=Digest(at=time(9, 30), severities=frozenset({AlertSeverity.INFO})),
        timezone="Europe/Berlin",
        time_limit=2.5,
        give_up_after=timedelta(days=2),
        retention_days_before=4,
        review_url="https://gate.example.com/quarantine/{quarantine_id}?run={run_id}",
        base=tmp_path,
    )


@pytest.mark.parametrize(
    ("written_as", "length"),
    [
        ("0", timedelta()), ('"0"', timedelta()), ("30m", timedelta(minutes=30)), ("90s", timedelta(seconds=90)),
        ("2 hours", timedelta(hours=2)), ("1d12h", timedelta(hours=36)), ("1 Hour 5 min", timedelta(minutes=65)),
    ],
)  # fmt: skip
def test_a_length_of_time_is_read_as_people_write_it(written_as: str, length: timedelta, tmp_path: Path) -> None:
    assert load(tmp_path, f"window: {written_as}").window == length


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("windw: 1h", ":1:1", "did you mean 'window'"),
        ("slack: {webhook_url: x}", ":1:1", "under 'channels'"),
        ("notifications: {}\nchannels: {}", ":2:1", "beside 'notifications'"),
        ("[]", ":1:1", "expected a mapping"),
        ("channels: [slack]", ":1:11", "must be a mapping"),
        ("channels: {slack: on}", ":1:12", "'slack' must be a mapping"),
        ("channels: {'': {type: slack}}", ":1:12", "a channel's name"),
        ("channels: {data-team: {url: x}}", ":1:12", "has no type"),
        ("channels: {data-team: {type: slak, enabled: true}}", ":1:30", "did you mean 'slack'"),
        ("channels: {slack: {enabled: maybe}}", ":1:29", "must be true or false"),
        ("channels: {slack: {enabled: no, severities: [fatal]}}", ":1:46", "must be one of critical, error, warning, info"),
        ("channels: {slack: {enabled: no, severities: []}}", ":1:45", "leave the key out"),
        ("channels: {slack: {enabled: no, events: [quarantine]}}", ":1:42", "did you mean 'quarantined'"),
        ("channels: {slack: {enabled: no, decisions: quarantined}}", ":1:44", "did you mean 'quarantine'"),
        ("channels: {slack: {enabled: no, templates: {quarantind: x}}}", ":1:45", "did you mean 'quarantined'"),
        ("channels: {slack: {enabled: no, templates: {quarantined: {path: x}}}}", ":1:58", "a text, or {file: PATH}"),
        ("channels: {slack: {enabled: no, templates: {quarantined: {file: none.j2}}}}", ":1:65", "no such file"),
        ("channels: {slack: {webhook_url: '${HOOK}'}}", ":1:33", "HOOK is not set"),
        ("default_channels: [slak]\nchannels: {slack: {enabled: no}}", ":1:20", "did you mean 'slack'"),
        ("channels: {teams: {webhook_url: 'https://x/y', severites: info}}", ":1:59", "did you mean 'severities'?"),
        ("channels: {teams: {}}", ":1:12", "webhook_url: is missing"),
        ("window: soon", ":1:9", "such as 30m"),
        ("window: 5", ":1:9", "such as 30m"),
        ("window: -1h", ":1:9", "such as 30m"),
        ("window: 2000000000d", ":1:9", "at most a year"),
        ("timezone: Europe/Berln", ":1:11", "did you mean 'Europe/Berlin'"),
        ("timezone: ../../etc/passwd", ":1:11", "no time zone"),
        ("quiet_hours: {from: '22:00'}", ":1:14", "'to' is missing"),
        ("quiet_hours: {from: '24:00', to: '7:00'}", ":1:21", "must be a time of day"),
        ("quiet_hours: {from: '7:00', to: '7:00'}", ":1:14", "the same"),
        ("digest: {at: 8}", ":1:14", "must be a time of day"),
        ("time_limit_seconds: -1", ":1:21", "at least 0"),
        ("retention_warning: {days_before: 0}", ":1:34", "at least 1"),
        ("review_url: gate.example.com", ":1:13", "must be a link"),
        ("review_url: 'https://gate/{quarantine}'", ":1:13", "did you mean 'quarantine_id'"),
        ("review_url: 'https://gate/{violations}'", ":1:13", "unknown name"),
    ],
)
def test_a_fault_has_its_place_and_a_hint(text: str, place: str, message: str, tmp_path: Path) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith(f"{place}: ")
    assert message in found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "window: soon\nchannels:\n  slack: {webhook_url: '${HOOK}', severities: [eror]}\n  other: {}\n  email: {enabled: no, events: x}",
    )
    assert [fault.split(":")[1] for fault in found] == ["1", "3", "3", "4", "5"]


def test_a_templates_fault_is_told_where_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "mail.j2").write_text("all is well\n{{ contract_nam }}\n")
    inline = """templates:
  quarantined: |
    first line
    {{ contract_nmae }}
  recovered: {file: mail.j2}
"""
    path = written(tmp_path, inline)
    with pytest.raises(ConfigError) as caught:
        load_notifications(path, {})
    assert {(Path(fault.file).name, fault.line) for fault in caught.value.faults} == {("notifications.yaml", 4), ("mail.j2", 2)}
    found = load_notifications(path, {}, thorough=False)
    assert found.files == (path, tmp_path / "mail.j2")


def test_variables_of_a_channel_that_is_not_enabled_may_be_missing(tmp_path: Path) -> None:
    text = "channels: {slack: {enabled: '${ON:-false}', webhook_url: '${HOOK}', mentions: ['${WHO}'], channel: c, severities: '${S}'}}"
    assert load(tmp_path, text).channels["slack"].settings == {"channel": "c"}
    assert [fault.partition("variable ")[2].split()[0] for fault in faults(tmp_path, text, ON="true")] == ["HOOK", "WHO", "S"]


def test_to_a_run_a_channel_without_its_variables_is_one_that_waits(tmp_path: Path) -> None:
    text = (
        "channels: {slack: {webhook_url: '${HOOK}', channel: c}, teams: {webhook_url: 'https://x/y'}, email: {enabled: '${ON}'}}"
    )
    assert len(faults(tmp_path, text)) == 2
    found = load(tmp_path, text, thorough=False).channels
    assert {name: channel.trouble for name, channel in found.items()} == {
        "slack": "the environment variable HOOK is not set",
        "teams": "",
        "email": "the environment variable ON is not set",
    }
    assert all(channel.enabled for channel in found.values())
    with pytest.raises(ConfigError, match="'slack': the environment variable HOOK is not set"):
        open_notifier(found["slack"], tmp_path)


@pytest.mark.parametrize("value", ["007", "0x1F", "1e999", "2013-02-31", "true", "12", "1.10", "*a", "!x", "a: b", " "])
def test_a_password_out_of_a_variable_stays_what_it_is(value: str, tmp_path: Path) -> None:
    text = "channels: {email: {password: '${PW}', enabled: no}}\n"
    for quoted in (
        text,
        text.replace("{email: {", "\n  email:\n    ")
        .replace(", enabled", "\n    enabled")
        .replace("}}\n", "\n")
        .replace("'", ""),
    ):
        found = load(tmp_path, quoted, PW=value).channels["email"].settings["password"]
        assert str(found).lower() == value if isinstance(found, bool) else str(found) == value


def test_a_default_channel_that_is_not_enabled_is_worth_a_warning(tmp_path: Path) -> None:
    (found,) = load(tmp_path, "default_channels: [slack]\nchannels: {slack: {enabled: no}}").warnings
    assert (found.line, found.column) == (1, 20)
    assert "'slack' is not enabled" in found.message


@pytest.mark.parametrize("value", ["0x1F", "1.10", "1e5", "2013-01-31", "12", "'true'", "'12'", "~x"])
def test_a_password_in_the_file_stays_what_it_is(value: str, tmp_path: Path) -> None:
    found = load(tmp_path, f"channels: {{email: {{password: {value}, enabled: no}}}}").channels["email"].settings["password"]
    assert str(found) == value.strip("'")
    assert isinstance(found, int) == (value == "12")


def test_a_secret_that_is_written_in_clear_is_worth_a_warning(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        channels:
          slack: {enabled: no, webhook_url: https://hooks.slack.com/services/T0/B0/x, channel: "#data"}
          email: {enabled: no, smtp: {host: localhost, port: 25, password: hunter2}, sender: a@example.com}
          pagerduty: {enabled: no, integration_key: "${KEY}"}
          mail: {enabled: no, type: apprise, url: ["mailto://me:pw@example.com", "json://localhost"]}
          dev: {enabled: no, type: email, password: not-a-secret-mailpit, webhook_url: http://localhost:8080}
        """,
    ).warnings
    assert [(fault.line, fault.message.split("'")[1]) for fault in found] == [(3, "webhook_url"), (4, "password"), (6, "url")]
    assert "hunter2" not in str(found)
    assert "${PASSWORD}" in found[1].hint


@pytest.mark.parametrize(
    "text",
    [
        "https://@@: x", "channels: {https://@@: {}}", "channels: {slack: {https://@@/x: x}}", "channels: {slack: {k: {https://@@: x}}}",
        "channels: @@", "@@", "[@@]", "channels: {slack: @@}", "channels: {slack: {webhook_url: !@@ x}}", "channels: {slack: {k: *@@}}",
        "channels: {slack: {webhook_url: https://@@/x, enabled: [1]}}", "channels: {slack: {password: '${@@'}}",
        "channels: {slack: {password: '${@@}'}}", "channels: {slack: {password: 'a${ @@ }b'}}", "channels: {slack: {a: 'b${x y}@@'}}",
        "channels: {slack: {url: 'https://@@'", 'channels: {slack: {url: "\\@@"}}', "channels: {slack: {enabled: https://@@/}}",
        "channels: {slack: {severities: https://x/@@}}", "channels: {slack: {events: [https://x/@@]}}", "window: https://@@",
        "channels: {slack: {templates: @@}}", "channels: {slack: {templates: {quarantined: [@@]}}}", "review_url: @@ x",
        "channels: {slack: {type: https://hooks.example.com/services/@@}}", "default_channels: https://hooks.example.com/@@",
        "channels: {slack: {webhook_url: 0@@}}", "channels: {slack: {webhook_url: {@@}}}", "channels: {slack: {webhook_url: [@@]}}",
        "channels: {slack: {webhook_url: '${NOPE:-}@@${NOPE}'}}", "channels: {pagerduty: {integration_key: @@, region: @@}}",
        "channels: {email: {smtp: {host: x, port: @@, password: @@}, sender: @@, recipients: @@}}",
        "channels: {teams: {webhook_url: @@}}", "channels: {apprise: {url: @@}}", "channels: {apprise: {url: 'slack://@@'}}",
        "channels: {apprise: {url: {a: @@}}}", "channels: {apprise: {type: apprise, url: ['json://', '@@']}}",
    ],
)  # fmt: skip
def test_no_fault_shows_a_secret(text: str, tmp_path: Path) -> None:
    parts = (
        "hunter2",
        f"{zlib.crc32(text.encode()):08x}",
    )  # another one each time: what has been learnt once is masked everywhere
    shown = "\n".join(faults(tmp_path, text.replace("@@", "-".join(parts))))
    assert [part for part in parts if part in shown] == []


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    written(tmp_path, "channels: {}")
    with pytest.raises(ConfigError, match=r"notification\.yaml: there is no such file \(did you mean 'notifications.yaml'\?\)"):
        load_notifications(tmp_path / "notification.yaml")


@given(st.text(max_size=80))
def test_whatever_stands_in_the_file_is_read_or_refused(text: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "n.yaml"
        path.write_text(text, encoding="utf-8", errors="replace")
        with suppress(ConfigError):
            load_notifications(path, {})
