"""What a bucket says: objects whole, at a glance and in a listing, uploads in parts, and what became of a conditional write."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sluicegate.errors import StorageError

__all__ = ["Answer", "Head", "Listed", "Parts", "Stored", "Upload"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A small object as it was read: its bytes, and the ETag (without quotes) that a conditional write compares with."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Head:
    """What an object says of itself: its length, the metadata that it was written with (names in lower case), its ETag without quotes."""

    bytes: int
    metadata: Mapping[str, str]
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing; ``modified`` is when its writing ended, by the server's clock; ``etag`` is without quotes."""

    key: str
    bytes: int
    modified: datetime
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun and not completed."""

    key: str
    upload_id: str
    begun: datetime


@dataclass(slots=True)
class Parts:
    """The parts of an upload so far, their length and the SHA-256 of all of them."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    bytes: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


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
