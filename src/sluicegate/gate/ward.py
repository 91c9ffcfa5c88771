"""The gate's methods on quarantined batches: replay, release, review, delete, purge, verify, export; and recover."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.batch import scratch
from sluicegate.batch.database import interruptible
from sluicegate.batch.source import Batch
from sluicegate.contract.model import Contract
from sluicegate.errors import UsageError
from sluicegate.gate import keep
from sluicegate.gate import recover as recovery
from sluicegate.gate import replay as steps
from sluicegate.gate.alerting import Alerting
from sluicegate.gate.errand import ReplayErrand
from sluicegate.gate.items import Desk
from sluicegate.gate.places import Places
from sluicegate.gate.record import record_of_replay
from sluicegate.ports.quarantine import Manifest
from sluicegate.ports.recovery import Recovered
from sluicegate.ports.target import Target
from sluicegate.verdict.model import Verdict

if TYPE_CHECKING:
    from sluicegate.config import Profile
    from sluicegate.gate.commands import Commands
    from sluicegate.history.sqlite import SqliteHistory

__all__ = ["Ward", "pacer"]

_LEASE = timedelta(minutes=10)
_USER = "somebody"
_A_DAY = timedelta(days=1)


def pacer(rate: float | None, *, pause: Callable[[float], object] = time.sleep) -> Callable[[], None]:
    """Called before each of many: waits so that there are at most ``rate`` a second; None never waits.

    Raises:
        UsageError: a rate that is none.
    """
    if rate is not None and not rate > 0:
        raise UsageError(f"a rate of {rate} a second is none", hint="such as 0.5")
    begun = False

    def pace() -> None:
        nonlocal begun
        if begun and rate is not None:
            pause(1 / rate)
        begun = True

    return pace


class Ward:
    """What a gate can do with quarantined batches. ``Gate`` is one: it has the parts that are only named here."""

    profile: Profile
    _clock: Callable[[], datetime]

    if TYPE_CHECKING:

        @property
        def target(self) -> Target: ...
        @property
        def places(self) -> Places: ...
        @property
        def history(self) -> SqliteHistory: ...
        def _contract(self, contract: str | Path | Contract) -> Contract: ...
        def _open_kept(
            self,
            item: Manifest,
            contract: Contract,
            data: object = None,
            format: str | None = None,  # noqa: A002
            *,
            checked: bool = True,
        ) -> Batch: ...
        def _judge(
            self, contract: Contract, batch: Batch, now: datetime, tell: Callable[[str], None], *, judged: str = ""
        ) -> Verdict: ...
        def _merged(self, item: Manifest, contract: Contract, rows: Batch) -> AbstractContextManager[Batch | None]: ...
        def _open_original(self, item: Manifest) -> Batch: ...
        def _run_id(self, moment: datetime) -> str: ...
        @property
        def alerting(self) -> Alerting: ...
        def _overdue(self) -> Iterator[Recovered]: ...
        def _commands(self, agreed: Contract | None, contract: object, batch: object = None) -> Commands: ...

    @property
    def _desk(self) -> Desk:
        lease = _LEASE + timedelta(seconds=2 * self.profile.timeout_seconds)
        places = self.places
        return Desk(
            store=places.store(),
            target=self.target,
            clock=lambda: self._moment(None),
            lease=lease,
            target_of=places.target_of,
        )

    def _bench(self, judge: steps.Judge) -> steps.Bench:
        return steps.Bench(desk=self._desk, open=self._open_kept, judge=judge, merged=self._merged)

    @interruptible()
    def replay(
        self,
        quarantine_id: str,
        contract: str | Path | Contract | None = None,
        *,
        beside: str | Path | None = None,
        data: object = None,
        format: str | None = None,  # noqa: A002 - the field's word
        now: datetime | None = None,
        original_clock: bool = False,
        dry_run: bool = False,
        by: str = _USER,
        why: str = "replay",
        progress: Callable[[str], None] | None = None,
    ) -> steps.ReplayOutcome:
        """Run a quarantined batch through the gate again; commit it, under its own batch_id, if it passes now.

        Args:
            quarantine_id: which item.
            contract: the one that holds now; None for the one that the batch was refused under, as the manifest keeps it.
            beside: the folder where that one's relative paths start; default: the working directory.
            data: a repaired file (all that ``run`` takes) to check and commit in place of the kept one, which stays in the item.
            format: of ``data``; default: from the suffix.
            now: the clock of the checks; default: the gate's.
            original_clock: take that of the verdict that refused the batch.
            dry_run: run the checks, and change nothing.
            by: who wants it, for the item's history.
            why: the same.
            progress: called with a few words at each step.

        Raises:
            UsageError: no such item, it was deleted, it was committed with other data, the contract is of another dataset.
            TransientStorageError: somebody else works on the item.
            BatchConflict: the target has this batch_id with content that has nothing to do with the item.
            StorageError: a store failed, or the kept bytes are damaged; the call may be repeated.
        """
        started, moment = time.monotonic(), self._moment(now)
        agreed = self._known(contract)
        tell = progress or (lambda _: None)

        def judge(agreed: Contract, batch: Batch, judged: str) -> Verdict:
            return self._judge(agreed, batch, moment, tell, judged=judged)

        def contract_for(item: Manifest) -> Contract:
            nonlocal moment
            if original_clock:
                moment = _clock_of(item)
            found = self._suited(agreed, item, beside)
            errand.plan(item, found)
            return found

        errand = self._replay_errand(agreed, contract, tells=not dry_run)
        task = steps.Task(quarantine_id=quarantine_id, contract_for=contract_for, by=by, why=why, data=data, format=format)
        with errand.watching():
            outcome = steps.replay(self._bench(judge), task, dry_run=dry_run)
        return outcome if dry_run else self._recorded(outcome, errand, started)

    @interruptible()
    def release(
        self,
        quarantine_id: str,
        contract: str | Path | Contract | None = None,
        *,
        by: str,
        reason: str,
        beside: str | Path | None = None,
    ) -> steps.ReplayOutcome:
        """Commit a quarantined batch as it is, although its checks failed: a named person takes the responsibility.

        Args:
            quarantine_id: which item.
            contract: whose types its text columns are read with; None for the one it was refused under.
            by: the person.
            reason: theirs.
            beside: as for ``replay``.

        Raises:
            UsageError: as for ``replay``; or nobody is named, or no reason is given.
            SluicegateError: as for ``replay``.
        """
        _insist(by=by, reason=reason)
        started = time.monotonic()
        agreed = self._known(contract)

        def contract_for(item: Manifest) -> Contract:
            found = self._suited(agreed, item, beside)
            errand.plan(item, found)
            return found

        def judge(*_: object) -> Verdict:
            raise AssertionError

        errand = self._replay_errand(agreed, contract)
        task = steps.Task(quarantine_id=quarantine_id, contract_for=contract_for, by=by, why=reason)
        with errand.watching():
            outcome = steps.release(self._bench(judge), task)
        return self._recorded(outcome, errand, started)

    def review(self, quarantine_id: str, *, by: str, note: str, hold: bool | None = None) -> Manifest:
        """Note in an item's history that somebody looked at it; ``hold``: keep it from being deleted and purged (False: no longer).

        Raises:
            UsageError: no such item, it was deleted, nobody is named, or there is no note.
            TransientStorageError: somebody works on it.
        """
        _insist(by=by, note=note)
        return keep.review(self._desk, quarantine_id, by=by, note=note, hold=hold)

    def delete(self, quarantine_id: str, *, by: str, reason: str) -> Manifest:
        """Give a quarantined batch up: a tombstone first, then its bytes go. The tombstone stays. Safe to repeat.

        Raises:
            UsageError: no such item, it is on hold, nobody is named, or there is no reason.
            TransientStorageError: somebody works on it.
            StorageError: the target could not be asked first, or the bytes not be removed.
        """
        _insist(by=by, reason=reason)
        return keep.delete(self._desk, quarantine_id, by=by, why=reason)

    def purge(self, *, by: str = _USER, dry_run: bool = False, rate: float | None = None) -> Iterator[keep.Kept]:
        """Delete every item that has expired and is not on hold, at most ``rate`` a second; say what was done with each.

        Raises:
            StorageError: at the end, if some items can't be read.
        """
        return keep.purge(self._desk, by=by, dry_run=dry_run, pace=pacer(rate))

    def verify(self, quarantine_ids: Sequence[str] = ()) -> Iterator[keep.Kept]:
        """Hold the bytes of these items, or of all that are not deleted, against their checksums.

        Raises:
            StorageError: at the end, if some items can't be read.
        """
        return keep.verify(self.places.store(), quarantine_ids)

    def export(self, quarantine_id: str, folder: str | Path) -> tuple[Path, ...]:
        """Copy an item's files, verified, into a folder, under the names they were handed in with; nothing is overwritten."""
        return keep.export(self.places.store(), quarantine_id, Path(folder))

    def recover(self, *, older_than: timedelta = _A_DAY, dry_run: bool = False) -> Iterator[Recovered]:
        """Finish or roll back what dead workers left; say what was done with each. Any worker may do it, at any time.

        Claims whose lease is over, items whose batch is committed, batches that were split by half, tombstones with bytes; then what lies
        in the store, the targets and ``temp_directory`` that nobody refers to and nobody can still be writing; then what people were to be
        told of runs that died, and of items that will soon be purged. What can't be done is told as ``left``, with an exit code.

        Args:
            older_than: leavings of which only their age tells that they are dead must be so old.
            dry_run: tell, and change nothing.
        """
        moment = self._moment(None) - older_than
        with interruptible():
            yield from recovery.recover(self._desk, self._open_original, older_than=moment, dry_run=dry_run)
        yield from scratch.leavings(self.profile.batch.temp_directory, older_than=moment, dry_run=dry_run)
        if not dry_run:
            yield from self._overdue()

    def _replay_errand(self, agreed: Contract | None, contract: object, *, tells: bool = True) -> ReplayErrand:
        return ReplayErrand(alerting=self.alerting, commands=lambda: self._commands(agreed, contract), tells=tells)

    def _known(self, contract: str | Path | Contract | None) -> Contract | None:
        """The contract that was given; items where it keeps its refused batches are found from now on."""
        agreed = self._contract(contract) if contract is not None else None
        if agreed is not None:
            self.places.learn(agreed)
        return agreed

    def _suited(self, agreed: Contract | None, item: Manifest, beside: str | Path | None) -> Contract:
        """The contract to judge an item by, which sends it where it was to go."""
        contract = agreed or steps.original_contract(item, Path(beside or "."))
        self.places.suit(contract, item)
        return contract

    def _moment(self, now: datetime | None) -> datetime:
        moment = now or self._clock()
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _recorded(self, outcome: steps.ReplayOutcome, errand: ReplayErrand, started: float) -> steps.ReplayOutcome:
        moment = self._moment(None)
        seconds = time.monotonic() - started
        record = record_of_replay(outcome, run_id=self._run_id(moment), started_at=moment.isoformat(), seconds=seconds)
        return errand.finish(outcome, record)


def _clock_of(item: Manifest) -> datetime:
    """The clock of the verdict that refused the item."""
    try:
        return datetime.fromisoformat(str(item.verdict["clock"]))
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"the manifest of {item.quarantine_id} doesn't say by which clock it was judged", hint="use --now"
        ) from error


def _insist(**said: str) -> None:
    for name, text in said.items():
        if not text.strip():
            raise UsageError(f"'{name}' is empty: the item's history needs it", hint="say who, and why")
