"""What Soda says of an author's check, as one result: exactly where Soda rounds, and never passed where it compared with NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH
from sluicegate.checks.values import Scalar
from sluicegate.ports.engine import Evidence, NativeOutcome, Result

if TYPE_CHECKING:
    from sluicegate_adapters.engines.soda.runtime import Finding

__all__ = ["verdict"]

_OUTCOMES = {"pass": NativeOutcome.PASSED, "warn": NativeOutcome.WARNED, "fail": NativeOutcome.FAILED}
_WORST = (NativeOutcome.FAILED, NativeOutcome.WARNED, NativeOutcome.PASSED)
_COUNTS = {"missing_count", "invalid_count"}
_FAILED_ROWS = {"UserDefinedFailedRowsCheckCfg", "UserDefinedFailedRowsExpressionCheckCfg"}
_SELECTED = {"MetricCheckCfg", "ReferenceCheckCfg", "UserDefinedFailedRowsExpressionCheckCfg"}
"""Checks whose failing rows Soda selects itself, with the batch's own columns; their author only says which rows."""
_NAMED = 5
_NAN = "the figure is NaN, which no threshold holds"


def verdict(check_id: str, findings: Sequence[Finding]) -> Result | None:
    """The result of all that Soda made of one entry; None if any of it was not evaluated."""
    results = [_one(check_id, finding) for finding in findings]
    judged = [result for result in results if result is not None and result.native is not None]
    if not judged or len(judged) != len(results):
        return None
    if len(judged) == 1:
        return judged[0]
    return _folded(check_id, [(finding, result) for finding, result in zip(findings, judged, strict=True)])


def _folded(check_id: str, pairs: Sequence[tuple[Finding, Result]]) -> Result:
    """Several checks under one entry (sections, ``group by``, ``for each``): the worst of them, and which are bad.

    Soda's own ``group by`` passes where a group only warns.
    """
    judged = [(finding, result) for finding, result in pairs if finding.kind != "GroupByCheckCfg"]
    worst = next(outcome for outcome in _WORST if any(result.native is outcome for _, result in judged))
    bad = [_called(finding) for finding, result in judged if result.native is not NativeOutcome.PASSED]
    evidence = next((result.evidence for _, result in judged if result.evidence), None)
    message = f"{len(judged)} checks pass"
    if bad:
        several = list(dict.fromkeys(bad))
        named = ", ".join([*several[:_NAMED], *(["…"] if len(several) > _NAMED else [])])
        message = f"{len(bad)} of {len(judged)} checks do not pass: {named}"
    return Result(check_id=check_id, native=worst, failing=None, message=message, evidence=evidence, harmless=True)


def _called(finding: Finding) -> str:
    """A check's line as its author wrote it, and what it is about if that isn't the whole batch. No values: they may be secret."""
    config = finding.check.check_cfg
    about = str(config.source_header).partition(" for ")[2]
    line = " ".join(str(config.source_line).split())
    return line if about in {"", BATCH} else f"{line} ({about})"


def _one(check_id: str, finding: Finding) -> Result | None:
    if finding.outcome is None:
        return None
    raw = finding.row[0] if finding.row else finding.value
    result = Result(
        check_id=check_id,
        native=_OUTCOMES[finding.outcome],
        value=_scalar(raw),
        harmless=True,
        evidence=_evidence(finding),
    )
    match finding.kind:
        case "MetricCheckCfg":
            return _metric(result, finding, raw)
        case "SchemaCheckCfg":
            return _schema(result, finding.check)
        case "ReferenceCheckCfg":
            reverse = finding.check.check_cfg.is_reverse  # it counts pairs of rows then
            return replace(result, value=None, failing=None if reverse else int(finding.value))
        case "RowCountComparisonCheckCfg":
            here, there = (finding.check.metrics[name].value for name in ("row_count", "other_row_count"))
            return replace(result, value=here - there, message=f"{here} rows here, {there} there")
        case "GroupByCheckCfg" | "GroupEvolutionCheckCfg":
            return replace(result, value=None)
        case kind if kind in _FAILED_ROWS:
            return replace(result, value=None, failing=int(finding.value))
    return result


def _metric(result: Result, finding: Finding, raw: Any) -> Result:
    config, figures = finding.check.check_cfg, finding.check.formula_values
    if isinstance(raw, float | Decimal) and math.isnan(raw):
        return replace(result, native=NativeOutcome.FAILED, message=_NAN)
    if figures and config.metric_name.endswith("_percent"):
        rows, count = int(figures["row_count"] or 0), int(figures[config.metric_name.replace("percent", "count")] or 0)
        exact = Fraction(100 * count, rows) if rows else Fraction(0)
        failing = count if config.metric_name != "duplicate_percent" else None
        return replace(result, native=_judged(config, exact), value=float(exact), rows=rows, failing=failing)
    if isinstance(raw, int | Decimal) and math.isfinite(raw):
        failing = int(raw) if config.metric_name in _COUNTS else None
        return replace(result, native=_judged(config, Fraction(raw)), failing=failing)
    return result


def _judged(config: Any, value: Fraction) -> NativeOutcome:
    """Soda's thresholds held against an exact figure, as the decimals that the author wrote."""
    for threshold, outcome in (
        (config.fail_threshold_cfg, NativeOutcome.FAILED),
        (config.warn_threshold_cfg, NativeOutcome.WARNED),
    ):
        if threshold is not None and replace(threshold, **_exact(threshold)).is_bad(value):
            return outcome
    return NativeOutcome.PASSED


def _exact(threshold: Any) -> dict[str, Fraction]:
    ends = {item.name: getattr(threshold, item.name) for item in fields(threshold)}
    return {
        name: Fraction(repr(float(end)))
        for name, end in ends.items()
        if isinstance(end, int | float) and not isinstance(end, bool)
    }


def _schema(result: Result, check: Any) -> Result:
    faults = []
    for found in (check.fail_result, check.warn_result):
        if found is None:
            continue
        faults += [f"column {name!r} is missing" for name in sorted(found.missing_column_names)]
        faults += [f"column {name!r} must not be there" for name in found.present_column_names]
        faults += [
            f"column {name!r} is {types['actual_type']}, not {types['expected_type']}"
            for name, types in found.column_type_mismatches.items()
        ]
        faults += [
            f"column {name!r} stands at {places['actual_index']}, not at {places['expected_index']}"
            for name, places in found.column_index_mismatches.items()
        ]
    return replace(result, value=None, failing=len(faults), message="; ".join(faults))


def _scalar(value: Any) -> Scalar:
    return value if isinstance(value, bool | int | float | Decimal | str | date | datetime | time) else None


def _evidence(finding: Finding) -> Evidence | None:
    if finding.evidence is None or not finding.evidence[1] or finding.outcome == "pass":
        return None
    columns, rows = finding.evidence
    config = finding.check.check_cfg
    ours = str(config.source_header) == f"checks for {BATCH}" and getattr(config, "metric_query", None) is None
    as_read = ours and finding.kind in _SELECTED
    return Evidence(columns=columns, rows=tuple(tuple(map(_shown, row)) for row in rows), as_read=as_read)


def _shown(value: Any) -> Scalar:
    return None if value is None else found if (found := _scalar(value)) is not None else str(value)
