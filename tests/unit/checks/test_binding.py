from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind, near_name, resolve_times
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of
from sluicegate.checks.values import RelativeTime, parse_relative_time

NOW = datetime(2026, 1, 3, 12, 30, tzinfo=UTC)
NATIVE = {
    "i": "INTEGER", "tiny": "TINYINT", "u": "UBIGINT", "huge": "HUGEINT", "dec": "DECIMAL(10,2)", "wide": "DECIMAL(38,2)",
    "f": "DOUBLE", "r": "FLOAT", "s": "VARCHAR", "b": "BOOLEAN", "d": "DATE", "t": "TIME", "ts": "TIMESTAMP",
    "tz": "TIMESTAMP WITH TIME ZONE", "blob": "BLOB", "list": "INTEGER[]", "struct": "STRUCT(a INTEGER)", "map": "MAP(INTEGER, INTEGER)",
    "void": '"NULL"', 'Odd "Näme"': "VARCHAR",
}  # fmt: skip
SCHEMA = BatchSchema(tuple(Column(name, kind_of(native) or Kind.OTHER, native) for name, native in NATIVE.items()))


def bound(check: m.CanonicalCheck, references: dict[str, BatchSchema] | None = None) -> Any:
    result = bind(check, SCHEMA, references)
    assert not isinstance(result, Unbindable), result
    return result


def refusal(check: m.CanonicalCheck, references: dict[str, BatchSchema] | None = None) -> Unbindable:
    result = bind(check, SCHEMA, references)
    assert isinstance(result, Unbindable), result
    return result


def interval(column: str, **bounds: Any) -> str:
    return str(bound(m.Range(column=column, bounds=m.Bounds(**bounds))).bounds)


def accepted(column: str, *values: Any) -> tuple[Any, ...]:
    result = bound(m.AcceptedValues(column=column, values=values)).values
    assert bound(m.RejectedValues(column=column, values=values)).values == result
    assert bound(m.Completeness(column=column, min_percent=Decimal(1), missing_values=values)).missing_values == result
    return tuple(result)


def test_a_missing_column_is_refused_with_the_near_name() -> None:
    answer = refusal(m.NotNull(column="TS"))
    assert answer.message == "the batch has no column 'TS'"
    assert answer.hint == "did you mean 'ts'?"
    assert "it has i, tiny" in refusal(m.NotNull(column="zzzzzzz")).hint
    assert bound(m.NotNull(column='Odd "Näme"')) == m.NotNull(column='Odd "Näme"')


def test_the_near_name_ignores_case() -> None:
    assert near_name("DEPTIME", ["dep_time", "x"]) == "did you mean 'dep_time'?"
    assert near_name("qqqq", ["dep_time"]) == ""


def test_relative_times_become_moments_everywhere() -> None:
    ago, today = parse_relative_time("2 hours ago"), parse_relative_time("today")
    assert isinstance(ago, RelativeTime)
    assert isinstance(today, RelativeTime)
    resolved: Any = resolve_times(m.Range(column="ts", bounds=m.Bounds(min=today, max=ago, max_inclusive=False)), NOW)
    assert resolved.bounds == m.Bounds(
        min=datetime(2026, 1, 3, tzinfo=UTC), max=datetime(2026, 1, 3, 10, 30, tzinfo=UTC), max_inclusive=False
    )
    listed: Any = resolve_times(m.AcceptedValues(column="d", values=(today, "x")), NOW)  # type: ignore[arg-type]
    assert listed.values == (datetime(2026, 1, 3, tzinfo=UTC), "x")
    plain = m.NotNull(column="a")
    assert resolve_times(plain, NOW) is plain


