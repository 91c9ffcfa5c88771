"""Column types as contracts name them and as batches have them, on one scale of kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sluicegate.checks.nested import inner_types

__all__ = ["BatchSchema", "Column", "Kind", "kind_of", "type_fits", "unknown_type"]


class Kind(StrEnum):
    """What a column's values are, whatever the format calls it."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    STRING = "string"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMP_TZ = "timestamp_tz"
    INTERVAL = "interval"
    BINARY = "binary"
    LIST = "list"
    STRUCT = "struct"
    MAP = "map"
    OTHER = "other"

    @property
    def is_number(self) -> bool:
        return self in {Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT}

    @property
    def is_temporal(self) -> bool:
        return self in {Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_TZ}

    @property
    def is_nested(self) -> bool:
        return self in {Kind.LIST, Kind.STRUCT, Kind.MAP}

    @property
    def is_ordered(self) -> bool:
        return self.is_number or self.is_temporal or self in {Kind.STRING, Kind.TIME}


_NAMES: dict[Kind, str] = {
    Kind.BOOLEAN: "boolean bool logical",
    Kind.INTEGER: "integer int tinyint smallint mediumint bigint hugeint long short byte int1 int2 int4 int8 int16 int32 int64 "
    "int128 uint8 uint16 uint32 uint64 uint128 utinyint usmallint uinteger ubigint uhugeint signed",
    Kind.DECIMAL: "decimal numeric dec",
    Kind.FLOAT: "float double real float4 float8 float16 float32 float64 halffloat half_float",
    Kind.STRING: "string varchar char text str bpchar nvarchar utf8 large_string large_utf8 string_view uuid enum category json",
    Kind.DATE: "date date32 date64",
    Kind.TIME: "time time32 time64",
    Kind.TIMESTAMP: "timestamp datetime timestamp_s timestamp_ms timestamp_us timestamp_ns timestamp_ntz timestampntz",
    Kind.TIMESTAMP_TZ: "timestamp_tz timestamptz timestamp_ltz timestampltz",
    Kind.INTERVAL: "interval duration",
    Kind.BINARY: "binary blob bytea varbinary bytes large_binary",
    Kind.LIST: "list array",
    Kind.STRUCT: "struct object record row",
    Kind.MAP: "map",
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}

# A width is only held against a batch when the contract names one: "integer" is any integer, "int32" is four bytes.
_WIDTHS = {
    "tinyint": 1, "int8": 1, "byte": 1, "smallint": 2, "int16": 2, "short": 2, "int32": 4, "int4": 4,
    "bigint": 8, "int64": 8, "long": 8, "hugeint": 16, "int128": 16,
    "utinyint": 1, "uint8": 1, "usmallint": 2, "uint16": 2, "uint32": 4, "ubigint": 8, "uint64": 8,
    "float32": 4, "float4": 4, "real": 4, "float64": 8, "float8": 8, "double": 8,
}  # fmt: skip
_NATIVE_WIDTHS = _WIDTHS | {"integer": 4, "uinteger": 4, "float": 4}
_ARGUMENTS = re.compile(r"^(?P<base>[^(\[<]+)\s*(?:\((?P<arguments>[^)]*)\))?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a batch: its name, its kind, and DuckDB's name for its type."""

    name: str
    kind: Kind
    native: str

    @property
    def is_null(self) -> bool:
        """Whether its type holds nothing but NULL (an Arrow or JSON column without a single value): it suits every check."""
        return self.native.strip('"').upper() == "NULL"


@dataclass(frozen=True, slots=True)
class BatchSchema:
    """The columns of a batch, in their order."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    def get(self, name: str) -> Column | None:
        """The column of exactly this name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _base_and_arguments(type_name: str) -> tuple[str, tuple[str, ...]]:
    text = type_name.strip().lower()
    if text.endswith("[]") or re.search(r"\[\d*\]$", text):
        return "list", ()
    text = text.replace("timestamp with time zone", "timestamp_tz").replace("timestamp without time zone", "timestamp")
    text = (
        text.replace("time with time zone", "time").replace("double precision", "double").replace("character varying", "varchar")
    )
    if match := re.fullmatch(r"timestamp\[(\w+)(, *tz=.*)?\]", text):  # Arrow's spelling
        return ("timestamp_tz" if match[2] else "timestamp"), ()
    match = _ARGUMENTS.match(text)
    if match is None:
        return text, ()
    arguments = tuple(part.strip() for part in (match["arguments"] or "").split(",") if part.strip())
    return match["base"].strip().removesuffix(" unsigned"), arguments


def kind_of(type_name: str) -> Kind | None:
    """The kind behind a type's name in SQL, Arrow, Spark or plain English; None for a name nobody uses.

    >>> kind_of("DECIMAL(10,2)"), kind_of("timestamp with time zone"), kind_of("VARCHAR[]"), kind_of("strnig")
    (<Kind.DECIMAL: 'decimal'>, <Kind.TIMESTAMP_TZ: 'timestamp_tz'>, <Kind.LIST: 'list'>, None)
    """
    return _KINDS.get(_base_and_arguments(type_name)[0])


def unknown_type(type_name: str) -> str | None:
    """The first part of a type that nobody's type is called: itself, or one inside it; None if all are known.

    >>> unknown_type("list<strnig>"), unknown_type("map(varchar, struct<a: int>)")
    ('strnig', None)
    """
    if kind_of(type_name) is None:
        return type_name
    return next((unknown for inner in inner_types(type_name).values() if (unknown := unknown_type(inner)) is not None), None)


def type_fits(declared: str, column: Column) -> bool:
    """Whether a batch's column is what the contract declares.

    A bare kind (``integer``, ``decimal``, ``timestamp``) takes any width, scale or unit of that kind; ``int32``,
    ``double`` or ``decimal(10,2)`` takes only that width (and sign), or that precision and scale; ``list<int64>`` or
    ``struct<a: string>`` only lists of such, or structs of just these fields. Strings have no length here: that is a
    ``length`` check.
    """
    base, arguments = _base_and_arguments(declared)
    if _KINDS.get(base) is not column.kind:
        return False
    native, native_arguments = _base_and_arguments(column.native)
    if column.kind is Kind.DECIMAL and arguments:
        return (*arguments, "0")[:2] == native_arguments
    if base in _WIDTHS and native in _NATIVE_WIDTHS:
        return _WIDTHS[base] == _NATIVE_WIDTHS[native] and base.startswith("u") is native.startswith("u")
    return not column.kind.is_nested or _inside_fits(declared, column)


def _inside_fits(declared: str, column: Column) -> bool:
    wanted, found = inner_types(declared), inner_types(column.native)
    if not wanted:
        return True
    inner = {name: Column(name, kind_of(native) or Kind.OTHER, native) for name, native in found.items()}
    return wanted.keys() == inner.keys() and all(
        inner[name].is_null or type_fits(type_name, inner[name]) for name, type_name in wanted.items()
    )
