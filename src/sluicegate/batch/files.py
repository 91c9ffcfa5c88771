"""Which files a batch is made of, and in what format they are."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TypeAlias

from sluicegate.batch.remote import Remote, scheme_of
from sluicegate.errors import BatchUnreadable, UsageError

__all__ = ["FORMATS", "SUFFIXES", "BatchFile", "FileSet", "find_files", "format_of"]

FORMATS = ("parquet", "csv", "json", "arrow")
SUFFIXES = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".json": "json", ".ndjson": "json",
    ".jsonl": "json", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
"""What files are called -> their format."""

_ALIASES = {name.removeprefix("."): name_format for name, name_format in SUFFIXES.items()} | {name: name for name in FORMATS}
_COMPRESSED = (".gz", ".zst")
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A file as it was when the batch was opened; size, modification time and inode tell whether it is still the same."""

    path: Path
    bytes: int
    modified_ns: int = field(compare=True)
    inode: int

    @classmethod
    def of(cls, path: Path) -> BatchFile:
        """Look at a file.

        Raises:
            UsageError: it isn't there, isn't a regular file, can't be looked at, or has a name that no engine can be told.
        """
        if not str(path).isprintable() and any("\ud800" <= char <= "\udfff" for char in str(path)):
            raise UsageError(f"{str(path)!a}: its name is not UTF-8", hint="rename it")
        try:
            found = path.stat()
        except OSError as error:
            raise UsageError(f"{path}: {(error.strerror or 'unreadable').lower()}", hint="check the path") from error
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is not a regular file", hint="a batch is files, a glob, a folder or a table in memory")
        return cls(path, found.st_size, found.st_mtime_ns, found.st_ino)

    def check_unchanged(self) -> None:
        """Raises:
        BatchUnreadable: the file is no longer the one that was opened.
        """
        try:
            same = BatchFile.of(self.path) == self
        except UsageError:
            same = False
        if not same:
            raise BatchUnreadable(
                f"{self.path} changed while the gate was at work", hint="hand in files that nobody writes to any more"
            )


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files of a batch, sorted by path.

    Attributes:
        format: one of ``FORMATS``.
        partitions: the ``key`` of each ``key=value`` folder inside the given folder or glob: columns of the batch.
        foreign_keys: the same outside of it: not columns.
        root: where there are partitions: the folder that they are read from, if it is one.
        uris: path -> where it was fetched from, of files that lie elsewhere; of ``root`` too.
    """

    files: tuple[BatchFile, ...]
    format: str
    partitions: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    root: Path | None = None
    uris: Mapping[Path, str] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(item.path for item in self.files)

    @property
    def origin(self) -> tuple[str, ...]:
        """What names these files and their columns again, as long as nothing is added to the folder."""
        return tuple(self.uris.get(path, str(path)) for path in ((self.root,) if self.root else self.paths))


Location: TypeAlias = str | os.PathLike[str]


def find_files(source: Location | Sequence[Location], format: str | None = None, remote: Remote | None = None) -> FileSet:  # noqa: A002
    """Resolve a path, a glob, a folder, or a list of them. Relative paths start at the working directory.

    In a folder all files count, at any depth, but for names that begin with ``.`` or ``_`` (markers, by convention).

    Args:
        source: where.
        format: None goes by the suffixes.
        remote: finds what URIs name, and fetches it; None: there are only paths.

    Raises:
        UsageError: nothing there, an unknown format, or several formats.
        BatchUnreadable: a file without a single byte.
        StorageError: what lies elsewhere can't be had.
    """
    found = _find(source, remote)
    paths = sorted(found)
    the_format = _format_of(paths, format)
    partitions, foreign, root = _partitioning(found)
    if remote is not None:
        remote.fetch(paths)
    files = tuple(BatchFile.of(path) for path in paths)
    for file in files:
        if not file.bytes:
            raise BatchUnreadable(
                f"{file.path} is empty: not a single byte", hint="an empty batch still has a header or a schema"
            )
    names = {path: remote.name(path) for path in (*paths, *filter(None, [root]))} if remote is not None and remote.names else {}
    return FileSet(files, the_format, partitions, foreign, root, names)


def format_of(source: Location | Sequence[Location], format: str | None = None, remote: Remote | None = None) -> str:  # noqa: A002
    """The format of what ``find_files`` would find; nothing is fetched or opened. Raises as it does."""
    return _format_of(sorted(_find(source, remote)), format)


def _find(source: Location | Sequence[Location], remote: Remote | None) -> dict[Path, Path]:
    """Each file, and the folder from which on key=value names partition."""
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not sources:
        raise UsageError("the batch names no files", hint="give a path, a glob, a folder or a table")
    found: dict[Path, Path] = {}
    for item in sources:
        text = os.fspath(item)
        if not text.strip():
            raise UsageError("the batch's path is empty", hint="give a path, a glob or a folder")
        if scheme_of(text) is None:
            found |= _expand(text)
        elif remote is None:
            raise UsageError(f"{text}: only files of this machine are read here", hint="download the batch and give its path")
        else:
            found |= remote.find(text)
    return _each_once(found)


def _partitioning(found: Mapping[Path, Path]) -> tuple[tuple[str, ...], tuple[str, ...], Path | None]:
    """The keys of folders that are columns, those that aren't, and the one folder that the files lie in."""
    inside = {_keys(path.relative_to(root).parent) for path, root in found.items()}
    if len(inside) > 1:
        raise UsageError(
            "some files lie in key=value folders and others don't, or in others", hint="hand in one partitioned folder at a time"
        )
    partitions = inside.pop()
    roots = set(found.values())
    foreign = {key for root in roots for key in _keys(root)}
    root = roots.pop() if partitions and len(roots) == 1 else None
    return partitions, tuple(sorted(foreign - set(partitions))), root


