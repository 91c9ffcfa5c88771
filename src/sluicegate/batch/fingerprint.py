"""What a batch's content is, in 64 hex digits: of files their bytes, of tables in memory their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock, Thread

from sluicegate.batch.files import BatchFile
from sluicegate.errors import BatchUnreadable

__all__ = ["Fingerprint", "file_sha256", "hash_files"]

_CHUNK = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read once, in constant memory.

    Raises:
        BatchUnreadable: the file can't be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise BatchUnreadable(f"{path}: {(error.strerror or 'unreadable').lower()}") from error
    return digest.hexdigest()


def hash_files(files: Sequence[BatchFile]) -> tuple[str, dict[Path, str]]:
    """The content's fingerprint and each file's own.

    One file: its SHA-256, as ``sha256sum`` prints it. Several: SHA-256 over one line ``<bytes> <sha256>`` for each, in the
    order of their paths.

    Raises:
        BatchUnreadable: a file can't be read, or changed meanwhile.
    """
    each = {}
    for file in files:
        file.check_unchanged()
        each[file.path] = file_sha256(file.path)
        file.check_unchanged()
    if len(files) == 1:
        return each[files[0].path], each
    lines = "".join(f"{file.bytes} {each[file.path]}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest(), each


class Fingerprint:
    """A fingerprint that is computed in a thread of its own, beside the scan, and waited for when it is needed."""

    def __init__(self, compute: Callable[[], tuple[str, dict[Path, str]]]) -> None:
        self._compute = compute
        self._lock = Lock()
        self._thread: Thread | None = None
        self._found: tuple[str, dict[Path, str]] | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._work, name="sluicegate-fingerprint", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        try:
            self._found = self._compute()
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def result(self) -> tuple[str, dict[Path, str]]:
        """Wait for it.

        Raises:
            BatchUnreadable: as ``hash_files``.
        """
        self.start()
        assert self._thread is not None  # noqa: S101 - start() sets it
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._found is not None  # noqa: S101 - neither error nor result can't be
        return self._found
