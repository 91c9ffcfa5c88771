"""Text becomes values: exactly, or not at all.

A column whose every value reads as its type without loss gets that type; one with a value that doesn't stays text, so
that nothing is dropped, rounded or invented, and the contract's own checks say what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import Kind, kind_of

if TYPE_CHECKING:
    import duckdb

__all__ = ["EXACT_DOUBLE", "Conversion", "infer", "planned", "refusal", "type_of_nothing"]

_INTEGER = r"^\s*[+-]?\d+\s*$"
_PLAIN_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"  # no 007, no +1: those are codes, and stay text
_DATE = r"^\s*\d{4}-\d{2}-\d{2}\s*$"
_TIMESTAMP = r"^\s*\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?)?\s*$"
_ZONED = r"^\s*\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?\s*$"
_DOUBLE_DIGITS = 17  # as many as tell any two doubles apart
_EXACT_DIGITS = 15  # any number of so many is told from its neighbours by a double
_SAMPLE_ROWS = 2_048
_COLUMNS_AT_A_TIME = 64
_DECIMAL_DIGITS = 38  # DuckDB has no wider one

_INTEGERS = {
    "tinyint": "TINYINT", "int8": "TINYINT", "byte": "TINYINT", "smallint": "SMALLINT", "int16": "SMALLINT", "short": "SMALLINT",
    "int32": "INTEGER", "int4": "INTEGER", "hugeint": "HUGEINT", "int128": "HUGEINT",
    "utinyint": "UTINYINT", "uint8": "UTINYINT", "usmallint": "USMALLINT", "uint16": "USMALLINT",
    "uint32": "UINTEGER", "uinteger": "UINTEGER", "ubigint": "UBIGINT", "uint64": "UBIGINT",
}  # fmt: skip
_SINGLE = {"float32", "float4", "real"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a text column becomes a DuckDB type: ``pattern`` is what a value looks like that loses nothing."""

    type: str
    pattern: str = ""
    canonical: bool = False  # the value must print as it was written: no leading zeros, no blanks
    via: str = ""  # cast to this first: a zoned text becomes UTC wall clock by way of its moment
    exact: bool = False  # a double must be finite, hold every digit, and be a whole number itself where the text is one

    def value(self, column: str) -> str:
        """SQL: the column's value, NULL where it is missing (an empty field, quoted or not, has no number)."""
        name = identifier(column)
        if self.type == "VARCHAR":
            return name
        text = f"nullif({name}, '')"
        return f"CAST(CAST({text} AS {self.via}) AS {self.type})" if self.via else f"CAST({text} AS {self.type})"

    def misfits(self, column: str) -> str:
        """SQL predicate: the column holds a value that this conversion can't take without loss."""
        if self.type == "VARCHAR":
            return "FALSE"
        name = identifier(column)
        value = f"nullif({name}, '')"
        wrong = [f"TRY_CAST({value} AS {self.via or self.type}) IS NULL"]
        if self.pattern:
            wrong.append(f"NOT regexp_matches({name}, {literal(self.pattern)})")
        if self.canonical:
            wrong.append(f"CAST(TRY_CAST({value} AS {self.type}) AS VARCHAR) <> {name}")
        if self.exact:
            wrong.append(_inexact(name, value))
        return f"({value} IS NOT NULL AND ({' OR '.join(wrong)}))"


def _inexact(name: str, value: str) -> str:
    """SQL predicate: a double is not the number that this text says."""
    double = f"TRY_CAST({value} AS DOUBLE)"
    digits = f"trim(regexp_replace(regexp_replace({name}, '[eE].*$', ''), '[^0-9]', '', 'g'), '0')"
    whole = rf"regexp_matches({name}, '^-?\d+$')"
    again = f"coalesce(CAST(TRY_CAST({double} AS HUGEINT) AS VARCHAR), '')"
    long = f"length({digits}) > {_DOUBLE_DIGITS} OR ({whole} AND {again} <> {name})"
    return f"NOT isfinite({double}) OR (length({name}) > {_EXACT_DIGITS} AND ({long}))"


_TEXT = Conversion("VARCHAR")
EXACT_DOUBLE = Conversion("DOUBLE", _PLAIN_NUMBER, exact=True)
_LADDER = (  # what an undeclared column may turn out to be, the most telling first
    Conversion("BIGINT", canonical=True),
    Conversion("HUGEINT", canonical=True),
    EXACT_DOUBLE,
    Conversion("BOOLEAN", r"^([Tt]rue|[Ff]alse|TRUE|FALSE)$"),
    Conversion("DATE", _DATE),
    Conversion("TIMESTAMP", _TIMESTAMP),
    Conversion("TIMESTAMPTZ", _ZONED),
)


