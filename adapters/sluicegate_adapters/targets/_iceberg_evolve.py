"""What a table is to become for a batch: new columns and wider types, as far as the contract declares them, with the batch's rows.

The change is part of the transaction that commits the rows: a table has both, or neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.checks.types import Column, Kind, type_fits
from sluicegate_adapters.targets._iceberg_types import kept_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table, Transaction

__all__ = ["Layout", "evolve", "layout_of"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What data files are written for: valid as long as the table, evolved for the batch, comes to the same.

    Attributes:
        schema: the columns, with their field IDs.
        spec: the partition spec.
        mapped: files without field IDs are read by the names of these columns.
    """

    schema: Schema
    spec: PartitionSpec
    mapped: bool

    @property
    def columns(self) -> pa.Schema:
        """The columns as Arrow has them."""
        return self.schema.as_arrow()


def layout_of(table: Table, batch: pa.Schema, declared: Mapping[str, str | None]) -> Layout:
    """What the table's data files are to be when it was evolved for a batch of these columns.

    Raises:
        StorageError: Iceberg has no type for a new column.
    """
    transaction = table.transaction()
    evolve(transaction, batch, declared)
    metadata = transaction.table_metadata
    schema = metadata.schema()
    return Layout(schema, metadata.spec(), metadata.name_mapping() in (None, schema.name_mapping))


def evolve(transaction: Transaction, batch: pa.Schema, declared: Mapping[str, str | None]) -> None:
    """Stage the changes that the table needs for a batch of these columns, if the contract declares them all.

    New columns are optional ones. A type is widened where Iceberg can read the old one as the new one, and the declared type
    takes the new one. What isn't declared is left to be refused when rows are fitted.

    Args:
        transaction: on the table as it is.
        batch: its columns.
        declared: the columns that the contract names, and their types in its words.

    Raises:
        StorageError: Iceberg has no type for a new column.
    """
    import pyarrow as pa

    known = {field.name: field for field in transaction.table_metadata.schema().as_arrow()}
    new = [field for field in batch if field.name not in known]
    if not {field.name for field in new} <= declared.keys():
        new = []
    wider = {
        field.name: wide
        for field in batch
        if field.name in known and (wide := _wider(known[field.name].type, field, declared.get(field.name))) is not None
    }
    if not new and not wider:
        return
    with transaction.update_schema() as update:
        if new:
            update.union_by_name(kept_schema(pa.schema(new)))
        for name, kind in wider.items():
            update.update_column((name,), kind)


def _wider(table: Any, field: pa.Field, declared: str | None) -> Any:
    """The Iceberg type that the table's column should get; None: the one that it has."""
    import pyarrow as pa
    from pyiceberg.types import DecimalType, DoubleType, LongType

    if declared is None:
        return None
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_int32(table) and (pa.types.is_int64(kind) or pa.types.is_uint32(kind)):
        return LongType() if type_fits(declared, Column(field.name, Kind.INTEGER, "BIGINT")) else None
    if pa.types.is_float32(table) and pa.types.is_float64(kind):
        return DoubleType() if type_fits(declared, Column(field.name, Kind.FLOAT, "DOUBLE")) else None
    if not (pa.types.is_decimal(table) and pa.types.is_decimal(kind)) or table.scale != kind.scale:
        return None
    native = f"DECIMAL({kind.precision},{kind.scale})"
    grown = table.precision < kind.precision <= 38  # noqa: PLR2004 - digits at most
    return (
        DecimalType(kind.precision, kind.scale)
        if grown and type_fits(declared, Column(field.name, Kind.DECIMAL, native))
        else None
    )
