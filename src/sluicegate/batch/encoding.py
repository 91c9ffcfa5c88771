"""Text files in another encoding than UTF-8, as UTF-8 copies for as long as they are read; lines keep their numbers."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sluicegate.batch.compression import uncompressed
from sluicegate.batch.files import BatchFile, FileSet
from sluicegate.errors import BatchUnreadable, StorageError, UsageError

__all__ = ["in_utf8"]

_CHARACTERS = 1 << 20
_UTF8 = "utf-8"


@contextmanager
def in_utf8(files: FileSet, options: Mapping[str, Any], folder: Path) -> Iterator[tuple[FileSet, dict[str, Any]]]:
    """The files as UTF-8 and the options without ``encoding``; errors name the files that were handed in.

    Args:
        files: text files, compressed or not.
        options: ``encoding``, one that Python knows; utf-8 is how they are read without it.
        folder: where copies are made, of files in another one.

    Raises:
        UsageError: there is no such encoding.
        BatchUnreadable: a file's bytes aren't in it; with the line.
        StorageError: a copy can't be written.
    """
    rest = {name: value for name, value in options.items() if name != "encoding"}
    encoding = _known(options["encoding"]) if "encoding" in options else _UTF8
    if encoding == _UTF8:
        yield files, rest
        return
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, str] = {}
    copies: list[Path] = []
    try:
        for number, path in enumerate(files.paths):
            copies.append(folder / f"{number:08}.txt")
            names[str(copies[-1])] = str(path)
            _decode(path, encoding, copies[-1])
        yield replace(files, files=tuple(map(BatchFile.of, copies)), uris={}), rest
    except BatchUnreadable as error:
        raise error.renamed(names) from error.__cause__
    finally:
        for copy in copies:
            copy.unlink(missing_ok=True)


def _known(encoding: Any) -> str:
    try:
        found = codecs.lookup(encoding) if isinstance(encoding, str) else None
    except LookupError:
        found = None
    if found is None or not found._is_text_encoding:  # noqa: SLF001 - rot13 and its like are none
        raise UsageError(f"there is no encoding {encoding!r}", hint="such as utf-16, latin-1 or cp1252")
    return found.name


def _decode(path: Path, encoding: str, copy: Path) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        with uncompressed(path) as source, copy.open("wb") as target:
            final = False
            while not final:
                block = source.read(_CHARACTERS)
                final = not block
                text = _decoded(decoder, block, path, line, encoding, final=final)
                line += text.count("\n")
                target.write(text.encode())
    except (OSError, EOFError) as error:
        if getattr(error, "filename", None) == str(path) or not isinstance(error, OSError):
            raise BatchUnreadable(f"{path}: the file can't be read") from error
        raise StorageError(
            f"{copy.parent.parent.parent}: {path.name} can't be written there as UTF-8: {(error.strerror or 'unwritable').lower()}",
            hint="free some space there, or name another folder: batch.temp_directory",
        ) from error


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, path: Path, line: int, encoding: str, *, final: bool) -> str:
    try:
        return decoder.decode(block, final)
    except UnicodeError as error:
        before = error.object[: error.start].decode(encoding, "ignore") if isinstance(error, UnicodeDecodeError) else ""
        raise BatchUnreadable(
            f"{path}, line {line + before.count(chr(10))}: the text is not {encoding}", hint="name its encoding, or convert it"
        ) from error
