"""What puts left in a bucket that never came to a manifest: uploads without an end, data that no manifest names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.quarantine.s3_layout import Layout
from sluicegate_adapters.s3.answers import Listed
from sluicegate_adapters.s3.leavings import remove_objects, remove_probes, remove_upload
from sluicegate_adapters.s3.objects import Bucket

__all__ = ["leavings"]

Named = Callable[[str], frozenset[str]]


def leavings(bucket: Bucket, layout: Layout, named: Named, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
    """Remove them where nothing has been written to their attempt since; what a manifest names is never touched, nor is a damaged item.

    Should their worker wake after all, its put finds that its data is gone, and uploads it again before it says that the batch is kept.

    Args:
        bucket: where to look.
        layout: which keys are an item's.
        named: the attempts that the manifest of an item names; none if there is no manifest.
        older_than: younger ones may be a living worker's.
        dry_run: tell, and change nothing.

    Raises:
        StorageError: the bucket can't be listed.
    """
    alive: set[tuple[str, str]] = set()
    for upload in bucket.uploads(layout.root):
        if place := layout.attempt(upload.key):
            if upload.begun < older_than and bucket.last_part(upload) < older_than:
                yield remove_upload(bucket, upload, dry_run=dry_run)
            else:
                alive.add(place)
    damaged: list[Recovered] = []
    found = _unnamed(bucket, layout, named, older_than, alive, damaged)
    yield from remove_objects(bucket, found, dry_run=dry_run)
    yield from damaged
    yield from remove_probes(bucket, layout.root, older_than=older_than, dry_run=dry_run)


def _unnamed(  # noqa: PLR0917 - what `leavings` knows
    bucket: Bucket,
    layout: Layout,
    named: Named,
    older_than: datetime,
    alive: set[tuple[str, str]],
    damaged: list[Recovered],
) -> Iterator[tuple[Listed, str]]:
    data = (found for found in bucket.objects(layout.root) if layout.attempt(found.key))
    for place, listed in groupby(data, key=lambda found: layout.attempt(found.key)):
        objects = list(listed)
        if place is None or place in alive or max(found.modified for found in objects) >= older_than:
            continue
        item, attempt = place
        try:
            if attempt in named(item):
                continue
        except TransientStorageError:
            raise
        except StorageError as error:
            damaged.append(Recovered(what="item", where=item, done="left", why=error.message, exit_code=error.exit_code))
            continue
        for found in objects:
            yield found, "uploaded for an item whose manifest doesn't name it"
