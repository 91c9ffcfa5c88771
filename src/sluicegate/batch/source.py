"""Opening a batch: paths, globs, folders and tables in memory, on a DuckDB database of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sluicegate.batch.compression import check_whole
from sluicegate.batch.database import BatchSettings, Database, schema_of
from sluicegate.batch.encoding import in_utf8
from sluicegate.batch.files import SUFFIXES, FileSet, find_files
from sluicegate.batch.fingerprint import Fingerprint, hash_files
from sluicegate.batch.in_place import suits, view_arrow
from sluicegate.batch.memory import arrow_of, form_of, hash_rows, load_arrow, load_arrow_files, unknown_source
from sluicegate.batch.model import Batch, check_batch_id
from sluicegate.batch.pool import DatabasePool
from sluicegate.batch.readers import unreadable, view_parquet
from sluicegate.batch.remote import Remote
from sluicegate.batch.text_readers import load_csv, load_json
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import BatchUnreadable, UsageError
from sluicegate.ports.source import Source

__all__ = ["Batch", "BatchSettings", "open_batch"]

_ROWS = "_sluicegate_rows"
_AS_READ = "_sluicegate_as_read"
_CASTABLE = re.compile(r"[A-Z][A-Z_ ]*(\(\d+(, ?\d+)?\))?(\[\d*\])*")  # a plain type, and nothing else that SQL could be


def open_batch(
    source: Any,
    *,
    batch_id: str | None = None,
    format: str | None = None,  # noqa: A002 - the word that users know
    options: Mapping[str, Any] | None = None,
    references: Mapping[str, str | os.PathLike[str]] | None = None,
    declared: Sequence[tuple[str, str]] = (),
    settings: BatchSettings | None = None,
    pool: DatabasePool | None = None,
    known_sha256: str | None = None,
    dropped: Collection[str] = (),
    types: Mapping[str, str] | None = None,
    sources: Callable[[str], Source] | None = None,
) -> Batch:
    """Open a batch; its rows are the view ``batch``.

    Parquet files stay where they are. Everything else is read once, now, into the batch's own database, which spills to disk
    when it must.

    Args:
        source: a path, a glob, a folder of files of one format (``key=value`` folders become columns), a URI, a list of these; or a
            pandas or polars DataFrame, an Arrow Table or RecordBatchReader, a DuckDB relation.
        batch_id: the idempotency key; None derives it from the content.
        format: ``parquet``, ``csv``, ``json`` or ``arrow``; None goes by the suffix.
        options: how CSV is written: ``delimiter``, ``quote``, ``escape``, ``header``, ``null_values``; and of JSON, too, its ``encoding``.
        references: dataset -> its file, glob or folder; several names for one location are one view.
        declared: (column, type) as the contract has them: the types of CSV and JSON columns. A column with a value that can't
            be read as its type without loss stays text, and ``Batch.notes`` says why; no row is ever dropped.
        settings: memory, threads, where to spill.
        pool: gives the database, instead of ``settings``. Only for batches on which nobody's own SQL runs: it isn't sealed.
        known_sha256: the fingerprint that the batch had when it was handed in first: of a batch that comes out of quarantine.
        dropped: columns that are no part of the batch, if the source has them: what a quarantine adds to rows that it keeps.
        types: column -> its type in DuckDB, of Parquet files that were written from a batch: Parquet has fewer types than that.
        sources: a URI's scheme -> what finds and fetches it, batch or reference; None: there are only paths.

    Raises:
        UsageError: nothing there, an unknown or mixed format, a batch_id or option that can't be.
        BatchUnreadable: the bytes aren't what their format says; files of one batch that differ in columns or types.
        StorageError: what lies elsewhere can't be had, or there is no room for it.
    """
    if batch_id is not None:
        check_batch_id(batch_id)
    settings = settings or BatchSettings()
    remote = Remote(sources, settings.temp_directory, suffixes=SUFFIXES) if sources else None
    with ExitStack() as stack:
        if remote is not None:
            stack.callback(remote.close)
            stack.enter_context(remote.naming())
        batch = _open(
            source, remote, settings, pool, format=format, options=options or {}, references=references or {}, declared=dict(declared),
            dropped=dropped, types=types or {}, batch_id=batch_id, known_sha256=known_sha256,
        )  # fmt: skip
        stack.pop_all()
    if remote is not None:
        batch.on_close(remote.close)
    return batch


def _open(
    source: Any,
    remote: Remote | None,
    settings: BatchSettings,
    pool: DatabasePool | None,
    *,
    format: str | None,  # noqa: A002
    options: Mapping[str, Any],
    references: Mapping[str, str | os.PathLike[str]],
    declared: Mapping[str, str],
    dropped: Collection[str],
    types: Mapping[str, str],
    batch_id: str | None,
    known_sha256: str | None,
) -> Batch:
    form = form_of(source)
    files = _files(source, format, remote) if form is None else None
    reference_files = {name: _reference(name, location, remote) for name, location in references.items()}
    if form is not None and (format is not None or options):
        raise UsageError("format and options are for files, not for tables in memory", hint="leave them out")
    database = Database(settings) if pool is None else pool.take()
    try:
        if files is not None:
            rows, notes = _load(database, BATCH, files, options, declared)
        else:
            _load_table(database, arrow_of(source, form or ""), form, declared)
            rows, notes = _publish(database, BATCH, _ROWS), ()
        changed = _reshape(database, dropped, types)
        views = _views(references)
        for view, name in {view: name for name, view in views.items()}.items():
            with _named(name):
                _load(database, view, reference_files[name], {}, {})
        schema = _schema(database, BATCH, files)
        reference_schemas = {name: _schema(database, view, reference_files[name]) for name, view in views.items()}
        if pool is None:
            database.seal(_scanned([*([files] if files else []), *reference_files.values()]))
    except BaseException:
        database.close(busy=False)
        raise
    fingerprint = Fingerprint(_hash_of(database, files))
    return Batch(
        format=files.format if files else "parquet",
        options=dict(options),
        source=files,
        schema=schema,
        rows=rows,
        references=views,
        reference_schemas=reference_schemas,
        notes=notes,
        sealed=pool is None,
        _database=database,
        _fingerprint=fingerprint,
        _given_id=batch_id,
        _known_sha256=known_sha256,
        _changed=changed,
    )


def _reshape(database: Database, dropped: Collection[str], types: Mapping[str, str]) -> bool:
    """Take columns out of the view, and give others their types; whether there was something to do."""
    found = {column.name: column.native for column in schema_of(database.root, BATCH)} if dropped or types else {}
    gone = [identifier(name) for name in dropped if name in found]
    casts = [
        f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}"
        for name, kind in types.items()
        if name in found and name not in dropped and found[name] != kind and _CASTABLE.fullmatch(kind)
    ]
    if not gone and not casts:
        return False
    exclude = f" EXCLUDE ({', '.join(gone)})" if gone else ""
    cast = f" REPLACE ({', '.join(casts)})" if casts else ""
    database.root.execute(f"ALTER VIEW {identifier(BATCH)} RENAME TO {identifier(_AS_READ)}")
    database.root.execute(f"CREATE VIEW {identifier(BATCH)} AS SELECT *{exclude}{cast} FROM {identifier(_AS_READ)}")
    return True


def _files(source: Any, format: str | None, remote: Remote | None) -> FileSet:  # noqa: A002
    several = isinstance(source, Sequence) and not isinstance(source, str | bytes)
    if not isinstance(source, str | os.PathLike) and not (
        several and all(isinstance(item, str | os.PathLike) for item in source)
    ):
        raise unknown_source(source)
    return find_files(source, format, remote)


def _views(references: Mapping[str, str | os.PathLike[str]]) -> dict[str, str]:
    """Dataset -> view, the same for the same location."""
    views: dict[str, str] = {}
    placed: dict[str, str] = {}
    for name, location in references.items():
        views[name] = placed.setdefault(os.fspath(location), f"reference_{len(placed)}")
    return views


def _reference(name: str, location: str | os.PathLike[str], remote: Remote | None) -> FileSet:
    with _named(name):
        return find_files(location, remote=remote)


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except BatchUnreadable as error:
        message = f"the reference dataset {name!r}: {error.message}"
        raise BatchUnreadable(message, hint=error.hint, lines=error.lines, more=error.more) from error
    except UsageError as error:
        raise UsageError(f"the reference dataset {name!r}: {error.message}", hint=error.hint) from error


def _load(
    database: Database, view: str, files: FileSet, options: Mapping[str, Any], declared: Mapping[str, str]
) -> tuple[int, tuple[str, ...]]:
    if options and files.format not in {"csv", "json"}:
        raise UsageError(f"{files.format} files take no options", hint="remove them")
    if files.format != "parquet" and files.partitions:
        raise UsageError(f"key=value folders are read for Parquet, not for {files.format}", hint="hand in the files themselves")
    if files.format == "parquet":
        return view_parquet(database.root, view, files, declared, trusted=database.trusts_statistics), ()
    check_whole(files.paths)
    table = f"_sluicegate_{view}"
    notes: tuple[str, ...] = ()
    if files.format in {"csv", "json"}:
        load = load_csv if files.format == "csv" else load_json
        with in_utf8(files, options, database.scratch / "utf-8") as (readable, rest):
            notes = load(database.root, table, readable, rest, declared)
    else:
        load_arrow_files(database.root, table, files, declared)
    for file in files.files:
        file.check_unchanged()
    return _publish(database, view, table), notes


def _load_table(database: Database, data: Any, form: str | None, declared: Mapping[str, str]) -> None:
    if form in {"arrow", "polars"} and suits(data):
        view_arrow(database.root, _ROWS, "the table", data)
    else:
        load_arrow(database.root, _ROWS, "the table", data, declared)


def _publish(database: Database, view: str, table: str) -> int:
    database.root.execute(f"CREATE VIEW {identifier(view)} AS SELECT * FROM {identifier(table)}")
    found = database.root.execute(f"SELECT count(*) FROM {identifier(table)}").fetchone()
    return int(found[0]) if found else 0


def _schema(database: Database, view: str, files: FileSet | None) -> BatchSchema:
    import duckdb

    try:
        return schema_of(database.root, view)
    except duckdb.Error as error:
        raise unreadable(files.paths if files else [Path("the table")], "Parquet", error) from error


def _scanned(sets: Sequence[FileSet]) -> list[Path]:
    return [path for files in sets if files.format == "parquet" for path in files.paths]


def _hash_of(database: Database, files: FileSet | None) -> Any:
    if files is not None:
        return lambda _: hash_files(files.files, files.partitions)
    connection = database.root.cursor()
    return lambda stopped: (hash_rows(connection, _ROWS, stopped), {})
