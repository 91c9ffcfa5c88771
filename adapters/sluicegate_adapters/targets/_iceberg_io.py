"""pyiceberg's files on a local disk, durable: what it writes is on disk when it is closed, before a catalog names it.

pyiceberg finds ``DurableFileIO`` by this module's name; the class is made when it is asked for, because pyiceberg is slow to import.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Self

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

    class DurableFileIO(PyArrowFileIO):
        def new_output(self, location: str) -> PyArrowFile:
            made = super().new_output(location)
            if made._filesystem.type_name != "local":  # noqa: SLF001 - there is no other way to know
                return made
            return DurableFile(location=location, path=made._path, fs=made._filesystem, buffer_size=made._buffer_size)  # noqa: SLF001

    return DurableFileIO


class _Synced:
    """An output stream whose file, and the file's name, are on disk when it is closed."""

    def __init__(self, stream: Any, path: Path) -> None:
        self._stream = stream
        self._path = path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self._stream.closed:
            self._stream.close()
            LocalFiles().sync_file(self._path)
            LocalFiles().sync_folder(self._path.parent)
