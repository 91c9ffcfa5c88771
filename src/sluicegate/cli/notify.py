"""``notify test``, ``list``, ``flush`` and ``retry``: try the channels, see what became of alerts, send what waits."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sluicegate.cli.report import MARKS
from sluicegate.cli.screen import Screen, clean, grid, wrap
from sluicegate.errors import SluicegateError, StorageError, UsageError
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate import Gate
    from sluicegate.history.message import KeptMessage
    from sluicegate.notify.carrier import Delivered
    from sluicegate.notify.notifiers import Notifiers
    from sluicegate.ports.notifier import Message, Notifier

__all__ = ["flush", "list_messages", "retry", "test"]

_TEST_SECONDS = 10.0
_MARK_OF = {"delivered": "passed", "due": "warned", "sending": "warned", "failed": "failed", "dropped": "skipped"}


def test(options: Namespace, screen: Screen) -> int:
    """Send a test message to each service; exit code 6 if one did not take it."""
    notifiers = _notifiers(options)
    results = []
    for name in _chosen(options.channels, notifiers):
        for found in _tried(name, notifiers, tuple(options.to)):
            results.append(found)
            mark, style = MARKS[_MARK_OF[found["state"]]]
            screen.line((mark, style), f" {clean(name)}  {clean(found['service'])}  ", (found["detail"] or found["state"], "dim"))
    code = StorageError.exit_code if any(found["state"] == "failed" for found in results) else 0
    screen.document({"results": results, "exit_code": code})
    return code


def _notifiers(options: Namespace) -> Notifiers:
    from sluicegate import Gate

    found = Gate.from_config(options.config).alerting.notifiers()
    if found is None:
        raise UsageError(
            "nobody is told: the profile names no file of notifications", hint="notifications: notifications.yaml, in it"
        )
    return found


def _chosen(names: Sequence[str] | None, notifiers: Notifiers) -> Sequence[str]:
    from sluicegate.cli.parser import suggest

    channels = notifiers.settings.channels
    enabled = [name for name, channel in channels.items() if channel.enabled]
    for name in names or ():
        if name not in channels:
            raise UsageError(f"there is no channel {name!r}", hint=suggest(name, channels) if channels else "none is defined")
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
    header = ("MESSAGE", "CHANNEL", "ABOUT", "ALERTS", "WHEN (UTC)", "STATE", "TRIED", "SERVICE", "SAID")
    rows = [row for message in found for row in _rows(message)]
    for i, line in enumerate(grid(header, rows, screen.width) if rows else ()):
        screen.line((line, "bold" if i == 0 else ""))
    if waiting:
        screen.line(
            f"{plural(len(waiting), 'alert')} not yet made a message: the next run or `sluicegate notify flush` does that"
        )
    if not (rows or waiting):
        screen.line("there is no message" + (" that fits" if options.state or options.contract else ""))
    return 0


def _rows(message: KeptMessage) -> Iterator[tuple[str, ...]]:
    known = (message.message_id, message.channel, _about(message), f"{message.count:,}")
    if message.sealed_at is None:
        yield (*known, _minute(message.due_at), "due", "0", "", "leaves at that time, and takes more until then")
    for tried in message.deliveries:
        at = tried.next_at if tried.state.value == "due" else tried.noted_at or message.sealed_at or message.due_at
        yield (*known, _minute(at), tried.state.value, str(tried.attempts), tried.service, tried.detail)


def _about(message: KeptMessage) -> str:
    about = dict.fromkeys(f"{alert.contract_name}: {alert.event.value}" for alert in reversed(message.alerts))
    first, *others = about
    return f"{first}, +{len(others)}" if others else first


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _document(message: KeptMessage) -> dict[str, Any]:
    return {
        "message_id": message.message_id,
        "channel": message.channel,
        "severity": message.severity.value,
        "count": message.count,
        "due_at": message.due_at,
        "sealed_at": message.sealed_at,
        "first_at": message.first_at,
        "last_at": message.last_at,
        "alerts": [
            {"key": alert.key, "contract": alert.contract_name, "event": alert.event.value, "run_id": alert.run_id}
            for alert in message.alerts
        ],
        "deliveries": [
            {
                "service": tried.service,
                "state": tried.state.value,
                "attempts": tried.attempts,
                "next_at": tried.next_at,
                "detail": tried.detail,
                "noted_at": tried.noted_at,
            }
            for tried in message.deliveries
        ],
    }


def flush(options: Namespace, screen: Screen) -> int:
    """Send what is due, and say what still waits; exit code 6 if a service did not take something."""
    from sluicegate import Gate

    return _flushed(Gate.from_config(options.config), options, screen)


def retry(options: Namespace, screen: Screen) -> int:
    """Make what was given up due again, and send it."""
    from sluicegate import Gate

    if bool(options.message_ids) == options.failed:
        raise UsageError("name messages, or say --failed", hint="sluicegate notify list --state failed")
    gate = Gate.from_config(options.config)
    ...
    return _flushed(gate, options, screen)


def _flushed(gate: Gate, options: Namespace, screen: Screen) -> int:
    ...
    return 0
