"""A quarantine store in a local folder: an item exists from the moment that its manifest does.

    <path>/<tenant>/<dataset>/<quarantine_id>/manifest.json      all that is known; the last thing written
    <path>/<tenant>/<dataset>/<quarantine_id>/data/<attempt>/…   the batch's files, numbered
    <path>/<tenant>/<dataset>/<quarantine_id>/.lock              held while the item changes

Each attempt to put an item copies into a folder of its own and then links its manifest into place; the link decides, and what
losers and dead processes copied is removed by who finds a manifest there.
"""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sluicegate.errors import (
    BatchUnreadable,
    CommitStateUnknown,
    ConfigError,
    NoSuchItem,
    StorageError,
    TransientStorageError,
    UsageError,
)
from sluicegate.ports.fingerprint import combined_sha256, file_sha256
from sluicegate.ports.names import is_safe_id, segment
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, QuarantineStatus, StoredFile
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import LocalFiles, Step, absolute, storage_errors
from sluicegate_adapters.quarantine.local_leavings import leavings
from sluicegate_adapters.quarantine.rules import (
    IDENTITY,
    attempts,
    check_identity,
    expiry,
    name_of_copy,
    read_retention,
    refuse_rewriting,
)

__all__ = ["DEFAULT_PATH", "LocalQuarantineStore"]

DEFAULT_PATH = ".sluicegate/quarantine"
_MANIFEST = "manifest.json"
_LOCK = ".lock"
_RESTORE = "restore it from a backup, or replay a repaired file"


