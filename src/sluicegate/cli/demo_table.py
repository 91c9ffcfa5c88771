"""The demo's last part: what is in the table, told by others than the gate. pyiceberg names the files, DuckDB counts their rows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sluicegate.cli.screen import Screen, clean, cut, grid, wrap
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate.config import Profile

__all__ = ["show_table"]

_PREFIX = "sluicegate."
_DATASET = "flights"
_CATALOG = "sluicegate"
"""The embedded catalog's name: a SQL catalog keeps the tables of many apart by it."""


def show_table(profile: Profile, screen: Screen) -> dict[str, Any]:
    """Print the table's snapshots with their properties, and its rows by day."""
    if profile.target.type == "iceberg":
        name, snapshots, files = _iceberg(profile)
    else:
        name, snapshots, files = f"{profile.base / 'data' / _DATASET}", [], _parquet(profile)
    days = _rows_by_day(files)
    if snapshots:
        _show_snapshots(name, snapshots, screen)
    total = sum(days.values())
    told = f"DuckDB reads its {plural(len(files), 'file')}: {plural(total, 'row')}"
    parts = " + ".join(f"{rows} of {day}" for day, rows in days.items())
    for line in wrap(f"{told} = {parts}" if parts else told, screen.width):
        screen.line((line, "bold green"))
    return {"name": name, "rows": total, "days": days, "files": files, "snapshots": snapshots}


def _iceberg(profile: Profile) -> tuple[str, list[dict[str, str]], list[str]]:
    from pyiceberg.catalog.sql import SqlCatalog

    folder = profile.base / ".sluicegate" / "iceberg"
    catalog = SqlCatalog(_CATALOG, uri=f"sqlite:///{folder / 'catalog.sqlite'}", warehouse=str(folder / "warehouse"))
    try:
        table = catalog.load_table(("default", _DATASET))
        snapshots = [
            {"snapshot-id": str(each.snapshot_id), **(each.summary.additional_properties if each.summary else {})}
            for each in sorted(table.snapshots(), key=lambda each: each.sequence_number or 0)
        ]
        files = [task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()]
    finally:
        catalog.close()
    return f"default.{_DATASET}", snapshots, sorted(files)


def _parquet(profile: Profile) -> list[str]:
    return sorted(str(path) for path in (profile.base / "data" / _DATASET).glob("batch=*/*.parquet"))


def _rows_by_day(files: list[str]) -> dict[str, int]:
    import duckdb

    from sluicegate.checks.sqltext import literals

    if not files:
        return {}
    listed = literals(tuple(files))
    query = f"SELECT make_date(year, month, day)::VARCHAR, count(*) FROM read_parquet([{listed}]) GROUP BY 1 ORDER BY 1"
    with closing(duckdb.connect()) as connection:
        found = connection.execute(query).fetchall()
    return {str(day): int(rows) for day, rows in found}


def _show_snapshots(name: str, snapshots: list[dict[str, str]], screen: Screen) -> None:
    rows = [
        [each["snapshot-id"], *(each.get(f"{_PREFIX}{key}", "") for key in ("batch-id", "rows", "decision"))]
        for each in snapshots
    ]
    screen.line(f"The Iceberg table {name}, a snapshot for each batch:")
    for line in grid(("SNAPSHOT", "BATCH", "ROWS", "DECISION"), rows, screen.width):
        screen.line(line)
    screen.line("")
    screen.line("The last one's properties:")
    _show_properties(snapshots[-1], screen)
    screen.line("")


def _show_properties(snapshot: Mapping[str, str], screen: Screen) -> None:
    own = {key.removeprefix(_PREFIX): value for key, value in sorted(snapshot.items()) if key.startswith(_PREFIX)}
    width = max(map(len, own), default=0)
    for key, value in own.items():
        screen.line((f"  {key:<{width}}  ", "dim"), cut(clean(value), screen.width - width - 4))
