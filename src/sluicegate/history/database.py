"""The history's one SQLite file: made, brought up to date, and safe for several processes and threads at once."""

from __future__ import annotations

import os
import uuid
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate.history.schema import SCHEMA_VERSION, make_schema, migrate, version_of
from sluicegate.idle import Idle

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Database", "stamp"]

_MOST_IDLE = 4


class _Opened(NamedTuple):
    """A connection, and the file that it is open on; None if that can't be told."""

    connection: sqlite3.Connection
    file: tuple[int, int] | None

    def close(self) -> None:
        self.connection.close()


class Database:
    """Connections to one file. Nothing is opened before it is needed; some stay open for the next user, until ``close``.

    Args:
        path: the database; it and its folder are made by the first who writes.
        busy_seconds: how long to wait for another process that writes.
    """

    def __init__(self, path: Path, *, busy_seconds: float = 30) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._idle: Idle[_Opened] = Idle(_Opened.close, _MOST_IDLE)
        weakref.finalize(self, self._idle.close)

    def close(self) -> None:
        """Close what is open now, and keep nothing open from now on."""
        self._idle.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is there when this ends well, and nothing of it otherwise; others who write wait.

        Raises:
            StorageError: nothing was written.
        """
        with self.connected(create=True) as connection:
            assert connection is not None  # noqa: S101 - create=True
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def connected(self, *, create: bool = False, current: bool = False) -> Iterator[sqlite3.Connection | None]:
        """A connection; None if there is no database and none is to be made.

        Args:
            create: make the database if it isn't there.
            current: bring one of an older version up to this one; without it, and without ``create``, it may be an older one, which has
                no more than runs and figures.

        Raises:
            StorageError: it can't be used.
        """
        import sqlite3

        try:
            if not self.path.exists():
                if not create:
                    yield None
                    return
                self._begin()
            opened = self._reopened() or self._opened()
            try:
                self._prepare(opened.connection, migrated=create or current)
                yield opened.connection
            except BaseException:
                opened.close()
                raise
            if not self._idle.keep(opened):
                opened.close()
        except sqlite3.OperationalError as error:
            raise self._operational(error) from error
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"the history {self.path} is damaged: {error}",
                hint="move it away, a new one is begun then; targets and quarantine don't need it",
            ) from error
        except OSError as error:
            raise StorageError(
                f"the history {self.path} can't be used: {error.strerror or error}", hint="name another history.path"
            ) from error

    def _reopened(self) -> _Opened | None:
        """An idle connection to the file that is there; those to one that was moved away are closed."""
        while opened := self._idle.take():
            if opened.file == _identity(self.path):
                return opened
            opened.close()
        return None

    def _opened(self) -> _Opened:
        import sqlite3

        found = _identity(self.path)
        connection = sqlite3.connect(
            self.path, timeout=self._busy_seconds, isolation_level=None, check_same_thread=False
        )  # but one thread at a time
        try:
            version_of(connection)  # only now the file is open
            return _Opened(connection, found if found == _identity(self.path) else None)
        except BaseException:
            connection.close()
            raise

    def _begin(self) -> None:
        """Make the database under another name and link it into place: nobody ever sees half a one.

        Turning write-ahead logging on while others have the file open fails at once, whatever the busy timeout.
        """
        import sqlite3

        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}.tmp")
        try:
            with closing(sqlite3.connect(made, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                make_schema(connection)
            with suppress(FileExistsError):
                os.link(made, self.path)
        finally:
            made.unlink(missing_ok=True)

    def _prepare(self, connection: sqlite3.Connection, *, migrated: bool) -> None:
        """Refuse a schema that this version doesn't know, and make it in a file that is empty."""
        found = version_of(connection)
        if found is None:
            make_schema(connection)
        elif migrated and 0 < found < SCHEMA_VERSION:
            migrate(connection)
        found = version_of(connection)
        if not found or found > SCHEMA_VERSION:
            raise StorageError(
                f"the history {self.path} has schema {found}, this sluicegate knows {SCHEMA_VERSION}",
                hint="upgrade sluicegate, or name another history.path",
            )
        connection.execute("PRAGMA synchronous = FULL")

    def _operational(self, error: sqlite3.OperationalError) -> StorageError:
        reason = str(error)
        if "locked" in reason or "busy" in reason:
            return TransientStorageError(
                f"the history {self.path} is locked by another process for more than {self._busy_seconds:g} s",
                hint="see who holds it, then run it again",
            )
        cure = "free some space" if "full" in reason else "let this user write there, or name another history.path"
        return StorageError(f"the history {self.path} can't be used: {reason}", hint=cure)


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def stamp(moment: datetime) -> str:
    """A moment in one width and zone, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
