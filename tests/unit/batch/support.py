"""Writing files, and opening them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from sluicegate.batch.source import open_batch
from sluicegate.checks.sqltext import identifier
from sluicegate.checks.types import Kind

Rows = list[tuple[Any, ...]]


def write(path: Path, query: str) -> Path:
    """The rows of a query as a file, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"COPY ({query}) TO '{path}'")
    return path


def text(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(source: Any, **options: Any) -> tuple[dict[str, str], Rows]:
    """A batch's types by column, and its rows; zoned timestamps as text (DuckDB wants pytz for them, which we don't have)."""
    with open_batch(source, **options) as batch:
        columns = [f"{identifier(item.name)}{'::VARCHAR' if item.kind is Kind.TIMESTAMP_TZ else ''}" for item in batch.schema]
        rows = batch.view().connect().execute(f"SELECT {', '.join(columns)} FROM batch").fetchall()
        assert batch.rows == len(rows)
        return {column.name: column.native for column in batch.schema}, rows
