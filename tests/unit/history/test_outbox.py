"""The outbox: what waits, what is claimed, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sluicegate.history import SqliteHistory
from sluicegate.history.alert import Alert, Event
from sluicegate.history.claiming import NOBODY
from sluicegate.history.message import Delivery, DeliveryState, Result, Route, Standing
from sluicegate.history.owner import Owner
from sluicegate.ports.notifier import AlertSeverity
from tests.unit.history.alerts import HERE, HOUR, LEASE, NOBODY_LEFT, NOW, alert, claim, route, routed
from tests.unit.history.test_sqlite import run

ELSEWHERE = Owner("another host", 1, "1")
DELIVERED = Result(state=DeliveryState.DELIVERED, at=NOW, detail="ok")
RETRY = Result(state=DeliveryState.DUE, at=NOW, detail="503", next_at=NOW + HOUR)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    with closing(SqliteHistory(tmp_path / "history.sqlite")) as history:
        yield history


def keys(delivery: Delivery) -> list[str]:
    return [each.key for each in delivery.alerts]


def test_where_there_is_no_history_nothing_is_pending_and_none_is_begun(history: SqliteHistory) -> None:
    outbox = history.outbox
    assert not outbox.pending(NOW)
    assert (outbox.waiting(), outbox.intents(), outbox.orphans(NOW), outbox.messages(), claim(history)) == ((), (), (), (), [])
    assert not history.path.exists()


def test_an_alert_is_read_back_as_it_was_kept(history: SqliteHistory) -> None:
    kept = alert(channels=("slack",), recipients=("b@x", "a@x"), facts={"rows": 5, "checks": [{"name": "ä"}]})
    history.outbox.put(kept)
    assert history.outbox.waiting() == (kept,)


def test_a_happening_is_kept_once_whoever_tells_of_it(history: SqliteHistory) -> None:
    assert history.outbox.put(alert())
    assert not history.outbox.put(alert(run_id="r2"))
    routed(history, alert("a2"))
    assert not history.outbox.put(alert("a2"))
    assert [each.run_id for each in history.outbox.waiting()] == ["r1"]


def test_the_alert_is_in_the_record_s_transaction(history: SqliteHistory) -> None:
    intent = history.outbox.intend(alert(), HERE, NOW)
    history.record(run(1), alert=alert(), intent=intent)
    assert history.outbox.intents() == ()
    assert [each.key for each in history.outbox.waiting()] == ["a1"]
    with pytest.raises(Exception, match="another run"):
        history.record(run(1, rows=7), alert=alert("a2"))
    assert [each.key for each in history.outbox.waiting()] == ["a1"]


def test_a_dropped_intent_tells_nobody(history: SqliteHistory) -> None:
    intent = history.outbox.intend(alert(), NOBODY_LEFT, NOW)
    assert history.outbox.pending(NOW)
    history.outbox.drop(intent)
    history.outbox.drop(intent)
    assert not history.outbox.pending(NOW)
    assert history.outbox.orphans(NOW) == ()


def test_an_intent_is_an_orphan_when_its_process_is_gone_and_another_host_s_after_a_while(history: SqliteHistory) -> None:
    mine, dead, foreign = (history.outbox.intend(alert(), owner, NOW) for owner in (HERE, NOBODY_LEFT, ELSEWHERE))
    assert mine.alert == alert()
    assert history.outbox.orphans(NOW) == (dead,)
    assert history.outbox.orphans(NOW + timedelta(minutes=15)) == (dead, foreign)


def test_of_several_who_settle_an_orphan_one_does(history: SqliteHistory) -> None:
    intent = history.outbox.intend(alert(), NOBODY_LEFT, NOW)
    history.outbox.settle(intent, alert(facts={"known": "little"}))
    history.outbox.settle(intent, alert("another key"))
    assert [each.facts for each in history.outbox.waiting()] == [{"known": "little"}]
    history.outbox.settle(history.outbox.intend(alert("a2"), NOBODY_LEFT, NOW), None)
    assert len(history.outbox.waiting()) == 1
    assert history.outbox.intents() == ()


def test_alerts_of_a_group_are_one_message_per_channel(history: SqliteHistory) -> None:
    routed(history, alert("a1"), alert("a2", at=NOW + HOUR), routes=(route("mail"), route("slack")))
    assert not history.outbox.route([("a1", (route("mail"),))], NOW)
    found = claim(history)
    assert [(each.channel, each.count, keys(each)) for each in sorted(found, key=lambda each: each.channel)] == [
        ("mail", 2, ["a1", "a2"]),
        ("slack", 2, ["a1", "a2"]),
    ]
    assert (found[0].first_at, found[0].last_at, found[0].attempt) == (NOW, NOW + HOUR, 1)


def test_after_a_message_its_group_is_quiet_for_the_window_and_others_are_not(history: SqliteHistory) -> None:
    routed(history, alert("a1"))
    assert len(claim(history)) == 1
    routed(history, alert("a2"), alert("a3"))
    routed(history, alert("b"), routes=(route(group="other"),))
    assert [keys(each) for each in claim(history)] == [["b"]]
    later = claim(history, NOW + HOUR)  # the first two senders took longer than their lease
    assert sorted(map(keys, later)) == [["a1"], ["a2", "a3"], ["b"]]


def test_a_clock_that_was_ahead_silences_a_group_for_no_longer_than_its_window(history: SqliteHistory) -> None:
    routed(history, alert("a1"), now=NOW + timedelta(days=365))
    assert claim(history, NOW + timedelta(days=365))
    routed(history, alert("a2"))  # the clock was set right
    assert not claim(history, NOW + HOUR - timedelta(seconds=1))
    assert [keys(each) for each in claim(history, NOW + HOUR)] == [["a2"]]


def test_who_asks_when_a_message_is_due_is_told_the_end_of_the_window(history: SqliteHistory) -> None:
    routed(history, alert("a1"))
    claim(history)
    asked: list[datetime] = []

    def due(earliest: datetime) -> datetime:
        asked.append(earliest)
        return NOW + 9 * HOUR

    later = Route(channel="slack", group="g", window=HOUR, due=due)
    routed(history, alert("a2"), alert("a3"), routes=(later,), now=NOW + HOUR / 2)
    assert asked == [NOW + HOUR]
    assert history.outbox.messages(key="a3")[0].due_at == NOW + 9 * HOUR


def test_a_message_has_the_worst_severity_of_its_alerts_and_the_latest_twenty(history: SqliteHistory) -> None:
    routed(history, alert("a0", severity=AlertSeverity.CRITICAL), *(alert(f"a{number}") for number in range(1, 40)))
    (found,) = claim(history)
    assert (found.severity, found.count, keys(found)) == (
        AlertSeverity.CRITICAL,
        40,
        [f"a{number}" for number in range(20, 40)],
    )


def test_what_is_claimed_is_nobody_else_s_until_its_lease_is_over_or_its_process_gone(history: SqliteHistory) -> None:
    routed(history, alert())
    assert [each.attempt for each in claim(history)] == [1]
    assert claim(history) == []
    assert claim(history, NOW + LEASE - timedelta(seconds=1)) == []
    assert [each.attempt for each in claim(history, NOW + LEASE, NOBODY_LEFT)] == [2]
    assert [each.attempt for each in claim(history, NOW + LEASE, ELSEWHERE)] == [3]
    assert claim(history, NOW + LEASE) == []


def test_what_was_delivered_is_done_and_what_was_not_comes_when_it_is_due(history: SqliteHistory) -> None:
    routed(history, alert())
    good, bad = claim(history, services=("bad", "good"))[::-1]
    assert history.outbox.note(good, DELIVERED)
    assert history.outbox.note(bad, RETRY)
    assert not history.outbox.pending(NOW + HOUR - timedelta(seconds=1))
    assert history.outbox.pending(NOW + HOUR)
    (again,) = claim(history, NOW + HOUR)
    assert (again.service, again.attempt, again.since) == ("bad", 2, NOW)
    (message,) = history.outbox.messages()
    assert [(each.service, each.state, each.detail) for each in message.deliveries] == [
        ("bad", DeliveryState.SENDING, "503"),
        ("good", DeliveryState.DELIVERED, "ok"),
    ]


def test_a_sender_that_comes_late_is_heard_only_if_it_was_delivered(history: SqliteHistory) -> None:
    routed(history, alert())
    (first,) = claim(history)
    (second,) = claim(history, NOW + LEASE)
    assert not history.outbox.note(first, RETRY)
    assert history.outbox.note(first, DELIVERED)
    assert not history.outbox.note(second, RETRY)
    assert not history.outbox.note(second, DELIVERED)
    assert claim(history, NOW + 9 * HOUR) == []


def test_what_was_given_back_was_no_attempt(history: SqliteHistory) -> None:
    routed(history, alert())
    history.outbox.give_back(claim(history), NOW)
    assert [each.attempt for each in claim(history)] == [1]


def test_what_was_given_up_is_left_alone_until_somebody_wants_it_again(history: SqliteHistory) -> None:
    routed(history, alert())
    (found,) = claim(history)
    history.outbox.note(found, Result(state=DeliveryState.FAILED, at=NOW, detail="no such key"))
    assert claim(history, NOW + 9 * HOUR) == []
    assert history.outbox.retry(NOW, "M-another") == 0
    assert history.outbox.retry(NOW, found.message_id) == 1
    assert len(claim(history)) == 1


def test_a_message_that_reaches_nobody_is_dropped_and_one_of_which_nothing_is_known_waits(history: SqliteHistory) -> None:
    routed(history, alert())
    assert history.outbox.claim(NOW, HERE, lease=LEASE, services=lambda *_: None) == ()
    assert history.outbox.pending(NOW)
    assert claim(history, services=()) == []
    assert not history.outbox.pending(NOW + HOUR)
    (message,) = history.outbox.messages(state=DeliveryState.DROPPED)
    assert [each.detail for each in message.deliveries] == [NOBODY]


def test_each_service_of_any_alert_s_recipients_gets_the_message_once(history: SqliteHistory) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def services(channel: str, recipients: tuple[str, ...]) -> tuple[str, ...]:
        asked.append((channel, recipients))
        return recipients or ("usual",)

    routed(
        history,
        alert("a1", recipients=("b", "a")),
        alert("a2", recipients=("a", "b")),
        alert("a3"),
        alert("a4", recipients=("b",)),
    )
    found = history.outbox.claim(NOW, HERE, lease=LEASE, services=services)
    assert sorted(asked) == [("slack", ()), ("slack", ("a", "b")), ("slack", ("b",))]
    assert sorted(each.service for each in found) == ["a", "b", "usual"]


def test_no_more_is_claimed_than_was_asked_for(history: SqliteHistory) -> None:
    routed(history, alert())
    services = tuple("abc")
    taken = [history.outbox.claim(NOW, HERE, lease=LEASE, services=lambda *_: services, limit=2) for _ in range(3)]
    assert [[each.service for each in each_time] for each_time in taken] == [["a", "b"], ["c"], []]


def test_messages_are_listed_by_state_contract_and_alert(history: SqliteHistory) -> None:
    routed(history, alert("a1"))
    claim(history)
    routed(history, alert("b1", contract_name="orders"), routes=(route(group="orders"),), now=NOW + HOUR)
    outbox = history.outbox
    assert [each.alerts[0].key for each in outbox.messages()] == ["b1", "a1"]
    assert [each.alerts[0].key for each in outbox.messages(limit=1)] == ["b1"]
    assert [each.alerts[0].key for each in outbox.messages(contract="flights")] == ["a1"]
    assert [each.alerts[0].key for each in outbox.messages(state=DeliveryState.SENDING)] == ["a1"]
    assert [each.alerts[0].key for each in outbox.messages(state=DeliveryState.DUE)] == ["b1"]
    assert outbox.messages(state=DeliveryState.FAILED) == ()


def recovered(found: Standing) -> Alert:
    return alert(
        "recovered",
        events=(Event.RECOVERED,),
        severity=AlertSeverity.INFO,
        facts={"refused": found.refused, "since": found.failing_since.isoformat()},
    )


def passes(history: SqliteHistory, number: int) -> list[str]:
    history.record(run(number), recovered=recovered)
    return [each.key for each in history.outbox.waiting()]


def test_a_contract_that_failed_and_of_which_people_were_told_recovers_once(history: SqliteHistory) -> None:
    history.record(run(1), alert=alert("a1"))
    history.record(run(2), alert=alert("a2", at=NOW + HOUR))
    history.record(run(2), alert=alert("a2", at=NOW + HOUR))
    history.outbox.route([("a1", (route(),)), ("a2", (route(),))], NOW)
    assert [each.failing for each in claim(history)] == [True]
    assert passes(history, 3) == ["recovered"]
    assert history.outbox.waiting()[0].facts == {"refused": 2, "since": NOW.isoformat()}
    history.outbox.route([("recovered", ())], NOW)
    assert passes(history, 4) == []


def test_that_a_contract_passes_again_goes_to_those_who_were_told_that_it_does_not(history: SqliteHistory) -> None:
    history.record(run(1), alert=alert("a1", channels=("mail", "pager", "slack")))
    history.outbox.route([("a1", (route("pager"), route("mail")))], NOW)
    claim(history)
    history.record(run(2), alert=alert("a2", at=NOW + HOUR))
    history.outbox.route([("a2", (route("slack"),))], NOW)
    assert passes(history, 3) == ["recovered"]
    assert history.outbox.waiting()[0].channels == ("mail", "pager")


def test_a_recovery_that_can_not_be_put_into_words_is_recorded_and_told_to_nobody(history: SqliteHistory) -> None:
    history.record(run(1), alert=alert())
    history.outbox.route([("a1", (route(),))], NOW)
    claim(history)
    history.record(run(2), recovered=lambda _: None)
    assert history.get("r2")
    assert passes(history, 3) == []


def test_who_was_not_told_yet_is_told_that_it_passes_again_and_nothing_else(history: SqliteHistory) -> None:
    history.record(run(1), alert=alert())
    history.outbox.route([("a1", (route(),))], NOW)
    assert passes(history, 2) == []
    assert [each.failing for each in claim(history)] == [False]


@pytest.mark.parametrize(
    "events",
    [(Event.COMMITTED_WITH_WARNINGS,), (Event.QUALITY_VIOLATION, Event.COMMITTED_WITH_WARNINGS), (Event.REPLAYED,), (Event.RETENTION_WARNING,)],
)  # fmt: skip
def test_what_refuses_nothing_makes_no_contract_fail(history: SqliteHistory, events: tuple[Event, ...]) -> None:
    history.record(run(1), alert=alert(events=events))
    history.outbox.route([("a1", (route(),))], NOW)
    assert [each.failing for each in claim(history)] == [False]
    assert passes(history, 2) == []


def test_another_dataset_or_tenant_that_passes_says_nothing_of_this_one(history: SqliteHistory) -> None:
    history.record(run(1), alert=alert())
    history.outbox.route([("a1", (route(),))], NOW)
    claim(history)
    history.record(run(2, dataset="orders"), recovered=recovered)
    history.record(run(3, tenant="acme"), recovered=recovered)
    assert history.outbox.waiting() == ()
    assert passes(history, 4) == ["recovered"]


def test_an_orphan_that_is_settled_after_its_contract_passed_makes_it_fail_no_more(history: SqliteHistory) -> None:
    intent = history.outbox.intend(alert(at=NOW - HOUR), NOBODY_LEFT, NOW)
    history.record(run(1, started_at=NOW.isoformat()), recovered=recovered)
    history.outbox.settle(intent, intent.alert)
    history.outbox.route([("a1", (route(),))], NOW)
    assert [each.failing for each in claim(history)] == [False]


def test_an_orphan_that_is_settled_before_its_contract_passes_makes_it_fail(history: SqliteHistory) -> None:
    history.record(run(1, started_at=(NOW - 2 * HOUR).isoformat()))
    intent = history.outbox.intend(alert(at=NOW - HOUR), NOBODY_LEFT, NOW)
    history.outbox.settle(intent, intent.alert)
    history.outbox.route([("a1", (route(),))], NOW)
    assert [each.failing for each in claim(history)] == [True]
    assert passes(history, 2) == ["recovered"]


def test_what_left_long_ago_is_forgotten_with_its_alerts_and_nothing_else(history: SqliteHistory) -> None:
    routed(history, alert("old"), alert("failed"))
    routed(history, alert("retried"), routes=(route("mail"),))
    for each in claim(history, services=("s",)):
        history.outbox.note(each, RETRY if each.channel == "mail" else DELIVERED)
    routed(history, alert("open"), now=NOW)
    history.outbox.put(alert("waits"))
    history.outbox.put(alert("nobody's"))
    history.outbox.route([("nobody's", ())], NOW)
    assert history.outbox.prune(NOW) == 0
    assert not history.outbox.put(alert("nobody's"))
    assert history.outbox.prune(NOW + HOUR) == 1
    assert sorted(each.key for message in history.outbox.messages() for each in message.alerts) == ["open", "retried"]
    assert [each.key for each in history.outbox.waiting()] == ["waits"]
    assert all(history.outbox.put(alert(key)) for key in ("old", "failed", "nobody's"))
    assert not history.outbox.put(alert("open"))
