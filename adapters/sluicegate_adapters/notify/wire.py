"""What goes over the network while one message is sent: bounded, never redirected, and nothing of it in a log.

apprise says *that* a service didn't take a message, not what it answered. Its plugins all speak through ``requests``, so that is where
this looks (``requests.Session.send``, in the sending thread only): how the service answered, and after how long it wants to be asked again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sluicegate.ports.notifier import Sent

if TYPE_CHECKING:
    import requests

__all__ = ["LATE", "Exchange", "redacted", "retry_seconds", "watched"]

LOGGERS = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
LATE = "no answer in time"
ANSWER_AT_MOST = 1 << 20  # bytes of an answer; no service says more that matters
_SHOWN = 160  # characters of an answer that people are shown
_SECRET_AT_LEAST = 4  # characters; to blot out shorter ones would make every text unreadable
# What won't be better the next time: the message isn't understood, the key is wrong, the address is gone or moved for good.
HOPELESS = frozenset({301, 308, 400, 401, 403, 404, 405, 406, 410, 411, 413, 414, 415, 422})

_current: ContextVar[Exchange | None] = ContextVar("sluicegate_exchange", default=None)
_installing = threading.Lock()


@dataclass(slots=True)
class Exchange:
    """One message on its way to one service.

    Attributes:
        status: of the last answer; None if there was none.
        said: what that answer's body said.
        trouble: what went wrong otherwise.
        hopeless: whether that is for good, where the status doesn't say it.
    """

    timeout: float
    secrets: frozenset[str]
    started: float = field(default_factory=time.monotonic)
    status: int | None = None
    said: str = ""
    retry_after: float | None = None
    trouble: str = ""
    hopeless: bool | None = None

    @property
    def left(self) -> float:
        """Seconds; never 0, which would mean for ever to some."""
        return max(self.started + self.timeout - time.monotonic(), 0.001)

    def sent(self, *, delivered: bool) -> Sent:
        """What to tell of it."""
        if delivered:
            return Sent(delivered=True, detail=self._status_line())
        hopeless = self.hopeless if self.hopeless is not None else self.status in HOPELESS and not self.trouble
        parts = (self.trouble, self._status_line(), self.said)
        detail = ": ".join(dict.fromkeys(filter(None, parts))) or "the service didn't take it"
        return Sent(delivered=False, detail=redacted(detail, self.secrets), retry_after=self.retry_after, hopeless=hopeless)

    def _status_line(self) -> str:
        if self.status is None:
            return ""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)

    def answered(self, status: int, body: bytes, retry_after: str | None = None) -> None:
        """Note an answer."""
        self.status, self.said, self.trouble = status, _shown(body), ""
        self.retry_after = None if retry_after is None else retry_seconds(retry_after, datetime.now(UTC))

    def carry(
        self, send: Callable[..., requests.Response], session: requests.Session, request: Any, options: dict[str, Any]
    ) -> Any:
        """One request, in what is left of the time."""
        import requests

        options |= {"allow_redirects": False, "stream": True, "timeout": self.left}
        try:
            response = send(session, request, **options)
            content = self._content(response)
        except requests.RequestException as error:
            self.status, self.said, self.trouble = None, "", _trouble(error)
            raise
        self.answered(response.status_code, content, response.headers.get("Retry-After"))
        if response.is_redirect:
            self.said = "it sends us elsewhere, which isn't followed"
        return response

    def _content(self, response: requests.Response) -> bytes:
        """The body, so that ``response.content`` is it: read piece by piece as it comes, for a slow server may drip for ever."""
        import requests
        import urllib3

        content = b""
        try:
            while piece := response.raw.read1(ANSWER_AT_MOST, decode_content=True):
                content += piece
                if len(content) >= ANSWER_AT_MOST:
                    break
                if time.monotonic() > self.started + self.timeout:
                    raise requests.ReadTimeout
        except (urllib3.exceptions.ProtocolError, OSError) as error:
            raise requests.exceptions.ChunkedEncodingError(error) from error
        except urllib3.exceptions.HTTPError as error:
            raise requests.ReadTimeout(error) from error
        finally:
            response.close()
        response._content = content  # noqa: SLF001 - what `response.content` sets when it reads all at once
        return content


@contextmanager
def watched(exchange: Exchange) -> Iterator[None]:
    """Whatever this thread sends meanwhile belongs to this exchange."""
    _install()
    apprise = logging.getLogger("apprise")
    if apprise.getEffectiveLevel() < logging.INFO:
        apprise.setLevel(logging.INFO)  # below, it prints addresses whole, also from threads that a plugin starts by itself
    token = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(token)


def redacted(text: str, secrets: frozenset[str]) -> str:
    """The text without any of these."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SECRET_AT_LEAST:
            text = text.replace(secret, "…")
    return text


def _install() -> None:
    """Once: what isn't sent by us passes untouched."""
    import requests

    with _installing:
        original = requests.Session.send
        if getattr(original, "_sluicegate", False):
            return

        def send(session: requests.Session, request: Any, **options: Any) -> Any:
            exchange = _current.get()
            if exchange is None:
                return original(session, request, **options)
            return exchange.carry(original, session, request, options)

        send._sluicegate = True  # type: ignore[attr-defined]  # noqa: SLF001 - our own mark
        requests.Session.send = send  # type: ignore[assignment, method-assign]
        for name in LOGGERS:
            logging.getLogger(name).addFilter(_not_ours)
        apprise = logging.getLogger(
            "apprise"
        )  # at DEBUG it prints addresses whole, also from threads that a plugin starts by itself
        apprise.setLevel(max(apprise.level, logging.INFO))


def _not_ours(record: logging.LogRecord) -> bool:
    """Whether a library's record may go to a log: they know our addresses and passwords, so what we send never is. The last one is kept."""
    exchange = _current.get()
    if exchange is None:
        return True
    if record.levelno >= logging.WARNING and record.name == "apprise" and exchange.status is None and not exchange.trouble:
        exchange.said = _shown(record.getMessage().encode())
    return False


def _shown(body: bytes) -> str:
    text = " ".join(body[: 8 * _SHOWN].decode(errors="replace").split())
    text = "".join(letter for letter in text if letter.isprintable())
    return "" if text.startswith("<") else text[:_SHOWN]  # a page of HTML tells nobody anything


def retry_seconds(said: str, now: datetime) -> float | None:
    """What a Retry-After says, in seconds or as a date; None if that can't be understood."""
    text = said.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - now).total_seconds(), 0.0)


def _trouble(error: Exception) -> str:
    """In words of our own: an exception's text may hold the address."""
    import requests

    causes = " ".join(type(cause).__name__ for cause in _causes(error))
    for known, words in (
        ("SSL", "no secure connection: its certificate can't be trusted, or it doesn't speak TLS"),
        ("NameResolution", "its name can't be resolved"),
        ("gaierror", "its name can't be resolved"),
        ("ConnectionRefused", "the connection was refused"),
        ("Proxy", "the proxy can't be used"),
        ("IncompleteRead", "the connection broke off in mid-answer"),
    ):
        if known in causes:
            return words
    if isinstance(error, requests.Timeout):
        return LATE
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off in mid-answer"
    if isinstance(error, requests.ConnectionError):
        return "the connection broke off"
    return type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what it was made of: ``requests`` wraps by arguments, urllib3 by ``reason``."""
    seen: list[BaseException | None] = [error]
    for found in seen:  # grows while we look
        if found is None:
            continue
        yield found
        inner = [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]
        seen.extend(one for one in inner if isinstance(one, BaseException) and one not in seen)
