"""The gate's methods on what there is to tell people: sending what waits, and warning of what will be purged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.contract.model import Contract
from sluicegate.errors import SluicegateError
from sluicegate.gate.alerting import Alerting
from sluicegate.gate.keep import every
from sluicegate.gate.replay import original_contract
from sluicegate.ports.recovery import Recovered
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate.config import Profile
    from sluicegate.gate.commands import Commands
    from sluicegate.gate.places import Places
    from sluicegate.history.sqlite import SqliteHistory
    from sluicegate.notify.deliver import Delivered
    from sluicegate.ports.quarantine import Manifest

__all__ = ["Telling"]

_KEPT = timedelta(days=90)
"""What was told, or given up, is forgotten after this time."""


class Telling:
    """What tells people for a gate. ``Gate`` is one: it has the parts that are only named here."""

    profile: Profile

    if TYPE_CHECKING:

        @property
        def places(self) -> Places: ...
        @property
        def history(self) -> SqliteHistory: ...
        def _contract(self, contract: str | Path | Contract) -> Contract: ...
        def _moment(self, now: datetime | None) -> datetime: ...

    @cached_property
    def alerting(self) -> Alerting:
        """How people are told."""
        clock: Callable[[], datetime] = lambda: self._moment(None)  # noqa: E731 - a method can't be weakly bound shorter
        return Alerting(
            self.profile, history=lambda: self.history, places=lambda: self.places, clock=clock, contract=self._contract
        )

    def flush(self, *, limit: float | None = None) -> tuple[Delivered, ...]:
        """Tell people what waits to be told, of whatever run: what is due leaves, and what could not leave before is tried again.

        Batches whose run died while it acted are looked for first: what became of them is told, too. Runs do the same at their end; a
        server calls this between them. Any number of processes may. What was told more than 90 days ago is forgotten.

        Args:
            limit: how long to wait for services, in seconds; default: ``time_limit_seconds`` of the notifications.

        Returns:
            What came of each attempt; what a service did never raises.

        Raises:
            ConfigError: the notifications are broken; nothing is lost, everything waits.
            StorageError: the history can't be used.
        """
        told = self.alerting.deliver(limit=limit)
        self.history.outbox.prune(self._moment(None) - _KEPT)
        return told

    def retention_alerts(self) -> int:
        """Plan a warning, once, of each quarantined batch that will be purged soon (``retention_warning`` of the notifications).

        Returns:
            How many are new; ``flush`` sends them.

        Raises:
            ConfigError: the notifications are broken.
            StorageError: the store or the history can't be used; at the end, if only some items can't be read.
        """
        if not self.alerting.warns_of_expiry:
            return 0
        items, trouble = every(self.places.store())
        warned = self.alerting.expiring(items, self._contract_of, self._commands(None, None))
        if trouble is not None:
            raise trouble
        return warned

    def _overdue(self) -> Iterator[Recovered]:
        """Have people told of what nobody came to tell: the next run or ``flush`` does."""
        if not self.alerting.is_configured:
            return
        try:
            if resolved := self.alerting.resolve():
                why = f"{plural(resolved, 'run')} died over it before people were told"
                yield Recovered(what="alert", where=str(self.profile.history), done="finished", why=why)
            if warned := self.retention_alerts():
                why = f"{plural(warned, 'item')} of the quarantine will soon be purged"
                yield Recovered(what="alert", where=str(self.profile.history), done="planned", why=why)
        except SluicegateError as error:
            where = str(self.profile.notifications)
            yield Recovered(what="alert", where=where, done="left", why=error.message, exit_code=error.exit_code)

    def _contract_of(self, item: Manifest) -> Contract:
        """The contract that an item was refused under; if its text alone is not enough, what the manifest says of it."""
        with suppress(SluicegateError):
            return original_contract(item, Path())
        return _named(item)

    def _commands(self, agreed: Contract | None, contract: object, batch: object = None) -> Commands:
        """How people are told to go on: with absolute paths, for they are somewhere else."""
        from sluicegate.gate.commands import Commands, as_typed

        source = (agreed and agreed.settings.get("source")) or {}
        return Commands(
            contract="".join(as_typed(contract)),
            batch=as_typed(source.get("path") if batch is None else batch),
            config=str(self.profile.file or ""),
            folder="" if self.profile.file else str(self.profile.base),
            elsewhere=agreed is not None and self.places.is_elsewhere(agreed),
        )


def _named(item: Manifest) -> Contract:
    """A contract of which nothing is known but whose it is."""
    return Contract(name=item.contract_name, version=item.contract_version, owner="", dataset=item.dataset, tenant=item.tenant)
