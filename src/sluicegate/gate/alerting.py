"""How a gate tells people: what its contracts ask for, what of it can't be had, and seeing to it that what waits leaves.

Nothing here changes a decision or raises for a service, a template or a setting: what can't be told now waits in the outbox.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

from sluicegate.contract.model import Contract
from sluicegate.errors import ConfigError, NoSuchItem, SluicegateError, StorageError, TransientStorageError
from sluicegate.gate.items import DONE, WAITING
from sluicegate.gate.outcome import Told
from sluicegate.gate.places import Places
from sluicegate.ports.quarantine import Locating, Manifest, QuarantineStatus

if TYPE_CHECKING:
    from sluicegate.config import Profile
    from sluicegate.gate.alerts import Frame
    from sluicegate.gate.commands import Commands
    from sluicegate.history.alert import Alert
    from sluicegate.history.message import Intent, Way
    from sluicegate.history.sqlite import SqliteHistory
    from sluicegate.notify.deliver import Delivered
    from sluicegate.notify.model import NotificationSettings
    from sluicegate.notify.notifiers import Notifiers

__all__ = ["Alerting"]

_LONG_AGO = timedelta(days=1)
"""What became of a batch whose run died is asked for so long; then it is told that nobody knows."""
_FINAL = {"delivered", "dropped", "failed"}
_ASK = "contract_file"
"""In the facts of a planned alert: the contract without which its item, or its target, would not be found."""


class _NotKnown(TransientStorageError):
    """What became of a batch can't be told at the moment."""


