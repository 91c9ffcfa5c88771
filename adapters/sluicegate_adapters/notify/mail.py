"""Mail, one per recipient: plain text with an HTML twin, under an ID that stays the same when it is sent again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
SSL_PORT = 465
PORTS = {"ssl": SSL_PORT, "starttls": 587, "none": 25}
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^\s@<>,;:\"()\[\]\\_\x00-\x1f\x7f]{1,255}")


@dataclass(frozen=True, slots=True)
class _Smtp:
    host: str
    port: int
    tls: str  # one of the values of TLS
    user: str
    password: str = field(repr=False)


class MailNotifier:
    """An SMTP server. Each recipient is a service of its own: those of the contract, or if it names no mail address the channel's."""

    format = TextFormat.HTML

    def __init__(self, settings: Mapping[str, Any], _base: Path) -> None:
        keys = Keys(settings)
        self._smtp = _smtp_of(keys)
        self._sender = _sender(keys.needed("sender", "from", "from_address", hint="sender: gate@example.org"))
        self._recipients = tuple(map(_own_recipient, keys.texts("recipients", "to")))
        keys.done()
        self.secrets = spelled((self._smtp.password,))

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:
        """Mail addresses."""
        chosen = [address for one in recipients if (address := _address(one))]
        found: dict[str, str] = {}
        for address in chosen or self._recipients:
            found.setdefault(address.casefold(), address)
        return tuple(found.values())

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
                if self._smtp.tls == "starttls":
                    client.starttls(context=ssl.create_default_context())
                if self._smtp.user:
                    client.login(self._smtp.user, self._smtp.password)
                client.send_message(mail)
                took = True
        except (smtplib.SMTPException, OSError, ValueError) as error:
            if not took:  # the server had it when it broke off over our goodbye
                exchange.trouble, exchange.hopeless = _trouble(error, self._smtp.tls)
        return took

    def _connected(self, exchange: Exchange) -> smtplib.SMTP:
        """A connection whose every answer is awaited only as long as time is left."""
        import smtplib
        import ssl

        class Timed(smtplib.SMTP_SSL if self._smtp.tls == "ssl" else smtplib.SMTP):  # type: ignore[misc]
            def getreply(self) -> tuple[int, bytes]:
                if self.sock is not None:
                    self.sock.settimeout(exchange.left)
                found: tuple[int, bytes] = super().getreply()
                return found

        domain = self._sender[1].rpartition("@")[2]  # said in EHLO: to ask the resolver for our own name could take long
        verified = (
            {"context": ssl.create_default_context()} if self._smtp.tls == "ssl" else {}
        )  # without one nobody is asked for a certificate
        client: smtplib.SMTP = Timed(self._smtp.host, self._smtp.port, local_hostname=domain, timeout=exchange.left, **verified)
        return client


def mail_of(message: Message, *, sender: tuple[str, str], recipient: str) -> EmailMessage:
    """The mail."""
    import email.policy
    from email.message import EmailMessage

    mail = EmailMessage(policy=email.policy.SMTP)
    mail["Subject"] = one_line(message.title, SUBJECT_AT_MOST)
    mail["From"] = formataddr(sender)
    mail["To"] = recipient
    mail["Message-ID"] = _id(f"{message.key}\n{recipient}", sender[1])
    mail["References"] = _id(message.incident, sender[1])  # so that mail programs show what belongs together as one
    mail["Auto-Submitted"] = "auto-generated"  # so that nobody's holiday answers
    mail["X-Mailer"] = NAME
    if message.severity is AlertSeverity.CRITICAL:
        mail["Importance"] = "high"
    mail.set_content(message.text, cte="quoted-printable")
    mail.add_alternative(message.body, subtype="html", cte="quoted-printable")
    return mail


def _id(text: str, sender: str) -> str:
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"


def _smtp_of(keys: Keys) -> _Smtp:
    """The server: under ``smtp`` of its own (or there only its name), or beside the other keys."""
    inner = keys.inner("smtp")
    if isinstance(inner, Mapping):
        own = Keys(inner)
        found = _server(own, own.needed("host", "server", hint="smtp: {host: mail.example.org}"))
        own.done()
        return found
    hint = "smtp: {host: mail.example.org}"
    return _server(keys, inner or keys.needed("smtp_server", "smtp_host", "host", hint=hint), "smtp_")


def _server(keys: Keys, host: str, prefix: str = "") -> _Smtp:
    name, _, port = host.rpartition(":") if host.count(":") == 1 else (host, "", "")
    said = keys.number("port", f"{prefix}port", default=int(port) if port.isdecimal() else 0)
    tls = keys.one_of("tls", "use_tls", choices=TLS, default="ssl" if said == SSL_PORT else "starttls")
    user = keys.text("username", "user", f"{prefix}username", f"{prefix}user")
    password = keys.text("password", f"{prefix}password")
    if re.fullmatch(r"[!-~]+", name) is None or (port and not port.isdecimal()):
        raise ConfigError("smtp.host: is no server's name")
    if password and not user:
        raise ConfigError("smtp.username: is missing", hint="there is a password, and nobody it belongs to")
    return _Smtp(name, said or PORTS[tls], tls, user, password)


def _address(text: str) -> str:
    """The mail address in a text such as ``Data team <data@example.org>``; empty if there is none."""
    _, address = parseaddr(text)
    return address if text.isprintable() and _ADDRESS.fullmatch(address) else ""


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
        case _ if isinstance(error, TimeoutError) or isinstance(
            error.__context__, TimeoutError
        ):  # smtplib takes silence for an end
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
