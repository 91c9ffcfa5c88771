"""Whatever happens, fails, dies and is repeated: every alert is told, in one message per channel that wants it, and messages are few."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sluicegate.history import SqliteHistory
from sluicegate.history.alert import Alert, Event
from sluicegate.history.message import DIGEST, Delivery, DeliveryState, Intent, Result
from sluicegate.history.outbox import Outbox
from sluicegate.history.owner import Owner
from sluicegate.notify.model import Channel, Digest, NotificationSettings, QuietHours
from sluicegate.notify.routing import route_waiting
from sluicegate.ports.notifier import AlertSeverity
from tests.unit.history.alerts import HERE, LEASE, NOBODY_LEFT, alert

INFO, WARNING, ERROR, CRITICAL = reversed(AlertSeverity)
ELSEWHERE = Owner("another host", 1, "1")
WINDOW = timedelta(hours=1)
BEGIN = datetime(2026, 1, 1, 21, 30, tzinfo=UTC)
"""Half an hour before the night."""
NIGHT = QuietHours(start=time(22), end=time(6), severities=frozenset({ERROR}))
SERVICES = {"all": ("room",), "mail": ("a@x", "b@x"), "pager": ("pager",)}
SETTINGS = NotificationSettings(
    channels={
        "all": Channel(name="all", type="t"),
        "mail": Channel(name="mail", type="t", severities=frozenset({WARNING, ERROR, CRITICAL})),
        "pager": Channel(name="pager", type="t", severities=frozenset({CRITICAL})),
        "off": Channel(name="off", type="t", enabled=False),
    },
    default_channels=("all", "mail", "off"),
    window=WINDOW,
    quiet_hours=NIGHT,
    digest=Digest(at=time(9), severities=frozenset({WARNING})),
)
EVENTS = {
    CRITICAL: (Event.SCHEMA_VIOLATION,),
    ERROR: (Event.QUALITY_VIOLATION, Event.QUARANTINED),
    WARNING: (Event.COMMITTED_WITH_WARNINGS,),
    INFO: (Event.REPLAYED,),
}
CHOSEN = [(), ("pager", "all"), ("mail", "nowhere")]


def wanted(each: Alert) -> set[str]:
    """The channels that it goes to, spelled out."""
    names = set(each.channels or ("all", "mail"))
    return names & (
        {"all"} | ({"mail"} if each.severity != INFO else set()) | ({"pager"} if each.severity == CRITICAL else set())
    )


def group(each: Alert) -> str:
    return DIGEST if each.severity == WARNING else f"{each.contract_name} {each.severity}"


@dataclass
class Held:
    """A delivery in somebody's hands."""

    delivery: Delivery
    owner: Owner
    until: datetime


