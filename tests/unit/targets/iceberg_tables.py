"""Looking at the embedded catalog's tables with pyiceberg alone, as any reader would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

__all__ = ["opened", "table", "values"]


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


def values(base: Path, name: str = "numbers") -> list[int]:
    """The values of column ``a``, sorted; none where there is no table."""
    try:
        rows = table(base, name).scan().to_arrow()
    except NoSuchTableError:
        return []
    return sorted(rows.column("a").to_pylist())