class LocalQuarantineStore:
    """A store that needs nothing but a folder.

    Args:
        settings: ``path`` (default ``.sluicegate/quarantine``); ``retention_days``, after which an item expires whose
            contract says nothing (default: never).
        base: where relative paths start.
        step: what goes around each operation on the disk, for tests that break them.

    Raises:
        ConfigError: a setting is unknown or can't be used.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path, *, step: Step | None = None) -> None:
        unknown = sorted(set(settings) - {"path", "retention_days"})
        if unknown:
            raise ConfigError(f"quarantine local: unknown setting {unknown[0]!r}", hint="known: path, retention_days")
        path, days = settings.get("path", DEFAULT_PATH), settings.get("retention_days")
        if not isinstance(path, str) or not path or "://" in path:
            raise ConfigError(f"quarantine.path must be a path, not {path!r}", hint="a bucket is quarantine type s3")
        self._root = absolute(base, path)
        self._retention = read_retention(days)
        self._files = LocalFiles(step) if step else LocalFiles()

    def put(self, request: QuarantineRequest) -> Manifest:
        """Keep the batch; see ``ports.quarantine.QuarantineStore``."""
        wanted = request.manifest
        item = self._item(wanted)
        with storage_errors(f"the batch can't be quarantined in {item}"):
            self._files.make_folder(item / "data")
            with self._files.lock(item / _LOCK):
                if not (item / _MANIFEST).exists():
                    self._write(item, request)
                return self._acknowledge(item, wanted)

    def get(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Manifest:
        """The item of this ID; see ``ports.quarantine.QuarantineStore``."""
        with storage_errors(f"{self._root} can't be read"):
            return _read(self._find(quarantine_id, tenant=tenant, dataset=dataset))

    def list(self) -> Iterable[Manifest]:
        """Every item, newest first; those that can't be read are named at the end.

        Raises:
            StorageError: after all the others, if there are damaged manifests, or folders that this user may not look into.
        """
        found: list[Manifest] = []
        items, barred = _below(self._root, None, None, None)
        damaged = [StorageError(f"{error.filename} can't be read: {error.strerror}") for error in barred]
        for item in items:
            try:
                with storage_errors(f"{item} can't be read"), contextlib.suppress(FileNotFoundError):  # no item as yet
                    found.append(_read(item / _MANIFEST))
            except StorageError as error:
                damaged.append(error)
        yield from sorted(found, key=lambda manifest: (manifest.created_at, manifest.quarantine_id), reverse=True)
        if damaged:
            raise StorageError("\n".join(error.message for error in damaged), hint=damaged[0].hint)

    def swap(self, old: Manifest, new: Manifest) -> Manifest:
        """Replace the manifest if it is still ``old``; see ``ports.quarantine.QuarantineStore``."""
        refuse_rewriting(old, new)
        with storage_errors(f"{old.quarantine_id} can't be changed"):
            path = self._find(old.quarantine_id)
            with self._files.lock(path.parent / _LOCK):
                current = _read(path)
                if (current.rev, current.nonce) == (new.rev, new.nonce):  # this very swap, whose answer was lost
                    self._confirm(path.parent)
                    return current
                if (current.rev, current.nonce) != (old.rev, old.nonce):
                    raise TransientStorageError(
                        f"{old.quarantine_id} was changed by somebody else (revision {current.rev}, {current.status})",
                        hint="look at it again, then decide again",
                    )
                with self._written(path.parent, new) as written:
                    self._files.replace(written, path)
                self._confirm(path.parent)
                return new

    def data_files(self, manifest: Manifest) -> tuple[Path, ...]:
        """Where the item's files are now, each held against its checksum.

        Raises:
            UsageError: there is no such item.
            StorageError: a file is gone, or not what it was.
        """
        with storage_errors(f"the data of {manifest.quarantine_id} can't be read"):
            item = self._find(manifest.quarantine_id).parent
            paths = []
            for stored in manifest.files:
                path = _inside(item, stored.path)
                if not path.is_file() or file_sha256(path) != (stored.bytes, stored.sha256):
                    raise StorageError(f"{path} is not what was quarantined", hint=_RESTORE)
                paths.append(path)
            return tuple(paths)

    def confirm(self, manifest: Manifest) -> None:
        """Look whether the item's files are there; see ``ports.quarantine.Confirming``."""
        with storage_errors(f"the data of {manifest.quarantine_id} can't be looked at"):
            _confirm_files(self._item(manifest), manifest)

    def remove_data(self, manifest: Manifest) -> None:
        """Remove the bytes of a tombstone; see ``ports.quarantine.QuarantineStore``."""
        with storage_errors(f"the data of {manifest.quarantine_id} can't be removed"):
            path = self._find(manifest.quarantine_id)
            with self._files.lock(path.parent / _LOCK):
                if (status := _read(path).status) is not QuarantineStatus.DELETED:
                    raise UsageError(f"{manifest.quarantine_id} is {status}: only a tombstone's data is removed")
                if (path.parent / "data").exists():
                    self._files.remove(path.parent / "data")
                    self._files.sync_folder(path.parent)

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:  # noqa: ARG002 - locks tell, not ages
        """Copies that no manifest names, and manifests that never came into place; see ``ports.recovery.Recoverable``."""
        items, barred = _below(self._root, None, None, None)
        for item in items:
            with storage_errors(f"{item} can't be cleared"):
                found = leavings(item, item / _MANIFEST, item / _LOCK, self._files, _read, dry_run=dry_run)
            yield from found
        for error in barred:
            told = f"it can't be read: {error.strerror}"
            yield Recovered(what="folder", where=str(error.filename), done="left", why=told, exit_code=StorageError.exit_code)

    def _write(self, item: Path, request: QuarantineRequest) -> None:
        """Data first, then the manifest; afterwards the item exists."""
        attempt = item / "data" / uuid.uuid4().hex[:12]
        try:
            self._files.make_folder(attempt)
            stored = tuple(self._copy(item, attempt, request))
        except BaseException:  # half a copy would keep a full disk full
            with contextlib.suppress(OSError):
                self._files.remove(attempt)
            raise
        manifest = replace(request.manifest, files=stored, expires_at=expiry(request, self._retention))
        with self._written(item, manifest) as written, contextlib.suppress(FileExistsError):
            self._files.link(written, item / _MANIFEST)

    def _copy(self, item: Path, attempt: Path, request: QuarantineRequest) -> Iterator[StoredFile]:
        """Copy the batch's files, and verify the whole."""
        sums = []
        for number, source in enumerate(request.files):
            copied = attempt / name_of_copy(number, source.name)
            try:
                length, sha256 = self._files.copy(source, copied)
            except OSError as error:
                if error.filename != str(source):
                    raise
                raise BatchUnreadable(f"{source} was there for the checks, and can't be read now: {error.strerror}") from error
            sums.append((length, sha256))
            yield StoredFile(
                path=copied.relative_to(item).as_posix(), original=request.original(source), bytes=length, sha256=sha256
            )
        if request.fingerprinted and combined_sha256(sums) != request.manifest.content_sha256:
            raise BatchUnreadable(
                f"the files of batch {request.manifest.batch_id!r} changed after they were checked: they were not quarantined",
                hint="hand in files that nobody writes to any more",
            )
        self._files.sync_folder(attempt)

    def _acknowledge(self, item: Path, wanted: Manifest) -> Manifest:
        """The manifest that is there, made durable, whoever wrote it; other attempts' copies go."""
        manifest = _read(item / _MANIFEST)
        for name in IDENTITY:
            if getattr(manifest, name) != getattr(wanted, name):
                raise StorageError(f"{item} holds another item: its {name} differs", hint="move the folder away")
        self._confirm(item)
        if manifest.status is QuarantineStatus.DELETED:
            return manifest
        kept = attempts(manifest)
        _confirm_files(item, manifest)
        with contextlib.suppress(OSError):  # leftovers cost space, nothing else
            for attempt in (item / "data").iterdir():
                if attempt.name not in kept:
                    self._files.remove(attempt)
        return manifest

    def _confirm(self, item: Path) -> None:
        """Make what was just put in place durable."""
        try:
            self._files.sync_folder(item)
        except OSError as error:
            raise CommitStateUnknown(
                f"{item / _MANIFEST} is written, but the disk did not confirm it: {error.strerror or error}",
                hint="see to the disk, then run it again",
            ) from error

    @contextmanager
    def _written(self, item: Path, manifest: Manifest) -> Iterator[Path]:
        """The manifest as a file of another name, on disk; removed afterwards."""
        written = item / f"{_MANIFEST}.{uuid.uuid4().hex}.tmp"
        try:
            self._files.write(written, json.dumps(manifest.as_json(), indent=2, default=str).encode())
            yield written
        finally:
            with contextlib.suppress(OSError):
                self._files.remove(written)

    def where(self, quarantine_id: str, *, tenant: str, dataset: str) -> str:
        """The item's folder; see ``ports.quarantine.Locating``."""
        return str(self._root / segment(tenant) / segment(dataset) / quarantine_id)

    def _item(self, manifest: Manifest) -> Path:
        if not is_safe_id(manifest.quarantine_id):
            raise UsageError(f"{manifest.quarantine_id!r} is no quarantine ID")
        return Path(self.where(manifest.quarantine_id, tenant=manifest.tenant, dataset=manifest.dataset))

    def _find(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Path:
        if is_safe_id(quarantine_id):
            places, barred = _below(self._root, tenant, dataset)
            for place in places:
                try:
                    (path := place / quarantine_id / _MANIFEST).lstat()
                except (FileNotFoundError, NotADirectoryError):
                    continue
                except OSError as error:
                    barred.append(error)
                else:
                    return path
            if barred:  # it may be there: that must not pass for "there is none"
                raise barred[0]
        raise NoSuchItem(f"nothing is quarantined as {quarantine_id!r}", hint="sluicegate quarantine list")


def _read(path: Path) -> Manifest:
    """Read a manifest, and hold what it says against where it lies."""
    try:
        manifest = Manifest.from_json(json.loads(path.read_bytes()))
        check_identity(manifest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path} is damaged ({error})", hint="restore it from a backup; its data is beside it") from error
    place = (segment(manifest.tenant), segment(manifest.dataset), manifest.quarantine_id)
    if path.parts[-4:-1] != place:
        raise StorageError(f"{path} says that it belongs in {'/'.join(place)}", hint="move the folder back to where it was")
    return manifest


def _confirm_files(item: Path, manifest: Manifest) -> None:
    """Whoever hands a batch in again may throw it away on the strength of the answer that it is kept."""
    for stored in manifest.files:
        if not (path := _inside(item, stored.path)).is_file() or path.stat().st_size != stored.bytes:
            raise StorageError(f"{path} is not what was quarantined", hint=_RESTORE)


def _inside(item: Path, relative: str) -> Path:
    """The path of a stored file, which must lie in its item."""
    path = item / relative
    if not path.resolve().is_relative_to(item.resolve()):
        raise StorageError(f"{item / _MANIFEST} names a file outside of its item: {relative!r}")
    return path


def _below(root: Path, *names: str | None) -> tuple[list[Path], list[OSError]]:
    """The folders so many levels below the root, of these names where there is one; and what could not be looked into.

    No glob: that passes over what it may not read, as if nothing were there.
    """
    found: list[Path] = [root]
    barred: list[OSError] = []
    for name in names:
        above, found = found, []
        for folder in above:
            if name is not None:
                found.append(folder / segment(name))
                continue
            try:
                with os.scandir(folder) as entries:
                    found += [Path(entry.path) for entry in entries if entry.is_dir()]
            except FileNotFoundError:
                continue
            except OSError as error:
                barred.append(error)
    return found, barred
