"""From what an engine measured to how a check ended: the one place that knows thresholds and severities."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Severity, Tolerance, Untestable
from sluicegate.checks.values import Scalar
from sluicegate.ports.engine import NativeOutcome, Result
from sluicegate.verdict.model import CheckOutcome, Outcome
from sluicegate.words import plural

__all__ = ["Facts", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the judge must know beside the result.

    Attributes:
        now: the run's clock.
        batch_rows: rows of the whole batch.
        allow_empty: the contract lets an empty batch be.
        past: for ``drift``: the metric in past runs, newest first.
        committed_before: for ``row_count`` with a window: rows committed within it, this batch not counted.
    """

    now: datetime
    batch_rows: int
    allow_empty: bool = False
    past: Sequence[Decimal] = ()
    committed_before: int = 0


@dataclass(frozen=True, slots=True)
class _Finding:
    """Whether a promise holds (None: it can't be said), the sentence for a person, and the figure to show."""

    holds: Outcome | None
    message: str
    value: Scalar = None


_HELD, _VIOLATED = Outcome.PASSED, Outcome.FAILED


def judge(check: ContractCheck, result: Result, engine: str, facts: Facts) -> CheckOutcome:
    """How the check ended. An error is never a failure, and a missing figure is never a pass."""
    if result.error:
        return CheckOutcome(
            check=check,
            outcome=Outcome.ERRORED,
            engine=engine,
            message=result.error,
            hint=result.error_hint,
            engine_broke=result.engine_broke,
            instead=""
            if result.harmless
            else f"{engine} could not evaluate it; why is not shown: it may quote a classified value",
        )
    finding = _find(check, result, facts)
    return CheckOutcome(
        check=check,
        outcome=_by_severity(finding.holds, check.severity),
        engine=engine,
        rows=result.rows,
        failing=result.failing,
        value=finding.value,
        message=finding.message,
        evidence=result.evidence,
        instead=_own_words(result, finding, engine),
    )


def _own_words(result: Result, finding: _Finding, engine: str) -> str:
    """What can be said without the engine's message, where that is what is said."""
    if result.harmless or not result.message or finding.message != result.message:
        return ""
    if result.failing is not None and result.rows is not None:
        return _share(result.failing, result.rows)
    if result.failing is not None:
        return f"{result.failing:,} failing"
    return f"what {engine} says of it is not shown: it may quote a classified value"


def _by_severity(found: Outcome | None, severity: Severity) -> Outcome:
    if found is None:
        return Outcome.ERRORED
    return Outcome.WARNED if found is Outcome.FAILED and severity is not Severity.ERROR else found


def _find(check: ContractCheck, result: Result, facts: Facts) -> _Finding:
    promise = check.promise
    match promise:
        case Untestable():
            return _Finding(Outcome.SKIPPED, promise.reason)
        case NativeCheck():
            return _native(check, result)
        case m.Schema() | m.ColumnType():
            return _faults(result)
        case m.Completeness():
            return _completeness(promise, result)
        case _ if promise.row_level:
            return _rows(check, result)
        case m.RowCount():
            return _row_count(promise, result, facts)
        case m.Drift():
            return _with_value(result, facts, lambda value: _drift(promise, value, facts))
        case m.Freshness():
            return _with_value(result, facts, lambda value: _freshness(promise, value, facts))
        case m.Aggregate() | m.MetricQuery():
            return _with_value(result, facts, lambda value: _bounded(promise.bounds, value))
        case _:
            raise TypeError(f"nobody judges {type(promise).__name__}")


_NO_FIGURE = _Finding(None, "the engine gave no figure")


def _share(failing: int, rows: int) -> str:
    if not rows:
        return "no rows to look at"
    if not failing:
        return plural(rows, "row")
    percent = 100 * failing / rows
    shown = f"{percent:.2f}" if percent >= 0.01 else "<0.01"  # noqa: PLR2004 - the last digit shown
    return f"{failing:,} of {plural(rows, 'row')} ({shown} %)"


def _rows(check: ContractCheck, result: Result) -> _Finding:
    if result.failing is None or result.rows is None:
        return _NO_FIGURE
    allowed = f", {check.tolerance} allowed" if result.failing and check.tolerance != Tolerance() else ""
    return _Finding(_by_tolerance(check, result.failing, result.rows), _share(result.failing, result.rows) + allowed)


def _by_tolerance(check: ContractCheck, failing: int, rows: int) -> Outcome:
    def within(tolerance: Tolerance) -> bool:
        return tolerance.holds(failing=failing, considered=rows)

    if not within(check.tolerance):
        return _VIOLATED
    if check.warn_tolerance is not None and not within(check.warn_tolerance):
        return Outcome.WARNED
    return _HELD


def _native(check: ContractCheck, result: Result) -> _Finding:
    message = result.message
    if result.failing is not None and result.rows is not None:
        if not message:
            message = _share(result.failing, result.rows)
        if result.native is NativeOutcome.FAILED and check.tolerance != Tolerance():
            return _Finding(_by_tolerance(check, result.failing, result.rows), message, result.value)
    if result.native is None:
        return _Finding(None, message or "the engine gave no outcome")
    return _Finding(Outcome(result.native.value), message or _figure(result), result.value)


def _figure(result: Result) -> str:
    if result.value is not None:
        return f"measured {_shown(result.value)}"
    return f"{result.failing:,} failing" if result.failing is not None else ""