def _each_once(found: dict[Path, Path]) -> dict[Path, Path]:
    """The files without links to others among them: ``latest.csv`` beside what it points to is no second delivery.

    In another ``key=value`` folder it is: the same bytes are other rows there.
    """
    kept: dict[tuple[str, tuple[str, ...]], Path] = {}
    for path in sorted(found, key=lambda path: (path.is_symlink(), path)):
        keys = tuple(part for part in path.relative_to(found[path]).parent.parts if "=" in part[1:])
        kept.setdefault((os.path.realpath(path), keys), path)
    return {path: found[path] for path in kept.values()}


def _expand(text: str) -> dict[Path, Path]:
    path = Path(os.path.abspath(text))  # noqa: PTH100 - symbolic links keep their names: partitions and suffixes live there
    if path.is_dir():
        return _in_folder(path)
    if os.path.lexists(path) or not _WILD & set(text):
        return {path: path.parent}
    matches = [Path(os.path.abspath(match)) for match in glob.glob(text, recursive=True)]  # noqa: PTH100, PTH207 - as above
    fixed = next(i for i, part in enumerate(path.parts) if _WILD & set(part))
    root = Path(*path.parts[:fixed])
    found = dict.fromkeys((match for match in matches if not match.is_dir()), root)
    for folder in matches:  # what Spark writes is a folder that is called like a file
        if folder.is_dir() and folder.suffix.lower() in SUFFIXES:
            found |= dict.fromkeys(_in_folder(folder), root)
    if not found:
        raise UsageError(f"no file matches {text}", hint="quote the pattern, and check the path")
    return found


def _in_folder(folder: Path) -> dict[Path, Path]:
    files = list(_walk(folder, ()))
    if not files:
        raise UsageError(f"the folder {folder} holds no files", hint="check the path")
    return dict.fromkeys(files, folder)


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """Every file but markers, behind symbolic links too: a folder that is passed over is rows that are lost."""
    real = folder.resolve()
    if real in above:
        raise UsageError(f"{folder} is a link to a folder around it", hint="remove the link")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"the folder {folder}: {(error.strerror or 'unreadable').lower()}", hint="check the path") from error
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _walk(entry, (*above, real))
        else:
            yield entry


def _keys(folder: PurePath) -> tuple[str, ...]:
    return tuple(part.partition("=")[0] for part in folder.parts if "=" in part[1:])


def _format_of(paths: Sequence[Path], given: str | None) -> str:
    if given is not None:
        name = _ALIASES.get(given.strip().lower())
        if name is None:
            raise UsageError(f"there is no format {given!r}", hint=f"known: {', '.join(FORMATS)}")
        return name
    formats: dict[str, Path] = {}
    for path in paths:
        suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSED]
        name = SUFFIXES.get(suffixes[-1]) if suffixes else None
        if name is None:
            raise UsageError(f"{path}: no format has this suffix", hint=f"name the format: {', '.join(FORMATS)}")
        formats.setdefault(name, path)
    if len(formats) > 1:
        examples = " and ".join(f"{name} ({path.name})" for name, path in sorted(formats.items()))
        raise UsageError(f"the batch mixes formats: {examples}", hint="hand in files of one format at a time")
    return next(iter(formats))
