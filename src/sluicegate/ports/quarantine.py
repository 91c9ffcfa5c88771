"""The quarantine port: where a refused batch waits, with all that a replay needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from sluicegate.ports.manifests import SCHEMA_VERSION, check_manifest

__all__ = [
    "CHECKS_COLUMN",
    "ROW_COLUMN",
    "Confirming",
    "Lending",
    "Locating",
    "Manifest",
    "Probed",
    "QuarantineRequest",
    "QuarantineStatus",
    "QuarantineStore",
    "StoredFile",
    "Transition",
    "quarantine_id",
    "rows_batch_id",
]

ROW_COLUMN = "_sluicegate_row"
"""What the files of a rows item hold beside the batch's columns: the row's position in the batch, from 0 (BIGINT)."""

CHECKS_COLUMN = "_sluicegate_checks"
"""The same: the fingerprints of the checks that the row broke (VARCHAR[])."""

_LONGEST_ID = 128


def quarantine_id(*, tenant: str, dataset: str, batch_id: str, content_sha256: str) -> str:
    """The ID of a refused batch: the same for whoever quarantines the same thing, so that they meet in one item.

    >>> quarantine_id(tenant="default", dataset="flights", batch_id="2013-01-01", content_sha256="00")
    'q-3d1e9a8c517858e415d18501'
    """
    key = json.dumps([tenant, dataset, batch_id, content_sha256])
    return f"q-{hashlib.sha256(key.encode('ascii')).hexdigest()[:24]}"


def rows_batch_id(batch_id: str, quarantine_id: str) -> str:
    """What the rows of a rows item are committed under: beside the rest of their batch, which has the batch's own ID.

    >>> rows_batch_id("2013-01-01", "q-3d1e9a8c517858e415d18501")
    '2013-01-01.rows-3d1e9a8c5178'
    """
    suffix = f".rows-{quarantine_id.removeprefix('q-')[:12]}"
    return batch_id[: _LONGEST_ID - len(suffix)] + suffix


class QuarantineStatus(StrEnum):
    """Where an item is in its life; ``deleted`` is a tombstone, and stays."""

    QUARANTINED = "quarantined"
    REVIEWED = "reviewed"
    REPLAYING = "replaying"
    REPLAYED = "replayed"
    RELEASED = "released"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file of a quarantined batch. ``path`` is relative to the item; ``original`` is where it came from."""

    path: str
    original: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One entry of an item's history: who made it ``status``, when (ISO 8601, UTC), and why.

    Attributes:
        details: what belongs to the step, as plain JSON. Of a claim: ``action`` (``replay`` or ``release``), ``attempt`` and
            ``data_sha256``, the content that it may commit. Of what came of it: the same, and the contract (``contract``,
            ``contract_version``, ``contract_sha256``), the whole ``verdict`` document, the target's ``location``, as far as there is one.
    """

    status: QuarantineStatus
    at: str
    by: str
    why: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that is known of one quarantined batch; written after its data, changed only by compare-and-swap on ``rev``.

    Times are ISO 8601 in UTC. ``verdict`` is the document of the verdict that brought the batch here; ``contract_text`` the whole
    contract as it was; ``held``: it is not to be deleted or purged; ``owner`` works on it until ``lease_until``.

    ``scope`` is ``batch`` for a whole batch. Of ``rows`` the one Parquet file holds the rows that broke row-level checks, with
    ``ROW_COLUMN`` and ``CHECKS_COLUMN``, and nothing else of the batch: ``rows`` counts them, ``batch_rows`` those of the whole
    batch; ``content_sha256`` is the whole batch's in both cases. ``split`` tells how to make the rest from the batch:

    - ``format``, ``options``, ``files``: the batch as it was handed in; no files: a table in memory;
    - ``fields``: [name, type or null] of each column that the contract declares; ``columns``: name -> type in DuckDB, of the batch;
    - ``checks``: fingerprint -> ``name`` and ``rows``, of the checks that rows broke;
    - ``rows``, ``decision``, ``verdict_id``: of the rest, as it was judged.

    ``target`` is what the contract chose in the profile's target (a table, a branch); empty where it chose nothing.
    """

    schema_version: int = SCHEMA_VERSION
    quarantine_id: str
    rev: int
    nonce: str
    status: QuarantineStatus
    attempt: int
    tenant: str
    dataset: str
    batch_id: str
    content_sha256: str
    format: str
    rows: int
    files: tuple[StoredFile, ...]
    contract_name: str
    contract_version: str
    contract_sha256: str
    contract_text: str
    reason: str
    verdict: Mapping[str, Any]
    created_at: str
    expires_at: str | None
    owner: str | None = None
    lease_until: str | None = None
    history: tuple[Transition, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    held: bool = False
    scope: str = "batch"
    batch_rows: int | None = None
    target: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target_batch_id(self) -> str:
        """The ``batch_id`` that a replay or release of the item commits under."""
        return rows_batch_id(self.batch_id, self.quarantine_id) if self.scope == "rows" else self.batch_id

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, read back by ``from_json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Manifest:
        """Read a manifest. Keys that this version doesn't know are passed over, so that newer manifests stay readable.

        Raises:
            ValueError: it can't be acted on: a value that can't be, a file outside of its item.
            KeyError: something is missing; TypeError, AttributeError: it is something else altogether.
        """
        check_manifest(document)
        known = _known(cls, document)
        known["status"] = QuarantineStatus(known["status"])
        known["files"] = tuple(StoredFile(**_known(StoredFile, item)) for item in known["files"])
        known["history"] = tuple(
            Transition(**{**_known(Transition, item), "status": QuarantineStatus(item["status"])})
            for item in known.get("history", ())
        )
        return cls(**known)


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key in kind.__dataclass_fields__}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRequest:
    """A batch to keep: the manifest as it shall be (its ``files`` empty), and where the bytes are now.

    Attributes:
        fingerprinted: ``manifest.content_sha256`` is ``fingerprint.files_sha256(files)``, and must be that of the bytes kept.
            False where it is not: a batch from memory, say, spooled into these files.
        uris: where those of the files came from that were fetched for the batch.
    """

    manifest: Manifest
    files: tuple[Path, ...]
    now: datetime
    fingerprinted: bool = True
    uris: Mapping[Path, str] = field(default_factory=dict)

    def original(self, file: Path) -> str:
        """What ``StoredFile.original`` says of one of the files: its path, or the URI that it was fetched from."""
        return self.uris.get(file, str(file))


