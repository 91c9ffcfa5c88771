"""``notify …`` as it is typed: exit codes, what is said, the JSON; nothing that a user can cause ends in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.telling_shop import ADA, Shop
from tests.notify.servers import SmtpServer, WebhookServer
from tests.notify.webhooks import BROKEN, OK, Answer


@pytest.fixture
def shop(tmp_path: Path, webhook_server: WebhookServer, smtp_server: SmtpServer, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, webhook_server, smtp_server, capsys)


def test_a_test_message_goes_to_each_enabled_channel_and_is_marked_as_one(shop: Shop) -> None:
    code, said, _ = shop.types("notify", "test", "--to", ADA)
    assert code == 0
    assert [line.split()[:2] for line in said.splitlines()] == [["✓", "hook"], ["✓", "mail"]]
    (request,), (mail,) = shop.web.requests, shop.smtp.mails
    assert request.json["title"] == mail.message["Subject"] == "[test] sluicegate can reach you here"
    assert "the channel mail: nothing happened" in mail.body("html")
    assert shop.types("notify", "list")[1] == "there is no message\n"


def test_a_channel_that_only_reaches_recipients_of_contracts_says_so(shop: Shop) -> None:
    (found,) = shop.asks("notify", "test", "--channel", "mail")["results"]
    assert (found["state"], "--to" in found["detail"]) == ("dropped", True)


def test_a_channel_that_does_not_take_the_test_message_is_an_exit_code_of_its_own(shop: Shop) -> None:
    shop.web.will(BROKEN)
    code, said, _ = shop.types("notify", "test", "--channel", "hook", "--json")
    assert code == 6
    assert '"state": "failed"' in said


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["test", "--channel", "hok"], "did you mean 'hook'?"),
        (["test", "--channel", "off"], "is not enabled"),
        (["list", "--state", "lost"], "known: delivered, dropped, due, failed, sending"),
        (["list", "--limit", "0"], "--limit must be at least 1"),
        (["flush", "--limit", "soon"], "sluicegate notify flush --help"),
        (["flush", "--limit", "-1"], "--limit can't be negative"),
        (["retry"], "name messages, or say --failed"),
        (["retry", "--failed", "M-1"], "name messages, or say --failed"),
        (["retry", "M-1"], "nothing of 'M-1' was given up"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_cure(shop: Shop, typed: list[str], told: str) -> None:
    code, _, said = shop.types("notify", *typed)
    assert (code, told in said) == (2, True), said


@pytest.mark.parametrize("verb", [["test"], ["flush"], ["retry", "--failed"]])
def test_broken_notifications_are_refused_with_their_places_and_without_secrets(shop: Shop, verb: list[str]) -> None:
    path = shop.place / "notifications.yaml"
    path.write_text(path.read_text().replace("  mail:", "  slack: {webhok_url: https://hooks.example/T0/B0/s3cr3t}\n  mail:"))
    code, out, said = shop.types("notify", *verb)
    assert code == 2
    assert "notifications.yaml:4:" in said
    assert "s3cr3t" not in out + said


@pytest.mark.parametrize("verb", [["test"], ["flush"], ["retry", "--failed"]])
def test_without_notifications_there_is_nobody_to_tell(shop: Shop, verb: list[str]) -> None:
    profile = shop.place / "gate.yaml"
    profile.write_text(profile.read_text().replace("notifications: notifications.yaml\n", ""))
    code, _, said = shop.types("notify", *verb)
    assert (code, "the profile names no file of notifications" in said) == (2, True)
    assert shop.types("notify", "list")[:2] == (0, "there is no message\n")


def test_the_list_tells_what_waits_what_left_and_what_each_service_said(shop: Shop) -> None:
    shop.web.will(BROKEN)
    _, first = shop.run()
    (shop.place / "worse.csv").write_text("n\n0\n0\n")
    shop.run("worse")
    said = shop.types("notify", "list")[1]
    assert f"✓ {ADA}  delivered" in said
    assert "! json  due" in said
    assert "again from" in said
    assert said.count("1 alert, leaves at") == 2  # folded into the next window's
    assert said.count("orders: quality_violation") == 4
    delivered = shop.asks("notify", "list", "--state", "delivered", "--contract", "orders")["messages"]
    assert [message["alerts"][0]["run_id"] for message in delivered] == [first["run_id"]]
    assert shop.types("notify", "list", "--contract", "people")[1] == "there is no message that fits\n"


def test_a_flush_says_what_it_did_and_what_still_waits_until_when(shop: Shop) -> None:
    shop.wait_at_most(0)
    shop.run()
    shop.web.will(BROKEN)
    code, said, _ = shop.types("notify", "flush")
    assert code == 6
    assert "! hook  json  1 alert of orders: due, " in said
    assert f"✓ mail  {ADA}  1 alert of orders: delivered" in said
    code, said, _ = shop.types("notify", "flush")
    assert code == 0
    assert "hook  orders: quality_violation  waits until" in said
    document = shop.asks("notify", "flush")
    assert (document["told"], len(document["waiting"]), document["exit_code"]) == ([], 1, 0)


def test_a_flush_lists_no_more_of_what_waits_than_anybody_reads(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.web.down()
    shop.smtp.down()
    shop.run()  # two messages, one of each channel
    monkeypatch.setattr("sluicegate.cli.notify._SHOWN", 1)
    document = shop.asks("notify", "flush")
    assert (len(document["waiting"]), document["more_waiting"]) == (1, True)
    said = shop.types("notify", "flush")[1]
    assert said.count("waits until") == 1
    assert "and more: sluicegate notify list" in said


def test_a_flush_with_nothing_to_do_says_so(shop: Shop) -> None:
    assert shop.types("notify", "flush")[:2] == (0, "nothing waits\n")


def test_everything_that_was_given_up_can_be_sent_again_at_once(shop: Shop) -> None:
    shop.web.will(Answer(410, b"gone"), OK)
    shop.run()
    code, said, _ = shop.types("notify", "retry", "--failed")
    assert (code, "hook  json  1 alert of orders: delivered" in said) == (0, True)
    assert shop.types("notify", "retry", "--failed")[:2] == (0, "nothing waits\n")


def test_what_left_more_than_ninety_days_ago_is_forgotten_by_a_flush(shop: Shop) -> None:
    for batch, days in (("bad", -91), ("worse", -89)):
        (shop.place / f"{batch}.csv").write_text("n\n0\n")
        with shop.gate(days=days) as gate:
            gate.run(shop.place / "orders.yaml", str(shop.place / f"{batch}.csv"), batch_id=batch)
        shop.web.will(BROKEN)
    assert len(shop.asks("notify", "list")["messages"]) == 4
    assert shop.asks("notify", "flush")["exit_code"] == 6  # the later one's is given up by now
    kept = [(each["channel"], each["deliveries"][0]["state"]) for each in shop.asks("notify", "list")["messages"]]
    assert sorted(kept) == [("hook", "failed"), ("mail", "delivered")]
