"""A Parquet dataset in an S3 bucket: each batch is one object, whose creation is its commit.

    <path>/batch=<batch_id>/part-00000.parquet            the rows; its metadata says which batch it is
    <path>/batch=<batch_id>/_sluicegate-<attempt>.json    the same in full, and contract and verdict

A batch that is one Parquet file goes up byte by byte; any other is written anew, as one file. So there is one protocol, and a reader
that globs sees each batch whole or not at all: all is uploaded first, unseen, and one request with ``If-None-Match: *`` decides who
commits. It is sent once; when its answer is lost, this looks whose object is there. What was committed is read back before it is
acknowledged. ``path`` may name ``{tenant}`` and ``{dataset}``; without them it is the place of one tenant's dataset, and others are refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sluicegate.errors import BatchUnreadable, CommitStateUnknown, ConfigError, StorageError
from sluicegate.ports.fingerprint import file_sha256, files_sha256
from sluicegate.ports.recovery import Recovered
from sluicegate.ports.target import CommitReceipt, CommitRequest
from sluicegate_adapters.local_files import LocalFiles, absolute, storage_errors
from sluicegate_adapters.s3.answers import Answer
from sluicegate_adapters.s3.creation import Creation, gave_up, state_unknown
from sluicegate_adapters.s3.errors import code_of
from sluicegate_adapters.s3.objects import ATTEMPTS, Bucket, Step
from sluicegate_adapters.s3.probe import refuse_without_conditions
from sluicegate_adapters.s3.settings import KNOWN_SETTINGS, read_bucket_settings
from sluicegate_adapters.targets._export import count_rows, export, written_rows
from sluicegate_adapters.targets._parquet_keys import Keys
from sluicegate_adapters.targets._parquet_leavings import leavings
from sluicegate_adapters.targets._staging import Staging

__all__ = ["S3ParquetTarget"]

_STAGING = ".sluicegate/staging"
_SIGN = "sluicegate-"


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    """What a batch's object says of itself."""

    identity: str
    of: str
    content_sha256: str
    sha256: str
    bytes: int
    rows: int
    attempt: str

    @classmethod
    def read(cls, metadata: Mapping[str, str], length: int, key: str) -> _There:
        found: dict[str, Any] = {name: metadata.get(f"{_SIGN}{name.replace('_', '-')}", "") for name in cls.__dataclass_fields__}
        if not all(found.values()):
            raise StorageError(f"{key} exists, but sluicegate did not write it", hint="move it out of the dataset")
        try:
            there = cls(**{**found, "bytes": int(found["bytes"]), "rows": int(found["rows"])})
        except ValueError as error:
            raise StorageError(f"{key}: its metadata is damaged", hint="move it out of the dataset") from error
        if there.bytes != length:
            raise StorageError(f"{key} is damaged: {length} bytes where {there.bytes} were committed", hint="restore it")
        return there

    def as_metadata(self) -> dict[str, str]:
        return {f"{_SIGN}{name.replace('_', '-')}": str(getattr(self, name)) for name in self.__dataclass_fields__}


