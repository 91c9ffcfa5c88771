from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from sluicegate.history.message import DeliveryState, KeptMessage
from sluicegate.history.owner import Owner
from sluicegate.ports.notifier import Message, Sent
from tests.unit.notify.people import PATIENCE, START, Office, Service, alert

AWAY = Sent(delivered=False, detail="connection refused")


@pytest.fixture
def ops() -> Service:
    return Service()


@pytest.fixture
def office(tmp_path: Path, ops: Service) -> Office:
    return Office(tmp_path, {"ops": ops})


def tried(message: KeptMessage, service: str = "one") -> tuple[str, int, str]:
    found = next(each for each in message.deliveries if each.service == service)
    return found.state.value, found.attempts, found.detail


def test_an_alert_arrives_once_at_each_service_and_never_again(office: Office, ops: Service) -> None:
    ops.names = ("one", "two")
    office.outbox.put(alert())
    assert office.flush() == [("ops", "one", "delivered"), ("ops", "two", "delivered")]
    assert office.flush() == []
    assert ops.asked_services == ["one", "two"]
    (message,) = office.messages()
    assert tried(message) == ("delivered", 1, "200")


def test_recipients_of_all_folded_alerts_are_told(office: Office, ops: Service) -> None:
    office.outbox.put(alert("a-1", recipients=("ada", "bob")))
    office.outbox.put(alert("a-2", recipients=("bob", "cyn")))
    office.flush()
    assert ops.asked_services == ["ada", "bob", "cyn"]


def test_a_service_that_is_down_is_asked_again_after_half_a_minute_and_not_before(office: Office, ops: Service) -> None:
    ops.answers["one"] = AWAY
    office.outbox.put(alert())
    (told,) = office.told()
    assert (told.state, told.detail, told.next_at) == (DeliveryState.DUE, "connection refused", START + timedelta(seconds=30))
    office.clock.passes(seconds=29)
    assert office.flush() == []
    office.clock.passes(seconds=1)
    del ops.answers["one"]
    assert office.flush() == [("ops", "one", "delivered")]


