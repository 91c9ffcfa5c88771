"""Objects in S3's buckets, fetched in pieces by several threads, each piece only of the version that was looked at."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from sluicegate.errors import BatchUnreadable, ConfigError, StorageError, UsageError
from sluicegate.ports.source import RemoteFile
from sluicegate_adapters.s3.errors import is_missing_key, status_of
from sluicegate_adapters.s3.objects import Bucket, Step, unwatched
from sluicegate_adapters.s3.settings import MEBIBYTE, read_bucket_settings

__all__ = ["S3Source"]

_SETTINGS = frozenset({
    "endpoint_url", "region", "access_key_id", "secret_access_key", "session_token", "checksums", "addressing_style", "ca_bundle",
    "timeout_seconds",
})  # fmt: skip
_PIECE = 16 * MEBIBYTE
_THREADS = 8
_PRECONDITION_FAILED, _RANGE_NOT_SATISFIABLE = 412, 416
_STILL = "hand in objects that nobody writes to any more"


class S3Source:
    """What ``s3://bucket/key`` names. Safe to share between threads.

    Args:
        settings: how to talk to the server; what isn't said is left to boto3's usual chain: environment, files, roles.
        base: where a relative ``ca_bundle`` starts.
        step: what goes around each request; for tests.

    Raises:
        ConfigError: a setting can't be used.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path, *, step: Step = unwatched) -> None:
        if unknown := sorted(settings.keys() - _SETTINGS):
            raise ConfigError(f"sources.s3 has no setting {unknown[0]!r}", hint=f"known: {', '.join(sorted(_SETTINGS))}")
        self._settings = {**settings}
        self._base = base
        self._step = step
        self._buckets: dict[str, Bucket] = {}
        read_bucket_settings({**settings, "bucket": "any"}, base, where="sources.s3")

    def look(self, uri: str) -> RemoteFile | None:
        """The object of exactly this URI, or None. See ``ports.source.Source``."""
        bucket, key = self._named(uri)
        found = bucket.head(key)
        return RemoteFile(uri, found.bytes, found.etag) if found is not None else None

    def list(self, prefix: str) -> Iterator[RemoteFile]:
        """Every object whose URI begins with this text. See ``ports.source.Source``."""
        bucket, key = self._named(prefix)
        start = prefix[: len(prefix) - len(key)]
        for found in bucket.objects(key):
            yield RemoteFile(start + found.key, found.bytes, found.etag)

    def fetch(self, wanted: Mapping[RemoteFile, Path]) -> None:
        """Write each object to its path, several pieces at a time. See ``ports.source.Source``."""
        pieces: SimpleQueue[tuple[RemoteFile, Path, int]] = SimpleQueue()
        for file, path in wanted.items():
            with path.open("xb") as made:
                os.truncate(made.fileno(), file.bytes)
            for first in range(0, file.bytes, _PIECE):
                pieces.put((file, path, first))
        count = min(_THREADS, pieces.qsize())
        work = _Work(self, pieces)
        threads = [threading.Thread(target=work.run, name="sluicegate-source", daemon=True) for _ in range(count)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            work.stopped.set()  # Ctrl-C: they end after the block that they are at
        if work.error is not None:
            raise work.error

    def read(self, file: RemoteFile, path: Path, first: int, stopped: threading.Event) -> None:
        """Write one piece of an object to its place in the file; it may be written again.

        Raises: as ``fetch``.
        """
        bucket, key = self._named(file.uri)
        length = min(_PIECE, file.bytes - first)
        with path.open("r+b", buffering=0) as target:

            def write(offset: int, block: bytes) -> None:
                if stopped.is_set():
                    raise StorageError(f"{file.uri}: no longer wanted")
                os.pwrite(target.fileno(), block, first + offset)

            try:
                etag = bucket.read_piece(key, first, length, file.version, write)
            except StorageError as error:
                if is_missing_key(error.__cause__):
                    raise BatchUnreadable(f"{file.uri} was there, and is gone", hint=_STILL) from error
                if status_of(error.__cause__) in {_PRECONDITION_FAILED, _RANGE_NOT_SATISFIABLE}:
                    raise BatchUnreadable(f"{file.uri} changed while it was fetched", hint=_STILL) from error
                raise
        if etag != file.version:
            raise BatchUnreadable(f"{file.uri} changed while it was fetched", hint=_STILL)

    def _named(self, uri: str) -> tuple[Bucket, str]:
        name, _, key = uri.partition("://")[2].partition("/")
        if name not in self._buckets:
            try:
                settings = read_bucket_settings({**self._settings, "bucket": name}, self._base, where=uri)
            except ConfigError as error:
                raise UsageError(f"{uri}: no bucket is called {name!r}", hint=error.hint) from error
            self._buckets.setdefault(name, Bucket(settings, step=self._step))
        return self._buckets[name], key


class _Work:
    """What the threads of one ``fetch`` share: the pieces that are left, and the first error."""

    def __init__(self, source: S3Source, pieces: SimpleQueue[tuple[RemoteFile, Path, int]]) -> None:
        self._source = source
        self._pieces = pieces
        self.stopped = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self._source.read(*self._pieces.get_nowait(), self.stopped)
        except Empty:
            return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            if not self.stopped.is_set():
                self.error = error
            self.stopped.set()
