"""The source port: files that lie elsewhere, found by URI and fetched to this machine, where they are a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

__all__ = ["RemoteFile", "Source"]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as it was when it was looked at.

    Attributes:
        uri: whole, with its scheme: what people and manifests call it.
        bytes: its length.
        version: what differs when its content does, in the source's own words (S3: the ETag).
    """

    uri: str
    bytes: int
    version: str


class Source(Protocol):
    """An entry point of the group ``sluicegate.sources`` is named after a URI's scheme, and is a callable ``(settings, base) -> Source``.

    ``settings`` are the profile's ``sources.<scheme>``; relative paths in them start at ``base``. One source may be used by several threads.
    """

    def look(self, uri: str) -> RemoteFile | None:
        """The file of exactly this URI, or None.

        Raises:
            UsageError: there can't be such a URI.
            StorageError: it can't be asked for.
        """
        ...

    def list(self, prefix: str) -> Iterable[RemoteFile]:
        """Every file whose URI begins with this text, in any order.

        Raises: as ``look``.
        """
        ...

    def fetch(self, wanted: Mapping[RemoteFile, Path]) -> None:
        """Write each file, whole, to its path; the folders are there, the files are not.

        Raises:
            BatchUnreadable: one is gone, or is no longer what was looked at.
            StorageError: one can't be read.
            OSError: a path can't be written.
        """
        ...
