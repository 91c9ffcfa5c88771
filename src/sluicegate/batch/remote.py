"""Files of a batch that lie elsewhere: found by URI, and fetched into a folder of their own before they are opened.

They are fetched whole: a batch is known by the SHA-256 of its bytes, and is committed or kept as these, so all of them are needed here in
any case. What is checked is what was fetched, whatever becomes of the originals meanwhile.
"""

from __future__ import annotations

import errno
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from sluicegate.batch.scratch import Scratch
from sluicegate.errors import BatchUnreadable, SluicegateError, StorageError, UsageError
from sluicegate.ports.source import RemoteFile, Source

__all__ = ["Remote", "scheme_of"]

_SPELLINGS = {"s3a": "s3", "s3n": "s3"}
_WILD = frozenset("*?[")
_ROOM = "free some space there, or name another folder: batch.temp_directory"


def scheme_of(location: str) -> str | None:
    """``s3`` of ``s3://bucket/key``, and of ``s3a://…``, as Hadoop writes it; None of a path.

    >>> scheme_of("S3a://bucket/a"), scheme_of("data/a.csv")
    ('s3', None)
    """
    scheme, separator, _ = location.partition("://")
    written = scheme.lower()
    return _SPELLINGS.get(written, written) if separator and scheme.isalnum() else None


