"""The contracts that are measured: the twelve checks that every contender runs, on any engine, and others as long as one wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["NAMES", "TWELVE", "contract", "many_checks", "on_engine", "wide_checks"]

TWELVE: Mapping[str, Mapping[str, Any]] = {
    "rows": {"type": "row_count", "min": 1},
    "order_id_set": {"type": "not_null", "column": "order_id"},
    "customer_id_set": {"type": "not_null", "column": "customer_id"},
    "status_complete": {"type": "completeness", "column": "status", "min_percent": 99},
    "status_known": {"type": "accepted_values", "column": "status", "values": ["new", "paid", "shipped", "returned"]},
    "amount_range": {"type": "range", "column": "amount", "min": 0, "max": 10000},
    "discount_range": {"type": "range", "column": "discount", "min": 0, "max": 1},
    "ordered_at_range": {"type": "range", "column": "ordered_at", "min": "2026-01-01", "max": "2026-02-01"},
    "email_pattern": {"type": "pattern", "column": "email", "pattern": "^[a-z0-9]+@[a-z]+[.]org$"},
    "code_length": {"type": "length", "column": "code", "min": 10, "max": 10},
    "order_id_unique": {"type": "unique", "columns": ["order_id"]},
    "code_unique": {"type": "unique", "columns": ["code"]},
}
NAMES = tuple(TWELVE)
"""What the checks are called in what every contender prints."""


def contract(checks: Iterable[Mapping[str, Any]], *, policy: str = "block") -> str:
    """A contract with these checks; ``policy``: what becomes of a batch that breaks one."""
    import json  # JSON is YAML

    listed = "\n".join(f"      - {json.dumps(check)}" for check in checks)
    head = "data_contract:\n  name: orders\n  version: 1.0.0\n  owner: benchmarks\n  quality_checks:\n    checks:\n"
    return f"{head}{listed}\n  violation_handling: {{on_quality_violation: {policy}}}\n"


def on_engine(engine: str | None = None) -> list[dict[str, Any]]:
    """The twelve, by their names, pinned to an engine; None: pinned to none."""
    pinned = {"engine": engine} if engine else {}
    return [{**pinned, "name": name, **check} for name, check in TWELVE.items()]


def many_checks(count: int) -> list[dict[str, Any]]:
    """So many checks on the eight columns, no two of them alike, the first two unique keys: five kinds, their bounds moved on."""
    found: list[dict[str, Any]] = [dict(TWELVE["order_id_unique"]), dict(TWELVE["code_unique"])]
    step = 0
    while len(found) < count:
        found += [
            {"type": "range", "column": "amount", "min": 0, "max": 10000 + step},
            {"type": "range", "column": "discount", "min": -step, "max": 1},
            {"type": "length", "column": "code", "min": 1, "max": 10 + step},
            {"type": "accepted_values", "column": "status", "values": ["new", "paid", "shipped", "returned", f"other {step}"]},
            {"type": "pattern", "column": "email", "pattern": f"^[a-z0-9]+@[a-z]{{1,{20 + step}}}[.]org$"},
            {"type": "range", "column": "customer_id", "min": 0, "max": 50000 + step},
            {"type": "aggregate", "function": "mean", "column": "amount", "min": 0, "max": 10000 + step},
            {"type": "range", "column": "ordered_at", "min": "2026-01-01", "max": f"{2027 + step}-02-01"},
        ]
        step += 1
    return found[:count]


def wide_checks(columns: int) -> list[dict[str, Any]]:
    """The mean of each of the first columns of ``make_wide``'s table, which no statistics tell."""
    bounds = {"min": 4000, "max": 6000}
    return [{"type": "aggregate", "function": "mean", "column": f"c{number:03}", **bounds} for number in range(columns)]
