"""A gate that has run anything before gives the verdicts of a gate that has run nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluicegate import Gate
from sluicegate.config import load_profile

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
CHECKS = {
    "plain": "{type: not_null, column: id}, {type: unique, columns: [id]}, {type: range, column: amount, min: 0, max: 12}",
    "times": "{type: range, column: at, max: now}, {type: range, column: at, min: 3 hours ago}, {type: row_count, min: 5}",
    "own sql": "{type: metric_query, query: SELECT max(amount) FROM batch, max: 9}, {type: row_expression, expression: amount > id}",
    "others": "{type: reference, column: id, dataset: known.csv, reference_column: id}, {type: accepted_values, column: id, values: [1, 2]}",
    "variable": "{type: range, column: id, max: '${LIMIT:-6}'}, {type: completeness, column: id, min_percent: 90}",
}
ROWS = {
    "whole.parquet": "SELECT i AS id, i * 1.5 AS amount, TIMESTAMP '2026-01-02 08:00:00' + to_hours(i) AS at FROM range(10) t(i)",
    "holes.parquet": "SELECT nullif(i % 4, 0) AS id, i - 2.0 AS amount, TIMESTAMP '2026-01-02 09:00:00' AS at FROM range(8) t(i)",
    "texts.parquet": "SELECT i::VARCHAR AS id, i AS amount, 'x' AS at FROM range(7) t(i)",
    "narrow.parquet": "SELECT i AS id FROM range(3) t(i)",
    "whole.csv": "SELECT i AS id, i * 1.5 AS amount, TIMESTAMP '2026-01-02 08:00:00' AS at FROM range(10) t(i)",
}


class Step(NamedTuple):
    """A batch that is handed in; the contract's file holds these checks by then."""

    checks: str
    rows: str
    hours: int
    limit: str


steps = st.builds(
    Step, st.sampled_from(sorted(CHECKS)), st.sampled_from(sorted(ROWS)), st.sampled_from([0, 2, 5]), st.sampled_from(["", "3"])
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    for name, query in ROWS.items():
        duckdb.sql(f"COPY ({query}) TO '{folder / name}'")
    (folder / "known.csv").write_text("id\n1\n2\n3\n")
    return folder


@pytest.fixture
def environ(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.chdir(shop)
    yield monkeypatch
    shutil.rmtree(shop / ".sluicegate", ignore_errors=True)


def write(name: str, checks: str) -> None:
    text = f"data_contract:\n  name: {name}\n  version: 1.0.0\n  owner: shop\n  quality_checks:\n    checks: [{CHECKS[checks]}]\n"
    Path(f"{name}.yaml").write_text(text)


def said(gate: Gate, name: str, step: Step) -> dict[str, Any]:
    outcome = gate.check(f"{name}.yaml", step.rows, now=NOW + timedelta(hours=step.hours)).as_document()
    return {key: outcome[key] for key in ("verdict", "action", "exit_code")}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=2, max_size=5))
def test_what_a_gate_ran_before_changes_no_verdict(environ: pytest.MonkeyPatch, taken: list[Step]) -> None:
    with Gate(load_profile(None)) as warm:
        for step in taken:
            write("contract", step.checks)
            environ.setenv("LIMIT", step.limit)
            found = said(warm, "contract", step)
            with Gate(load_profile(None)) as cold:
                assert found == said(cold, "contract", step)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, min_size=3, max_size=3))
def test_what_a_gate_runs_at_the_same_moment_changes_no_verdict(environ: pytest.MonkeyPatch, taken: list[Step]) -> None:
    del environ  # only its folder matters
    for number, step in enumerate(taken):
        write(f"contract{number}", step.checks)
    found: dict[int, list[dict[str, Any]]] = {number: [] for number in range(len(taken))}
    with Gate(load_profile(None)) as warm, Gate(load_profile(None)) as cold:

        def work(number: int) -> None:
            found[number].extend(said(warm, f"contract{number}", taken[number]) for _ in range(3))

        threads = [Thread(target=work, args=(number,)) for number in found]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, answers in found.items():
            assert answers == [said(cold, f"contract{number}", taken[number])] * 3
