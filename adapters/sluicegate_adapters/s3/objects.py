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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

from sluicegate.errors import ConfigError, StorageError, TransientStorageError
from sluicegate.ports.fingerprint import BLOCK_BYTES
from sluicegate_adapters.s3.answers import Answer, Head, Listed, Parts, Stored, Upload
from sluicegate_adapters.s3.errors import code_of, is_missing_key, s3_errors, status_of
from sluicegate_adapters.s3.settings import BucketSettings

__all__ = ["ATTEMPTS", "Bucket", "Step", "unwatched"]

Step: TypeAlias = Callable[[str, Path], AbstractContextManager[object]]
_T = TypeVar("_T")

ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CONNECT_SECONDS = 10
_PARTS_AT_MOST = 10_000
_CONNECTIONS = 16
_CONFLICT, _PRECONDITION_FAILED = 409, 412
_JSON = "application/json"
_DELETED_AT_ONCE = 1000
_NO_BATCHES = {"MissingContentMD5", "MethodNotAllowed", "NotImplemented", "InvalidRequest"}


def unwatched(_operation: str, _path: Path) -> AbstractContextManager[object]:
    """A step that does nothing."""
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
        self, settings: BucketSettings, *, step: Step = unwatched, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self.settings = settings
        self.step = step
        self._pause = pause
        self._lock = threading.Lock()
        self._made: Any = None
        self.page = 1000
        """How much a listing shows at once."""

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

        return self._found(once)

    def head(self, key: str) -> Head | None:
        """What an object says of itself; None if there is none.

        Asked with a GET of its first byte: what is wrong with a HEAD has no words, and a bucket that is missing looks like a key.
        """
        with _unless("InvalidRange"):  # an object without bytes

            def once() -> Head:
                with self._watched("get_object", key) as client:
                    answer = client.get_object(Bucket=self.settings.bucket, Key=key, Range="bytes=0-0")
                    if "ContentRange" in answer:
                        answer["Body"].read()  # so that the connection can be used again
                    else:
                        answer["Body"].close()
                    length = str(answer.get("ContentRange", "")).rpartition("/")[2] or answer["ContentLength"]
                    metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
                    return Head(int(length), metadata, answer["ETag"].strip('"'))

            return self._found(once)
        return Head(bytes=0, metadata={})

    def put_if(self, key: str, body: bytes, *, etag: str | None) -> Answer:
        """Write a small object if it is still the one of this ETag (None: if there is none); sent once.

        Raises:
            StorageError: it was not written, for a reason that isn't the condition.
        """
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        return self._once("put_object", key, **self._object(key), **_md5(body), Body=body, ContentType=_JSON, **condition)

    def create(self, key: str, body: bytes, metadata: Mapping[str, str]) -> Answer:
        """Write data that fits into one request, if there is no such object; sent once.

        Raises:
            StorageError: it was not written, for a reason that isn't the condition.
        """
        told = {**self._object(key), **self._class(), **_md5(body), "Metadata": dict(metadata)}
        return self._once("put_object", key, **told, Body=body, IfNoneMatch="*")

    def complete_if_absent(self, key: str, upload_id: str, parts: Parts) -> Answer:
        """Make an object of an upload's parts, if there is no such object; sent once.

        Raises:
            StorageError: it was not made, for a reason that isn't the condition; an upload that is gone is an answer.
        """
        names = {"Bucket": self.settings.bucket, "Key": key, "UploadId": upload_id}
        return self._once("complete_multipart_upload", key, **names, MultipartUpload={"Parts": parts.sent}, IfNoneMatch="*")

    def write(self, key: str, body: bytes) -> None:
        """Write a small object that nobody else writes, whatever is there."""
        self._request("put_object", key, **self._object(key), **_md5(body), Body=body, ContentType=_JSON)

    def upload(self, key: str, source: BinaryIO, length: int) -> tuple[int, str]:
        """Write an object of any size under a key of its own; its length and SHA-256, of what was read from the source.

        Args:
            key: nobody else writes there.
            source: read to its end, a part at a time.
            length: how much is expected, which decides how large the parts are.

        Raises:
            OSError: the source can't be read.
        """
        part_bytes = self.part_bytes(length)
        part = source.read(part_bytes)
        if len(part) < part_bytes:
            self._write(key, part)
            return len(part), hashlib.sha256(part).hexdigest()
        upload = self.begin(key)
        parts = Parts()
        while part:
            self.send(key, upload, parts, part)
            part = source.read(part_bytes)
        self._complete(key, upload, parts.sent)
        return parts.bytes, parts.digest.hexdigest()

    def part_bytes(self, length: int) -> int:
        """How large the parts of an object of this length are; what is smaller than one goes up at once."""
        return max(self.settings.part_bytes, -(-length // _PARTS_AT_MOST))

    def begin(self, key: str, metadata: Mapping[str, str] | None = None) -> str:
        """Begin an upload in parts; its ID. Nothing is to be seen of it before it is completed."""
        told = {"Metadata": dict(metadata)} if metadata else {}
        return str(self._request("create_multipart_upload", key, **self._object(key), **self._class(), **told)["UploadId"])

    def send(self, key: str, upload_id: str, parts: Parts, body: bytes) -> None:
        """Upload the next part."""
        parts.sent.append(self._part(key, upload_id, len(parts.sent) + 1, body))
        parts.bytes += len(body)
        parts.digest.update(body)

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

    def read_piece(self, key: str, first: int, length: int, etag: str, write: Callable[[int, bytes], object]) -> str:
        """Read a piece of an object, if it is still the one of this ETag; the ETag of what was read.

        Args:
            key: the object.
            first: where the piece begins.
            length: its length, at least 1.
            etag: without quotes.
            write: takes a block, and how far into the piece it begins; after a lost connection blocks come again.

        Raises:
            OSError: out of ``write``.
        """
        condition = {"Range": f"bytes={first}-{first + length - 1}", "IfMatch": etag}

        def once() -> str:
            done = 0
            with self._watched("get_object", key) as client:
                answer = client.get_object(Bucket=self.settings.bucket, Key=key, **condition)
                if answer["ContentLength"] != length:
                    raise StorageError(f"{key}: {self.settings.server} gave {answer['ContentLength']} bytes for {length}")
                for block in answer["Body"].iter_chunks(BLOCK_BYTES):
                    write(done, block)
                    done += len(block)
            return str(answer["ETag"]).strip('"')

        return self._repeated(once)

    def folders(self, prefix: str) -> list[str]:
        """The prefixes one level below this one, each with its ``/`` at the end."""
        pages = self._pages("list_objects_v2", prefix, "ContinuationToken", "NextContinuationToken", Delimiter="/")
        return [found["Prefix"] for page in pages for found in page.get("CommonPrefixes", ())]

    def keys(self, prefix: str) -> list[str]:
        """All objects under a prefix."""
        return [found.key for found in self.objects(prefix)]

    def objects(self, prefix: str) -> Iterator[Listed]:
        """All objects under a prefix, a page at a time."""
        for page in self._pages("list_objects_v2", prefix, "ContinuationToken", "NextContinuationToken"):
            for found in page.get("Contents", ()):
                yield Listed(found["Key"], found["Size"], found["LastModified"], found["ETag"].strip('"'))

    def uploads(self, prefix: str) -> Iterator[Upload]:
        """All uploads that were begun under a prefix and not completed, a page at a time; some servers show only those of one key."""
        where: dict[str, Any] = {"Bucket": self.settings.bucket, "Prefix": prefix}
        while True:
            page = self._request("list_multipart_uploads", prefix, **where, MaxUploads=self.page)
            for found in page.get("Uploads", ()):
                if found["Key"].startswith(prefix):
                    yield Upload(found["Key"], found["UploadId"], found["Initiated"])
            if not page.get("IsTruncated"):
                return
            where.update(KeyMarker=page["NextKeyMarker"], UploadIdMarker=page["NextUploadIdMarker"])

    def last_part(self, upload: Upload) -> datetime:
        """When the last part of an upload came in; when it was begun, if none did, or if it is gone."""
        last, where = upload.begun, {"Bucket": self.settings.bucket, "Key": upload.key, "UploadId": upload.upload_id}
        with _unless("NoSuchUpload"):
            for page in self._pages("list_parts", upload.key, "PartNumberMarker", "NextPartNumberMarker", **where):
                last = max([last, *(part["LastModified"] for part in page.get("Parts", ()))])
        return last

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, many with one request; that one isn't there is fine."""
        left = list(keys)
        while left:
            batch, left = left[:_DELETED_AT_ONCE], left[_DELETED_AT_ONCE:]
            if len(batch) == 1 or not self._deleted_at_once(batch):
                for key in batch:
                    self._request("delete_object", key, Bucket=self.settings.bucket, Key=key)

    def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload; its parts are gone, and it can't be completed any more. That it isn't there is fine."""
        with _unless("NoSuchUpload"):
            self._request("abort_multipart_upload", key, Bucket=self.settings.bucket, Key=key, UploadId=upload_id)

    def abort_uploads(self, prefix: str) -> None:
        """Give up uploads that were begun under a prefix and not completed; their parts cost space, and are nowhere to be seen."""
        for upload in [*self.uploads(prefix)]:
            self.abort(upload.key, upload.upload_id)

    def _deleted_at_once(self, keys: Sequence[str]) -> bool:
        """Whether the server removes many at once; not all do."""
        told = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        try:
            answer = self._request("delete_objects", keys[0], Bucket=self.settings.bucket, Delete=told)
        except StorageError as error:
            if code_of(error.__cause__) in _NO_BATCHES:
                return False
            raise
        return not answer.get("Errors")  # one after the other, each says what is wrong with it

    def _once(self, operation: str, key: str, **parameters: Any) -> Answer:
        """A conditional write, sent once."""
        try:
            with self._watched(operation, key) as client:
                getattr(client, operation)(**parameters)
        except TransientStorageError as error:
            return Answer(written=False, unsure=True, error=error)
        except StorageError as error:
            failed = status_of(error.__cause__) in {_CONFLICT, _PRECONDITION_FAILED}
            if failed or is_missing_key(error.__cause__) or code_of(error.__cause__) == "NoSuchUpload":
                return Answer(written=False, error=error)
            raise
        return Answer(written=True)

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
        except StorageError as error:  # gone: an attempt before may have completed it, and its answer was lost
            if code_of(error.__cause__) != "NoSuchUpload" or self.head(key) is None:
                raise

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self.settings.bucket, "Key": key, **self.settings.protection}

    def _class(self) -> dict[str, str]:
        return {"StorageClass": self.settings.storage_class} if self.settings.storage_class else {}

    def _pages(self, operation: str, prefix: str, token: str, next_token: str, **options: Any) -> Iterator[dict[str, Any]]:
        where: dict[str, Any] = {"Bucket": self.settings.bucket, **options}
        if "Key" not in options:
            where |= {"Prefix": prefix, "MaxKeys": self.page}
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

    def _found(self, once: Callable[[], _T]) -> _T | None:
        """What a request finds; None if there is no such key."""
        try:
            return self._repeated(once)
        except StorageError as error:
            if is_missing_key(error.__cause__):
                return None
            raise

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
        from botocore import session as plain
        from botocore.config import Config

        chosen = self.settings
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            request_checksum_calculation=chosen.checksums,
            response_checksum_validation=chosen.checksums,
            s3={"addressing_style": chosen.addressing_style},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=chosen.timeout_seconds,
            max_pool_connections=_CONNECTIONS,
        )
        under = plain.get_session()
        under.register_component("data_loader", _models(under.get_config_variable("data_path")))
        try:
            return Session(
                botocore_session=under,
                aws_access_key_id=chosen.access_key_id,
                aws_secret_access_key=chosen.secret_access_key,
                aws_session_token=chosen.session_token,
                region_name=chosen.region or ("us-east-1" if chosen.endpoint_url else None),
            ).client("s3", endpoint_url=chosen.endpoint_url, config=config, verify=chosen.ca_bundle)
        except ValueError as error:
            raise ConfigError(f"{chosen.server} can't be used: {error}") from error


@cache
def _models(path: str | None) -> Any:
    """What boto3 knows of S3, read once in a process: that takes longer than all else about a client."""
    from botocore.loaders import create_loader

    return create_loader(path)


def _md5(body: bytes) -> dict[str, str]:
    """What lets the server notice bytes that changed on the way; every server knows this header."""
    return {"ContentMD5": base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode("ascii")}


@contextmanager
def _unless(code: str) -> Iterator[None]:
    """Let pass what the server says with this code."""
    try:
        yield
    except StorageError as error:
        if code_of(error.__cause__) != code:
            raise
