"""Canonical checks as DuckDB's SQL: the aggregates that share one scan, and the statements that stand alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sluicegate.checks import model as m
from sluicegate.checks.custom_sql import Refused, guard_expression, guard_query
from sluicegate.checks.figures import Figured, figure
from sluicegate.checks.meaning import RowMeaning, row_meaning
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema
from sluicegate.checks.visitor import CheckVisitor

__all__ = ["Aggregates", "FromSchema", "Refusal", "Statement", "Work", "plan_work", "sql_text"]


class Aggregates(NamedTuple):
    """Aggregate expressions over the batch, each with its column's name; they can share a scan with others."""

    columns: tuple[tuple[str, str], ...]


class Statement(NamedTuple):
    """A SELECT of its own, one row: ``rows`` and ``failing``, or one value."""

    sql: str


class FromSchema(NamedTuple):
    """Answered by the schema alone; the text tells a person how to look it up."""

    sql: str


class Refusal(NamedTuple):
    """An author's SQL that is not let in."""

    message: str
    hint: str


Work = Aggregates | Statement | FromSchema | Refusal


def plan_work(check: m.CanonicalCheck, schema: BatchSchema | None, references: Mapping[str, str] | None = None) -> Work:
    """What has to be asked of DuckDB to evaluate a check.

    Args:
        check: bound to the schema, if there is one.
        schema: the batch's columns; None when there is no data yet.
        references: dataset -> view.
    """
    return _Works(schema, references).visit(check)


def sql_text(work: Work) -> str:
    """The work as SQL that a person can run."""
    match work:
        case Aggregates(columns):
            return "SELECT " + ",\n       ".join(f"{sql} AS {name}" for name, sql in columns) + f"\nFROM {BATCH}"
        case Refusal(message, _):
            return f"-- refused: {message}"
        case Statement(sql) | FromSchema(sql):
            return sql


class _Works(CheckVisitor[Work]):
    def __init__(self, schema: BatchSchema | None, references: Mapping[str, str] | None) -> None:
        self._schema = schema
        self._references = references

    def _rows(self, check: m.CanonicalCheck) -> Work:
        meaning = row_meaning(check, self._schema, self._references)
        columns = (("rows", _count(meaning.considered)), ("failing", _count(meaning.failing)))
        return Aggregates(columns) if meaning.fusable else _alone(meaning, columns)

    accepted_values = rejected_values = range = pattern = length = completeness = column_comparison = _rows
    reference = monotonic = _rows

    def not_null(self, check: m.NotNull) -> Work:
        return Aggregates((("rows", "count(*)"), ("failing", f"count(*) - count({identifier(check.column)})")))

    def unique(self, check: m.Unique) -> Work:
        key = m.Unique(columns=tuple(sorted(set(check.columns))))  # so that equal keys are equal statements
        keys, present = ", ".join(map(identifier, key.columns)), row_meaning(key, self._schema).considered
        return Statement(
            "SELECT coalesce(sum(n), 0) AS rows,\n       coalesce(sum(n) FILTER (WHERE n > 1), 0) AS failing\n"
            f"FROM (SELECT count(*) AS n FROM {BATCH} WHERE {present} GROUP BY {keys})"
        )

    def row_expression(self, check: m.RowExpression) -> Work:
        guarded = guard_expression(check.expression)
        return Refusal(guarded.message, guarded.hint) if isinstance(guarded, Refused) else self._rows(check)

    def metric_query(self, check: m.MetricQuery) -> Work:
        guarded = guard_query(check.query, self._references)
        return Refusal(guarded.message, guarded.hint) if isinstance(guarded, Refused) else Statement(guarded)

    def _figure(self, check: Figured) -> Work:
        return Aggregates((("value", figure(check, self._schema)),))

    row_count = freshness = aggregate = drift = _figure

    def _look(self, check: m.Schema | m.ColumnType) -> Work:
        column = f" WHERE column_name = {literal(check.column)}" if isinstance(check, m.ColumnType) else ""
        return FromSchema(f"SELECT column_name, column_type FROM (DESCRIBE {BATCH}){column}")

    schema = column_type = _look


def _alone(meaning: RowMeaning, columns: tuple[tuple[str, str], ...]) -> Statement:
    counts = ",\n       ".join(f"{sql} AS {name}" for name, sql in columns)
    return Statement(f"SELECT {counts}\nFROM {meaning.source}")


def _count(predicate: str) -> str:
    """How many rows a predicate holds for: the cheapest spelling, and the same text for the same question.

    ``count_if(p)`` costs a fifth of ``count(*) FILTER (WHERE p)``, which copies what it selects; in DuckDB 1.0 it is NULL for no rows.
    """
    if predicate == "TRUE":
        return "count(*)"
    name = predicate.removesuffix(" IS NOT NULL")
    quoted = name.startswith('"') and name.endswith('"') and '"' not in name[1:-1].replace('""', "")
    return f"count({name})" if name != predicate and quoted else f"count_if({predicate})"
