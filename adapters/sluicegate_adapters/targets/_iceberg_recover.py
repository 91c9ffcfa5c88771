"""What dead workers leave behind at an Iceberg target: staging folders, and data files that no snapshot refers to.

Metadata files of commits that were refused stay: pyiceberg gives them names as everybody else's writer does, so it can't be known
whose they are. Iceberg's own removal of orphan files is for these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import StorageError
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import LocalFiles, storage_errors
from sluicegate_adapters.targets._iceberg_catalog import catalog_errors
from sluicegate_adapters.targets._iceberg_files import OURS
from sluicegate_adapters.targets._iceberg_places import Lying, Place
from sluicegate_adapters.targets._iceberg_snapshots import known_since, owner_of
from sluicegate_adapters.targets._staging import Staging

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

__all__ = ["clear"]


def clear(
    catalog: Catalog,
    place_of: Callable[[Table], Place],
    files: LocalFiles,
    staging: Path,
    *,
    older_than: datetime,
    dry_run: bool,
) -> Iterator[Recovered]:
    """Remove the leavings of this target's tables, and say so.

    Args:
        catalog: opened.
        place_of: where a table's files lie.
        files: the operations on the disk.
        staging: where batches for a bucket wait.
        older_than: data files must have been written before this moment.
        dry_run: tell, and change nothing.

    Raises:
        StorageError: the catalog can't be asked.
    """
    staged = {staging}
    for table in _tables(catalog):
        try:
            place = place_of(table)
        except StorageError as error:
            yield Recovered(what="table", where=".".join(table.name()), done="left", why=error.message)
            continue
        staged.add(place.staging)
        yield from place.half_written(older_than=older_than, dry_run=dry_run)
        yield from _orphans(table, place, files, older_than, dry_run=dry_run)
    for folder in sorted(staged):
        yield from Staging(folder, files).recover(dry_run=dry_run)


def _tables(catalog: Catalog) -> Iterator[Table]:
    """The tables that batches were committed to, whatever name a profile or a contract gave them."""
    with catalog_errors("the catalog's tables can't be listed"):
        identifiers = [found for namespace in catalog.list_namespaces() for found in catalog.list_tables(namespace)]
    for identifier in identifiers:
        with catalog_errors(f"table {'.'.join(identifier)} can't be loaded"):
            table = catalog.load_table(identifier)
        if all(table.properties.get(key) for key in owner_of("", "")):
            yield table


def _orphans(table: Table, place: Place, files: LocalFiles, older_than: datetime, *, dry_run: bool) -> Iterator[Recovered]:
    """Data files of attempts that came to nothing. What is there is listed first: who refers to it then is known afterwards."""
    name = ".".join(table.name())
    with storage_errors(f"the files of {name} can't be listed"):
        old = [found for found in place.lying() if found.written < older_than and OURS.search(found.name)]
    if not old:
        return
    if Staging(place.staging, files).in_use():
        yield Recovered(what="orphan files", where=f"{table.location()}/data", done="left", why="a batch is being committed")
        return
    with catalog_errors(f"the snapshots of {name} can't be read"):
        named = _named(table.refresh())
        known = known_since(table, [*table.metadata.refs])
    for found in old:
        if found.name in named:
            continue
        if known is not None and found.made <= known:
            yield _told(found, table, "left", "its snapshot may have been expired: it tells that its batch was here")
            continue
        with storage_errors(f"{found.name} can't be looked at"):
            written = place.written(found.name)
        if written is not None and written < older_than:  # else the same batch, handed in again, has just published it anew
            if not dry_run:
                with storage_errors(f"{found.name} can't be removed"):
                    place.remove(found.name)
            yield _told(found, table, "would be removed" if dry_run else "removed", "no snapshot refers to it")


def _told(found: Lying, table: Table, done: str, why: str) -> Recovered:
    where = f"{table.location()}/{found.name}"
    return Recovered(what="orphan file", where=where, done=done, why=why, bytes=found.bytes)


def _named(table: Table) -> set[str]:
    """The names of all data files that a snapshot refers to, whatever its branch, and however their location is spelled."""
    named: set[str] = set()
    read: set[str] = set()
    for snapshot in table.snapshots():
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path not in read:
                read.add(manifest.manifest_path)
                entries = manifest.fetch_manifest_entry(table.io, discard_deleted=False)
                paths = [OURS.search(entry.data_file.file_path) for entry in entries]
                named.update(path[0].removeprefix("/") for path in paths if path)
    return named
