"""A batch's rows as one Parquet file, and how many rows a file has.

The rows leave the batch's own database as Arrow: that database is shut off from the disk. Arrow's own writer keeps what
DuckDB's would change (wide integers become floats there).
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.errors import BatchUnreadable, StorageError
from sluicegate.ports.batch import BatchView

if TYPE_CHECKING:
    import duckdb

__all__ = ["Fit", "count_rows", "export", "exported_schema", "opened_rows", "written_rows"]

_ROWS_AT_A_TIME = 65_536
_LOSSY = re.compile(r"\b(TIME WITH TIME ZONE|TIMETZ|BIT|INTERVAL)(?=[\[\],)]|$)")


class Fit(Protocol):
    """How rows are changed before they are written."""

    @property
    def schema(self) -> Any:
        """The Arrow schema of what is written."""
        ...

    def __call__(self, rows: Any) -> Any:
        """A record batch of that schema."""
        ...


def exported_schema(batch: BatchView) -> Any:
    """The Arrow schema of the batch's rows.

    Raises:
        BatchUnreadable: the batch can't be read.
        StorageError: a type can't be kept in Parquet.
    """
    _refuse_lossy(batch)
    with closing(batch.connect()) as connection, _reading():
        return _reader(connection, f"SELECT * FROM {identifier(BATCH)} LIMIT 0").schema


def export(batch: BatchView, part: Path, fit: Fit | None = None) -> None:
    """Write the batch's rows, changed by ``fit`` where there is one; the file is not yet synced.

    Raises:
        BatchUnreadable: the batch could not be read to its end.
        StorageError: a type can't be kept in Parquet, or memory ran out.
        OSError: the file can't be written.
    """
    from pyarrow.parquet import ParquetWriter

    with opened_rows(batch, fit) as (schema, rows), part.open("xb") as file, ParquetWriter(file, schema) as writer:
        for some in rows:
            writer.write_batch(some)


@contextmanager
def opened_rows(batch: BatchView, fit: Fit | None = None) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The batch's rows for whoever writes them as Parquet inside: their Arrow schema, and record batches, changed by ``fit``.

    Raises:
        BatchUnreadable: the batch could not be read to its end.
        StorageError: a type can't be kept in Parquet, or memory ran out.
    """
    from pyarrow import ArrowException

    _refuse_lossy(batch)
    with closing(batch.connect()) as connection:
        with _reading():
            reader = _reader(connection, f"SELECT * FROM {identifier(BATCH)}")
        try:
            yield (fit.schema, map(fit, _read(reader))) if fit else (reader.schema, _read(reader))
        except ArrowException as error:
            raise StorageError(
                f"the batch can't be kept as Parquet: {_first_line(error)}", hint="cast the column where the batch is made"
            ) from error


def written_rows(part: Path) -> int:
    """How many rows a file that was just written holds, by its own metadata.

    Raises:
        StorageError: it isn't what was written.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        return int(read_metadata(part).num_rows)
    except ArrowException as error:
        raise StorageError(f"{part} can't be read back: {_first_line(error)}", hint="see to the disk") from error


def count_rows(batch: BatchView, files: Sequence[Path]) -> int:
    """How many rows a batch's own Parquet files hold, by their metadata.

    Asked on the batch's connection, which may read these files and is there already: a database of one's own costs 15 ms.

    Raises:
        BatchUnreadable: one of them is no Parquet.
    """
    import duckdb

    listed = ", ".join(literal(glob.escape(str(file))) for file in files)
    query = f"SELECT sum(num_rows) FROM parquet_file_metadata([{listed}])"
    try:
        try:
            with closing(batch.connect()) as connection:
                found = connection.execute(query).fetchone()
        except duckdb.PermissionException:
            with closing(duckdb.connect()) as connection:
                found = connection.execute(query).fetchone()
    except duckdb.Error as error:
        raise BatchUnreadable(f"the batch's files are not Parquet: {_first_line(error)}") from error
    return int(found[0] or 0) if found else 0


def _reader(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    relation: Any = connection.sql(query)
    if hasattr(relation, "to_arrow_reader"):  # DuckDB 1.x calls it otherwise
        return relation.to_arrow_reader(_ROWS_AT_A_TIME)
    return relation.fetch_arrow_reader(_ROWS_AT_A_TIME)


def _read(reader: Any) -> Iterator[Any]:
    while True:
        with _reading():
            rows = next(reader, None)
        if rows is None:
            return
        yield rows


@contextmanager
def _reading() -> Iterator[None]:
    """Tell a batch that can't be read from a disk that can't be written."""
    import duckdb
    from pyarrow import ArrowException

    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError) as error:
        raise StorageError("memory ran out while the batch was written", hint="raise batch.memory_limit") from error
    except (duckdb.Error, ArrowException, OSError) as error:
        raise BatchUnreadable(
            f"the batch can't be read to its end ({type(error).__name__})"
        ) from error  # its text may quote a value


def _refuse_lossy(batch: BatchView) -> None:
    for column in batch.schema.columns:
        if _LOSSY.search(column.native.upper()):
            raise StorageError(
                f"column {column.name!r}: Parquet keeps no {column.native}", hint="cast it to text where the batch is made"
            )


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
