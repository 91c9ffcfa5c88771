"""The operations on one bucket: every request a point where a test can break it, repeated only where that is harmless.

boto3's own retries are off: a conditional write that is sent again after its answer was lost is told 412 for what it did itself.
What is idempotent is repeated here, a few times; what is conditional is sent once, and its caller looks.
"""

from __future__ import annotations

import base64
import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from sluicegate.errors import ConfigError, StorageError, TransientStorageError
from sluicegate.ports.fingerprint import BLOCK_BYTES
from sluicegate_adapters.s3.errors import is_missing_key, s3_errors, status_of
from sluicegate_adapters.s3.settings import BucketSettings

__all__ = ["ATTEMPTS", "Answer", "Bucket", "Stored"]

Step: TypeAlias = Callable[[str, Path], AbstractContextManager[object]]
_T = TypeVar("_T")

ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
_PARTS_AT_MOST = 10_000
_CONNECTIONS = 16
_CONFLICT, _PRECONDITION_FAILED = 409, 412


@dataclass(frozen=True, slots=True)
class Stored:
    """A small object as it was read: its bytes, and the ETag (without quotes) that a conditional write compares with."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known after a conditional write.

    Attributes:
        written: it took place.
        unsure: it may have: the answer was lost, or the server broke. Look.
        error: what was said, if it isn't known to have taken place.
    """

    written: bool
    unsure: bool = False
    error: StorageError | None = None


def _unwatched(_operation: str, _path: Path) -> AbstractContextManager[object]:
    return nullcontext()