class S3ParquetTarget:
    """A target that many machines share. Safe to share between threads.

    Args:
        settings: ``path`` (``s3://bucket/prefix/{tenant}/{dataset}``), ``scratch`` and how to talk to the server.
        base: where a relative ``scratch`` starts.
        step: what goes around each request and each operation on the disk, for tests that break them.

    Raises:
        ConfigError: a setting is unknown or can't be used.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path, *, step: Step | None = None) -> None:
        known = KNOWN_SETTINGS - {"bucket"} | {"path", "scratch"}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise ConfigError(
                f"target parquet in a bucket: unknown setting {unknown[0]!r}", hint=f"known: {', '.join(sorted(known))}"
            )
        scratch = settings.get("scratch", _STAGING)
        if not isinstance(scratch, str) or not scratch:
            raise ConfigError(f"target.scratch must be a path, not {scratch!r}")
        self._keys = Keys(settings["path"])
        self._files = LocalFiles(step) if step else LocalFiles()
        self._scratch = absolute(base, scratch)
        self._staging = Staging(self._scratch, self._files)
        chosen = read_bucket_settings({**settings, "bucket": self._keys.bucket}, base, where="target")
        self._bucket = Bucket(chosen, step=step) if step else Bucket(chosen)
        self._probed = False
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Try out whether the server can be written to and keeps the conditions that a commit stands on; once for this target.

        Raises:
            StorageError: it can't be used, or doesn't; says what to do.
        """
        with self._lock:
            if not self._probed:
                refuse_without_conditions(self._bucket, self._keys.root, replaces=False, completes=True)
                self._probed = True

    def commit(self, request: CommitRequest) -> CommitReceipt:
        """Create the batch's object, or find that it is there already; see ``ports.target.Target``."""
        key = self._keys.data(request.tenant, request.dataset, request.batch_id)
        if there := self._look(key):
            return self._settle(request, key, there, attempt="")
        self.probe()
        self._refuse_a_second_dataset(request, key)
        with storage_errors(f"batch {request.batch_id!r} can't be staged"), self._content(request) as (source, length, sha256):
            attempt = uuid.uuid4().hex
            mine = _There(
                identity=_digest(request.tenant, request.dataset, request.batch_id),
                of=_digest(request.tenant, request.dataset),
                content_sha256=request.content_sha256,
                sha256=sha256,
                bytes=length,
                rows=request.rows,
                attempt=attempt,
            )
            return self._create(request, key, source, mine)

    def find(self, batch_id: str, *, dataset: str, tenant: str = "default") -> CommitReceipt | None:
        """What is there under this batch_id; see ``ports.target.Target``."""
        key = self._keys.data(tenant, dataset, batch_id)
        there = self._look(key)
        if there is None or there.identity != _digest(tenant, dataset, batch_id):
            return None
        return self._receipt(key, there, already_there=True)

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:
        """Uploads that nobody completes, what attempts left that did not commit, and staging folders; see ``ports.recovery.Recoverable``."""
        yield from self._staging.recover(dry_run=dry_run)
        yield from leavings(self._bucket, self._keys, self._look_at_attempt, older_than=older_than, dry_run=dry_run)

    @contextmanager
    def _content(self, request: CommitRequest) -> Iterator[tuple[Path, int, str]]:
        """The batch as one Parquet file, its length and SHA-256: its own file where that is one, else written anew."""
        if len(request.files) == 1:
            source = request.files[0]
            with _batch_there():
                length = source.stat().st_size
            _expect_rows(request, count_rows(request.batch, request.files))
            yield source, length, request.content_sha256
            return
        with self._staging.attempt() as staged:
            part = staged / "part-00000.parquet"
            with self._files.step("write parquet", part):
                export(request.batch, part)
            with _batch_there():
                if request.files and files_sha256(request.files) != request.content_sha256:
                    raise _changed(request)
            _expect_rows(request, written_rows(part))
            yield part, *file_sha256(part)

    def _create(self, request: CommitRequest, key: str, source: Path, mine: _There) -> CommitReceipt:
        """Send all, and let one conditional request decide; whatever comes of it, nothing that can't count any more stays."""
        creation = Creation(self._bucket, key, mine.as_metadata())
        try:
            return self._decide(request, key, source, mine, creation)
        except BaseException as error:
            with contextlib.suppress(StorageError):
                creation.give_up()
                if not isinstance(error, CommitStateUnknown):  # else it may yet appear
                    self._bucket.delete([self._keys.facts(key, mine.attempt)])
            cleared = code_of(error.__cause__) == "NoSuchUpload"  # by who was quicker, perhaps
            if cleared and not isinstance(error, CommitStateUnknown) and (there := self._look(key)):
                return self._settle(request, key, there, attempt=mine.attempt)
            raise

    def _decide(self, request: CommitRequest, key: str, source: Path, mine: _There, creation: Creation) -> CommitReceipt:
        last, unsure = Answer(written=False), False
        what = f"whether batch {request.batch_id!r} is committed"
        for attempt in range(ATTEMPTS):
            with state_unknown(what, last, unsure=unsure):
                if attempt:
                    self._bucket.wait(attempt)
                self._make_ready(request, key, source, mine, creation)
                last = creation.decide()
            if last.written:
                return self._acknowledge(key, mine, already_there=False)
            unsure = unsure or last.unsure
            with state_unknown(what, last, unsure=unsure):
                if there := self._look(key):
                    with contextlib.suppress(StorageError):
                        creation.give_up()
                    return self._settle(request, key, there, attempt=mine.attempt)
                if not last.unsure:  # the upload may be spoilt: S3 wants it anew after a 409
                    creation.give_up()
        raise gave_up(f"batch {request.batch_id!r} is not committed", last, unsure=unsure)

    def _make_ready(self, request: CommitRequest, key: str, source: Path, mine: _There, creation: Creation) -> None:
        """All that comes before the request that decides; nothing is visible yet."""
        if not creation.sent:
            with _batch_there() if request.files else contextlib.nullcontext():
                sent = creation.send(source)
            if sent != (mine.bytes, mine.sha256):
                raise _changed(request) if request.files else StorageError(f"{source} changed while it was uploaded")
            self._bucket.write(self._keys.facts(key, mine.attempt), _facts(request, mine))
        if request.verify is not None:
            request.verify()

    def _look(self, key: str) -> _There | None:
        head = self._bucket.head(key)
        return None if head is None else _There.read(head.metadata, head.bytes, self._keys.url(key))

    def _look_at_attempt(self, key: str) -> str | None:
        """Which attempt committed what is there."""
        there = self._look(key)
        return there.attempt if there else None

    def _settle(self, request: CommitRequest, key: str, there: _There, *, attempt: str) -> CommitReceipt:
        """The batch_id is taken: by the same content, or by other."""
        if there.identity != _digest(request.tenant, request.dataset, request.batch_id):
            raise StorageError(
                f"{self._keys.url(key)} belongs to a batch of another dataset or tenant",
                hint="give target.path the placeholders {tenant} and {dataset}",
            )
        if there.content_sha256 != request.content_sha256:
            raise request.conflict(self._keys.url(key))
        return self._acknowledge(key, there, already_there=there.attempt != attempt)

    def _acknowledge(self, key: str, there: _There, *, already_there: bool) -> CommitReceipt:
        """Read back what was committed, whoever did it, and only then say so; what other attempts left goes."""
        with state_unknown(f"whether {self._keys.url(key)}, which is committed, can be read", Answer(written=True), unsure=True):
            read = [self._bucket.fetch(key)]
            if read[-1] != (there.bytes, there.sha256):  # once more: the network may have done that
                read.append(self._bucket.fetch(key))
        if read[-1] != (there.bytes, there.sha256):
            raise CommitStateUnknown(
                f"{self._keys.url(key)} is committed, but what is read back is not what was uploaded",
                hint="see to the server's disks; then remove the object, and run it again",
            )
        with contextlib.suppress(StorageError):  # leftovers cost space, nothing else
            self._bucket.abort_uploads(key)
            kept = self._keys.facts(key, there.attempt)
            self._bucket.delete([found for found in self._bucket.keys(self._keys.facts(key)) if found != kept])
        return self._receipt(key, there, already_there=already_there)

    def _receipt(self, key: str, there: _There, *, already_there: bool) -> CommitReceipt:
        return CommitReceipt(
            location=self._keys.url(key), rows=there.rows, content_sha256=there.content_sha256, already_there=already_there
        )

    def _refuse_a_second_dataset(self, request: CommitRequest, key: str) -> None:
        """Where the path doesn't tell tenants and datasets apart, one batch that is there tells whose place it is."""
        if self._keys.by_dataset:
            return
        neighbour = next(
            (found.key for found in self._bucket.objects(self._keys.batches(key)) if self._keys.is_data(found.key)), None
        )
        there = self._look(neighbour) if neighbour else None
        if there is not None and there.of != _digest(request.tenant, request.dataset):
            raise ConfigError(
                f"{self._keys.url(self._keys.batches(key))} holds another dataset than {request.dataset!r}, or another tenant's",
                hint="give target.path the placeholders {tenant} and {dataset}",
            )


