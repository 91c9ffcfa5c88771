"""Texts that repeat: what is asked of each row is asked of each value once.

DuckDB matches a pattern against every row, though most columns of texts have few values; to match takes several times what
grouping them takes. So a column of whose values patterns ask, and whose values repeat (a sample of the first rows tells), is grouped, and each
value is looked at once, with the number of its rows. A sample that misleads costs time, and can't cost truth.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sluicegate.checks.questions import Aggregate, Bearing, Question, present_column
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema, Column, Kind
from sluicegate.ports.statements import StatementFailed, fetch_row, fetch_rows

if TYPE_CHECKING:
    import duckdb

__all__ = ["answer_by_value"]

_WORTH_ROWS = 100_000  # measured: of fewer, the sample costs what it saves
_SAMPLE = 4_096  # rows
_REPEATS = 8  # times, on average: measured, grouping such texts takes half of what one pattern does, and of ones that don't repeat its double
_MOST_VALUES = 250_000  # they are kept in memory, which a batch may not have much of
_COSTS = {Bearing.COSTLY: 1, Bearing.VALUE: 1 / 8}  # measured, in patterns: a list of four texts
_TEXT = re.compile(r"'(?:[^']|'')*'")
_COUNT = "_sluicegate_count"
_PREDICATE = "count_if("


def answer_by_value(
    connection: duckdb.DuckDBPyConnection, questions: Iterable[Question], schema: BatchSchema, rows: int
) -> dict[Question, Any]:
    """Answers to those of the questions that are cheaper asked of each value of a column; with one statement for each such column.

    Args:
        connection: with the view ``batch``.
        questions: about it.
        schema: the batch's.
        rows: of the batch; 0 if unknown.

    Raises:
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    asked = _asked(questions, schema) if rows >= _WORTH_ROWS else {}
    found: dict[Question, Any] = {}
    for column in _repeating(connection, list(asked), rows):
        with contextlib.suppress(StatementFailed):  # the scan will fail as well, and say of which question
            found |= _answers(connection, column, asked[column])
    return found


def _asked(questions: Iterable[Question], schema: BatchSchema) -> dict[Column, list[Aggregate]]:
    """By column of texts, what looks at its values alone; where some of it is costly."""
    by_name: dict[str, list[Aggregate]] = {}
    cost: defaultdict[str, float] = defaultdict(float)
    for item in questions:
        if not isinstance(item, Aggregate) or item.bearing is Bearing.EXTREME:
            continue
        matched = "" if item.bearing else _matched(item, schema)
        if name := item.column or matched or present_column(item):
            by_name.setdefault(name, []).append(item)
            cost[name] += 1 if matched else _COSTS.get(item.bearing or Bearing.EXTREME, 0)
    columns = {name: schema.get(name) for name in by_name if cost[name] >= 1}
    return {column: by_name[name] for name, column in columns.items() if column and column.kind is Kind.STRING}


def _matched(question: Aggregate, schema: BatchSchema) -> str:
    """The one column of which an engine's own words ask by a pattern. Were there another, the statement would fail: it has no other."""
    if not question.sql.startswith(_PREDICATE) or "regexp_matches(" not in question.sql:
        return ""
    words = _TEXT.sub("", question.sql).casefold()
    named = [column.name for column in schema if re.search(rf"(?<!\w){re.escape(column.name.casefold())}(?!\w)", words)]
    return named[0] if len(named) == 1 else ""


def _repeating(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], rows: int) -> list[Column]:
    """Those of the columns whose values repeat often enough."""
    if not columns:
        return []
    listed = ", ".join(f"hash({identifier(column.name)})" for column in columns)
    try:
        cells = zip(*fetch_rows(connection, f"SELECT {listed} FROM {BATCH} LIMIT {_SAMPLE}"), strict=True)
    except StatementFailed:
        return []
    most = min(rows / _REPEATS, _MOST_VALUES)
    return [column for column, hashes in zip(columns, cells, strict=True) if _values(hashes, rows) <= most]


def _values(sample: Sequence[int], rows: int) -> float:
    """About how many different values a column may have, by a sample of its first ones' hashes."""
    size, distinct = len(sample), len(set(sample))
    repeats = size - distinct
    if not repeats:
        return rows
    if sum(one == other for one, other in pairwise(sample)) > repeats / 2:  # next to each other: the rows to come have others
        return rows * distinct / size
    return max(distinct, size * size / 2 / repeats)  # drawn from so many values, so few of them come twice


def _answers(connection: duckdb.DuckDBPyConnection, column: Column, questions: Sequence[Aggregate]) -> dict[Question, Any]:
    name = identifier(column.name)
    figures = ", ".join(f"coalesce(sum(CASE WHEN {_predicate(item, name)} THEN {_COUNT} END), 0)" for item in questions)
    grouped = f"SELECT {name}, count(*) AS {_COUNT} FROM {BATCH} GROUP BY {name}"
    counts = fetch_row(connection, f"SELECT {figures}\nFROM ({grouped})", len(questions))
    return dict(zip(questions, map(int, counts), strict=True))


def _predicate(question: Aggregate, name: str) -> str:
    if question.sql.startswith(_PREDICATE):
        return question.sql.removeprefix(_PREDICATE).removesuffix(")")
    return f"{name} IS NOT NULL"
