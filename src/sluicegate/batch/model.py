"""A batch, opened: what it is, what engines see of it, and its bytes for those who commit or keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sluicegate.batch.database import Database, EngineView, arrow_reader
from sluicegate.batch.files import FileSet
from sluicegate.batch.fingerprint import Fingerprint
from sluicegate.checks.sqltext import BATCH, literal
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import StorageError, UsageError

__all__ = ["Batch", "check_batch_id"]

_BATCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DERIVED_DIGITS = 16


def check_batch_id(batch_id: str) -> str:
    """Raises:
    UsageError: it can't be an ID: it becomes part of paths and table properties.
    """
    if not _BATCH_ID.fullmatch(batch_id):
        raise UsageError(
            f"{batch_id!r} can't be a batch_id",
            hint="up to 128 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
        )
    return batch_id


@dataclass(kw_only=True)
class Batch:
    """One delivery of data. Close it, or use it in a ``with`` statement.

    Attributes:
        format: ``parquet``, ``csv``, ``json``, ``arrow``, or ``memory``.
        files: where it came from; empty for a table in memory.
        schema: its columns.
        rows: how many there are.
        references: dataset -> view, for ``reference`` checks.
        reference_schemas: dataset -> its columns.
        notes: what happened on reading that a person should know: columns that stayed text.
    """

    format: str
    source: FileSet | None
    schema: BatchSchema
    rows: int
    references: Mapping[str, str]
    reference_schemas: Mapping[str, BatchSchema]
    notes: tuple[str, ...]
    _database: Database = field(repr=False)
    _fingerprint: Fingerprint = field(repr=False)
    _given_id: str | None = None
    _views: list[EngineView] = field(default_factory=list, repr=False)
    _spooled: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The batch's own files, sorted; empty for a table in memory."""
        return self.source.paths if self.source else ()

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
        return self._fingerprint.result()[0]

    @property
    def file_sha256(self) -> Mapping[Path, str]:
        """Each file's own SHA-256: what a copy of it must have."""
        return self._fingerprint.result()[1]

    def view(self) -> EngineView:
        """The batch for one engine. Its connections reach no other file; ``close`` closes them."""
        view = EngineView(self._database, self.schema, self.references)
        self._views.append(view)
        self._fingerprint.start()
        return view

    def check_unchanged(self) -> None:
        """Raises:
        BatchUnreadable: a file is no longer what it was when the batch was opened: size, time of change, inode.
        """
        for file in self.source.files if self.source else ():
            file.check_unchanged()

    def parquet_files(self) -> tuple[Path, ...]:
        """The batch's files where they are Parquet and hold all of its columns; else empty: ``spool`` makes some."""
        return self.files if self.format == "parquet" and self.source and not self.source.partitions else ()

    def spool(self, folder: Path) -> tuple[Path, ...]:
        """Write the batch's rows as one Parquet file into a folder: for tables in memory, which have no bytes to keep.

        Raises:
            StorageError: the folder can't be written.
        """
        import duckdb

        target = folder / "batch.parquet"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with duckdb.connect() as outside:  # the batch's own database reaches no file
                outside.execute("SET TimeZone = 'UTC'")
                outside.register("spooled", self._reader())
                outside.execute(f"COPY (SELECT * FROM spooled) TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd)")
        except (duckdb.Error, OSError) as error:
            raise StorageError(f"the batch can't be written to {target}: {str(error).splitlines()[0]}") from error
        self._spooled = (target,)
        return self._spooled

    def _reader(self) -> object:
        return arrow_reader(self._database.root.cursor().execute(f"SELECT * FROM {BATCH}"))

    def close(self) -> None:
        """Close every connection. What an abandoned thread still holds is left to it."""
        for view in self._views:
            view.close()
        self._database.close(busy=any(view.interrupted for view in self._views))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
