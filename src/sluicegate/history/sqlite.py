"""The history in one SQLite file, safe for several processes and threads at once."""

from __future__ import annotations

import json
import math
import os
import uuid
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate.history.record import RunRecord
from sluicegate.idle import Idle

if TYPE_CHECKING:
    import sqlite3

__all__ = ["SCHEMA_VERSION", "SqliteHistory"]

SCHEMA_VERSION = 1
_MOST_IDLE = 4

_SCHEMA = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL NOT NULL,
    contract_name TEXT NOT NULL, contract_version TEXT NOT NULL, contract_sha256 TEXT NOT NULL,
    tenant TEXT NOT NULL, dataset TEXT NOT NULL, batch_id TEXT NOT NULL, batch_sha256 TEXT NOT NULL, rows INTEGER NOT NULL,
    decision TEXT NOT NULL, action TEXT NOT NULL, location TEXT NOT NULL, quarantine_id TEXT,
    counts TEXT NOT NULL, verdict TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX runs_by_dataset ON runs (tenant, dataset, started_at);
CREATE INDEX runs_by_time ON runs (started_at);
CREATE TABLE figures (
    run_id TEXT NOT NULL REFERENCES runs (run_id), check_fingerprint TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (check_fingerprint, run_id)
) WITHOUT ROWID;
"""

_COLUMNS = tuple(item.name for item in fields(RunRecord) if item.name != "figures")
_JSON = ("counts", "verdict")

_INSERT = f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT DO NOTHING"
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM runs"

_OTHER_BATCHES = f"""
SELECT {", ".join(_COLUMNS)} FROM (
    SELECT *, row_number() OVER (PARTITION BY batch_id ORDER BY started_at DESC, run_id DESC) AS place FROM runs
    WHERE tenant = ? AND dataset = ? AND batch_id <> ? AND action <> 'unreadable' AND started_at <= ?
) WHERE place = 1 ORDER BY started_at DESC, run_id DESC LIMIT ?
"""

_COMMITTED_ROWS = """
SELECT coalesce(sum(rows), 0) FROM (
    SELECT rows, min(started_at) AS first FROM runs
    WHERE tenant = ? AND dataset = ? AND action IN ('committed', 'split') AND batch_id <> ?
    GROUP BY batch_id
) WHERE first BETWEEN ? AND ?
"""

_PAST_VALUES = """
SELECT value FROM (
    SELECT value, max(started_at) AS last FROM figures JOIN runs USING (run_id)
    WHERE check_fingerprint = ? AND tenant = ? AND dataset = ? AND batch_id <> ?
        AND (action = 'split' OR (decision IN ('commit', 'commit_with_warnings') AND action IN ('committed', 'checked'))) AND started_at <= ?
    GROUP BY batch_id
) ORDER BY last DESC LIMIT ?
"""


class _Opened(NamedTuple):
    """A connection, and the file that it is open on; None if that can't be told."""

    connection: sqlite3.Connection
    file: tuple[int, int] | None

    def close(self) -> None:
        self.connection.close()


