"""Run documents as the gate makes them, small."""

from __future__ import annotations

from typing import Any

from sluicegate.history.record import RunRecord
from sluicegate.verdict.model import Outcome

__all__ = ["check", "facts", "record"]


def check(name: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    base = {
        "id": name,
        "name": name,
        "type": "not_null",
        "fingerprint": f"print of {name}",
        "engine": "duckdb",
        "area": "quality",
        "severity": "error",
        "dimension": "completeness",
        "outcome": outcome,
        "rows": 200,
        "failing": 0 if outcome == "passed" else 7,
        "value": None,
        "message": "7 of 200 rows (3.50 %)",
        "hint": "",
        "place": {"file": "contracts/orders.yaml", "line": 12, "column": 5},
        "evidence": None,
    }
    return base | more


def facts(*checks: dict[str, Any], decision: str = "quarantine", action: str = "quarantined", **more: Any) -> dict[str, Any]:
    counts = {outcome.value: sum(item["outcome"] == outcome for item in checks) for outcome in Outcome}
    verdict = {
        "verdict_id": "v-0123456789abcdef",
        "decision": decision,
        "reasons": [f"{item['name']}: failed" for item in checks if item["outcome"] == "failed"],
        "contract": {"name": "orders", "version": "1.2.0", "sha256": "f" * 64},
        "dataset": "orders",
        "batch": {"batch_id": "b-7", "sha256": "e" * 64, "rows": 200},
        "clock": "2026-03-07T06:00:00+00:00",
        "engines": {"duckdb": "2.0.0"},
        "counts": counts,
        "checks": list(checks),
    }
    document: dict[str, Any] = {
        "run_id": "r-1",
        "action": action,
        "location": None,
        "already_committed": None,
        "rows_committed": None,
        "other_data": False,
        "decided_before": False,
        "quarantine_id": "q-1",
        "quarantined_at": None,
        "split": None,
        "seconds": 0.5,
        "exit_code": 3,
        "warnings": [],
        "owner": "shop@example.com",
        "documentation_url": "https://example.com/orders",
        "next": "sluicegate quarantine show q-1",
        "verdict": verdict,
    }
    return document | more


def record(day: int, *checks: dict[str, Any], action: str = "committed", decision: str = "commit") -> RunRecord:
    return RunRecord(
        run_id=f"r-0{day}",
        started_at=f"2026-03-0{day}T06:00:00+00:00",
        seconds=0.1,
        contract_name="orders",
        contract_version="1.2.0",
        contract_sha256="f" * 64,
        tenant="default",
        dataset="orders",
        batch_id=f"day {day}",
        batch_sha256="e" * 64,
        rows=200,
        decision=decision,
        action=action,
        verdict={"checks": list(checks)} if checks else {"error": {"message": "torn"}},
    )
