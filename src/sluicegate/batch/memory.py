"""Tables in memory, and Arrow files, as Arrow; and copied into the batch's database: what is checked can't change until it is committed.

What need not be copied is ``in_place``'s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from sluicegate.batch.convert import type_of_nothing
from sluicegate.batch.database import ARROW_ROWS, arrow_reader, interruptible
from sluicegate.batch.files import FileSet
from sluicegate.batch.in_place import suits
from sluicegate.batch.text_readers import check_names
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.errors import BatchUnreadable, UsageError

if TYPE_CHECKING:
    import duckdb

__all__ = ["arrow_of", "form_of", "hash_rows", "load_arrow", "load_arrow_files", "unknown_source", "write_parquet"]

_INCOMING = "_sluicegate_incoming"
_NOT_IN_ARROW = re.compile(r"\b(TIME WITH TIME ZONE|BIT|UHUGEINT|VARIANT)(?=[\[\],)]|$)")


def form_of(source: object) -> str | None:
    """Which kind of table an object is, without importing its library: ``pandas``, ``polars``, ``arrow``, ``duckdb``; or None."""
    for kind in type(source).__mro__:
        module, name = kind.__module__.partition(".")[0], kind.__name__
        match module, name:
            case "pandas", "DataFrame":
                return "pandas"
            case "polars", "DataFrame" | "LazyFrame":
                return "polars"
            case "pyarrow", "Table" | "RecordBatch" | "RecordBatchReader":
                return "arrow"
            case "duckdb" | "_duckdb", "DuckDBPyRelation":
                return "duckdb"
    return None


def arrow_of(source: Any, form: str) -> Any:
    """The table as Arrow: a Table or a RecordBatchReader.

    Raises:
        BatchUnreadable: a column that mixes types, a name that isn't text, a relation that breaks.
    """
    match form:
        case "pandas":
            return _from_pandas(source)
        case "polars":
            return _from_polars(source)
        case "duckdb":
            return _from_relation(source)
        case _:
            import pyarrow as pa

            return pa.Table.from_batches([source]) if isinstance(source, pa.RecordBatch) else source


def _from_polars(frame: Any) -> Any:
    import polars as pl
    import pyarrow as pa

    try:
        collected = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
        strange = next((name for name, kind in collected.schema.items() if kind == pl.Object), None)
        if strange is None:
            as_it_is = collected.to_arrow(compat_level=pl.CompatLevel.newest())
            return as_it_is if suits(as_it_is) else collected.to_arrow(compat_level=pl.CompatLevel.oldest())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException) as error:
        raise BatchUnreadable(
            f"the polars frame can't be read ({type(error).__name__})", hint="look at its column types, and at what produces it"
        ) from error
    raise BatchUnreadable(f"the polars frame: column {strange!r} holds Python objects", hint="cast the column")


def _from_relation(relation: Any) -> Any:
    """As Arrow; what Arrow doesn't have would arrive as something else: an offset lost, bits as bytes, 2^128 - 1 as -1."""
    import duckdb

    try:
        for name, native in zip(relation.columns, relation.types, strict=True):
            lost = _NOT_IN_ARROW.search(str(native))
            if lost:
                raise BatchUnreadable(
                    f"the DuckDB relation: column {name!r} is {native}, and Arrow keeps no {lost[1]}", hint="cast the column"
                )
        return arrow_reader(relation)
    except duckdb.Error as error:
        raise BatchUnreadable(f"the DuckDB relation can't be read ({type(error).__name__})") from error


def _from_pandas(frame: Any) -> Any:
    """Named index levels are columns; unnamed ones are positions. NaN in a NumPy column is a missing value, as pandas has it."""
    import pyarrow as pa

    named = [name for name in frame.index.names if name is not None]
    if named:
        if set(named) & set(frame.columns):
            raise BatchUnreadable(f"the DataFrame: its index and a column are both called {named[0]!r}")
        unnamed = [level for level, name in enumerate(frame.index.names) if name is None]
        frame = (frame.droplevel(unnamed) if unnamed else frame).reset_index()
    names = list(frame.columns)
    strange = next((name for name in names if not isinstance(name, str)), None)
    if strange is not None:
        raise BatchUnreadable(f"the DataFrame: the column name {strange!r} is not text", hint="rename it: df.columns.astype(str)")
    check_names("the DataFrame", names)
    arrays = []
    for position, name in enumerate(names):
        try:
            arrays.append(pa.Array.from_pandas(frame.iloc[:, position]))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise BatchUnreadable(
                f"the DataFrame: the values of column {name!r} are not of one type", hint="convert the column with astype()"
            ) from error
    return pa.Table.from_arrays(arrays, names=names)


