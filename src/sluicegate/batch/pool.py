"""Databases that serve one batch after the other: to make one costs more than all else that a small batch needs.

A database serves one batch at a time, so batches share neither memory limit nor interrupts nor names. What a batch put in is taken
out before the next one comes; a database that was interrupted, or spilled, or can't be emptied, is never used again. While it
is kept its configuration is locked, but it is not shut off from files: the next batch needs others. So batches on which
anybody's own SQL runs get a database of their own.
"""

from __future__ import annotations

from sluicegate.batch.database import BatchSettings, Database
from sluicegate.idle import Idle

__all__ = ["DatabasePool"]

_MOST_IDLE = 4


class DatabasePool:
    """Idle databases of one kind. Safe to share between threads.

    Args:
        settings: of each of them.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self.settings = settings
        self._idle = Idle(Database.destroy, _MOST_IDLE)

    def take(self) -> Database:
        """A database that nobody else uses. It comes back when it is closed.

        Raises:
            UsageError: DuckDB refuses the settings.
        """
        database = self._idle.take() or Database(self.settings, lasting=True)
        database.keeper = self._idle.keep
        return database

    def close(self) -> None:
        """Close what is idle now, and keep nothing from now on."""
        self._idle.close()
