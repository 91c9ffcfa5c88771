"""Looking after quarantined items: review, delete, purge, verify, export. None of these commits anything."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sluicegate.errors import SluicegateError, StorageError, UsageError
from sluicegate.gate.items import DONE, Desk, moved, refuse_deleted
from sluicegate.gate.lending import lent
from sluicegate.gate.rest import require_rest
from sluicegate.ports.fingerprint import file_sha256
from sluicegate.ports.quarantine import Manifest, QuarantineStatus, QuarantineStore, StoredFile

__all__ = ["Kept", "delete", "every", "export", "purge", "review", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What came of one item of many: what was done, or why not.

    Attributes:
        done: ``deleted``, ``would be deleted``, ``held``, ``busy``, ``failed``, ``intact``, ``damaged``.
        told: why, for a person.
    """

    manifest: Manifest
    done: str
    told: str = ""
    exit_code: int = 0


def review(desk: Desk, quarantine_id: str, *, by: str, note: str, hold: bool | None) -> Manifest:
    """Note that somebody looked at the item, and put it on hold or take it off. See ``Gate.review``."""

    def decide(item: Manifest) -> Manifest:
        refuse_deleted(item)
        desk.refuse_busy(item)
        status = item.status if item.status in DONE else QuarantineStatus.REVIEWED
        told = {None: note, True: f"put on hold: {note}", False: f"taken off hold: {note}"}[hold]
        return moved(item, status, at=desk.stamp(), by=by, why=told, held=item.held if hold is None else hold)

    desk.settle(quarantine_id, by=by)
    return desk.change(quarantine_id, decide)


def delete(desk: Desk, quarantine_id: str, *, by: str, why: str, expired_only: bool = False) -> Manifest:
    """Tombstone first, bytes after. See ``Gate.delete``.

    Raises:
        UsageError: it is on hold, or (``expired_only``) it isn't time yet.
        TransientStorageError: somebody works on it.
        StorageError: the target can't be asked, or the bytes not be removed.
    """

    def decide(item: Manifest) -> Manifest:
        if item.status is QuarantineStatus.DELETED:
            return item
        _refuse_held(item)
        if expired_only and not expired(item, desk.clock()):
            raise UsageError(f"{item.quarantine_id} has not expired")
        desk.refuse_busy(item)
        require_rest(desk, item, or_conflict=True)
        if item.status not in DONE and (landing := desk.landed(item)):  # the history shall say that no row is lost
            item = replace(item, history=desk.rested(item, landing, by=by).history)
        return moved(item, QuarantineStatus.DELETED, at=desk.stamp(), by=by, why=why)

    stone = desk.change(quarantine_id, decide)
    desk.store.remove_data(stone)
    return stone


def _refuse_held(item: Manifest) -> None:
    if item.held:
        raise UsageError(
            f"{item.quarantine_id} is on hold", hint=f"sluicegate quarantine review {item.quarantine_id} --unhold --note WHY"
        )


def expired(item: Manifest, now: datetime) -> bool:
    """Whether the item's time is over."""
    return item.expires_at is not None and datetime.fromisoformat(item.expires_at) <= now


def purge(desk: Desk, *, by: str, dry_run: bool, pace: Callable[[], object]) -> Iterator[Kept]:
    """Delete every item whose time is over, and the bytes that a deletion left behind. See ``Gate.purge``."""
    now = desk.clock()
    for item in _all(desk.store):
        if item.status is QuarantineStatus.DELETED:
            if not dry_run and (failed := _cleared(desk.store, item)):
                yield failed
        elif expired(item, now):
            if item.held:
                yield Kept(manifest=item, done="held", told="it is on hold")
            elif item.status is QuarantineStatus.REPLAYING and not desk.lapsed(item):
                yield Kept(manifest=item, done="busy", told=f"{item.owner} works on it")
            else:
                if not dry_run:
                    pace()
                yield _purged(desk, item, by, dry_run=dry_run)


