"""Which alert goes where, in which message, and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluicegate.history import SqliteHistory
from sluicegate.history.alert import Alert, Event
from sluicegate.history.message import DIGEST, DeliveryState, Result
from sluicegate.notify.model import Channel, Digest, NotificationSettings, QuietHours
from sluicegate.notify.routing import channels_of, next_digest, not_quiet, route_waiting, routes_of
from sluicegate.ports.notifier import AlertSeverity
from tests.unit.history.alerts import HOUR, NOBODY_LEFT, NOW, alert, claim

BERLIN = ZoneInfo("Europe/Berlin")
WARNING, ERROR, CRITICAL = AlertSeverity.WARNING, AlertSeverity.ERROR, AlertSeverity.CRITICAL
NIGHT = QuietHours(start=time(22), end=time(7), severities=frozenset({WARNING, ERROR}))
MORNING = Digest(at=time(9), severities=frozenset({WARNING}))
SPRING, AUTUMN = "2026-03-29", "2026-10-25"
"""In Berlin: 02:00 to 03:00 is missing, and comes twice."""


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    with closing(SqliteHistory(tmp_path / "history.sqlite")) as history:
        yield history


def settings(*channels: Channel, **changes: object) -> NotificationSettings:
    found = channels or (Channel(name="slack", type="slack"), Channel(name="mail", type="email"))
    usual: dict[str, object] = {"channels": {channel.name: channel for channel in found}, "default_channels": ("slack",)}
    return NotificationSettings(**{**usual, **changes})  # type: ignore[arg-type]


def berlin(text: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [((), ["slack"]), (("mail",), ["mail"]), (("mail", "slack", "mail"), ["mail", "slack"]), (("pager",), []), (("pager", "mail"), ["mail"])],
)  # fmt: skip
def test_an_alert_goes_to_the_channels_that_its_contract_chose_or_to_the_default_ones(
    chosen: tuple[str, ...], found: list[str]
) -> None:
    assert [channel.name for channel in channels_of(alert(channels=chosen), settings())] == found


@pytest.mark.parametrize(
    "channel",
    [
        Channel(name="slack", type="slack", enabled=False),
        Channel(name="slack", type="slack", severities=frozenset({CRITICAL})),
        Channel(name="slack", type="slack", decisions=frozenset({"block"})),
        Channel(name="slack", type="slack", events=frozenset({Event.RECOVERED})),
    ],
)
def test_a_channel_that_is_off_or_wants_others_gets_none(channel: Channel) -> None:
    assert channels_of(alert(), settings(channel)) == ()
    assert routes_of(alert(), settings(channel)) == ()


@pytest.mark.parametrize(
    ("channel", "goes"),
    [
        (Channel(name="slack", type="slack", severities=frozenset({CRITICAL}), decisions=frozenset({"block"})), True),
        (Channel(name="slack", type="slack", severities=frozenset({CRITICAL}), events=frozenset({Event.RECOVERED})), True),
        (Channel(name="slack", type="slack", events=frozenset({Event.QUARANTINED})), False),
        (Channel(name="slack", type="slack", enabled=False), False),
    ],
)
def test_that_a_contract_passes_again_is_no_matter_of_severity(channel: Channel, goes: bool) -> None:
    told = alert(events=(Event.RECOVERED,), severity=AlertSeverity.INFO, decision="commit")
    assert bool(channels_of(told, settings(channel))) is goes


def test_an_alert_that_nobody_wants_is_done(history: SqliteHistory) -> None:
    history.outbox.put(alert())
    assert route_waiting(history.outbox, NotificationSettings(), NOW) == 1
    assert not history.outbox.pending(NOW)
    assert history.outbox.messages() == ()


def groups(*alerts: Alert, **changes: object) -> int:
    return len({route.group for each in alerts for route in routes_of(each, settings(**changes))})


@pytest.mark.parametrize(
    "changes",
    [
        {"contract_name": "orders"},
        {"tenant": "acme"},
        {"events": (Event.SCHEMA_VIOLATION, Event.QUARANTINED)},
        {"severity": CRITICAL},
    ],
)
def test_alerts_of_another_contract_tenant_event_or_severity_are_another_message(changes: dict[str, object]) -> None:
    assert groups(alert("a"), alert("b", **changes)) == 2
    assert groups(alert("a"), alert("b", run_id="r9", events=(Event.QUALITY_VIOLATION,))) == 1


def test_without_a_window_each_alert_is_a_message_of_its_own_and_a_digest_is_one_all_the_same() -> None:
    assert groups(alert("a"), alert("b"), window=timedelta()) == 2
    assert groups(alert("a", severity=WARNING), alert("b", severity=WARNING), window=timedelta(), digest=MORNING) == 1


def test_a_digest_is_of_all_contracts_and_once_a_day_per_channel(history: SqliteHistory) -> None:
    chosen = settings(digest=MORNING, window=HOUR)
    for number, name in enumerate(["flights", "orders", "orders"]):
        history.outbox.put(alert(str(number), contract_name=name, severity=WARNING, channels=("slack", "mail")))
    assert route_waiting(history.outbox, chosen, NOW) == 3
    next_morning = NOW + 21 * HOUR
    assert claim(history, next_morning - timedelta(seconds=1)) == []
    found = claim(history, next_morning)
    assert {each.channel: (each.count, each.is_digest) for each in found} == {"slack": (3, True), "mail": (3, True)}
    history.outbox.put(alert("late", severity=WARNING))
    route_waiting(history.outbox, chosen, next_morning)
    assert history.outbox.messages(key="late")[0].due_at == next_morning + 24 * HOUR


def test_that_a_contract_passes_again_is_in_no_digest() -> None:
    """It ends incidents, and a digest doesn't."""
    passes = alert(events=(Event.RECOVERED,), severity=WARNING)
    assert [DIGEST in route.group for route in routes_of(passes, settings(digest=MORNING))] == [False]


