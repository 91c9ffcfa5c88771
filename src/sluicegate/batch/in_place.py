"""Arrow tables that are read where they lie: a view over their memory, without a copy.

Arrow's data is immutable, by its own rules, so what is checked is what is committed; who changes the memory below a table through another
door (the NumPy array that it was made from, say) while the gate is at work breaks that. What may be changed is copied: pandas. What can
be read once only is, too: readers and relations.

Filters stay DuckDB's: before 2.0 it left them to Arrow, which orders NaN otherwise, so there everything is copied. So is a table with a column of a
type whose values may fail to convert: that is to be found when the batch is opened, not in the middle of the checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluicegate.batch.text_readers import check_names

if TYPE_CHECKING:
    import duckdb

__all__ = ["reads_in_place", "suits", "view_arrow"]

_FILTERS_ITSELF = (2, 0)


def reads_in_place() -> bool:
    """Whether this DuckDB filters the rows of an Arrow table itself."""
    import duckdb

    return tuple(int(part) for part in duckdb.__version__.split(".")[:2]) >= _FILTERS_ITSELF


def suits(data: Any) -> bool:
    """Whether an Arrow object can be viewed: a table, all of whose columns are of types that DuckDB takes over as they are."""
    import pyarrow as pa

    return reads_in_place() and isinstance(data, pa.Table) and all(_is_plain(field.type) for field in data.schema)


def _is_plain(kind: Any) -> bool:
    from pyarrow import types as t

    numbers = t.is_integer(kind) or t.is_float32(kind) or t.is_float64(kind)
    numbers = numbers or (t.is_decimal128(kind) and kind.scale >= 0)  # DuckDB has no others, and breaks over them
    texts = t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind) or t.is_binary(kind) or t.is_large_binary(kind)
    moments = t.is_date32(kind) or (t.is_timestamp(kind) and kind.unit == "us")
    return bool(numbers or texts or moments or t.is_boolean(kind))


def view_arrow(connection: duckdb.DuckDBPyConnection, name: str, place: str, data: Any) -> None:
    """Create a view over a table that suits; it is kept alive for as long as the view is there.

    Raises:
        BatchUnreadable: no columns, or one twice.
    """
    check_names(place, list(data.schema.names))
    connection.from_arrow(data).create_view(name)
