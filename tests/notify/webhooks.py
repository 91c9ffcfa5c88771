"""A real HTTP server standing where a webhook's would: it records what it is sent, and answers what the test wants.

def test_it(webhook_server: WebhookServer) -> None:
    webhook_server.will(busy(retry_after="7"), OK)  # in this order; then the last one for ever
    ...
    (request,) = webhook_server.requests
    assert request.json == {...}
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.notify.ports import HOST, listening, reserved

__all__ = ["ACCEPTED", "BROKEN", "CUT", "HANG", "OK", "Answer", "Request", "WebhookServer", "busy", "webhook_server_running"]

PATIENCE = 30.0  # seconds: no test waits longer for anything


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says.

    Attributes:
        cut: close the connection after half the body.
        hang: say nothing until the server is released (or goes down).
        drip: a byte at a time, this many seconds apart, beginning with the head.
    """

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hang: bool = False
    drip: float = 0


OK = Answer()
ACCEPTED = Answer(202, b'{"status":"success"}', {"Content-Type": "application/json"})
BROKEN = Answer(500, b"internal error")
HANG = Answer(hang=True)
CUT = Answer(cut=True, body=b"x" * 4096)


def busy(*, retry_after: str = "", status: int = 429) -> Answer:
    """Come back later: ``retry_after`` in seconds or as an HTTP date."""
    return Answer(status, b"rate_limited", {"Retry-After": retry_after} if retry_after else {})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whole."""

    method: str
    path: str  # with the query
    headers: Message  # names in any case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def everything(self) -> bytes:
        """Every byte that arrived."""
        return f"{self.method} {self.path}\n{self.headers}\n".encode() + self.body


class WebhookServer:
    """Up when made; ``down`` and ``up`` keep its address."""

    def __init__(self) -> None:
        self._reservation = reserved()
        self.port: int = self._reservation.getsockname()[1]
        self._script: list[Answer] = [OK]
        self._paths: dict[str, Answer] = {}
        self._requests: list[Request] = []
        self._arrived = threading.Condition()
        self._released = threading.Event()
        self._server: _Server | None = None
        self.up()

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def requests(self) -> tuple[Request, ...]:
        """What arrived so far, in its order."""
        with self._arrived:
            return tuple(self._requests)

    def at(self, path: str) -> tuple[Request, ...]:
        """What arrived under a path, whatever its query."""
        return tuple(request for request in self.requests if request.path.partition("?")[0] == path)

    def will(self, *answers: Answer) -> None:
        """Answer so from now on: one after the other, and then the last one for ever."""
        with self._arrived:
            self._script = list(answers)
            self._released.clear()

    def will_at(self, path: str, answer: Answer) -> None:
        """Always answer so under this path, whatever the script says."""
        with self._arrived:
            self._paths[path] = answer

    def wait_for(self, count: int) -> tuple[Request, ...]:
        """The requests, as soon as there are so many."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._requests) >= count, PATIENCE):
                raise AssertionError(f"{len(self._requests)} requests arrived, not {count}")
            return tuple(self._requests)

    def release(self) -> None:
        """Let those go that hang; until ``will`` is called again nobody does any more."""
        self._released.set()

    def down(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._server is not None:
            self._released.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def up(self) -> None:
        """Listen again, under the same address."""
        if self._server is None:
            self._released.clear()
            self._server = _Server(self)
            threading.Thread(target=self._server.serve_forever, args=(0.01,), name="webhook", daemon=True).start()

    def close(self) -> None:
        self.down()
        self._reservation.close()

    def take(self, request: Request) -> Answer:
        """Record, and choose the answer."""
        with self._arrived:
            self._requests.append(request)
            self._arrived.notify_all()
            if (always := self._paths.get(request.path.partition("?")[0])) is not None:
                return always
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def hold(self, seconds: float = PATIENCE) -> bool:
        """Wait; whether it was released meanwhile."""
        return self._released.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, owner: WebhookServer) -> None:
        self.owner = owner
        super().__init__((HOST, owner.port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening(owner._reservation)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        owner = self.server.owner
        answer = owner.take(Request(self.command, self.path, self.headers, body))
        self.close_connection = True
        if answer.hang:
            owner.hold()
            return
        head = f"HTTP/1.1 {answer.status} Whatever\r\n"
        headers = {"Content-Type": "text/plain", **answer.headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        sent = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        if not answer.drip:
            self.wfile.write(head.encode() + sent)
            return
        for byte in head.encode() + sent:
            if owner.hold(answer.drip):
                return
            self.wfile.write(bytes([byte]))

    do_GET = do_PUT = do_POST  # noqa: N815 - http.server's names

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@contextmanager
def webhook_server_running() -> Iterator[WebhookServer]:
    server = WebhookServer()
    try:
        yield server
    finally:
        server.close()