class Remote:
    """What was found elsewhere for one batch, each file with the path that it is fetched to. Close it.

    Args:
        source_of: scheme -> its source.
        parent: where the folder is made; None: in the system's for such things.
        suffixes: of names that are a batch's even if they are folders' (``x.parquet/``).
    """

    def __init__(self, source_of: Callable[[str], Source], parent: Path | None, *, suffixes: Iterable[str] = ()) -> None:
        self._source_of = source_of
        self._parent = parent
        self._suffixes = tuple(suffixes)
        self._base: Path | None = None
        self._clean: Callable[[], object] = lambda: None
        self._found: dict[Path, tuple[Source, RemoteFile]] = {}
        self._schemes: dict[str, str] = {}

    def find(self, uri: str) -> dict[Path, Path]:
        """The paths of the files that a URI, a prefix (a folder) or a glob names, each with its folder's: nothing is fetched yet.

        A name that is there is that object's, whatever wildcards are in it; else ``*``, ``?`` and ``[]`` stay within one level, ``**``
        goes over any number of them. Under a prefix everything counts but names that begin with ``.`` or ``_``.

        Raises:
            UsageError: nothing is there, no source reads such URIs, or a name can't be a file's here.
            StorageError: the source can't be asked.
        """
        scheme = scheme_of(uri) or ""
        source = self._source_of(scheme)
        place = uri.partition("://")[2]
        self._schemes.setdefault(scheme, uri.partition("://")[0])
        head = uri[: len(uri) - len(place)]
        root, files = self._matches(source, head, place)
        folder = self._path(scheme, root.rstrip("/"))
        paths = {self._path(scheme, file.uri.partition("://")[2]): file for file in files}
        self._found |= {path: (source, file) for path, file in paths.items()}
        return dict.fromkeys(paths, folder)

    def _matches(self, source: Source, head: str, place: str) -> tuple[str, list[RemoteFile]]:
        """The folder that a location starts from, and the files that it names."""
        bucket, _, key = place.partition("/")
        if not bucket or _WILD & set(bucket):
            raise UsageError(f"{head}{place}: the first part must be a name", hint=f"such as {head}bucket/folder/*.parquet")
        if key and not key.endswith("/") and (exact := source.look(head + place)):
            return place.rpartition("/")[0], [exact]
        if _WILD & set(key):
            return self._globbed(source, head, place)
        root = f"{place.rstrip('/')}/"
        files = [file for file in source.list(head + root) if _counts(file.uri[len(head) + len(root) :])]
        if not files:
            raise UsageError(f"{head}{place}: nothing is there", hint="check the name; an empty delivery is a file without rows")
        return root, files

    def _globbed(self, source: Source, head: str, place: str) -> tuple[str, list[RemoteFile]]:
        parts = place.split("/")
        fixed = next(i for i, part in enumerate(parts) if _WILD & set(part))
        root = "/".join(parts[:fixed]) + "/"
        begins = place[: min(place.index(char) for char in _WILD if char in place)]
        listed = ((file, file.uri[len(head) + len(root) :].split("/")) for file in source.list(head + begins))
        files = [file for file, names in listed if names[-1] and self._is_matched(names, parts[fixed:])]
        if not files:
            raise UsageError(f"nothing matches {head}{place}", hint="quote the pattern, and check the name")
        return root, files

    def _is_matched(self, names: Sequence[str], pattern: Sequence[str]) -> bool:
        """Whether the pattern matches a file, or a folder around it that is called like one: what Spark writes."""
        if _fits(names, pattern):
            return True
        around = (i for i in range(1, len(names)) if PurePosixPath(names[i - 1]).suffix.lower() in self._suffixes)
        return any(_fits(names[:i], pattern) and _counts("/".join(names[i:])) for i in around)

    def _path(self, scheme: str, place: str) -> Path:
        parts = place.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise UsageError(f"{scheme}://{place}: its name can't be a path", hint="rename the object, without //, . and ..")
        return self._folder() / scheme / Path(*parts)

    def _folder(self) -> Path:
        if self._base is None:
            scratch = Scratch(self._parent)
            self._base = scratch.path
            self._clean = weakref.finalize(self, scratch.remove)
        return self._base

    def fetch(self, paths: Iterable[Path]) -> None:
        """Bring those of the paths here that were found elsewhere.

        Raises:
            BatchUnreadable: a file is empty, gone, or no longer what was found.
            StorageError: there is no room for them, or they can't be read.
        """
        by_source: dict[int, tuple[Source, dict[RemoteFile, Path]]] = {}
        for path in paths:
            if path in self._found and not path.exists():
                source, file = self._found[path]
                by_source.setdefault(id(source), (source, {}))[1][file] = path
        wanted = [file for _, files in by_source.values() for file in files]
        if empty := next((file for file in wanted if not file.bytes), None):
            raise BatchUnreadable(
                f"{empty.uri} is empty: not a single byte", hint="an empty batch still has a header or a schema"
            )
        self._refuse_too_much(sum(file.bytes for file in wanted))
        for source, files in by_source.values():
            with self._written(files):
                for folder in {path.parent for path in files.values()}:
                    folder.mkdir(parents=True, exist_ok=True)
                source.fetch(files)

    def _refuse_too_much(self, length: int) -> None:
        room = shutil.disk_usage(self._folder()).free if length else 0
        if length > room:
            raise StorageError(f"the batch has {length:,} bytes, and {self._folder().parent} has room for {room:,}", hint=_ROOM)

    @contextmanager
    def _written(self, files: dict[RemoteFile, Path]) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}:
                named = next((file.uri for file, path in files.items() if str(path) == error.filename), next(iter(files)).uri)
                raise UsageError(
                    f"{named}: its name can't be a file's: {(error.strerror or 'unusable').lower()}", hint="rename the object"
                ) from error
            raise StorageError(
                f"{self._folder().parent}: the batch can't be fetched there: {(error.strerror or str(error)).lower()}", hint=_ROOM
            ) from error

    @property
    def names(self) -> dict[Path, str]:
        """The path of each file that was found -> its URI."""
        return {path: file.uri for path, (_, file) in self._found.items()}

    def name(self, path: Path) -> str:
        """What people call a path: the URI of what lies elsewhere, else the path."""
        if path in self._found:
            return self._found[path][1].uri
        return self._renamed(f"{path}/").rstrip("/")

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Have errors speak of URIs, where they would of the paths that only this process knows."""
        try:
            yield
        except BatchUnreadable as error:
            error.renamed(self._prefixes())
            raise
        except SluicegateError as error:
            error.message = self._renamed(error.message)
            error.args = (error.message, *error.args[1:])
            raise

    def _renamed(self, text: str) -> str:
        for here, there in self._prefixes().items():
            text = text.replace(here, there)
        return text

    def _prefixes(self) -> dict[str, str]:
        return {f"{self._base}/{scheme}/": f"{written}://" for scheme, written in self._schemes.items()} if self._base else {}

    def close(self) -> None:
        """Remove what was fetched."""
        self._clean()


def _counts(relative: str) -> bool:
    """Whether an object below a folder is a file of it: no marker of a folder, nothing hidden."""
    return bool(relative) and not relative.endswith("/") and not any(part.startswith((".", "_")) for part in relative.split("/"))


def _fits(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_fits(names[i:], pattern[1:]) for i in range(len(names) + 1) if not any(n.startswith(".") for n in names[:i]))
    hidden = bool(names) and names[0].startswith(".") and not pattern[0].startswith(".")
    return bool(names) and not hidden and fnmatchcase(names[0], pattern[0]) and _fits(names[1:], pattern[1:])
