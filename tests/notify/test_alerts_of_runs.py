"""What a run tells, through the real gate and a real webhook: what it is about, once, and that the decision doesn't depend on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sluicegate import Gate
from sluicegate.cli.main import main
from sluicegate.errors import BatchUnreadable, EngineError, StorageError
from sluicegate.history import SqliteHistory
from sluicegate.history.outbox import Outbox
from sluicegate.ports.target import CommitReceipt, CommitRequest, Target
from tests.notify.shop import BAD, GOOD, WARNS, Shop, open_shop
from tests.notify.webhooks import WebhookServer

SPLITS = (("retention_days: 7", "retention_days: 7, scope: rows"),)
BLOCKS = (("on_schema_violation: quarantine", "on_quality_violation: block"),)
LENIENT = (("on_schema_violation: quarantine", "on_quality_violation: warn"),)
HOUR = timedelta(hours=1, minutes=1)


@pytest.fixture
def shop(tmp_path: Path, webhook_server: WebhookServer) -> Shop:
    return open_shop(tmp_path / "shop", webhook_server)


def test_a_quarantined_batch_is_told_with_its_figures_and_the_command_that_comes_next(shop: Shop) -> None:
    outcome = shop.run(BAD, "b1")
    assert outcome.exit_code == 3
    assert [(told.channel, told.service, told.state) for told in outcome.told] == [("hook", "json", "delivered")]
    assert outcome.as_document()["alerts"][0]["state"] == "delivered"
    (heard,) = shop.heard
    assert outcome.manifest is not None
    item = outcome.manifest.quarantine_id
    config = f"--config {shop.place}/gate.yaml"
    for words in ("orders", "b1", "amounts are positive", item, f"sluicegate quarantine show {item} {config}"):
        assert words in heard
    (alert,) = shop.alerts()
    assert alert.facts["replay_command"] == f"sluicegate quarantine replay {item} --with {shop.place}/orders.yaml {config}"
    assert alert.facts["quarantine_path"] == f"{shop.place}/held/default/orders/{item}"
    assert Path(alert.facts["quarantine_path"]).is_dir()
    assert "-2.00" not in heard + str(alert.facts), "evidence doesn't travel"


@pytest.mark.parametrize(
    ("changes", "content", "events", "severity", "key"),
    [
        ((), BAD, ["quality_violation", "quarantined"], "error", "quarantined:Q"),
        ((), BAD.replace("amount", "sum"), ["schema_violation", "quality_violation", "quarantined"], "error", "quarantined:Q"),
        (SPLITS, BAD, ["quality_violation", "quarantined"], "warning", "quarantined:Q"),
        (BLOCKS, BAD, ["quality_violation"], "critical", "quality_violation:RUN"),
        (LENIENT, BAD, ["quality_violation", "committed_with_warnings"], "warning", "warnings:default/orders/b1"),
        ((), WARNS, ["committed_with_warnings"], "warning", "warnings:default/orders/b1"),
    ],
    ids=["quarantined", "schema", "split", "blocked", "violation let through", "warned"],
)
def test_what_an_alert_is_about_and_how_much_it_matters(  # noqa: PLR0917
    shop: Shop, changes: Any, content: str, events: list[str], severity: str, key: str
) -> None:
    shop.contract(*changes)
    outcome = shop.run(content, "b1")
    (alert,) = shop.alerts()
    assert ([*alert.events], alert.severity) == (events, severity)
    item = outcome.manifest.quarantine_id if outcome.manifest else ""
    assert alert.key == key.replace("Q", item).replace("RUN", outcome.run_id) if key != "quarantined:Q" else f"quarantined:{item}"
    assert len(shop.heard) == 1


def test_a_batch_that_passes_is_nothing_to_tell(shop: Shop) -> None:
    assert shop.run(GOOD, "b1").told == ()
    assert shop.heard == []


def test_a_check_tells_nobody(shop: Shop) -> None:
    outcome = shop.gate().check(shop.place / "orders.yaml", shop.write("b1.csv", BAD))
    assert (outcome.exit_code, outcome.told, shop.heard) == (3, (), [])


def test_without_a_profile_people_are_told_in_which_folder_to_go_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.place)
    monkeypatch.setenv("SLUICEGATE_NOTIFICATIONS", "notifications.yaml")
    item = Gate.from_config().run("orders.yaml", shop.write("b1.csv", BAD)).manifest
    assert item is not None
    assert f"cd {shop.place} && sluicegate quarantine show {item.quarantine_id}" in shop.heard[0]


def test_the_report_says_who_was_told_and_who_not_yet(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["run", f"{shop.place}/orders.yaml", str(shop.write("b1.csv", BAD)), "--config", f"{shop.place}/gate.yaml"]
    shop.server.down()
    assert main(typed) == 3
    assert "told: hook json: the connection was refused, tried again from 20" in " ".join(capsys.readouterr().out.split())
    shop.server.up()
    assert main([*typed[:2], str(shop.write("b2.csv", WARNS)), *typed[3:], "--batch-id", "b2", "--json"]) == 0
    assert [told["state"] for told in json.loads(capsys.readouterr().out)["alerts"]] == ["delivered"]
    assert main([*typed[:2], str(shop.write("b3.csv", WARNS + "3,3.00,\n")), *typed[3:], "--batch-id", "b3", "--no-notify"]) == 0
    assert "told:" not in capsys.readouterr().out
    assert not any("b3" in heard for heard in shop.heard)


def test_what_was_told_is_not_told_again_when_the_batch_is_handed_in_again(shop: Shop) -> None:
    shop.run(BAD, "b1")
    shop.later(HOUR)
    again = shop.run(BAD, "b1")
    assert again.decided_before
    assert [told.state for told in again.told] == ["delivered"]
    assert len(shop.heard) == 1


def test_an_alert_that_a_dead_worker_never_came_to_is_made_by_the_next_who_hands_the_batch_in(shop: Shop) -> None:
    (shop.place / "notifications.yaml").unlink()
    shop.write("gate.yaml", (shop.place / "gate.yaml").read_text().replace("notifications: notifications.yaml\n", ""))
    assert shop.run(BAD, "b1").told == ()
    shop = open_shop(shop.place, shop.server)
    assert shop.run(GOOD.replace("1.00", "-1.00"), "b2").exit_code == 3
    assert shop.run(BAD, "b1").decided_before
    assert [alert.facts["batch_id"] for alert in shop.alerts()] == ["b2", "b1"]


def test_more_of_the_same_within_the_window_is_one_message_with_a_count(shop: Shop) -> None:
    for number in range(4):
        outcome = shop.run(BAD.replace("-2", f"-{number + 2}"), f"b{number}")
    assert [told.state for told in outcome.told] == ["waiting"]
    assert outcome.told[0].next_at == shop.now + timedelta(hours=1)
    assert len(shop.heard) == 1
    shop.later(HOUR)
    assert [told.state for told in shop.gate().flush()] == ["delivered"]
    assert len(shop.heard) == 2
    assert "3 " in shop.heard[1]


def test_a_batch_that_cannot_be_read_is_told_and_the_error_is_the_same(shop: Shop) -> None:
    file = shop.write("b1.parquet", "no parquet")
    with pytest.raises(BatchUnreadable):
        shop.gate().run(shop.place / "orders.yaml", file)
    (alert,) = shop.alerts()
    assert ([*alert.events], alert.severity, alert.facts["action"]) == (["schema_violation"], "critical", "unreadable")
    assert len(shop.heard) == 1


def test_an_engine_that_breaks_is_told_above_all(shop: Shop) -> None:
    shop.write("gate.yaml", (shop.place / "gate.yaml").read_text() + "batch: {memory_limit: 60MB, threads: 1}\n")
    greedy = '{type: metric_query, name: greedy, query: "SELECT len(list(n)) FROM (SELECT unnest(range(8000000)) AS n)", min: 0}'
    shop.contract(("    checks:\n", f"    checks:\n      - {greedy}\n"))
    outcome = shop.run(BAD, "b1")
    (alert,) = shop.alerts()
    assert outcome.exit_code == 5
    assert (alert.events[0], alert.severity) == ("engine_error", "critical")
    assert len(shop.heard) == 1


def test_a_run_that_breaks_off_over_an_engine_is_told_without_a_verdict(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise EngineError("DuckDB can't be connected to")

    with shop.gate() as gate:
        monkeypatch.setattr(gate, "_verdict", broken)
        with pytest.raises(EngineError):
            shop.run(BAD, "b1", gate=gate)
    (alert,) = shop.alerts()
    assert ([*alert.events], alert.severity) == (["engine_error"], "critical")
    assert (alert.facts["action"], alert.facts["problem"]) == ("broke", "DuckDB can't be connected to")
    assert "sluicegate doctor" in shop.heard[0]


def test_that_a_contract_passes_again_is_told_with_what_was_refused_meanwhile(shop: Shop) -> None:
    shop.run(GOOD, "b0")
    for number in (1, 2):
        shop.run(BAD.replace("-2", f"-{number}"), f"b{number}")
    shop.run(GOOD.replace("1.00", "1.50"), "b3")
    shop.run(GOOD.replace("1.00", "1.60"), "b4")
    recovered = [alert for alert in shop.alerts() if alert.events == ("recovered",)]
    assert len(recovered) == 1
    assert recovered[0].facts["refused"] == 2
    assert any("again" in heard for heard in shop.heard)


def test_what_was_refused_in_part_is_told_as_over_if_it_is_by_then(shop: Shop) -> None:
    shop.contract(*SPLITS)
    for content, batch_id in ((BAD, "b1"), (BAD.replace("-2", "-3"), "b2"), (GOOD, "b3")):
        shop.run(content, batch_id)
    shop.later(HOUR)
    shop.gate().flush()
    assert "passes again" not in shop.heard[0]
    assert "batch b2 split" in shop.heard[-1]
    assert "Meanwhile the contract passes again" in shop.heard[-1]


def test_a_refused_batch_handed_in_as_a_batch_of_before_does_not_make_the_contract_pass(shop: Shop) -> None:
    shop.run(GOOD, "b0")
    shop.run(BAD, "b1")
    assert shop.run(GOOD, "b0").decided_before
    assert not any(alert.event == "recovered" for alert in shop.alerts())


def test_a_batch_that_is_refused_although_it_is_committed_is_told_once(shop: Shop) -> None:
    shop.run(WARNS, "b1")
    shop.contract(("severity: warning", "severity: error"))
    for _ in range(2):
        shop.later(HOUR)
        assert shop.run(WARNS, "b1").exit_code == 4
    late = [alert for alert in shop.alerts() if alert.key.startswith("refused-late:")]
    assert [(alert.event, alert.severity) for alert in late] == [("quality_violation", "error")]


def test_a_service_that_is_down_changes_nothing_and_the_alert_arrives_later(shop: Shop) -> None:
    shop.server.down()
    outcome = shop.run(BAD, "b1")
    assert outcome.exit_code == 3
    assert [told.state for told in outcome.told] == ["due"]
    assert outcome.told[0].detail
    shop.server.up()
    shop.later(timedelta(minutes=2))
    shop.run(GOOD, "b2")
    assert len([heard for heard in shop.heard if "batch b1" in heard]) == 1


def test_an_undefined_channel_is_a_visible_line_and_others_are_told(shop: Shop) -> None:
    shop.contract(("[hook]", "[hok, other, hook]"))
    outcome = shop.run(BAD, "b1")
    assert "the channel 'hok' is not defined: nobody is told by it" in outcome.warnings
    assert "the channel 'other' is not enabled: nobody is told by it" in outcome.warnings
    assert len(shop.heard) == 1
    assert "the channel 'hok' is not defined: nobody is told by it" in shop.run(GOOD, "b2").warnings


def test_a_contract_with_channels_and_a_profile_without_any_is_a_visible_line(shop: Shop) -> None:
    shop.write("gate.yaml", (shop.place / "gate.yaml").read_text().replace("notifications: notifications.yaml\n", ""))
    outcome = shop.run(BAD, "b1")
    assert outcome.warnings == ("nobody is told: the profile names no file of notifications",)
    assert not shop.gate().history.outbox.pending(shop.now)


def test_broken_notifications_keep_the_alert_until_they_are_mended(shop: Shop) -> None:
    shop.settings("colour: red\n")
    outcome = shop.run(BAD, "b1")
    assert outcome.exit_code == 3
    assert any("what there is to tell is kept" in warning for warning in outcome.warnings)
    shop.settings()
    assert [told.state for told in shop.gate().flush()] == ["delivered"]
    assert len(shop.heard) == 1


def test_a_channel_without_its_variables_keeps_no_other_waiting_and_is_told_later(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.contract(("[hook]", "[hook, late]"))
    address = f"json://127.0.0.1:{shop.server.port}/hook"
    shop.write(
        "notifications.yaml",
        f'channels:\n  hook: {{type: apprise, url: "{address}"}}\n  late: {{type: apprise, url: "${{LATE_URL}}"}}\n',
    )
    outcome = shop.run(BAD, "b1")
    assert outcome.exit_code == 3
    assert len(shop.heard) == 1
    (told,) = (warning for warning in outcome.warnings if "'late'" in warning)
    assert told.endswith("its messages wait: the environment variable LATE_URL is not set")
    monkeypatch.setenv("LATE_URL", address)
    assert [(told.delivery.channel, told.state) for told in shop.gate().flush()] == [("late", "delivered")]
    assert len(shop.heard) == 2


def test_a_warm_gate_takes_up_new_settings(shop: Shop) -> None:
    gate = shop.gate()
    shop.run(BAD, "b1", gate=gate)
    shop.settings("window: 0\n")
    for number in (2, 3):
        shop.run(BAD.replace("-2", f"-{number}.5"), f"b{number}", gate=gate)
    assert len(shop.heard) == 3, "there is no window any more"


def test_a_warm_gate_takes_up_a_template_that_was_edited(shop: Shop) -> None:
    gate, template = shop.gate(), shop.place / "told.txt"
    shop.settings("window: 0\ntemplates: {quality_violation: {file: told.txt}}\n")
    for number, words in enumerate(("as it was", "as it is now"), 1):
        template.write_text(words)
        shop.run(BAD.replace("-2", f"-{number}.5"), f"b{number}", gate=gate)
    assert ["as it was" in heard for heard in shop.heard] == [True, False]
    assert "as it is now" in shop.heard[1]


def test_without_a_history_that_can_be_written_people_are_told_directly(shop: Shop) -> None:
    (shop.place / "history.sqlite").mkdir()
    outcome = shop.run(BAD, "b1")
    assert outcome.exit_code == 3
    assert any("not in the history" in warning for warning in outcome.warnings)
    assert [told.state for told in outcome.told] == ["delivered"]
    assert len(shop.heard) == 1


def test_what_could_be_told_only_directly_and_was_not_is_given_up_visibly(shop: Shop) -> None:
    (shop.place / "history.sqlite").mkdir()
    shop.server.down()
    (told,) = shop.run(BAD, "b1").told
    assert (told.state, told.next_at) == ("failed", None), "nobody will try again what is kept nowhere"


def test_a_warm_gate_tells_what_the_history_would_not_take_as_soon_as_it_does(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    with shop.gate() as gate:
        with monkeypatch.context() as planted:
            planted.setattr(SqliteHistory, "record", full)
            planted.setattr(Outbox, "settle", full)
            outcome = shop.run(BAD, "b1", gate=gate)
            assert (outcome.exit_code, outcome.told, shop.heard) == (3, (), [])
            with pytest.raises(StorageError):
                gate.flush()
        assert shop.run(GOOD, "b2", gate=gate).passed
        (heard,) = shop.heard
        assert outcome.manifest is not None
        assert outcome.manifest.quarantine_id in heard
        assert gate.history.outbox.intents() == ()


def test_what_is_kept_without_delivering_leaves_with_the_next_flush(shop: Shop) -> None:
    outcome = shop.gate().run(shop.place / "orders.yaml", shop.write("b1.csv", BAD), notify=False)
    assert (outcome.told, shop.heard) == ((), [])
    assert len(shop.gate().flush()) == 1
    assert len(shop.heard) == 1


def test_what_can_not_be_kept_is_told_at_once_although_it_was_to_wait(shop: Shop) -> None:
    (shop.place / "history.sqlite").mkdir()
    shop.gate().run(shop.place / "orders.yaml", shop.write("b1.csv", BAD), notify=False)
    assert len(shop.heard) == 1


def test_a_replayed_and_a_released_batch_are_told_with_who_and_why(shop: Shop) -> None:
    items = [shop.run(BAD.replace("-2", f"-{number}"), f"b{number}").manifest for number in (3, 4)]
    shop.contract(("min: 0", "min: -10"), name="loose.yaml")
    gate = shop.gate()
    ids = [item.quarantine_id for item in items if item]
    assert gate.replay(ids[0], shop.place / "orders.yaml").exit_code == 3
    assert gate.replay(ids[0], shop.place / "loose.yaml", by="ada", dry_run=True).passed
    assert gate.replay(ids[0], shop.place / "loose.yaml", by="ada").passed
    assert gate.release(ids[1], by="bea", reason="it is right").passed
    assert gate.replay(ids[0]).passed
    told = [alert for alert in shop.alerts() if alert.event == "replayed"]
    assert [(alert.key, alert.severity, alert.facts["action"], alert.facts["by"]) for alert in told] == [
        (f"replayed:{ids[0]}", "info", "replayed", "ada"),
        (f"replayed:{ids[1]}", "info", "released", "bea"),
    ]
    assert told[1].facts["reason"] == "it is right"
    assert not gate.history.outbox.intents()


def test_what_was_given_up_tells_nobody(shop: Shop) -> None:
    item = shop.run(BAD, "b1").manifest
    assert item is not None
    gate = shop.gate()
    gate.delete(item.quarantine_id, by="ada", reason="a test delivery")
    assert len(shop.heard) == 1


def test_an_item_that_will_be_purged_is_warned_of_once(shop: Shop) -> None:
    item = shop.run(BAD, "b1").manifest
    assert item is not None
    gate = shop.gate()
    assert gate.retention_alerts() == 0
    shop.later(timedelta(days=5, hours=1))
    assert gate.retention_alerts() == 1
    assert gate.retention_alerts() == 0
    gate.flush()
    (warning,) = [alert for alert in shop.alerts() if alert.event == "retention_warning"]
    assert (warning.severity, warning.channels, warning.facts["expires_at"]) == ("warning", ("hook",), item.expires_at)
    assert item.quarantine_id in shop.heard[-1]


def test_an_action_that_fails_leaves_no_alert_that_lies(shop: Shop) -> None:
    held = shop.place / "held"
    held.write_text("no folder")
    with pytest.raises(StorageError):
        shop.run(BAD, "b1")
    held.unlink()
    shop.gate().flush()
    assert (shop.heard, shop.gate().history.outbox.intents()) == ([], ())
    assert shop.run(BAD, "b1").exit_code == 3
    assert len(shop.heard) == 1


class Full:
    """A target that takes nothing more."""

    def __init__(self, target: Target) -> None:
        self.find = target.find

    def commit(self, request: CommitRequest) -> CommitReceipt:
        raise StorageError(f"no space left for {request.batch_id}")


def test_an_action_that_failed_halfway_is_told_for_what_it_did(shop: Shop) -> None:
    shop.contract(*SPLITS)
    gate = shop.gate()
    gate.__dict__["target"] = Full(gate.target)
    with pytest.raises(StorageError, match="no space"):
        shop.run(BAD, "b1", gate=gate)
    gate.flush()
    assert len(shop.heard) == 1
    (alert,) = shop.alerts()
    assert alert.key.startswith("quarantined:")
    assert "sluicegate recover" in alert.facts["problem"]
    assert not shop.gate().history.outbox.intents()


def test_notifications_that_are_not_there_keep_nobody_from_deciding(shop: Shop) -> None:
    (shop.place / "notifications.yaml").unlink()
    outcome = shop.run(BAD, "b1")
    assert outcome.exit_code == 3
    assert any("nobody is told" in warning for warning in outcome.warnings)
    shop.settings()
    shop.gate().flush()
    assert len(shop.heard) == 1


def test_recovering_plans_the_warnings_of_items_that_will_be_purged(shop: Shop) -> None:
    shop.run(BAD, "b1")
    shop.later(timedelta(days=6))
    assert [(found.what, found.done) for found in shop.gate().recover(dry_run=True)] == []
    assert [(found.what, found.done) for found in shop.gate().recover()] == [("alert", "planned")]
    shop.gate().flush()
    assert len(shop.heard) == 2


_LOADED = """
import sys
from sluicegate.cli.main import main
code = main(["run", "orders.yaml", "good.csv", "--batch-id", "b1", "--quiet"])
print(code, *(name for name in ("apprise", "jinja2", "requests", "zoneinfo", "smtplib", "sluicegate.notify.deliver") if name in sys.modules))
"""


def test_a_run_that_passes_loads_nothing_of_what_tells_people(shop: Shop) -> None:
    shop.write("good.csv", GOOD)
    environ = {**os.environ, "SLUICEGATE_CONFIG": "gate.yaml"}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=shop.place, env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "0"
