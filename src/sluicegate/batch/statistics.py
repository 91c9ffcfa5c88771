"""What Parquet's own statistics say of a batch, and when they are believed.

DuckDB believes them: a NULL count of 0 makes ``count(x)`` a ``count(*)``, bounds decide comparisons, extremes and which row groups
a filter reads. Where the bounds don't bound the column's values, that is a wrong verdict, so such columns are hidden from its
optimiser: they are read through a function that hands out each value as it is, and of which nothing is known beforehand.

Hidden are columns that hold floats at any depth, unless DuckDB wrote the file: by the format's own rules the bounds leave out NaN,
and to DuckDB (and here) NaN is larger than all numbers. DuckDB itself writes no bounds where there is a NaN.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sluicegate.checks.sqltext import identifier

__all__ = ["hidden", "unbounded"]

_OWN = re.compile(r"DuckDB version v[1-9]")
_FLOATS = re.compile(r"\b(FLOAT|DOUBLE)\b|Float16")  # physical types, and the logical one of two bytes


def hidden(column: str) -> str:
    """The column as a SQL expression that has the column's values, and no statistics.

    Anything plainer is seen through: DuckDB 2.0 knows the bounds of ``x * 1``, ``least(x, x)`` and ``coalesce(x, x)`` by those of ``x``.
    """
    return f"union_value(a := {identifier(column)}).a"


def unbounded(columns: Mapping[str, Sequence[tuple[str, int, str]]], writers: Sequence[str | None]) -> tuple[str, ...]:
    """The columns whose bounds, if there are any, need not bound all their values.

    Args:
        columns: name -> its nodes of the schema: name, number of children, types.
        writers: what the files say wrote them (``created_by``).
    """
    if all(writer is not None and _OWN.match(writer) for writer in writers):
        return ()
    return tuple(name for name, nodes in columns.items() if any(_FLOATS.search(kind) for _, _, kind in nodes))
