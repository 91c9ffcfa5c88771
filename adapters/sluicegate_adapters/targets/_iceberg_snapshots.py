"""Looking for a batch in an Iceberg table: among the ancestors of a branch, and where these were expired among its data files."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import StorageError
from sluicegate.ports.names import segment
from sluicegate.ports.target import CommitRequest
from sluicegate_adapters.targets._iceberg_files import OURS
from sluicegate_adapters.targets._iceberg_places import local_folder

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

__all__ = ["MAIN", "Committed", "Sought", "ancestors", "find", "known_since", "local_files", "owner_of", "snapshot_properties"]

MAIN = "main"
_PREFIX = "sluicegate."
_CLOCKS_DIFFER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What is known of a batch that is there.

    Attributes:
        snapshot_id: of the commit; or, if that was expired, of the one that it was found in.
        rows: as they were committed; or, if that was expired, those of its files that are left.
    """

    snapshot_id: int
    content_sha256: str
    rows: int
    attempt: str


@dataclass(frozen=True, slots=True)
class Sought:
    """Which batch is looked for."""

    tenant: str
    dataset: str
    batch_id: str

    @property
    def properties(self) -> dict[str, str]:
        """What its snapshot says."""
        return {**owner_of(self.tenant, self.dataset), f"{_PREFIX}batch-id": self.batch_id}


def owner_of(tenant: str, dataset: str) -> dict[str, str]:
    """What a table says of whose rows are in it, and each snapshot too."""
    return {f"{_PREFIX}tenant": tenant, f"{_PREFIX}dataset": dataset}


def snapshot_properties(request: CommitRequest, attempt: str) -> dict[str, str]:
    """What a snapshot says of its batch."""
    given = {f"{_PREFIX}{key.replace('_', '-')}": value for key, value in request.properties.items()}
    return {
        **given,
        **Sought(request.tenant, request.dataset, request.batch_id).properties,
        f"{_PREFIX}content-sha256": request.content_sha256,
        f"{_PREFIX}rows": str(request.rows),
        f"{_PREFIX}version": importlib.metadata.version("sluicegate"),
        f"{_PREFIX}attempt": attempt,
    }


def find(table: Table, sought: Sought, branches: Sequence[str], seen: dict[str, Any] | None = None) -> Committed | None:
    """The batch, if it is in one of the branches.

    Args:
        table: as it was loaded.
        sought: which batch.
        branches: where; those that aren't there are skipped.
        seen: what was read of manifests before; they never change. It is added to.

    Raises:
        StorageError: snapshots' properties are damaged, or manifests can't be read.
    """
    for branch in branches:
        oldest = None
        for snapshot in ancestors(table, branch):
            oldest = snapshot
            said = snapshot.summary.additional_properties if snapshot.summary else {}
            if all(said.get(key) == value for key, value in sought.properties.items()):
                return _committed(table, snapshot.snapshot_id, said)
        if oldest is not None and _is_cut(oldest):
            found = _among_files(table, sought, branch, seen if seen is not None else {})
            if found is not None:
                return found
    return None


def known_since(table: Table, branches: Sequence[str]) -> datetime | None:
    """Since when all commits to these branches are known; None: all ever made are."""
    oldest = [[*ancestors(table, branch)][-1:] for branch in branches]
    cut = [snapshot.timestamp_ms for chain in oldest for snapshot in chain if _is_cut(snapshot)]
    return datetime.fromtimestamp(max(cut) / 1000, UTC) + _CLOCKS_DIFFER if cut else None


def ancestors(table: Table, branch: str) -> Iterator[Snapshot]:
    """The snapshots of a branch, newest first, as far back as the table's metadata know them."""
    from pyiceberg.table.snapshots import ancestors_of

    yield from ancestors_of(table.snapshot_by_name(branch), table.metadata)


def local_files(table: Table, branches: Sequence[str], sought: Sought, rows: int) -> tuple[Path, ...]:
    """The data files of a batch that is in one of the branches, in their order.

    Empty where they aren't all on this machine's disk, or aren't just the batch's rows any more: somebody rewrote them, or deleted
    rows of them.
    """
    for branch in branches:
        paths, found = [], 0
        for entry in _entries(table, branch):
            if (ours := OURS.search(entry.data_file.file_path)) and ours["batch"] == segment(sought.batch_id):
                paths.append(local_folder(entry.data_file.file_path))
                found += entry.data_file.record_count
        here = [path for path in paths if path is not None]
        if len(here) == len(paths) and found == rows:
            return tuple(sorted(here, key=lambda path: path.name))
    return ()


def _entries(table: Table, branch: str) -> list[Any]:
    """The data files of a branch's newest snapshot; none if rows of them are deleted by files beside them."""
    from pyiceberg.manifest import ManifestContent

    snapshot = table.snapshot_by_name(branch)
    manifests = snapshot.manifests(table.io) if snapshot else []
    if any(manifest.content == ManifestContent.DELETES for manifest in manifests):
        return []
    return [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)]


def _committed(table: Table, snapshot_id: int, said: Mapping[str, str]) -> Committed:
    try:
        return Committed(
            snapshot_id=snapshot_id,
            content_sha256=said[f"{_PREFIX}content-sha256"],
            rows=int(said[f"{_PREFIX}rows"]),
            attempt=said.get(f"{_PREFIX}attempt", ""),
        )
    except (KeyError, ValueError) as error:
        raise StorageError(f"snapshot {snapshot_id} of {'.'.join(table.name())} has damaged properties") from error


def _is_cut(oldest: Snapshot) -> bool:
    """Whether a chain's last known snapshot may have had others before it: it names one, or isn't the table's first.

    Whoever expires snapshots may take the name of the parent away, too. Tables of format version 1 don't number snapshots.
    """
    return oldest.parent_snapshot_id is not None or oldest.sequence_number != 1


def _among_files(table: Table, sought: Sought, branch: str, seen: dict[str, Any]) -> Committed | None:
    """The batch by its data files, whose names say which batch and which content: as long as nobody rewrote them."""
    if any(table.properties.get(key) != value for key, value in owner_of(sought.tenant, sought.dataset).items()):
        return None  # nothing of this dataset was ever committed here
    snapshot = table.snapshot_by_name(branch)
    if snapshot is None:
        return None
    contents: dict[str, int] = {}
    for manifest in snapshot.manifests(table.io):
        if manifest.manifest_path not in seen:
            seen[manifest.manifest_path] = _batches(table, manifest)
        for content, rows in seen[manifest.manifest_path].get(segment(sought.batch_id), {}).items():
            contents[content] = contents.get(content, 0) + rows
    if len(contents) > 1:
        raise StorageError(
            f"{'.'.join(table.name())} holds files of batch {sought.batch_id!r} with {len(contents)} contents, and their snapshots"
            " are expired: nothing was committed",
            hint="give the delivery a batch_id of its own",
        )
    for content, rows in contents.items():
        return Committed(snapshot_id=snapshot.snapshot_id, content_sha256=content, rows=rows, attempt="")
    return None


def _batches(table: Table, manifest: Any) -> dict[str, dict[str, int]]:
    """Rows by content by batch of a manifest's files."""
    found: dict[str, dict[str, int]] = {}
    for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
        if ours := OURS.search(entry.data_file.file_path):
            contents = found.setdefault(ours["batch"], {})
            contents[ours["content"]] = contents.get(ours["content"], 0) + entry.data_file.record_count
    return found
