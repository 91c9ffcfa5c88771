"""Figures asked of DuckDB: all that can share a scan in one statement, the others one statement each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH
from sluicegate.errors import EngineError

if TYPE_CHECKING:
    import duckdb

__all__ = ["Ask", "Broken", "answer_all", "one_line"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    Attributes:
        sql: an aggregate over the batch, or (not ``fused``) a whole SELECT.
        fused: may share the one scan.
        fold: makes the answer of a SELECT's rows, as they stream; without it the answer is the first row's first value.
    """

    sql: str
    fused: bool = True
    fold: Callable[[duckdb.DuckDBPyConnection], Any] | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """An ask that DuckDB could not answer, in one line without values of the data."""

    message: str
    hint: str = ""
    engine_broke: bool = False


def answer_all(connection: duckdb.DuckDBPyConnection, asks: Iterable[Ask]) -> Mapping[Ask, Any]:
    """The answer, or Broken, of each ask: one that can't be answered never takes others with it.

    Raises:
        EngineError: DuckDB is of no more use: interrupted, lost, or broken inside.
    """
    unique = list(dict.fromkeys(asks))
    fused = [ask for ask in unique if ask.fused]
    answers: dict[Ask, Any] = {}
    if len(fused) > 1:
        row = _try(connection, f"SELECT {', '.join(ask.sql for ask in fused)} FROM {BATCH}", lambda rows: rows.fetchone())
        if not isinstance(row, Broken):
            answers |= dict(zip(fused, row, strict=True))
    for ask in unique:
        if ask not in answers:
            sql = f"SELECT {ask.sql} FROM {BATCH}" if ask.fused else ask.sql
            answers[ask] = _try(connection, sql, ask.fold or _first)
    return answers


def _first(rows: duckdb.DuckDBPyConnection) -> Any:
    row = rows.fetchone()
    return row[0] if row else None


def _try(connection: duckdb.DuckDBPyConnection, sql: str, fold: Callable[[duckdb.DuckDBPyConnection], Any]) -> Any:
    import duckdb

    try:
        return fold(connection.execute(sql))
    except duckdb.InterruptException as error:
        raise EngineError("DuckDB was interrupted", hint="a higher timeout_seconds gives it more time") from error
    except (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException) as error:
        raise EngineError(f"DuckDB broke ({type(error).__name__})") from error
    except duckdb.OutOfMemoryException:
        return Broken("DuckDB ran out of memory", "a higher memory_limit, or a folder to spill into, lets it finish", True)
    except duckdb.IOException:
        return Broken("DuckDB can't read or write", engine_broke=True)
    except duckdb.Error as error:
        return Broken(one_line(error))
    except (ArithmeticError, ValueError):  # DuckDB 1.0 hands out some figures as numbers that Python can't read
        return Broken("a figure is beyond what Python can read")


_VALUE_FREE = ("BinderException", "CatalogException", "ParserException", "NotImplementedException", "SyntaxException")


def one_line(error: BaseException) -> str:
    """What went wrong, in one line. Only messages that are about the query, never about a row, are repeated."""
    name = type(error).__name__
    first = (str(error).strip().splitlines() or [""])[0].strip()
    return f"DuckDB: {first}"[:300] if name in _VALUE_FREE and first else f"DuckDB could not evaluate it ({name})"