class Bucket:
    """One bucket. Safe to share between threads; not across a fork.

    Args:
        settings: which one, and how.
        step: what goes around each request, with boto3's name of the operation and the key.
        pause: how to wait before something is tried again, in seconds.

    All methods raise StorageError, TransientStorageError where the same call may succeed later.
    """

    def __init__(
        self, settings: BucketSettings, *, step: Step = _unwatched, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self.settings = settings
        self.step = step
        self._pause = pause
        self._lock = threading.Lock()
        self._made: Any = None

    def wait(self, attempt: int) -> None:
        """Wait before the next attempt, longer each time."""
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
        self._pause(longest * random.uniform(0.5, 1))  # noqa: S311 - so that those who met once don't meet again

    def read(self, key: str) -> Stored | None:
        """A small object, whole; None if there is none."""

        def once() -> Stored:
            with self._watched("get_object", key) as client:
                answer = client.get_object(Bucket=self.settings.bucket, Key=key)
                return Stored(answer["Body"].read(), answer["ETag"].strip('"'))

        try:
            return self._repeated(once)
        except StorageError as error:
            if is_missing_key(error.__cause__):
                return None
            raise

    def put_if(self, key: str, body: bytes, *, etag: str | None) -> Answer:
        """Write a small object if it is still the one of this ETag (None: if there is none); sent once.

        Raises:
            StorageError: it was not written, for a reason that isn't the condition.
        """
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            with self._watched("put_object", key) as client:
                client.put_object(**self._object(key), **_md5(body), Body=body, ContentType="application/json", **condition)
        except TransientStorageError as error:
            return Answer(written=False, unsure=True, error=error)
        except StorageError as error:
            failed = status_of(error.__cause__) in {_CONFLICT, _PRECONDITION_FAILED} or is_missing_key(error.__cause__)
            if failed:
                return Answer(written=False, error=error)
            raise
        return Answer(written=True)

    def upload(self, key: str, source: BinaryIO, length: int) -> tuple[int, str]:
        """Write an object of any size under a key of its own; its length and SHA-256, of what was read from the source.

        Args:
            key: nobody else writes there.
            source: read to its end, a part at a time.
            length: how much is expected, which decides how large the parts are.

        Raises:
            OSError: the source can't be read.
        """
        part_bytes = max(self.settings.part_bytes, -(-length // _PARTS_AT_MOST))
        digest, part = hashlib.sha256(), source.read(part_bytes)
        if len(part) < part_bytes:
            digest.update(part)
            self._write(key, part)
            return len(part), digest.hexdigest()
        upload = self._request("create_multipart_upload", key, **self._object(key), **self._class())["UploadId"]
        total = 0
        done: list[dict[str, Any]] = []
        while part:
            digest.update(part)
            total += len(part)
            done.append(self._part(key, upload, len(done) + 1, part))
            part = source.read(part_bytes)
        self._complete(key, upload, done)
        return total, digest.hexdigest()

    def fetch(self, key: str, target: Path | None = None) -> tuple[int, str]:
        """Read an object of any size; its length and SHA-256, of what was read.

        Args:
            key: the object.
            target: where its bytes go; None: nowhere.

        Raises:
            OSError: the target can't be written.
        """

        def once() -> tuple[int, str]:
            digest, length = hashlib.sha256(), 0
            with nullcontext() if target is None else target.open("wb") as file, self._watched("get_object", key) as client:
                body = client.get_object(Bucket=self.settings.bucket, Key=key)["Body"]
                for block in body.iter_chunks(BLOCK_BYTES):
                    digest.update(block)
                    length += len(block)
                    if file is not None:
                        file.write(block)
            return length, digest.hexdigest()

        return self._repeated(once)

    def folders(self, prefix: str) -> list[str]:
        """The prefixes one level below this one, each with its ``/`` at the end."""
        pages = self._pages("list_objects_v2", prefix, "ContinuationToken", "NextContinuationToken", Delimiter="/")
        return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())]

    def keys(self, prefix: str) -> list[str]:
        """All objects under a prefix."""
        pages = self._pages("list_objects_v2", prefix, "ContinuationToken", "NextContinuationToken")
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; that one isn't there is fine."""
        for key in keys:
            self._request("delete_object", key, Bucket=self.settings.bucket, Key=key)

    def abort_uploads(self, prefix: str) -> None:
        """Give up uploads that were begun under a prefix and not completed; their parts cost space, and are nowhere to be seen."""
        found = self._request("list_multipart_uploads", prefix, Bucket=self.settings.bucket, Prefix=prefix).get("Uploads", ())
        for upload in found:
            if upload["Key"].startswith(prefix):
                names = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                self._request("abort_multipart_upload", upload["Key"], Bucket=self.settings.bucket, **names)

    def _write(self, key: str, body: bytes) -> None:
        self._request("put_object", key, **self._object(key), **self._class(), **_md5(body), Body=body)

    def _part(self, key: str, upload: str, number: int, body: bytes) -> dict[str, Any]:
        names = {"Bucket": self.settings.bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        answer = self._request("upload_part", key, **names, **_md5(body), Body=body)
        sums = {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
        return {"PartNumber": number, "ETag": answer["ETag"], **sums}

    def _complete(self, key: str, upload: str, parts: list[dict[str, Any]]) -> None:
        names = {"Bucket": self.settings.bucket, "Key": key, "UploadId": upload}
        try:
            self._request("complete_multipart_upload", key, **names, MultipartUpload={"Parts": parts})
        except StorageError as error:
            code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code")
            if code != "NoSuchUpload" or key not in self.keys(
                key
            ):  # else an attempt before had completed it, and its answer was lost
                raise

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self.settings.bucket, "Key": key, **self.settings.protection}

    def _class(self) -> dict[str, str]:
        return {"StorageClass": self.settings.storage_class} if self.settings.storage_class else {}

    def _pages(self, operation: str, prefix: str, token: str, next_token: str, **options: str) -> Iterator[dict[str, Any]]:
        where: dict[str, Any] = {"Bucket": self.settings.bucket, "Prefix": prefix, **options}
        while True:
            page = self._request(operation, prefix, **where)
            yield page
            if not page.get("IsTruncated"):
                return
            where[token] = page[next_token]

    def _request(self, operation: str, key: str, **parameters: Any) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            with self._watched(operation, key) as client:
                answer: dict[str, Any] = getattr(client, operation)(**parameters)
                return answer

        return self._repeated(once)

    def _repeated(self, once: Callable[[], _T]) -> _T:
        for attempt in range(ATTEMPTS - 1):
            try:
                return once()
            except TransientStorageError:
                self.wait(attempt)
        return once()

    @contextmanager
    def _watched(self, operation: str, key: str) -> Iterator[Any]:
        """Around one request: what boto3 raises is mapped, and a test's step is told."""
        with s3_errors(f"{operation} {key}".rstrip(), self.settings):
            client = self.client()
            with self.step(operation, Path(key)):
                yield client

    def client(self) -> Any:
        """boto3's client, made when it is first needed."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        chosen = self.settings
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            request_checksum_calculation=chosen.checksums,
            response_checksum_validation=chosen.checksums,
            s3={"addressing_style": chosen.addressing_style},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=_CONNECTIONS,
        )
        try:
            return Session(
                aws_access_key_id=chosen.access_key_id,
                aws_secret_access_key=chosen.secret_access_key,
                aws_session_token=chosen.session_token,
                region_name=chosen.region or ("us-east-1" if chosen.endpoint_url else None),
            ).client("s3", endpoint_url=chosen.endpoint_url, config=config)
        except ValueError as error:
            raise ConfigError(f"{chosen.server} can't be used: {error}") from error


def _md5(body: bytes) -> dict[str, str]:
    """What lets the server notice bytes that changed on the way; every server knows this header."""
    return {"ContentMD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")}
