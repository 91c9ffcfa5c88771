"""The whole way through, as a pipeline step calls it from Python: contract, batch, verdict, and where the rows are."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest

from sluicegate import BatchRefused, Decision, Gate, Outcome, RunOutcome, gated
from sluicegate.config import BatchLimits, load_profile
from sluicegate.errors import BatchConflict, StorageError, UsageError
from sluicegate.gate.act import ActionTaken

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)

CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  {more}
  schema:
    - {{name: id, type: integer, required: true, primary_key: true}}
    - {{name: email, type: string, classification: PII}}
    - {{name: amount, type: double}}
  quality_checks:
    checks:
      - {{type: range, column: amount, min: 0}}
    soda:
      engine: soda_core
      checks:
        - missing_count(email) = 0
    great_expectations:
      expectation_suite: orders
      checks:
        - {{name: expect_column_values_to_be_between, column: amount, max_value: 1000}}
    custom:
      - {{name: ids are positive, function: "orders:positive", columns: [id]}}
"""

RULE = """\
def positive(batch):
    return batch.filter("id <= 0")
"""

GOOD = "SELECT i + 1 AS id, 'u' || i || '@x.org' AS email, CAST(i AS DOUBLE) AS amount FROM range(20) t(i)"
BAD = GOOD.replace("CAST(i AS", "CAST(i - 5 AS")


def write(path: Path, query: str) -> Path:
    duckdb.sql(f"COPY ({query}) TO '{path}'")
    return path


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "orders.py").write_text(RULE)
    (tmp_path / "orders.yaml").write_text(CONTRACT.format(more=""))
    write(tmp_path / "good.parquet", GOOD)
    write(tmp_path / "bad.parquet", BAD)
    return tmp_path


@pytest.fixture
def gate(shop: Path) -> Gate:
    return Gate(load_profile(None), clock=lambda: NOW)


def rows_in(folder: Path) -> int:
    files = [str(path) for path in folder.rglob("*.parquet")]
    return sum(duckdb.read_parquet(file).shape[0] for file in files)


def committed(shop: Path) -> int:
    return rows_in(shop / ".sluicegate" / "data")


def held(shop: Path) -> int:
    return rows_in(shop / ".sluicegate" / "quarantine")


def outcomes(outcome: RunOutcome) -> dict[str, str]:
    return {item.check.name: item.outcome.value for item in outcome.verdict.outcomes}


def test_a_good_batch_passes_four_engines_and_is_committed_once(gate: Gate, shop: Path) -> None:
    first = gate.run("orders.yaml", "good.parquet", batch_id="b1")
    again = gate.run("orders.yaml", "good.parquet", batch_id="b1")
    assert {item.engine for item in first.verdict.outcomes} == {"duckdb", "soda", "great_expectations", "python"}
    assert set(outcomes(first).values()) == {"passed"}
    assert first.verdict.decision is Decision.COMMIT
    assert first.receipt
    assert not first.receipt.already_there
    assert again.receipt
    assert again.receipt.already_there
    assert again.verdict.verdict_id == first.verdict.verdict_id
    assert committed(shop) == 20


def test_a_bad_batch_is_held_with_all_that_a_replay_needs_and_its_input_stays(gate: Gate, shop: Path) -> None:
    before = (shop / "bad.parquet").read_bytes()
    outcome = gate.run("orders.yaml", "bad.parquet", batch_id="b1")
    assert outcome.action is ActionTaken.QUARANTINED
    assert (committed(shop), held(shop)) == (0, 20)
    assert outcome.manifest
    kept = gate.quarantine_store.get(outcome.manifest.quarantine_id)
    assert kept.contract_text == (shop / "orders.yaml").read_text()
    assert kept.verdict["verdict_id"] == outcome.verdict.verdict_id
    assert (shop / "bad.parquet").read_bytes() == before
    assert gate.run("orders.yaml", "bad.parquet", batch_id="b1").manifest == kept, "the same batch again is the same item"


