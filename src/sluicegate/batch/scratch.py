"""A batch's own folder, for spilled blocks and spooled files; and what gates that were killed left of theirs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sluicegate.errors import StorageError, UsageError
from sluicegate.ports.recovery import Recovered

__all__ = ["LOCK", "Scratch", "leavings"]

_NAME = re.compile(r"sluicegate-[0-9]+-[0-9a-f]{8}")
LOCK = ".lock"
"""What a folder always holds."""


class Scratch:
    """A fresh folder, whose lock is held until it is removed: so that others can tell whether its owner lives.

    Args:
        parent: where; None: in the system's folder for such things.

    Raises:
        UsageError: it can't be made.
    """

    def __init__(self, parent: Path | None) -> None:
        self._owner = os.getpid()
        self.path = (parent or Path(tempfile.gettempdir())) / f"sluicegate-{self._owner}-{secrets.token_hex(4)}"
        try:
            self.path.mkdir(mode=0o700, parents=True)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with contextlib.suppress(OSError):  # a filesystem without locks: its age tells
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{self.path} can't be created: {error.strerror}", hint="name another temp_directory") from error

    def remove(self) -> None:
        """The folder, with all in it; unless it is the one of the process that this one was forked from."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)


def leavings(parent: Path | None, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:
    """Remove the folders of gates that were killed: nobody holds their lock, and they were made before that moment.

    Args:
        parent: as for ``Scratch``.
        older_than: younger ones may be about to be locked.
        dry_run: tell, and change nothing.
    """
    above = parent or Path(tempfile.gettempdir())
    try:
        found = sorted(above.iterdir()) if above.is_dir() else []
    except OSError as error:
        why = f"it can't be looked into: {error.strerror}"
        yield Recovered(what="folder", where=str(above), done="left", why=why, exit_code=StorageError.exit_code)
        return
    for folder in found:
        if _NAME.fullmatch(folder.name) is None:
            continue
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if not _is_old(folder, older_than) or not _is_free(folder):
                continue
            length = sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
            yield _removed(folder, length, dry_run=dry_run)


def _is_old(folder: Path, older_than: datetime) -> bool:
    found = folder.lstat()
    made = datetime.fromtimestamp(found.st_mtime, tz=UTC)
    return found.st_uid == os.getuid() and not folder.is_symlink() and made < older_than


def _is_free(folder: Path) -> bool:
    """Whether nobody holds the lock; where there is none, nobody came so far."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _removed(folder: Path, length: int, *, dry_run: bool) -> Recovered:
    why = "the gate that it belonged to is gone"
    found = Recovered(what="scratch folder", where=str(folder), done="would be removed", why=why, bytes=length)
    if dry_run:
        return found
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        return replace(found, done="left", why="it can't be removed", exit_code=StorageError.exit_code)
    return replace(found, done="removed")
