"""CSV and JSON files, read whole: every line is a row or an error, never skipped; types are the contract's, or inferred."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.batch.bad_lines import with_csv_lines, with_json_lines
from sluicegate.batch.compression import uncompressed
from sluicegate.batch.convert import EXACT_DOUBLE, Conversion, infer, planned, refusal
from sluicegate.batch.files import BatchFile, FileSet
from sluicegate.batch.readers import NAME_THE_ENCODING, create_rows, file_list, unreadable
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import Kind, kind_of
from sluicegate.errors import BatchUnreadable, UsageError

if TYPE_CHECKING:
    import duckdb

__all__ = ["check_names", "load_csv", "load_json"]

_CSV_OPTIONS = frozenset({"delimiter", "quote", "escape", "header", "null_values"})  # encoding: ``encoding.py``
_DELIMITERS = ",;\t|"
_RAW = "_sluicegate_raw"
_NESTED_MOMENT = re.compile(r"\b(DATE|TIME|TIMESTAMP|TIMESTAMP WITH TIME ZONE|UUID)(?=[,)\[])")  # JSON has none: they are texts
_JSON = "format = 'auto', records = true, union_by_name = true, ignore_errors = false"
_FEW_FILES = 4
_FILE_BYTES, _GROUP_BYTES, _LEAST_BYTES = 32 << 20, 128 << 20, 300 << 20
_SMALL_FILE = 4096
_NO_RECORDS = re.compile(rb"(\xef\xbb\xbf)?\s*(\[\s*\]\s*)?")
_NO_TYPE = '"NULL"'  # DuckDB's name for the type of a column without values


def load_csv(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    files: FileSet,
    options: Mapping[str, Any],
    declared: Mapping[str, str],
) -> tuple[str, ...]:
    """Create a table from CSV files; return what is to be said about columns that stayed text.

    Nothing about the data is guessed from a sample. The delimiter is the one of ``, ; tab |`` that the first line has most
    of; the first line names the columns; an empty field is NULL, a quoted empty one is an empty text (NULL where the
    column isn't text).

    Args:
        connection: the batch's database.
        table: the table's name.
        files: all with the same header.
        options: ``delimiter``, ``quote``, ``escape``, ``header`` (False: there is none), ``null_values``.
        declared: column -> type, as the contract has them; other columns' types are inferred from all their values.

    Raises:
        UsageError: an unknown option.
        BatchUnreadable: a line that isn't CSV, with its number; other columns in another file; a column twice.
    """
    import duckdb

    _check_options(options)
    quote = str(options.get("quote", '"'))
    delimiter, names = _header(files.paths[0], options, quote, tuple(declared))
    for path in files.paths[1:]:
        others = _header(path, {**options, "delimiter": delimiter}, quote, tuple(declared))[1]
        if others != names:
            raise BatchUnreadable(f"{path} has other columns than {files.paths[0]}", hint="hand in files of one schema at a time")
    text = literal("VARCHAR")
    arguments = [
        file_list(files.paths),
        "auto_detect = false",
        f"header = {'true' if options.get('header', True) else 'false'}",
        f"delim = {literal(delimiter)}",
        f"quote = {literal(quote)}",
        f"escape = {literal(str(options.get('escape', quote)))}",
        "allow_quoted_nulls = false",
        "null_padding = false",
        f"columns = {{{', '.join(f'{literal(name)}: {text}' for name in names)}}}",
        f"nullstr = [{', '.join(literal(item) for item in ('', *options.get('null_values', ())))}]",
    ]
    try:
        connection.execute(f"CREATE TABLE {_RAW} AS SELECT * FROM read_csv({', '.join(arguments)}, ignore_errors = false)")
    except duckdb.Error as error:
        raise with_csv_lines(unreadable(files.paths, "CSV", error), files.paths, arguments) from error
    return _typed(connection, table, {name: planned(declared[name]) if name in declared else None for name in names}, declared)


def _check_options(options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - _CSV_OPTIONS)
    if unknown:
        raise UsageError(
            f"there is no CSV option {unknown[0]!r}", hint=f"known: {', '.join(sorted({*_CSV_OPTIONS, 'encoding'}))}"
        )
    for name, lengths in (("delimiter", (1,)), ("quote", (0, 1)), ("escape", (0, 1))):
        value = options.get(name, '"')
        if not isinstance(value, str) or len(value) not in lengths or value in {"\n", "\r"}:
            raise UsageError(f"the CSV option {name} is {value!r}", hint="give one character")
    if not isinstance(options.get("header", True), bool):
        raise UsageError(f"the CSV option header is {options['header']!r}", hint="give true or false")
    nulls = options.get("null_values", [])
    if not isinstance(nulls, list | tuple) or not all(isinstance(item, str) for item in nulls):
        raise UsageError("the CSV option null_values is not a list of texts", hint="write null_values: ['NA']")


def _typed(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    ladders: Mapping[str, Sequence[Conversion] | None],
    declared: Mapping[str, str],
    kept: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The raw table's text columns as values; ``kept`` are columns (name -> expression) that go over as they are."""
    chosen = infer(connection, _RAW, ladders)
    notes = tuple(
        refusal(connection, _RAW, name, declared[name])
        for name, conversion in chosen.items()
        if conversion.type == "VARCHAR" and name in declared and planned(declared[name])[0].type != "VARCHAR"
    )
    names = [row[0] for row in connection.execute(f"DESCRIBE {_RAW}").fetchall()]
    create_rows(
        connection,
        table,
        {name: chosen[name].value(name) if name in chosen else (kept or {}).get(name, identifier(name)) for name in names},
        _RAW,
    )
    connection.execute(f"DROP TABLE {_RAW}")
    return notes


def _header(path: Path, options: Mapping[str, Any], quote: str, declared: tuple[str, ...]) -> tuple[str, list[str]]:
    line = _first_line(path, quote)
    delimiter = str(options.get("delimiter") or _most_frequent(line, quote))
    try:
        if quote:
            reader = csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True)
        else:
            reader = csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE)
        fields = next(reader, [])
    except csv.Error as error:
        raise BatchUnreadable(f"{path}, line 1: the header can't be read as CSV") from error
    if not options.get("header", True):
        names = list(declared) if len(declared) == len(fields) else [f"column{i}" for i in range(len(fields))]
    else:
        names = [name or f"column{i}" for i, name in enumerate(fields)]
    if not names or not any(fields):
        raise BatchUnreadable(f"{path}, line 1: there is no header", hint="the first line names the columns")
    check_names(path, names)
    return delimiter, names