def _digest(*names: str) -> str:
    return hashlib.sha256(json.dumps(names).encode("ascii")).hexdigest()


def _facts(request: CommitRequest, mine: _There) -> bytes:
    document = {
        "schema_version": 1,
        "tenant": request.tenant,
        "dataset": request.dataset,
        "batch_id": request.batch_id,
        "content_sha256": mine.content_sha256,
        "rows": mine.rows,
        "attempt": mine.attempt,
        "properties": dict(request.properties),
        "original": [request.original(file) for file in request.files],
        "bytes": mine.bytes,
        "sha256": mine.sha256,
    }
    return json.dumps(document, indent=2, sort_keys=True).encode()


@contextmanager
def _batch_there() -> Iterator[None]:
    """A batch's own file that is gone is the batch's fault, not the storage's."""
    try:
        yield
    except OSError as error:
        raise BatchUnreadable(f"{error.filename} was there for the checks, and can't be read now: {error.strerror}") from error


def _changed(request: CommitRequest) -> BatchUnreadable:
    return BatchUnreadable(
        f"the files of batch {request.batch_id!r} changed after they were checked: nothing was committed",
        hint="hand in files that nobody writes to any more",
    )


def _expect_rows(request: CommitRequest, rows: int) -> None:
    if rows != request.rows:
        raise StorageError(f"{rows} rows were staged where {request.rows} were checked: nothing was committed")
