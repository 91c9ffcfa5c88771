"""A batch as staged data files of an Iceberg table: its own Parquet files copied where they fit, else written anew, by partition."""

from __future__ import annotations

import re
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sluicegate.errors import BatchUnreadable, StorageError
from sluicegate.ports.fingerprint import combined_sha256, file_sha256, files_sha256
from sluicegate.ports.names import segment
from sluicegate.ports.target import CommitRequest
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.targets._export import export, exported_schema, opened_rows, written_rows
from sluicegate_adapters.targets._iceberg_evolve import Layout
from sluicegate_adapters.targets._iceberg_partition import Divider, Key, partition_path
from sluicegate_adapters.targets._iceberg_types import Fitted, copyable

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table.metadata import TableMetadata

__all__ = ["OURS", "Part", "batch_columns", "data_file", "stage"]

_NAME = 32
OURS = re.compile(r"(?:^|/)data/(?P<batch>[^/]+)/(?:[^/]+=[^/]*/)*(?P<content>[0-9a-f]{64})-\d{5}-[0-9a-f]{32}\.parquet$")
"""The paths that this target gives to data files."""
_OPEN_AT_MOST = 64
_PENDING_BYTES = 64 << 20
_PARTITIONS_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A staged data file.

    Attributes:
        path: where it is staged.
        sha256: of its bytes.
        name: where it belongs below the table's location; no other bytes can have that name.
        key: its partition.
    """

    path: Path
    sha256: str
    name: str
    key: Key


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


def stage(request: CommitRequest, layout: Layout, staged: Path, files: LocalFiles) -> list[Part]:
    """The batch as Parquet files in the folder, durable; none for a batch without rows.

    Raises:
        BatchUnreadable: the batch is not what was checked.
        StorageError: it doesn't fit into the table, or rows are missing.
    """
    columns = layout.columns
    flat = layout.spec.is_unpartitioned()
    if request.files and flat and layout.mapped and all(copyable(columns, _file_schema(file)) for file in request.files):
        written = _copied(request, staged, files)
    else:
        fitted = Fitted(columns, exported_schema(request.batch))
        with files.step("write parquet", staged):
            written = _written(request, staged, fitted) if flat else _divided(request, staged, fitted, layout)
        for path, _, _ in written:
            files.sync_file(path)
    rows = sum(written_rows(path) for path, _, _ in written)
    if rows != request.rows:
        raise StorageError(f"{rows} rows were staged where {request.rows} were checked: nothing was committed")
    if request.verify is not None:
        request.verify()
    elif request.files and not any(sha256 for _, sha256, _ in written):
        _expect_unchanged(request)
    return [_part(request, layout, number, found) for number, found in enumerate(written)] if rows else []


def data_file(part: Part, location: str, metadata: TableMetadata) -> DataFile:
    """What a snapshot says of a staged part that was published at a location: its partition, its figures, its bounds.

    Raises:
        StorageError: pyiceberg can't keep a column's bounds.
    """
    from pyarrow.parquet import read_metadata
    from pyiceberg.io.pyarrow import (
        compute_statistics_plan,
        data_file_statistics_from_parquet_metadata,
        parquet_path_to_id_mapping,
    )
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record

    schema = metadata.schema()
    footer = read_metadata(part.path)
    _refuse_unbounded(footer)
    figures = data_file_statistics_from_parquet_metadata(
        parquet_metadata=footer,
        stats_columns=compute_statistics_plan(schema, metadata.properties),
        parquet_column_mapping=parquet_path_to_id_mapping(schema),
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=Record(*part.key),
        file_size_in_bytes=part.path.stat().st_size,
        sort_order_id=None,
        spec_id=metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **figures.to_serialized_dict(),
    )


def _refuse_unbounded(footer: Any) -> None:
    for group in range(footer.num_row_groups):
        for number in range(footer.num_columns):
            column = footer.row_group(group).column(number)
            try:
                _ = column.statistics and column.statistics.has_min_max and (column.statistics.min, column.statistics.max)
            except (OverflowError, ValueError) as error:
                raise StorageError(
                    f"column {column.path_in_schema!r} has moments beyond the year 9999: pyiceberg can't keep their bounds",
                    hint="make them NULL, or text, where the batch is made",
                ) from error


def _part(request: CommitRequest, layout: Layout, number: int, found: tuple[Path, str, Key]) -> Part:
    path, sha256, key = found
    sha256 = sha256 or file_sha256(path)[1]
    folder = f"data/{segment(request.batch_id)}/{partition_path(layout.spec, layout.schema, key)}"
    return Part(path, sha256, f"{folder}{request.content_sha256}-{number:05}-{sha256[:_NAME]}.parquet", key)


def _written(request: CommitRequest, staged: Path, fitted: Fitted) -> list[tuple[Path, str, Key]]:
    part = staged / "part-00000.parquet"
    export(request.batch, part, fitted)
    return [(part, "", ())]


def _divided(request: CommitRequest, staged: Path, fitted: Fitted, layout: Layout) -> list[tuple[Path, str, Key]]:
    """One pass over the batch, one open file per partition, a bounded number of both rows in memory and files open."""
    divider = Divider(layout.spec, layout.schema)
    with opened_rows(request.batch, fitted) as (schema, rows), _Partitions(staged, schema) as partitions:
        for some in rows:
            for key, its in divider(some):
                partitions.add(key, its)
    return [(path, "", key) for path, key in partitions.written]


class _Partitions:
    """The files of a batch's partitions while they are written: rows wait in memory until they are worth a row group."""

    def __init__(self, folder: Path, schema: Any) -> None:
        self.written: list[tuple[Path, Key]] = []
        self._folder, self._schema = folder, schema
        self._waiting: dict[Key, list[Any]] = {}
        self._sizes: dict[Key, int] = {}
        self._open: OrderedDict[Key, ExitStack] = OrderedDict()
        self._writers: dict[Key, Any] = {}
        self._seen: set[Key] = set()
        self._total = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            for key in [] if kind else list(self._waiting):
                self._flush(key)
        finally:
            while self._open:
                self._close(next(iter(self._open)))

    def add(self, key: Key, rows: Any) -> None:
        """Rows of one partition.

        Raises:
            StorageError: the batch has too many partitions.
        """
        self._seen.add(key)
        if len(self._seen) > _PARTITIONS_AT_MOST:
            raise StorageError(
                f"the batch falls into more than {_PARTITIONS_AT_MOST} partitions of the table: nothing was committed",
                hint="partition by something coarser (day, bucket), or deliver smaller batches",
            )
        self._waiting.setdefault(key, []).append(rows)
        self._sizes[key] = self._sizes.get(key, 0) + rows.nbytes
        self._total += rows.nbytes
        if self._total > _PENDING_BYTES:
            for largest in sorted(self._sizes, key=self._sizes.__getitem__, reverse=True):
                self._flush(largest)
                if self._total <= _PENDING_BYTES // 2:
                    break

    def _flush(self, key: Key) -> None:
        import pyarrow as pa

        self._total -= self._sizes.pop(key)
        table = pa.Table.from_batches(self._waiting.pop(key), schema=self._schema)
        self._writer(key).write_table(table)

    def _writer(self, key: Key) -> Any:
        from pyarrow.parquet import ParquetWriter

        if key not in self._open:
            if len(self._open) >= _OPEN_AT_MOST:
                self._close(next(iter(self._open)))
            part = self._folder / f"part-{len(self.written):05}.parquet"
            with ExitStack() as stack:
                file = stack.enter_context(part.open("xb"))
                self._writers[key] = stack.enter_context(ParquetWriter(file, self._schema))
                self._open[key] = stack.pop_all()
            self.written.append((part, key))
        self._open.move_to_end(key)
        return self._writers[key]

    def _close(self, key: Key) -> None:
        del self._writers[key]
        self._open.pop(key).close()


