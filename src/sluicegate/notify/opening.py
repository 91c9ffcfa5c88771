"""A channel's notifier, opened: through the same door for built-in ones and a stranger's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluicegate import plugins
from sluicegate.errors import ConfigError
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.ports.notifier import Notifier
from sluicegate.redact import learn, register

__all__ = ["NOTIFIERS", "open_notifier", "open_notifiers"]

NOTIFIERS = "sluicegate.notifiers"
_TELLING = 4  # shorter texts are words such as a port or a truth value: without them no message could be read


def open_notifier(channel: Channel, base: Path) -> Notifier:
    """What sends this channel's messages; nobody is contacted.

    Raises:
        ConfigError: its settings can't be used; the message names the key and no value.
        PluginError: there is no such notifier, or it can't be loaded.
    """
    if channel.trouble:
        raise ConfigError(f"the channel {channel.name!r}: {channel.trouble}")
    learn(channel.settings)
    factory = plugins.load(NOTIFIERS, channel.type)
    try:
        notifier: Notifier = factory(channel.settings, base)
        register(notifier.secrets)
        notifier.services(())  # who can't say where messages go can't be used, and had better say so here
    except ConfigError as error:
        raise ConfigError(_without(error.message, channel.settings), hint=_without(error.hint, channel.settings)) from None
    except Exception as error:  # noqa: BLE001 - a stranger's notifier may break in any way, and its words may hold a secret
        raise ConfigError(
            f"the notifier {channel.type!r} can't be opened: {type(error).__name__}",
            hint="see its documentation for its settings",
        ) from None
    return notifier


def open_notifiers(settings: NotificationSettings) -> dict[str, Notifier]:
    """The enabled channels' notifiers, by channel.

    Raises:
        ConfigError, PluginError: as ``open_notifier``.
    """
    return {name: open_notifier(channel, settings.base) for name, channel in settings.channels.items() if channel.enabled}


def _without(text: str, settings: Mapping[str, Any]) -> str:
    for value in sorted(set(_texts(settings)), key=len, reverse=True):
        text = text.replace(value, "…")
    return text


def _texts(value: object) -> Iterator[str]:
    """Every text among the settings, below the channel's own keys: also what was meant as one and stands as a key."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
            if isinstance(item, Mapping):
                yield from (str(key) for key, inner in item.items() if inner is None and len(str(key)) >= _TELLING)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool) and len(str(value)) >= _TELLING:
        yield str(value)
