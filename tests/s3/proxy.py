"""A bad network between a client and a real S3 server: an HTTP proxy that does one wrong thing to one request."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

__all__ = ["FAULTS", "Network", "bad_network", "patience"]

FAULTS = (
    "lost",
    "half an answer",
    "half a request",
    "409",
    "412",
    "500",
    "500 after",
    "503",
    "wrong bytes there",
    "wrong bytes back",
    "silence",
    "a trickle",
)
"""``lost``: done, and the answer dropped. ``silence``: not done, and no answer. ``a trickle``: done, and the answer stays half said. ``500 after``: done, and answered with 500. Numbers: not done."""


_SAID = {
    "409": (409, "ConditionalRequestConflict"),
    "412": (412, "PreconditionFailed"),
    "500": (500, "InternalError"),
    "503": (503, "SlowDown"),
    "clock": (403, "RequestTimeTooSkewed"),
    "expired": (400, "ExpiredToken"),
    "unknown keys": (403, "InvalidAccessKeyId"),
    "wrong secret": (403, "SignatureDoesNotMatch"),
    "denied": (403, "AccessDenied"),
    "full": (507, "XMinioStorageFull"),
    "unheard of": (501, "NotImplemented"),
    "moved": (400, "AuthorizationHeaderMalformed"),
}


@dataclass
class Network:
    """What happens to which request, counted from 1; 0: none. ``always``: to all from that one on.

    ``at_requests_that_begin``: to all that begin so, instead; ``headers``: those of the requests that were seen, in lower case.
    ``ignores_conditions_of``: what ``ignores`` names is taken off writes to keys that end so (empty: all of them).
    ``holds``: set when nobody waits any more; until then a stalled answer stays stalled.
    """

    upstream: str
    url: str = ""
    fault: str = ""
    at: int = 0
    always: bool = False
    seen: list[str] = field(default_factory=list)
    ignores_conditions_of: str | None = None
    ignores: tuple[str, ...] = ("if-match", "if-none-match")
    at_requests_that_begin: str | None = None
    headers: list[dict[str, str]] = field(default_factory=list)
    holds: threading.Event = field(default_factory=threading.Event)

    def breaks(self, fault: str, at: int, *, always: bool = False) -> None:
        """From now on, count anew."""
        self.fault, self.at, self.always = fault, at, always
        self.seen.clear()
        self.headers.clear()

    def count(self, request: str, headers: dict[str, str]) -> str:
        """Count a request; what is to go wrong with it."""
        self.seen.append(request)
        self.headers.append(headers)
        number = len(self.seen)
        if self.at_requests_that_begin is not None:
            return self.fault if request.startswith(self.at_requests_that_begin) else ""
        return self.fault if number == self.at or (self.always and 0 < self.at <= number) else ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: Network
    upstream: str

    def _pass_on(self) -> None:
        fault = self.network.count(f"{self.command} {self.path}", {name.lower(): each for name, each in self.headers.items()})
        if fault == "half a request":
            self.rfile.read(int(self.headers.get("Content-Length") or 0) // 2)
            self._reset()
            return
        body = self._body()
        if fault in _SAID:
            self._say(fault)
            return
        if fault == "wrong bytes there" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "silence":
            self._stall()
            return
        status, headers, answer = self._ask(body)
        match fault:
            case "a trickle":
                self._answer(status, headers, answer, half=True)
                self._stall()
            case "lost":
                self._reset()
            case "500 after":
                self._say("500")
            case "half an answer":
                self._answer(status, headers, answer, half=True)
                self._reset()
            case "wrong bytes back" if answer and self.command == "GET" and "?" not in self.path:
                self._answer(status, headers, answer[:-1] + bytes([answer[-1] ^ 1]))
            case _:
                self._answer(status, headers, answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while length := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(length)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return body

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        host = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(host.hostname or "", host.port)
        try:
            dropped = {"expect", "connection", "transfer-encoding"}
            ignored = self.network.ignores_conditions_of
            if ignored is not None and urlsplit(self.path).path.endswith(ignored):
                dropped |= {*self.network.ignores}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            kept = [
                (name, value) for name, value in answer.getheaders() if name.lower() not in {"connection", "transfer-encoding"}
            ]
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, half: bool = False) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if status != http.HTTPStatus.NO_CONTENT and self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if half else body)

    def _say(self, fault: str) -> None:
        status, code = _SAID[fault]
        told = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>on purpose</Message></Error>"
        self._answer(status, [("Content-Type", "application/xml")], told.encode())

    def _stall(self) -> None:
        """Say nothing more until the test is over; the client's patience ends before."""
        self.wfile.flush()
        self.network.holds.wait(60)
        self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()

    def finish(self) -> None:
        if not self.close_connection or self.connection.fileno() >= 0:
            super().finish()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815 - the base class's words

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # whoever is cut off complains

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket) and request.fileno() >= 0:
            super().shutdown_request(request)


def patience(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings of a client in a test of this fault: one that is met with silence waits half a second, and no longer."""
    call = getattr(request.node, "callspec", None)
    return {"timeout_seconds": 0.5} if call and call.params.get("fault") in {"silence", "a trickle"} else {}


@contextmanager
def bad_network(upstream: str, tls: tuple[Path, Path] | None = None) -> Iterator[Network]:
    """A proxy in front of a server; it is honest until told otherwise. ``tls``: a certificate and its key."""
    network = Network(upstream)
    handler = type("Handler", (_Handler,), {"network": network, "upstream": upstream})
    with _Server(("127.0.0.1", 0), handler) as proxy:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
        network.url = f"{'https' if tls else 'http'}://127.0.0.1:{proxy.server_address[1]}"
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield network
        finally:
            network.holds.set()
            proxy.shutdown()
            thread.join()
