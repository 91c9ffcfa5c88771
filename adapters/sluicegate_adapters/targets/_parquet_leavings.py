"""What attempts left in a Parquet dataset in a bucket that did not commit: uploads without an end, facts about no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby

from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.s3.answers import Listed
from sluicegate_adapters.s3.leavings import remove_objects, remove_probes, remove_upload, still_uploads
from sluicegate_adapters.s3.objects import Bucket
from sluicegate_adapters.targets._parquet_keys import Keys

__all__ = ["leavings"]


def leavings(
    bucket: Bucket, keys: Keys, attempt_at: Callable[[str], str | None], *, older_than: datetime, dry_run: bool
) -> Iterator[Recovered]:
    """Remove them where they are old enough; rows are never touched.

    Args:
        bucket: where to look.
        keys: which keys are a batch's.
        attempt_at: which attempt committed the rows under a key; None: there are none.
        older_than: younger ones may be a living worker's.
        dry_run: tell, and change nothing.

    Raises:
        StorageError: the bucket can't be listed, or a batch can't be asked.
    """
    for upload in still_uploads(bucket, keys.root, older_than=older_than):
        if keys.is_data(upload.key):
            yield remove_upload(bucket, upload, dry_run=dry_run)
    yield from remove_objects(bucket, _without_rows(bucket, keys, attempt_at, older_than), dry_run=dry_run)
    yield from remove_probes(bucket, keys.root, older_than=older_than, dry_run=dry_run)


def _without_rows(
    bucket: Bucket, keys: Keys, attempt_at: Callable[[str], str | None], older_than: datetime
) -> Iterator[tuple[Listed, str]]:
    """Facts of attempts that didn't commit. Where a batch has rows and the facts of one attempt, they are that one's: no need to ask."""
    for _, listed in groupby(bucket.objects(keys.root), key=lambda found: found.key.rpartition("/")[0]):
        objects = list(listed)
        facts = [(found, place) for found in objects if (place := keys.data_beside(found.key))]
        if len(facts) == 1 and any(keys.is_data(found.key) for found in objects):
            continue
        for found, (data, attempt) in facts:
            if found.modified < older_than and attempt_at(data) != attempt:
                yield found, "of an attempt that did not commit"
