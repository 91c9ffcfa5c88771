"""Which alert goes to which channel, in which message, and when: so that people are told once, and at a time when they want to hear."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import partial

from sluicegate.history.alert import Alert, Event
from sluicegate.history.message import DIGEST, Route
from sluicegate.history.outbox import Outbox
from sluicegate.notify.model import Channel, NotificationSettings, QuietHours

__all__ = ["channels_of", "next_digest", "not_quiet", "route_waiting", "routes_of"]


def route_waiting(outbox: Outbox, settings: NotificationSettings, now: datetime) -> int:
    """Make messages of all alerts that wait. What no channel wants is kept, and told to nobody.

    In quiet hours, what should have left before them, and didn't, waits for their end, too.

    Returns:
        How many alerts it were.

    Raises:
        StorageError: the history can't be read or written.
    """
    routed = 0
    while waiting := outbox.waiting():
        routed += outbox.route([(alert.key, routes_of(alert, settings)) for alert in waiting], now)
    if (quiet := settings.quiet_hours) is not None:
        until = not_quiet(now, quiet=quiet, zone=_zone(settings.timezone))
        if until > now:
            outbox.postpone(quiet.severities, now, until)
    return routed


def channels_of(alert: Alert, settings: NotificationSettings) -> tuple[Channel, ...]:
    """The channels that an alert goes to: those that its contract chose, or the default ones, if there are such and they want it."""
    names = dict.fromkeys(alert.channels or settings.default_channels)
    channels = (settings.channels.get(name) for name in names)
    return tuple(channel for channel in channels if channel is not None and channel.wants(alert))


def routes_of(alert: Alert, settings: NotificationSettings) -> tuple[Route, ...]:
    """Where an alert goes; without a window each is a message of its own."""
    channels = channels_of(alert, settings)
    if not channels:
        return ()
    zone = _zone(settings.timezone)
    quiet, digest = settings.quiet_hours, settings.digest
    if digest is not None and alert.severity in digest.severities and alert.event is not Event.RECOVERED:  # it ends an incident
        kept_quiet = quiet if quiet is not None and not quiet.severities.isdisjoint(digest.severities) else None
        group, window, due = DIGEST, timedelta(), partial(_due_in_digest, at=digest.at, quiet=kept_quiet, zone=zone)
    else:
        kept_quiet = quiet if quiet is not None and alert.severity in quiet.severities else None
        alone = () if settings.window else (alert.key,)
        group = json.dumps([alert.tenant, alert.contract_name, alert.event, alert.severity, *alone])
        window, due = settings.window, partial(not_quiet, quiet=kept_quiet, zone=zone)
    return tuple(Route(channel=channel.name, group=group, window=window, due=due) for channel in channels)


def not_quiet(moment: datetime, *, quiet: QuietHours | None, zone: tzinfo) -> datetime:
    """This moment, or the end of the quiet hours that it is in.

    Days on which clocks are changed have hours that are missing or come twice: what a clock on the wall shows is what counts.
    """
    while quiet is not None and _is_quiet(moment, quiet, zone):
        wall = moment.astimezone(zone)
        day = wall.date() + timedelta(days=wall.time() >= quiet.end)
        ends = (datetime.combine(day, quiet.end.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1))
        moment = next(end for end in ends if end > moment)
    return moment


def next_digest(moment: datetime, *, at: time, zone: tzinfo) -> datetime:
    """The first time after this moment that it is this time of the day; once a day, on every day."""
    day = moment.astimezone(zone).date()
    days = (day + timedelta(days=more) for more in (0, 1))
    return next(due for day in days if (due := datetime.combine(day, at, zone).astimezone(UTC)) > moment)


def _due_in_digest(earliest: datetime, *, at: time, quiet: QuietHours | None, zone: tzinfo) -> datetime:
    return not_quiet(next_digest(earliest, at=at, zone=zone), quiet=quiet, zone=zone)


def _is_quiet(moment: datetime, quiet: QuietHours, zone: tzinfo) -> bool:
    wall = moment.astimezone(zone).time()
    if quiet.start <= quiet.end:
        return quiet.start <= wall < quiet.end
    return wall >= quiet.start or wall < quiet.end


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