def planned(declared: str) -> tuple[Conversion, ...]:
    """What a declared type means for text, the narrowest first; text where a file can't hold it (lists, binaries)."""
    kind = kind_of(declared)
    base, _, rest = declared.strip().lower().partition("(")
    base = base.strip()
    match kind:
        case Kind.INTEGER if base in _INTEGERS:
            return (Conversion(_INTEGERS[base], _INTEGER), _TEXT)
        case Kind.INTEGER:
            return (Conversion("BIGINT", _INTEGER), Conversion("HUGEINT", _INTEGER), _TEXT)
        case Kind.DECIMAL:
            return _decimals(rest)
        case Kind.FLOAT:
            return (Conversion("FLOAT" if base in _SINGLE else "DOUBLE"), _TEXT)
        case Kind.BOOLEAN:
            return (Conversion("BOOLEAN"), _TEXT)
        case Kind.DATE:
            return (Conversion("DATE", _DATE), _TEXT)
        case Kind.TIME:
            return (Conversion("TIME", r"^\s*\d{2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?\s*$"), _TEXT)
        case Kind.TIMESTAMP:
            return (Conversion("TIMESTAMP", _TIMESTAMP), Conversion("TIMESTAMP", _ZONED, via="TIMESTAMPTZ"), _TEXT)
        case Kind.TIMESTAMP_TZ:
            return (Conversion("TIMESTAMPTZ", _ZONED), _TEXT)
        case _:
            return (_TEXT,)


def _decimals(arguments: str) -> tuple[Conversion, ...]:
    numbers = [int(text) for text in re.findall(r"\d+", arguments)]
    if numbers:
        precision, scale = numbers[0], numbers[1] if len(numbers) > 1 else 0
        return (_decimal(precision, scale), _TEXT) if scale <= precision <= _DECIMAL_DIGITS else (_TEXT,)
    return (*(_decimal(_DECIMAL_DIGITS, scale) for scale in (2, 4, 6, 9, 18)), _TEXT)


def _decimal(precision: int, scale: int) -> Conversion:
    return Conversion(f"DECIMAL({precision}, {scale})", rf"^\s*[+-]?\d*(\.\d{{0,{scale}}}0*)?\s*$")


def infer(
    connection: duckdb.DuckDBPyConnection, table: str, ladders: Mapping[str, Sequence[Conversion] | None]
) -> dict[str, Conversion]:
    """The first conversion of each column's ladder that every one of its values survives.

    Args:
        connection: where the table is.
        table: holds the columns as text.
        ladders: column -> its candidates, ending in text; None: undeclared, its type is inferred.
    """
    undeclared = _undeclared(connection, table, [name for name, ladder in ladders.items() if ladder is None])
    open_ladders = {name: undeclared[name] if ladder is None else ladder for name, ladder in ladders.items()}
    return {name: ladder[0] for name, ladder in _climbed(connection, identifier(table), open_ladders).items()}


def _undeclared(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> dict[str, Sequence[Conversion]]:
    """For each column the ladder from where a sample leaves it, so that whole columns are tried against little."""
    rows = f"(SELECT * FROM {identifier(table)} LIMIT {_SAMPLE_ROWS})"
    values = _counted(connection, rows, {name: f"nullif({identifier(name)}, '') IS NOT NULL" for name in names})
    ladders = _climbed(connection, rows, {name: (*_LADDER, _TEXT) for name in names if values[name]})
    for name in names:
        if not values[name]:  # the first rows have none: look for some
            column = identifier(name)
            rows = f"(SELECT {column} FROM {identifier(table)} WHERE nullif({column}, '') IS NOT NULL LIMIT {_SAMPLE_ROWS})"
            some = _counted(connection, rows, {name: "TRUE"})[name]
            ladders |= _climbed(connection, rows, {name: (*_LADDER, _TEXT) if some else (_TEXT,)})  # nothing to tell by: text
    return ladders


def _climbed(
    connection: duckdb.DuckDBPyConnection, rows: str, ladders: Mapping[str, Sequence[Conversion]]
) -> dict[str, Sequence[Conversion]]:
    """Each column's ladder from the first step that all its values survive; one step at a time, as each costs a regex."""
    rest = dict(ladders)
    pending: Sequence[str] = list(rest)
    while pending:
        misfits = _counted(connection, rows, {name: rest[name][0].misfits(name) for name in pending})
        pending = [name for name in pending if misfits[name]]
        rest |= {name: rest[name][1:] for name in pending}
    return rest


def _counted(connection: duckdb.DuckDBPyConnection, rows: str, predicates: Mapping[str, str]) -> dict[str, int]:
    """How many rows each predicate holds for; a few at a time, as very long statements cost more than they save."""
    counts: dict[str, int] = {}
    names = list(predicates)
    for start in range(0, len(names), _COLUMNS_AT_A_TIME):
        some = names[start : start + _COLUMNS_AT_A_TIME]
        listed = ", ".join(f"count(*) FILTER (WHERE {predicates[name]})" for name in some)
        counts |= zip(some, connection.execute(f"SELECT {listed} FROM {rows}").fetchone() or (), strict=True)
    return counts


def type_of_nothing(declared: str | None) -> str:
    """The type of a column without a value, which its file or table doesn't tell: as declared, or text."""
    return planned(declared)[0].type if declared else _TEXT.type


def refusal(connection: duckdb.DuckDBPyConnection, table: str, name: str, declared: str) -> str:
    """Why a declared column stayed text: how many values don't read as its type, and where the first one is."""
    misfits = planned(declared)[0].misfits(name)
    numbered = f"(SELECT row_number() OVER () AS _row, {identifier(name)} FROM {identifier(table)})"
    found = connection.execute(f"SELECT min(_row), count(*) FROM {numbered} WHERE {misfits}").fetchone() or (0, 0)
    rest = "" if found[1] == 1 else f", and {found[1] - 1} more"
    return f"column {name!r} stays text: the value in row {found[0]}{rest} can't be read as {declared} without loss"
