"""An item's files for as long as they are needed: a store whose items are elsewhere copies them here, and takes them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sluicegate.ports.quarantine import Lending, Manifest, QuarantineStore

__all__ = ["lent"]


@contextmanager
def lent(store: QuarantineStore, item: Manifest) -> Iterator[tuple[Path, ...]]:
    """The item's files, verified.

    Raises:
        UsageError: there is no such item.
        StorageError: they are not what was kept, or can't be had.
    """
    files = store.data_files(item)
    try:
        yield files
    finally:
        if isinstance(store, Lending):
            store.give_back(files)