class Alerting:
    """A gate's way to people. Safe to share between threads.

    Args:
        profile: which notifications hold.
        history: gives the history, in which the outbox is.
        places: gives where batches go.
        clock: now, in UTC.
        contract: reads a contract's file.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        history: Callable[[], SqliteHistory],
        places: Callable[[], Places],
        clock: Callable[[], datetime],
        contract: Callable[[str], Contract],
    ) -> None:
        self._profile = profile
        self.history, self._places, self.clock, self._contract = history, places, clock, contract
        self._lock = Lock()
        self._kept: tuple[object, Notifiers] | None = None
        self._left: list[Intent] = []

    @property
    def is_configured(self) -> bool:
        """Whether there may be anybody to tell: without a file of notifications nothing is planned, kept or looked for."""
        return self._profile.notifications is not None

    def settings(self) -> NotificationSettings | None:
        """What the profile's notifications say now; None if it has none.

        Raises:
            ConfigError: they are broken.
        """
        notifiers = self.notifiers()
        return notifiers.settings if notifiers else None

    def notifiers(self) -> Notifiers | None:
        """The channels, opened when they are needed, and kept as long as their files and the environment stay the same.

        Raises:
            ConfigError: the file is broken.
        """
        path = self._profile.notifications
        if path is None:
            return None
        from sluicegate.notify.notifiers import Notifiers
        from sluicegate.notify.settings_file import load_notifications

        with self._lock:
            own = _stamp(path)
            if self._kept is None or self._kept[0] != (own, *map(_stamp, self._kept[1].settings.files[1:])):
                found = load_notifications(path, thorough=False)
                self._kept = (own, *map(_stamp, found.files[1:])), Notifiers(found)
            return self._kept[1]

    def unreachable(self, contract: Contract) -> tuple[str, ...]:
        """Whom the contract wants told and nobody will be: a sentence each, for every run's report."""
        wanted = contract.notification
        if not (wanted.channels or wanted.recipients):
            return ()
        from sluicegate.notify.reach import unreachable

        try:
            found = unreachable(contract, self.settings())
        except ConfigError as error:
            return (f"nobody is told: the notifications are broken: {error.message.partition(chr(10))[0]}",)
        except Exception as error:  # noqa: BLE001 - a fault of ours in telling keeps no run from the history
            return (f"nobody is told: the notifications can't be read: {type(error).__name__}",)
        return tuple(fault.message for fault in found)

    def frame(self, contract: Contract, commands: Commands, quarantine_id: str = "") -> Frame:
        """What an alert tells beside its run."""
        from sluicegate.gate.alerts import Frame

        where = ""
        if quarantine_id:
            store = self._places().store(contract)
            if isinstance(store, Locating):
                where = store.where(quarantine_id, tenant=contract.tenant, dataset=contract.dataset)
        return Frame(at=self.clock(), commands=commands, quarantine_path=where)

    def intend(self, contract: Contract, alert: Alert, commands: Commands) -> Intent | None:
        """Have the outbox know of what is about to be done; None if it can't: the decision doesn't wait for that."""
        from sluicegate.history.owner import Owner

        chosen = self._places().is_elsewhere(contract) or self._places().chosen(contract)
        if chosen:
            alert = replace(alert, facts={**alert.facts, _ASK: commands.contract})
        try:
            return self.history().outbox.intend(alert, Owner.here(), self.clock())
        except StorageError:
            return None

    def broke_off(self, intent: Intent) -> None:
        """What was intended has raised: its caller knows; people are told if it is done all the same."""
        try:
            self._resolve(intent, known=True)
        except SluicegateError:
            self.leave(intent)

    def leave(self, intent: Intent) -> None:
        """Have whoever delivers next find out what became of it: this process lives, and nobody else takes it for dead."""
        with self._lock:
            self._left.append(intent)

    def resolve(self) -> int:
        """Find out what became of the batches whose runs died while they acted, and have people told; how many that were.

        Raises:
            StorageError: the history can't be used.
        """
        outbox, resolved = self.history().outbox, 0
        with self._lock:
            left = tuple(self._left)
        for intent in (*left, *outbox.orphans(self.clock())):
            try:
                self._resolve(intent, known=intent in left)
            except _NotKnown:
                continue
            with self._lock:
                self._left = [other for other in self._left if other.intent_id != intent.intent_id]
            resolved += 1
        return resolved

    def _resolve(self, intent: Intent, *, known: bool) -> None:
        """Settle an intent by what is there.

        Args:
            intent: whose.
            known: its caller was told that it failed.

        Raises:
            StorageError: the history can't be used; or (_NotKnown) what is there can't be told yet.
        """
        from sluicegate.gate.alerts import died
        from sluicegate.history.alert import Event

        done: bool | None = None
        try:
            done = self._is_done(intent.alert)
        except SluicegateError as error:
            if self.clock() - intent.planned_at < _LONG_AGO:
                raise _NotKnown(error.message) from error
        nothing = done is False and (known or intent.alert.event is Event.REPLAYED)
        self.history().outbox.settle(intent, None if nothing else died(intent.alert, found=done))

    def _is_done(self, alert: Alert) -> bool:
        """Whether what a run was about to do with its batch is done.

        Raises:
            SluicegateError: that can't be told.
        """
        from sluicegate.history.alert import Event

        facts, places = alert.facts, self._places()
        contract = self._contract(facts[_ASK]) if _ASK in facts else None
        if facts.get("quarantine_id"):
            store = places.store(contract)
            try:
                item = store.get(facts["quarantine_id"], tenant=alert.tenant, dataset=alert.dataset)
            except NoSuchItem:
                return False
            replaying = alert.event is Event.REPLAYED
            if replaying and item.status is QuarantineStatus.REPLAYING:
                raise TransientStorageError(f"{item.quarantine_id} is not at rest yet")
            return item.status in DONE if replaying else True
        target = places.target(contract) if contract else places.open_target()
        found = target.find(facts["batch_id"], tenant=alert.tenant, dataset=alert.dataset)
        return found is not None and found.content_sha256 == facts["verdict"]["batch"]["sha256"]

    @property
    def warns_of_expiry(self) -> bool:
        """Whether items that will be purged are to be warned of.

        Raises:
            ConfigError: the notifications are broken.
        """
        settings = self.settings()
        return settings is not None and settings.retention_days_before is not None

    def expiring(self, items: Iterable[Manifest], contract_of: Callable[[Manifest], Contract], commands: Commands) -> int:
        """Warn of items that will soon be purged, each once; of how many.

        Raises:
            ConfigError: the notifications are broken.
            StorageError: the history can't be used.
        """
        from sluicegate.gate.alerts import alert_of_expiry

        settings = self.settings()
        if settings is None or settings.retention_days_before is None:
            return 0
        until = self.clock() + timedelta(days=settings.retention_days_before)
        warned = 0
        for item in items:
            if item.held or item.status not in WAITING or not item.expires_at or datetime.fromisoformat(item.expires_at) > until:
                continue
            contract = contract_of(item)
            frame = self.frame(contract, commands, item.quarantine_id)
            warned += self.history().outbox.put(alert_of_expiry(item, contract, frame))
        return warned

    def deliver(self, *, limit: float | None = None) -> tuple[Delivered, ...]:
        """Send what is due, for at most about ``limit`` seconds (default: the configured time).

        Raises:
            ConfigError: the notifications are broken: everything waits.
            StorageError: the outbox can't be used.
        """
        outbox = self.history().outbox
        if not outbox.pending(self.clock()):
            return ()
        self.resolve()
        notifiers = self.notifiers()
        if notifiers is None:
            return ()
        from sluicegate.notify.deliver import flush

        return flush(outbox, notifiers, limit=notifiers.settings.time_limit if limit is None else limit, clock=self.clock)

    def told(self, key: str) -> tuple[Told, ...]:
        """How far an alert is, for each service; for a channel that waits with it, one.

        Raises:
            StorageError: the outbox can't be read.
        """
        return tuple(told for way in self.history().outbox.ways(key) for told in _told(way))

    def send_directly(self, alert: Alert) -> tuple[Told, ...]:
        """Tell at once what the history could not keep, as far as that goes: without a window or quiet hours, and without another try.

        Raises:
            SluicegateError: nobody was told.
        """
        notifiers = self.notifiers()
        if notifiers is None:
            return ()
        from sluicegate.history.sqlite import SqliteHistory
        from sluicegate.notify.deliver import flush
        from sluicegate.notify.notifiers import Notifiers

        at_once = replace(notifiers.settings, window=timedelta(), quiet_hours=None, digest=None)
        with TemporaryDirectory(prefix="sluicegate-outbox-", ignore_cleanup_errors=True) as folder:
            beside = SqliteHistory(Path(folder) / "outbox.sqlite")
            try:
                beside.outbox.put(alert)
                flush(beside.outbox, Notifiers(at_once), limit=at_once.time_limit, clock=self.clock)
                told = [told for way in beside.outbox.ways(alert.key) for told in _told(way)]
                return tuple(each if each.state in _FINAL else replace(each, state="failed", next_at=None) for each in told)
            finally:
                beside.close()


def _told(way: Way) -> Iterator[Told]:
    if not way.deliveries:
        yield Told(channel=way.channel, state="waiting", next_at=way.due_at)
    for each in way.deliveries:
        later = each.next_at if each.state == "due" else None
        yield Told(channel=way.channel, service=each.service, state=each.state.value, detail=each.detail, next_at=later)


def _stamp(path: Path) -> tuple[object, ...]:
    """What tells one version of the settings from another."""
    try:
        found = path.stat()
    except OSError:
        return (path, None)
    return path, found.st_mtime_ns, found.st_size, found.st_ino, dict(os.environ)
