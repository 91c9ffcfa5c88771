"""Mail as a real SMTP server gets it, and what comes of one that is refused."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sluicegate.ports.notifier import AlertSeverity, Sent
from tests.notify.mailboxes import CUT, HANG, SmtpServer, Stage, smtp_server_running
from tests.notify.messages import a_message, mail_settings, notifier
from tests.notify.ports import HOST

TEAM = "team@example.org"
LONG, SHORT = 20.0, 0.3  # seconds


def sent(server: SmtpServer, to: str = TEAM, timeout: float = LONG) -> Sent:
    return notifier("email", mail_settings(server)).send(to, a_message(), timeout=timeout)


def test_a_mail_has_both_bodies_the_subject_and_its_recipient(smtp_server: SmtpServer) -> None:
    settings = mail_settings(smtp_server, sender="Größe & Co <gate@example.org>")
    message = a_message(title="orders: 3 Prüfungen ✅", body="<p>3 <b>ä</b> &amp; more</p>", text="3 ä & more\nline two")
    assert notifier("email", settings).send(TEAM, message, timeout=LONG).delivered
    (mail,) = smtp_server.mails
    assert (mail.sender, mail.recipients) == ("gate@example.org", (TEAM,))
    assert mail.message["Subject"] == "orders: 3 Prüfungen ✅"
    assert mail.message["From"] == "Größe & Co <gate@example.org>"
    assert mail.message["To"] == TEAM
    assert mail.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]
    assert (mail.body("plain").rstrip("\n"), mail.body("html").rstrip("\n")) == (message.text, message.body)
    assert max(map(len, mail.content.splitlines())) < 1000
    assert mail.content.isascii()


def test_the_same_message_has_the_same_id_and_another_one_another(smtp_server: SmtpServer) -> None:
    channel = notifier("email", mail_settings(smtp_server))
    for key, to in (("k1", TEAM), ("k1", TEAM), ("k2", TEAM), ("k1", "boss@example.org")):
        assert channel.send(to, a_message(key=key), timeout=LONG).delivered
    first, again, other, elsewhere = (mail.message["Message-ID"] for mail in smtp_server.mails)
    assert first == again
    assert len({first, other, elsewhere}) == 3
    assert first.endswith("@example.org>")


def test_the_mails_of_one_incident_belong_together(smtp_server: SmtpServer) -> None:
    channel = notifier("email", mail_settings(smtp_server))
    for key, incident in (("k1", "i1"), ("k2", "i1"), ("k3", "i2")):
        assert channel.send(TEAM, a_message(key=key, incident=incident), timeout=LONG).delivered
    first, second, other = (mail.message["References"] for mail in smtp_server.mails)
    assert first == second != other


@pytest.mark.parametrize("title", ["a\nBcc: evil@example.org", "a\r\n\r\nbody", "a\x0bb\x85c\u2028d", "a\x00b"])
def test_a_title_is_one_line_and_no_header_comes_of_it(smtp_server: SmtpServer, title: str) -> None:
    assert notifier("email", mail_settings(smtp_server)).send(TEAM, a_message(title=title), timeout=LONG).delivered
    (mail,) = smtp_server.mails
    assert mail.recipients == (TEAM,)
    assert "Bcc" not in mail.message
    assert mail.message["Subject"].split() == " ".join(part for part in title.replace("\x00", " ").split()).split()


def test_what_is_critical_is_marked_and_holidays_dont_answer(smtp_server: SmtpServer) -> None:
    channel = notifier("email", mail_settings(smtp_server))
    for severity in (AlertSeverity.CRITICAL, AlertSeverity.WARNING):
        channel.send(TEAM, a_message(severity=severity), timeout=LONG)
    assert [mail.message["Importance"] for mail in smtp_server.mails] == ["high", None]
    assert [mail.message["Auto-Submitted"] for mail in smtp_server.mails] == ["auto-generated"] * 2


def test_a_long_body_arrives_whole(smtp_server: SmtpServer) -> None:
    body = f"<p>{'ä' * 200_000}</p>"
    assert (
        notifier("email", mail_settings(smtp_server)).send(TEAM, a_message(body=body, text=".\n" * 5000), timeout=LONG).delivered
    )
    (mail,) = smtp_server.mails
    assert mail.body("html").rstrip("\n") == body
    assert mail.body("plain").rstrip("\n") == (".\n" * 5000).rstrip("\n")


def test_the_contracts_recipients_are_told_each_once_or_for_want_of_any_the_channels(smtp_server: SmtpServer) -> None:
    channel = notifier(
        "email", mail_settings(smtp_server, recipients=["One <one@example.org>", "two@example.org", "ONE@example.org"])
    )
    assert channel.services(()) == ("one@example.org", "two@example.org")
    assert channel.services(["Data team <data@example.org>", "#orders", "data@Example.org", "x@y"]) == ("data@example.org", "x@y")
    assert channel.services(["#orders", "@jane", "jane"]) == ("one@example.org", "two@example.org")
    assert channel.services(["a@b\r\nRCPT TO:<evil@example.org>", "a b@c", "<>", "@", "a@"]) == (
        "one@example.org",
        "two@example.org",
    )


def test_a_thousand_recipients_are_a_thousand_services(smtp_server: SmtpServer) -> None:
    names = tuple(f"r{number}@example.org" for number in range(1000))
    assert notifier("email", mail_settings(smtp_server)).services(names) == names


def test_a_channel_without_recipients_tells_only_those_of_contracts(smtp_server: SmtpServer) -> None:
    channel = notifier("email", mail_settings(smtp_server, recipients=None))
    assert channel.services(()) == ()
    assert channel.services([TEAM]) == (TEAM,)


@pytest.mark.parametrize(
    ("stage", "answer", "hopeless"),
    [
        ("RCPT", "550 5.1.1 no such user", True), ("RCPT", "553 not here", True), ("RCPT", "451 4.7.1 greylisted", False), ("RCPT", "452 full", False),
        ("MAIL", "550 not from you", True), ("MAIL", "421 too busy", False), ("DATA", "554 spam", True), ("DATA", "451 try later", False),
    ],
)  # fmt: skip
def test_what_the_server_refuses_is_said_in_its_words(smtp_server: SmtpServer, stage: Stage, answer: str, hopeless: bool) -> None:
    smtp_server.will(stage, answer)
    found = sent(smtp_server)
    assert (found.delivered, found.hopeless, found.retry_after) == (False, hopeless, None)
    assert answer in found.detail
    assert smtp_server.mails == ()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_breaks_off_is_tried_again_later(smtp_server: SmtpServer, stage: Stage) -> None:
    smtp_server.will(stage, CUT)
    assert sent(smtp_server) == Sent(delivered=False, detail="the connection broke off")


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_says_nothing_is_not_waited_for(smtp_server: SmtpServer, stage: Stage) -> None:
    smtp_server.will(stage, HANG)
    assert sent(smtp_server, timeout=SHORT) == Sent(delivered=False, detail="no answer in time")
    smtp_server.release()


def test_a_server_that_is_down_gets_the_mail_when_it_is_up_again(smtp_server: SmtpServer) -> None:
    smtp_server.down()
    assert sent(smtp_server) == Sent(delivered=False, detail="the connection was refused")
    smtp_server.up()
    assert sent(smtp_server).delivered


def test_a_server_whose_name_nobody_knows_is_tried_again_later(smtp_server: SmtpServer) -> None:
    channel = notifier("email", mail_settings(smtp_server, smtp={"host": "nobody.invalid", "port": 25, "tls": "none"}))
    assert channel.send(TEAM, a_message(), timeout=LONG) == Sent(delivered=False, detail="its name can't be resolved")


def with_login(server: SmtpServer, password: str) -> Sent:
    smtp = mail_settings(server)["smtp"] | {"username": server.user, "password": password}
    return notifier("email", mail_settings(server, smtp=smtp)).send(TEAM, a_message(), timeout=LONG)


def test_the_channel_logs_in_if_it_has_a_password(smtp_server: SmtpServer) -> None:
    assert with_login(smtp_server, smtp_server.password).delivered
    assert [mail.user for mail in smtp_server.mails] == [smtp_server.user]


def test_a_wrong_password_is_hopeless_and_not_shown(smtp_server: SmtpServer) -> None:
    found = with_login(smtp_server, "n0t-the-password")
    assert (found.delivered, found.hopeless) == (False, True)
    assert found.detail.startswith("the login is refused: 535")
    assert "n0t-the-password" not in repr(found)


def test_a_recipient_that_no_mail_can_have_is_refused_without_breaking(smtp_server: SmtpServer) -> None:
    for to in ("a\r\nb@example.org", "", "jörg@example.org"):
        found = sent(smtp_server, to)
        assert isinstance(found, Sent)
    assert all("\r" not in recipient for mail in smtp_server.mails for recipient in mail.recipients)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, signed by itself; the key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    found = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - day).not_valid_after(now + day).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path / "certificate.pem"
    form, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        found.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, form, no_password)
    )
    return path


@pytest.fixture(params=["starttls", "ssl"])
def secure(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[SmtpServer, str]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with smtp_server_running(tls=context, implicit=request.param == "ssl") as server:
        yield server, request.param


def over_tls(server: SmtpServer, tls: str | None = None) -> Sent:
    smtp = {"host": HOST, "port": server.port, "username": server.user, "password": server.password, "tls": tls}
    return notifier("email", mail_settings(server, smtp=smtp)).send(TEAM, a_message(), timeout=LONG)


def test_a_password_is_sent_over_tls(secure: tuple[SmtpServer, str], certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert over_tls(*secure).delivered
    assert [mail.user for mail in secure[0].mails] == [secure[0].user]


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(secure: tuple[SmtpServer, str]) -> None:
    found = over_tls(*secure)
    assert (found.delivered, found.hopeless) == (False, False)
    assert found.detail.startswith("no secure connection")
    assert secure[0].mails == ()


def test_no_password_is_sent_to_a_server_without_tls_unless_that_is_meant(smtp_server: SmtpServer) -> None:
    found = over_tls(smtp_server)
    assert (found.delivered, found.hopeless) == (False, True)
    assert "STARTTLS" in found.detail
    assert smtp_server.mails == ()
    assert over_tls(smtp_server, "none").delivered
