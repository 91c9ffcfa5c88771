"""A batch's content as one SHA-256: what tells a repeated delivery from another one under the same ``batch_id``.

The batch computes it when it is opened, a target and a quarantine store compute it again from the bytes that they copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

__all__ = ["BLOCK_BYTES", "combined_sha256", "file_sha256", "files_sha256"]

BLOCK_BYTES = 1 << 20
"""How much of a file is read at a time."""


def combined_sha256(parts: Sequence[tuple[int, str]]) -> str:
    """The fingerprint of a batch from its files' (length in bytes, SHA-256 in hex), in the order of their paths.

    One file: its SHA-256, as ``sha256sum`` prints it. Several: SHA-256 over one line ``<bytes> <sha256>`` for each. The
    files' names don't count, so that a delivery that was moved stays the same batch.

    >>> combined_sha256([(1, "aa")])
    'aa'
    """
    if len(parts) == 1:
        return parts[0][1]
    lines = "".join(f"{length} {sha256}\n" for length, sha256 in parts)
    return hashlib.sha256(lines.encode("ascii")).hexdigest()


def file_sha256(path: Path) -> tuple[int, str]:
    """A file's length in bytes and its SHA-256 in hex, of the bytes that were read.

    Raises:
        OSError: as the operating system says.
    """
    digest, length = hashlib.sha256(), 0
    for block in _blocks(path):
        digest.update(block)
        length += len(block)
    return length, digest.hexdigest()


def files_sha256(paths: Iterable[Path]) -> str:
    """The fingerprint of a batch that consists of these files, in the order of their paths.

    Raises:
        OSError: as the operating system says.
    """
    return combined_sha256([file_sha256(path) for path in paths])


def _blocks(path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(BLOCK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]
