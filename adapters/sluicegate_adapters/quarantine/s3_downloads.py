"""Where an item's files are while somebody reads them: a folder of this process, locked, so that others can tell when it is dead."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import LocalFiles, storage_errors

__all__ = ["Downloads"]

_PREFIX = "sluicegate-quarantine-"
_NAME = re.compile(rf"{_PREFIX}\w{{8}}")
_LOCK = ".lock"


class Downloads:
    """Copies of what lies elsewhere. Safe to share between threads.

    Args:
        parent: where; None: in the system's folder for such things.
    """

    def __init__(self, parent: Path | None) -> None:
        self._parent = parent
        self._own: Path | None = None
        self._lock = threading.Lock()
        self._files = LocalFiles()

    def folder(self, name: str) -> Path:
        """A fresh folder, until it is given back, or the process ends.

        Raises:
            OSError: it can't be made.
        """
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder()))

    def give_back(self, files: Iterable[Path]) -> None:
        """Remove the folders that these files are in, where they are of this process."""
        for folder in {path.parent for path in files}:
            if self._own is not None and folder.parent == self._own:
                shutil.rmtree(folder, ignore_errors=True)

    def leavings(self, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
        """Remove the folders of processes that were killed: nobody holds their lock, and they were made before that moment.

        Raises:
            StorageError: it can't be looked for them.
        """
        above = self._parent or Path(tempfile.gettempdir())
        with storage_errors(f"{above} can't be cleared"):
            for folder in sorted(above.iterdir()) if above.is_dir() else ():
                if _NAME.fullmatch(folder.name) and (found := self._cleared(folder, older_than, dry_run=dry_run)):
                    yield found

    def _cleared(self, folder: Path, older_than: datetime, *, dry_run: bool) -> Recovered | None:
        try:
            made = folder.lstat()
            young = datetime.fromtimestamp(made.st_mtime, UTC) >= older_than  # it may be about to be locked
            if young or folder.is_symlink() or made.st_uid != os.geteuid():
                return None
            descriptor = self._files.try_lock(folder / _LOCK, create=False)
            if descriptor is None:
                return None
            length = sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
        except FileNotFoundError:  # gone meanwhile
            return None
        if not dry_run:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
        done = "would be removed" if dry_run else "removed"
        return Recovered(what="downloads", where=str(folder), done=done, why="the process that read them is gone", bytes=length)

    def _folder(self) -> Path:
        with self._lock:
            if self._own is None:
                if self._parent is not None:
                    self._parent.mkdir(parents=True, exist_ok=True)
                own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
                atexit.register(_remove, own, os.getpid())
                self._files.try_lock(own / _LOCK, create=True)  # held until the process ends
                self._own = own
            return self._own


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not a child that was forked, which ends earlier
        shutil.rmtree(folder, ignore_errors=True)
