"""``notify test``, ``list``, ``flush`` and ``retry``: try the channels, see what became of alerts, send what waits."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluicegate.cli.quarantine import show_trouble, told_error
from sluicegate.cli.report import MARKS
from sluicegate.cli.screen import Line, Screen
from sluicegate.errors import SluicegateError, StorageError, UsageError
from sluicegate.words import clean, plural

if TYPE_CHECKING:
    from sluicegate import Gate
    from sluicegate.history.message import KeptMessage
    from sluicegate.notify.carrier import Delivered
    from sluicegate.notify.model import NotificationSettings
    from sluicegate.notify.notifiers import Notifiers
    from sluicegate.ports.notifier import Message, Notifier

__all__ = ["flush", "list_messages", "retry", "settings_of", "test"]

_TEST_SECONDS = 10.0
_SHOWN = 100
"""So many messages that wait are listed, the latest first: after a week's outage there may be thousands."""
_MARK_OF = {"delivered": "passed", "due": "warned", "sending": "warned", "failed": "failed", "dropped": "skipped"}


def test(options: Namespace, screen: Screen) -> int:
    """Send a test message to each service; exit code 6 if one did not take it."""
    from sluicegate import Gate
    from sluicegate.notify.notifiers import Notifiers

    notifiers = Notifiers(settings_of(Gate.from_config(options.config)))
    results = []
    for name in _chosen(options.channels, notifiers):
        for found in _tried(name, notifiers, tuple(options.to)):
            results.append(found)
            mark, style = MARKS[_MARK_OF[found["state"]]]
            screen.line((mark, style), f" {clean(name)}  {clean(found['service'])}  ", (found["detail"] or found["state"], "dim"))
    code = StorageError.exit_code if any(found["state"] == "failed" for found in results) else 0
    screen.document({"results": results, "exit_code": code})
    return code


def settings_of(gate: Gate) -> NotificationSettings:
    """What the profile's notifications say, looked at thoroughly.

    Raises:
        ConfigError: with every fault.
    """
    from sluicegate.notify.settings_file import load_notifications

    path = gate.profile.notifications
    if path is None:
        raise UsageError(
            "nobody is told: the profile names no file of notifications", hint="notifications: notifications.yaml, in the profile"
        )
    return load_notifications(path)


def _chosen(names: Sequence[str] | None, notifiers: Notifiers) -> Sequence[str]:
    from sluicegate.contract.decode import did_you_mean

    channels = notifiers.settings.channels
    enabled = [name for name, channel in channels.items() if channel.enabled]
    for name in names or ():
        if name not in channels:
            raise UsageError(f"there is no channel {name!r}", hint=did_you_mean(name, channels))
        if name not in enabled:
            raise UsageError(f"the channel {name!r} is not enabled", hint="set enabled: true there")
    if not (names or enabled):
        raise UsageError("no channel is enabled", hint=f"defined: {', '.join(channels) or 'none'}")
    return list(dict.fromkeys(names or enabled))


def _tried(name: str, notifiers: Notifiers, recipients: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    try:
        notifier = notifiers.of(name)
        services = notifier.services(recipients)
    except SluicegateError as error:
        yield {"channel": name, "service": "", "state": "failed", "detail": str(error)}
        return
    if not services:
        nobody = "it reaches nobody by itself: contracts name the recipients; --to names one for this test"
        yield {"channel": name, "service": "", "state": "dropped", "detail": nobody}
    for service in services:
        sent = notifier.send(service, _test_message(notifier, name), timeout=_TEST_SECONDS)
        yield {"channel": name, "service": service, "state": "delivered" if sent.delivered else "failed", "detail": sent.detail}


def _test_message(notifier: Notifier, channel: str) -> Message:
    from html import escape
    from secrets import token_hex

    from sluicegate.ports.notifier import AlertSeverity, Message, TextFormat

    text = f"This is a test of the channel {channel}: nothing happened, and nothing is to be done."
    key = f"test-{token_hex(6)}"
    return Message(
        key=key,
        incident=key,
        title="[test] sluicegate can reach you here",
        body=f"<p>{escape(text)}</p>" if notifier.format is TextFormat.HTML else text,
        text=text,
        severity=AlertSeverity.INFO,
    )


def list_messages(options: Namespace, screen: Screen) -> int:
    """Messages, those that wait and those that left, with each service's answer."""
    from sluicegate import Gate
    from sluicegate.history.message import DeliveryState

    if options.limit < 1:
        raise UsageError("--limit must be at least 1")
    states = {state.value for state in DeliveryState}
    if options.state and options.state not in states:
        raise UsageError(f"no message can be {options.state!r}", hint=f"known: {', '.join(sorted(states))}")
    outbox = Gate.from_config(options.config).history.outbox
    state = DeliveryState(options.state) if options.state else None
    found = outbox.messages(state=state, contract=options.contract, limit=options.limit)
    waiting = outbox.waiting() if state in {None, DeliveryState.DUE} else ()
    waiting = tuple(alert for alert in waiting if options.contract in {None, alert.contract_name})
    screen.document(
        {
            "messages": [_document(message) for message in found],
            "alerts": [{"key": alert.key, "contract": alert.contract_name, "event": alert.event.value} for alert in waiting],
        }
    )
    for message in found:
        screen.lines(_lines(message))
    if waiting:
        screen.line(
            f"{plural(len(waiting), 'alert')} not yet made a message: the next run or `sluicegate notify flush` does that"
        )
    if not (found or waiting):
        screen.line("there is no message" + (" that fits" if options.state or options.contract else ""))
    return 0


def _lines(message: KeptMessage) -> Iterator[Line]:
    about = f"{message.channel}  {_about(message)}  {plural(message.count, 'alert')}"
    waits = f", leaves at {_minute(message.due_at)}" if message.sealed_at is None else ""
    yield (message.message_id, "bold"), f"  {about}{waits}"
    for tried in message.deliveries:
        mark, style = MARKS[_MARK_OF[tried.state.value]]
        said = f"{tried.state.value} {_minute(tried.noted_at or message.due_at)}"
        if tried.attempts > 1:
            said += f", {plural(tried.attempts, 'attempt')}"
        if tried.detail:
            said += f", {tried.detail}"
        if tried.state.value == "due" and tried.attempts:
            said += f"; again from {_minute(tried.next_at)}"
        yield ("  ", (mark, style), f" {tried.service}  ", (said, "dim"))


def _about(message: KeptMessage) -> str:
    about = dict.fromkeys(f"{alert.contract_name}: {alert.event.value}" for alert in reversed(message.alerts))
    first, *others = about
    return f"{first}, +{len(others)}" if others else first


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _document(message: KeptMessage) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "channel": message.channel,
        "severity": message.severity.value,
        "count": message.count,
        "due_at": message.due_at.isoformat(),
        "sealed_at": _iso(message.sealed_at),
        "first_at": message.first_at.isoformat(),
        "last_at": message.last_at.isoformat(),
        "alerts": [
            {"key": alert.key, "contract": alert.contract_name, "event": alert.event.value, "run_id": alert.run_id}
            for alert in message.alerts
        ],
        "deliveries": [
            {
                "service": tried.service,
                "state": tried.state.value,
                "attempts": tried.attempts,
                "next_at": tried.next_at.isoformat(),
                "detail": tried.detail,
                "noted_at": _iso(tried.noted_at),
            }
            for tried in message.deliveries
        ],
    }


