"""Canonical checks as contracts write them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Area, Severity, Tolerance
from sluicegate.checks.values import RelativeTime
from sluicegate.contract.entries import TYPE_ALIASES, canonical_type

from .helpers import check_of, checks_of

EACH: list[tuple[str, m.CanonicalCheck]] = [
    ("{type: not_null, column: a}", m.NotNull(column="a")),
    ("{type: unique, columns: [a, b]}", m.Unique(columns=("a", "b"))),
    ("{type: unique, column: a}", m.Unique(columns=("a",))),
    (
        "{type: accepted_values, column: a, values: [x, 1, 0.1, true]}",
        m.AcceptedValues(column="a", values=("x", 1, Decimal("0.1"), True)),
    ),
    ("{type: in_set, column: a, value_set: [2013-01-01]}", m.AcceptedValues(column="a", values=(date(2013, 1, 1),))),
    ("{type: rejected_values, column: a, values: [NO]}", m.RejectedValues(column="a", values=("NO",))),
    ("{type: range, column: a, min: -60}", m.Range(column="a", bounds=m.Bounds(min=-60))),
    (
        "{type: between, column: a, min_value: 0.5, max_value: 2, max_inclusive: false}",
        m.Range(column="a", bounds=m.Bounds(min=Decimal("0.5"), max=2, max_inclusive=False)),
    ),
    (
        "{type: range, column: a, min: 2 hours ago, max: now}",
        m.Range(column="a", bounds=m.Bounds(min=RelativeTime(-7200, False, "2 hours ago"), max=RelativeTime(0, False, "now"))),
    ),
    ("{type: range, column: a, min: a, max: b}", m.Range(column="a", bounds=m.Bounds(min="a", max="b"))),
    ("{type: regex, column: a, pattern: '^x$', negate: true}", m.Pattern(column="a", pattern="^x$", negate=True)),
    ("{type: pattern, column: a, regex: x}", m.Pattern(column="a", pattern="x")),
    ("{type: length, column: a, min_length: 1, max: 3}", m.Length(column="a", min=1, max=3)),
    (
        "{type: completeness, column: a, min_percent: 99.5, missing_values: ['', n/a]}",
        m.Completeness(column="a", min_percent=Decimal("99.5"), missing_values=("", "n/a")),
    ),
    ("{type: compare, left: a, operator: '<=', right: b}", m.ColumnComparison(left="a", operator=m.Operator.LE, right="b")),
    (
        "{type: reference, columns: [a], dataset: x.csv, reference_columns: [b]}",
        m.Reference(columns=("a",), dataset="x.csv", reference_columns=("b",)),
    ),
    ("{type: foreign_key, column: a, dataset: x.csv}", m.Reference(columns=("a",), dataset="x.csv", reference_columns=("a",))),
    (
        "{type: monotonic, column: a, direction: decreasing, strict: true, order_by: b}",
        m.Monotonic(column="a", direction=m.Direction.DECREASING, strict=True, order_by="b"),
    ),
    ("{type: row_expression, expression: a > 0}", m.RowExpression(expression="a > 0")),
    (
        "{type: schema, columns: [a], optional_columns: [b], allow_unexpected: false, ordered: true}",
        m.Schema(columns=("a",), optional_columns=("b",), allow_unexpected=False, ordered=True),
    ),
    ("{type: column_type, column: a, data_type: 'decimal(10,2)'}", m.ColumnType(column="a", type="decimal(10,2)")),
    (
        "{type: row_count, min_rows: 1, max: 5, window_hours: 24}",
        m.RowCount(bounds=m.Bounds(min=1, max=5), window_hours=Decimal(24)),
    ),
    ("{type: freshness, column: a, max_age_hours: 1.5}", m.Freshness(column="a", max_age_hours=Decimal("1.5"))),
    (
        "{type: aggregate, column: a, function: quantile, quantile: 0.95, max: 5}",
        m.Aggregate(column="a", function=m.AggregateFunction.QUANTILE, quantile=Decimal("0.95"), bounds=m.Bounds(max=5)),
    ),
    ("{type: metric_query, sql: SELECT 1, min: 1}", m.MetricQuery(query="SELECT 1", bounds=m.Bounds(min=1))),
    (
        "{type: drift, metric: mean, column: a, method: percent, threshold: 20, window_runs: 9, min_runs: 2}",
        m.Drift(
            metric=m.DriftMetric.MEAN, column="a", method=m.DriftMethod.PERCENT, threshold=Decimal(20), window_runs=9, min_runs=2
        ),
    ),
]


@pytest.mark.parametrize(("entry", "promise"), EACH)
def test_each_canonical_check_is_read(entry: str, promise: m.CanonicalCheck, tmp_path: Path) -> None:
    check = check_of(tmp_path, entry)
    assert check.promise == promise
    assert (check.severity, check.area, check.engine, check.tolerance) == (Severity.ERROR, Area.QUALITY, None, Tolerance())


def test_the_samples_cover_every_canonical_check() -> None:
    assert {promise.type_name for _, promise in EACH} == set(m.CANONICAL_TYPES)


def test_the_short_form_means_the_same(tmp_path: Path) -> None:
    one, two = (check_of(tmp_path, entry).promise for entry in ("{type: range, column: a, min: 1}", "range: {column: a, min: 1}"))
    assert one == two


def test_a_column_type_may_be_named_type_in_the_short_form(tmp_path: Path) -> None:
    assert check_of(tmp_path, "column_type: {column: a, data_type: date}").promise == m.ColumnType(column="a", type="date")


@pytest.mark.parametrize("entry", ["null_check: [a, b]", "null_check: {columns: [a, b]}", "{type: null_check, columns: [a, b]}"])
def test_one_column_check_of_several_columns_is_several_checks(entry: str, tmp_path: Path) -> None:
    checks = checks_of(tmp_path, f"- {entry}\n")
    assert [check.promise for check in checks] == [m.NotNull(column="a"), m.NotNull(column="b")]
    assert [check.id for check in checks] == ["not_null_a", "not_null_b"]


def test_several_checks_of_one_name_are_told_apart_by_their_column(tmp_path: Path) -> None:
    checks = checks_of(tmp_path, "- {type: not_null, columns: [a, b], name: keys}\n")
    assert [check.name for check in checks] == ["keys (a)", "keys (b)"]


@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        ("5", Tolerance(rows=5)),
        ("0", Tolerance(rows=0)),
        ("0.5%", Tolerance(percent=Decimal("0.5"))),
        ("5 %", Tolerance(percent=Decimal(5))),
        ("{rows: 5, percent: 0.1}", Tolerance(rows=5, percent=Decimal("0.1"))),
        ("{percent: 1}", Tolerance(percent=Decimal(1))),
    ],
)
def test_a_tolerance_is_rows_or_percent_or_both(text: str, tolerance: Tolerance, tmp_path: Path) -> None:
    assert check_of(tmp_path, f"{{type: not_null, column: a, tolerance: {text}}}").tolerance == tolerance


def test_every_option_is_kept(tmp_path: Path) -> None:
    check = check_of(
        tmp_path,
        "{type: not_null, column: a, name: N, severity: Warning, tolerance: 5, warn_tolerance: 1, engine: gx, description: D}",
    )
    assert (check.name, check.id, check.severity, check.engine, check.description) == (
        "N", "n", Severity.WARNING, "great_expectations", "D",
    )  # fmt: skip
    assert check.warn_tolerance == Tolerance(rows=1)
    assert (Path(check.file).name, check.line, check.column) == ("contract.yaml", 7, 9)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("{type: range, column: dep_delay, min: 1}", "range(dep_delay)"),
        ("{type: unique, columns: [a, b]}", "unique(a, b)"),
        ("{type: row_count, min: 1}", "row_count"),
        ("{type: aggregate, column: a, function: mean, min: 1}", "mean(a)"),
        ("{type: drift, metric: mean, column: a, threshold: 3}", "drift(mean, a)"),
        ("{type: compare, left: a, operator: '<', right: b}", "column_comparison(a < b)"),
        ("{type: schema, columns: [a]}", "schema"),
        ("{type: row_expression, expression: 'a  >\n  0'}", "row_expression(a > 0)"),
    ],
)
def test_a_nameless_check_is_called_after_what_it_does(entry: str, name: str, tmp_path: Path) -> None:
    assert check_of(tmp_path, entry).name == name


def test_ids_are_unique_and_given_names_go_first(tmp_path: Path) -> None:
    checks = checks_of(
        tmp_path,
        """\
        - {type: not_null, column: a}
        - {type: range, column: a, min: 1, name: not_null(a)}
        - {type: range, column: b, min: 1, name: Not Null a}
        - {type: not_null, column: größe}
        - {type: not_null, column: grösse}
        """,
    )
    ids = [check.id for check in checks]
    assert ids[:3] == ["not_null_a_3", "not_null_a", "not_null_a_2"]
    assert len(set(ids)) == 5
    assert all(id_.isascii() and " " not in id_ for id_ in ids)


def test_no_alias_means_two_types() -> None:
    words = [word for name, aliases in TYPE_ALIASES.items() for word in (name, *aliases)]
    assert len(words) == len(set(words))
    assert set(TYPE_ALIASES) == set(m.CANONICAL_TYPES)
    assert canonical_type("Range-Check") == "range"


def test_a_check_of_a_quantile_bound_of_relative_midnights_is_left_to_the_run(tmp_path: Path) -> None:
    assert check_of(tmp_path, "{type: range, column: a, min: today, max: 1 hour ago}").promise.type_name == "range"  # type: ignore[union-attr]
    assert check_of(tmp_path, "{type: range, column: a, min: '2013-01-01', max: now}").promise.type_name == "range"  # type: ignore[union-attr]
