"""A batch as data files of an Iceberg table: its own Parquet files copied where they fit, else written anew in the table's types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import BatchUnreadable, StorageError
from sluicegate.ports.fingerprint import combined_sha256, file_sha256
from sluicegate.ports.target import CommitRequest
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.targets._export import export, exported_schema, written_rows
from sluicegate_adapters.targets._iceberg_types import Fitted, copyable

if TYPE_CHECKING:
    from pyiceberg.table import Table

__all__ = ["batch_columns", "publish", "stage"]

_NAME = 32


def batch_columns(request: CommitRequest) -> Any:
    """The Arrow schema of the batch: of its files where they agree and can be kept as they are, else of its rows.

    Raises:
        BatchUnreadable: the batch can't be read.
        StorageError: Parquet has no type for a column.
    """
    if request.files:
        schemas = [_file_schema(file) for file in request.files]
        if all(copyable(schemas[0], schema) for schema in schemas):
            return schemas[0]
    return exported_schema(request.batch)


def stage(request: CommitRequest, table: Table, staged: Path, files: LocalFiles) -> list[tuple[Path, str]]:
    """The batch as Parquet files in the folder, durable, each with its SHA-256; none for a batch without rows.

    Raises:
        BatchUnreadable: the batch is not what was checked.
        StorageError: it doesn't fit into the table, or rows are missing.
    """
    columns = table.schema().as_arrow()
    mapped = table.name_mapping() in (None, table.schema().name_mapping)
    if request.files and mapped and all(copyable(columns, _file_schema(file)) for file in request.files):
        parts = _copied(request, staged, files)
    else:
        part = staged / "part-00000.parquet"
        with files.step("write parquet", part):
            export(request.batch, part, Fitted(columns, exported_schema(request.batch)))
        files.sync_file(part)
        parts = [(part, file_sha256(part)[1])]
    rows = sum(written_rows(part) for part, _ in parts)
    if rows != request.rows:
        raise StorageError(f"{rows} rows were staged where {request.rows} were checked: nothing was committed")
    if request.verify is not None:
        request.verify()
    return parts if rows else []


def publish(parts: list[tuple[Path, str]], folder: Path, content_sha256: str, files: LocalFiles) -> list[Path]:
    """Give the staged files names that no other bytes can have; durable afterwards. They are never deleted."""
    paths = []
    if parts:
        files.make_folder(folder)
    for number, (part, sha256) in enumerate(parts):
        path = folder / f"{content_sha256}-{number:05}-{sha256[:_NAME]}.parquet"
        try:
            files.link(part, path)
        except FileExistsError:  # another attempt's: the same bytes
            if file_sha256(path)[1] != sha256:
                raise StorageError(f"{path} is not what it was written as", hint="see to the disk, and move it away") from None
        paths.append(path)
    if parts:
        files.sync_folder(folder)
    return paths


def _copied(request: CommitRequest, staged: Path, files: LocalFiles) -> list[tuple[Path, str]]:
    """Copy the batch's own files, and hold what was copied against what was checked."""
    parts, sums = [], []
    for number, source in enumerate(request.files):
        part = staged / f"part-{number:05}.parquet"
        try:
            sums.append(files.copy(source, part))
        except OSError as error:
            if error.filename != str(source):
                raise
            raise BatchUnreadable(f"{source} was there for the checks, and can't be read now: {error.strerror}") from error
        parts.append((part, sums[-1][1]))
    if combined_sha256(sums) != request.content_sha256:
        raise BatchUnreadable(
            f"the files of batch {request.batch_id!r} changed after they were checked: nothing was committed",
            hint="hand in files that nobody writes to any more",
        )
    return parts


def _file_schema(file: Path) -> Any:
    """The columns of one of the batch's Parquet files.

    Raises:
        BatchUnreadable: it is none, or gone.
    """
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    try:
        return read_schema(file)
    except (ArrowException, OSError) as error:
        raise BatchUnreadable(f"{file} can't be read as Parquet: {str(error).partition(chr(10))[0]}") from error
