"""How an Iceberg table is partitioned: ``partition_by`` of a profile, and a batch's rows divided by any table's spec, in a stream.

pyiceberg's own transforms are asked, once for each distinct value of a record batch; its ``append`` would want the batch in memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from sluicegate.errors import ConfigError, StorageError
from sluicegate.ports.names import segment

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema

__all__ = ["Divider", "Key", "PartitionBy", "partition_path", "read_partition_by", "spec_for"]

Key: TypeAlias = tuple[Any, ...]
"""A partition: the values of the spec's fields as Iceberg keeps them, None for NULL."""

_TIMES = ("year", "month", "day", "hour")
_WITH_NUMBER = {"bucket": "bucket", "truncate": "trunc"}
_KNOWN = ("identity", *_TIMES, *_WITH_NUMBER)
_CALL = re.compile(r"(?P<name>[a-z]+)\s*\(\s*(?:(?P<number>\d+)\s*,\s*)?(?P<column>.+?)\s*\)")
_HINT = "such as [day(flight_date), carrier, bucket(16, id), truncate(4, code)]"
_NUMBERS_AT_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PartitionBy:
    """One entry of ``partition_by``.

    Attributes:
        transform: its name: ``identity``, ``year``, ``month``, ``day``, ``hour``, ``bucket`` or ``truncate``.
        number: of buckets, or the width; 0 for the others.
    """

    column: str
    transform: str = "identity"
    number: int = 0

    @property
    def name(self) -> str:
        """The partition field's name, as Iceberg's own tools give it."""
        if self.transform in _WITH_NUMBER:
            return f"{self.column}_{_WITH_NUMBER[self.transform]}_{self.number}"
        return self.column if self.transform == "identity" else f"{self.column}_{self.transform}"

    @property
    def spelled(self) -> str:
        """The transform as Iceberg's metadata spell it."""
        return f"{self.transform}[{self.number}]" if self.number else self.transform


def read_partition_by(given: object) -> tuple[PartitionBy, ...]:
    """The setting ``partition_by`` of a profile.

    Raises:
        ConfigError: it can't be used.
    """
    if not isinstance(given, list | tuple) or not all(isinstance(entry, str) and entry.strip() for entry in given):
        raise ConfigError("target.partition_by must be a list of texts", hint=_HINT)
    found = tuple(_entry(entry.strip()) for entry in given)
    if len({entry.name for entry in found}) != len(found):
        raise ConfigError("target.partition_by names a partition twice")
    times = [entry.column for entry in found if entry.transform in _TIMES]
    if len(set(times)) != len(times):
        raise ConfigError(
            "target.partition_by divides a column by two units of time", hint="the finer one serves filters on the coarser"
        )
    return found


def _entry(text: str) -> PartitionBy:
    call = _CALL.fullmatch(text)
    if call is None:
        return PartitionBy(text)
    name, number = call["name"].removesuffix("s"), int(call["number"] or 0)
    if name not in _KNOWN:
        raise ConfigError(f"target.partition_by: unknown transform {call['name']!r}", hint=f"known: {', '.join(_KNOWN)}")
    if (name in _WITH_NUMBER) != (call["number"] is not None) or not 0 <= number <= _NUMBERS_AT_MOST:
        raise ConfigError(f"target.partition_by can't be {text!r}", hint=_HINT)
    if name in _WITH_NUMBER and not number:
        raise ConfigError(f"target.partition_by: {text!r} divides by nothing", hint=_HINT)
    return PartitionBy(call["column"], name, number)


def spec_for(schema: Schema, wanted: tuple[PartitionBy, ...]) -> PartitionSpec:
    """The partition spec of a new table with these columns.

    Raises:
        StorageError: a column isn't there, or a transform can't be applied to its type.
    """
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec
    from pyiceberg.transforms import parse_transform

    fields = []
    for number, entry in enumerate(wanted, PARTITION_FIELD_ID_START):
        source = next((field for field in schema.fields if field.name == entry.column), None)
        if source is None:
            raise StorageError(
                f"target.partition_by names {entry.column!r}, which is no column of the batch",
                hint=f"its columns: {', '.join(field.name for field in schema.fields)}",
            )
        if entry.name != entry.column and any(field.name == entry.name for field in schema.fields):
            raise StorageError(f"target.partition_by makes a partition {entry.name!r}, and the batch has a column of that name")
        transform = parse_transform(entry.spelled)
        fields.append(PartitionField(source.field_id, number, transform, entry.name))
        _divided(fields[-1], schema)
    return PartitionSpec(*fields)


