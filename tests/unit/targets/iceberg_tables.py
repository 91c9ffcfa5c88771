"""Looking at the embedded catalog's tables with pyiceberg alone, as any reader would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

__all__ = ["opened", "rows", "table", "values"]


@contextmanager
def opened(base: Path) -> Iterator[SqlCatalog]:
    """The embedded catalog below a profile's folder."""
    folder = base / ".sluicegate" / "iceberg"
    folder.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog("sluicegate", uri=f"sqlite:///{folder / 'catalog.sqlite'}", warehouse=str(folder / "warehouse"))
    with closing(catalog):
        yield catalog


def table(base: Path, name: str = "numbers", namespace: str = "default") -> Table:
    """A table as it is now."""
    with opened(base) as catalog:
        return catalog.load_table((namespace, name))


def values(base: Path, name: str = "numbers", branch: str = "main") -> list[int]:
    """The values of column ``a`` in a branch, sorted; none where there is no table or branch."""
    try:
        found = table(base, name)
    except NoSuchTableError:
        return []
    if branch not in found.metadata.refs:
        return []
    return sorted(found.scan().use_ref(branch).to_arrow().column("a").to_pylist())


def rows(base: Path, name: str = "numbers") -> list[dict[str, Any]]:
    """The rows, sorted as text."""
    return sorted(table(base, name).scan().to_arrow().to_pylist(), key=str)
