"""Files become the table or view ``batch``: Parquet stays where it is, the others are read once, whole, when they are opened.

Reading them once finds every broken line before a check runs, spares each engine its own parse, and makes what is
checked and what is committed the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.batch.convert import type_of_nothing
from sluicegate.batch.database import escaped
from sluicegate.batch.files import FileSet
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.errors import BatchUnreadable, StorageError
from sluicegate.scan.statistics import hidden, unbounded
from sluicegate.words import plural

if TYPE_CHECKING:
    import duckdb

__all__ = ["NAME_THE_ENCODING", "NOT_UTF8", "create_rows", "file_list", "reason_of", "unreadable", "view_parquet"]

NAME_THE_ENCODING = "name its encoding in the options (encoding: latin-1, utf-16, …), or convert it to UTF-8"
"""The cure of text that isn't UTF-8."""

NOT_UTF8 = "the text is not UTF-8"


def file_list(paths: Iterable[Path]) -> str:
    """Paths as a SQL list, without wildcards."""
    return f"[{', '.join(literal(escaped(path)) for path in paths)}]"


def unreadable(files: Sequence[Path], format: str, error: Exception) -> BatchUnreadable | StorageError:  # noqa: A002
    """DuckDB's complaint as one line that says where, and shows no value of the data; no fault of the batch's where room is missing."""
    text = str(error)
    if "Out of Memory" in text or "No space left" in text:
        return StorageError(
            f"{files[0]} can't be read in: memory ran out, or the room to spill to",
            hint="free some space where batch.temp_directory is, name another folder there, or raise batch.memory_limit",
        )
    named = next((path for path in files if str(path) in text), files[0])
    place = re.search(r"(?:CSV Error on |at )[Ll]ine:? (\d+)", text)
    byte = re.search(r"at byte (\d+)", text)
    record = re.search(r"in (?:record/value|line|array element|value) (\d+)", text)
    where = f", line {place[1]}" if place else (f", record {record[1]}" if record else "") + (f", byte {byte[1]}" if byte else "")
    if len(files) > 1 and str(named) not in text:
        where = f" (or one of the other {len(files) - 1} files){where}"
    reason = reason_of(text, format)
    return BatchUnreadable(f"{named}{where}: {reason}", hint=NAME_THE_ENCODING if reason == NOT_UTF8 else "")


def reason_of(text: str, format: str) -> str:  # noqa: A002
    """DuckDB's complaint in a few words of ours."""
    columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if columns:
        wanted, found = int(columns[1]), int(columns[2])
        has = plural(found, "column") if found < wanted else f"more than {plural(wanted, 'column')}"  # it counts no further
        return f"the row has {has} where the header has {wanted}"
    for sign, reason in (
        ("unterminated quote", "a quote is never closed"),
        ("nvalid unicode", NOT_UTF8),
        ("utf-8", NOT_UTF8),
        ("magic bytes", "not a Parquet file, or cut off: the closing mark is missing"),
        ("too small to be a Parquet", "too small to be a Parquet file"),
        ("at least one non-root column", "it has no columns"),
        ("aximum line size", "a line is longer than DuckDB reads (2 MB)"),
        ("Maximum object size", "a JSON record is longer than DuckDB reads (16 MB)"),
        ("Malformed JSON", "the JSON is broken"),
        ("contain records", "there are no records with named values"),
        ("gzip", "the compressed data is broken"),
        ("GZIP", "the compressed data is broken"),
        ("ZSTD", "the compressed data is broken"),
        ("Permission denied", "permission denied"),
    ):
        if sign in text:
            return reason
    return f"the file can't be read as {format}"


def view_parquet(
    connection: duckdb.DuckDBPyConnection, name: str, files: FileSet, declared: Mapping[str, str], *, trusted: bool = True
) -> int:
    """Create the view over Parquet files; return how many rows there are, by the files' own metadata.

    A column that was written without a value has no type of its own: it gets the declared one, or is text. A column of whose
    statistics DuckDB would believe too much is read without them; with ``trusted`` False, every column is.

    Raises:
        BatchUnreadable: a file isn't Parquet, has a column twice, or other columns or types than the first one.
    """
    import duckdb

    paths = file_list(files.paths)
    try:
        columns = _common_columns(connection, paths)
        keys = _keys(files, columns)
        metadata = f"SELECT sum(num_rows), list(DISTINCT coalesce(created_by, '')) FROM parquet_file_metadata({paths})"
        rows, writers = connection.execute(metadata).fetchone() or (0, ())
        replaced = {column: hidden(column) for column in (unbounded(columns, writers) if trusted else columns)}
        for column in (column for column, tree in columns.items() if "NullType" in tree[0][2]):
            replaced[column] = f"CAST({identifier(column)} AS {type_of_nothing(declared.get(column))})"
        connection.execute(f"CREATE VIEW {identifier(name)} AS {_select(files, paths, keys, replaced)}")
    except duckdb.Error as error:
        raise unreadable(files.paths, "Parquet", error) from error
    return int(rows)