def partition_path(spec: PartitionSpec, schema: Schema, key: Key) -> str:
    """The folders of a partition below a batch's, each name safe in paths and URIs; empty for an unpartitioned table."""
    types = spec.partition_type(schema).fields
    return "".join(
        f"{segment(field.name)}={segment(_shown(field, kind.field_type, value))}/"
        for field, kind, value in zip(spec.fields, types, key, strict=True)
    )


def _shown(field: PartitionField, kind: Any, value: Any) -> str:
    try:
        return field.transform.to_human_string(kind, value)
    except (OverflowError, ValueError):  # a moment beyond Python's calendar
        return str(value)


def _divided(field: PartitionField, schema: Schema) -> tuple[str, Callable[[Any], Any]]:
    """A partition field's column, and what makes its partition value of one of the column's values.

    Raises:
        StorageError: this target can't divide rows so.
    """
    from pyiceberg.partitioning import partition_record_value
    from pyiceberg.types import DoubleType, FloatType

    source = next((column for column in schema.fields if column.field_id == field.source_id), None)
    if source is None:
        raise StorageError(
            f"partition {field.name!r} is of a nested or dropped column: this target divides rows by whole columns"
        )
    kind = source.field_type
    if str(field.transform) == "void":
        return source.name, lambda _value: None
    if isinstance(kind, FloatType | DoubleType) or not field.transform.can_transform(kind):
        raise StorageError(
            f"column {source.name!r} is {kind}: rows can't be divided by its {field.transform}",
            hint="partition by another column or transform",
        )
    transform = field.transform.transform(kind)
    return source.name, lambda value: transform(partition_record_value(field, value, schema))


class Divider:
    """Rows of a table's columns, divided into its partitions.

    Args:
        spec: the table's partition spec.
        schema: its columns.

    Raises:
        StorageError: this target can't divide rows by such a spec; the message names the partition.
    """

    def __init__(self, spec: PartitionSpec, schema: Schema) -> None:
        self._fields = [_divided(field, schema) for field in spec.fields]
        self._units = [_unit(str(field.transform)) for field in spec.fields]

    def __call__(self, rows: pa.RecordBatch) -> Iterator[tuple[Key, pa.RecordBatch]]:
        """The rows of each partition that occurs; copies, that keep nothing else in memory."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not rows.num_rows:
            return
        keys: list[Key] = [()]
        codes: Any = pa.repeat(pa.scalar(0, pa.int64()), rows.num_rows)
        for (name, transform), unit in zip(self._fields, self._units, strict=True):
            column = rows.column(name) if name in rows.schema.names else pa.nulls(rows.num_rows)
            values, found = _coded(_plain(_floored(column, unit)), transform)
            both = pc.add(pc.multiply(codes, len(values)), found).dictionary_encode()
            keys = [(*keys[code // len(values)], values[code % len(values)]) for code in both.dictionary.to_pylist()]
            codes = both.indices.cast(pa.int64())
        order = pc.sort_indices(codes)  # a stable sort: rows keep their order within a partition
        start = 0
        for run in pc.value_counts(codes.take(order)):
            count = run["counts"].as_py()
            yield keys[run["values"].as_py()], rows.take(order.slice(start, count))
            start += count


def _coded(column: Any, transform: Callable[[Any], Any]) -> tuple[list[Any], Any]:
    """The distinct partition values of a column, and for each row the number of its own."""
    import pyarrow as pa
    import pyarrow.compute as pc

    encoded = column.dictionary_encode()
    numbers: dict[Any, int] = {}
    translated = [numbers.setdefault(transform(value), len(numbers)) for value in encoded.dictionary.to_pylist()]
    null = numbers.setdefault(None, len(numbers)) if encoded.indices.null_count else 0
    table = pa.array(translated or [null], pa.int64())
    return list(numbers), pc.fill_null(table.take(encoded.indices), null)


def _unit(transform: str) -> str | None:
    return transform if transform in _TIMES else None


def _floored(column: Any, unit: str | None) -> Any:
    """A timestamp's unit of time is that of its floor: so few distinct values are left to ask the transform for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if unit is None or not pa.types.is_timestamp(column.type):
        return column
    return pc.floor_temporal(column, unit=unit)


def _plain(column: Any) -> Any:
    """Days and microseconds as Iceberg counts them, which may lie beyond Python's calendar; a UUID as its bytes."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    if pa.types.is_date32(column.type):
        return column.cast(pa.int32())
    return getattr(column, "storage", column)
