"""A batch, opened: what it is, what engines see of it, and its bytes for those who commit or keep them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sluicegate.batch.database import Database, EngineView
from sluicegate.batch.files import FileSet
from sluicegate.batch.fingerprint import Fingerprint
from sluicegate.batch.memory import write_parquet
from sluicegate.batch.parts import without_rows
from sluicegate.batch.readers import file_list
from sluicegate.checks.questions import ROWS, Key, Question, Repeats
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import StorageError, UsageError
from sluicegate.scan.scan import Scan
from sluicegate.scan.statistics import Statistics

__all__ = ["Batch", "check_batch_id"]

_BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DERIVED_DIGITS = 16


def check_batch_id(batch_id: str) -> str:
    """Raises:
    UsageError: it can't be an ID: it becomes part of paths and table properties.
    """
    if not isinstance(batch_id, str) or not _BATCH_ID.fullmatch(batch_id):
        raise UsageError(
            f"{batch_id!r} can't be a batch_id",
            hint="up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
        )
    return batch_id


@dataclass(kw_only=True)
class Batch:
    """One delivery of data. Close it, or use it in a ``with`` statement.

    Attributes:
        format: of its bytes: ``parquet``, ``csv``, ``json``, ``arrow``. Tables in memory have none of their own and are kept as
            ``parquet``.
        options: how to read these bytes again: those of CSV.
        files: where it came from; empty for a table in memory.
        schema: its columns.
        rows: how many there are.
        references: dataset -> view, for ``reference`` checks.
        reference_schemas: dataset -> its columns.
        sealed: its database is shut off from everything but its files, as author's SQL demands.
        notes: what happened on reading that a person should know: columns that stayed text.
    """

    format: str
    options: Mapping[str, Any]
    source: FileSet | None
    schema: BatchSchema
    rows: int
    references: Mapping[str, str]
    reference_schemas: Mapping[str, BatchSchema]
    notes: tuple[str, ...]
    sealed: bool
    _database: Database = field(repr=False)
    _fingerprint: Fingerprint = field(repr=False)
    _changed: bool = False
    _given_id: str | None = None
    _known_sha256: str | None = None
    _views: list[EngineView] = field(default_factory=list, repr=False)
    _on_close: list[Callable[[], object]] = field(default_factory=list, repr=False)
    _last: Scan | None = field(default=None, init=False, repr=False)  # of these rows: the rest of a batch begins without

    @property
    def files(self) -> tuple[Path, ...]:
        """The batch's own files, sorted; empty for a table in memory."""
        return self.source.paths if self.source else ()

    @property
    def origin(self) -> tuple[str, ...]:
        """What to open to have the batch once more: its files or their URIs, or the one folder of ``key=value`` folders."""
        return self.source.origin if self.source else ()

    @property
    def uris(self) -> Mapping[Path, str]:
        """Where those of its files came from that were fetched; empty for files of this machine."""
        return self.source.uris if self.source else {}

    @property
    def batch_id(self) -> str:
        """As given; else the first 16 digits of ``content_sha256``, which this waits for."""
        return self._given_id or self.content_sha256[:_DERIVED_DIGITS]

    @property
    def content_sha256(self) -> str:
        """The fingerprint of the batch's content, computed beside the scan; this waits for it.

        Of files: ``ports.fingerprint.files_sha256``. Of a table in memory: SHA-256 over names, types and values.

        Raises:
            BatchUnreadable: a file changed, or can't be read any more.
        """
        return self._known_sha256 or self._fingerprint.result()[0]

    @property
    def file_sha256(self) -> Mapping[Path, str]:
        """Each file's own SHA-256: what a copy of it must have."""
        return self._fingerprint.result()[1]

    @property
    def scratch(self) -> Path:
        """A folder for what the batch needs on disk for a while, below ``temp_directory``; it goes when the batch is closed."""
        return self._database.scratch

    def scan(self, questions: Sequence[Question]) -> Scan:
        """Begin to answer what the engines of a run will ask; their views share it."""
        scan = Scan(self.view(), questions, self._known, self._statistics)
        scan.start()
        self._last = scan
        return scan

    def repeats(self, key: Key) -> Repeats | None:
        """How a key repeats, if the last scan was asked that and could tell."""
        found = self._last.known(key) if self._last else None
        return found if isinstance(found, Repeats) else None

    @property
    def _known(self) -> Mapping[Question, Any]:
        return {ROWS: self.rows}

    @property
    def _statistics(self) -> Statistics | None:
        """Those of its files, where the files' rows and columns are the batch's."""
        if self.format != "parquet" or not self.source or self._changed or not self._database.trusts_statistics:
            return None
        return Statistics(file_list(self.files), self.schema, self.rows)

    def view(self, scan: Scan | None = None) -> EngineView:
        """The batch for one engine. Its connections reach no other file; ``close`` closes them.

        Args:
            scan: where its questions are answered; None: on the view itself.
        """
        view = EngineView(self._database, self.schema, self.references, scan=scan, known=self._known)
        self._views.append(view)
        self._fingerprint.start()
        return view

    def check_unchanged(self) -> None:
        """Make sure that the files are what they were when the batch was opened: size, time of change, inode.

        Raises:
            BatchUnreadable: one of them is not.
        """
        for file in self.source.files if self.source else ():
            file.check_unchanged()

    def parquet_files(self) -> tuple[Path, ...]:
        """The batch's files where they are Parquet and hold its columns and rows; else empty: they are written anew through a view.

        Files that a batch from memory was kept in don't have its fingerprint: they, too, are written anew.
        """
        if self.format != "parquet" or not self.source or self.source.partitions or self._changed:
            return ()
        return self.files if self._known_sha256 in {None, self._fingerprint.result()[0]} else ()

    def as_parquet(self, folder: Path) -> tuple[Path, ...]:
        """The batch's rows as Parquet files: its own, or one that is written into the folder. Raises as ``spool`` does."""
        return self.parquet_files() or (self._write(folder),)

    def spool(self, folder: Path) -> tuple[Path, ...]:
        """The files to keep the batch by: its own; or, where those don't hold all of it, one Parquet file written into the folder.

        That is so for tables in memory, for ``key=value`` folders, whose columns are in the paths, and where columns are dropped.

        Raises:
            BatchUnreadable: a file that was read for this is no longer the one that was opened.
            StorageError: the folder can't be written, or Parquet has no such type.
        """
        if self.source is not None and not self.source.partitions and not self._changed:
            return self.files
        return (self._write(folder),)

    def _write(self, folder: Path) -> Path:
        import duckdb

        target = folder / "batch.parquet"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_parquet(self._database.root.cursor(), target)
        except (duckdb.Error, OSError, ValueError, NotImplementedError) as error:  # Arrow's own errors are among these
            raise StorageError(
                f"the batch can't be written to {target} as Parquet ({type(error).__name__})",
                hint="look at the disk, and at the batch's column types",
            ) from error
        self.check_unchanged()  # these are not the batch's own bytes, so no checksum tells
        return target

    @contextmanager
    def without(self, file: Path) -> Iterator[Self]:
        """The rest of the batch, without the rows whose positions a Parquet file names (``ROW_COLUMN``), for a while.

        Its views show the rest, and so do this batch's meanwhile. Its ID and its fingerprint are those of the whole batch.

        Raises:
            StorageError: the file is none of this batch.
        """
        with without_rows(self._database.root.cursor(), file, rows=self.rows) as left_out:
            yield replace(self, rows=self.rows - left_out, _changed=True)

    def close(self) -> None:
        """Close every connection. What an abandoned thread still holds is left to it."""
        if self.source is None:  # files are hashed without the database
            self._fingerprint.stop()
        for view in self._views:
            view.close()
        self._database.close(busy=any(view.interrupted for view in self._views))
        while self._on_close:
            self._on_close.pop()()

    def on_close(self, call: Callable[[], object]) -> None:
        """Have something done when the batch is closed: taking back files that were lent for it, say."""
        self._on_close.append(call)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
