"""What a batch's content is, in 64 hex digits: of files their bytes, of tables in memory their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from threading import Event, Lock, Thread

from sluicegate.batch.files import BatchFile
from sluicegate.errors import BatchUnreadable
from sluicegate.ports.fingerprint import combined_sha256, file_sha256

__all__ = ["Fingerprint", "hash_files"]


def hash_files(files: Sequence[BatchFile], partitions: Collection[str] = ()) -> tuple[str, dict[Path, str]]:
    """The content's fingerprint (``ports.fingerprint``) and each file's own SHA-256.

    Where ``key=value`` folders hold columns, their values count, too: the same bytes under another day are other rows.

    Raises:
        BatchUnreadable: a file can't be read, or changed meanwhile.
    """
    each: dict[Path, tuple[int, str]] = {}
    for file in files:
        file.check_unchanged()
        try:
            each[file.path] = file_sha256(file.path)
        except OSError as error:
            raise BatchUnreadable(f"{file.path}: {(error.strerror or 'unreadable').lower()}") from error
        file.check_unchanged()
    combined = combined_sha256(list(each.values()))
    if partitions:
        values = [[part for part in path.parts if part.partition("=")[0] in partitions] for path in each]
        combined = hashlib.sha256(f"{combined}\n{values!r}".encode()).hexdigest()
    return combined, {path: sha256 for path, (_, sha256) in each.items()}


class Fingerprint:
    """A fingerprint that is computed in a thread of its own, beside the scan, and waited for when it is needed."""

    def __init__(self, compute: Callable[[Event], tuple[str, dict[Path, str]]]) -> None:
        self._compute = compute
        self._stopped = Event()
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
            self._found = self._compute(self._stopped)
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def stop(self) -> None:
        """Give up soon, and wait until it has: the database under it is about to close."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

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
