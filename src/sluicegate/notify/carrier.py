"""One thread for one service: what is due there is sent one after the other, and what came of each is noted.

Whoever started it may stop waiting for it; then it ends what it has begun, notes that, and takes nothing more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import SimpleQueue

from sluicegate.errors import StorageError
from sluicegate.history.message import Delivery, DeliveryState, Result
from sluicegate.history.outbox import Outbox

__all__ = ["Carrier", "Delivered", "Jam", "Question"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came of sending one message to one service.

    Attributes:
        state: ``delivered``; ``due``: it will be tried again, at ``next_at``; ``failed``: it won't; ``dropped``: its channel is gone.
        detail: what the service said, or what kept it away; without secrets.
    """

    delivery: Delivery
    state: DeliveryState
    detail: str = ""
    next_at: datetime | None = None


class Jam:
    """The services that threads hang in although nobody waits for them any more: nobody is to start a second one there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stuck: list[Carrier | Question] = []

    def add(self, stuck: Carrier | Question) -> None:
        """Somebody stopped waiting for it."""
        with self._lock:
            self._stuck = [each for each in (*self._stuck, stuck) if each.is_alive]

    def __contains__(self, service: object) -> bool:
        with self._lock:
            return any(each.service == service and each.is_alive for each in self._stuck)


class Question:
    """Asks a notifier which services it has. A stranger's may break over that, say nothing for long, or want to end the process.

    Attributes:
        service: the channel's name, and none of its services.
        answer: None if there is none, or none yet.
    """

    def __init__(self, channel: str, ask: Callable[[], Iterable[str]]) -> None:
        self.service = (channel, "")
        self.answer: tuple[str, ...] | None = None
        self._ask = ask
        self._thread = threading.Thread(target=self._run, name=f"sluicegate-notify-{channel}", daemon=True)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def answered(self, seconds: float) -> float:
        """Wait for the answer; how many of the seconds are left."""
        begun = time.monotonic()
        try:
            self._thread.start()
        except RuntimeError:  # the system has no thread left
            self._run()
        else:
            self._thread.join(seconds)
        return max(0.0, seconds - (time.monotonic() - begun))

    def _run(self) -> None:
        with suppress(BaseException):  # lint and doctor say what
            self.answer = tuple(dict.fromkeys(self._ask()))


class Carrier:
    """Sends deliveries of one service.

    Args:
        service: the channel's name and the service's.
        deliveries: claimed by this process.
        send: one of them; says what came of it, and never raises.
        outbox: where that is noted.
        answers: and told to whoever waits.
    """

    def __init__(
        self,
        service: tuple[str, str],
        deliveries: Sequence[Delivery],
        *,
        send: Callable[[Delivery], Result],
        outbox: Outbox,
        answers: SimpleQueue[Delivered],
    ) -> None:
        self.service = service
        self._rest = deque(deliveries)
        self._sending: Delivery | None = None
        self._alone = False
        self._lock = threading.Lock()
        self._send, self._outbox, self._answers = send, outbox, answers
        self._thread = threading.Thread(target=self._run, name=f"sluicegate-notify-{service[0]}", daemon=True)

    def start(self) -> None:
        """Begin; the process may end without waiting for it."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def leave(self, next_at: datetime, why: str, unanswered: Callable[[Delivery], Result]) -> tuple[Delivered, ...]:
        """Stop waiting for it; it tells nothing any more.

        What it has not begun is given back, for whoever comes from ``next_at`` on. What is under way is noted as ``unanswered`` says, for
        the process may end before the answer comes; should it come, and the message have arrived, that goes before.
        """
        with self._lock:
            self._alone = True
            rest, sending = tuple(self._rest), self._sending
            self._rest.clear()
        begun = (self._note(sending, unanswered(sending)),) if sending else ()
        return (*begun, *self._give_back(rest, next_at, why))

    def _run(self) -> None:
        while (delivery := self._next()) is not None:
            result = self._send(delivery)
            told = self._note(delivery, result)
            with self._lock:
                self._sending = None
                rest = tuple(self._rest) if result.state is DeliveryState.DUE else ()
                if rest:
                    self._rest.clear()
            self._tell(told)
            for other in self._give_back(rest, result.next_at or result.at, result.detail):
                self._tell(other)  # who doesn't take this one won't take the next one either

    def _next(self) -> Delivery | None:
        with self._lock:
            self._sending = self._rest.popleft() if self._rest else None
            return self._sending

    def _note(self, delivery: Delivery, result: Result) -> Delivered:
        detail = result.detail
        try:
            self._outbox.note(delivery, result)
        except StorageError as error:
            detail = f"{detail}; that could not be noted: {error}".removeprefix("; ")
        return Delivered(delivery=delivery, state=result.state, detail=detail, next_at=result.next_at)

    def _give_back(self, rest: Sequence[Delivery], next_at: datetime, why: str) -> tuple[Delivered, ...]:
        with suppress(StorageError):  # the lease ends by itself
            if rest:
                self._outbox.give_back(rest, next_at)
        return tuple(Delivered(delivery=each, state=DeliveryState.DUE, detail=why, next_at=next_at) for each in rest)

    def _tell(self, told: Delivered) -> None:
        with self._lock:
            if not self._alone:
                self._answers.put(told)
