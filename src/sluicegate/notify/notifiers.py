"""Channels' notifiers, each opened when it is first asked for, and kept as long as the settings hold."""

from __future__ import annotations

import threading

from sluicegate.errors import ConfigError
from sluicegate.notify.carrier import Jam
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.opening import open_notifier
from sluicegate.ports.notifier import Notifier

__all__ = ["Notifiers"]


class Notifiers:
    """What the channels of one configuration are reached by. May be shared between threads.

    Attributes:
        jam: where threads still wait for an answer.
    """

    def __init__(self, settings: NotificationSettings) -> None:
        self.settings = settings
        self.jam = Jam()
        self._opened: dict[str, Notifier] = {}
        self._lock = threading.Lock()

    def channel(self, name: str) -> Channel | None:
        """The channel, if it is there and enabled."""
        found = self.settings.channels.get(name)
        return found if found is not None and found.enabled else None

    def of(self, name: str) -> Notifier:
        """The channel's notifier.

        Raises:
            ConfigError: there is no such channel, or its settings can't be used.
            PluginError: there is no notifier of its type, or it can't be loaded.
        """
        channel = self.channel(name)
        if channel is None:
            raise ConfigError(f"there is no channel {name!r}, or it is not enabled")
        with self._lock:
            if name not in self._opened:
                self._opened[name] = open_notifier(channel, self.settings.base)
            return self._opened[name]
