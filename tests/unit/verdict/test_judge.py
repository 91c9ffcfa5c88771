"""What figures come to: thresholds, severities, missing figures."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Severity, Tolerance, Untestable
from sluicegate.ports.engine import NativeOutcome, Result
from sluicegate.verdict.judge import Facts, judge
from sluicegate.verdict.model import CheckOutcome, Outcome

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
FACTS = Facts(now=NOW, batch_rows=1000)
ROWS = ContractCheck(id="c", name="c", promise=m.NotNull(column="a"))


def of(promise: m.CanonicalCheck) -> ContractCheck:
    return replace(ROWS, promise=promise)


def judged(check: ContractCheck, facts: Facts = FACTS, **figures: object) -> CheckOutcome:
    return judge(check, Result(check_id="c", **figures), "duckdb", facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tolerance", "warn", "failing", "wanted"),
    [
        (Tolerance(), None, 0, Outcome.PASSED),
        (Tolerance(), None, 1, Outcome.FAILED),
        (Tolerance(rows=5), None, 5, Outcome.PASSED),
        (Tolerance(rows=5), None, 6, Outcome.FAILED),
        (Tolerance(percent=Decimal("0.5")), None, 5, Outcome.PASSED),
        (Tolerance(percent=Decimal("0.5")), None, 6, Outcome.FAILED),
        (Tolerance(rows=10, percent=Decimal("0.5")), None, 6, Outcome.FAILED),
        (Tolerance(rows=10), Tolerance(rows=3), 3, Outcome.PASSED),
        (Tolerance(rows=10), Tolerance(rows=3), 4, Outcome.WARNED),
        (Tolerance(rows=10), Tolerance(rows=3), 11, Outcome.FAILED),
    ],
)
def test_a_row_level_check_is_judged_by_its_tolerances(
    tolerance: Tolerance, warn: Tolerance | None, failing: int, wanted: Outcome
) -> None:
    check = replace(ROWS, tolerance=tolerance, warn_tolerance=warn)
    assert judged(check, rows=1000, failing=failing).outcome is wanted


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.INFO])
def test_a_violation_that_is_no_error_warns(severity: Severity) -> None:
    assert judged(replace(ROWS, severity=severity), rows=10, failing=1).outcome is Outcome.WARNED


def test_an_error_is_an_error_whatever_the_severity() -> None:
    outcome = judged(replace(ROWS, severity=Severity.INFO), error="no such column", error_hint="look", engine_broke=True)
    assert (outcome.outcome, outcome.hint, outcome.engine_broke) == (Outcome.ERRORED, "look", True)


@pytest.mark.parametrize(
    "promise",
    [
        m.NotNull(column="a"),
        m.Completeness(column="a", min_percent=Decimal(1)),
        m.RowCount(bounds=m.Bounds(min=0)),
        m.Aggregate(column="a", function=m.AggregateFunction.MEAN, bounds=m.Bounds(min=0)),
        m.Freshness(column="a", max_age_hours=Decimal(1)),
        m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)),
        m.Schema(columns=("a",)),
        NativeCheck(engine="soda", kind="x", body={}),
    ],
)
def test_a_result_without_figures_never_passes(promise: m.CanonicalCheck) -> None:
    assert judged(of(promise)).outcome is Outcome.ERRORED


def test_an_untestable_promise_is_skipped_with_its_reason() -> None:
    outcome = judged(replace(ROWS, promise=Untestable(key="sla.availability", reason="a gate sees batches")))
    assert (outcome.outcome, outcome.message) == (Outcome.SKIPPED, "a gate sees batches")


@pytest.mark.parametrize(("failing", "wanted"), [(100, Outcome.PASSED), (101, Outcome.FAILED)])
def test_completeness_compares_counts_not_rounded_percentages(failing: int, wanted: Outcome) -> None:
    check = of(m.Completeness(column="a", min_percent=Decimal(90)))
    assert judged(check, rows=1000, failing=failing).outcome is wanted


def test_an_empty_batch_is_complete() -> None:
    assert judged(of(m.Completeness(column="a", min_percent=Decimal(100))), rows=0, failing=0).outcome is Outcome.PASSED


def test_nan_is_outside_any_bounds() -> None:
    check = of(m.Aggregate(column="a", function=m.AggregateFunction.MEAN, bounds=m.Bounds()))
    assert judged(check, value=math.nan).outcome is Outcome.FAILED


def test_an_aggregate_without_values_is_errored_unless_an_empty_batch_is_allowed() -> None:
    check = of(m.Aggregate(column="a", function=m.AggregateFunction.MEAN, bounds=m.Bounds(min=0)))
    empty = Facts(now=NOW, batch_rows=0)
    assert judged(check, empty).outcome is Outcome.ERRORED
    assert judged(check, replace(empty, allow_empty=True)).outcome is Outcome.SKIPPED
    assert judged(check, replace(FACTS, allow_empty=True)).outcome is Outcome.ERRORED, "only NULLs is not empty"


def test_a_figure_that_cannot_be_compared_is_errored() -> None:
    check = of(m.MetricQuery(query="select 'x'", bounds=m.Bounds(min=1)))
    assert judged(check, value="x").outcome is Outcome.ERRORED


@pytest.mark.parametrize(
    ("newest", "wanted"),
    [
        (datetime(2026, 1, 2, 11, tzinfo=UTC), Outcome.PASSED),
        (datetime(2026, 1, 2, 9, 59, 59), Outcome.FAILED),
        (datetime(2026, 1, 2, 10), Outcome.PASSED),
        (date(2026, 1, 2), Outcome.FAILED),
    ],
)
def test_freshness_holds_the_newest_moment_against_the_clock_in_utc(newest: date, wanted: Outcome) -> None:
    assert judged(of(m.Freshness(column="a", max_age_hours=Decimal(2))), value=newest).outcome is wanted


@pytest.mark.parametrize(
    ("hours", "limit", "said"),
    [
        ("10", "40", "10 h old, at most 40 h wanted"),
        ("1.5", "36", "1.5 h old, at most 36 h wanted"),
        ("240", "36", "10 days old, at most 36 h wanted"),
        ("2.0001", "2", "2.0001 h old, at most 2 h wanted"),
    ],
)
def test_an_age_is_said_in_plain_digits(hours: str, limit: str, said: str) -> None:
    newest = NOW - timedelta(seconds=float(hours) * 3600)
    assert judged(of(m.Freshness(column="a", max_age_hours=Decimal(limit))), value=newest).message.endswith(said)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Decimal("1E+3"), "measured 1,000,"),
        (1234567.891, "measured 1,234,567.89,"),
        (0.25, "measured 0.25,"),
        (1e-9, "measured 1e-09,"),
        (math.nan, "measured nan,"),
        (Decimal(0), "measured 0,"),
    ],
)
def test_a_figure_is_said_in_plain_digits(value: float | Decimal, said: str) -> None:
    check = of(m.Aggregate(column="a", function=m.AggregateFunction.MEAN, bounds=m.Bounds(min=0)))
    assert judged(check, value=value).message.startswith(said)


def test_a_row_count_with_a_window_adds_what_was_committed_before() -> None:
    check = of(m.RowCount(bounds=m.Bounds(min=100), window_hours=Decimal(24)))
    assert judged(check, value=40).outcome is Outcome.FAILED
    outcome = judged(check, replace(FACTS, committed_before=60), value=40)
    assert (outcome.outcome, outcome.value) == (Outcome.PASSED, 100)


PAST = tuple(Decimal(n) for n in (98, 99, 100, 101, 102))


@pytest.mark.parametrize(
    ("method", "threshold", "value", "wanted"),
    [
        (m.DriftMethod.ZSCORE, 3, 104, Outcome.PASSED),
        (m.DriftMethod.ZSCORE, 3, 105, Outcome.FAILED),
        (m.DriftMethod.PERCENT, 10, 110, Outcome.PASSED),
        (m.DriftMethod.PERCENT, 10, 111, Outcome.FAILED),
        (m.DriftMethod.PERCENT, 10, math.nan, Outcome.FAILED),
    ],
)
def test_drift_measures_the_distance_from_past_runs(method: m.DriftMethod, threshold: int, value: float, wanted: Outcome) -> None:
    check = of(m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(threshold), method=method))
    assert judged(check, replace(FACTS, past=PAST), value=value).outcome is wanted


def test_drift_of_a_metric_that_never_moved_is_any_change() -> None:
    check = of(m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)))
    still = replace(FACTS, past=(Decimal(5),) * 5)
    assert judged(check, still, value=5).outcome is Outcome.PASSED
    assert judged(check, still, value=6).outcome is Outcome.FAILED


def test_drift_without_enough_past_is_skipped_and_says_so() -> None:
    outcome = judged(of(m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3))), replace(FACTS, past=PAST[:4]), value=5)
    assert outcome.outcome is Outcome.SKIPPED
    assert "4 of the 5 past runs" in outcome.message


NATIVE = replace(ROWS, promise=NativeCheck(engine="soda", kind="x", body={}))


@pytest.mark.parametrize("said", list(NativeOutcome))
def test_a_native_check_ends_as_its_engine_says(said: NativeOutcome) -> None:
    assert judged(NATIVE, native=said).outcome.value == said.value


def test_a_tolerance_softens_a_native_failure_with_counts() -> None:
    check = replace(NATIVE, tolerance=Tolerance(rows=3))
    assert judged(check, native=NativeOutcome.FAILED, rows=10, failing=3).outcome is Outcome.PASSED
    assert judged(check, native=NativeOutcome.FAILED, rows=10, failing=4).outcome is Outcome.FAILED


def test_schema_faults_fail_and_their_words_are_kept() -> None:
    outcome = judged(of(m.Schema(columns=("a",))), failing=1, message="column a is missing")
    assert (outcome.outcome, outcome.message) == (Outcome.FAILED, "column a is missing")


@pytest.mark.parametrize(
    ("check", "figures", "message"),
    [
        (ROWS, {"rows": 1, "failing": 0}, "1 row"),
        (ROWS, {"rows": 2, "failing": 0}, "2 rows"),
        (replace(ROWS, tolerance=Tolerance(rows=1)), {"rows": 1, "failing": 1}, "1 of 1 row (100.00 %), 1 row allowed"),
        (of(m.RowCount(bounds=m.Bounds(min=1))), {"value": 1}, "1 row, wanted at least 1"),
    ],
)
def test_one_is_said_in_the_singular(check: ContractCheck, figures: dict[str, object], message: str) -> None:
    assert judged(check, FACTS, **figures).message == message
