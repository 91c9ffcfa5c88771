"""Mail, one per recipient: plain text with an HTML twin, under an ID that stays the same when it is sent again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from email.utils import formataddr, parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import ConfigError
from sluicegate.ports.notifier import AlertSeverity, Message, Sent, TextFormat
from sluicegate_adapters.notify.sending import NAME, one_line, own, told
from sluicegate_adapters.notify.settings import Keys, spelled
from sluicegate_adapters.notify.wire import LATE, Exchange

if TYPE_CHECKING:
    import smtplib
    from email.message import EmailMessage


__all__ = ["MailNotifier", "mail_of"]

SUBJECT_AT_MOST = 250
TLS = {"starttls": "starttls", "true": "starttls", "yes": "starttls", "ssl": "ssl", "tls": "ssl", "smtps": "ssl",
       "none": "none", "false": "none", "no": "none", "off": "none"}  # fmt: skip
SSL_PORT, PORT, PLAIN_PORT = 465, 587, 25
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"()\[\]\\_\x00-\x1f\x7f]{1,255}")


class MailNotifier:
    """An SMTP server. Each recipient is a service of its own: those of the contract, or if it names no mail address the channel's."""

    format = TextFormat.HTML

    def __init__(self, settings: Mapping[str, Any], _base: Path) -> None:
        keys = Keys(settings)
        inner = keys.inner("smtp")
        nested = isinstance(inner, Mapping)
        smtp = Keys(inner) if isinstance(inner, Mapping) else keys
        if isinstance(inner, str):
            self._host = inner
        else:
            names = ("host", "server") if nested else ("smtp_host", "smtp_server", "host")
            self._host = smtp.needed(*names, hint="smtp: {host: mail.example.org}")
        host, _, port = self._host.partition(":")
        if port.isdecimal() and "]" not in host:
            self._host = host
        said = smtp.number(
            "port", *(() if nested else ("smtp_port",)), default=int(port) if port.isdecimal() and "]" not in host else 0
        )
        tls = smtp.one_of("tls", "security", *(() if nested else ("use_tls",)), choices=TLS, default="")
        self._tls = tls or ("ssl" if said == SSL_PORT else "starttls")
        self._port = said or {"ssl": SSL_PORT, "starttls": PORT, "none": PLAIN_PORT}[self._tls]
        self._user = smtp.text("username", "user", *(() if nested else ("smtp_user", "smtp_username")))
        self._password = smtp.text("password", *(() if nested else ("smtp_password",)))
        if nested:
            smtp.done()
        self._sender = _sender(keys.needed("sender", "from", "from_address", hint="sender: gate@example.org"))
        self._recipients = tuple(map(_own_recipient, keys.texts("recipients", "to")))
        keys.done()
        if re.fullmatch(r"[!-~]+", self._host) is None:
            raise ConfigError("smtp.host: is no server's name")
        if self._password and not self._user:
            raise ConfigError("smtp.username: is missing", hint="there is a password, and nobody it belongs to")
        self.secrets = spelled((self._password,))

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:
        """Mail addresses."""
        chosen = [address for one in recipients if (address := _address(one))]
        return tuple({address.casefold(): address for address in reversed(chosen or self._recipients)}.values())[::-1]

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:
        def deliver(exchange: Exchange) -> bool:
            return self._deliver(mail_of(message, sender=self._sender, recipient=service), exchange)

        return told(own(deliver), timeout=timeout, secrets=self.secrets, title=message.title)

    def _deliver(self, mail: EmailMessage, exchange: Exchange) -> bool:
        import smtplib
        import ssl

        took = False
        try:
            with self._connected(exchange) as client:
                if self._tls == "starttls":
                    client.starttls(context=ssl.create_default_context())
                if self._user:
                    client.login(self._user, self._password)
                client.send_message(mail)
                took = True
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if not took:  # the server had it when it broke off over our goodbye
                exchange.trouble, exchange.hopeless = _trouble(error, self._tls)
        return took

    def _connected(self, exchange: Exchange) -> smtplib.SMTP:
        """A connection whose every answer is awaited only as long as time is left."""
        import smtplib

        class Timed(smtplib.SMTP_SSL if self._tls == "ssl" else smtplib.SMTP):  # type: ignore[misc]
            def getreply(self) -> tuple[int, bytes]:
                if self.sock is not None:
                    self.sock.settimeout(exchange.left)
                found: tuple[int, bytes] = super().getreply()
                return found

        domain = self._sender[1].rpartition("@")[2]  # said in EHLO: to ask the resolver for our own name could take long
        client: smtplib.SMTP = Timed(self._host, self._port, local_hostname=domain, timeout=exchange.left)
        return client


def mail_of(message: Message, *, sender: tuple[str, str], recipient: str) -> EmailMessage:
    """The mail."""
    import email.policy
    from email.message import EmailMessage

    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = one_line(message.title, SUBJECT_AT_MOST)
    mail["From"] = formataddr(sender)
    mail["To"] = recipient
    digest = hashlib.sha256(f"{message.key}\n{recipient}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@{sender[1].rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday answers
    mail["X-Mailer"] = NAME
    if message.severity is AlertSeverity.CRITICAL:
        mail["Importance"] = "high"
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.body, subtype="html", cte="quoted-printable")
    return mail


def _address(text: str) -> str:
    """The mail address in a text such as ``Data team <data@example.org>``; empty if there is none."""
    _, address = parseaddr(text)
    return address if _ADDRESS.fullmatch(address) else ""


def _own_recipient(text: str) -> str:
    if found := _address(text):
        return found
    raise ConfigError("recipients: must be mail addresses")


def _sender(text: str) -> tuple[str, str]:
    name, _ = parseaddr(text)
    if address := _address(text):
        return one_line(name, SUBJECT_AT_MOST), address
    raise ConfigError("sender: must be a mail address")


def _trouble(error: Exception, tls: str) -> tuple[str, bool]:
    """What happened, in words that hold no secret; and whether it will be so again."""
    import smtplib
    import ssl

    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return _answer("the recipient is refused", code, said)
        case smtplib.SMTPAuthenticationError():
            return _answer("the login is refused", error.smtp_code, b"")
        case smtplib.SMTPResponseException():
            return _answer("the server refuses it", error.smtp_code, error.smtp_error)
        case smtplib.SMTPNotSupportedError():
            return (
                "the server offers no STARTTLS (tls: none, if that is meant)" if tls == "starttls" else "the server can't do it"
            ), True
        case ssl.SSLError():
            return "no secure connection: its certificate can't be trusted, or it doesn't speak TLS", False
        case TimeoutError():
            return LATE, False
        case ConnectionRefusedError():
            return "the connection was refused", False
        case smtplib.SMTPServerDisconnected() | ConnectionError():
            return "the connection broke off", False
        case OSError() if type(error).__name__ == "gaierror":
            return "its name can't be resolved", False
        case _:
            return f"it can't be sent: {type(error).__name__}", isinstance(error, ValueError)


def _answer(what: str, code: int, said: bytes | str) -> tuple[str, bool]:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return one_line(f"{what}: {code} {text}", 200).rstrip(), 500 <= code < 600  # noqa: PLR2004 - SMTP's permanent answers
