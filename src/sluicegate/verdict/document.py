"""The verdict as a JSON document: what history, manifests, reports and ``--json`` carry. Classified values are masked here."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sluicegate.checks.contract_check import NativeCheck, Untestable
from sluicegate.checks.values import Scalar
from sluicegate.redact import redacted_tree
from sluicegate.verdict.masking import MASK, masked
from sluicegate.verdict.model import CheckOutcome, Outcome, Verdict

__all__ = ["MASK", "SCHEMA_NAME", "check_type", "document", "masked", "verdict_id"]

SCHEMA_NAME = "sluicegate/verdict/1"


def verdict_id(
    *,
    outcomes: Sequence[CheckOutcome],
    contract_sha256: str,
    batch_id: str,
    batch_sha256: str,
    now: datetime,
    engines: Mapping[str, str],
) -> str:
    """``v-`` and 16 hex digits over what decides; the same inputs give the same ID on any machine.

    Figures with a fraction are left out: the last digits of a sum of floats depend on which thread came first. What they
    were held to be is in the outcome, and what they were measured on in the batch's hash.
    """
    found = [
        (item.check.id, item.check.fingerprint, item.outcome, item.rows, item.failing, _exact(item.value)) for item in outcomes
    ]
    parts = [found, contract_sha256, batch_id, batch_sha256, now.astimezone(UTC).isoformat(), sorted(engines.items())]
    return "v-" + hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:16]


def _exact(value: Scalar) -> Any:
    return None if isinstance(value, float | Decimal) else plain_value(value)


def check_type(outcome: CheckOutcome) -> str:
    """``not_null``, ``soda:missing_count(a) = 0``, ``sla.availability``: what kind of promise it is."""
    match outcome.check.promise:
        case NativeCheck(engine=engine, kind=kind):
            return f"{engine}:{kind}"
        case Untestable(key=key):
            return key
        case promise:
            return promise.type_name


def plain_value(value: Scalar) -> Any:
    """A scalar as JSON: dates as ISO text, NaN and infinities as text, decimals as numbers."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | Decimal():
            return float(value) if math.isfinite(value) else str(float(value)).lower()
        case _:
            return value.isoformat()


def document(verdict: Verdict, classified: Collection[str] = ()) -> dict[str, Any]:
    """The verdict document, described by ``verdict.schema.json``.

    Args:
        verdict: what was found.
        classified: columns whose values must not leave unmasked (``Contract.classified_columns``).
    """
    found: dict[str, Any] = {
        "schema": SCHEMA_NAME,
        "verdict_id": verdict.verdict_id,
        "decision": verdict.decision.value,
        "reasons": list(verdict.reasons),
        "contract": {"name": verdict.contract_name, "version": verdict.contract_version, "sha256": verdict.contract_sha256},
        "dataset": verdict.dataset,
        "batch": {"batch_id": verdict.batch_id, "sha256": verdict.batch_sha256, "rows": verdict.rows},
        "clock": verdict.now.astimezone(UTC).isoformat(),
        "engines": dict(verdict.engines),
        "counts": {outcome.value: verdict.count(outcome) for outcome in Outcome},
        "checks": [_check_document(masked(outcome, classified)) for outcome in verdict.outcomes],
    }
    return redacted_tree(found)  # type: ignore[no-any-return]


def _check_document(outcome: CheckOutcome) -> dict[str, Any]:
    check = outcome.check
    evidence = outcome.evidence
    return {
        "id": check.id,
        "name": check.name,
        "type": check_type(outcome),
        "fingerprint": check.fingerprint,
        "engine": outcome.engine,
        "area": check.area.value,
        "severity": check.severity.value,
        "dimension": getattr(check.promise, "dimension", None),
        "outcome": outcome.outcome.value,
        "rows": outcome.rows,
        "failing": outcome.failing,
        "value": plain_value(outcome.value),
        "message": outcome.message,
        "hint": outcome.hint,
        "place": {"file": check.file, "line": check.line, "column": check.column},
        "evidence": evidence
        and {"columns": list(evidence.columns), "rows": [[plain_value(cell) for cell in row] for row in evidence.rows]},
    }
