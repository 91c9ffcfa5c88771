"""A quarantine store in an S3 bucket: an item exists from the moment that its manifest does.

    <prefix>/<quarantine_id>/manifest.json       all that is known; the last thing written
    <prefix>/<quarantine_id>/data/<attempt>/…    the batch's files, numbered

Each attempt to put an item uploads under keys of its own, reads them back, and then creates the manifest on the condition that there
is none; the server decides. What losers and dead processes uploaded is removed by who finds a manifest there. Two things
are asked of the server, and tried out before the first write: PutObject with ``If-None-Match: *`` and with ``If-Match``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sluicegate.errors import BatchUnreadable, ConfigError, NoSuchItem, StorageError, TransientStorageError, UsageError
from sluicegate.ports.fingerprint import combined_sha256, file_sha256
from sluicegate.ports.names import is_safe_id
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, QuarantineStatus, StoredFile
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import absolute, storage_errors
from sluicegate_adapters.quarantine.rules import (
    IDENTITY,
    attempts,
    check_identity,
    expiry,
    name_of_copy,
    read_retention,
    refuse_rewriting,
)
from sluicegate_adapters.quarantine.s3_downloads import Downloads
from sluicegate_adapters.quarantine.s3_layout import DEFAULT_PREFIX, MANIFEST, Layout
from sluicegate_adapters.quarantine.s3_leavings import leavings
from sluicegate_adapters.s3.answers import Answer
from sluicegate_adapters.s3.creation import gave_up, state_unknown
from sluicegate_adapters.s3.errors import is_missing_key
from sluicegate_adapters.s3.objects import ATTEMPTS, Bucket, Step
from sluicegate_adapters.s3.probe import refuse_without_conditions
from sluicegate_adapters.s3.settings import KNOWN_SETTINGS, read_bucket_settings

__all__ = ["S3QuarantineStore"]

_OWN_SETTINGS = {"prefix", "retention_days", "scratch"}
_READERS = 8
_RESTORE = "run the very batch again, which keeps it again; or restore it from a backup, or replay a repaired file"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A manifest as it was read.

    Attributes:
        nonces: of all revisions so far: tells a write of ours whose answer was lost, even when others have written since.
    """

    manifest: Manifest
    nonces: tuple[str, ...]
    etag: str


