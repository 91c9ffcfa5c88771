"""One alert of each kind, to try templates on and to show what they make of it. Nothing in them is anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sluicegate.history.alert import Alert, Event
from sluicegate.notify.facts import facts_of
from sluicegate.ports.notifier import AlertSeverity

__all__ = ["SAMPLES", "sample_digest"]

_AT = datetime(2026, 1, 31, 6, 5, tzinfo=UTC)
_ITEM = "q-3d1e9a8c517858e415d18501"
_ROWS = 12_480


def _check(
    name: str, outcome: str, message: str, *, kind: str, area: str = "quality", line: int, **figures: Any
) -> dict[str, Any]:
    return {
        "id": name.replace(" ", "_"),
        "name": name,
        "type": kind,
        "fingerprint": f"{line:016x}",
        "engine": "duckdb",
        "area": area,
        "severity": "warning" if outcome == "warned" else "error",
        "dimension": None,
        "outcome": outcome,
        "rows": figures.get("rows"),
        "failing": figures.get("failing"),
        "value": figures.get("value"),
        "message": message,
        "hint": "",
        "place": {"file": "contracts/orders.yaml", "line": line, "column": 7},
        "evidence": None,
    }


_BROKEN = (
    _check("amount is positive", "failed", "37 of 12,480 rows (0.30 %)", kind="range", line=31, rows=_ROWS, failing=37),
    _check("order_id is unique", "failed", "4 of 12,480 rows (0.03 %)", kind="unique", line=27, rows=_ROWS, failing=4),
)
_LATE = (_check("freshness", "failed", "31.2 h old, wanted at most 24 h", kind="freshness", area="sla", line=44, value=31.2),)
_ALIEN = (_check("schema", "failed", "missing: currency; unexpected: curr", kind="schema", area="schema", line=12),)
_LOST = (_check("customer is known", "errored", "the engine soda broke", kind="soda:missing_percent", line=52),)
_ODD = (
    _check(
        "shipping address is known",
        "warned",
        "210 of 12,480 rows (1.68 %), 5 % allowed",
        kind="not_null",
        line=36,
        rows=_ROWS,
        failing=210,
    ),
)


def _verdict(decision: str, checks: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    counts = dict.fromkeys(("errored", "failed", "passed", "skipped", "unsupported", "warned"), 0) | {"passed": 18}
    for check in checks:
        counts[check["outcome"]] += 1
    return {
        "schema": "sluicegate/verdict/1",
        "verdict_id": "v-cb7e93239096930c",
        "decision": decision,
        "reasons": [f"{check['name']}: {check['outcome']}" for check in checks],
        "contract": {"name": "orders", "version": "2.1.0", "sha256": "307bed60" * 8},
        "dataset": "orders",
        "batch": {"batch_id": "2026-01-31", "sha256": "7f93990b" * 8, "rows": _ROWS},
        "clock": _AT.isoformat(),
        "engines": {"duckdb": "2.0.0"},
        "counts": counts,
        "checks": list(checks),
    }


def _alert(
    events: tuple[Event, ...],
    severity: AlertSeverity,
    action: str,
    *,
    verdict: Mapping[str, Any] | None = None,
    at: datetime = _AT,
    **known: Any,
) -> Alert:
    facts = facts_of(
        verdict,
        contract_name="orders",
        contract_version="2.1.0",
        asset_name="orders",
        environment="production",
        owner="orders-team@example.com",
        documentation_url="https://wiki.example.com/data/orders",
        batch_id="2026-01-31",
        rows=known.pop("rows", _ROWS),
        action=action,
        run={
            "run_id": "r-20260131T060500-1f2e3d4c5b6a",
            "started_at": at.isoformat(),
            "seconds": 1.4,
            "action": action,
            "location": "",
        },
        **known,
    )
    return Alert(
        key=f"{events[0]}:{action}",
        events=events,
        severity=severity,
        at=at,
        tenant="default",
        dataset="orders",
        contract_name="orders",
        run_id="r-20260131T060500-1f2e3d4c5b6a",
        decision=str(verdict["decision"]) if verdict else "",
        facts=facts,
    )


_HELD: dict[str, Any] = {
    "quarantine_id": _ITEM,
    "quarantine_path": f".sluicegate/quarantine/{_ITEM}",
    "next_command": f"sluicegate quarantine show {_ITEM}",
    "replay_command": f"sluicegate quarantine replay {_ITEM} --with contracts/orders.yaml",
}
_WAITING = _HELD | {"rows_quarantined": _ROWS, "expires_at": (_AT + timedelta(days=30)).isoformat()}
_LANDED: dict[str, Any] = {"location": ".sluicegate/data/default/orders/batch=2026-01-31", "rows_committed": _ROWS}
_DOCTOR: dict[str, Any] = {"next_command": "sluicegate doctor"}

SAMPLES: Mapping[str, Alert] = {
    "quality_violation": _alert(
        (Event.QUALITY_VIOLATION, Event.QUARANTINED),
        AlertSeverity.ERROR,
        "quarantined",
        verdict=_verdict("quarantine", _BROKEN),
        **_WAITING,
    ),
    "split": _alert(
        (Event.QUALITY_VIOLATION, Event.QUARANTINED),
        AlertSeverity.WARNING,
        "split",
        verdict=_verdict("quarantine", _BROKEN),
        **_HELD | _LANDED | {"rows_committed": _ROWS - 41, "rows_quarantined": 41},
    ),
    "schema_violation": _alert((Event.SCHEMA_VIOLATION,), AlertSeverity.CRITICAL, "blocked", verdict=_verdict("block", _ALIEN)),
    "unreadable": _alert(
        (Event.SCHEMA_VIOLATION,),
        AlertSeverity.CRITICAL,
        "unreadable",
        rows=0,
        problem="orders.csv, line 812: 9 columns where the header has 8; 3 more lines",
    ),
    "sla_violation": _alert(
        (Event.SLA_VIOLATION, Event.COMMITTED_WITH_WARNINGS),
        AlertSeverity.WARNING,
        "committed",
        verdict=_verdict("commit_with_warnings", _LATE),
        **_LANDED,
    ),
    "quarantined": _alert(
        (Event.QUARANTINED,), AlertSeverity.ERROR, "quarantined", verdict=_verdict("quarantine", _BROKEN), **_WAITING
    ),
    "committed_with_warnings": _alert(
        (Event.COMMITTED_WITH_WARNINGS,),
        AlertSeverity.WARNING,
        "committed",
        verdict=_verdict("commit_with_warnings", _ODD),
        **_LANDED,
    ),
    "replayed": _alert((Event.REPLAYED,), AlertSeverity.INFO, "replayed", quarantine_id=_ITEM, by="ada", **_LANDED),
    "released": _alert(
        (Event.REPLAYED,),
        AlertSeverity.INFO,
        "released",
        quarantine_id=_ITEM,
        by="ada",
        reason="refunds are negative, agreed",
        **_LANDED,
    ),
    "recovered": _alert(
        (Event.RECOVERED,),
        AlertSeverity.INFO,
        "committed",
        verdict=_verdict("commit", ()),
        refused=3,
        failing_since=(_AT - timedelta(hours=26)).isoformat(),
        **_LANDED,
    ),
    "engine_error": _alert(
        (Event.ENGINE_ERROR, Event.QUALITY_VIOLATION),
        AlertSeverity.CRITICAL,
        "blocked",
        verdict=_verdict("block", _LOST),
        **_DOCTOR,
    ),
    "broke": _alert(
        (Event.ENGINE_ERROR,),
        AlertSeverity.CRITICAL,
        "broke",
        rows=0,
        problem="soda could not be started: ModuleNotFoundError",
        **_DOCTOR,
    ),
    "retention_warning": _alert(
        (Event.RETENTION_WARNING,),
        AlertSeverity.WARNING,
        "expiring",
        **_WAITING | {"expires_at": (_AT + timedelta(days=3)).isoformat()},
    ),
    "unknown": _alert(
        (Event.QUALITY_VIOLATION,), AlertSeverity.ERROR, "unknown", verdict=_verdict("quarantine", _BROKEN), **_DOCTOR
    ),
}
"""Name -> an alert. Each event is there under its own name; others are kinds of one."""


def sample_digest() -> tuple[Alert, ...]:
    """A day's warnings, oldest first."""
    return tuple(
        SAMPLES[name] for name in ("committed_with_warnings", "sla_violation", "committed_with_warnings", "retention_warning")
    )
