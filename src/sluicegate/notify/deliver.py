"""Delivering: what is due is claimed and sent, each service by a thread of its own, and what came of it is noted.

Who calls waits no longer than it said. A service that hasn't answered by then is left to its thread, which still notes that the message
arrived if the process lives so long; if not, it is sent again, later and later, for a service that is always slow may have taken it each time.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue

from sluicegate.errors import SluicegateError
from sluicegate.history.message import Delivery, DeliveryState, Result
from sluicegate.history.outbox import Outbox
from sluicegate.history.owner import Owner
from sluicegate.notify.carrier import Carrier, Delivered, Question
from sluicegate.notify.notifiers import Notifiers
from sluicegate.notify.retry import FIRST_WAIT, next_try
from sluicegate.notify.routing import route_waiting
from sluicegate.notify.templates import Folded, render
from sluicegate.ports.notifier import Message, Notifier, Sent
from sluicegate.redact import redacted
from sluicegate.words import one_line

__all__ = ["PATIENCE", "Delivered", "flush"]

PATIENCE = 30.0
"""How long a service may take, in seconds, whoever waits for it: one that took a message and was not listened to is sent it again."""
_SPARE = 60.0
"""What a lease has beyond that, in seconds: machines are slow, and clocks differ."""
_OPENING = 10.0
"""How long the notifiers may take to say which services they have, in seconds; they contact nobody for that."""
_AT_ONCE = 32
"""Deliveries in hand at most; each may need a thread."""
_LONGEST_DETAIL = 300


def _now() -> datetime:
    return datetime.now(UTC)


def flush(
    outbox: Outbox,
    notifiers: Notifiers,
    *,
    limit: float,
    clock: Callable[[], datetime] = _now,
    chance: Callable[[], float] = random.random,
) -> tuple[Delivered, ...]:
    """Make messages of the alerts that wait, and send what is due, for at most about ``limit`` seconds.

    Nothing that a service, a template or a setting does makes it raise: that is in what it returns, and in the outbox.

    Args:
        outbox: whose.
        notifiers: what the channels are reached by.
        limit: how long to wait for services, in seconds; with 0 nothing is sent.
        clock: the time, in UTC: what is due is due by it.
        chance: 0 to 1, to spread out what is tried again.

    Raises:
        StorageError: the outbox can't be used; what was sent and could not be noted may be sent again.
    """
    route_waiting(outbox, notifiers.settings, clock())
    return _Round(outbox, notifiers, limit=limit, clock=clock, chance=chance).run()


def _service_of(delivery: Delivery) -> tuple[str, str]:
    return delivery.channel, delivery.service


class _Round:
    """Claims, hands to threads, and waits for them until its time is over."""

    def __init__(
        self, outbox: Outbox, notifiers: Notifiers, *, limit: float, clock: Callable[[], datetime], chance: Callable[[], float]
    ) -> None:
        self._outbox, self._notifiers, self._clock, self._chance = outbox, notifiers, clock, chance
        self._ends = time.monotonic() + limit
        self._lease = timedelta(seconds=limit + PATIENCE + _SPARE)
        self._owner = Owner.here()
        self._answers: SimpleQueue[Delivered] = SimpleQueue()
        self._unable: set[str] = set()
        self._opening = _OPENING

    def run(self) -> tuple[Delivered, ...]:
        told: list[Delivered] = []
        carriers: list[Carrier] = []
        in_hand: Counter[tuple[str, str]] = Counter()
        refused: set[tuple[str, str]] = set()
        some_free = True
        while (left := self._ends - time.monotonic()) > 0:
            while some_free and in_hand.total() < _AT_ONCE:
                taken = self._claim(_AT_ONCE - in_hand.total(), refused | in_hand.keys())
                in_hand.update(map(_service_of, taken))
                carriers += self._started(taken)
                some_free = bool(taken)
            if not in_hand:
                break
            try:
                told.append(self._answers.get(timeout=left))
            except Empty:
                break
            service = _service_of(told[-1].delivery)
            in_hand -= Counter([service])
            some_free = service not in in_hand
            if told[-1].state is DeliveryState.DUE:  # who doesn't take one won't take the next one either
                refused.add(service)
        for carrier in carriers:
            told += carrier.leave(self._clock(), "there was no time left", self._unanswered)
            if carrier.is_alive:
                self._notifiers.jam.add(carrier)
        return (*told, *self._drained())

    def _drained(self) -> Iterator[Delivered]:
        while not self._answers.empty():
            yield self._answers.get_nowait()

    def _claim(self, limit: int, besides: Collection[tuple[str, str]]) -> tuple[Delivery, ...]:
        """Take what is due at other services than these."""
        return self._outbox.claim(
            self._clock(), self._owner, lease=self._lease, services=self._services, limit=limit, besides=tuple(besides)
        )

    def _services(self, channel: str, recipients: tuple[str, ...]) -> tuple[str, ...] | None:
        """None if that can't be told: its settings are broken, and will be mended; nowhere if the channel is gone."""
        if self._notifiers.channel(channel) is None:
            return ()
        if channel in self._unable or (channel, "") in self._notifiers.jam:
            return None
        question = Question(channel, lambda: self._notifiers.of(channel).services(recipients))
        self._opening = question.answered(self._opening)
        if question.is_alive:
            self._notifiers.jam.add(question)
        if question.answer is None:
            self._unable.add(channel)
        return question.answer

    def _started(self, taken: Sequence[Delivery]) -> list[Carrier]:
        by_service: dict[tuple[str, str], list[Delivery]] = {}
        for delivery in taken:
            by_service.setdefault(_service_of(delivery), []).append(delivery)
        started = []
        for service, deliveries in by_service.items():
            send = self._stuck if service in self._notifiers.jam else self._sent
            carrier = Carrier(service, deliveries, send=send, outbox=self._outbox, answers=self._answers)
            try:
                carrier.start()
            except RuntimeError as error:  # the system has no thread left
                for each in carrier.leave(self._clock() + FIRST_WAIT, str(error), self._unanswered):
                    self._answers.put(each)
            else:
                started.append(carrier)
        return started

    def _stuck(self, delivery: Delivery) -> Result:
        return self._result(delivery, Sent(delivered=False, detail="the service has not answered an earlier message yet"))

    def _unanswered(self, delivery: Delivery) -> Result:
        """Nobody else may send it while the answer can still come."""
        found = self._result(delivery, Sent(delivered=False, detail="no answer yet"))
        return replace(found, next_at=found.next_at and found.next_at + timedelta(seconds=PATIENCE))

    def _sent(self, delivery: Delivery) -> Result:
        """Send it. Never raises."""
        if self._notifiers.channel(delivery.channel) is None:
            return Result(state=DeliveryState.DROPPED, at=self._clock(), detail="the channel is not there any more")
        try:
            notifier = self._notifiers.of(delivery.channel)
            sent = notifier.send(delivery.service, self._message(delivery, notifier), timeout=PATIENCE)
        except SluicegateError as error:  # its words are ours
            return self._result(delivery, Sent(delivered=False, detail=str(error)))
        except Exception as error:  # noqa: BLE001 - a stranger's notifier may break in any way, and its words may hold a secret
            return self._result(delivery, Sent(delivered=False, detail=f"the notifier broke: {type(error).__name__}"))
        return self._result(delivery, sent)

    def _message(self, delivery: Delivery, notifier: Notifier) -> Message:
        settings = self._notifiers.settings
        refused = any(alert.refusal for alert in delivery.alerts)
        folded = Folded(
            key=delivery.message_id,
            alerts=delivery.alerts,
            count=delivery.count,
            first_at=delivery.first_at,
            last_at=delivery.last_at,
            standing="failing" if delivery.failing else "passing" if refused else "",
            digest=delivery.is_digest,
        )
        found = render(settings.channels[delivery.channel], notifier.format, folded, settings)
        return replace(
            found, title=redacted(found.title), body=redacted(found.body), text=redacted(found.text), link=redacted(found.link)
        )

    def _result(self, delivery: Delivery, sent: Sent) -> Result:
        now = self._clock()
        detail = one_line(redacted(sent.detail), _LONGEST_DETAIL)
        if sent.delivered:
            return Result(state=DeliveryState.DELIVERED, at=now, detail=detail)
        if sent.hopeless:
            return Result(state=DeliveryState.FAILED, at=now, detail=detail)
        patience = self._notifiers.settings.give_up_after
        if now - delivery.since >= patience:
            return Result(state=DeliveryState.FAILED, at=now, detail=f"given up after {delivery.attempt} attempts: {detail}")
        again = next_try(sent, delivery.attempt, now, jitter=self._chance())
        return Result(state=DeliveryState.DUE, at=now, detail=detail, next_at=again)
