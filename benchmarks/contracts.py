"""The contracts that are measured: the twelve checks that every contender runs, on any engine, and others as long as one wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from itertools import count as count_from
from typing import Any

__all__ = ["NAMES", "TWELVE", "contract", "many_checks", "many_figures", "on_engine", "wide_checks"]

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
    """So many checks on the eight columns, no two of them alike, the first two unique keys, one in twenty a pattern."""
    return [dict(TWELVE["order_id_unique"]), dict(TWELVE["code_unique"]), *(check for check, _ in _row_checks(count - 2))]


def many_figures(count: int) -> str:
    """The same but for the two keys, as one writes it by hand: the list of a SELECT."""
    return ", ".join(figure for _, figure in _row_checks(count - 2))


def _row_checks(count: int) -> Iterator[tuple[dict[str, Any], str]]:
    return islice(chain.from_iterable(map(_twenty, count_from(0))), count)


def _twenty(step: int) -> Iterator[tuple[dict[str, Any], str]]:
    """A check, and its figure in SQL: the bounds a step further each time."""
    outside = {
        "amount": (-step, 10000 + step), "discount": (-step, 1 + step), "customer_id": (-step, 50000 + step), "order_id": (-step, 10**9 + step),
    }  # fmt: skip
    for column, (least, most) in outside.items():
        yield {"type": "range", "column": column, "min": least, "max": most}, _broken(f"{column} < {least} OR {column} > {most}")
        yield {"type": "range", "column": column, "max": most + 1000}, _broken(f"{column} > {most + 1000}")
    first, last = f"{2026 - step}-01-01", f"{2027 + step}-01-01"
    yield (
        {"type": "range", "column": "ordered_at", "min": first, "max": last},
        _broken(f"ordered_at < '{first}' OR ordered_at > '{last}'"),
    )
    yield {"type": "range", "column": "ordered_at", "max": last}, _broken(f"ordered_at > '{last}'")
    for column, least, most in (("code", 1, 10 + step), ("email", 2, 60 + step), ("status", 3, 10 + step)):
        figure = _broken(f"length({column}) < {least} OR length({column}) > {most}")
        yield {"type": "length", "column": column, "min": least, "max": most}, figure
    known = ["new", "paid", "shipped", "returned", f"other {step}"]
    yield (
        {"type": "accepted_values", "column": "status", "values": known},
        _broken(f"status NOT IN ({', '.join(map(repr, known))})"),
    )
    gone = [f"lost {step}", f"gone {step}"]
    yield {"type": "rejected_values", "column": "status", "values": gone}, _broken(f"status IN ({', '.join(map(repr, gone))})")
    pattern = f"^[a-z0-9]+@[a-z]{{1,{20 + step}}}[.]org$"
    yield {"type": "pattern", "column": "email", "pattern": pattern}, _broken(f"NOT regexp_matches(email, '{pattern}')")
    for function, sql in (("mean", "avg"), ("max", "max")):
        yield {"type": "aggregate", "column": "amount", "function": function, "min": -step, "max": 10000 + step}, f"{sql}(amount)"
    yield {"type": "completeness", "column": "status", "min_percent": 99 - step}, "count(status)"
    yield (
        {"type": "row_expression", "expression": f"amount + {step} >= discount - 2"},
        _broken(f"NOT (amount + {step} >= discount - 2)"),
    )


def _broken(condition: str) -> str:
    return f"count_if({condition})"


def wide_checks(columns: int) -> list[dict[str, Any]]:
    """The mean of each of the first columns of ``make_wide``'s table, which no statistics tell."""
    bounds = {"min": 4000, "max": 6000}
    return [{"type": "aggregate", "function": "mean", "column": f"c{number:03}", **bounds} for number in range(columns)]