@pytest.mark.parametrize(
    ("column", "bounds", "expected"),
    [
        ("i", {"min": Decimal("0.5"), "max": Decimal("2.5")}, "[1, 2]"),
        ("i", {"min": Decimal("-0.5"), "max": Decimal("-0.5"), "min_inclusive": False, "max_inclusive": False}, "[0, -1]"),
        ("i", {"min": 1, "max": Decimal("3.0"), "min_inclusive": False, "max_inclusive": False}, "(1, 3)"),
        ("i", {"min": -(10**30), "max": 10**30}, "[-inf, inf]"),
        ("tiny", {"min": 128}, "(127, inf]"),
        ("tiny", {"max": -129}, "[-inf, -128)"),
        ("tiny", {"min": -128, "min_inclusive": False}, "(-128, inf]"),
        ("u", {"min": -1, "max": 2**64}, "[-inf, inf]"),
        ("u", {"min": 2**53 + 1}, "[9007199254740993, inf]"),
        ("i", {"min": -math.inf, "max": math.inf}, "[-inf, inf]"),
        ("i", {"min": math.inf}, "(2147483647, inf]"),
        ("i", {"max": -math.inf}, "[-inf, -2147483648)"),
        ("dec", {"min": Decimal("0.001"), "max": Decimal("0.129")}, "[0.01, 0.12]"),
        ("dec", {"min": 10**20}, "(99999999.99, inf]"),
        ("wide", {"max": Decimal(10**37)}, "[-inf, inf]"),
        ("wide", {"max": Decimal(10**35)}, "[-inf, 1" + "0" * 35 + ".00]"),
        ("f", {"min": Decimal("0.1"), "max": 3}, "[0.1, 3.0]"),
        ("r", {"max": Decimal("0.1")}, "[-inf, 0.10000000149011612]"),
        ("f", {"max": 10**400}, "[-inf, inf]"),
        ("s", {"min": "a", "max": "b"}, "[a, b]"),
        ("d", {"min": "2013-01-01", "max": datetime(2013, 1, 2, 9, tzinfo=UTC)}, "[2013-01-01, 2013-01-02]"),
        ("ts", {"min": date(2013, 1, 1)}, "[2013-01-01 00:00:00, inf]"),
        ("ts", {"min": "2013-01-01T00:00:00+01:00"}, "[2012-12-31 23:00:00, inf]"),
        ("tz", {"min": "2013-01-01", "max": datetime(2013, 1, 1)}, "[2013-01-01 00:00:00+00:00, 2013-01-01 00:00:00+00:00]"),
        ("t", {"min": "09:00", "max": time(17)}, "[09:00:00, 17:00:00]"),
        ("void", {"min": 1}, "[1, inf]"),
    ],
)
def test_bounds_become_the_columns_own_and_stay_equivalent(column: str, bounds: dict[str, Any], expected: str) -> None:
    assert interval(column, **bounds) == expected


def test_values_that_a_column_cannot_hold_are_dropped() -> None:
    assert accepted("i", 1, Decimal("1.0"), Decimal("1.5"), None, 10**12, math.nan, math.inf) == (1,)
    assert accepted("dec", Decimal("0.100"), Decimal("0.101"), 3, 10**9) == (Decimal("0.10"), Decimal(3))
    assert accepted("f", 1, Decimal("0.5"), -0.0) == (1.0, 0.5, -0.0)
    assert accepted("s", "1", "1", None, "") == ("1", "")
    assert accepted("b", True) == (True,)
    assert accepted("d", "2013-01-01", date(2013, 1, 1), datetime(2013, 1, 1)) == (date(2013, 1, 1),)
    assert accepted("i") == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("i", "1"), ("i", True), ("f", True), ("b", 1), ("b", "true"), ("s", 1), ("s", date(2013, 1, 1)), ("s", True), ("d", "soon"),
        ("d", 20130101), ("ts", "yesterday-ish"), ("t", "noon"), ("t", 12), ("blob", "x"), ("list", 1), ("struct", "a"), ("map", 1),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_refused_by_the_columns_name(column: str, value: Any) -> None:
    answer = refusal(m.AcceptedValues(column=column, values=(value,)))
    assert f"column {column!r}" in answer.message
    assert "can't be compared" in answer.message


def test_a_nan_bound_is_refused() -> None:
    assert "NaN" in refusal(m.Range(column="f", bounds=m.Bounds(min=math.nan))).message


AGGREGATE = m.Aggregate(column="i", function=m.AggregateFunction.MEAN, bounds=m.Bounds(min=0))