def _faults(result: Result) -> _Finding:
    if result.failing is None:
        return _NO_FIGURE
    return _Finding(_VIOLATED if result.failing else _HELD, result.message)


def _completeness(promise: m.Completeness, result: Result) -> _Finding:
    if result.failing is None or result.rows is None:
        return _NO_FIGURE
    present = result.rows - result.failing
    held = present * 100 >= promise.min_percent * result.rows
    share = f"{100 * present / result.rows:.2f} % present" if result.rows else "no rows to look at"
    return _Finding(_HELD if held else _VIOLATED, f"{share}, at least {promise.min_percent} % wanted")


def _row_count(promise: m.RowCount, result: Result, facts: Facts) -> _Finding:
    if not isinstance(result.value, int):
        return _NO_FIGURE
    total = result.value + facts.committed_before
    since = f" with those of the last {promise.window_hours} h" if promise.window_hours is not None else ""
    message = f"{plural(total, 'row')}{since}, wanted {_said(promise.bounds)}"
    return _Finding(_HELD if promise.bounds.hold(total) else _VIOLATED, message, total)


def _with_value(result: Result, facts: Facts, judge_value: Callable[[Scalar], _Finding]) -> _Finding:
    if result.value is None:
        if facts.batch_rows == 0 and facts.allow_empty:
            return _Finding(Outcome.SKIPPED, "the batch is empty, which the contract allows")
        return _Finding(None, "there is no value to measure: " + ("empty batch" if facts.batch_rows == 0 else "only NULLs"))
    return judge_value(result.value)


def _bounded(bounds: m.Bounds, value: Scalar) -> _Finding:
    try:
        held = bounds.hold(value)
    except TypeError:
        return _Finding(None, f"a {type(value).__name__} can't be held against {bounds}")
    return _Finding(_HELD if held else _VIOLATED, f"measured {_shown(value)}, wanted {_said(bounds)}", value)


def _said(bounds: m.Bounds) -> str:
    """Bounds in words where one side is open, as an interval otherwise.

    >>> _said(m.Bounds(min=600)), _said(m.Bounds(max=5, max_inclusive=False)), _said(m.Bounds(min=0, max=1, min_inclusive=False))
    ('at least 600', 'less than 5', '(0, 1]')
    """
    if bounds.max is None and bounds.min is not None:
        return f"{'at least' if bounds.min_inclusive else 'more than'} {bounds.min}"
    if bounds.min is None and bounds.max is not None:
        return f"{'at most' if bounds.max_inclusive else 'less than'} {bounds.max}"
    return str(bounds)


def _freshness(promise: m.Freshness, value: Scalar, facts: Facts) -> _Finding:
    if not isinstance(value, date):
        return _Finding(None, "the engine gave no moment")
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    age = facts.now - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    hours = Decimal(age.days * 24) + Decimal(age.seconds * 1_000_000 + age.microseconds) / 3_600_000_000
    digits = 2 if round(hours, 2) != round(promise.max_age_hours, 2) else 6  # "2 h old, at most 2 h" would say nothing
    message = f"the newest value is {_hours(hours, digits)} old, at most {_hours(promise.max_age_hours, digits)} wanted"
    return _Finding(_HELD if hours <= promise.max_age_hours else _VIOLATED, message, round(hours, 2))


def _hours(hours: Decimal, digits: int) -> str:
    days = 48
    return f"{_trimmed(hours, digits)} h" if abs(hours) < days else f"{_trimmed(hours / 24, digits)} days"


def _trimmed(number: float | Decimal, digits: int) -> str:
    """A number in plain digits, thousands separated, without the zeros at its end."""
    text = f"{number:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _drift(promise: m.Drift, value: Scalar, facts: Facts) -> _Finding:
    if not isinstance(value, int | float | Decimal):
        return _Finding(None, "the engine gave no number")
    past = [Decimal(figure) for figure in facts.past[: promise.window_runs]]
    if len(past) < promise.min_runs:
        return _Finding(Outcome.SKIPPED, f"{len(past)} of the {promise.min_runs} past runs that drift needs", value)
    current = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not math.isfinite(current):
        return _Finding(_VIOLATED, f"measured {_shown(value)}", value)
    mean = statistics.fmean(past)
    away = abs(float(current) - mean)
    zscore = promise.method is m.DriftMethod.ZSCORE
    unit = float(statistics.stdev(past)) if zscore else abs(mean) / 100
    # A metric that never moved, or whose mean is zero, has no unit: any change is drift.
    distance = away / unit if unit else (math.inf if away else 0.0)
    name = "standard deviations" if zscore else "%"
    message = f"{_shown(value)} is {distance:.2f} {name} from the mean {_shown(mean)} of {plural(len(past), 'run')}"
    return _Finding(_HELD if Decimal(distance) <= promise.threshold else _VIOLATED, message, value)


def _shown(value: Scalar) -> str:
    match value:
        case bool() | None | str():
            return str(value)
        case int():
            return f"{value:,}"
        case float() | Decimal():
            size = abs(float(value))
            plain = size == 0 or 0.001 <= size < 1e15  # noqa: PLR2004 - as people write them; NaN and infinity are neither
            return _trimmed(value, 6 if size < 1 else 2) if plain else f"{float(value):.6g}"
        case _:
            return value.isoformat()
