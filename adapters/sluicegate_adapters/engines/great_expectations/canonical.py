"""Canonical checks as GX expectations: the one that says the same, or a query of unexpected rows, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Tolerance
from sluicegate.checks.meaning import row_meaning
from sluicegate.checks.types import BatchSchema, kind_of, type_fits
from sluicegate.checks.values import Instant
from sluicegate.checks.visitor import CheckVisitor
from sluicegate.ports.engine import Unsupported

__all__ = ["Suite", "suite_of"]


@dataclass(frozen=True, slots=True)
class Suite:
    """One entry of an expectation suite.

    Attributes:
        kind: the expectation's name.
        kwargs: its arguments.
        exact: arguments that GX would turn into floats, as they are meant; given back before GX judges.
    """

    kind: str
    kwargs: Mapping[str, object]
    exact: Mapping[str, object] = field(default_factory=dict)


def suite_of(
    check: m.CanonicalCheck, tolerance: Tolerance, schema: BatchSchema | None, references: Mapping[str, str] | None = None
) -> Suite | Unsupported:
    """The check as an entry of a suite.

    Args:
        check: bound to the schema, if there is one.
        tolerance: a percentage becomes ``mostly``; rows have no word in GX, the verdict judges them.
        schema: None when there is no data yet.
        references: dataset -> view.
    """
    return _Suites(tolerance, schema, references or {}).visit(check)


class _Suites(CheckVisitor[Suite | Unsupported]):
    def __init__(self, tolerance: Tolerance, schema: BatchSchema | None, references: Mapping[str, str]) -> None:
        self._schema = schema
        self._references = references
        alone = tolerance.percent is not None and tolerance.rows is None
        self._mostly = {"mostly": _share(tolerance.percent)} if alone else {}

    def _map(self, kind: str, **kwargs: object) -> Suite:
        return Suite(kind, kwargs | self._mostly)

    def _query(self, check: m.CanonicalCheck) -> Suite:
        """The rows that break the check, as a query: GX's own way for what no expectation says."""
        meaning = row_meaning(check, self._schema, self._references)
        source, failing = (text.replace("{", "{{").replace("}", "}}") for text in (meaning.source, meaning.failing))
        query = f"WITH batch AS (SELECT * FROM {{batch}}) SELECT * FROM {source} WHERE {failing}"
        return Suite("unexpected_rows_expectation", {"unexpected_rows_query": query})

    def not_null(self, check: m.NotNull) -> Suite:
        return self._map("expect_column_values_to_not_be_null", column=check.column)

    def completeness(self, check: m.Completeness) -> Suite:
        if check.missing_values:
            return self._query(check)
        least = _share(100 - check.min_percent)
        return Suite("expect_column_values_to_not_be_null", {"column": check.column, "mostly": least})

    def unique(self, check: m.Unique) -> Suite:
        if len(check.columns) == 1:
            return self._map("expect_column_values_to_be_unique", column=check.columns[0])
        kind = "expect_compound_columns_to_be_unique"
        return self._map(kind, column_list=list(check.columns), ignore_row_if="any_value_is_missing")

    def accepted_values(self, check: m.AcceptedValues) -> Suite:
        return self._map("expect_column_values_to_be_in_set", column=check.column, value_set=list(check.values))

    def rejected_values(self, check: m.RejectedValues) -> Suite:
        return self._map("expect_column_values_to_not_be_in_set", column=check.column, value_set=list(check.values))

    def range(self, check: m.Range) -> Suite:
        bounds = check.bounds
        if bounds.min is None and bounds.max is None:
            return self._query(check)  # GX refuses an interval that is open on both sides
        if any(isinstance(bound, str | time) for bound in (bounds.min, bounds.max)):
            return self._query(check)  # GX takes numbers, dates and timestamps only
        return self._map("expect_column_values_to_be_between", column=check.column, **_between(bounds))

    def pattern(self, check: m.Pattern) -> Suite:
        kind = "expect_column_values_to_not_match_regex" if check.negate else "expect_column_values_to_match_regex"
        return self._map(kind, column=check.column, regex=check.pattern)

    def length(self, check: m.Length) -> Suite:
        if check.min is None and check.max is None:
            return self._query(check)
        between = _between(m.Bounds(min=check.min, max=check.max))
        return self._map("expect_column_value_lengths_to_be_between", column=check.column, **between)

    def column_comparison(self, check: m.ColumnComparison) -> Suite:
        left, right, either = check.left, check.right, "either_value_is_missing"
        match check.operator:
            case m.Operator.EQ:
                return self._map("expect_column_pair_values_to_be_equal", column_A=left, column_B=right, ignore_row_if=either)
            case m.Operator.NE:
                kind = "expect_select_column_values_to_be_unique_within_record"
                return self._map(kind, column_list=[left, right], ignore_row_if="any_value_is_missing")
            case m.Operator.LT | m.Operator.LE:
                left, right = right, left
            case _:
                pass
        kind = "expect_column_pair_values_a_to_be_greater_than_b"
        or_equal = check.operator in {m.Operator.LE, m.Operator.GE}
        return self._map(kind, column_A=left, column_B=right, or_equal=or_equal, ignore_row_if=either)

    def reference(self, check: m.Reference) -> Suite:
        return self._query(check)

    def monotonic(self, check: m.Monotonic) -> Suite:
        if check.order_by is not None:
            return self._query(check)
        kind = f"expect_column_values_to_be_{check.direction.value}"
        return self._map(kind, column=check.column, strictly=check.strict)

    def row_expression(self, check: m.RowExpression) -> Suite:
        return self._query(check)

    def schema(self, check: m.Schema) -> Suite | Unsupported:
        if check.allow_unexpected:
            if check.ordered:
                return Unsupported("Great Expectations has no expectation for an order of columns among others")
            kwargs = {"column_set": list(check.columns), "exact_match": False}
            return Suite("expect_table_columns_to_match_set", kwargs)
        optional = [name for name in check.optional_columns if self._schema is None or name in self._schema]
        if check.ordered:
            if check.optional_columns:
                return Unsupported("Great Expectations has no expectation for an order of columns of which some are optional")
            return Suite("expect_table_columns_to_match_ordered_list", {"column_list": list(check.columns)})
        return Suite("expect_table_columns_to_match_set", {"column_set": [*check.columns, *optional], "exact_match": True})

    def column_type(self, check: m.ColumnType) -> Suite | Unsupported:
        if kind_of(check.type) is None:
            return Unsupported(f"{check.type!r} is not a type's name")
        column = self._schema.get(check.column) if self._schema else None
        names = [column.native] if column and type_fits(check.type, column) else [check.type]
        return Suite("expect_column_values_to_be_in_type_list", {"column": check.column, "type_list": names})

    def row_count(self, check: m.RowCount) -> Suite | Unsupported:
        if check.window_hours is not None:
            return Unsupported("Great Expectations sees this batch alone, not what was committed before it")
        return _figure("expect_table_row_count_to_be_between", check.bounds)

    def freshness(self, check: m.Freshness) -> Suite:
        seconds = check.max_age_hours * 3600
        oldest = f"{check.max_age_hours} hours ago" if check.max_age_hours % 1 == 0 else f"{int(seconds)} seconds ago"
        return Suite("expect_column_max_to_be_between", {"column": check.column, "min_value": oldest})

    def aggregate(self, check: m.Aggregate) -> Suite | Unsupported:
        bounds = check.bounds
        if any(isinstance(bound, str | time) for bound in (bounds.min, bounds.max)):
            return Unsupported("Great Expectations takes numbers, dates and timestamps as bounds, not texts or times of day")
        if check.function is m.AggregateFunction.QUANTILE:
            return self._quantile(check)
        name = {"distinct_count": "unique_value_count"}.get(check.function.value, check.function.value)
        return _figure(f"expect_column_{name}_to_be_between", bounds, column=check.column)

    @staticmethod
    def _quantile(check: m.Aggregate) -> Suite | Unsupported:
        bounds = check.bounds
        if not (bounds.min_inclusive and bounds.max_inclusive):
            return Unsupported("Great Expectations' quantile bounds are inclusive; it has no exclusive ones")
        ranges = [[_plain_bound(bounds.min), _plain_bound(bounds.max)]]
        quantiles = {"quantiles": [float(check.quantile or 0)], "value_ranges": ranges}
        kwargs = {"column": check.column, "quantile_ranges": quantiles, "allow_relative_error": "linear"}
        return Suite("expect_column_quantile_values_to_be_between", kwargs)

    def metric_query(self, check: m.MetricQuery) -> Unsupported:
        return Unsupported(f"Great Expectations has no expectation that holds a query's value against {check.bounds}")

    def drift(self, check: m.Drift) -> Unsupported:
        return Unsupported(f"Great Expectations knows no past runs to hold the {check.metric.value} against")


def _figure(kind: str, bounds: m.Bounds, **kwargs: object) -> Suite:
    between = _between(bounds)
    exact = {key: value for key, value in (("min_value", bounds.min), ("max_value", bounds.max)) if value is not None}
    return Suite(kind, kwargs | between, exact)


def _between(bounds: m.Bounds) -> dict[str, object]:
    kwargs: dict[str, object] = {}
    if bounds.min is not None:
        kwargs |= {"min_value": _plain_bound(bounds.min)} | ({} if bounds.min_inclusive else {"strict_min": True})
    if bounds.max is not None:
        kwargs |= {"max_value": _plain_bound(bounds.max)} | ({} if bounds.max_inclusive else {"strict_max": True})
    return kwargs


def _plain_bound(value: Instant) -> object:
    """As GX takes it: numbers without Decimal; dates and timestamps as they are."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, int | float | date | datetime) else None


def _share(percent: Decimal | None) -> float:
    """What must hold, as GX's ``mostly``, when this percentage may not."""
    return float((100 - (percent or Decimal(0))) / 100)
