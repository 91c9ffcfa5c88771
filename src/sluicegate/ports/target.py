"""The target port: where a committed batch goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from sluicegate.errors import BatchConflict
from sluicegate.ports.batch import BatchView

__all__ = ["CommitReceipt", "CommitRequest", "Readable", "Target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRequest:
    """What is to be committed, and what the target keeps beside the rows.

    Attributes:
        tenant, dataset: whose rows these are; with batch_id the idempotency key.
        batch_id: the idempotency key within its dataset.
        content_sha256: the batch's fingerprint; the same batch_id with another one is a conflict.
        rows: how many rows must arrive.
        files: the batch's own files where they are Parquet as they stand (they may be copied as bytes; their
            ``fingerprint.files_sha256`` is then ``content_sha256``); else empty.
        uris: where those of the files came from that were fetched for the batch.
        batch: the batch as a view, for targets that write it anew.
        properties: contract, version, verdict and run, as text; kept where the target can keep them.
        declared: the columns that the contract's schema names, and their types in its words (None: it names none): a target that
            keeps a table may add these columns to it and widen its types to theirs, and no others.
        verify: called when everything is staged and nothing is visible yet; it raises if the batch is no longer the one
            that was checked. For targets that write the batch anew, and so can't compare bytes themselves.
    """

    dataset: str
    tenant: str = "default"
    batch_id: str
    content_sha256: str
    rows: int
    files: tuple[Path, ...]
    batch: BatchView
    properties: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, str | None] = field(default_factory=dict)
    verify: Callable[[], object] | None = None
    uris: Mapping[Path, str] = field(default_factory=dict)

    def original(self, file: Path) -> str:
        """Where one of the files came from: its path, or the URI that it was fetched from."""
        return self.uris.get(file, str(file))

    def conflict(self, where: str) -> BatchConflict:
        """What a target raises where this batch_id is there with other content."""
        return BatchConflict(
            f"batch {self.batch_id!r} of {self.dataset!r} was committed before with other content ({where})",
            hint="give the new delivery a batch_id of its own",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitReceipt:
    """Where the batch is now, and what it is there.

    Attributes:
        content_sha256: the fingerprint that it was committed with: tells whether it is the batch at hand.
        already_there: an earlier attempt had committed it, this one changed nothing.
    """

    location: str
    rows: int
    content_sha256: str
    already_there: bool


class Target(Protocol):
    """An entry point of the group ``sluicegate.targets`` names a callable: ``(settings, base) -> Target``.

    ``settings`` is the profile's ``target`` mapping without ``type``; relative paths in it start at ``base``.
    """

    def commit(self, request: CommitRequest) -> CommitReceipt:
        """Make the batch's rows visible to readers, all at once, at most once per batch_id. Safe to repeat.

        Raises:
            BatchConflict: this batch_id is there with other content.
            CommitStateUnknown: the answer was lost; ``find`` tells.
            StorageError: nothing was committed.
        """
        ...

    def find(self, batch_id: str, *, dataset: str, tenant: str = "default") -> CommitReceipt | None:
        """What is there under this batch_id, or None.

        Raises:
            StorageError: the target can't be asked.
        """
        ...


@runtime_checkable
class Readable(Protocol):
    """What a target may offer besides: the rows of a committed batch as local Parquet files, for whoever judges it anew."""

    def files(self, batch_id: str, *, dataset: str, tenant: str = "default") -> tuple[Path, ...]:
        """The batch's data files, to be read and never changed; empty where there is no such batch, or none of its files is local.

        Raises:
            StorageError: the target can't be asked.
        """
        ...