class S3QuarantineStore:
    """A store that many machines share. Safe to share between threads.

    Args:
        settings: ``bucket``, ``prefix``, ``retention_days``, ``scratch`` and how to talk to the server: ``docs/configuration.md``.
        base: where a relative ``scratch`` starts.
        step: what goes around each request, for tests that break them.

    Raises:
        ConfigError: a setting is unknown or can't be used.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path, *, step: Step | None = None) -> None:
        known = KNOWN_SETTINGS | _OWN_SETTINGS
        unknown = sorted(set(settings) - known)
        if unknown:
            raise ConfigError(f"quarantine s3: unknown setting {unknown[0]!r}", hint=f"known: {', '.join(sorted(known))}")
        scratch = settings.get("scratch")
        if scratch is not None and (not isinstance(scratch, str) or not scratch):
            raise ConfigError(f"quarantine.scratch must be a path, not {scratch!r}")
        chosen = read_bucket_settings(settings, base, where="quarantine")
        self._layout = Layout(settings.get("prefix", DEFAULT_PREFIX))
        self._retention = read_retention(settings.get("retention_days"))
        self._bucket = Bucket(chosen, step=step) if step else Bucket(chosen)
        self._downloads = Downloads(absolute(base, scratch) if scratch else None)
        self._probed = False
        self._lock = threading.Lock()

    def probe(self) -> None:
        """Try out whether the server can be written to and keeps conditions; once for this store.

        Raises:
            StorageError: it can't be used, or doesn't; says what to do.
        """
        with self._lock:
            if not self._probed:
                refuse_without_conditions(self._bucket, self._layout.root)
                self._probed = True

    def put(self, request: QuarantineRequest) -> Manifest:
        """Keep the batch; see ``ports.quarantine.QuarantineStore``."""
        wanted = request.manifest
        if not is_safe_id(wanted.quarantine_id):
            raise UsageError(f"{wanted.quarantine_id!r} is no quarantine ID")
        item = self._layout.item(wanted.tenant, wanted.dataset, wanted.quarantine_id)
        seen = self._read(item) or self._keep(item, request)
        return self._acknowledge(item, seen, request)

    def confirm(self, manifest: Manifest) -> None:
        """Look whether the item's files are there; see ``ports.quarantine.Confirming``."""
        item = self._layout.item(manifest.tenant, manifest.dataset, manifest.quarantine_id)
        there = {found.key: found.bytes for found in self._bucket.objects(f"{item}data/")}
        for stored in manifest.files:
            if there.get(f"{item}{stored.path}") != stored.bytes:
                raise StorageError(f"{item}{stored.path} is not what was quarantined", hint=_RESTORE)

    def where(self, quarantine_id: str, *, tenant: str, dataset: str) -> str:
        """The item's prefix; see ``ports.quarantine.Locating``."""
        return f"s3://{self._bucket.settings.bucket}/{self._layout.item(tenant, dataset, quarantine_id)}"

    def get(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Manifest:
        """The item of this ID; see ``ports.quarantine.QuarantineStore``."""
        if is_safe_id(quarantine_id):
            if tenant is not None and dataset is not None:
                items = [self._layout.item(tenant, dataset, quarantine_id)]
            else:
                items = [f"{place}{quarantine_id}/" for place in self._layout.places(self._bucket)]
            for found in self._read_all(items):
                if isinstance(found, StorageError):
                    raise found
                if found is not None:
                    return found.manifest
        raise _nothing(quarantine_id)

    def list(self) -> Iterable[Manifest]:
        """Every item, newest first; those that can't be read are named at the end.

        Raises:
            StorageError: the bucket can't be asked; or, after all the others, there are damaged manifests.
        """
        found = [*self._read_all([*self._layout.items(self._bucket)])]
        damaged = [error for error in found if isinstance(error, StorageError)]
        manifests = [seen.manifest for seen in found if isinstance(seen, _Seen)]
        yield from sorted(manifests, key=lambda manifest: (manifest.created_at, manifest.quarantine_id), reverse=True)
        if damaged:
            raise StorageError("\n".join(error.message for error in damaged), hint=damaged[0].hint)

    def swap(self, old: Manifest, new: Manifest) -> Manifest:
        """Replace the manifest if it is still ``old``; see ``ports.quarantine.QuarantineStore``.

        Raises:
            CommitStateUnknown: the answers were lost, and the server can't be asked what became of it.
        """
        refuse_rewriting(old, new)
        item = self._layout.item(old.tenant, old.dataset, old.quarantine_id)
        last = Answer(written=False)
        unsure = False
        for attempt in range(ATTEMPTS + 1):
            with state_unknown(f"whether {old.quarantine_id} is {new.status} now", last, unsure=unsure):
                seen = self._read(item)
            if seen is None:
                raise _nothing(old.quarantine_id)
            current = seen.manifest
            if (current.rev, current.nonce) == (new.rev, new.nonce) or (unsure and new.nonce in seen.nonces):
                return new  # this very swap, whose answer was lost; others may have come after it
            if (current.rev, current.nonce) != (old.rev, old.nonce):
                raise TransientStorageError(
                    f"{old.quarantine_id} was changed by somebody else (revision {current.rev}, {current.status})",
                    hint="look at it again, then decide again",
                )
            if attempt == ATTEMPTS:
                break
            if attempt:
                self._bucket.wait(attempt)
            self.probe()
            with state_unknown(f"whether {old.quarantine_id} is {new.status} now", last, unsure=unsure):
                last = self._bucket.put_if(f"{item}{MANIFEST}", _body(new, (*seen.nonces, new.nonce)), etag=seen.etag)
            if last.written:
                return new
            unsure = unsure or last.unsure
        raise gave_up(f"{old.quarantine_id} is not {new.status}", last, unsure=unsure)

    def data_files(self, manifest: Manifest) -> tuple[Path, ...]:
        """The item's files, downloaded anew and held against their checksums; removed when they are given back, or the process ends.

        Raises:
            UsageError: there is no such item.
            StorageError: a file is gone, or not what it was; or there is no room for it here.
        """
        item = self._layout.item(manifest.tenant, manifest.dataset, manifest.quarantine_id)
        if self._read(item) is None:
            raise _nothing(manifest.quarantine_id)
        with storage_errors(f"the data of {manifest.quarantine_id} can't be downloaded"):
            folder = self._downloads.folder(manifest.quarantine_id)
            try:
                return tuple(self._download(item, stored, folder) for stored in manifest.files)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def give_back(self, files: Sequence[Path]) -> None:
        """Remove what was downloaded; see ``ports.quarantine.Lending``."""
        self._downloads.give_back(files)

    def remove_data(self, manifest: Manifest) -> None:
        """Remove the bytes of an item that is a tombstone; the tombstone stays. Safe to repeat, also after a crash.

        Raises:
            UsageError: there is no such item, or it isn't ``deleted``: nothing was removed.
            StorageError: not all could be removed.
        """
        item = self._layout.item(manifest.tenant, manifest.dataset, manifest.quarantine_id)
        seen = self._read(item)
        if seen is None:
            raise _nothing(manifest.quarantine_id)
        if seen.manifest.status is not QuarantineStatus.DELETED:
            raise UsageError(f"{manifest.quarantine_id} is {seen.manifest.status}: only a tombstone's data is removed")
        self._clear(f"{item}data/")

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:
        """Uploads that nobody completes, data that no manifest names, downloads of the dead; see ``ports.recovery.Recoverable``."""

        def named(item: str) -> frozenset[str]:
            seen = self._read(item)
            return attempts(seen.manifest) if seen else frozenset()

        yield from leavings(self._bucket, self._layout, named, older_than=older_than, dry_run=dry_run)
        yield from self._downloads.leavings(older_than=older_than, dry_run=dry_run)

    def _download(self, item: str, stored: StoredFile, folder: Path) -> Path:
        parts = PurePosixPath(stored.path).parts
        if ".." in parts or parts[:1] != ("data",):
            raise StorageError(f"{item}{MANIFEST} names a file outside of its item: {stored.path!r}")
        part = folder / f"{parts[-1]}.{uuid.uuid4().hex}"
        try:
            self._verify(item, stored, part)
            return part.replace(folder / parts[-1])
        finally:
            part.unlink(missing_ok=True)

    def _verify(self, item: str, stored: StoredFile, target: Path | None) -> None:
        """Read a file of an item, into a local one or nowhere, and hold it against its checksum."""
        try:
            found = self._bucket.fetch(f"{item}{stored.path}", target)
        except StorageError as error:
            if is_missing_key(error.__cause__):
                raise StorageError(f"{item}{stored.path} is gone", hint=_RESTORE) from error
            raise
        if found != (stored.bytes, stored.sha256):
            raise StorageError(f"{item}{stored.path} is not what was quarantined", hint=_RESTORE)

    def _keep(self, item: str, request: QuarantineRequest) -> _Seen:
        """Data first, then the manifest; afterwards the item exists."""
        self.probe()
        attempt = f"data/{uuid.uuid4().hex[:12]}/"
        try:
            stored = tuple(self._upload(item, attempt, request))
        except BaseException as error:
            with contextlib.suppress(StorageError):
                if isinstance(error, StorageError) and (other := self._read(item)):
                    return other  # somebody else was quicker, and has cleared away what we were writing
                self._clear(f"{item}{attempt}")
            raise
        manifest = replace(request.manifest, files=stored, expires_at=expiry(request, self._retention))
        return self._create(item, manifest)

    def _upload(self, item: str, attempt: str, request: QuarantineRequest) -> Iterator[StoredFile]:
        """Upload the batch's files, read each back, and verify the whole."""
        sums = []
        for number, source in enumerate(request.files):
            path = f"{attempt}{name_of_copy(number, source.name)}"
            with _batch_there(), source.open("rb") as file:
                written = self._bucket.upload(f"{item}{path}", file, source.stat().st_size)
            if self._bucket.fetch(f"{item}{path}") != written:
                raise StorageError(
                    f"{item}{path} is not what was uploaded", hint="see to the server's disks; nothing was quarantined"
                )
            sums.append(written)
            yield StoredFile(path=path, original=request.original(source), bytes=written[0], sha256=written[1])
        if request.fingerprinted and combined_sha256(sums) != request.manifest.content_sha256:
            raise BatchUnreadable(
                f"the files of batch {request.manifest.batch_id!r} changed after they were checked: they were not quarantined",
                hint="hand in files that nobody writes to any more",
            )

    def _create(self, item: str, manifest: Manifest) -> _Seen:
        """Create the manifest, if there is none; the one that is there then. What was uploaded for it stays: it may yet appear."""
        body, last, unsure = _body(manifest, (manifest.nonce,)), Answer(written=False), False
        for attempt in range(ATTEMPTS):
            if attempt:
                self._bucket.wait(attempt)
            with state_unknown(f"whether {manifest.quarantine_id} is kept", last, unsure=unsure):
                last = self._bucket.put_if(f"{item}{MANIFEST}", body, etag=None)
            if last.written:
                return _seen(body, "")
            unsure = unsure or last.unsure
            with state_unknown(f"whether {manifest.quarantine_id} is kept", last, unsure=unsure):
                if seen := self._read(item):
                    return seen
        raise gave_up(f"{manifest.quarantine_id} is not kept", last, unsure=unsure)

    def _acknowledge(self, item: str, seen: _Seen, request: QuarantineRequest) -> Manifest:
        """The manifest that is there, whoever wrote it, with all its data; other attempts' uploads go."""
        for name in IDENTITY:
            if getattr(seen.manifest, name) != getattr(request.manifest, name):
                raise StorageError(f"{item} holds another item: its {name} differs", hint="move it away")
        if seen.manifest.status is QuarantineStatus.DELETED:
            return seen.manifest
        kept = attempts(seen.manifest)
        with state_unknown(
            f"whether {seen.manifest.quarantine_id}, which is kept, has its data", Answer(written=True), unsure=True
        ):
            listed = {found.key: found.bytes for found in self._bucket.objects(f"{item}data/")}
        for number, stored in enumerate(seen.manifest.files):
            if listed.get(f"{item}{stored.path}") != stored.bytes:
                self._mend(item, stored, request.files[number : number + 1])
        with contextlib.suppress(StorageError):  # leftovers cost space, nothing else
            self._clear(f"{item}data/", listed, kept=kept)
        return seen.manifest

    def _mend(self, item: str, stored: StoredFile, source: Sequence[Path]) -> None:
        """Upload a file again that is gone: whoever hands the batch in may throw it away on the strength of our answer.

        A worker that stalls before its manifest for so long that ``recover`` takes it for dead finds its data removed.
        """
        with _batch_there():
            if not source or file_sha256(source[0]) != (stored.bytes, stored.sha256):
                raise StorageError(f"{item}{stored.path} is gone", hint=_RESTORE)
            with source[0].open("rb") as file:
                written = self._bucket.upload(f"{item}{stored.path}", file, stored.bytes)
        if written != (stored.bytes, stored.sha256) or self._bucket.fetch(f"{item}{stored.path}") != written:
            raise StorageError(
                f"{item}{stored.path} is not what was uploaded", hint="see to the server's disks, then run it again"
            )

    def _clear(self, prefix: str, keys: Iterable[str] | None = None, *, kept: Iterable[str] = ()) -> None:
        """Remove what lies under a prefix, but for these attempts; uploads that were begun there are given up."""
        self._bucket.abort_uploads(prefix)
        stays = tuple(f"{prefix}{attempt}/" for attempt in kept)
        found = self._bucket.keys(prefix) if keys is None else keys
        self._bucket.delete([key for key in found if not key.startswith(stays)])

    def _read(self, item: str) -> _Seen | None:
        """The manifest of an item, held against where it lies; None if there is no item."""
        stored = self._bucket.read(f"{item}{MANIFEST}")
        if stored is None:
            return None
        try:
            seen = _seen(stored.body, stored.etag)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                f"{item}{MANIFEST} is damaged ({error})", hint="restore it from a backup; its data is beside it"
            ) from error
        self._layout.check(item, seen.manifest)
        return seen

    def _read_all(self, items: Iterable[str]) -> Iterable[_Seen | StorageError | None]:
        """The manifests of many items, several at a time; one that is damaged is an answer, a server that is away is not."""
        from concurrent.futures import ThreadPoolExecutor

        def one(item: str) -> _Seen | StorageError | None:
            try:
                return self._read(item)
            except TransientStorageError:
                raise
            except StorageError as error:
                return error

        with ThreadPoolExecutor(_READERS, thread_name_prefix="quarantine") as readers:
            return [*readers.map(one, items)]


def _body(manifest: Manifest, nonces: Iterable[str]) -> bytes:
    return json.dumps({**manifest.as_json(), "nonces": [*nonces]}, indent=2, default=str).encode()


@contextlib.contextmanager
def _batch_there() -> Iterator[None]:
    """A batch's own file that is gone is the batch's fault, not the storage's."""
    try:
        yield
    except OSError as error:
        raise BatchUnreadable(f"{error.filename} was there for the checks, and can't be read now: {error.strerror}") from error


def _seen(body: bytes, etag: str) -> _Seen:
    document = json.loads(body)
    manifest = Manifest.from_json(document)
    check_identity(manifest)
    return _Seen(manifest, tuple(document.get("nonces", ())), etag)


def _nothing(quarantine_id: str) -> NoSuchItem:
    return NoSuchItem(f"nothing is quarantined as {quarantine_id!r}", hint="sluicegate quarantine list")
