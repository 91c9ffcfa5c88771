"""What dead workers left in an item's folder: copies that no manifest names, manifests that never came into place.

Who writes in the folder holds its lock; while this has it, nobody does. The folder and its lock stay, for somebody may be waiting for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sluicegate.errors import StorageError
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.quarantine.rules import attempts

__all__ = ["leavings"]


def leavings(
    item: Path, manifest: Path, lock: Path, files: LocalFiles, read: Callable[[Path], Manifest], *, dry_run: bool
) -> tuple[Recovered, ...]:
    """Remove them, unless somebody is at work there or the manifest can't be read, and so can't name what it needs.

    Args:
        item: the folder.
        manifest: the item's, if there is an item.
        lock: held by who writes.
        files: the operations on the disk.
        read: reads a manifest.
        dry_run: tell, and change nothing.
    """
    descriptor = files.try_lock(lock, create=False)
    if descriptor is None:
        return ()
    try:
        found = [_removed(path, why, files, dry_run=dry_run) for path, why in _unneeded(item, manifest, read)]
        if found and not dry_run:
            files.sync_folder(item)
    except StorageError:
        return ()  # whoever lists the items is told of it
    finally:
        os.close(descriptor)
    return tuple(found)


def _unneeded(item: Path, manifest: Path, read: Callable[[Path], Manifest]) -> Iterator[tuple[Path, str]]:
    named: frozenset[str] = frozenset()
    why = "its worker died before there was a manifest"
    if manifest.exists():
        kept = read(manifest)
        deleted = kept.status is QuarantineStatus.DELETED
        named = named if deleted else attempts(kept)
        why = "the item was deleted" if deleted else "no manifest names it"
    data = item / "data"
    for copy in sorted(data.iterdir()) if data.is_dir() else ():
        if copy.name not in named:
            yield copy, why
    for half in sorted(item.glob(f"{manifest.name}.*.tmp")):
        yield half, "its worker died before it came into place"


def _removed(path: Path, why: str, files: LocalFiles, *, dry_run: bool) -> Recovered:
    length = sum(file.lstat().st_size for file in [path, *path.rglob("*")] if not file.is_dir())
    what = "orphan copy" if path.is_dir() else "temporary file"
    if dry_run:
        return Recovered(what=what, where=str(path), done="would be removed", why=why, bytes=length)
    try:
        files.remove(path)
    except OSError as error:
        told = f"it can't be removed: {error.strerror or error}"
        return Recovered(what=what, where=str(path), done="left", why=told, bytes=length, exit_code=StorageError.exit_code)
    return Recovered(what=what, where=str(path), done="removed", why=why, bytes=length)