def test_what_is_not_in_the_digest_is_told_at_once(history: SqliteHistory) -> None:
    history.outbox.put(alert(severity=ERROR))
    route_waiting(history.outbox, settings(digest=MORNING), NOW)
    assert [each.is_digest for each in claim(history)] == [False]


@pytest.mark.parametrize(("severity", "due"), [(CRITICAL, "2026-01-01 23:00"), (ERROR, "2026-01-02 07:00")])
def test_a_message_waits_for_the_morning_if_its_severity_does(history: SqliteHistory, severity: AlertSeverity, due: str) -> None:
    history.outbox.put(alert(severity=severity))
    route_waiting(history.outbox, settings(quiet_hours=NIGHT, timezone="Europe/Berlin"), berlin("2026-01-01 23:00"))
    assert history.outbox.messages()[0].due_at == berlin(due)


def test_a_window_that_ends_at_night_ends_in_the_morning(history: SqliteHistory) -> None:
    chosen = settings(quiet_hours=NIGHT, window=3 * HOUR, timezone="Europe/Berlin")
    history.outbox.put(alert("first"))
    route_waiting(history.outbox, chosen, berlin("2026-01-01 21:00"))
    assert len(claim(history, berlin("2026-01-01 21:00"))) == 1
    history.outbox.put(alert("second"))
    route_waiting(history.outbox, chosen, berlin("2026-01-01 21:30"))
    assert history.outbox.messages(key="second")[0].due_at == berlin("2026-01-02 07:00")


def test_a_digest_in_quiet_hours_waits_for_their_end(history: SqliteHistory) -> None:
    history.outbox.put(alert(severity=WARNING))
    early = Digest(at=time(6), severities=frozenset({WARNING}))
    route_waiting(history.outbox, settings(digest=early, quiet_hours=NIGHT), datetime(2026, 1, 1, 5, tzinfo=UTC))
    assert history.outbox.messages()[0].due_at == datetime(2026, 1, 1, 7, tzinfo=UTC)


def test_what_was_to_leave_before_quiet_hours_and_did_not_waits_for_their_end(history: SqliteHistory) -> None:
    chosen = settings(quiet_hours=NIGHT)
    evening, night, morning = (datetime(2026, 1, *moment, tzinfo=UTC) for moment in ((1, 21), (1, 23), (2, 7)))
    history.outbox.put(alert("retried"))
    route_waiting(history.outbox, chosen, evening)
    for each in claim(history, evening, services=("down", "up")):
        state = DeliveryState.DUE if each.service == "down" else DeliveryState.DELIVERED
        history.outbox.note(each, Result(state=state, at=evening, next_at=night))
    history.outbox.put(alert("late", contract_name="orders"))
    history.outbox.put(alert("critical", severity=CRITICAL))
    route_waiting(history.outbox, chosen, evening)
    route_waiting(history.outbox, chosen, night)
    assert [each.alerts[0].key for each in claim(history, night, services=("up",))] == ["critical"]
    assert sorted((each.alerts[0].key, each.service) for each in claim(history, morning, NOBODY_LEFT, services=("up",))) == [
        ("critical", "up"),
        ("late", "up"),
        ("retried", "down"),
    ]


