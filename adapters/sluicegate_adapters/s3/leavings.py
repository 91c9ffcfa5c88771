"""What dead workers left in a bucket: told by its age, and removed, with what came of each.

Ages are the server's: ``LastModified`` of an object, and of the last part of an upload.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from sluicegate.errors import StorageError
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.s3.answers import Listed, Upload
from sluicegate_adapters.s3.objects import Bucket
from sluicegate_adapters.s3.probe import PROBE_FOLDER

__all__ = ["remove_objects", "remove_probes", "remove_upload", "still_uploads"]

_AT_ONCE = 1000


def still_uploads(bucket: Bucket, prefix: str, *, older_than: datetime) -> Iterator[Upload]:
    """Uploads under a prefix into which no part has come since then."""
    for upload in bucket.uploads(prefix):
        if upload.begun < older_than and bucket.last_part(upload) < older_than:
            yield upload


def remove_upload(bucket: Bucket, upload: Upload, *, dry_run: bool) -> Recovered:
    """Give an upload up; who would complete it all the same is told that it is gone, and begins anew."""
    why = f"begun {upload.begun.isoformat()}, and never completed"
    if dry_run:
        return Recovered(what="upload", where=upload.key, done="would be removed", why=why)
    try:
        bucket.abort(upload.key, upload.upload_id)
    except StorageError as error:
        return Recovered(what="upload", where=upload.key, done="left", why=error.message, exit_code=error.exit_code)
    return Recovered(what="upload", where=upload.key, done="removed", why=why)


def remove_objects(bucket: Bucket, found: Iterable[tuple[Listed, str]], *, dry_run: bool) -> Iterator[Recovered]:
    """Remove objects, each with the reason why nobody needs it; many with one request."""
    waiting = iter(found)
    while batch := [*islice(waiting, _AT_ONCE)]:
        failed = None
        if not dry_run:
            try:
                bucket.delete([listed.key for listed, _ in batch])
            except StorageError as error:
                failed = error
        for listed, why in batch:
            yield Recovered(
                what="orphan file",
                where=listed.key,
                done="would be removed" if dry_run else "left" if failed else "removed",
                why=failed.message if failed else why,
                bytes=listed.bytes,
                exit_code=failed.exit_code if failed else 0,
            )


def remove_probes(bucket: Bucket, root: str, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
    """Remove what was left by those who tried the server out and died over it."""
    folder = f"{root}{PROBE_FOLDER}/"
    for upload in still_uploads(bucket, folder, older_than=older_than):
        yield remove_upload(bucket, upload, dry_run=dry_run)
    old = ((found, "left by a probe") for found in bucket.objects(folder) if found.modified < older_than)
    yield from remove_objects(bucket, old, dry_run=dry_run)