def test_the_same_batch_id_with_other_content_is_a_conflict_and_changes_nothing(gate: Gate, shop: Path) -> None:
    gate.run("orders.yaml", "good.parquet", batch_id="b1")
    write(shop / "other.parquet", GOOD + " LIMIT 3")
    with pytest.raises(BatchConflict):
        gate.run("orders.yaml", "other.parquet", batch_id="b1")
    assert committed(shop) == 20


def test_a_batch_that_is_committed_is_not_quarantined_too_when_its_contract_got_stricter(gate: Gate, shop: Path) -> None:
    first = gate.run("orders.yaml", "good.parquet", batch_id="b1")
    (shop / "orders.yaml").write_text(CONTRACT.format(more="").replace("min: 0", "min: 5"))
    again = gate.run("orders.yaml", "good.parquet", batch_id="b1")
    assert (again.verdict.decision, again.action, again.manifest) == (Decision.QUARANTINE, ActionTaken.COMMITTED, None)
    assert first.receipt
    assert again.receipt
    assert (again.receipt.location, again.receipt.already_there) == (first.receipt.location, True)
    assert (committed(shop), held(shop)) == (20, 0)
    assert (again.passed, again.exit_code) == (False, 4)
    with pytest.raises(BatchConflict):
        gate.run("orders.yaml", "bad.parquet", batch_id="b1")
    assert (committed(shop), held(shop)) == (20, 0), "other content is neither committed nor kept"


def test_a_target_that_cannot_be_asked_closes_the_quarantine_and_the_input_stays(gate: Gate, shop: Path) -> None:
    (shop / ".sluicegate").write_text("in the way")
    with pytest.raises(StorageError):
        gate.run("orders.yaml", "bad.parquet")
    assert (shop / "bad.parquet").exists()


def test_check_decides_and_touches_nothing(gate: Gate, shop: Path) -> None:
    outcome = gate.check("orders.yaml", "bad.parquet")
    assert (outcome.action, outcome.verdict.decision) == (ActionTaken.CHECKED, Decision.QUARANTINE)
    assert (committed(shop), held(shop)) == (0, 0)


def test_what_is_classified_never_leaves_in_documents(gate: Gate, shop: Path) -> None:
    write(shop / "pii.parquet", GOOD.replace("i + 1 AS id", "1 AS id"))
    (shop / "orders.yaml").write_text(
        CONTRACT.format(more="").replace("amount, min: 0", "amount, min: 0}\n      - {type: unique, columns: [email, id]")
    )
    outcome = gate.run("orders.yaml", "pii.parquet")
    document = json.dumps(outcome.as_document())
    stored = json.dumps(gate.history.get(outcome.run_id).verdict)  # type: ignore[union-attr]
    assert "evidence" in document
    assert "u1@x.org" not in document + stored


@pytest.mark.parametrize(
    ("more", "decision"),
    [
        ("violation_handling: {on_quality_violation: warn}", Decision.COMMIT_WITH_WARNINGS),
        ("violation_handling: {on_quality_violation: block}", Decision.BLOCK),
        ("violation_handling: {on_quality_violation: quarantine, quarantine: {enabled: false}}", Decision.BLOCK),
    ],
)
def test_the_policy_of_the_violated_area_decides(gate: Gate, shop: Path, more: str, decision: Decision) -> None:
    (shop / "orders.yaml").write_text(CONTRACT.format(more=more))
    outcome = gate.run("orders.yaml", "bad.parquet")
    assert outcome.verdict.decision is decision
    assert committed(shop) == (20 if outcome.passed else 0)


ASSET = """\
asset:
  name: shop_orders
  source_type: file
  object: orders
  version: 1.0.0
  schema:
    - {name: id, type: integer}
  data_contract:
    enabled: true
    contract_path: ../orders.yaml
    enforcement_mode: strict
    inline_checks:
      - {type: null_check, columns: [email]}
"""
JOB = """\
tenant_id: acme
environment: test
asset_path: assets/orders.yaml
data_contract: {enabled: true, enforcement_mode: %s}
source: {path: bad.parquet}
"""