def check_names(place: object, names: Sequence[str]) -> None:
    """Raises:
    BatchUnreadable: there are no columns, or two have one name as SQL sees it, which doesn't tell upper from lower case.
    """
    if not names:
        raise BatchUnreadable(f"{place}: it has no columns")
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            other = seen[name.lower()]
            what = f"called {name!r}" if name == other else f"called {other!r} and {name!r}, which SQL can't tell apart"
            raise BatchUnreadable(f"{place}: two columns are {what}")
        seen[name.lower()] = name


def _first_line(path: Path, quote: str) -> str:
    """The first line, or more if a quoted name goes over several."""
    try:
        if path.suffix.lower() == ".zst":
            return _first_zst_line(path)
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        mark = quote.encode()
        with opened(path, "rb") as stream:
            line = stream.readline()
            while mark and line.count(mark) % 2 and (more := stream.readline()):
                line += more
        return line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise BatchUnreadable(
            f"{path}, line 1: the text is not UTF-8",
            hint=NAME_THE_ENCODING,
        ) from error
    except (OSError, EOFError) as error:
        raise BatchUnreadable(
            f"{path}: the file can't be read: {(getattr(error, 'strerror', '') or 'broken').lower()}"
        ) from error
    return line.rstrip("\r\n")


def _first_zst_line(path: Path) -> str:
    import duckdb

    columns = f"columns = {{{literal('line')}: {literal('VARCHAR')}}}"
    with duckdb.connect() as connection:
        try:
            found = connection.execute(
                f"SELECT line FROM read_csv({file_list([path])}, auto_detect = false, header = false, delim = '\x1f', "
                f"quote = '', escape = '', {columns}) LIMIT 1"
            ).fetchone()
        except duckdb.Error as error:
            raise unreadable([path], "CSV", error) from error
    return str(found[0]).removeprefix("\ufeff") if found and found[0] else ""