class QuarantineStore(Protocol):
    """An entry point of the group ``sluicegate.quarantine_stores`` names a callable: ``(settings, base) -> QuarantineStore``.

    Items live under tenant and dataset; ``s3_prefix`` and its like are the settings' matter.
    """

    def put(self, request: QuarantineRequest) -> Manifest:
        """Keep the batch: data first, verified by checksum, manifest last. The same ID again returns what is there.

        Raises:
            StorageError: nothing that counts was written; the batch's input is as it was.
        """
        ...

    def get(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Manifest:
        """The item of this ID. Who knows its tenant and dataset says so, and spares the store a search.

        Raises:
            NoSuchItem: there is no such item.
            StorageError: the store can't be asked.
        """
        ...

    def list(self) -> Iterable[Manifest]:
        """Every item, tombstones included, newest first."""
        ...

    def swap(self, old: Manifest, new: Manifest) -> Manifest:
        """Replace the manifest if it is still ``old`` (``rev`` and ``nonce``); the only way to change an item.

        Raises:
            TransientStorageError: somebody else changed it first: read again, decide again.
        """
        ...

    def data_files(self, manifest: Manifest) -> tuple[Path, ...]:
        """The item's files, in the batch's order, as local files whose bytes are those that were put.

        Raises:
            UsageError: there is no such item.
            StorageError: a file is gone, or not what it was.
        """
        ...

    def remove_data(self, manifest: Manifest) -> None:
        """Remove the bytes of an item that is a tombstone; the tombstone stays. Safe to repeat, also after a crash.

        Raises:
            UsageError: there is no such item, or the store's own manifest says that it isn't ``deleted``: nothing was removed.
            StorageError: not all could be removed.
        """
        ...


@runtime_checkable
class Confirming(Protocol):
    """What a store may offer besides: a quick look whether an item's files are there, for who is about to rely on it."""

    def confirm(self, manifest: Manifest) -> None:
        """Look for the files by name and length; what they hold is not read.

        Raises:
            StorageError: one is gone, or has another length.
        """
        ...


@runtime_checkable
class Locating(Protocol):
    """What a store may offer besides: saying where an item is, or would be, in words that a person can look it up by."""

    def where(self, quarantine_id: str, *, tenant: str, dataset: str) -> str:
        """A path or a URI, without secrets; nothing is asked for it."""
        ...


@runtime_checkable
class Lending(Protocol):
    """What a store may offer besides, whose items are elsewhere: taking back the copies that ``data_files`` made."""

    def give_back(self, files: Sequence[Path]) -> None:
        """Nobody reads these files any more; those that are no copies of this store's are left alone."""
        ...


@runtime_checkable
class Probed(Protocol):
    """What a store or a target may offer besides: trying out beforehand whether it can keep what the port promises."""

    def probe(self) -> None:
        """Look, and leave nothing behind.

        Raises:
            StorageError: it can't; says what to do.
        """
        ...
