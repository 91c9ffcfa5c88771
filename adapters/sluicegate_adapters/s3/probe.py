"""Whether the server keeps the conditions of conditional writes: tried out, since a server that ignores them says nothing."""

from __future__ import annotations

import contextlib
import threading
import uuid

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate_adapters.s3.objects import ATTEMPTS, Answer, Bucket

__all__ = ["PROBE_FOLDER", "refuse_without_conditions"]

PROBE_FOLDER = ".sluicegate-probe"
_RACERS = 4
_CURE = (
    "use AWS S3, MinIO from RELEASE.2025-09-07, or another server that keeps If-Match and If-None-Match; or quarantine type local"
)


class _Unsure(Exception):
    """An answer was lost: nothing was learnt."""

    def __init__(self, error: StorageError) -> None:
        super().__init__(str(error))
        self.error = error


def refuse_without_conditions(bucket: Bucket, prefix: str) -> None:
    """Write a few small objects under ``<prefix>.sluicegate-probe/``, with conditions that hold and that don't; remove them.

    Raises:
        TransientStorageError: the server didn't answer.
        StorageError: it can't be used, or it ignores conditions.
    """
    for attempt in range(ATTEMPTS):
        folder = f"{prefix}{PROBE_FOLDER}/{uuid.uuid4().hex}/"
        try:
            _try_out(bucket, folder)
        except _Unsure as lost:
            if attempt == ATTEMPTS - 1:
                raise lost.error from lost
            bucket.wait(attempt)
        else:
            return


def _try_out(bucket: Bucket, folder: str) -> None:
    one, race = f"{folder}one", f"{folder}race"
    try:
        _one_after_the_other(bucket, one)
        _at_once(bucket, race, None, "several racing creates of one object")
        _at_once(bucket, race, _etag(bucket, race), "several racing replacements of one object")
    except (_Unsure, TransientStorageError):
        raise  # it would not answer to this either
    except StorageError:
        with contextlib.suppress(StorageError):
            bucket.delete([one, race])
        raise
    with contextlib.suppress(StorageError):  # who may not delete leaves a few bytes behind
        bucket.delete([one, race])


def _one_after_the_other(bucket: Bucket, key: str) -> None:
    _must_write(bucket, _put(bucket, key, None), "refuses to create an object that is not there (If-None-Match)")
    _must_refuse(bucket, _put(bucket, key, None), "a second create of one object (If-None-Match)")
    first = _etag(bucket, key)
    _must_write(bucket, _put(bucket, key, first), "refuses to replace an object whose ETag is the right one (If-Match)")
    _must_refuse(bucket, _put(bucket, key, first), "a replacement of what has changed since (If-Match)")


def _at_once(bucket: Bucket, key: str, etag: str | None, what: str) -> None:
    barrier, found, broken = threading.Barrier(_RACERS), list[Answer](), list[StorageError]()

    def racer() -> None:
        try:
            barrier.wait()
            found.append(bucket.put_if(key, uuid.uuid4().bytes, etag=etag))
        except StorageError as error:
            broken.append(error)

    threads = [threading.Thread(target=racer, name="sluicegate-probe") for _ in range(_RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    if sum(answer.written for answer in found) > 1:
        raise _ignored(bucket, what)
    for answer in found:
        _sure(answer)


def _put(bucket: Bucket, key: str, etag: str | None) -> Answer:
    return _sure(bucket.put_if(key, uuid.uuid4().bytes, etag=etag))


def _sure(answer: Answer) -> Answer:
    if answer.unsure:
        raise _Unsure(answer.error or TransientStorageError("the answer was lost"))
    return answer


def _etag(bucket: Bucket, key: str) -> str:
    stored = bucket.read(key)
    if stored is None:
        raise StorageError(
            f"{bucket.settings.server} doesn't show what was just written to bucket {bucket.settings.bucket}",
            hint="a quarantine needs a server where each read sees the writes before it",
        )
    return stored.etag


def _must_write(bucket: Bucket, answer: Answer, what: str) -> None:
    if not answer.written:
        told = f": {answer.error.message}" if answer.error else ""
        raise StorageError(f"{bucket.settings.server} {what}{told}", hint=_CURE)


def _must_refuse(bucket: Bucket, answer: Answer, what: str) -> None:
    if answer.written:
        raise _ignored(bucket, what)


def _ignored(bucket: Bucket, what: str) -> StorageError:
    return StorageError(
        f"{bucket.settings.server} ignores conditional writes: it carried out {what}. Two workers could overwrite each other's "
        "items there, so nothing is quarantined",
        hint=_CURE,
    )