@pytest.mark.parametrize(
    ("mode", "decision"),
    [("strict", Decision.QUARANTINE), ("warn", Decision.COMMIT_WITH_WARNINGS), ("disabled", Decision.COMMIT)],
)
def test_a_job_starts_a_run_and_its_enforcement_mode_counts(gate: Gate, shop: Path, mode: str, decision: Decision) -> None:
    (shop / "assets").mkdir()
    (shop / "assets" / "orders.yaml").write_text(ASSET)
    (shop / "job.yaml").write_text(JOB % mode)
    outcome = gate.run("job.yaml")
    assert outcome.verdict.decision is decision
    assert outcome.contract.tenant == "acme"
    assert outcome.verdict.dataset == "shop_orders"
    if mode == "disabled":
        assert {item.outcome for item in outcome.verdict.outcomes} == {Outcome.SKIPPED}
    assert committed(shop) + held(shop) == 20


@pytest.mark.parametrize("form", ["pandas", "polars", "arrow", "reader", "relation", "csv", "json", "ipc"])
def test_a_batch_may_be_a_file_of_any_format_or_a_table_in_memory(gate: Gate, shop: Path, form: str) -> None:
    relation = duckdb.sql(GOOD)
    assert relation is not None
    match form:
        case "pandas":
            batch: object = relation.df()
        case "polars":
            batch = relation.pl()
        case "arrow":
            batch = relation.to_arrow_table()
        case "reader":
            batch = relation.to_arrow_table().to_reader()
        case "relation":
            batch = relation
        case "ipc":
            import pyarrow as pa

            table = relation.to_arrow_table()
            with pa.OSFile("batch.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            batch = "batch.arrow"
        case _:
            batch = str(write(shop / f"batch.{form}", GOOD))
    assert gate.run("orders.yaml", batch, batch_id="b").passed
    assert committed(shop) == 20


def test_drift_compares_with_past_runs_and_skips_until_there_are_enough(gate: Gate, shop: Path) -> None:
    entry = "{type: drift, metric: row_count, method: percent, threshold: 50, min_runs: 3, name: volume}"
    (shop / "orders.yaml").write_text(CONTRACT.format(more="").replace("    soda:", f"      - {entry}\n    soda:"))
    for day in range(3):
        query = GOOD.replace("range(20)", f"range({20 + day})")
        outcome = gate.run("orders.yaml", str(write(shop / f"{day}.parquet", query)), now=NOW + timedelta(days=day))
        assert outcomes(outcome)["volume"] == "skipped"
    steady = gate.run(
        "orders.yaml", str(write(shop / "3.parquet", GOOD.replace("range(20)", "range(25)"))), now=NOW + timedelta(days=3)
    )
    assert outcomes(steady)["volume"] == "passed"
    burst = gate.run(
        "orders.yaml", str(write(shop / "4.parquet", GOOD.replace("range(20)", "range(90)"))), now=NOW + timedelta(days=4)
    )
    assert outcomes(burst)["volume"] == "failed"


def test_an_engine_that_runs_out_of_memory_closes_the_gate_and_the_others_still_report(gate: Gate, shop: Path) -> None:
    (shop / "gate.yaml").write_text("batch: {memory_limit: 60MB, threads: 1}\n")
    query = "SELECT len(list(n)) FROM (SELECT unnest(range(8000000)) AS n)"
    greedy = f'{{type: metric_query, name: greedy, query: "{query}", min: 0}}'
    (shop / "orders.yaml").write_text(CONTRACT.format(more="").replace("    soda:", f"      - {greedy}\n    soda:"))
    outcome = Gate.from_config("gate.yaml").run("orders.yaml", "good.parquet")
    found = outcomes(outcome)
    assert found["greedy"] == "errored"
    assert found["ids are positive"] == "passed"
    assert outcome.exit_code == 5
    assert committed(shop) == 0


def test_an_engine_that_takes_too_long_closes_the_gate_and_the_others_still_report(gate: Gate, shop: Path) -> None:
    (shop / "rules" / "orders.py").write_text("import threading\n\ndef positive(batch):\n    threading.Event().wait()\n")
    (shop / "gate.yaml").write_text("timeout_seconds: 15\n")
    outcome = Gate.from_config("gate.yaml").run("orders.yaml", "good.parquet")
    found = outcomes(outcome)
    assert found["ids are positive"] == "errored"
    assert found["missing_count(email) = 0"] == "passed"
    assert (outcome.exit_code, committed(shop)) == (5, 0)


def test_a_history_that_cannot_be_written_is_a_warning_and_the_commit_stands(gate: Gate, shop: Path) -> None:
    (shop / ".sluicegate").mkdir()
    (shop / ".sluicegate" / "history.sqlite").mkdir()
    outcome = gate.run("orders.yaml", "good.parquet")
    assert "history" in outcome.warnings[0]
    assert committed(shop) == 20


def test_a_quarantine_that_cannot_be_written_is_an_error_and_the_input_stays(gate: Gate, shop: Path) -> None:
    (shop / "gate.yaml").write_text("quarantine: {type: local, path: /proc/nowhere}\n")
    with pytest.raises(StorageError):
        Gate.from_config("gate.yaml").run("orders.yaml", "bad.parquet")
    assert (shop / "bad.parquet").exists()
    assert committed(shop) == 0


def test_a_gated_function_returns_the_outcome_or_raises(gate: Gate, shop: Path) -> None:
    @gated("orders.yaml", gate=gate, batch_id=lambda name: name)
    def extract(name: str) -> Path:
        return shop / f"{name}.parquet"

    assert extract("good").verdict.batch_id == "good"
    with pytest.raises(BatchRefused) as refused:
        extract("bad")
    assert refused.value.exit_code == 3
    assert refused.value.outcome.manifest


def test_a_table_in_memory_is_spooled_where_the_profile_says(gate: Gate, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(shop / "nowhere"))
    profile = replace(gate.profile, batch=BatchLimits(temp_directory=shop / "scratch"))
    outcome = Gate(profile, clock=lambda: NOW).run("orders.yaml", duckdb.sql(BAD), batch_id="b1")
    assert outcome.action is ActionTaken.QUARANTINED
    assert (held(shop), list((shop / "scratch").iterdir())) == (20, [])


def generator() -> Iterator[int]:
    yield 1


async def coroutine() -> int:
    return 1


async def asynchronous_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize("function", [generator, coroutine, asynchronous_generator, partial(generator)])
def test_a_function_that_returns_no_batch_when_it_is_called_can_not_be_gated(gate: Gate, function: Callable[..., object]) -> None:
    with pytest.raises(UsageError, match=r"@gated: .* is (a generator|asynchronous)"):
        gated("orders.yaml", gate=gate)(function)


def test_what_comes_of_a_wrong_call_is_a_usage_error(gate: Gate) -> None:
    with pytest.raises(UsageError, match="20130101 can't be a batch_id"):
        gate.run("orders.yaml", "good.parquet", batch_id=20130101)
    with pytest.raises(UsageError, match="a contract can't be made of dict"):
        gate.run({"name": "orders"}, "good.parquet")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="generator"):
        gate.run("orders.yaml", generator())


def test_a_clock_without_a_zone_is_utc(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        outcome = gate.check("orders.yaml", "good.parquet", now=datetime(2026, 1, 2, 12))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert outcome.verdict.now == NOW


def test_an_empty_batch_passes_row_level_checks_and_errs_on_aggregates(gate: Gate, shop: Path) -> None:
    write(shop / "empty.parquet", GOOD + " LIMIT 0")
    assert gate.check("orders.yaml", "empty.parquet").verdict.decision is Decision.COMMIT
    mean = "{type: aggregate, column: amount, function: mean, min: 0, name: mean}"
    (shop / "orders.yaml").write_text(CONTRACT.format(more="").replace("    soda:", f"      - {mean}\n    soda:"))
    assert outcomes(gate.check("orders.yaml", "empty.parquet"))["mean"] == "errored"