def _copied(request: CommitRequest, staged: Path, files: LocalFiles) -> list[tuple[Path, str, Key]]:
    """Copy the batch's own files, and hold what was copied against what was checked."""
    parts: list[tuple[Path, str, Key]] = []
    sums = []
    for number, source in enumerate(request.files):
        part = staged / f"part-{number:05}.parquet"
        try:
            sums.append(files.copy(source, part))
        except OSError as error:
            if error.filename != str(source):
                raise
            raise BatchUnreadable(f"{source} was there for the checks, and can't be read now: {error.strerror}") from error
        parts.append((part, sums[-1][1], ()))
    _expect(request, combined_sha256(sums))
    return parts


def _expect_unchanged(request: CommitRequest) -> None:
    """Files that were read through the engine are read again for their checksum, where nobody else vouches for them."""
    try:
        found = files_sha256(request.files)
    except OSError as error:
        raise BatchUnreadable(f"{error.filename} was there for the checks, and can't be read now: {error.strerror}") from error
    _expect(request, found)


def _expect(request: CommitRequest, content_sha256: str) -> None:
    if content_sha256 != request.content_sha256:
        raise BatchUnreadable(
            f"the files of batch {request.batch_id!r} changed after they were checked: nothing was committed",
            hint="hand in files that nobody writes to any more",
        )


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
