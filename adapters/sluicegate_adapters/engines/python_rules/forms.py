"""The batch in the form that a rule wants: only its columns, nothing copied that isn't asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH, identifier

if TYPE_CHECKING:
    import duckdb

__all__ = ["arrow_reader", "arrow_table", "load", "rows_at"]

_READER_ROWS = 65_536


def load(connection: duckdb.DuckDBPyConnection, columns: Sequence[str], form: str) -> Any:
    """The batch's columns as ``relation``, ``table``, ``reader`` (and for ``parts``), ``pandas``, ``polars`` or ``polars_lazy``."""
    relation = connection.sql(f"SELECT {', '.join(map(identifier, columns))} FROM {identifier(BATCH)}")
    match form:
        case "relation":
            return relation
        case "reader" | "parts":
            return arrow_reader(relation)
        case "pandas":
            return _pandas(arrow_table(relation))
        case "polars" | "polars_lazy":
            import polars as pl

            frame = pl.from_arrow(arrow_table(relation))
            return frame.lazy() if form == "polars_lazy" and isinstance(frame, pl.DataFrame) else frame
        case _:
            return arrow_table(relation)


def rows_at(connection: duckdb.DuckDBPyConnection, columns: Sequence[str], positions: Sequence[int]) -> Any:
    """The batch's rows at these positions, counted from 0, as a ``pa.Table``."""
    listed = ", ".join(map(identifier, columns))
    numbered = f"(SELECT {listed}, row_number() OVER () AS _sluicegate_row FROM {identifier(BATCH)})"
    wanted = ", ".join(str(position + 1) for position in positions)
    sql = f"SELECT {listed} FROM {numbered} WHERE _sluicegate_row IN ({wanted}) ORDER BY _sluicegate_row"
    return arrow_table(connection.sql(sql))


def arrow_table(relation: Any) -> Any:
    """A relation's rows as a ``pa.Table``, under the name that this DuckDB has for it."""
    return (getattr(relation, "to_arrow_table", None) or relation.fetch_arrow_table)()


def arrow_reader(relation: Any) -> Any:
    """A relation's rows as a ``pa.RecordBatchReader``, under the name that this DuckDB has for it."""
    return (getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader)(_READER_ROWS)


def _pandas(table: Any) -> Any:
    """Integers and booleans in pandas' nullable types, whether NULLs are there or not: a float can't hold a big integer."""
    import pandas as pd
    import pyarrow as pa

    nullable = {
        pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(), pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip
    return table.to_pandas(types_mapper=nullable.get)
