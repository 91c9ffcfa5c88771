"""Where an Iceberg table's data files lie: a folder on this machine's disk, or a bucket.

Files are published there under names that no other bytes can have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from sluicegate.errors import StorageError
from sluicegate.ports.fingerprint import file_sha256
from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.s3.leavings import remove_upload, still_uploads
from sluicegate_adapters.s3.objects import Bucket
from sluicegate_adapters.s3.settings import BucketSettings
from sluicegate_adapters.targets._iceberg_files import OURS, Part

__all__ = ["BucketPlace", "LocalPlace", "Lying", "Place", "local_folder", "place_of"]

STAGING = ".sluicegate-staging"
_S3 = {"s3", "s3a", "s3n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """A file that lies in a table's ``data/``.

    Attributes:
        name: below the table's location.
        made: when its bytes were written; UTC.
        written: when it was last published or touched otherwise.
    """

    name: str
    bytes: int
    made: datetime
    written: datetime


class Place(Protocol):
    """A table's location.

    Attributes:
        staging: the folder on this machine's disk where batches wait until they are published.
    """

    staging: Path

    def publish(self, parts: list[Part]) -> None:
        """Put the staged files where they belong, durably."""
        ...

    def there(self, name: str) -> bool:
        """Whether a published file is (still) there."""
        ...

    def lying(self, folder: str = "data/") -> Iterator[Lying]:
        """All files in the table's ``data/``, or in one of its folders."""
        ...

    def written(self, name: str) -> datetime | None:
        """When a file was last published, UTC; None if it isn't there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def half_written(self, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
        """Remove what was begun and will not be ended: uploads to a bucket; on a disk that waits in ``staging``."""
        ...


def local_folder(location: str) -> Path | None:
    """The folder of a table on this machine's disk; None if it is elsewhere."""
    parts = urlsplit(location)
    if location.startswith("/"):
        return Path(location)
    if parts.scheme == "file" and parts.netloc in {"", "localhost"} and not parts.query and not parts.fragment:
        return Path(unquote(parts.path)) if "%" not in parts.path else None
    return None


def place_of(name: str, location: str, properties: Mapping[str, str], staging: Path, files: LocalFiles) -> Place:
    """Where a table's files lie.

    Args:
        name: the table's, for messages.
        location: the table's.
        properties: of its catalog, such as ``s3.endpoint``.
        staging: where batches for a bucket wait.
        files: the operations on the disk; its step is told of requests, too.

    Raises:
        StorageError: this target doesn't write there.
    """
    folder = local_folder(location)
    if folder is not None:
        return LocalPlace(folder, files)
    parts = urlsplit(location)
    if parts.scheme not in _S3 or not parts.netloc or parts.query or parts.fragment:
        raise StorageError(
            f"table {name} is at {location}: this target writes to local disks and to S3", hint="move the table, or its warehouse"
        )
    return BucketPlace(_bucket(parts.netloc, properties, files), parts.path.strip("/"), staging)


class LocalPlace:
    """A folder."""

    def __init__(self, folder: Path, files: LocalFiles) -> None:
        self.staging = folder / STAGING
        self._folder, self._files = folder, files

    def publish(self, parts: list[Part]) -> None:
        """Put the staged files where they belong, durably.

        Raises:
            StorageError: other bytes lie there.
            OSError: as the operating system says.
        """
        folders = {}
        for part in parts:
            path = self._folder / part.name
            if path.parent not in folders:
                self._files.make_folder(path.parent)
            folders[path.parent] = True
            try:
                self._files.link(part.path, path)
            except FileExistsError:  # another attempt's: the same bytes
                if file_sha256(path)[1] != part.sha256:
                    raise StorageError(
                        f"{path} is not what it was written as", hint="see to the disk, and move it away"
                    ) from None
                os.utime(path)  # nobody may take it for a dead one's from now on
        for folder in folders:
            self._files.sync_folder(folder)

    def there(self, name: str) -> bool:
        """Whether a published file is (still) there."""
        return (self._folder / name).is_file()

    def lying(self, folder: str = "data/") -> Iterator[Lying]:
        """All files in the table's ``data/``, or in one of its folders."""
        for path in sorted((self._folder / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                found = path.stat()
                yield Lying(
                    name=path.relative_to(self._folder).as_posix(),
                    bytes=found.st_size,
                    made=datetime.fromtimestamp(found.st_mtime, UTC),
                    written=_time_of(found),
                )

    def written(self, name: str) -> datetime | None:
        """When a file was last published, UTC; None if it isn't there."""
        try:
            return _time_of((self._folder / name).stat())
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a file; its folder stays: an attempt may be about to use it."""
        self._files.remove(self._folder / name)

    def half_written(self, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:  # noqa: ARG002 - a place's
        """Nothing: a file gets its name when it is whole."""
        yield from ()


def _time_of(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(max(found.st_mtime, found.st_ctime), UTC)  # a link is younger than its bytes


class BucketPlace:
    """A prefix of a bucket."""

    def __init__(self, bucket: Bucket, prefix: str, staging: Path) -> None:
        self.staging = staging
        self._bucket, self._prefix = bucket, prefix

    def publish(self, parts: list[Part]) -> None:
        """Upload the staged files; the server checks each part by its checksum, and what was read from the disk is checked here.

        Raises:
            StorageError: it could not be done, or the disk gave back other bytes.
        """
        for part in parts:
            with part.path.open("rb") as source:
                _, sha256 = self._bucket.upload(self._key(part.name), source, part.path.stat().st_size)
            if sha256 != part.sha256:
                raise StorageError(f"{part.path} is not what it was written as: nothing was committed", hint="see to the disk")

    def there(self, name: str) -> bool:
        """Whether a published file is (still) there."""
        return self._bucket.head(self._key(name)) is not None

    def lying(self, folder: str = "data/") -> Iterator[Lying]:
        """All files in the table's ``data/``, or in one of its folders."""
        for found in self._bucket.objects(self._key(folder)):
            name = found.key.removeprefix(self._key(""))
            yield Lying(name=name, bytes=found.bytes, made=found.modified, written=found.modified)

    def written(self, name: str) -> datetime | None:
        """When a file was last published, UTC; None if it isn't there."""
        key = self._key(name)
        return next((found.modified for found in self._bucket.objects(key) if found.key == key), None)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._bucket.delete([self._key(name)])

    def half_written(self, *, older_than: datetime, dry_run: bool) -> Iterator[Recovered]:
        """Give up the uploads into which nothing has come since then."""
        for upload in still_uploads(self._bucket, self._key("data/"), older_than=older_than):
            if OURS.search(upload.key):
                yield remove_upload(self._bucket, upload, dry_run=dry_run)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


def _bucket(name: str, properties: Mapping[str, str], files: LocalFiles) -> Bucket:
    """The bucket, as the catalog's properties say; what they don't is left to boto3's usual chain."""

    def said(*keys: str) -> str | None:
        return next((properties[key] for key in keys if properties.get(key)), None)

    virtual = said("s3.force-virtual-addressing")
    endpoint = said("s3.endpoint")
    return Bucket(
        BucketSettings(
            bucket=name,
            endpoint_url=endpoint,
            region=said("s3.region", "client.region"),
            access_key_id=said("s3.access-key-id", "client.access-key-id"),
            secret_access_key=said("s3.secret-access-key", "client.secret-access-key"),
            session_token=said("s3.session-token", "client.session-token"),
            addressing_style="virtual" if virtual == "true" else "path" if endpoint else "auto",
        ),
        step=files.step,
    )
