"""One DuckDB connection at work: statements that yield one row, and DuckDB's errors as this engine's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH
from sluicegate.errors import EngineError

if TYPE_CHECKING:
    import duckdb

__all__ = ["CheckBroke", "Session"]

_SCALARS = (bool, int, float, Decimal, str, date, time)
# What DuckDB 2 and 1.0 call a timestamp with a zone; to fetch one they want a module that isn't there, without the zone they don't.
_MOMENTS = {"TIMESTAMP WITH TIME ZONE", "DATETIME"}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\d{2,}")


class CheckBroke(Exception):
    """A statement failed: by itself (``engine_broke`` False: its values or its wording), or because DuckDB could go no further."""

    def __init__(self, message: str, *, engine_broke: bool = False, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.engine_broke = engine_broke
        self.hint = hint


class Session:
    """Runs statements on a connection that somebody else opens, interrupts and closes."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def aggregates(self, expressions: Sequence[str]) -> tuple[Any, ...]:
        """Aggregate expressions over the batch, all in one scan.

        Raises:
            CheckBroke: one of them can't be computed, and takes the others with it.
            EngineError: DuckDB is of no more use.
        """
        listed = ",\n  ".join(expressions)  # on a line each, for the sake of whoever reads a query log
        return self.row(f"SELECT {listed}\nFROM {BATCH}", len(expressions))

    def row(self, sql: str, width: int) -> tuple[Any, ...]:
        """The only row of a statement that yields one.

        Raises:
            CheckBroke, EngineError: as above.
        """
        rows = self._fetch(sql, width)
        if len(rows) != 1:
            raise EngineError(f"DuckDB gave {len(rows)} rows where there must be one")
        return rows[0]

    def value(self, sql: str) -> Any:
        """The one value of an author's query; None where it gives no row.

        Raises:
            CheckBroke: it gives something else than one value, or fails.
            EngineError: DuckDB is of no more use.
        """
        rows = self._fetch(sql, 1, is_query=True)
        if len(rows) > 1:
            raise CheckBroke("the query gives more than one row", hint="a metric query gives exactly one value")
        value = rows[0][0] if rows else None
        if value is not None and not isinstance(value, _SCALARS):
            raise CheckBroke(
                f"the query gives a {type(value).__name__}", hint="a metric query gives a number, a text or a moment"
            )
        return value

    def _fetch(self, sql: str, width: int, *, is_query: bool = False) -> list[tuple[Any, ...]]:
        import duckdb

        try:
            cursor = self._connection.execute(sql)
            types = [str(column[1]).upper() for column in cursor.description or ()]
            if len(types) != width:
                raise CheckBroke(f"the query gives {len(types)} columns", hint="a metric query gives exactly one value")
            if is_query and types[0] in _MOMENTS:
                cursor = self._connection.execute(f"SELECT CAST(COLUMNS(*) AS TIMESTAMP) FROM (\n{sql}\n)")
            rows: list[tuple[Any, ...]] = cursor.fetchmany(2)
        except duckdb.Error as error:
            raise _mapped(error) from error
        except (ArithmeticError, ValueError) as error:  # DuckDB 1.0 stumbles over DECIMAL(38,38), for one
            raise CheckBroke("DuckDB gives a value that Python can't hold") from error
        return rows


def _mapped(error: duckdb.Error) -> CheckBroke | EngineError:
    import duckdb

    if isinstance(error, duckdb.InterruptException):
        return EngineError("DuckDB was interrupted", hint="a higher timeout_seconds gives it more time")
    if isinstance(error, duckdb.FatalException | duckdb.InternalException | duckdb.ConnectionException):
        return EngineError(f"DuckDB broke: {_first_line(error)}")
    if isinstance(error, duckdb.OutOfMemoryException):
        hint = "a higher memory_limit, or a folder to spill into, lets it finish"
        return CheckBroke("DuckDB ran out of memory", engine_broke=True, hint=hint)
    if isinstance(error, duckdb.IOException):
        return CheckBroke(f"DuckDB can't read or write: {_first_line(error)}", engine_broke=True)
    if isinstance(error, duckdb.ProgrammingError) and not isinstance(error, duckdb.InvalidInputException):
        return CheckBroke(_first_line(error))  # a binder or catalog error: it quotes the author's words, not the data
    return CheckBroke(
        _QUOTED.sub("…", _first_line(error)), hint="a value of the data, or a sum of them, is beyond what DuckDB computes"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].strip() if str(error).strip() else type(error).__name__
