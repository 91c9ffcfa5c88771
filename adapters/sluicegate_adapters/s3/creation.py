"""One object of any size, created if there is none: all is sent first, and one conditional request decides.

A small body decides by PutObject, a larger one by CompleteMultipartUpload, both with ``If-None-Match: *``. Until then nothing of it
is to be seen. ``state_unknown`` and ``gave_up`` say what is known when the answers were lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sluicegate.errors import CommitStateUnknown, SluicegateError, StorageError, TransientStorageError
from sluicegate_adapters.s3.answers import Answer, Parts
from sluicegate_adapters.s3.objects import Bucket

__all__ = ["Creation", "gave_up", "state_unknown"]


class Creation:
    """One attempt at an object.

    Args:
        bucket: where it shall be.
        key: its name, which others may want, too.
        metadata: what it says of itself: short names and ASCII texts, 2 KB in all.
    """

    def __init__(self, bucket: Bucket, key: str, metadata: Mapping[str, str]) -> None:
        self._bucket = bucket
        self._key = key
        self._metadata = dict(metadata)
        self._body: bytes | None = None
        self._upload = ""
        self._parts = Parts()

    @property
    def sent(self) -> bool:
        """Whether all is there that ``decide`` needs."""
        return self._body is not None or bool(self._upload)

    def send(self, source: Path) -> tuple[int, str]:
        """Take the bytes; its length and SHA-256, of what was read. A part is held in memory at a time.

        Raises:
            OSError: the source can't be read.
            StorageError: they can't be uploaded.
        """
        with source.open("rb") as file:
            part_bytes = self._bucket.part_bytes(source.stat().st_size)
            part = file.read(part_bytes)
            if len(part) < part_bytes:
                self._body = part
                return len(part), hashlib.sha256(part).hexdigest()
            self._parts = Parts()
            self._upload = self._bucket.begin(self._key, self._metadata)
            while part:
                self._bucket.send(self._key, self._upload, self._parts, part)
                part = file.read(part_bytes)
        return self._parts.bytes, self._parts.digest.hexdigest()

    def decide(self) -> Answer:
        """The request that makes the object, or doesn't; sent once, and it may be called again.

        Raises:
            StorageError: it was not made, for a reason that isn't the condition.
        """
        if self._body is not None:
            return self._bucket.create(self._key, self._body, self._metadata)
        return self._bucket.complete_if_absent(self._key, self._upload, self._parts)

    def give_up(self) -> None:
        """What was sent in parts goes, and can't become an object any more; ``send`` begins anew.

        Raises:
            StorageError: it may still be there.
        """
        if self._upload:
            self._bucket.abort(self._key, self._upload)
            self._upload = ""


@contextmanager
def state_unknown(what: str, last: Answer, *, unsure: bool) -> Iterator[None]:
    """What fails after a write whose answer was lost leaves open what became of it.

    Raises:
        CommitStateUnknown: instead of what is raised inside, if ``unsure``.
    """
    try:
        yield
    except SluicegateError as error:
        if not unsure:
            raise
        told = last.error.message if last.error else error.message
        raise CommitStateUnknown(f"it is not known {what}: {told}", hint="when the server answers again, run it again") from error


def gave_up(what: str, last: Answer, *, unsure: bool) -> StorageError:
    """The error for a write that was tried often enough."""
    told, hint = (last.error.message, last.error.hint) if last.error else ("the server shows nothing", "")
    if unsure:
        return CommitStateUnknown(f"{what}, as far as can be seen: {told}", hint=hint or "run it again")
    return TransientStorageError(f"{what}: {told}", hint=hint or "run it again")
