"""Databases that serve one batch after the other: to make one costs more than all else that a small batch needs.

A database serves one batch at a time, so batches share neither memory limit nor interrupts nor names. What a batch put in is taken
out before the next one comes; a database that was interrupted, or spilled, or can't be emptied, is never used again. While it
is kept its configuration is locked, but it is not shut off from files: the next batch needs others. So batches on which
anybody's own SQL runs get a database of their own.
"""

from __future__ import annotations

import os
import weakref
from threading import Lock

from sluicegate.batch.database import BatchSettings, Database

__all__ = ["DatabasePool"]

_MOST_IDLE = 4


class DatabasePool:
    """Idle databases of one kind. Safe to share between threads; when the process forks there are none.

    Args:
        settings: of each of them.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self.settings = settings
        self._idle: list[Database] = []
        self._closed = False
        self._lock = Lock()
        _pools.add(self)

    def take(self) -> Database:
        """A database that nobody else uses. It comes back when it is closed.

        Raises:
            UsageError: DuckDB refuses the settings.
        """
        with self._lock:
            database = self._idle.pop() if self._idle else None
        database = database or Database(self.settings, lasting=True)
        database.keeper = self._keep
        return database

    def _keep(self, database: Database) -> bool:
        with self._lock:
            if self._closed or len(self._idle) >= _MOST_IDLE:
                return False
            database.keeper = None
            self._idle.append(database)
            return True

    def close(self) -> None:
        """Close what is idle now, and keep nothing from now on."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for database in idle:
            database.destroy()

    def before_fork(self) -> None:
        """Close what is idle: in the child these databases have no threads, and to close one without them is a crash, even at exit.

        Nothing comes back until the fork is done.
        """
        self._lock.acquire()
        while self._idle:
            self._idle.pop().destroy()

    def after_fork(self) -> None:
        """Go on, in the parent and in the child."""
        self._lock.release()


_pools: weakref.WeakSet[DatabasePool] = weakref.WeakSet()
_fork = Lock()  # held by the one thread that forks
_forking: list[DatabasePool] = []


def _before_fork() -> None:
    _fork.acquire()
    _forking.extend(_pools)
    for pool in _forking:
        pool.before_fork()


def _after_fork() -> None:
    for pool in _forking:
        pool.after_fork()
    _forking.clear()
    _fork.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
