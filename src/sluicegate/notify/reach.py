"""Whom a contract wants told and nobody will be: said at lint, and in every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import ConfigError, Fault

if TYPE_CHECKING:
    from sluicegate.contract.model import Contract
    from sluicegate.notify.model import NotificationSettings
    from sluicegate.ports.notifier import Notifier

__all__ = ["Inspected", "inspect", "unreachable"]

_NOBODY = "\0"  # no service has such an address


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A file of notifications, looked at as closely as can be without contacting anybody.

    Attributes:
        settings: None if there is no file, or it can't be read at all.
        notifiers: the enabled channels' ones; none if the file has faults.
        faults: everything that is wrong with it.
        warnings: what is worth a look.
    """

    settings: NotificationSettings | None = None
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def warnings(self) -> tuple[Fault, ...]:
        return self.settings.warnings if self.settings else ()


def inspect(path: Path | None, environ: Mapping[str, str]) -> Inspected:
    """Look at a profile's ``notifications``."""
    if path is None:
        return Inspected()
    from sluicegate.notify.opening import open_notifiers
    from sluicegate.notify.settings_file import load_notifications

    try:
        settings = load_notifications(path, environ)
    except ConfigError as error:
        faults = error.faults
    else:
        return Inspected(settings=settings, notifiers=open_notifiers(settings))
    try:  # the names that it has are names all the same
        return Inspected(settings=load_notifications(path, environ, thorough=False), faults=faults)
    except ConfigError:
        return Inspected(faults=faults)


def unreachable(
    contract: Contract, settings: NotificationSettings | None, notifiers: Mapping[str, Notifier] | None = None
) -> tuple[Fault, ...]:
    """What of the contract's ``notification`` leads nowhere: each a sentence, with the place in the contract where it is known.

    Args:
        contract: what was read.
        settings: None: the profile names no notifications file.
        notifiers: the enabled channels' ones, to ask about single recipients; without them only names are looked at.
    """
    said = contract.notification
    found: list[Fault] = []

    def note(name: str, message: str, hint: str = "") -> None:
        file = str(contract.files[0]) if contract.files else contract.name
        found.append(Fault(*said.places.get(name, (file, 0, 0)), message, hint))

    if settings is None:
        if said.channels or said.recipients:
            note(next(iter((*said.channels, *said.recipients))), "nobody is told: the profile names no file of notifications",
                 "notifications: notifications.yaml, in the profile")  # fmt: skip
        return tuple(found)
    chosen = said.channels or settings.default_channels
    for name in chosen:
        channel = settings.channels.get(name)
        if channel is None:
            from sluicegate.contract.decode import did_you_mean

            note(name, f"the channel {name!r} is not defined: nobody is told by it", did_you_mean(name, settings.channels))
        elif not channel.enabled:
            note(name, f"the channel {name!r} is not enabled: nobody is told by it")
        elif channel.trouble:
            note(name, f"the channel {name!r} can't be used, and its messages wait: {channel.trouble}")
    if said.recipients and not chosen:
        note(said.recipients[0], "there are recipients, and no channel that would reach them", "notification.channels: [email]")
    for name, message, hint in _asked(said.recipients, {name: one for name, one in (notifiers or {}).items() if name in chosen}):
        note(name, message, hint)
    return tuple(found)


def _asked(recipients: Sequence[str], notifiers: Mapping[str, Notifier]) -> Iterator[tuple[str, str, str]]:
    for name in recipients if notifiers else ():
        if not any(_reaches(one, name) for one in notifiers.values()):
            yield name, f"none of the contract's channels reaches {name!r}", "a mail address needs a channel of type email"
    for name, one in notifiers.items():
        if not one.services(recipients):
            yield name, f"the channel {name!r} has nobody to tell", "recipients: of the contract, or of the channel"


def _reaches(notifier: Notifier, name: str) -> bool:
    """Whether a recipient makes a difference: what a channel can't reach, it leaves out."""
    return name in (found := notifier.services((name,))) or found != notifier.services((_NOBODY,))
