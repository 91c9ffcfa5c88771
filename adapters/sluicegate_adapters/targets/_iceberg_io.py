"""pyiceberg's own files, safe: what it writes to a disk is on it when it is closed, what it writes elsewhere is read back.

Either way before a catalog names it. Arrow's S3 client lets bytes that change on the way to a server pass.

pyiceberg finds ``DurableFileIO`` by this module's name; the class is made when it is asked for, because pyiceberg is slow to import.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Self

from sluicegate.ports.fingerprint import BLOCK_BYTES
from sluicegate_adapters.local_files import LocalFiles

__all__ = ["IMPLEMENTATION"]

IMPLEMENTATION = f"{__name__}.DurableFileIO"
"""The catalog property ``py-io-impl``."""


def __getattr__(name: str) -> Any:
    if name == "DurableFileIO":
        return _durable()
    raise AttributeError(name)


@cache
def _durable() -> type:
    from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

    class DurableFile(PyArrowFile):
        def create(self, overwrite: bool = False) -> Any:  # noqa: FBT001, FBT002 - pyiceberg's signature
            path = Path(self._path)
            LocalFiles().make_folder(path.parent)
            return _Synced(super().create(overwrite=overwrite), path)

    class CheckedFile(PyArrowFile):
        def create(self, overwrite: bool = False) -> Any:  # noqa: FBT001, FBT002 - pyiceberg's signature
            return _ReadBack(super().create(overwrite=overwrite), self)

    class DurableFileIO(PyArrowFileIO):
        def new_output(self, location: str) -> PyArrowFile:
            made = super().new_output(location)
            if made._filesystem.type_name != "local":  # noqa: SLF001 - there is no other way to know
                return CheckedFile(location=location, path=made._path, fs=made._filesystem, buffer_size=made._buffer_size)  # noqa: SLF001
            return DurableFile(location=location, path=made._path, fs=made._filesystem, buffer_size=made._buffer_size)  # noqa: SLF001

    return DurableFileIO


class _Stream:
    """An output stream with something left to do when it is closed."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, and do that, once."""
        if not self._stream.closed:
            self._stream.close()
            self._finish()

    def _finish(self) -> None:
        raise NotImplementedError


class _Synced(_Stream):
    """A file whose bytes and name are on disk when it is closed."""

    def __init__(self, stream: Any, path: Path) -> None:
        super().__init__(stream)
        self._path = path

    def _finish(self) -> None:
        LocalFiles().sync_file(self._path)
        LocalFiles().sync_folder(self._path.parent)


class _ReadBack(_Stream):
    """A file that is what was written when it is closed."""

    def __init__(self, stream: Any, file: Any) -> None:
        super().__init__(stream)
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Write, and remember what."""
        self._digest.update(content)
        return int(self._stream.write(content))

    def _finish(self) -> None:
        digest = hashlib.sha256()
        with self._file.open() as written:
            while block := written.read(BLOCK_BYTES):
                digest.update(block)
        if digest.digest() != self._digest.digest():
            raise ConnectionError(f"{self._file.location} is not what was written")
