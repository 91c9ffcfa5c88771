"""``notify preview``: what a message would say, before anybody gets it."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.cli.notify import settings_of
from sluicegate.cli.screen import Screen
from sluicegate.errors import ContractError, Fault, UsageError

if TYPE_CHECKING:
    from sluicegate import Gate
    from sluicegate.history.alert import Alert
    from sluicegate.notify.model import Channel, NotificationSettings
    from sluicegate.ports.notifier import TextFormat

__all__ = ["preview"]

_SAMPLE = "quality_violation"


def preview(options: Namespace, screen: Screen) -> int:
    """Render an alert, of a run on record or of a sample, with a channel's templates, a file's, or the shipped ones; send nothing."""
    from sluicegate import Gate
    from sluicegate.history.alert import Event
    from sluicegate.notify.model import Channel, NotificationSettings
    from sluicegate.notify.samples import SAMPLES
    from sluicegate.notify.templates import Folded, render

    gate = Gate.from_config(options.config)
    sample = options.template if options.template in SAMPLES else None
    if sample and options.run:
        raise UsageError("--run says what is told, and so does an event", hint="leave one of them out")
    settings = settings_of(gate) if gate.profile.notifications or options.channel else NotificationSettings()
    channel = _channel(options.channel, settings) if options.channel else Channel(name="preview", type="preview")
    if options.template and not sample:
        text = _read(options.template, tuple(SAMPLES))
        channel = replace(channel, templates=dict.fromkeys(Event, text))
    alert = _alert_of(options.run, gate) if options.run else SAMPLES[sample or _SAMPLE]
    form = _format(options.format, channel if options.channel else None, settings)
    message = render(channel, form, Folded.of(alert), settings)
    screen.document(
        {
            "of": options.run or f"a sample of {sample or _SAMPLE}",
            "format": form.value,
            "title": message.title,
            "body": message.body,
            "text": message.text,
            "severity": message.severity.value,
            "mention": message.mention,
            "resolves": message.resolves,
            "link": message.link,
        }
    )
    if form.value != "html":  # which is a page by itself, for a file
        screen.line((message.title, "bold"))
        screen.line("")
    for line in message.body.split("\n"):
        screen.line(line)
    return 0


def _channel(name: str, settings: NotificationSettings) -> Channel:
    from sluicegate.contract.decode import did_you_mean

    if name not in settings.channels:
        raise UsageError(f"there is no channel {name!r}", hint=did_you_mean(name, settings.channels))
    return settings.channels[name]


def _format(asked: str | None, channel: Channel | None, settings: NotificationSettings) -> TextFormat:
    from sluicegate.notify.notifiers import Notifiers
    from sluicegate.ports.notifier import TextFormat

    if asked:
        return TextFormat(asked)
    return Notifiers(settings).of(channel.name).format if channel else TextFormat.TEXT


def _read(path: str, samples: tuple[str, ...]) -> str:
    """A template that is still to be configured.

    Raises:
        ContractError: with its faults.
    """
    from sluicegate.contract.decode import did_you_mean
    from sluicegate.notify.templates import faults_of

    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"{path!r} is neither an event nor a file", hint=did_you_mean(path, samples)) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the template {path} can't be read: {getattr(error, 'strerror', None) or 'it is no text in UTF-8'}"
        ) from error
    if faults := faults_of(text):
        raise ContractError(tuple(Fault(path, fault.line, 1, fault.message, fault.hint) for fault in faults))
    return text


def _alert_of(run_id: str, gate: Gate) -> Alert:
    """What was told of a run, or would have been."""
    from sluicegate.gate.commands import Commands
    from sluicegate.notify.recall import alert_of_record

    run = gate.history.get(run_id)
    if run is None:
        raise UsageError(f"no run {run_id!r} is on record", hint="sluicegate history")
    kept = gate.history.outbox.alerts_of(run_id)
    commands = Commands(config=str(gate.profile.file or ""))
    coming = commands.show(run.quarantine_id) if run.quarantine_id else commands.look(run.contract_name)
    alert = kept[0] if kept else alert_of_record(run, next_command=coming)
    if alert is None:
        raise UsageError(f"there is nothing to tell of {run_id}: it passed, or changed nothing", hint="sluicegate history")
    return alert
