"""A Parquet dataset on a local disk: each batch is one folder, which appears whole or not at all.

    <path>/batch=<batch_id>/part-00000.parquet …    the rows
    <path>/batch=<batch_id>/_sluicegate.json        what they are: fingerprint, rows, checksums, contract, verdict

A batch is staged beside the dataset, made durable, and published by renaming its folder onto ``batch=<batch_id>``: the rename
fails if that is there, and so decides who commits. ``path`` may name ``{tenant}`` and ``{dataset}``; without them it
is the place of one tenant's dataset, and others are refused.
"""

from __future__ import annotations

import glob
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sluicegate.errors import BatchUnreadable, CommitStateUnknown, ConfigError, StorageError
from sluicegate.ports.fingerprint import combined_sha256, file_sha256
from sluicegate.ports.names import segment
from sluicegate.ports.recovery import Recovered
from sluicegate.ports.target import CommitReceipt, CommitRequest, Target
from sluicegate_adapters.local_files import LocalFiles, Step, absolute, storage_errors
from sluicegate_adapters.targets._export import count_rows, export, written_rows
from sluicegate_adapters.targets._parquet_keys import SCHEME
from sluicegate_adapters.targets._staging import Staging

__all__ = ["DEFAULT_PATH", "ParquetTarget", "parquet_target"]

DEFAULT_PATH = ".sluicegate/data/{tenant}/{dataset}"
_RECEIPT = "_sluicegate.json"
_STAGING = ".sluicegate-staging"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_KNOWN_PLACEHOLDERS = {"{tenant}", "{dataset}"}


@dataclass(frozen=True, slots=True)
class _Published:
    """What ``_sluicegate.json`` says of a batch that is there."""

    tenant: str
    dataset: str
    batch_id: str
    content_sha256: str
    rows: int
    attempt: str