class OutboxLife(RuleBasedStateMachine):
    """Happenings, some of them met twice; processes that act on them and die over it; senders that do, too; and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sluicegate-outbox-"))
        self.history = SqliteHistory(self.folder / "history.sqlite")
        numbers = count()
        self.outbox = Outbox(self.history._database, fresh=lambda: f"{next(numbers):03}")
        self.now = BEGIN
        self.told: dict[str, Alert] = {}
        self.planned: list[Intent] = []
        self.held: dict[tuple[str, str], Held] = {}
        self.sizes: dict[str, int] = {}
        self.sealed: dict[str, datetime] = {}
        self.arrived: Counter[tuple[str, str]] = Counter()
        self.groups: dict[str, tuple[str, str]] = {}

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.settles()
        finally:
            self.history.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    @rule(
        number=st.integers(0, 30), contract=st.sampled_from(["flights", "orders"]), severity=st.sampled_from([*AlertSeverity, ERROR]),
        channels=st.sampled_from(CHOSEN), course=st.sampled_from(["recorded", "routed", "planned", "died"]),
    )  # fmt: skip
    def happens(self, number: int, contract: str, severity: AlertSeverity, channels: tuple[str, ...], course: str) -> None:
        """The same number and contract and severity are the same happening, met again."""
        key = f"{contract} {severity} {number}"
        found = alert(key, contract_name=contract, severity=severity, events=EVENTS[severity], at=self.now, channels=channels)
        if course in {"recorded", "routed"}:
            assert self.outbox.put(found) == (key not in self.told)
            self.told.setdefault(key, found)
            if course == "routed":
                self.alerts_are_routed()
        else:
            owner = HERE if course == "planned" else NOBODY_LEFT
            self.planned.append(self.outbox.intend(found, owner, self.now))

    @precondition(lambda self: any(intent.owner == HERE for intent in self.planned))
    @rule(failed=st.booleans())
    def acted(self, *, failed: bool) -> None:
        """Who planned something has done it, or failed to."""
        intent = next(intent for intent in self.planned if intent.owner == HERE)
        self.planned.remove(intent)
        if failed:
            self.outbox.drop(intent)
        else:
            self.outbox.settle(intent, intent.alert)
            self.told.setdefault(intent.alert.key, intent.alert)

    @rule()
    def orphans_are_settled(self) -> None:
        found = self.outbox.orphans(self.now)
        assert [intent.intent_id for intent in found] == [each.intent_id for each in self.planned if each.owner == NOBODY_LEFT]
        for intent in found:
            self.outbox.settle(intent, intent.alert)
            self.told.setdefault(intent.alert.key, intent.alert)
        self.planned = [intent for intent in self.planned if intent.owner != NOBODY_LEFT]

    @rule()
    def alerts_are_routed(self) -> None:
        waiting = len(self.outbox.waiting())
        assert route_waiting(self.outbox, SETTINGS, self.now) == waiting

    @rule(owner=st.sampled_from([HERE, HERE, NOBODY_LEFT, ELSEWHERE]), limit=st.sampled_from([1, 100]))
    def somebody_claims(self, owner: Owner, limit: int) -> None:
        self.alerts_are_routed()
        pending = self.outbox.pending(self.now)
        found = self.outbox.claim(self.now, owner, lease=LEASE, services=lambda channel, _: SERVICES[channel], limit=limit)
        assert pending or not found
        for each in found:
            place = (each.message_id, each.service)
            held = self.held.get(place)
            assert each.severity != ERROR or not self.is_night or held is not None, "nobody is woken"
            assert held is None or held.owner == NOBODY_LEFT or held.until <= self.now, (
                "nobody takes what a living one has in hand"
            )
            assert not self.arrived[place], "nobody takes what has arrived"
            assert self.sizes.setdefault(each.message_id, each.count) == each.count, "nothing joins a message that is on its way"
            self.held[place] = Held(each, owner, self.now + LEASE)

    @property
    def is_night(self) -> bool:
        return self.now.time() >= NIGHT.start or self.now.time() < NIGHT.end

    @precondition(lambda self: self.held)
    @rule(
        number=st.integers(0, 9), state=st.sampled_from([DeliveryState.DELIVERED, DeliveryState.DUE]), minutes=st.integers(0, 90)
    )
    def a_service_answers(self, number: int, state: DeliveryState, minutes: int) -> None:
        place = sorted(self.held)[number % len(self.held)]
        held = self.held[place]
        if held.owner == NOBODY_LEFT:
            return
        next_at = self.now + timedelta(minutes=minutes)
        noted = self.outbox.note(held.delivery, Result(state=state, at=self.now, next_at=next_at))
        assert noted or (state == DeliveryState.DUE and held.until <= self.now), "who comes in time, or with good news, is heard"
        del self.held[place]
        self.arrived[place] += state == DeliveryState.DELIVERED

    @precondition(lambda self: any(held.owner != NOBODY_LEFT for held in self.held.values()))
    @rule()
    def a_sender_gives_back(self) -> None:
        place = next(place for place in sorted(self.held) if self.held[place].owner != NOBODY_LEFT)
        self.outbox.give_back([self.held.pop(place).delivery], self.now)

    @rule(minutes=st.sampled_from([0.5, 1, 20, 60, 60, 300]))
    def time_passes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def somebody_prunes(self) -> None:
        assert self.outbox.prune(self.now - timedelta(days=90)) == 0

    @invariant()
    def every_alert_is_in_one_message_per_channel_or_waits(self) -> None:
        waiting = {each.key for each in self.outbox.waiting()}
        places: defaultdict[str, list[str]] = defaultdict(list)
        for message in self.outbox.messages(limit=None):
            assert message.count <= 20, "all of its alerts are listed"
            assert len({group(each) for each in message.alerts}) == 1
            for each in message.alerts:
                places[each.key].append(message.channel)
            if message.sealed_at:
                self.noted(message.message_id, message.channel, message.group, message.sealed_at)
        for key, each in self.told.items():
            assert sorted(places[key]) == ([] if key in waiting else sorted(wanted(each)))
        assert set(places) | waiting <= set(self.told)

    def noted(self, message_id: str, channel: str, name: str, moment: datetime) -> None:
        """A message was sealed: not within the window of another of its group, and not when nobody wants to hear."""
        if message_id in self.sealed:
            return
        others = [at for other, at in self.sealed.items() if self.groups[other] == (channel, name)]
        assert all(abs(moment - at) >= (timedelta() if name == DIGEST else WINDOW) for at in others)
        self.sealed[message_id] = moment
        self.groups[message_id] = (channel, name)

    def settles(self) -> None:
        """Time goes by, somebody works, and all is told."""
        self.orphans_are_settled()
        for _ in self.until_nothing_is_open():
            self.alerts_are_routed()
            self.somebody_claims(HERE, 100)
            for place in sorted(self.held):
                held = self.held.pop(place)
                self.outbox.note(held.delivery, Result(state=DeliveryState.DELIVERED, at=self.now))
                self.arrived[place] += 1
            self.every_alert_is_in_one_message_per_channel_or_waits()
        messages = self.outbox.messages(limit=None)
        for message in messages:
            assert tuple(each.service for each in message.deliveries) == SERVICES[message.channel]
            assert {each.state for each in message.deliveries} == {DeliveryState.DELIVERED}
        assert set(self.arrived.values()) <= {0, 1}
        counts = Counter(channel for each in self.told.values() for channel in wanted(each))
        sums: Counter[str] = Counter()
        for message in messages:
            sums[message.channel] += message.count
        assert sums == counts

    def until_nothing_is_open(self) -> Iterator[None]:
        for _ in range(200):
            yield
            if not self.outbox.waiting() and not self.outbox.messages(state=DeliveryState.DUE) and not self.held:
                sending = self.outbox.messages(state=DeliveryState.SENDING)
                if not sending:
                    return
            self.now += timedelta(minutes=30)
        raise AssertionError("something is never told")


OutboxLife.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
test_every_alert_is_told_whatever_happens = OutboxLife.TestCase