def _most_frequent(line: str, quote: str) -> str:
    outside = "".join(line.split(quote)[::2]) if quote else line
    return max(_DELIMITERS, key=outside.count)


def load_json(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    files: FileSet,
    options: Mapping[str, Any],
    declared: Mapping[str, str],
) -> tuple[str, ...]:
    """Create a table from JSON files: an array of objects, or one object per line; return notes as ``load_csv``.

    A key that an object lacks is NULL. Numbers and strings become what the contract declares where that loses nothing;
    otherwise types are those of the JSON values, over all records; dates in strings stay text unless they are declared.

    Raises:
        UsageError: an unknown option.
        BatchUnreadable: broken JSON, records that aren't objects, no columns.
    """
    import duckdb

    if options:
        raise UsageError(f"there is no JSON option {min(options)!r}", hint="known: encoding")
    # A file without a record has no say: for one, DuckDB would refuse all of them.
    telling = [file for file in files.files if not _is_without_records(file)] or list(files.files)
    source = f"{file_list([file.path for file in telling])}, {_JSON}"
    try:
        types = _json_types(connection, telling, declared)
        ladders = {name: _json_ladder(native, declared.get(name)) for name, native in types.items()}
        as_text = {name: "VARCHAR" if ladders[name] else native for name, native in types.items()}
        listed = ", ".join(f"{literal(name)}: {literal(native)}" for name, native in as_text.items())
        connection.execute(f"CREATE TABLE {_RAW} AS SELECT * FROM read_json({source}, columns = {{{listed}}})")
    except duckdb.Error as error:
        raise with_json_lines(unreadable(files.paths, "JSON", error), files.paths) from error
    kept = _kept(connection, [name for name, native in as_text.items() if native == "JSON"])
    return _typed(connection, table, {name: ladder for name, ladder in ladders.items() if ladder}, declared, kept)


def _kept(connection: duckdb.DuckDBPyConnection, mixed: Sequence[str]) -> dict[str, str]:
    """A column without a value is text, not JSON (so DuckDB 1 has it)."""
    if not mixed:
        return {}
    found = connection.execute(f"SELECT {', '.join(f'count({identifier(name)})' for name in mixed)} FROM {_RAW}").fetchone() or ()
    return {name: f"CAST({identifier(name)} AS VARCHAR)" for name, count in zip(mixed, found, strict=True) if not count}


def _described(connection: duckdb.DuckDBPyConnection, files: Sequence[BatchFile]) -> list[tuple[str, str]]:
    """Each column and its type over all records, as DuckDB has it.

    It holds on to the first 32 MiB of each file meanwhile, so many files are looked at in groups, apart from the batch's memory limit. Where
    the groups agree, that is what all of them are; else it is asked for all at once.

    Raises:
        BinderException: there isn't a single named value.
    """
    paths = [file.path for file in files]
    if len(paths) <= _FEW_FILES:
        return _describe(connection, paths)
    groups = list(_groups(files))
    found = [_describe_apart(group) for group in groups]
    return found[0] if all(each == found[0] for each in found) else _describe_apart(paths)


def _is_without_records(file: BatchFile) -> bool:
    if file.bytes > _SMALL_FILE:
        return False
    with uncompressed(file.path) as stream:
        return bool(_NO_RECORDS.fullmatch(stream.read(_SMALL_FILE)))