class ParquetTarget:
    """A target that needs nothing but a folder.

    Args:
        settings: ``path`` (default ``.sluicegate/data/{tenant}/{dataset}``); ``staging``, a folder on the same filesystem as
            the data (default: ``.sluicegate-staging`` beside the dataset's folder).
        base: where relative paths start.
        step: what goes around each operation on the disk, for tests that break them.

    Raises:
        ConfigError: a setting is unknown or can't be used.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path, *, step: Step | None = None) -> None:
        unknown = sorted(set(settings) - {"path", "staging"})
        if unknown:
            raise ConfigError(
                f"target parquet: unknown setting {unknown[0]!r}",
                hint="known: path, staging; with an s3:// path, how to reach the bucket",
            )
        self._path = _text(settings, "path", DEFAULT_PATH)
        self._staging = _text(settings, "staging", "")
        self._base = base
        self._files = LocalFiles(step) if step else LocalFiles()
        strange = sorted(set(_PLACEHOLDER.findall(self._path)) - _KNOWN_PLACEHOLDERS)
        if strange:
            raise ConfigError(f"target.path: unknown placeholder {strange[0]}", hint="known: {tenant}, {dataset}")

    def commit(self, request: CommitRequest) -> CommitReceipt:
        """Publish the batch, or find that it is published already; see ``ports.target.Target``."""
        final = self._batch_folder(request.tenant, request.dataset, request.batch_id)
        with storage_errors(f"the batch can't be written to {final.parent}"):
            published = _read(final)
            if published is None:
                self._refuse_a_second_dataset(request, final.parent)
                with self._staging_of(final.parent).attempt() as staged:
                    attempt = self._stage(request, staged)
                    return self._publish(request, staged, final, attempt)
            return self._settle(request, published, final, attempt="")

    def find(self, batch_id: str, *, dataset: str, tenant: str = "default") -> CommitReceipt | None:
        """What is published under this batch_id; see ``ports.target.Target``."""
        final = self._batch_folder(tenant, dataset, batch_id)
        with storage_errors(f"{final} can't be read"):
            published = _read(final)
        if published is None or (published.tenant, published.dataset, published.batch_id) != (tenant, dataset, batch_id):
            return None
        return CommitReceipt(
            location=str(final), rows=published.rows, content_sha256=published.content_sha256, already_there=True
        )

    def files(self, batch_id: str, *, dataset: str, tenant: str = "default") -> tuple[Path, ...]:
        """The batch's data files; see ``ports.target.Readable``."""
        found = self.find(batch_id, dataset=dataset, tenant=tenant)
        if found is None:
            return ()
        with storage_errors(f"{found.location} can't be read"):
            return tuple(sorted(Path(found.location).glob("part-*.parquet")))

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:  # noqa: ARG002 - locks tell, not ages
        """Staging folders whose owners are dead; see ``ports.recovery.Recoverable``."""
        for folder in self._staging_folders():
            yield from Staging(folder, self._files).recover(dry_run=dry_run)

    def _staging_folders(self) -> list[Path]:
        """Where batches of any tenant and dataset are staged."""
        if self._staging:
            return [absolute(self._base, self._staging)]
        root = str(absolute(self._base, self._path).parent / _STAGING)
        pattern = _PLACEHOLDER.sub("*", re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", root))
        return sorted(Path(found) for found in glob.glob(pattern, include_hidden=True))  # noqa: PTH207 - from an absolute pattern

    def _stage(self, request: CommitRequest, staged: Path) -> str:
        """Put the batch's files and its receipt into the folder, durably; the attempt's own name."""
        written = self._copy(request, staged) if request.files else self._write(request, staged)
        if request.verify is not None:
            request.verify()
        attempt = uuid.uuid4().hex
        document = {
            "schema_version": 1,
            "tenant": request.tenant,
            "dataset": request.dataset,
            "batch_id": request.batch_id,
            "content_sha256": request.content_sha256,
            "rows": request.rows,
            "attempt": attempt,
            "properties": dict(request.properties),
            "files": written,
        }
        self._files.write(staged / _RECEIPT, json.dumps(document, indent=2, sort_keys=True).encode())
        self._files.sync_folder(staged)
        return attempt

    def _copy(self, request: CommitRequest, staged: Path) -> list[dict[str, Any]]:
        """Copy the batch's own Parquet files, and hold what was copied against what was checked."""
        parts = [staged / f"part-{number:05}.parquet" for number in range(len(request.files))]
        sums = []
        for source, part in zip(request.files, parts, strict=True):
            try:
                sums.append(self._files.copy(source, part))
            except OSError as error:
                if error.filename != str(source):
                    raise
                raise BatchUnreadable(f"{source} was there for the checks, and can't be read now: {error.strerror}") from error
        if combined_sha256(sums) != request.content_sha256:
            raise BatchUnreadable(
                f"the files of batch {request.batch_id!r} changed after they were checked: nothing was committed",
                hint="hand in files that nobody writes to any more",
            )
        _expect_rows(request, count_rows(request.batch, request.files))  # the copies are these files, byte by byte
        return [
            {"path": part.name, "original": request.original(source), "bytes": length, "sha256": sha256}
            for source, part, (length, sha256) in zip(request.files, parts, sums, strict=True)
        ]

    def _write(self, request: CommitRequest, staged: Path) -> list[dict[str, Any]]:
        """Write the batch's rows as one Parquet file."""
        part = staged / "part-00000.parquet"
        with self._files.step("write parquet", part):
            export(request.batch, part)
        self._files.sync_file(part)
        _expect_rows(request, written_rows(part))
        length, sha256 = file_sha256(part)
        return [{"path": part.name, "original": "", "bytes": length, "sha256": sha256}]

    def _publish(self, request: CommitRequest, staged: Path, final: Path, attempt: str) -> CommitReceipt:
        self._files.make_folder(final.parent)
        try:
            self._files.publish_folder(staged, final)
        except OSError:  # somebody else was first, or the answer was lost: what is there tells
            published = _read(final)
            if published is None:
                raise
            return self._settle(request, published, final, attempt=attempt)
        return self._acknowledge(request, final, rows=request.rows, already_there=False)

    def _settle(self, request: CommitRequest, published: _Published, final: Path, *, attempt: str) -> CommitReceipt:
        """The batch_id is taken: by the same content, or by other."""
        if (published.tenant, published.dataset, published.batch_id) != (request.tenant, request.dataset, request.batch_id):
            raise StorageError(
                f"{final} belongs to batch {published.batch_id!r} of dataset {published.dataset!r}, tenant {published.tenant!r}",
                hint="give target.path the placeholders {tenant} and {dataset}",
            )
        if published.content_sha256 != request.content_sha256:
            raise request.conflict(str(final))
        return self._acknowledge(request, final, rows=published.rows, already_there=published.attempt != attempt)

    def _acknowledge(self, request: CommitRequest, final: Path, *, rows: int, already_there: bool) -> CommitReceipt:
        """Make the published name durable, whoever published it, and only then say so."""
        try:
            self._files.sync_folder(final.parent)
        except OSError as error:
            raise CommitStateUnknown(
                f"{final} is visible, but the disk did not confirm it: {error.strerror or error}",
                hint="see to the disk, then run it again: it will find the batch, and commit nothing twice",
            ) from error
        return CommitReceipt(location=str(final), rows=rows, content_sha256=request.content_sha256, already_there=already_there)

    def _batch_folder(self, tenant: str, dataset: str, batch_id: str) -> Path:
        text = self._path.replace("{tenant}", segment(tenant)).replace("{dataset}", segment(dataset))
        return absolute(self._base, text) / f"batch={segment(batch_id)}"

    def _staging_of(self, root: Path) -> Staging:
        chosen = absolute(self._base, self._staging) if self._staging else root.parent / _STAGING
        return Staging(chosen, self._files)

    def _refuse_a_second_dataset(self, request: CommitRequest, root: Path) -> None:
        """Where the path doesn't tell tenants and datasets apart, one batch that is there tells whose place it is."""
        if set(_PLACEHOLDER.findall(self._path)) == _KNOWN_PLACEHOLDERS or not root.is_dir():
            return
        neighbour = next((folder for folder in root.glob("batch=*") if (folder / _RECEIPT).exists()), None)
        published = _read(neighbour) if neighbour else None
        if published is not None and (published.tenant, published.dataset) != (request.tenant, request.dataset):
            raise ConfigError(
                f"{root} holds dataset {published.dataset!r} of tenant {published.tenant!r}, "
                f"not {request.dataset!r} of {request.tenant!r}",
                hint="give target.path the placeholders {tenant} and {dataset}",
            )


def parquet_target(settings: Mapping[str, Any], base: Path, *, step: Step | None = None) -> Target:
    """The target ``parquet``: in a bucket where ``path`` says ``s3://``, else on a local disk.

    Raises:
        ConfigError: a setting is unknown or can't be used.
    """
    if _text(settings, "path", DEFAULT_PATH).startswith(SCHEME):
        from sluicegate_adapters.targets.parquet_s3 import S3ParquetTarget

        return S3ParquetTarget(settings, base, step=step)
    return ParquetTarget(settings, base, step=step)


def _text(settings: Mapping[str, Any], key: str, default: str) -> str:
    value = settings.get(key, default)
    if not isinstance(value, str) or (not value and default):
        raise ConfigError(f"target.{key} must be a path, not {value!r}")
    return value


def _read(final: Path) -> _Published | None:
    """What is published in a batch's folder, or None if there is none."""
    try:
        document = json.loads((final / _RECEIPT).read_bytes())
        return _Published(**{name: document[name] for name in _Published.__dataclass_fields__})
    except FileNotFoundError as error:
        if not final.exists() or not any(final.iterdir()):
            return None
        raise StorageError(f"{final} exists, but sluicegate did not write it", hint="move it out of the dataset") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{final / _RECEIPT} is damaged", hint="restore it, or move the folder out of the dataset") from error


def _expect_rows(request: CommitRequest, rows: int) -> None:
    if rows != request.rows:
        raise StorageError(f"{rows} rows were staged where {request.rows} were checked: nothing was committed")