def load_arrow(connection: duckdb.DuckDBPyConnection, table: str, place: str, data: Any, declared: Mapping[str, str]) -> None:
    """Create a table from an Arrow Table or RecordBatchReader; a column of Arrow's null type gets the declared one, or is text.

    Raises:
        BatchUnreadable: no columns, one twice, a type that DuckDB doesn't have, or a reader that breaks.
    """
    check_names(place, list(data.schema.names))
    import pyarrow as pa

    casts = [
        f"CAST({identifier(field.name)} AS {type_of_nothing(declared.get(field.name))}) AS {identifier(field.name)}"
        for field in data.schema
        if pa.types.is_null(field.type)
    ]
    union = next((field.name for field in data.schema if _holds_union(field.type)), None)
    if union is not None:
        raise BatchUnreadable(f"{place}: column {union!r} is a union, which Parquet doesn't keep", hint="cast the column")
    columns = f"* REPLACE ({', '.join(casts)})" if casts else "*"
    _ingest(connection, f"CREATE TABLE {identifier(table)} AS SELECT {columns}", place, data)


def _holds_union(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_union(kind) or any(_holds_union(kind.field(i).type) for i in range(kind.num_fields))


def _ingest(connection: duckdb.DuckDBPyConnection, into: str, place: str, data: Any) -> None:
    import duckdb

    failed: list[BaseException] = []
    try:
        with interruptible():
            connection.register(_INCOMING, _watched(data, failed))
            connection.execute(f"{into} FROM {_INCOMING}")
            connection.unregister(_INCOMING)
    except (duckdb.Error, MemoryError, RuntimeError, ValueError, TypeError) as error:
        cause = failed[0] if failed else error
        if not isinstance(cause, Exception):  # Ctrl-C in the reader's own code
            raise cause from None
        raise BatchUnreadable(
            f"{place} can't be read into DuckDB ({type(cause).__name__})",
            hint="look at its column types, and at what produces it",
        ) from cause


def _watched(data: Any, failed: list[BaseException]) -> Any:
    """A reader's own exception would reach us as text only: keep it. What DuckDB would misread is copied."""
    import pyarrow as pa

    rebase = _misreads_slices()
    if not isinstance(data, pa.RecordBatchReader):
        if not rebase:
            return data
        data = data.to_reader()

    def batches() -> Iterator[Any]:
        try:
            for batch in data:
                yield from _rebased(batch) if rebase else (batch,)
        except BaseException as error:
            failed.append(error)
            raise

    return pa.RecordBatchReader.from_batches(data.schema, batches())


def _rebased(batch: Any) -> Iterable[Any]:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return pa.ipc.open_stream(sink.getvalue())  # type: ignore[no-any-return]


def _misreads_slices() -> bool:
    """DuckDB 1.0 reads booleans of a slice from the wrong bits (measured; 1.5 doesn't): it gets copies without an offset."""
    import duckdb

    return tuple(int(part) for part in duckdb.__version__.split(".")[:2]) < (1, 5)


def load_arrow_files(connection: duckdb.DuckDBPyConnection, table: str, files: FileSet, declared: Mapping[str, str]) -> None:
    """Create a table from Arrow IPC files, either of the two IPC formats (Feather V2 is one of them).

    Raises:
        BatchUnreadable: a file isn't Arrow IPC, or has other columns than the first one.
    """
    first: Any = None
    for path in files.paths:
        reader = _ipc_reader(path)
        if first is None:
            first = reader.schema
            load_arrow(connection, table, str(path), reader, declared)
        elif reader.schema.equals(first):
            _ingest(connection, f"INSERT INTO {identifier(table)} SELECT *", str(path), reader)
        else:
            raise BatchUnreadable(
                f"{path} has other columns or types than {files.paths[0]}", hint="hand in files of one schema at a time"
            )


def _ipc_reader(path: Path) -> Any:
    import pyarrow as pa

    try:
        source = pa.memory_map(str(path))
        with path.open("rb") as start:
            is_file = start.read(6) == b"ARROW1"
        if not is_file:
            return pa.ipc.open_stream(source)
        opened = pa.ipc.open_file(source)
        batches = (opened.get_batch(index) for index in range(opened.num_record_batches))
        return pa.RecordBatchReader.from_batches(opened.schema, batches)
    except (pa.ArrowException, OSError) as error:
        raise BatchUnreadable(f"{path}: not an Arrow IPC or Feather V2 file, or cut off") from error


def hash_rows(connection: duckdb.DuckDBPyConnection, table: str, stopped: Event) -> str:
    """SHA-256 over a table's column names, types and values, in the rows' order: the same rows hash the same, wherever they came from."""
    digest = hashlib.sha256()
    for name, native, *_ in connection.execute(f"DESCRIBE {identifier(table)}").fetchall():
        _feed(digest.update, [name, native])
    for chunk in _rechunked(arrow_reader(connection.sql(f"SELECT * FROM {identifier(table)}"))):
        if stopped.is_set():
            raise BatchUnreadable("the batch was closed before its fingerprint was known")
        for column in chunk.columns:
            _hash_array(digest.update, column)
    return digest.hexdigest()


def write_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the batch's rows with Arrow's writer: it keeps what DuckDB's would change (wide integers become floats there)."""
    import pyarrow.parquet as pq

    reader = arrow_reader(connection.sql(f"SELECT * FROM {identifier(BATCH)}"))
    with pq.ParquetWriter(path, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _rechunked(reader: Iterable[Any]) -> Iterator[Any]:
    """Chunks of exactly ``ARROW_ROWS`` rows, however the source cuts them."""
    import pyarrow as pa

    held: list[Any] = []
    rows = 0
    for batch in reader:
        held.append(batch)
        rows += batch.num_rows
        while rows >= ARROW_ROWS:
            table = pa.Table.from_batches(held)
            yield table.slice(0, ARROW_ROWS).combine_chunks()
            rest = table.slice(ARROW_ROWS)
            held, rows = rest.to_batches(), rest.num_rows
    if rows:
        yield pa.Table.from_batches(held).combine_chunks()


def _feed(update: Callable[[bytes], None], texts: Sequence[str]) -> None:
    for text in texts:
        data = text.encode()
        update(len(data).to_bytes(8, "little") + data)


def _hash_array(update: Callable[[bytes], None], array: Any) -> None:
    """Which values are there, then the values: lengths and bytes. What lies in memory under a NULL doesn't count."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # combine_chunks of an empty one
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    update(len(array).to_bytes(8, "little"))
    _hash_fixed(update, array.is_valid().cast(pa.uint8()))
    values = array.drop_null()
    kind = values.type
    if pa.types.is_null(kind):
        return
    if isinstance(values, pa.ExtensionArray):
        _hash_array(update, values.storage)
    elif pa.types.is_dictionary(kind):
        _hash_array(update, values.dictionary_decode())
    elif pa.types.is_map(kind):
        _hash_array(update, values.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        _hash_fixed(update, pc.list_value_length(values).cast(pa.int64()))
        _hash_array(update, values.flatten())
    elif pa.types.is_struct(kind):
        for child in values.flatten():
            _hash_array(update, child)
    elif pa.types.is_boolean(kind):
        _hash_fixed(update, values.cast(pa.uint8()))
    elif (
        pa.types.is_primitive(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_interval(kind)
    ):
        _hash_fixed(update, values)
    else:
        _hash_texts(update, values)


def _hash_texts(update: Callable[[bytes], None], values: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = values.cast(pa.large_binary())
    _hash_fixed(update, pc.binary_length(values).cast(pa.int64()))
    _, offsets, data = values.buffers()
    if len(values) and data is not None:
        bounds = pa.Array.from_buffers(pa.int64(), len(values) + 1, [None, offsets], offset=values.offset)
        update(memoryview(data)[bounds[0].as_py() : bounds[-1].as_py()].tobytes())


def _hash_fixed(update: Callable[[bytes], None], values: Any) -> None:
    if len(values):
        width = values.type.byte_width
        update(memoryview(values.buffers()[1])[values.offset * width : (values.offset + len(values)) * width].tobytes())


def unknown_source(source: object) -> UsageError:
    """What to say of an object that is no batch."""
    return UsageError(
        f"a batch can't be made of {type(source).__module__}.{type(source).__qualname__}",
        hint="give a path, a glob, a folder, or a pandas, polars, Arrow or DuckDB table",
    )