def test_a_notifier_that_never_says_which_services_it_has_is_not_waited_for_and_its_messages_wait(
    office: Office, ops: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sluicegate.notify.deliver._OPENING", 0.05)
    asked: list[int] = []

    def hangs(_recipients: object) -> tuple[str, ...]:
        asked.append(1)
        assert ops.released.wait(PATIENCE)
        return ("one",)

    office.outbox.put(alert())
    with monkeypatch.context() as planted:
        planted.setattr(ops, "services", hangs)
        assert office.flush() == []
        assert office.flush() == []
    assert len(asked) == 1, "one thread hangs there, and no second one is sent after it"
    ops.released.set()
    office.with_channels("ops")
    assert office.flush() == [("ops", "one", "delivered")]


def test_a_notifier_that_wants_to_end_the_process_does_not(office: Office, ops: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def leaves(_recipients: object) -> tuple[str, ...]:
        raise SystemExit(7)

    office.outbox.put(alert())
    with monkeypatch.context() as planted:
        planted.setattr(ops, "services", leaves)
        assert office.flush() == []
    assert office.flush() == [("ops", "one", "delivered")]


def test_chance_spreads_those_who_failed_together(office: Office, ops: Service) -> None:
    ops.answers["one"] = AWAY
    office.outbox.put(alert())
    (told,) = office.told(chance=lambda: 1.0)
    assert told.next_at == START + timedelta(seconds=36)


def test_one_service_that_is_down_holds_no_other_up(office: Office, ops: Service) -> None:
    ops.names = ("one", "two", "three")
    ops.answers["two"] = AWAY
    office.outbox.put(alert())
    assert office.flush() == [("ops", "one", "delivered"), ("ops", "three", "delivered"), ("ops", "two", "due")]


def test_after_one_refusal_a_service_is_spared_the_rest_of_the_round(office: Office, ops: Service) -> None:
    ops.answers["one"] = AWAY
    for number in range(40):
        office.outbox.put(alert(f"a-{number}", contract=f"orders-{number}"))
    assert {state for _, _, state in office.flush()} == {"due"}
    assert len(ops.sent) == 1


def test_a_long_line_at_a_service_that_hangs_keeps_no_other_waiting_and_gets_one_message_at_a_time(
    tmp_path: Path, ops: Service
) -> None:
    before: list[int] = []

    class Chat(Service):
        def send(self, service: str, message: Message, *, timeout: float) -> Sent:
            took = super().send(service, message, timeout=timeout)
            if len(self.sent) == 40:  # all that there is for it
                before.append(len(ops.sent))
                ops.released.set()
            return took

    chat = Chat()
    office = Office(tmp_path, {"ops": ops, "chat": chat})
    ops.hangs.add("one")
    for channel in ("ops", "chat"):
        for number in range(40):
            office.outbox.put(alert(f"{channel}-{number}", contract=f"orders-{number}", channels=(channel,)))
        office.flush(limit=0)
        office.outbox.claim(
            office.clock(), Owner.here(), lease=timedelta(), services=lambda *_: ("one",), limit=0
        )  # sealed, in this order
        office.clock.passes(seconds=1)
    assert [state for _, _, state in office.flush()] == ["delivered"] * 80
    assert before == [1]


@pytest.mark.parametrize(("asked", "waits"), [(7.0, 7), (0.0, 1), (float("inf"), 86_400)])
def test_a_service_is_left_alone_for_as_long_as_it_asks_but_no_longer_than_a_day(
    office: Office, ops: Service, asked: float, waits: int
) -> None:
    ops.answers["one"] = Sent(delivered=False, detail="429", retry_after=asked)
    office.outbox.put(alert())
    (told,) = office.told()
    assert told.next_at == START + timedelta(seconds=waits)
    assert len(ops.sent) == 1


def test_what_is_hopeless_is_given_up_at_once_and_can_be_tried_again_by_hand(office: Office, ops: Service) -> None:
    ops.answers["one"] = Sent(delivered=False, detail="404", hopeless=True)
    office.outbox.put(alert())
    assert office.flush() == [("ops", "one", "failed")]
    office.clock.passes(days=2)
    assert office.flush() == []
    del ops.answers["one"]
    assert office.outbox.retry(office.clock()) == 1
    assert office.flush() == [("ops", "one", "delivered")]


def test_what_is_not_taken_for_three_days_is_given_up_and_stays_visible(office: Office, ops: Service) -> None:
    ops.answers["one"] = AWAY
    office.outbox.put(alert())
    states: list[str] = []
    while len(states) < 100 and (not states or states[-1] == "due"):
        states += [state for *_, state in office.flush()]
        office.clock.passes(hours=1)
    assert states.count("due") == len(states) - 1
    assert 60 < len(states) < 100
    (message,) = office.messages()
    assert tried(message) == ("failed", len(states), f"given up after {len(states)} attempts: connection refused")


def test_after_one_refusal_a_service_is_spared_the_rest_which_counts_as_no_attempt(office: Office, ops: Service) -> None:
    ops.answers["one"] = AWAY
    for contract in ("orders", "people", "places"):
        office.outbox.put(alert(contract, contract=contract))
    assert office.flush() == [("ops", "one", "due")] * 3
    assert len(ops.sent) == 1
    assert sorted(tried(message)[1] for message in office.messages()) == [0, 0, 1]
    del ops.answers["one"]
    office.clock.passes(seconds=30)
    assert office.flush() == [("ops", "one", "delivered")] * 3


def test_who_waits_for_a_service_that_hangs_goes_on_when_their_time_is_over(tmp_path: Path) -> None:
    slow, quick = Service(), Service()
    slow.hangs.add("one")
    office = Office(tmp_path, {"quick": quick, "slow": slow})
    office.outbox.put(alert(channels=("quick", "slow")))
    quickly, slowly = office.told(limit=1.5)
    assert (quickly.state, slowly.state, slowly.detail) == (DeliveryState.DELIVERED, DeliveryState.DUE, "no answer yet")
    assert slowly.next_at == START + timedelta(seconds=60)  # by then its thread has an answer, or has given up
    assert slow.asked.is_set()
    assert office.flush() == []
    office.outbox.put(alert("a-2", contract="people", channels=("slow",)))
    assert office.flush() == [("slow", "one", "due")]  # and nobody else is sent after it
    assert len(slow.sent) == 1
    slow.released.set()
    for thread in [each for each in threading.enumerate() if each.name == "sluicegate-notify-slow"]:
        thread.join(PATIENCE)
    states = {message.alerts[0].key: tried(message)[0] for message in office.messages() if message.channel == "slow"}
    assert states == {"a-1": "delivered", "a-2": "due"}  # the late answer was noted
    office.clock.passes(seconds=30)
    assert office.flush() == [("slow", "one", "delivered")]
    assert len(slow.sent) == 2


def test_what_there_was_no_time_for_is_given_back_and_counts_as_no_attempt(office: Office, ops: Service) -> None:
    ops.hangs.add("one")
    office.outbox.put(alert())
    office.outbox.put(alert("a-2", contract="people"))
    assert office.flush(limit=1.5) == [("ops", "one", "due")] * 2
    assert sorted(tried(message) for message in office.messages()) == [("due", 0, ""), ("due", 1, "no answer yet")]
    ops.released.set()


def test_without_any_time_alerts_become_messages_and_nothing_is_sent(office: Office, ops: Service) -> None:
    office.outbox.put(alert())
    assert office.flush(limit=0) == []
    assert (office.outbox.waiting(), len(office.messages()), ops.sent) == ((), 1, [])


def test_a_notifier_that_breaks_costs_its_own_message_and_its_words_go_nowhere(tmp_path: Path) -> None:
    broken, good = Service(), Service()
    broken.answers["one"] = RuntimeError("https://hooks.example/secret")
    office = Office(tmp_path, {"broken": broken, "good": good})
    office.outbox.put(alert(channels=("broken", "good")))
    assert office.flush() == [("broken", "one", "due"), ("good", "one", "delivered")]
    (found,) = [message for message in office.messages() if message.channel == "broken"]
    assert tried(found) == ("due", 1, "the notifier broke: RuntimeError")


def test_a_secret_in_what_a_service_says_is_not_kept(office: Office, ops: Service) -> None:
    ops.answers["one"] = Sent(delivered=False, detail="no such hook: tok-123456\nnext line")
    office.outbox.put(alert())
    office.flush()
    (message,) = office.messages()
    assert tried(message)[2] == "no such hook: *** next line"


def test_a_message_whose_channel_is_gone_is_dropped_and_stays_visible(office: Office) -> None:
    office.outbox.put(alert())
    office.flush(limit=0)
    office.with_channels()
    office.flush()
    (message,) = office.messages()
    assert [each.state.value for each in message.deliveries] == ["dropped"]


def test_a_delivery_whose_channel_is_gone_meanwhile_is_dropped(office: Office, ops: Service) -> None:
    ops.answers["one"] = AWAY
    office.outbox.put(alert())
    office.flush()
    office.with_channels()
    office.clock.passes(minutes=1)
    assert office.flush() == [("ops", "one", "dropped")]
    (message,) = office.messages()
    assert tried(message)[2] == "the channel is not there any more"


def test_a_message_of_a_channel_that_cannot_be_opened_waits_until_it_is_mended(office: Office, ops: Service) -> None:
    office.outbox.put(alert())
    office.with_channels("ops")._opened.clear()  # nobody has installed its notifier
    assert office.flush() == []
    office.outbox.put(alert("a-2"))
    office.with_channels("ops")
    assert office.flush() == [("ops", "one", "delivered")]
    ((_, message),) = ops.sent
    (kept,) = office.messages()
    assert kept.count == 2
    assert message.key == kept.message_id


def test_what_a_process_died_over_is_sent_by_the_next(office: Office, ops: Service) -> None:
    office.outbox.put(alert())
    office.flush(limit=0)
    dead = Owner(Owner.here().host, Owner.here().pid, "another that had our number")
    (taken,) = office.outbox.claim(office.clock(), dead, lease=timedelta(hours=1), services=lambda *_: ("one",))
    assert taken.attempt == 1
    assert office.flush() == [("ops", "one", "delivered")]
    assert len(ops.sent) == 1


def test_of_those_who_deliver_at_once_one_sends(tmp_path: Path) -> None:
    ops = Service(*(f"s{number}" for number in range(20)))
    office = Office(tmp_path, {"ops": ops})
    office.outbox.put(alert())
    together = threading.Barrier(4)
    found: list[tuple[str, str, str]] = []

    def deliver() -> None:
        together.wait(PATIENCE)
        found.extend(office.flush())

    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(found) == sorted(("ops", name, "delivered") for name in ops.names)
    assert ops.asked_services == sorted(ops.names)


def test_more_than_is_taken_in_hand_at_once_leaves_in_one_go(office: Office, ops: Service) -> None:
    ops.names = tuple(f"s{number}" for number in range(70))
    office.outbox.put(alert())
    assert {state for *_, state in office.flush()} == {"delivered"}
    assert len(ops.sent) == 70


def test_where_no_thread_can_be_had_the_message_waits(office: Office, ops: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    office.outbox.put(alert())
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", start)
        (told,) = office.told()
    assert (told.state, told.detail) == (DeliveryState.DUE, "can't start new thread")
    office.clock.passes(seconds=30)
    assert office.flush() == [("ops", "one", "delivered")]
    (message,) = office.messages()
    assert tried(message)[1] == 1
