"""What has to be asked of a batch to evaluate a check, as data: known before the batch is read, and in one spelling for every engine.

A question is one aggregate over the batch, or how often the values of a key repeat. Equal questions are one, whichever checks and
engines ask them, so one scan can answer all of a run. What no question can say is a statement of its own, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from sluicegate.checks import model as m
from sluicegate.checks.custom_sql import Refused, guard_expression, guard_query
from sluicegate.checks.figures import Figured, figure, read_figure
from sluicegate.checks.meaning import row_meaning
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema
from sluicegate.checks.values import Scalar
from sluicegate.checks.visitor import CheckVisitor

__all__ = [
    "MOST_NAMED",
    "ROWS",
    "Aggregate",
    "Alone",
    "Asked",
    "Bearing",
    "Figures",
    "FromSchema",
    "Key",
    "Question",
    "Refusal",
    "Repeats",
    "Unanswered",
    "Work",
    "ask",
    "count_where",
    "present_column",
]


class Bearing(StrEnum):
    """What may answer an aggregate that looks at one column alone.

    - ``outside``: it counts the rows with a value outside of an interval: none, if neither the smallest nor the largest value is.
    - ``extreme``: over the smallest and the largest value it is what it is over all.
    - ``value``: it counts the rows with certain values, as ``outside`` does: what it says of one, it says of each row with it.
    - ``costly``: the same, and looking at a value takes long.
    """

    OUTSIDE = "outside"
    EXTREME = "extreme"
    VALUE = "value"
    COSTLY = "costly"


_PRESENT = re.compile(r'count\("((?:[^"]|"")*)"\)')


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A figure of the batch.

    Attributes:
        sql: one DuckDB aggregate expression over the batch's columns; its answer is what Python gets for it.
        column: the one that ``bearing`` is about. Neither takes part in equality: they are advice on where an answer may come from.
        bearing: None: the column has to be read, row by row.
    """

    sql: str
    column: str = field(default="", compare=False)
    bearing: Bearing | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Key:
    """How the values of a key repeat; the answer is ``Repeats``.

    Attributes:
        columns: as the batch has them; put in order, each once, so that equal keys are equal questions.
    """

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(sorted(set(self.columns))))


Question = Aggregate | Key


MOST_NAMED = 1_000
"""How many repeated keys an answer names."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The answer to a ``Key``.

    Attributes:
        rows: in which no column of the key is NULL.
        failing: of these, the rows whose key occurs more than once: every one of them.
        named: DuckDB's ``hash`` of keys that do, their columns in the ``Key``'s order, by which their rows are found soon again: up to
            ``MOST_NAMED``, and all of them if there are fewer; empty if they aren't known.
        values: how many different keys occur more than once; None if that wasn't counted.
    """

    rows: int
    failing: int
    named: tuple[int, ...] = field(default=(), compare=False, repr=False)
    values: int | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that can't be answered, and why, without values of the data.

    Attributes:
        message: one line.
        hint: the cure.
        engine_broke: DuckDB could go no further (memory, disk); else it is the question's wording, or a value of the data.
        harmless: the words are ours, or about the author's; else DuckDB's, and may quote a value for all that was taken out of them.
    """

    message: str
    hint: str = ""
    engine_broke: bool = False
    harmless: bool = True


class Figures(NamedTuple):
    """What a check measured: rows considered and failing, or one value."""

    rows: int | None = None
    failing: int | None = None
    value: Scalar = None


ROWS = Aggregate("count(*)")
"""How many rows the batch has: known once it is open."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A check whose figures come from questions.

    Attributes:
        sql: the same as one SELECT that a person can run.
        questions: what is asked.
        read: the figures, from the answers in the questions' order, none of them ``Unanswered``. Raises ValueError: a figure
            is a moment beyond the calendar.
    """

    sql: str
    questions: tuple[Question, ...]
    read: Callable[[Sequence[Any]], Figures]


@dataclass(frozen=True, slots=True)
class Alone:
    """A check that needs a statement of its own.

    Attributes:
        sql: a SELECT of one row: ``rows`` and ``failing``, or one value.
        why: it can't share the scan.
    """

    sql: str
    why: str


@dataclass(frozen=True, slots=True)
class FromSchema:
    """A check that the schema alone answers; the SQL tells a person how to look it up."""

    sql: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An author's SQL that is not let in."""

    message: str
    hint: str

    @property
    def sql(self) -> str:
        """For whoever reads the plan."""
        return f"-- refused: {self.message}"


Work = Asked | Alone | FromSchema | Refusal


def ask(check: m.CanonicalCheck, schema: BatchSchema | None, references: Mapping[str, str] | None = None) -> Work:
    """What has to be asked of a batch to evaluate a canonical check.

    Args:
        check: bound to the schema, if there is one.
        schema: the batch's columns; None when there is no data yet.
        references: dataset -> view; the dataset's own name stands where it is missing.
    """
    return _Works(schema, references).visit(check)


def count_where(predicate: str) -> str:
    """How many rows a predicate holds for: the cheapest spelling, and the same text for the same question.

    ``count_if(p)`` costs a fifth of ``count(*) FILTER (WHERE p)``, which copies what it selects; in DuckDB 1.0 it is NULL for no rows.
    """
    if predicate == "TRUE":
        return ROWS.sql
    name = predicate.removesuffix(" IS NOT NULL")
    quoted = name.startswith('"') and name.endswith('"') and '"' not in name[1:-1].replace('""', "")
    return f"count({name})" if name != predicate and quoted else f"count_if({predicate})"


