"""The servers do what the tests that stand on them believe."""

from __future__ import annotations

import http.client
import smtplib
from email.message import EmailMessage

import pytest
import requests

from tests.notify import mailboxes, webhooks
from tests.notify.mailboxes import SmtpServer
from tests.notify.ports import HOST
from tests.notify.webhooks import BROKEN, HANG, OK, WebhookServer, busy


def post(server: WebhookServer, timeout: float = 10) -> requests.Response:
    return requests.post(f"{server.url}/a/b?c=d", json={"ä": 1}, timeout=timeout)


def test_a_request_is_recorded_whole(webhook_server: WebhookServer) -> None:
    assert post(webhook_server).content == b"ok"
    (request,) = webhook_server.wait_for(1)
    assert (request.method, request.path, request.json) == ("POST", "/a/b?c=d", {"ä": 1})
    assert request.headers["content-type"] == "application/json"
    assert b"a/b?c=d" in request.everything
    assert webhook_server.at("/a/b") == (request,)


def test_answers_follow_the_script_and_the_last_one_stays(webhook_server: WebhookServer) -> None:
    webhook_server.will(busy(retry_after="7"), BROKEN, OK)
    found = [post(webhook_server) for _ in range(4)]
    assert [answer.status_code for answer in found] == [429, 500, 200, 200]
    assert found[0].headers["Retry-After"] == "7"


def test_a_path_may_have_an_answer_of_its_own(webhook_server: WebhookServer) -> None:
    webhook_server.will_at("/a/b", BROKEN)
    assert post(webhook_server).status_code == 500


def test_a_server_that_hangs_says_nothing(webhook_server: WebhookServer) -> None:
    webhook_server.will(HANG)
    with pytest.raises(requests.ReadTimeout):
        post(webhook_server, timeout=0.1)
    webhook_server.release()


def test_a_cut_answer_ends_in_the_middle(webhook_server: WebhookServer) -> None:
    webhook_server.will(webhooks.CUT)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, http.client.IncompleteRead)):
        post(webhook_server)


def test_a_server_that_is_down_refuses_and_comes_back_where_it_was(webhook_server: WebhookServer) -> None:
    webhook_server.down()
    with pytest.raises(requests.ConnectionError, match="refused"):
        post(webhook_server)
    webhook_server.up()
    assert post(webhook_server).ok


def mail(server: SmtpServer, *recipients: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Größe", "gate@example.org", ", ".join(recipients)
    message.set_content("plain ä\n")
    message.add_alternative("<p>rich</p>\n", subtype="html")
    with smtplib.SMTP(HOST, server.port, timeout=10) as client:
        client.send_message(message)


def test_a_mail_is_kept_with_both_bodies(smtp_server: SmtpServer) -> None:
    mail(smtp_server, "a@example.org", "b@example.org")
    (kept,) = smtp_server.wait_for(1)
    assert (kept.sender, kept.recipients) == ("gate@example.org", ("a@example.org", "b@example.org"))
    assert (kept.message["Subject"], kept.body("plain"), kept.body("html")) == ("Größe", "plain ä\n", "<p>rich</p>\n")


def test_a_recipient_is_refused_as_the_test_wants(smtp_server: SmtpServer) -> None:
    smtp_server.will("RCPT", "550 5.1.1 no such user", to="b@example.org")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail(smtp_server, "b@example.org")
    mail(smtp_server, "a@example.org")
    assert [kept.recipients for kept in smtp_server.mails] == [("a@example.org",)]


def test_a_connection_is_cut_where_the_test_wants(smtp_server: SmtpServer) -> None:
    smtp_server.will("DATA", mailboxes.CUT)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        mail(smtp_server, "a@example.org")
    smtp_server.will("DATA", "")
    mail(smtp_server, "a@example.org")
    assert len(smtp_server.mails) == 1


def test_a_mail_server_that_is_down_refuses_and_comes_back_where_it_was(smtp_server: SmtpServer) -> None:
    smtp_server.down()
    with pytest.raises(ConnectionRefusedError):
        mail(smtp_server, "a@example.org")
    smtp_server.up()
    mail(smtp_server, "a@example.org")
    assert len(smtp_server.mails) == 1


def test_only_who_knows_the_password_logs_in(smtp_server: SmtpServer) -> None:
    with smtplib.SMTP(HOST, smtp_server.port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(smtp_server.user, "wrong")
        client.login(smtp_server.user, smtp_server.password)
        client.sendmail("gate@example.org", ["a@example.org"], "Subject: x\n\nx")
    assert [kept.user for kept in smtp_server.mails] == [smtp_server.user]
