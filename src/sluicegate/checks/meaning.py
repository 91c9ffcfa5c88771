"""What each row-level check means: one pair of SQL predicates, rows considered and rows failing, never NULL.

This is the reference in DuckDB's SQL. Every engine is held to it by the conformance suite, row for row, and evidence and
row splits are read with it. The checks must have been bound to the batch's schema (``binding.py``) before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sluicegate.checks import model as m
from sluicegate.checks.sqltext import BATCH, identifier, literal, literals
from sluicegate.checks.types import BatchSchema, Kind
from sluicegate.checks.visitor import CheckVisitor

__all__ = ["RowMeaning", "row_meaning", "unique_among"]

_FEW_TEXTS = 12  # measured: from here on a hash table is cheaper, whatever the column's values are


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMeaning:
    """Which rows a check looks at, and which of them break it.

    Attributes:
        considered: predicate over ``source``.
        failing: predicate over ``source``; implies ``considered``.
        source: what to select from: the batch, or a query over it that adds columns named ``_sluicegate_…``.
        position: of a query as source: a row's position in the batch, from 0.
        fusable: both predicates look at one row alone, so they can be aggregates of one shared scan.
        value: an expression that is NULL exactly where a row is not considered; empty if there is none such.
        breaks: a predicate that is true exactly where ``failing`` is, and false or NULL elsewhere: what is cheapest to count.
            Measured: to say again that a value is not NULL costs twice what comparing it does.
        passes: the same for the rows that are considered and don't fail, where that is cheaper still; else empty.
    """

    considered: str
    failing: str
    source: str = BATCH
    position: str = ""
    fusable: bool = True
    value: str = ""
    breaks: str = ""
    passes: str = ""


def row_meaning(check: m.CanonicalCheck, schema: BatchSchema | None, references: Mapping[str, str] | None = None) -> RowMeaning:
    """The meaning of a row-level check on a batch of this schema.

    Args:
        check: bound to the schema, if there is one.
        schema: the batch's columns; None when there is no data yet (``plan``): types are then unknown, and NaN is not named.
        references: dataset -> view, for ``reference`` checks; the dataset's own name stands where it is missing.

    Raises:
        TypeError: the check is not row-level.
    """
    return _Meanings(schema, references or {}).visit(check)


def unique_among(columns: Sequence[str], hashes: Sequence[int]) -> RowMeaning:
    """The meaning of ``unique``, looked for only among the keys of which DuckDB's ``hash`` is one of these.

    Where these are all that repeat, it is the check's whole meaning, and costs no more than reading the columns once: the keys
    themselves are counted among the few rows that have such a hash.

    Args:
        columns: of the key, in the order in which they were hashed.
        hashes: at least one.
    """
    keys, present = ", ".join(identifier(column) for column in columns), _all_present(columns)
    named = ", ".join(f"{int(value)}::UBIGINT" for value in hashes)
    suspects = f"SELECT * FROM {BATCH} WHERE {present} AND hash({keys}) IN ({named})"
    source = f"({suspects} QUALIFY count(*) OVER (PARTITION BY {keys}) > 1)"
    return RowMeaning(considered="TRUE", failing="TRUE", source=source, fusable=False)


class _Meanings(CheckVisitor[RowMeaning]):
    def __init__(self, schema: BatchSchema | None, references: Mapping[str, str]) -> None:
        self._schema = schema
        self._references = references

    def not_null(self, check: m.NotNull) -> RowMeaning:
        return RowMeaning(considered="TRUE", failing=f"{identifier(check.column)} IS NULL")

    def accepted_values(self, check: m.AcceptedValues) -> RowMeaning:
        return replace(self._value(check.column, f"NOT {self._inside(check)}"), passes=self._among(check))

    def rejected_values(self, check: m.RejectedValues) -> RowMeaning:
        return self._value(check.column, self._inside(check), self._among(check))

    def pattern(self, check: m.Pattern) -> RowMeaning:
        found = f"regexp_matches({self._text(check.column)}, {literal(check.pattern)})"
        return self._value(check.column, found if check.negate else f"NOT {found}")

    def row_expression(self, check: m.RowExpression) -> RowMeaning:
        value = f"CAST(({check.expression}\n) AS BOOLEAN)"
        return RowMeaning(
            considered=f"{value} IS NOT NULL", failing=f"{value} IS NOT DISTINCT FROM FALSE", value=value, breaks=f"NOT {value}"
        )

    def _inside(self, check: m.AcceptedValues | m.RejectedValues) -> str:
        return f"({self._text(check.column)} IN ({literals(check.values)}))" if check.values else "FALSE"

    def _among(self, check: m.AcceptedValues | m.RejectedValues) -> str:
        """Among the values, true or not true, in the cheapest words.

        DuckDB looks through the texts of an IN for each row again: ten times as long as everything else that a check costs. A function
        it asks once for each entry of a column's dictionary; and what a subquery gives is looked up in a hash table.
        """
        if not all(isinstance(value, str) for value in check.values):
            return self._inside(check)
        text, listed = self._text(check.column), literals(check.values)
        if len(check.values) > _FEW_TEXTS:
            return f"{text} IN (SELECT unnest([{listed}]))"
        return f"list_position([{listed}], {text}) > 0" if listed else "FALSE"  # of what is not there: NULL or 0, as versions go

    @staticmethod
    def _value(column: str, failing: str, breaks: str = "") -> RowMeaning:
        name = identifier(column)
        present = f"{name} IS NOT NULL"
        return RowMeaning(considered=present, failing=f"({present} AND {failing})", value=name, breaks=breaks or failing)

    def _kind(self, column: str) -> Kind | None:
        found = self._schema.get(column) if self._schema else None
        return found.kind if found else None

    def _text(self, column: str) -> str:
        """The column, as text where it is some other kind of text: those are compared as texts, not as what they hold."""
        found = self._schema.get(column) if self._schema else None
        plain = found is None or found.kind is not Kind.STRING or found.native.upper() == "VARCHAR"
        return identifier(column) if plain else f"CAST({identifier(column)} AS VARCHAR)"  # enums, UUIDs

    def _nan(self, column: str) -> str:
        """`` OR isnan(column)`` where the column can hold one: DuckDB sorts NaN above all numbers."""
        return f" OR isnan({identifier(column)})" if self._kind(column) is Kind.FLOAT else ""

    def completeness(self, check: m.Completeness) -> RowMeaning:
        column = identifier(check.column)
        missing = f" OR {self._text(check.column)} IN ({literals(check.missing_values)})" if check.missing_values else ""
        return RowMeaning(considered="TRUE", failing=f"({column} IS NULL{missing})")

    def range(self, check: m.Range) -> RowMeaning:
        column, bounds = self._text(check.column), check.bounds
        outside = []
        if bounds.min is not None:
            outside.append(f"{column} {'<' if bounds.min_inclusive else '<='} {literal(bounds.min)}")
        if bounds.max is not None:
            outside.append(f"{column} {'>' if bounds.max_inclusive else '>='} {literal(bounds.max)}")
        return self._value(check.column, f"({' OR '.join(outside) or 'FALSE'}{self._nan(check.column)})")

    def length(self, check: m.Length) -> RowMeaning:
        length = f"length({self._text(check.column)})"
        outside = [f"{length} {sign} {bound}" for sign, bound in (("<", check.min), (">", check.max)) if bound is not None]
        return self._value(check.column, f"({' OR '.join(outside) or 'FALSE'})")

    def column_comparison(self, check: m.ColumnComparison) -> RowMeaning:
        left, right = identifier(check.left), identifier(check.right)
        present = f"({left} IS NOT NULL AND {right} IS NOT NULL)"
        nan = self._nan(check.left) + self._nan(check.right)
        compared = f"{self._side(check.left, check.right)} {check.operator.value} {self._side(check.right, check.left)}"
        return RowMeaning(considered=present, failing=f"({present} AND (NOT ({compared}){nan}))")

    def _side(self, column: str, other: str) -> str:
        """One side of a comparison; DuckDB 1.0 can't compare a date with nanoseconds by itself."""
        if self._kind(column) is Kind.DATE and self._kind(other) in {Kind.TIMESTAMP, Kind.TIMESTAMP_TZ}:
            return f"CAST({identifier(column)} AS TIMESTAMP)"
        return self._text(column)

    def unique(self, check: m.Unique) -> RowMeaning:
        keys, present = ", ".join(identifier(column) for column in check.columns), _all_present(check.columns)
        key = f"({keys})" if len(check.columns) > 1 else keys  # as one value on both sides: DuckDB 1.0 knows no other way
        repeated = f"SELECT {key} FROM {BATCH} WHERE {present} GROUP BY {keys} HAVING count(*) > 1"
        return RowMeaning(considered=present, failing=f"({present} AND {key} IN ({repeated}))", fusable=False)

    def reference(self, check: m.Reference) -> RowMeaning:
        view = identifier(self._references.get(check.dataset, check.dataset))
        pairs = zip(check.columns, check.reference_columns, strict=True)
        same = " AND ".join(self._same(ours, theirs) for ours, theirs in pairs)
        present = _all_present(check.columns)
        missing = f"NOT EXISTS (SELECT 1 FROM {view} AS _sluicegate_reference WHERE {same})"
        return RowMeaning(considered=present, failing=f"({present} AND {missing})", fusable=False)

    def _same(self, ours: str, theirs: str) -> str:
        column, key = f"{BATCH}.{identifier(ours)}", f"_sluicegate_reference.{identifier(theirs)}"
        if self._kind(ours) is Kind.STRING:  # a UUID or an enum on either side must not make DuckDB convert the other
            column = column if self._text(ours) == identifier(ours) else f"CAST({column} AS VARCHAR)"
            key = f"CAST({key} AS VARCHAR)"
        return f"{key} = {column}"

    def monotonic(self, check: m.Monotonic) -> RowMeaning:
        column = self._text(check.column)
        order = f"{identifier(check.order_by)}, _sluicegate_row" if check.order_by else "_sluicegate_row"
        source = (
            f"(SELECT *, lag({column}) OVER (ORDER BY {order}) AS _sluicegate_before FROM "
            f"(SELECT *, row_number() OVER () AS _sluicegate_row FROM {BATCH}) WHERE {identifier(check.column)} IS NOT NULL)"
        )
        sign = {m.Direction.INCREASING: ">", m.Direction.DECREASING: "<"}[check.direction] + ("" if check.strict else "=")
        breaks = f"(_sluicegate_before IS NOT NULL AND NOT ({column} {sign} _sluicegate_before))"
        return RowMeaning(considered="TRUE", failing=breaks, source=source, position="_sluicegate_row - 1", fusable=False)

    def _refuse(self, check: m.CanonicalCheck) -> RowMeaning:
        raise TypeError(f"{check.type_name} is not a row-level check")

    schema = column_type = row_count = freshness = aggregate = metric_query = drift = _refuse


def _all_present(columns: Sequence[str]) -> str:
    return "(" + " AND ".join(f"{identifier(column)} IS NOT NULL" for column in columns) + ")"
