"""Whom a contract wants told and nobody will be: said at lint, and in every run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluicegate.errors import Fault

if TYPE_CHECKING:
    from sluicegate.contract.model import Contract
    from sluicegate.notify.model import NotificationSettings
    from sluicegate.ports.notifier import Notifier

__all__ = ["unreachable"]

_NOBODY = "\0"  # no service has such an address


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
    for name in said.channels:
        channel = settings.channels.get(name)
        if channel is None:
            from sluicegate.contract.decode import did_you_mean

            note(name, f"the channel {name!r} is not defined: nobody is told by it", did_you_mean(name, settings.channels))
        elif not channel.enabled:
            note(name, f"the channel {name!r} is not enabled: nobody is told by it")
    if said.recipients and not chosen:
        note(said.recipients[0], "there are recipients, and no channel that would reach them", "notification.channels: [email]")
    elif notifiers is not None:
        asked = [notifiers[name] for name in chosen if name in notifiers]
        for name in said.recipients if asked else ():
            if not any(one.services((name,)) != one.services((_NOBODY,)) for one in asked):
                note(name, f"none of the contract's channels reaches {name!r}", "a mail address needs a channel of type email")
    return tuple(found)