def _keys(files: FileSet, columns: Mapping[str, Any]) -> tuple[str, ...]:
    """The partition keys that only the folders know. Columns that the files have, too, are read from the files: they are the data."""
    own = {name.lower() for name in columns}
    inside = [key for key in files.partitions if key.lower() in own]
    if inside and len(inside) < len(files.partitions):
        raise BatchUnreadable(
            f"{files.paths[0]} has the column {inside[0]!r} of its folder's name, and not the others of them",
            hint="write all partition columns into the files, or none",
        )
    return () if inside else files.partitions


def _select(files: FileSet, paths: str, partitions: tuple[str, ...], values: Mapping[str, str]) -> str:
    listed = ", ".join(f"{value} AS {identifier(column)}" for column, value in values.items())
    replaced = f" REPLACE ({listed})" if listed else ""
    if not partitions:
        return f"SELECT *{replaced} FROM read_parquet({paths}, hive_partitioning = false)"
    keys = [identifier(key) for key in partitions]
    others = ", ".join([*keys, *map(identifier, files.foreign_keys)])  # DuckDB takes every key=value of the whole path
    return f"SELECT * EXCLUDE ({others}){replaced}, {', '.join(keys)} FROM read_parquet({paths}, hive_partitioning = true)"


def _common_columns(connection: duckdb.DuckDBPyConnection, paths: str) -> dict[str, tuple[Any, ...]]:
    """The columns that all files have, each with its whole type.

    DuckDB would rename a column that is there twice, and read all files with the first one's types, rounding as it goes.
    """
    rows = connection.execute(
        "SELECT file_name, name, coalesce(num_children, 0), "
        "concat_ws(' ', type, nullif(type_length, '0'), converted_type, precision, scale, logical_type) "
        f"FROM parquet_schema({paths})"
    ).fetchall()
    by_file: dict[str, list[tuple[str, int, str]]] = {}
    for file, name, children, kind in rows:
        by_file.setdefault(file, []).append((name, children, kind))
    first: tuple[str, dict[str, tuple[Any, ...]]] | None = None
    for file, nodes in by_file.items():
        columns = _top_level(file, nodes)
        if first is None:
            first = (file, columns)
        elif columns != first[1]:
            raise BatchUnreadable(_difference(first, (file, columns)), hint="hand in files of one schema at a time")
    return first[1] if first else {}


def _top_level(file: str, nodes: list[tuple[str, int, str]]) -> dict[str, tuple[Any, ...]]:
    """Each column's name and its whole subtree, from the schema's depth-first listing."""
    columns: dict[str, tuple[Any, ...]] = {}
    position = 1  # 0 is the root
    while position < len(nodes):
        end, open_nodes = position, 1
        while open_nodes:
            open_nodes += nodes[end][1] - 1
            end += 1
        name = nodes[position][0]
        if name.lower() in (known.lower() for known in columns):
            raise BatchUnreadable(f"{file}: two columns are called {name!r}", hint="SQL doesn't tell upper from lower case")
        columns[name] = (("", *nodes[position][1:]), *nodes[position + 1 : end])
        position = end
    return columns


def _difference(first: tuple[str, dict[str, Any]], other: tuple[str, dict[str, Any]]) -> str:
    for (one, columns), (two, others) in ((first, other), (other, first)):
        missing = next((name for name in columns if name not in others), None)
        if missing is not None:
            return f"{two} has no column {missing!r}, {one} has one"
    name = next(name for name in first[1] if first[1][name] != other[1][name])
    return f"column {name!r} has another type in {other[0]} than in {first[0]}"


def create_rows(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str], source: str) -> None:
    """Create a table from SQL expressions by column name."""
    listed = ", ".join(f"{value} AS {identifier(name)}" for name, value in columns.items())
    connection.execute(f"CREATE TABLE {identifier(table)} AS SELECT {listed} FROM {source}")