class SqliteHistory:
    """Run records in one file. Nothing is opened before it is needed; some connections stay open for the next run, until ``close``.

    While one is open the latest runs may be in the file's write-ahead log beside it: who copies the file takes both.

    Args:
        path: the database; it and its folder are made by the first ``record``.
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

    def record(self, run: RunRecord) -> None:
        """Keep a run. The same record again changes nothing.

        Raises:
            StorageError: it was not kept.
        """
        row = [_cell(name, getattr(run, name)) for name in _COLUMNS]
        figures = [(run.run_id, fingerprint, str(value)) for fingerprint, value in run.figures.items() if math.isfinite(value)]
        with self._connected(create=True) as connection:
            assert connection is not None  # noqa: S101 - create=True
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute(_INSERT, row).rowcount:
                connection.executemany("INSERT INTO figures (run_id, check_fingerprint, value) VALUES (?, ?, ?)", figures)
            elif list(connection.execute(f"{_SELECT} WHERE run_id = ?", (run.run_id,)).fetchone()) != row:
                raise StorageError(f"another run is recorded as {run.run_id!r}")
            connection.execute("COMMIT")

    def runs(self, *, contract: str | None = None, dataset: str | None = None, limit: int | None = 50) -> tuple[RunRecord, ...]:
        """The latest runs, newest first.

        Raises:
            StorageError: the history can't be read.
        """
        wanted = {"contract_name": contract, "dataset": dataset}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = f" WHERE {' AND '.join(f'{name} = ?' for name in given)}" if given else ""
        query = f"{_SELECT}{where} ORDER BY started_at DESC, run_id DESC LIMIT ?"
        with self._connected() as connection:
            if connection is None:
                return ()
            rows = connection.execute(query, (*given.values(), -1 if limit is None else limit)).fetchall()
            return tuple(_record(row, _figures(connection, row[0])) for row in rows)

    def get(self, run_id: str) -> RunRecord | None:
        """One run, or None.

        Raises:
            StorageError: the history can't be read.
        """
        with self._connected() as connection:
            row = connection and connection.execute(f"{_SELECT} WHERE run_id = ?", (run_id,)).fetchone()
            return _record(row, _figures(connection, run_id)) if connection and row else None

    def other_batches(
        self, dataset: str, *, tenant: str, excluding_batch_id: str, until: str, limit: int
    ) -> tuple[RunRecord, ...]:
        """The latest run of each of the latest batches, newest first, without figures; runs whose clock is after ``until`` don't count.

        Raises:
            StorageError: the history can't be read.
        """
        with self._connected() as connection:
            if connection is None:
                return ()
            arguments = (tenant, dataset, excluding_batch_id, _stamp(until), limit)
            return tuple(_record(row, {}) for row in connection.execute(_OTHER_BATCHES, arguments))

    def committed_rows_between(self, dataset: str, since: str, until: str, *, tenant: str, excluding_batch_id: str) -> int:
        """How many rows were committed to a dataset in that time (ISO 8601); each batch counts once, at its first commit.

        Raises:
            StorageError: the history can't be read.
        """
        with self._connected() as connection:
            if connection is None:
                return 0
            arguments = (tenant, dataset, excluding_batch_id, _stamp(since), _stamp(until))
            return int(connection.execute(_COMMITTED_ROWS, arguments).fetchone()[0])

    def past_values(
        self, dataset: str, check_fingerprint: str, limit: int, *, until: str, tenant: str, excluding_batch_id: str
    ) -> tuple[Decimal, ...]:
        """What a check measured on batches that were let through, newest first; each batch counts once, with its latest run.

        Only runs whose clock stood at ``until`` (ISO 8601) or before count: a run with an earlier clock can't know later ones.

        Batches that were refused are no past to compare with. A run that only checked counts if it would have committed.

        Raises:
            StorageError: the history can't be read.
        """
        with self._connected() as connection:
            if connection is None:
                return ()
            arguments = (check_fingerprint, tenant, dataset, excluding_batch_id, _stamp(until), limit)
            return tuple(Decimal(value) for (value,) in connection.execute(_PAST_VALUES, arguments))

    @contextmanager
    def _connected(self, *, create: bool = False) -> Iterator[sqlite3.Connection | None]:
        """A connection to a database of this schema; None if there is no database and none is to be made."""
        import sqlite3

        try:
            if not self.path.exists():
                if not create:
                    yield None
                    return
                self._begin()
            opened = self._reopened() or self._opened()
            try:
                self._prepare(opened.connection)
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
            _version(connection)  # only now the file is open
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
                _make_schema(connection)
            with suppress(FileExistsError):
                os.link(made, self.path)
        finally:
            made.unlink(missing_ok=True)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Refuse a schema that this version doesn't know, and make it in a file that is empty."""
        if _version(connection) is None:
            _make_schema(connection)
        found = _version(connection)
        if found != SCHEMA_VERSION:
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


def _make_schema(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _version(connection) is None:  # else somebody made it while this waited
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int | None:
    """The schema's version; None in an empty database, 0 in somebody else's."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "schema_version" in tables:
        row = connection.execute("SELECT version FROM schema_version").fetchone()
        return int(row[0]) if row else 0
    return 0 if tables else None


def _stamp(moment: str) -> str:
    """A moment in one width and zone, so that text sorts as time does."""
    return datetime.fromisoformat(moment).astimezone(UTC).isoformat(timespec="microseconds")


def _cell(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.dumps(value, sort_keys=True, default=_plain)
    return _stamp(value) if name == "started_at" else value


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _figures(connection: sqlite3.Connection, run_id: str) -> dict[str, Decimal]:
    query = "SELECT check_fingerprint, value FROM figures WHERE run_id = ? ORDER BY check_fingerprint"
    return {fingerprint: Decimal(value) for fingerprint, value in connection.execute(query, (run_id,))}


def _record(row: tuple[Any, ...], figures: Mapping[str, Decimal]) -> RunRecord:
    cells = dict(zip(_COLUMNS, row, strict=True))
    return RunRecord(**{**cells, **{name: json.loads(cells[name]) for name in _JSON}}, figures=figures)
