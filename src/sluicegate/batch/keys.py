"""How the values of a key repeat, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluicegate.checks.questions import Key, Repeats
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate.ports.statements import fetch_row

if TYPE_CHECKING:
    import duckdb

__all__ = ["repeats"]


def repeats(connection: duckdb.DuckDBPyConnection, key: Key, schema: BatchSchema) -> Repeats:
    """How the values of a key repeat in the view ``batch``.

    Args:
        connection: with the view.
        key: columns of the batch.
        schema: the batch's.

    Raises:
        StatementFailed: it can't be computed (memory, disk).
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    del schema
    names = [identifier(column) for column in key.columns]
    present = " AND ".join(f"{name} IS NOT NULL" for name in names)
    sql = (
        "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE n > 1), 0) "
        f"FROM (SELECT count(*) AS n FROM {BATCH} WHERE {present} GROUP BY {', '.join(names)})"
    )
    rows, failing = fetch_row(connection, sql, 2)
    return Repeats(int(rows), int(failing))