def _cleared(store: QuarantineStore, stone: Manifest) -> Kept | None:
    """Remove the bytes that a deletion which broke off left behind a tombstone; what is to be said if they stay."""
    try:
        store.remove_data(stone)
    except SluicegateError as error:
        return Kept(manifest=stone, done="failed", told=error.message, exit_code=error.exit_code)
    return None


def _purged(desk: Desk, item: Manifest, by: str, *, dry_run: bool) -> Kept:
    try:
        if dry_run:
            require_rest(desk, item, or_conflict=True)
            return Kept(manifest=item, done="would be deleted", told=f"expired at {item.expires_at}")
        stone = delete(desk, item.quarantine_id, by=by, why=f"expired at {item.expires_at}", expired_only=True)
    except SluicegateError as error:  # one that can't be deleted must not keep the others
        return Kept(manifest=item, done="failed", told=error.message, exit_code=error.exit_code)
    return Kept(manifest=stone, done="deleted", told=stone.history[-1].why)


def every(store: QuarantineStore) -> tuple[list[Manifest], StorageError | None]:
    """Every item that can be read, newest first, listed before any of them is changed; and what is wrong with the others."""
    found: list[Manifest] = []
    items = iter(store.list())
    while True:
        try:
            found.append(next(items))
        except StopIteration:
            return found, None
        except StorageError as error:
            return found, error


def _all(store: QuarantineStore) -> Iterator[Manifest]:
    """As ``every``; what can't be read is raised at the end."""
    found, trouble = every(store)
    yield from found
    if trouble:
        raise trouble


def verify(store: QuarantineStore, quarantine_ids: Iterable[str] = ()) -> Iterator[Kept]:
    """Hold the bytes of these items, or of all, against their checksums. See ``Gate.verify``."""
    named = [store.get(quarantine_id) for quarantine_id in quarantine_ids]
    for item in named or _all(store):
        if item.status is QuarantineStatus.DELETED:
            continue
        try:
            with lent(store, item):
                pass
        except StorageError as error:
            gone = store.get(item.quarantine_id).status is QuarantineStatus.DELETED
            if not gone:
                yield Kept(manifest=item, done="damaged", told=error.message, exit_code=error.exit_code)
        else:
            yield Kept(manifest=item, done="intact")


def export(store: QuarantineStore, quarantine_id: str, folder: Path) -> tuple[Path, ...]:
    """Copy the item's files into a folder under their original names. See ``Gate.export``.

    Raises:
        UsageError: a file of that name and other content is there.
        StorageError: the item's bytes are not what they were, or the folder can't be written.
    """
    item = store.get(quarantine_id)
    refuse_deleted(item)
    copies = [folder / name for name in _names(item.files)]
    with lent(store, item) as kept:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for source, stored, copy in zip(kept, item.files, copies, strict=True):
                _copy(source, stored, copy)
        except OSError as error:
            raise StorageError(f"{folder} can't be written: {error.strerror or error}", hint="name another folder") from error
    return tuple(copies)


def _names(files: tuple[StoredFile, ...]) -> list[str]:
    """The files' own names; all numbered where two are the same."""
    names = [Path(file.original).name for file in files]
    return names if len({*names}) == len(names) else [f"{number:05}-{name}" for number, name in enumerate(names)]


def _copy(source: Path, stored: StoredFile, copy: Path) -> None:
    """A file that is whole under its name or not there; one that stands there is never overwritten."""
    if not copy.exists():
        part = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}.part")
        try:
            shutil.copyfile(source, part)
            if file_sha256(part) != (stored.bytes, stored.sha256):
                raise StorageError(f"{source} changed while it was copied", hint="run `sluicegate quarantine verify`")
            os.link(part, copy)
        except FileExistsError:
            pass
        finally:
            part.unlink(missing_ok=True)
    if file_sha256(copy) != (stored.bytes, stored.sha256):
        raise UsageError(f"{copy} is there, and is another file", hint="name an empty folder")