def flush(options: Namespace, screen: Screen) -> int:
    """Send what is due, and say what still waits; exit code 6 if a service did not take something."""
    return _flushed(_gate(options), options, screen)


def retry(options: Namespace, screen: Screen) -> int:
    """Make what was given up due again, and send it."""
    if bool(options.message_ids) == options.failed:
        raise UsageError("name messages, or say --failed", hint="sluicegate notify list --state failed")
    gate = _gate(options)
    for message_id in dict.fromkeys(options.message_ids) or (None,):
        if not gate.history.outbox.retry(datetime.now(UTC), message_id) and message_id:
            raise UsageError(f"nothing of {message_id!r} was given up", hint="sluicegate notify list --state failed")
    return _flushed(gate, options, screen)


def _gate(options: Namespace) -> Gate:
    """A gate whose notifications are whole."""
    from sluicegate import Gate

    if not options.limit >= 0:
        raise UsageError("--limit can't be negative")
    gate = Gate.from_config(options.config)
    settings_of(gate)
    return gate


def _flushed(gate: Gate, options: Namespace, screen: Screen) -> int:
    from sluicegate.history.message import DeliveryState

    trouble: SluicegateError | None = None
    try:
        gate.retention_alerts()
    except StorageError as error:  # what waits already can leave all the same
        trouble = error
    told = gate.flush(limit=options.limit)
    for each in told:
        mark, style = MARKS[_MARK_OF[each.state.value]]
        screen.line((mark, style), f" {clean(each.delivery.channel)}  {clean(each.delivery.service)}  {_said(each)}")
    moved = {each.delivery.message_id for each in told}
    waiting = gate.history.outbox.messages(state=DeliveryState.DUE, limit=_SHOWN + 1)
    for message in waiting[:_SHOWN]:
        if message.message_id not in moved:
            screen.line(f"  {clean(message.channel)}  {_about(message)}  waits until {_minute(_next(message))}")
    if len(waiting) > _SHOWN:
        screen.line("  … and more: sluicegate notify list --state due --limit 10000")
    if not (told or waiting):
        screen.line("nothing waits")
    refused = any(each.state.value in {"due", "failed"} for each in told)
    code = StorageError.exit_code if refused or trouble else 0
    screen.document(
        {
            "told": [_told(each) for each in told],
            "waiting": [
                {"message_id": each.message_id, "channel": each.channel, "until": _next(each).isoformat()}
                for each in waiting[:_SHOWN]
            ],
            "more_waiting": len(waiting) > _SHOWN,
            "error": told_error(trouble),
            "exit_code": code,
        }
    )
    show_trouble(trouble, screen)
    return code


def _said(each: Delivered) -> str:
    stands_for = plural(each.delivery.count, "alert")
    about = f"{stands_for} of {clean(each.delivery.alerts[-1].contract_name)}: {each.state.value}"
    detail = f", {clean(each.detail)}" if each.detail else ""
    return about + detail + (f"; again from {_minute(each.next_at)}" if each.next_at else "")


def _next(message: KeptMessage) -> datetime:
    return min((tried.next_at for tried in message.deliveries if tried.state.value == "due"), default=message.due_at)


def _told(each: Delivered) -> dict[str, Any]:
    delivery = each.delivery
    return {
        "message_id": delivery.message_id,
        "channel": delivery.channel,
        "service": delivery.service,
        "state": each.state.value,
        "detail": each.detail,
        "next_at": _iso(each.next_at),
        "count": delivery.count,
        "contracts": list(dict.fromkeys(alert.contract_name for alert in delivery.alerts)),
    }
