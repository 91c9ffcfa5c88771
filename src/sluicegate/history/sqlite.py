"""The history in one SQLite file, safe for several processes and threads at once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import StorageError
from sluicegate.history.database import Database, stamp
from sluicegate.history.record import RunRecord

if TYPE_CHECKING:
    import sqlite3

    from sluicegate.history.alert import Alert
    from sluicegate.history.message import Intent, Standing
    from sluicegate.history.outbox import Outbox

__all__ = ["SqliteHistory"]

_COLUMNS = tuple(item.name for item in fields(RunRecord) if item.name != "figures")
_JSON = ("counts", "verdict")

_INSERT = f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT DO NOTHING"
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM runs"

_OTHER_BATCHES = """
SELECT run_id, batch_id FROM runs
WHERE tenant = ? AND dataset = ? AND started_at <= ? AND batch_id <> ? AND action <> 'unreadable' ORDER BY started_at DESC, run_id DESC
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


class SqliteHistory:
    """Run records in one file, and the outbox. Nothing is opened before it is needed; some connections stay open for the next run, until ``close``.

    While one is open the latest runs may be in the file's write-ahead log beside it: who copies the file takes both.

    Args:
        path: the database; it and its folder are made by the first ``record``.
        busy_seconds: how long to wait for another process that writes.
    """

    def __init__(self, path: Path, *, busy_seconds: float = 30) -> None:
        self.path = path
        self._database = Database(path, busy_seconds=busy_seconds)

    @cached_property
    def outbox(self) -> Outbox:
        """What there is to tell people."""
        from sluicegate.history.outbox import Outbox

        return Outbox(self._database)

    def close(self) -> None:
        """Close what is open now, and keep nothing open from now on."""
        self._database.close()

    def record(
        self,
        run: RunRecord,
        *,
        alert: Alert | None = None,
        intent: Intent | None = None,
        recovered: Callable[[Standing], Alert | None] | None = None,
    ) -> None:
        """Keep a run, and what there is to tell of it: all, or nothing. The same once more changes nothing.

        Args:
            run: what came of it.
            alert: what people should know; of a happening that is known already, they do.
            intent: of the very alert, if the run had one: it is resolved by this.
            recovered: given if the run passed: makes the alert that its contract, which failed and people were told so, passes again.

        Raises:
            StorageError: nothing was kept.
        """
        row = [_cell(name, getattr(run, name)) for name in _COLUMNS]
        figures = [(run.run_id, fingerprint, str(value)) for fingerprint, value in run.figures.items() if math.isfinite(value)]
        with self._database.writing() as connection:
            if connection.execute(_INSERT, row).rowcount:
                connection.executemany("INSERT INTO figures (run_id, check_fingerprint, value) VALUES (?, ?, ?)", figures)
            elif list(connection.execute(f"{_SELECT} WHERE run_id = ?", (run.run_id,)).fetchone()) != row:
                raise StorageError(f"another run is recorded as {run.run_id!r}")
            if intent is not None:
                connection.execute("DELETE FROM intents WHERE intent_id = ?", (intent.intent_id,))
            if alert is not None or recovered is not None:
                _keep(connection, run, alert, recovered)

    def runs(self, *, contract: str | None = None, dataset: str | None = None, limit: int | None = 50) -> tuple[RunRecord, ...]:
        """The latest runs, newest first.

        Raises:
            StorageError: the history can't be read.
        """
        wanted = {"contract_name": contract, "dataset": dataset}
        given = {name: value for name, value in wanted.items() if value is not None}
        where = f" WHERE {' AND '.join(f'{name} = ?' for name in given)}" if given else ""
        query = f"{_SELECT}{where} ORDER BY started_at DESC, run_id DESC LIMIT ?"
        with self._database.connected() as connection:
            if connection is None:
                return ()
            rows = connection.execute(query, (*given.values(), -1 if limit is None else limit)).fetchall()
            return tuple(_record(row, _figures(connection, row[0])) for row in rows)

    def get(self, run_id: str) -> RunRecord | None:
        """One run, or None.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected() as connection:
            row = connection and connection.execute(f"{_SELECT} WHERE run_id = ?", (run_id,)).fetchone()
            return _record(row, _figures(connection, run_id)) if connection and row else None

    def other_batches(
        self, dataset: str, *, tenant: str, excluding_batch_id: str, until: str, limit: int
    ) -> tuple[RunRecord, ...]:
        """The latest run of each of the latest batches, newest first, without figures; runs whose clock is after ``until`` don't count.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected() as connection:
            if connection is None:
                return ()
            latest: dict[str, str] = {}
            with closing(connection.execute(_OTHER_BATCHES, (tenant, dataset, _stamp(until), excluding_batch_id))) as runs:
                for run_id, batch_id in runs:  # along the index: a long history is not read
                    latest.setdefault(batch_id, run_id)
                    if len(latest) == limit:
                        break
            query = f"{_SELECT} WHERE run_id = ?"
            return tuple(_record(connection.execute(query, (run_id,)).fetchone(), {}) for run_id in latest.values())

    def committed_rows_between(self, dataset: str, since: str, until: str, *, tenant: str, excluding_batch_id: str) -> int:
        """How many rows were committed to a dataset in that time (ISO 8601); each batch counts once, at its first commit.

        Raises:
            StorageError: the history can't be read.
        """
        with self._database.connected() as connection:
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
        with self._database.connected() as connection:
            if connection is None:
                return ()
            arguments = (check_fingerprint, tenant, dataset, excluding_batch_id, _stamp(until), limit)
            return tuple(Decimal(value) for (value,) in connection.execute(_PAST_VALUES, arguments))


def _keep(
    connection: sqlite3.Connection, run: RunRecord, alert: Alert | None, recovered: Callable[[Standing], Alert | None] | None
) -> None:
    from sluicegate.history.standing import put, recover

    if alert is not None:
        put(connection, alert)
    if recovered is not None:
        recover(connection, (run.tenant, run.contract_name, run.dataset), recovered)


def _stamp(moment: str) -> str:
    return stamp(datetime.fromisoformat(moment))


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
