"""Whatever befalls a service, the decision is what it would be, other services hear at once, and this one hears once it is back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.telling_shop import ADA, Shop
from tests.notify import mailboxes, webhooks
from tests.notify.servers import SmtpServer, WebhookServer
from tests.notify.webhooks import BROKEN, CUT, HANG, OK, Answer, busy

HOOK, MAIL = ("hook", "json"), ("mail", ADA)


@pytest.fixture
def shop(tmp_path: Path, webhook_server: WebhookServer, smtp_server: SmtpServer, capsys: pytest.CaptureFixture[str]) -> Shop:
    return Shop(tmp_path, webhook_server, smtp_server, capsys)


def test_owners_hear_once_by_each_channel_and_the_run_says_so(shop: Shop) -> None:
    code, document = shop.run()
    assert (code, document["action"]) == (3, "quarantined")
    assert {(told["channel"], told["state"]) for told in document["alerts"]} == {("hook", "delivered"), ("mail", "delivered")}
    assert shop.run()[0] == 3  # handed in again
    assert shop.types("notify", "flush")[0] == 0
    shop.flush_after(days=89)
    (request,) = shop.web.requests
    (mail,) = shop.smtp.to(ADA)
    assert document["quarantine_id"] in request.json["message"]
    assert document["quarantine_id"] in mail.body("plain")
    assert shop.states() == {HOOK: ("delivered", 1), MAIL: ("delivered", 1)}
    shop.flush_after(days=91)
    assert shop.states() == {}, "what was told long ago is forgotten"


@pytest.mark.parametrize(
    "fault", [BROKEN, busy(retry_after="120"), busy(status=503), CUT, None], ids=["500", "429", "503", "cut", "down"]
)
def test_a_service_that_fails_changes_no_decision_and_gets_the_alert_when_it_is_back(shop: Shop, fault: Answer | None) -> None:
    if fault is None:
        shop.web.down()
    else:
        shop.web.will(fault)
    code, document = shop.run()
    assert (code, document["action"], document["verdict"]["decision"]) == (3, "quarantined", "quarantine")
    assert shop.states() == {HOOK: ("due", 1), MAIL: ("delivered", 1)}

    before = len(shop.web.requests)
    shop.web.up()
    shop.web.will(OK)
    assert shop.types("notify", "flush")[0] == 0  # it is too early to ask again
    assert len(shop.web.requests) == before
    assert shop.flush_after(minutes=3) == [("hook", "delivered")]
    assert shop.flush_after(days=1) == []
    assert len(shop.web.requests) == before + 1
    assert len(shop.smtp.mails) == 1
    assert shop.states() == {HOOK: ("delivered", 2), MAIL: ("delivered", 1)}


def test_a_service_that_asks_to_be_left_alone_is(shop: Shop) -> None:
    shop.web.will(busy(retry_after="600"), OK)
    shop.run()
    assert shop.flush_after(minutes=9) == []
    assert shop.flush_after(minutes=11) == [("hook", "delivered")]


def test_a_run_does_not_wait_for_a_service_that_says_nothing(shop: Shop) -> None:
    shop.wait_at_most(0.5)
    shop.web.will(HANG, OK)
    code, document = shop.run()  # comes back although the server hangs until it is released
    assert (code, document["action"]) == (3, "quarantined")
    shop.web.wait_for(1)
    assert ("hook", "no answer yet") in {(told["channel"], told["detail"]) for told in document["alerts"]}
    shop.smtp.wait_for(1)
    shop.web.release()


def test_what_a_process_did_not_wait_for_is_sent_again_but_not_by_every_run_that_comes_by(shop: Shop) -> None:
    shop.wait_at_most(4)
    shop.web.will(HANG, OK)
    words = [str(Path(sys.executable).parent / "sluicegate"), "run", "orders.yaml", "bad.csv", "--config", "gate.yaml"]
    done = subprocess.run(words, cwd=shop.place, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3, done.stderr
    assert shop.states() == {HOOK: ("due", 1), MAIL: ("delivered", 1)}
    assert shop.run()[0] == 3
    assert len(shop.web.requests) == 1
    assert shop.flush_after(minutes=2) == [("hook", "delivered")]
    assert (len(shop.web.requests), len(shop.smtp.mails)) == (2, 1)
    shop.web.release()


@pytest.mark.parametrize("answer", ["451 4.3.0 try later", mailboxes.CUT])
def test_a_mail_server_that_fails_gets_the_mail_when_it_is_back(shop: Shop, answer: str) -> None:
    shop.smtp.will("DATA", answer)
    assert shop.run()[0] == 3
    assert shop.states() == {HOOK: ("delivered", 1), MAIL: ("due", 1)}
    shop.smtp.will("DATA", "")
    assert shop.flush_after(minutes=1) == [("mail", "delivered")]
    assert len(shop.smtp.mails) == 1


def test_a_service_that_is_gone_for_good_is_told_of_and_tried_again_by_hand(shop: Shop) -> None:
    shop.web.will(webhooks.Answer(404, b"no_service"), OK)
    _, document = shop.run()
    assert shop.states()[HOOK] == ("failed", 1)
    assert shop.types("notify", "flush")[0] == 0
    (message,) = shop.asks("notify", "list", "--state", "failed")["messages"]
    assert message["alerts"][0]["run_id"] == document["run_id"]
    code, said, _ = shop.types("notify", "retry", message["message_id"])
    assert (code, "delivered" in said) == (0, True)
    assert shop.states()[HOOK] == ("delivered", 2)


def test_a_passing_run_delivers_what_an_earlier_one_could_not(shop: Shop) -> None:
    shop.wait_at_most(0)
    shop.run()
    assert not shop.web.requests
    shop.wait_at_most(20)
    assert shop.run("good")[0] == 0
    assert {request.path for request in shop.web.requests} == {"/hook"}
    assert shop.smtp.mails


def test_a_fault_of_ours_in_telling_changes_no_exit_code_and_loses_no_alert(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as planted:
        planted.setattr("sluicegate.notify.deliver.flush", breaks)
        code, document = shop.run()
    assert (code, document["action"]) == (3, "quarantined")
    assert any("nobody was told: ZeroDivisionError" in warning for warning in document["warnings"])
    assert shop.types("notify", "flush")[0] == 0
    assert (len(shop.web.requests), len(shop.smtp.mails)) == (1, 1)
