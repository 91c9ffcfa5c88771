"""Parts of a batch: its rows with their positions, and the batch without some of them.

A row's position counts from 0, in the order of the batch: that of its files, and of the rows in each. It is the same whenever
the same bytes are opened, on any number of threads: DuckDB numbers rows as they are scanned, in order, and this is under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.errors import StorageError
from sluicegate.ports.quarantine import ROW_COLUMN

if TYPE_CHECKING:
    import duckdb

__all__ = ["numbered", "without_rows"]

_WHOLE = "_sluicegate_whole"
_LEFT_OUT = "_sluicegate_left_out"
_INCOMING = "_sluicegate_positions"


def numbered(view: str = BATCH) -> str:
    """A query, in brackets, for the view's rows, each with its position as ``ROW_COLUMN``."""
    return f"(SELECT *, row_number() OVER () - 1 AS {identifier(ROW_COLUMN)} FROM {identifier(view)})"


@contextmanager
def without_rows(connection: duckdb.DuckDBPyConnection, file: Path, *, rows: int) -> Iterator[int]:
    """Let the view ``batch`` leave out the rows whose positions a Parquet file names, for a while; how many those are.

    The rest stays in its order. The file is read in pieces; the positions, 8 bytes each, are kept in the database, which spills.

    Args:
        connection: to the batch's database.
        file: its column ``ROW_COLUMN`` names the rows.
        rows: how many the batch has.

    Raises:
        StorageError: the file is none of this batch: a position is there twice, or is none of the batch's.
    """
    _load(connection, file)
    row, left_out, batch, whole = (identifier(name) for name in (ROW_COLUMN, _LEFT_OUT, BATCH, _WHOLE))
    try:
        query = f"SELECT count(*), count(DISTINCT {row}), min({row}), max({row}) FROM {left_out}"
        count, distinct, least, most = connection.execute(query).fetchall()[0]
        if count != distinct or (count and not 0 <= least <= most < rows):
            raise StorageError(f"{file} names rows that a batch of {rows:,} doesn't have, or has once")
        connection.execute(f"ALTER VIEW {batch} RENAME TO {whole}")
        try:
            # As a CASE, so that no optimiser makes a join of it that loses the order.
            stays = f"CASE WHEN {row} IN (SELECT {row} FROM {left_out}) THEN FALSE ELSE TRUE END"
            connection.execute(f"CREATE VIEW {batch} AS SELECT * EXCLUDE ({row}) FROM {numbered(_WHOLE)} WHERE {stays}")
            try:
                yield count
            finally:
                connection.execute(f"DROP VIEW {batch}")
        finally:
            connection.execute(f"ALTER VIEW {whole} RENAME TO {batch}")
    finally:
        connection.execute(f"DROP TABLE {left_out}")


def _load(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = identifier(ROW_COLUMN)
    connection.execute(f"CREATE TABLE {identifier(_LEFT_OUT)} ({row} BIGINT)")
    try:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(columns=[ROW_COLUMN]):
                _insert(connection, pa.table({ROW_COLUMN: batch.column(0)}))
    except (pa.ArrowException, OSError) as error:
        connection.execute(f"DROP TABLE {identifier(_LEFT_OUT)}")
        raise StorageError(f"{file} can't be read: {str(error).partition(chr(10))[0]}", hint="see to the disk") from error


def _insert(connection: duckdb.DuckDBPyConnection, table: Any) -> None:
    connection.register(_INCOMING, table)
    try:
        connection.execute(f"INSERT INTO {identifier(_LEFT_OUT)} SELECT * FROM {identifier(_INCOMING)}")
    finally:
        connection.unregister(_INCOMING)
