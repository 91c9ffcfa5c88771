"""The conformance suite for notifiers: whoever writes one subclasses ``NotifierConformance`` and gives three fixtures. And a notifier in memory.

.. code-block:: python

    class TestMine(NotifierConformance):
        @pytest.fixture
        def notifier(self, my_server) -> Notifier:
            return MyNotifier({"url": my_server.url, "token": "s3cret"}, Path())

        @pytest.fixture
        def nobody_there(self) -> Notifier:
            return MyNotifier({"url": "http://127.0.0.1:1", "token": "s3cret"}, Path())

        @pytest.fixture
        def arrived(self, my_server) -> Callable[[], bytes]:
            return my_server.everything_so_far

Needs pytest.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from sluicegate.ports.notifier import AlertSeverity, Message, Notifier, Sent, TextFormat

__all__ = ["MESSAGE", "MemoryNotifier", "NotifierConformance"]

MESSAGE = Message(
    key="message-1",
    incident="incident-1",
    title="orders: 3 checks failed",
    body="not_null failed",
    text="not_null failed",
    severity=AlertSeverity.ERROR,
    link="https://gate.example.org/runs/1",
)
AWKWARD = (
    "",
    " ",
    "Größe ✅ 数",
    "a\r\nBcc: everybody@example.org",
    "<b>&amp;'\"",
    "{{ 7 * 7 }} ${HOME} %s {0}",
    "\x00\x1b[2J",
    "x" * 100_000,
)
TIME = 20.0  # seconds: more than any of it takes
RECIPIENTS = (("nobody",), ("", "@", "#", "a b@c"), ("somebody@example.org", "#channel", "@user"), ("x" * 10_000,))


class MemoryNotifier:
    """Keeps what it is given; says what it was told to say, one answer after the other, and then that all went well.

    Attributes:
        kept: what was delivered: (service, message), in its order.
    """

    format = TextFormat.TEXT

    def __init__(self, *answers: Sent, services: Sequence[str] = ("memory",), secrets: Iterable[str] = ()) -> None:
        self.kept: list[tuple[str, Message]] = []
        self.secrets = frozenset(secrets)
        self._services = tuple(services)
        self._answers = list(answers)
        self._lock = threading.Lock()

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002 - the port's signature
        return self._services

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:  # noqa: ARG002 - the port's signature
        with self._lock:
            sent = self._answers.pop(0) if self._answers else Sent(delivered=True)
            if sent.delivered:
                self.kept.append((service, message))
            return sent


class NotifierConformance:
    """What every notifier promises."""

    @pytest.fixture
    def notifier(self) -> Notifier:
        """The notifier under test; its services take what they are sent. It has a secret, if its kind has."""
        raise NotImplementedError

    @pytest.fixture
    def nobody_there(self) -> Notifier:
        """The same kind, with nobody at the other end."""
        raise NotImplementedError

    @pytest.fixture
    def arrived(self) -> Callable[[], bytes]:
        """All bytes that arrived at the other end so far."""
        raise NotImplementedError

    def test_a_message_arrives_once_with_its_title(self, notifier: Notifier, arrived: Callable[[], bytes]) -> None:
        (service, *_) = notifier.services(())
        sent = notifier.send(service, replace(MESSAGE, title="the-only-title"), timeout=TIME)
        assert (sent.delivered, sent.hopeless, sent.retry_after) == (True, False, None)
        assert b"the-only-title" in arrived()

    def test_services_have_the_same_names_every_time(self, notifier: Notifier) -> None:
        assert notifier.services(()) == notifier.services(())
        assert len(set(notifier.services(()))) == len(notifier.services(())) > 0

    @pytest.mark.parametrize("recipients", RECIPIENTS, ids=range(len(RECIPIENTS)))
    def test_recipients_that_it_cant_reach_are_left_out(self, notifier: Notifier, recipients: tuple[str, ...]) -> None:
        services = notifier.services(recipients)
        assert len(set(services)) == len(services) <= max(len(recipients), len(notifier.services(())))

    def test_its_format_is_known(self, notifier: Notifier) -> None:
        assert notifier.format in TextFormat

    @pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
    @pytest.mark.parametrize("where", [("title",), ("body", "text"), ("key", "incident", "link")], ids="+".join)
    def test_any_text_is_sent_or_refused_and_nothing_breaks(self, notifier: Notifier, text: str, where: Sequence[str]) -> None:
        (service, *_) = notifier.services(())
        message = replace(MESSAGE, **dict.fromkeys(where, text))  # type: ignore[arg-type]  # each of these is a text
        assert isinstance(notifier.send(service, message, timeout=TIME), Sent)

    @pytest.mark.parametrize("severity", AlertSeverity)
    @pytest.mark.parametrize("resolves", [False, True])
    def test_any_kind_of_message_is_taken(self, notifier: Notifier, severity: AlertSeverity, resolves: bool) -> None:  # noqa: FBT001
        (service, *_) = notifier.services(())
        assert notifier.send(
            service, replace(MESSAGE, severity=severity, resolves=resolves, mention=True), timeout=TIME
        ).delivered

    def test_where_nobody_is_there_the_message_may_be_sent_later(self, nobody_there: Notifier) -> None:
        (service, *_) = nobody_there.services(())
        sent = nobody_there.send(service, MESSAGE, timeout=TIME)
        assert (sent.delivered, sent.hopeless) == (False, False)
        assert sent.detail, "it says why"

    def test_its_secrets_are_shown_nowhere(
        self, notifier: Notifier, nobody_there: Notifier, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        shown: list[str] = []
        for one in (notifier, nobody_there):
            shown += [repr(one), str(one), json.dumps(one.services(()))]
            shown += [repr(one.send(service, MESSAGE, timeout=TIME)) for service in one.services(())]
        out, err = capfd.readouterr()
        everything = "\n".join((*shown, caplog.text, out, err))
        assert [secret for secret in notifier.secrets | nobody_there.secrets if secret in everything] == []

    def test_several_threads_may_send_at_once(self, notifier: Notifier, arrived: Callable[[], bytes]) -> None:
        (service, *_) = notifier.services(())
        messages = [replace(MESSAGE, key=f"message-{number}", title=f"title-{number}-") for number in range(8)]
        with ThreadPoolExecutor(len(messages)) as pool:
            sent = list(pool.map(lambda message: notifier.send(service, message, timeout=TIME), messages))
        assert all(one.delivered for one in sent)
        everything = arrived()
        assert all(message.title.encode() in everything for message in messages)
