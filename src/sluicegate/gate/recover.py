"""Finishing or rolling back what dead workers left: any worker may do it at any time, several at once, and die over it.

The store, the targets and the gate's own folder are cleared of what nobody refers to and nobody can still be writing. A claim whose lease
is over is settled if its commit landed, and given back if not; items whose content is in the target say so; rows items get the rest
of their batch committed; tombstones lose their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime

from sluicegate.batch.source import Batch
from sluicegate.errors import SluicegateError, StorageError
from sluicegate.gate.items import DONE, WAITING, Desk, moved
from sluicegate.gate.keep import every
from sluicegate.gate.rest import finish_rest
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.ports.recovery import Recoverable, Recovered
from sluicegate.ports.target import Target

__all__ = ["recover"]

_BY = "recover"


def recover(desk: Desk, opened: Callable[[Manifest], Batch], *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
    """Everything that can be finished, is; what can't be done is told, and keeps nothing else. See ``Gate.recover``."""
    yield from _place(desk.store, older_than=older_than, dry_run=dry_run)
    items, trouble = every(desk.store)
    for target in _targets(desk, items):  # before a rest is committed, which clears up there, too: a dry run tells the same
        yield from _place(target, older_than=older_than, dry_run=dry_run)
    for item in items:
        try:
            found = _item(desk, item, opened, dry_run=dry_run)
        except SluicegateError as error:  # one that can't be helped must not keep the others
            found = _left("item", item.quarantine_id, error)
        if found is not None:
            yield found
    if trouble is not None:
        yield _left("quarantine", "", trouble)


def _targets(desk: Desk, items: Iterable[Manifest]) -> list[Target]:
    """The gate's own target, and those that items were to go to."""
    targets = [desk.target]
    for item in items:
        with suppress(SluicegateError):  # told when it is the item's turn
            target = desk.target_for(item)
            if not any(known is target for known in targets):
                targets.append(target)
    return targets


def _item(desk: Desk, item: Manifest, opened: Callable[[Manifest], Batch], *, dry_run: bool) -> Recovered | None:
    if item.status is QuarantineStatus.DELETED:
        if not dry_run:
            desk.store.remove_data(item)
        return None
    if item.status is QuarantineStatus.REPLAYING:
        return _lease(desk, item, dry_run=dry_run)
    if (rest := finish_rest(desk, item, opened, dry_run=dry_run)) is not None:
        return rest
    if item.status not in WAITING or desk.landed(item) is None:
        return None
    if not dry_run:
        desk.settle(item, by=_BY)
    why = "its batch is in the target, and it did not say so"
    return Recovered(what="item", where=item.quarantine_id, done=_done("finished", dry_run=dry_run), why=why)


def _lease(desk: Desk, item: Manifest, *, dry_run: bool) -> Recovered:
    """A claim: of a worker that lives, as far as can be known, or of one whose time is over."""
    if not desk.lapsed(item):
        why = f"{item.owner} works on it until {item.lease_until}"
        return Recovered(what="lease", where=item.quarantine_id, done="left", why=why)
    died = f"its worker died: the lease of {item.owner} ended at {item.lease_until}"

    def decide(current: Manifest) -> Manifest:
        if current.status is not QuarantineStatus.REPLAYING or not desk.lapsed(current):
            return current
        if landing := desk.landed(current):
            return desk.rested(current, landing, by=_BY)
        claim = current.history[-1].details
        return moved(current, QuarantineStatus.QUARANTINED, at=desk.stamp(), by=_BY, why=died, details=claim)

    settled = desk.landed(item) is not None
    if not dry_run:
        now = desk.change(item, decide)
        if now.status not in {*WAITING, *DONE}:  # somebody else was quicker
            return Recovered(what="lease", where=item.quarantine_id, done="left", why=f"it is {now.status} by now")
        settled = now.status in DONE
    return Recovered(
        what="lease",
        where=item.quarantine_id,
        done=_done("finished" if settled else "rolled back", dry_run=dry_run),
        why=f"{died}; its commit is in the target" if settled else died,
    )


def _place(place: object, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
    """What a store or a target finds of its own, as far as it comes."""
    if not isinstance(place, Recoverable):
        return
    found = iter(place.recover(older_than=older_than, dry_run=dry_run))
    while True:
        try:
            yield next(found)
        except StopIteration:
            return
        except StorageError as error:
            yield _left("place", type(place).__name__, error)
            return


def _left(what: str, where: str, error: SluicegateError) -> Recovered:
    return Recovered(what=what, where=where, done="left", why=error.message, exit_code=error.exit_code)


def _done(word: str, *, dry_run: bool) -> str:
    return f"would be {word}" if dry_run else word
