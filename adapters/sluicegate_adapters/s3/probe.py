"""Whether the server keeps the conditions of conditional writes: tried out, since a server that ignores them says nothing."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate_adapters.s3.answers import Answer, Parts
from sluicegate_adapters.s3.objects import ATTEMPTS, Bucket

__all__ = ["PROBE_FOLDER", "refuse_without_conditions"]

PROBE_FOLDER = ".sluicegate-probe"
_RACERS = 4
_UPLOAD = "an upload in parts (If-None-Match)"
_CURE = "use AWS S3, MinIO from RELEASE.2025-09-07, or another server that keeps If-Match and If-None-Match; or a local path instead of a bucket"


class _Unsure(Exception):
    """An answer was lost: nothing was learnt."""

    def __init__(self, error: StorageError) -> None:
        super().__init__(str(error))
        self.error = error


def refuse_without_conditions(bucket: Bucket, prefix: str, *, replaces: bool = True, completes: bool = False) -> None:
    """Write a few small objects under ``<prefix>.sluicegate-probe/``, with conditions that hold and that don't; remove them.

    Args:
        bucket: which server.
        prefix: where it will be written to; empty, or with a ``/`` at its end.
        replaces: try out whether objects are replaced by If-Match, too, not only created by If-None-Match.
        completes: whether If-None-Match is kept by uploads in parts, too.

    Raises:
        TransientStorageError: the server didn't answer.
        StorageError: it can't be used, or it ignores conditions.
    """
    for attempt in range(ATTEMPTS):
        folder = f"{prefix}{PROBE_FOLDER}/{uuid.uuid4().hex}/"
        try:
            _try_out(bucket, folder, replaces=replaces, completes=completes)
        except _Unsure as lost:
            if attempt == ATTEMPTS - 1:
                raise lost.error from lost
            bucket.wait(attempt)
        else:
            return


def _try_out(bucket: Bucket, folder: str, *, replaces: bool, completes: bool) -> None:
    one, race, whole, whole_race = keys = [f"{folder}{name}" for name in ("one", "race", "parts", "parts-race")]
    try:
        _one_after_the_other(bucket, one, replaces=replaces)
        _at_once(bucket, lambda: _put_of(bucket, race, None), "several racing creates of one object")
        if replaces:
            etag = _etag(bucket, race)
            _at_once(bucket, lambda: _put_of(bucket, race, etag), "several racing replacements of one object")
        if completes:
            _must_write(bucket, _sure(_completion_of(bucket, whole)()), "refuses to complete an upload (If-None-Match)")
            _must_refuse(
                bucket, _sure(_completion_of(bucket, whole)()), f"a completion of {_UPLOAD} over an object that is there"
            )
            _at_once(bucket, lambda: _completion_of(bucket, whole_race), f"several racing completions of {_UPLOAD}")
    except (_Unsure, TransientStorageError):
        raise  # it would not answer to this either
    except StorageError:
        _tidy(bucket, keys)
        raise
    _tidy(bucket, keys if completes else [one, race])


def _tidy(bucket: Bucket, keys: list[str]) -> None:
    with contextlib.suppress(StorageError):  # who may not delete leaves a few bytes behind
        bucket.delete(keys)


def _one_after_the_other(bucket: Bucket, key: str, *, replaces: bool) -> None:
    _must_write(bucket, _put(bucket, key, None), "refuses to create an object that is not there (If-None-Match)")
    _must_refuse(bucket, _put(bucket, key, None), "a second create of one object (If-None-Match)")
    if not replaces:
        return
    first = _etag(bucket, key)
    _must_write(bucket, _put(bucket, key, first), "refuses to replace an object whose ETag is the right one (If-Match)")
    _must_refuse(bucket, _put(bucket, key, first), "a replacement of what has changed since (If-Match)")


def _at_once(bucket: Bucket, prepare: Callable[[], Callable[[], Answer]], what: str) -> None:
    """Several writes are prepared, and sent at once; no more than one may take place."""
    barrier, found, broken = threading.Barrier(_RACERS), list[Answer](), list[StorageError]()

    def racer() -> None:
        try:
            try:
                write = prepare()
            finally:
                barrier.wait()
            found.append(write())
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


def _put_of(bucket: Bucket, key: str, etag: str | None) -> Callable[[], Answer]:
    return lambda: bucket.put_if(key, uuid.uuid4().bytes, etag=etag)


def _completion_of(bucket: Bucket, key: str) -> Callable[[], Answer]:
    """An upload in parts that is ready to be completed; what is refused is given up."""
    upload, parts = bucket.begin(key), Parts()
    bucket.send(key, upload, parts, uuid.uuid4().bytes)

    def complete() -> Answer:
        answer = bucket.complete_if_absent(key, upload, parts)
        if not answer.written:
            with contextlib.suppress(StorageError):
                bucket.abort(key, upload)
        return answer

    return complete


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
            hint="this needs a server where each read sees the writes before it",
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
        "work there, so nothing is kept there",
        hint=_CURE,
    )