def _groups(files: Sequence[BatchFile]) -> Iterator[list[Path]]:
    """Files whose beginnings fit into the memory together."""
    group: list[Path] = []
    room = _GROUP_BYTES
    for file in files:
        needs = _FILE_BYTES if file.path.suffix.lower() in {".gz", ".zst"} else min(file.bytes, _FILE_BYTES)
        if group and needs > room:
            yield group
            group, room = [], _GROUP_BYTES
        group.append(file.path)
        room -= needs
    yield group


def _describe_apart(paths: Sequence[Path]) -> list[tuple[str, str]]:
    import duckdb

    limit = f"{_LEAST_BYTES + 2 * _FILE_BYTES * len(paths)}B"  # of addresses: what isn't written to takes no memory
    with duckdb.connect(config={"memory_limit": limit, "autoinstall_known_extensions": "false"}) as apart:
        return _describe(apart, paths)


def _describe(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> list[tuple[str, str]]:
    source = f"{file_list(paths)}, {_JSON}, sample_size = -1"
    return [(str(row[0]), str(row[1])) for row in connection.execute(f"DESCRIBE SELECT * FROM read_json({source})").fetchall()]


def _json_types(connection: duckdb.DuckDBPyConnection, files: Sequence[BatchFile], declared: Mapping[str, str]) -> dict[str, str]:
    """DuckDB's types over all records. Without a single named value the declared columns are all there is to go by."""
    import duckdb

    try:
        described = _described(connection, files)
    except duckdb.BinderException as error:
        if not declared:
            raise BatchUnreadable(
                f"{files[0].path}: no records with named values, so no columns", hint="declare the columns in the contract"
            ) from error
        return dict.fromkeys(declared, _NO_TYPE)
    types = {name: _NESTED_MOMENT.sub("VARCHAR", native) for name, native in described}
    renamed = [name for name in types if any(_is_renamed(name, other) for other in types)]
    if renamed:  # DuckDB tells keys that differ only in case apart by a number
        keys = f"SELECT DISTINCT unnest(json_keys(json)) FROM read_json({file_list([file.path for file in files])}, format = 'auto', records = false, "
        check_names(files[0].path, [row[0] for row in connection.execute(f"{keys}columns = {{'json': 'JSON'}})").fetchall()])
    return types


def _is_renamed(name: str, other: str) -> bool:
    base, _, number = name.rpartition("_")
    return number.isdigit() and base.lower() == other.lower()


def _json_ladder(native: str, declared: str | None) -> tuple[Conversion, ...] | None:
    """How a JSON column becomes what is declared; None: it stays what it is."""
    found, wanted = kind_of(native), kind_of(declared) if declared else None
    if native == _NO_TYPE or (native == "JSON" and wanted is not None and not wanted.is_nested):
        return planned(declared) if declared else (Conversion("VARCHAR"),)
    is_text = found is Kind.STRING or (found is not None and (found.is_temporal or found is Kind.TIME))
    if is_text and wanted is not None and (wanted.is_temporal or wanted in {Kind.TIME, Kind.DECIMAL}):
        return planned(declared or "")
    if is_text:
        return (Conversion("VARCHAR"),) if native != "JSON" else None  # values of several types: JSON's own text
    if found is not None and found.is_number and wanted is not None and wanted.is_number:
        return (*planned(declared or "")[:-1], *_as_they_are(native, found))
    return _as_they_are(native, found) if found is Kind.FLOAT else None


def _as_they_are(native: str, found: Kind) -> tuple[Conversion, ...]:
    """DuckDB calls a column of doubles what holds a fraction or a number beyond 64 bits: some of its numbers may be no doubles."""
    wide = Conversion("HUGEINT", canonical=True)
    return (wide, EXACT_DOUBLE, Conversion("VARCHAR")) if found is Kind.FLOAT else (Conversion(native),)