def present_column(question: Aggregate) -> str:
    """The column whose values that are not NULL a question counts, however it came about; empty if it asks something else."""
    counted = _PRESENT.fullmatch(question.sql)
    return counted[1].replace('""', '"') if counted else ""


class _Works(CheckVisitor[Work]):
    def __init__(self, schema: BatchSchema | None, references: Mapping[str, str] | None) -> None:
        self._schema = schema
        self._references = references

    def _rows(self, check: m.CanonicalCheck) -> Asked:
        meaning = row_meaning(check, self._schema)
        rows = f"count({meaning.value})" if meaning.value else count_where(meaning.considered)
        if meaning.passes:
            passing = count_where(meaning.passes)
            question = Aggregate(passing, *_bearing(check))
            return Asked(_counts(rows, f"{rows} - {passing}"), (Aggregate(rows), question), _read_complement)
        failing = count_where(meaning.breaks or meaning.failing)
        return Asked(_counts(rows, failing), (Aggregate(rows), Aggregate(failing, *_bearing(check))), _read_counts)

    accepted_values = rejected_values = range = pattern = length = column_comparison = _rows

    def _present(self, column: str) -> Asked:
        """NULLs are the complement of what is there: a figure that other checks of the column ask for as well."""
        present = f"count({identifier(column)})"
        return Asked(_counts(ROWS.sql, f"{ROWS.sql} - {present}"), (ROWS, Aggregate(present)), _read_complement)

    def not_null(self, check: m.NotNull) -> Work:
        return self._present(check.column)

    def completeness(self, check: m.Completeness) -> Work:
        if not check.missing_values:
            return self._present(check.column)
        told = self._rows(m.RejectedValues(column=check.column, values=check.missing_values))
        present, missing = (question for question in told.questions if isinstance(question, Aggregate))
        sql = _counts(ROWS.sql, f"{ROWS.sql} - {present.sql} + {missing.sql}")
        return Asked(sql, (ROWS, present, missing), _read_missing)

    def unique(self, check: m.Unique) -> Work:
        key = Key(check.columns)
        names, present = ", ".join(map(identifier, key.columns)), row_meaning(check, self._schema).considered
        sql = (
            "SELECT coalesce(sum(n), 0) AS rows,\n       coalesce(sum(n) FILTER (WHERE n > 1), 0) AS failing\n"
            f"FROM (SELECT count(*) AS n FROM {BATCH} WHERE {present} GROUP BY {names})"
        )
        return Asked(sql, (key,), _read_repeats)

    def reference(self, check: m.Reference) -> Work:
        return self._alone(check, "its values are looked up in another dataset")

    def monotonic(self, check: m.Monotonic) -> Work:
        return self._alone(check, "it compares rows with those before them")

    def _alone(self, check: m.CanonicalCheck, why: str) -> Alone:
        meaning = row_meaning(check, self._schema, self._references)
        return Alone(_counts(count_where(meaning.considered), count_where(meaning.failing), meaning.source), why)

    def row_expression(self, check: m.RowExpression) -> Work:
        guarded = guard_expression(check.expression)
        return Refusal(guarded.message, guarded.hint) if isinstance(guarded, Refused) else self._rows(check)

    def metric_query(self, check: m.MetricQuery) -> Work:
        guarded = guard_query(check.query, self._references)
        if isinstance(guarded, Refused):
            return Refusal(guarded.message, guarded.hint)
        return Alone(guarded, "it is a query of its author's own")

    def _figure(self, check: Figured) -> Work:
        sql, schema = figure(check, self._schema), self._schema

        def read(answers: Sequence[Any]) -> Figures:
            return Figures(value=read_figure(check, answers[0], schema))

        return Asked(f"SELECT {sql} AS value\nFROM {BATCH}", (Aggregate(sql, *_bearing(check)),), read)

    row_count = freshness = aggregate = drift = _figure

    def _look(self, check: m.Schema | m.ColumnType) -> Work:
        column = f" WHERE column_name = {literal(check.column)}" if isinstance(check, m.ColumnType) else ""
        return FromSchema(f"SELECT column_name, column_type FROM (DESCRIBE {BATCH}){column}")

    schema = column_type = _look


def _bearing(check: m.CanonicalCheck) -> tuple[str, Bearing] | tuple[()]:
    """The one column that a check's figure is about, and how."""
    match check:
        case m.Range():
            return check.column, Bearing.OUTSIDE
        case m.Freshness() | m.Aggregate(function=m.AggregateFunction.MIN | m.AggregateFunction.MAX):
            return check.column, Bearing.EXTREME
        case m.Pattern():
            return check.column, Bearing.COSTLY
        case m.Length() | m.AcceptedValues() | m.RejectedValues() | m.Completeness():
            return check.column, Bearing.VALUE
        case _:
            return ()


def _counts(rows: str, failing: str, source: str = BATCH) -> str:
    return f"SELECT {rows} AS rows,\n       {failing} AS failing\nFROM {source}"


def _read_counts(answers: Sequence[Any]) -> Figures:
    rows, failing = answers
    return Figures(rows=int(rows or 0), failing=int(failing or 0))


def _read_complement(answers: Sequence[Any]) -> Figures:
    rows, passing = (int(answer or 0) for answer in answers)
    return Figures(rows=rows, failing=rows - passing)


def _read_missing(answers: Sequence[Any]) -> Figures:
    rows, present, missing = (int(answer or 0) for answer in answers)
    return Figures(rows=rows, failing=rows - present + missing)


def _read_repeats(answers: Sequence[Any]) -> Figures:
    repeats: Repeats = answers[0]
    return Figures(rows=repeats.rows, failing=repeats.failing)