@pytest.mark.parametrize(
    "check",
    [
        m.Pattern(column="i", pattern="x"),
        m.Length(column="d", max=3),
        m.Range(column="b", bounds=m.Bounds(min=0)),
        m.Range(column="list", bounds=m.Bounds(min=0)),
        m.Range(column="blob", bounds=m.Bounds(min="a")),
        m.Unique(columns=("i", "list")),
        m.Unique(columns=("struct",)),
        m.Unique(columns=("map",)),
        m.Freshness(column="s", max_age_hours=Decimal(1)),
        m.Freshness(column="t", max_age_hours=Decimal(1)),
        m.Monotonic(column="b"),
        m.Monotonic(column="i", order_by="list"),
        replace(AGGREGATE, column="s"),
        replace(AGGREGATE, bounds=m.Bounds(min="a")),
        replace(AGGREGATE, column="d", function=m.AggregateFunction.SUM),
        replace(AGGREGATE, column="b", function=m.AggregateFunction.MIN),
        replace(AGGREGATE, column="list", function=m.AggregateFunction.DISTINCT_COUNT),
        replace(AGGREGATE, column="s", function=m.AggregateFunction.MAX),
        m.Drift(metric=m.DriftMetric.MEAN, column="s", threshold=Decimal(3)),
        m.Drift(metric=m.DriftMetric.DISTINCT_COUNT, column="map", threshold=Decimal(3)),
        m.ColumnComparison(left="i", operator=m.Operator.LT, right="s"),
        m.ColumnComparison(left="b", operator=m.Operator.LT, right="b"),
        m.ColumnComparison(left="d", operator=m.Operator.EQ, right="t"),
        m.ColumnComparison(left="list", operator=m.Operator.EQ, right="list"),
    ],
)
def test_a_check_that_does_not_suit_the_columns_kind_is_refused(check: m.CanonicalCheck) -> None:
    assert refusal(check).message


@pytest.mark.parametrize(
    "check",
    [
        m.Pattern(column="s", pattern="x"),
        m.Pattern(column="void", pattern="x"),
        m.Length(column="s", max=3),
        m.Unique(columns=("i", "blob")),
        m.Freshness(column="tz", max_age_hours=Decimal(1)),
        m.Monotonic(column="i", order_by="ts"),
        replace(AGGREGATE, column="d", function=m.AggregateFunction.DISTINCT_COUNT),
        m.Drift(metric=m.DriftMetric.NULL_PERCENT, column="list", threshold=Decimal(3)),
        m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)),
        m.ColumnComparison(left="i", operator=m.Operator.LT, right="dec"),
        m.ColumnComparison(left="d", operator=m.Operator.LE, right="tz"),
        m.ColumnComparison(left="b", operator=m.Operator.EQ, right="b"),
        m.RowExpression(expression="whatever"),
        m.MetricQuery(query="SELECT 1", bounds=m.Bounds()),
        m.RowCount(bounds=m.Bounds(min=1)),
        m.ColumnType(column="absent", type="integer"),
        m.Schema(columns=("absent",)),
    ],
)
def test_a_check_that_suits_is_left_as_it_is(check: m.CanonicalCheck) -> None:
    assert bound(check) == check


def test_aggregate_bounds_keep_the_numbers_as_written_and_read_texts_as_moments() -> None:
    check = replace(AGGREGATE, bounds=m.Bounds(min=Decimal("0.5")))
    assert bound(check) == check
    newest = m.Aggregate(column="ts", function=m.AggregateFunction.MAX, bounds=m.Bounds(min="2013-01-01"))
    assert bound(newest).bounds.min == datetime(2013, 1, 1)


def test_a_reference_needs_its_dataset_its_columns_and_comparable_kinds() -> None:
    check = m.Reference(columns=("s",), dataset="planes.csv", reference_columns=("tail",))
    other = BatchSchema((Column("tail", Kind.STRING, "VARCHAR"), Column("year", Kind.INTEGER, "INTEGER")))
    assert bound(check, {"planes.csv": other}) == check
    assert "not open" in refusal(check).message
    assert refusal(replace(check, reference_columns=("tale",)), {"planes.csv": other}).hint == "did you mean 'tail'?"
    assert "can't be compared" in refusal(replace(check, reference_columns=("year",)), {"planes.csv": other}).message
    assert "a list" in refusal(replace(check, columns=("list",)), {"planes.csv": other}).message


def test_a_float_figure_compares_as_the_number_it_prints() -> None:
    assert m.Bounds(min=Decimal("0.15")).hold(0.15)
    assert m.Bounds(max=Decimal("0.15")).hold(0.15)
    assert not m.Bounds(min=Decimal("0.15")).hold(math.nan)
    assert not m.Bounds(max=Decimal("0.15")).hold(math.inf)
