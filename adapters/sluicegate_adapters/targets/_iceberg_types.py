"""What of a batch an Iceberg table can keep, and how its columns are made to fit those of a table: exactly, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sluicegate.errors import StorageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Fitted", "copyable", "kept_schema"]

_FIELD_ID = b"PARQUET:field_id"
_WIDER = {("integer", "decimal"), ("integer", "float"), ("null", "*")}
"""Families that may go into a column of another one; each value is checked when it is cast."""
_CAST = "cast it where the batch is made"
_DIGITS_OF_UINT64 = 20
_DIGITS_AT_MOST = 38


def kept_schema(batch: pa.Schema) -> pa.Schema:
    """The columns of a new table that keeps these: no value of the batch's types is lost in them.

    Raises:
        StorageError: Iceberg has no type for a column; the message names it.
    """
    import pyarrow as pa

    return pa.schema([pa.field(field.name, _kept(field.type, field.name), nullable=True) for field in batch])


def _kept(kind: Any, name: str) -> Any:
    import pyarrow as pa

    match _family(kind):
        case "null":
            raise StorageError(f"column {name!r} has no type, only NULLs: no table can be made of it", hint=_CAST)
        case "list":
            return pa.list_(pa.field("element", _kept(kind.value_type, name)))
        case "map":
            return pa.map_(_kept(kind.key_type, name), _kept(kind.item_type, name))
        case "struct" if kind.num_fields:
            return pa.struct([pa.field(inner.name, _kept(inner.type, name)) for inner in kind])
        case family:
            kept = _kept_flat(family, kind.value_type if pa.types.is_dictionary(kind) else kind)
    if kept is None:
        raise StorageError(f"column {name!r}: Iceberg keeps no {kind}", hint=_CAST)
    return kept


def _kept_flat(family: str, kind: Any) -> Any:
    import pyarrow as pa

    match family:
        case "integer" if pa.types.is_uint64(kind):
            return pa.decimal128(_DIGITS_OF_UINT64, 0)
        case "integer":
            return pa.int64() if kind.bit_width > 32 or pa.types.is_uint32(kind) else pa.int32()  # noqa: PLR2004 - bits
        case "float":
            return pa.float64() if pa.types.is_float64(kind) else pa.float32()
        case "decimal" if kind.precision <= _DIGITS_AT_MOST and kind.scale >= 0:
            return pa.decimal128(kind.precision, kind.scale)
        case _:
            known = {"time": pa.time64("us"), "timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", tz="UTC")}
            known |= {"string": pa.string(), "binary": pa.binary(), "boolean": pa.bool_(), "date": pa.date32()}
            return known.get(family)


def copyable(table: pa.Schema, file: pa.Schema) -> bool:
    """Whether a Parquet file with these columns can become a data file of the table byte by byte.

    It can where each column is flat and of the very type that the table has. Field IDs of its own would be taken for the table's.
    """
    return (
        all(
            (field.metadata is None or _FIELD_ID not in field.metadata)
            and field.name in table.names
            and _flat(field.type) == _flat(table.field(field.name).type) is not None
            and (not field.nullable or table.field(field.name).nullable)
            for field in file
        )
        and len(set(file.names)) == len(file.names)
        and all(field.nullable or field.name in file.names for field in table)
    )


def _flat(kind: Any) -> Any:
    """The type if Parquet and Iceberg both mean the same by it, else None."""
    import pyarrow as pa

    exact = {pa.bool_(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.date32(), pa.time64("us")}
    exact |= {pa.timestamp("us"), pa.timestamp("us", tz="UTC")}
    if kind in exact or pa.types.is_decimal128(kind):
        return kind
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) else None


class Fitted:
    """How a batch's rows are made into rows of a table.

    Args:
        table: the table's columns, with their field IDs.
        batch: the batch's columns.

    Attributes:
        schema: those columns of the table that the batch has; the others are optional, and read as NULL.

    Raises:
        StorageError: the batch has columns that the table doesn't have, lacks required ones, or has them in another type.
    """

    def __init__(self, table: pa.Schema, batch: pa.Schema) -> None:
        import pyarrow as pa

        new = [name for name in batch.names if name not in table.names]
        missing = [field.name for field in table if not field.nullable and field.name not in batch.names]
        changed = [
            f"{field.name!r} (the table has {table.field(field.name).type}, the batch {field.type})"
            for field in batch
            if field.name in table.names and not _fits(field.type, table.field(field.name).type)
        ]
        for names, what, cure in (
            ([repr(name) for name in new], "are not in the table", "declare them in the contract's schema, or leave them out"),
            ([repr(name) for name in missing], "are required by the table", "deliver them, or make them optional in the table"),
            (changed, "have another type", "cast them where the batch is made, or change the table"),
        ):
            if names:
                raise StorageError(
                    f"columns of the batch and the table differ; these {what}: {', '.join(names)}",
                    hint=f"{cure}; then run it again: nothing was committed",
                )
        self.schema = pa.schema([field for field in table if field.name in batch.names])

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows in the table's types.

        Raises:
            StorageError: a value doesn't fit; the message names the column, not the value.
        """
        import pyarrow as pa

        return pa.RecordBatch.from_arrays([self._column(rows, field) for field in self.schema], schema=self.schema)

    def _column(self, rows: pa.RecordBatch, field: pa.Field) -> Any:
        import pyarrow as pa

        column = rows.column(field.name)
        try:
            if pa.types.is_dictionary(column.type):
                column = column.dictionary_decode()
            fitted = column.cast(field.type, safe=True)
            if pa.types.is_decimal(field.type):
                fitted.validate(full=True)  # a HUGEINT may have more digits than its Arrow type says
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise StorageError(
                f"column {field.name!r}: not every value of {column.type} fits into the table's {field.type}", hint=_CAST
            ) from error
        if not field.nullable and fitted.null_count:
            raise StorageError(f"column {field.name!r} is required by the table, and has NULLs in the batch")
        return fitted


def _fits(batch: Any, table: Any) -> bool:
    """Whether each value of a type, where its column's cast succeeds, is the same value in the other."""
    given, wanted = _family(batch), _family(table)
    if given != wanted or given == "other":
        return (given, wanted) in _WIDER or (given, "*") in _WIDER
    if given == "float":
        return bool(batch.bit_width <= table.bit_width)
    return all(name in _children(table) and _fits(inner, _children(table)[name]) for name, inner in _children(batch).items())


def _children(kind: Any) -> dict[str, Any]:
    match _family(kind):
        case "list":
            return {"element": kind.value_type}
        case "map":
            return {"key": kind.key_type, "value": kind.item_type}
        case "struct":
            return {inner.name: inner.type for inner in kind}
        case _:
            return {}


def _family(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _family(kind.value_type)
    return next((name for name, test in _tests() if test(kind)), "other")


def _tests() -> Iterator[tuple[str, Any]]:
    from pyarrow import types as t

    yield "integer", t.is_integer
    yield "float", t.is_floating
    yield "decimal", t.is_decimal
    yield "boolean", t.is_boolean
    yield "string", lambda kind: t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind)
    yield "binary", lambda kind: t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind)
    yield "date", t.is_date32
    yield "time", t.is_time
    yield "timestamp", lambda kind: t.is_timestamp(kind) and kind.tz is None
    yield "timestamptz", lambda kind: t.is_timestamp(kind) and kind.tz is not None
    yield "list", lambda kind: t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind)
    yield "map", t.is_map
    yield "struct", t.is_struct
    yield "null", t.is_null
