"""What has to be known of the batch to judge a check: questions that the run's one scan answers, and statements of the engine's own.

Known when the run is planned, before Great Expectations is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sluicegate.checks.meaning import RowMeaning
from sluicegate.checks.questions import ROWS, Aggregate, Question, count_where
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.ports.statements import StatementFailed, mapped

if TYPE_CHECKING:
    import duckdb

__all__ = ["RowFigures", "Sought", "Statement", "fetch", "first_pair", "rows_sought", "together", "under_condition"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT of the engine's own.

    Attributes:
        sql: the whole SELECT.
        fold: makes the answer of its rows, as they stream.
        before: a statement that must have been executed on the same connection; may be empty.
    """

    sql: str
    fold: Callable[[duckdb.DuckDBPyConnection], Any]
    before: str = ""


@dataclass(frozen=True, slots=True)
class Sought(Generic[T]):
    """What a check has to know.

    Attributes:
        read: makes it of the answers to the questions, then of the statements'.
        questions: for ``BatchView.answers``.
        statements: where the questions can't say it.
        why: there are statements, or GX computes with the rows itself; empty if the questions say all.
    """

    read: Callable[[Sequence[Any]], T]
    questions: tuple[Question, ...] = ()
    statements: tuple[Statement, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class RowFigures:
    """A map expectation's figures: rows in all, rows looked at, rows that break it."""

    total: int
    rows: int
    failing: int


def rows_sought(meaning: RowMeaning, condition: str = "", why: str = "") -> Sought[RowFigures]:
    """The figures of an expectation about rows.

    Args:
        meaning: of the expectation.
        condition: a predicate that is never NULL: it looks at these rows only.
        why: a meaning that can't be fused needs a statement.
    """
    total = Aggregate(count_where(condition)) if condition else ROWS
    if not meaning.fusable:
        before, prefix = under_condition(condition)
        counts = f"{count_where(meaning.considered)}, {count_where(meaning.failing)}"
        statement = Statement(f"{prefix}SELECT {counts} FROM {meaning.source}", first_pair, before)
        return Sought(lambda answers: RowFigures(int(answers[0] or 0), *answers[1]), (total,), (statement,), why)
    looked_at = total if meaning.considered == "TRUE" else Aggregate(count_where(_both(meaning.considered, condition)))
    breaking = Aggregate(count_where(_both(meaning.failing, condition)))
    return Sought(lambda answers: RowFigures(*(int(answer or 0) for answer in answers)), (total, looked_at, breaking))


def _both(predicate: str, condition: str) -> str:
    return f"({predicate} AND {condition})" if condition else predicate


def under_condition(condition: str) -> tuple[str, str]:
    """For statements that look at several rows at once: what to execute before, and a WITH clause under which ``batch`` is these rows."""
    if not condition:
        return "", ""
    view = identifier(f"_sluicegate_gx_{hashlib.sha256(condition.encode()).hexdigest()[:16]}")
    before = f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {BATCH} WHERE {condition}"
    return before, f"WITH {BATCH} AS (SELECT * FROM {view}) "


def first_pair(rows: Any) -> tuple[int, int]:
    """A fold: two counts."""
    first, second = rows.fetchone()
    return int(first or 0), int(second or 0)


def together(parts: Mapping[str, Sought[Any]]) -> Sought[dict[str, Any]]:
    """All that several things take to know, each under its name."""
    questions = tuple(question for part in parts.values() for question in part.questions)
    statements = tuple(statement for part in parts.values() for statement in part.statements)

    def read(answers: Sequence[Any]) -> dict[str, Any]:
        asked, told = iter(answers[: len(questions)]), iter(answers[len(questions) :])
        return {
            name: part.read([*(next(asked) for _ in part.questions), *(next(told) for _ in part.statements)])
            for name, part in parts.items()
        }

    return Sought(read, questions, statements, next((part.why for part in parts.values() if part.why), ""))


def fetch(connection: duckdb.DuckDBPyConnection, statement: Statement) -> Any:
    """A statement's answer.

    Raises:
        StatementFailed: it can't be computed.
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    import duckdb

    try:
        if statement.before:
            connection.execute(statement.before)
        return statement.fold(connection.execute(statement.sql))
    except duckdb.Error as error:
        raise mapped(error) from error
    except (ArithmeticError, ValueError) as error:  # DuckDB 1.0 hands out some figures as numbers that Python can't read
        raise StatementFailed("a figure is beyond what Python can read") from error
