"""Which lines of a batch can't be read: looked for once it is known that some can't, for whoever has to mend them.

A batch with a broken line is refused as a whole, so this changes no verdict: it may give up, and then the first fault alone is told. Of
a line's text only its shape is shown (``9999,xxx,"xx``): nobody knows which of its values are of classified columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.batch.compression import uncompressed
from sluicegate.batch.readers import NOT_UTF8, reason_of
from sluicegate.errors import BadLine, BatchUnreadable

if TYPE_CHECKING:
    import duckdb

__all__ = ["MOST_LINES", "shape", "with_csv_lines", "with_json_lines"]

MOST_LINES = 100
"""How many lines are told of; the others are counted, up to ``_MOST_COUNTED`` of them."""

_MOST_COUNTED = 10_000
_MOST_CHARACTERS = 120
_MOST_REJECTS = 3
_BLOCK = 1 << 20
_BROKEN = "the JSON is broken"

_REJECTED = f"""
SELECT file_path, line, arg_min(error_type, coalesce(column_idx, 0)), arg_min(error_message, coalesce(column_idx, 0)),
    arg_min(left(csv_line, {4 * _MOST_CHARACTERS}), coalesce(column_idx, 0)), arg_min(len(csv_line), coalesce(column_idx, 0))
FROM reject_errors JOIN reject_scans USING (scan_id, file_id) GROUP BY file_path, line
"""


def with_csv_lines(error: Exception, paths: Sequence[Path], arguments: Sequence[str]) -> Exception:
    """The error with every bad line of CSV files, if it is about bad lines.

    Args:
        error: as ``readers.unreadable`` has it.
        paths: the files.
        arguments: of DuckDB's ``read_csv``, without those that say what becomes of bad lines.
    """
    if not isinstance(error, BatchUnreadable):
        return error
    import duckdb

    try:
        found = [*_rejected(arguments), *_not_utf8(paths)]
    except (duckdb.Error, OSError, EOFError, MemoryError, ValueError):
        return error
    return _with(error, paths, found)


def _rejected(arguments: Sequence[str]) -> list[BadLine]:
    """What DuckDB's reader stumbles over when it goes on; one thread, so that the same file always gives the same lines."""
    limit = _MOST_COUNTED * _MOST_REJECTS  # a line that lacks several columns is there once for each
    with _apart() as connection:
        connection.execute(
            f"SELECT count(*) FROM read_csv({', '.join(arguments)}, store_rejects = true, rejects_limit = {limit})"
        ).fetchall()
        found = connection.execute(_REJECTED).fetchall()
    return [
        BadLine(file, line, reason_of(_detail(kind, told), "CSV"), shape(text, length))
        for file, line, kind, told, text, length in found
    ]


def _apart() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(config={"threads": "1", "memory_limit": "300MB", "autoinstall_known_extensions": "false"})


def _detail(kind: str, told: str) -> str:
    return "invalid unicode" if kind in {"INVALID UNICODE", "INVALID ENCODING"} else f"{told} {kind.lower()}"


def _not_utf8(paths: Iterable[Path]) -> Iterator[BadLine]:
    """Lines that are no UTF-8: a reader that goes on would mend them silently."""
    for path in paths:
        count = 0
        with uncompressed(path) as stream:
            number, rest = 1, b""
            while block := stream.read(_BLOCK):
                lines, _, rest = (rest + block).rpartition(b"\n")
                if not _is_utf8(lines):
                    for offset, line in enumerate(lines.split(b"\n")):
                        if not _is_utf8(line) and (count := count + 1) <= _MOST_COUNTED:
                            yield _no_utf8(path, number + offset, line)
                number += lines.count(b"\n") + bool(_)
            if not _is_utf8(rest):
                yield _no_utf8(path, number, rest)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _no_utf8(path: Path, number: int, line: bytes) -> BadLine:
    return BadLine(str(path), number, NOT_UTF8, shape(line[:_BLOCK].decode(errors="replace").rstrip("\r")))


def with_json_lines(error: Exception, paths: Sequence[Path]) -> Exception:
    """The error with every bad line of files that have one JSON object per line, if it is about bad lines."""
    if not isinstance(error, BatchUnreadable):
        return error
    try:
        found = [line for path in paths for line in _not_objects(path)]
    except (OSError, EOFError, MemoryError, ValueError):
        return error
    return _with(error, paths, found)


def _not_objects(path: Path) -> Iterator[BadLine]:
    """Lines that are no JSON object; none of a file that begins otherwise: with an array, or an object that goes over several lines."""
    with uncompressed(path) as stream:
        is_lined, count = False, 0
        for number, line in enumerate(stream, 1):
            data = line.removeprefix(b"\xef\xbb\xbf").strip()
            reason = _wrong_with(data) if data else ""
            if data and not is_lined and (reason == _BROKEN or data.startswith(b"[")):
                return
            is_lined = is_lined or bool(data)
            if reason and (count := count + 1) <= _MOST_COUNTED:
                yield BadLine(str(path), number, reason, shape(data[:_BLOCK].decode(errors="replace")))


def _wrong_with(data: bytes) -> str:
    try:
        found = json.loads(data.decode())
    except UnicodeDecodeError:
        return NOT_UTF8
    except (ValueError, RecursionError):
        return _BROKEN
    return "" if isinstance(found, dict) else "it is no object with named values"


def shape(text: str, length: int | None = None) -> str:
    """What a line looks like, without what it says: every letter an x, every digit a 9; cut where it is long.

    >>> shape('12,Zoë,"3.5')
    '99,xxx,"9.9'
    """
    masked = "".join("9" if char.isdigit() else "x" if char.isalnum() else char for char in text[:_MOST_CHARACTERS])
    return masked.strip("\r\n") + ("…" if (length or len(text)) > _MOST_CHARACTERS else "")


def _with(error: BatchUnreadable, paths: Sequence[Path], found: Iterable[BadLine]) -> BatchUnreadable:
    places: Mapping[str, int] = {str(path): place for place, path in enumerate(paths)}

    def place(line: BadLine) -> tuple[int, int, Any]:
        return places.get(line.file, len(places)), line.line, line.reason

    each = {place(line)[:2]: line for line in sorted(found, key=place, reverse=True)}
    lines = sorted(each.values(), key=place)
    if not lines:
        return error
    first = lines[0]
    message = f"{first.file}, line {first.line}: {first.reason}" + (
        f"; {len(lines):,} lines can't be read" if len(lines) > 1 else ""
    )
    return BatchUnreadable(message, hint=error.hint, lines=tuple(lines[:MOST_LINES]), more=max(0, len(lines) - MOST_LINES))
