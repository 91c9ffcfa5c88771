"""Where a batch waits until it is published: folders that no reader looks into, each held by a lock while it is in use."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import LocalFiles, storage_errors

__all__ = ["Staging"]

_LOCK = ".lock"


class Staging:
    """A folder of attempts. ``<name>/`` exists only while ``<name>.lock`` does; whoever can lock that knows the owner is dead."""

    def __init__(self, folder: Path, files: LocalFiles) -> None:
        self._folder = folder
        self._files = files

    @contextmanager
    def attempt(self) -> Iterator[Path]:
        """A fresh folder; what is left in it afterwards is removed.

        Raises:
            OSError: it can't be made.
        """
        self._files.make_folder(self._folder)
        self.clean()
        staged, descriptor = self._claim()
        try:
            self._files.new_folder(staged)
            yield staged
        finally:
            with contextlib.suppress(OSError):  # harmless where it is: the next commit cleans it up
                self._drop(staged)
            os.close(descriptor)

    def clean(self) -> None:
        """Remove what dead processes left behind; what can't be removed is harmless, and stays."""
        with contextlib.suppress(OSError):
            for _ in self._dead():
                pass

    def recover(self, *, dry_run: bool = False) -> Iterator[Recovered]:
        """The folders of dead attempts: their locks are free, whatever their age; see ``ports.recovery.Recoverable``.

        Raises:
            StorageError: one can't be removed; those after it stay, too.
        """
        done = "would be removed" if dry_run else "removed"
        with storage_errors(f"{self._folder} can't be cleared"):
            for found in self._dead(dry_run=dry_run):
                yield Recovered(what="staging folder", where=str(found), done=done, why="nobody holds its lock")

    def _dead(self, *, dry_run: bool = False) -> Iterator[Path]:
        """The folders of attempts whose owners are dead, each removed when it is told.

        Raises:
            OSError: one can't be removed; those after it stay, too.
        """
        for lock in sorted(self._folder.glob(f"*{_LOCK}")):
            descriptor = self._files.try_lock(lock, create=False)
            if descriptor is None:
                continue
            try:
                if not dry_run:
                    self._drop(lock.with_suffix(""))
            finally:
                os.close(descriptor)
            yield lock.with_suffix("")

    def in_use(self) -> bool:
        """Whether somebody is at work here.

        Raises:
            OSError: it can't be told.
        """
        for lock in self._folder.glob(f"*{_LOCK}"):
            descriptor = self._files.try_lock(lock, create=False)
            if descriptor is None:
                return True
            os.close(descriptor)
        return False

    def _claim(self) -> tuple[Path, int]:
        while True:  # a cleaner may take the lock between its making and its locking: then try another name
            staged = self._folder / uuid.uuid4().hex
            descriptor = self._files.try_lock(_lock_of(staged), create=True)
            if descriptor is not None:
                return staged, descriptor

    def _drop(self, staged: Path) -> None:
        self._files.remove(staged)
        self._files.remove(_lock_of(staged))


def _lock_of(staged: Path) -> Path:
    return staged.with_name(staged.name + _LOCK)
