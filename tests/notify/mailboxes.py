"""A real SMTP server (aiosmtpd): it keeps what it is sent, and refuses, hangs or breaks off where the test wants.

def test_it(smtp_server: SmtpServer) -> None:
    smtp_server.will("RCPT", "550 5.1.1 no such user", to="nobody@example.org")
    ...
    (mail,) = smtp_server.mails
    assert mail.message["Subject"] == "..."
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.notify.ports import listening, reserved

__all__ = ["CUT", "HANG", "Mail", "SmtpServer", "smtp_server_running"]

PATIENCE = 30.0  # seconds: no test waits longer for anything
HANG = "hang"  # instead of an answer: say nothing until the server is released or goes down
CUT = "cut"  # instead of an answer: close the connection
Stage = Literal["MAIL", "RCPT", "DATA"]


@dataclass(frozen=True, slots=True)
class Mail:
    """What was accepted in one transaction."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, _class=EmailMessage, policy=email.policy.default)

    def body(self, subtype: Literal["plain", "html"]) -> str:
        """The text, decoded, with plain line ends."""
        part = self.message.get_body((subtype,))
        assert part is not None, f"no {subtype} part"
        return str(part.get_content()).replace("\r\n", "\n")


class SmtpServer:
    """Up when made; ``down`` and ``up`` keep its address.

    Whoever logs in as ``user`` needs ``password``; nobody has to. With ``tls`` it offers STARTTLS, or if ``implicit`` speaks TLS at once.
    """

    user = "gate"
    password = "open sesame 4711"

    def __init__(self, *, tls: ssl.SSLContext | None = None, implicit: bool = False) -> None:
        self._reservation = reserved()
        self.port: int = self._reservation.getsockname()[1]
        self._starttls = None if implicit else tls
        self._tls = tls if implicit else None
        self._mails: list[Mail] = []
        self._answers: dict[tuple[str, str], str] = {}
        self._arrived = threading.Condition()
        self._released = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._transports: list[asyncio.Transport] = []
        self.connections = 0
        self.up()

    @property
    def mails(self) -> tuple[Mail, ...]:
        with self._arrived:
            return tuple(self._mails)

    def to(self, recipient: str) -> tuple[Mail, ...]:
        return tuple(mail for mail in self.mails if recipient in mail.recipients)

    def will(self, stage: Stage, answer: str, *, to: str = "") -> None:
        """From now on answer so at this stage (to this recipient; empty: to all): ``451 busy``, HANG or CUT; an empty one: as usual."""
        self._answers[stage, to] = answer

    def wait_for(self, count: int) -> tuple[Mail, ...]:
        """The mails, as soon as there are so many."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._mails) >= count, PATIENCE):
                raise AssertionError(f"{len(self._mails)} mails arrived, not {count}")
            return tuple(self._mails)

    def release(self) -> None:
        """Let those go that hang."""
        self._released.set()

    def up(self) -> None:
        if self._loop is None:
            self._released.clear()
            self._loop = asyncio.new_event_loop()
            ready = threading.Event()
            threading.Thread(target=self._serve, args=(self._loop, ready), name="smtp", daemon=True).start()
            assert ready.wait(PATIENCE), "the SMTP server doesn't start"

    def down(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._loop is not None:
            self._released.set()
            stopped, self._loop = self._loop, None
            done: threading.Event = self._done
            stopped.call_soon_threadsafe(self._stop.set)
            assert done.wait(PATIENCE), "the SMTP server doesn't stop"

    def close(self) -> None:
        self.down()
        self._reservation.close()

    def _serve(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        self._stop, self._done = asyncio.Event(), threading.Event()
        try:
            loop.run_until_complete(self._until_stopped(listening(self._reservation), ready))
        finally:
            loop.close()
            self._done.set()

    async def _until_stopped(self, listener: socket.socket, ready: threading.Event) -> None:
        server = await asyncio.get_running_loop().create_server(self._protocol, sock=listener, ssl=self._tls)
        ready.set()
        await self._stop.wait()
        server.close()
        for transport in self._transports:
            transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _protocol(self) -> SMTP:
        return _Conversation(
            self,
            tls_context=self._starttls,
            authenticator=self._authenticate,
            auth_require_tls=False,
            hostname="mail.example.org",
            ident="tests",
            loop=asyncio.get_running_loop(),
        )

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (self.user.encode(), self.password.encode())
        return AuthResult(success=good, handled=good, auth_data=self.user if good else None)

    # What aiosmtpd calls its handler's hooks.

    async def handle_MAIL(self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if answer := await self._answer(server, "MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if answer := await self._answer(server, "RCPT", address):
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if answer := await self._answer(server, "DATA", *envelope.rcpt_tos):
            return answer
        content = envelope.content or b""
        assert isinstance(content, bytes)
        mail = Mail(str(envelope.mail_from), tuple(envelope.rcpt_tos), content, session.auth_data)
        with self._arrived:
            self._mails.append(mail)
            self._arrived.notify_all()
        return "250 OK"

    async def _answer(self, server: SMTP, stage: str, *recipients: str) -> str:
        answer = next((found for to in (*recipients, "") if (found := self._answers.get((stage, to), ""))), "")
        if answer == HANG:
            await asyncio.to_thread(self._released.wait, PATIENCE)
            return ""
        if answer == CUT:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
            return "421 gone"
        return answer


class _Conversation(SMTP):
    def __init__(self, owner: SmtpServer, **options: Any) -> None:
        super().__init__(owner, **options)
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._owner.connections += 1
        self._owner._transports.append(transport)
        super().connection_made(transport)


@contextmanager
def smtp_server_running(*, tls: ssl.SSLContext | None = None, implicit: bool = False) -> Iterator[SmtpServer]:
    server = SmtpServer(tls=tls, implicit=implicit)
    try:
        yield server
    finally:
        server.close()