@pytest.mark.parametrize(
    ("start", "end", "moment", "due"),
    [
        ("22:00", "07:00", "2026-01-01 21:59", "2026-01-01 21:59"),
        ("22:00", "07:00", "2026-01-01 22:00", "2026-01-02 07:00"),
        ("22:00", "07:00", "2026-01-02 06:59", "2026-01-02 07:00"),
        ("22:00", "07:00", "2026-01-02 07:00", "2026-01-02 07:00"),
        ("12:00", "13:00", "2026-01-02 12:30", "2026-01-02 13:00"),
        ("08:00", "08:00", "2026-01-02 08:00", "2026-01-02 08:00"),
        ("22:00", "07:00", f"{SPRING} 01:00", f"{SPRING} 07:00"),
        ("22:00", "02:30", f"{SPRING} 01:00", f"{SPRING} 03:30"),
        ("22:00", "02:30", f"{AUTUMN} 01:00", f"{AUTUMN} 02:30"),
    ],
)
def test_quiet_hours_end_when_the_clock_on_the_wall_says_so(start: str, end: str, moment: str, due: str) -> None:
    quiet = QuietHours(start=time.fromisoformat(start), end=time.fromisoformat(end), severities=frozenset())
    assert not_quiet(berlin(moment), quiet=quiet, zone=BERLIN) == berlin(due)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = QuietHours(start=time(22), end=time(2, 30), severities=frozenset())
    assert not_quiet(berlin(f"{AUTUMN} 02:10", fold=1), quiet=quiet, zone=BERLIN) == berlin(f"{AUTUMN} 02:30", fold=1)


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]
)
"""Among them: half-hour shifts, clocks changed at midnight, and a day that never was (Apia, 2011-12-30)."""
changes = st.sampled_from(
    [
        datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2018, 2, 18, 2), datetime(2018, 11, 4, 3), datetime(2011, 12, 30, 10),
        datetime(2024, 3, 30, 22), datetime(2024, 10, 26, 21), datetime(2026, 4, 4, 15), datetime(2026, 10, 3, 15, 30),
    ]
)  # fmt: skip
minutes = st.integers(-3000, 3000).map(lambda number: timedelta(minutes=number))
moments = st.builds(lambda near, by: (near + by).replace(tzinfo=UTC), changes, minutes) | st.datetimes(
    datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)
)
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))


def is_quiet(moment: datetime, start: time, end: time, zone: ZoneInfo) -> bool:
    """Walks through the quiet hours, minute by minute, instead of comparing."""
    wall = moment.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None, fold=0)
    for number in range(24 * 60):
        if wall.time() == end and number:
            return False
        if wall.time() == start:
            return start != end
        if wall.time() == end:
            return False
        wall -= timedelta(minutes=1)
    raise AssertionError


@given(moments, times, times, ZONES)
@example(berlin(f"{SPRING} 01:50"), time(3, 15), time(2, 45), "Europe/Berlin")
def test_nothing_is_due_in_quiet_hours_nor_earlier_than_allowed_nor_days_later(
    moment: datetime, start: time, end: time, zone: str
) -> None:
    place = ZoneInfo(zone)
    due = not_quiet(moment, quiet=QuietHours(start=start, end=end, severities=frozenset()), zone=place)
    assert not is_quiet(due, start, end, place)
    assert moment <= due <= moment + timedelta(days=3)
    assert is_quiet(moment, start, end, place) or due == moment


@given(moments, times, ZONES)
def test_a_digest_comes_once_a_day_and_never_at_once(moment: datetime, at: time, zone: str) -> None:
    place = ZoneInfo(zone)
    first = next_digest(moment, at=at, zone=place)
    second = next_digest(first, at=at, zone=place)
    assert moment < first <= moment + timedelta(days=2)
    assert second.astimezone(place).date() > first.astimezone(place).date()
    assert next_digest(first - timedelta(microseconds=1), at=at, zone=place) == first
