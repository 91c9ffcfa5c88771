"""Statements on a batch's connection that yield one row, and DuckDB's errors as ours: told without values of the data."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluicegate.checks.questions import Unanswered
from sluicegate.errors import EngineError

if TYPE_CHECKING:
    import duckdb

__all__ = ["StatementFailed", "fetch_row", "fetch_rows", "fetch_value", "mapped"]

_SCALARS = (bool, int, float, Decimal, str, date, time)
# What DuckDB 2 and 1.0 call a timestamp with a zone; to fetch one they want a module that isn't there, without the zone they don't.
_MOMENTS = {"TIMESTAMP WITH TIME ZONE", "DATETIME"}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\d{2,}")
_ONE_VALUE = "a metric query gives exactly one value"


class StatementFailed(Exception):
    """A statement failed by itself, or because DuckDB could go no further with it; the connection is still of use."""

    def __init__(self, message: str, hint: str = "", *, engine_broke: bool = False, harmless: bool = True) -> None:
        super().__init__(message)
        self.unanswered = Unanswered(message, hint, engine_broke, harmless)


def fetch_row(connection: duckdb.DuckDBPyConnection, sql: str, width: int) -> tuple[Any, ...]:
    """The only row of a statement that yields one, of so many columns.

    Raises:
        StatementFailed: it can't be computed.
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    rows = _fetch(connection, sql, width)
    if len(rows) != 1:
        raise StatementFailed(
            f"it gives {len(rows) or 'no'} rows where there must be one", "an aggregate gives exactly one value"
        )
    return rows[0]


def fetch_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """All rows of a statement.

    Raises:
        StatementFailed, EngineError: as above.
    """
    import duckdb

    try:
        return connection.execute(sql).fetchall()
    except duckdb.Error as error:
        raise mapped(error) from error


def fetch_value(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The one value of an author's query; None where it gives no row.

    Raises:
        StatementFailed: it gives something else than one value, or fails.
        EngineError: as above.
    """
    rows = _fetch(connection, sql, 1, is_query=True)
    if len(rows) > 1:
        raise StatementFailed("the query gives more than one row", _ONE_VALUE)
    value = rows[0][0] if rows else None
    if value is not None and not isinstance(value, _SCALARS):
        raise StatementFailed(f"the query gives a {type(value).__name__}", "a metric query gives a number, a text or a moment")
    return value


def _fetch(connection: duckdb.DuckDBPyConnection, sql: str, width: int, *, is_query: bool = False) -> list[tuple[Any, ...]]:
    import duckdb

    try:
        cursor = connection.execute(sql)
        types = [str(column[1]).upper() for column in cursor.description or ()]
        if len(types) != width:
            raise StatementFailed(f"the query gives {len(types)} columns", _ONE_VALUE)
        if is_query and types[0] in _MOMENTS:
            cursor = connection.execute(f"SELECT CAST(COLUMNS(*) AS TIMESTAMP) FROM (\n{sql}\n)")
        rows: list[tuple[Any, ...]] = cursor.fetchmany(2)
    except duckdb.Error as error:
        raise mapped(error) from error
    except (ArithmeticError, ValueError) as error:  # DuckDB 1.0 stumbles over DECIMAL(38,38), for one
        raise StatementFailed("DuckDB gives a value that Python can't hold") from error
    return rows


def mapped(error: duckdb.Error) -> StatementFailed | EngineError:
    """What an error of DuckDB's means: the statement's own failure, or the end of the connection's use."""
    import duckdb

    if isinstance(error, duckdb.InterruptException):
        return EngineError("DuckDB was interrupted", hint="a higher timeout_seconds gives it more time")
    if isinstance(error, duckdb.FatalException | duckdb.InternalException | duckdb.ConnectionException):
        return EngineError(f"DuckDB broke: {_first_line(error)}")
    if isinstance(error, duckdb.OutOfMemoryException):
        hint = "a higher memory_limit, or a folder to spill into, lets it finish"
        return StatementFailed("DuckDB ran out of memory", hint, engine_broke=True)
    if isinstance(error, duckdb.IOException):
        return StatementFailed(f"DuckDB can't read or write: {_first_line(error)}", engine_broke=True, harmless=False)
    if isinstance(error, duckdb.ProgrammingError) and not isinstance(error, duckdb.InvalidInputException):
        return StatementFailed(_first_line(error))  # a binder or catalog error: it quotes the author's words, not the data
    hint = "a value of the data, or a sum of them, is beyond what DuckDB computes"
    return StatementFailed(_QUOTED.sub("…", _first_line(error)), hint, harmless=False)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].strip() if str(error).strip() else type(error).__name__
