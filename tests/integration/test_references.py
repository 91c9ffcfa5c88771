"""Datasets beside the batch and SodaCL's sections, through the whole gate: from the contract's text to the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluicegate import Decision, Gate, Outcome, RunOutcome
from sluicegate.config import load_profile
from sluicegate.errors import UsageError
from sluicegate.verdict.model import CheckOutcome

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)

HEAD = "data_contract:\n  name: flights\n  version: 1.0.0\n  owner: me\n"

REFERENCES = """\
  references:
    planes: data/planes.csv
    copies: data/../data/planes.csv
    nobody: data/nobody.csv
"""

QUALITY = """\
  quality_checks:
    checks:
      - {type: reference, name: canonical, columns: [tail], dataset: planes}
      - {type: reference, name: on soda, columns: [tail], dataset: planes, engine: soda, severity: info}
      - {type: reference, name: on gx, columns: [tail], dataset: planes, engine: gx, severity: info}
      - {type: metric_query, name: query, query: SELECT count(*) FROM batch ANTI JOIN planes USING (tail), max: 0}
      - {type: metric_query, name: query on soda, query: SELECT count(*) FROM batch ANTI JOIN Planes USING (tail), max: 0, engine: soda}
    soda:
      engine: soda_core
      checks:
        - values in (tail) must exist in planes (tail): {name: exists}
        - row_count same as planes: {name: same count}
        - row_count same as copies: {name: same count by another name}
        - failed rows:
            name: failed rows
            fail query: SELECT * FROM batch WHERE tail NOT IN (SELECT tail FROM planes)
        - name: filter
          filter batch [late]:
            where: delay > 60
          checks for batch [late]:
            - row_count = 1
            - missing_count(tail) = 0
            - values in (tail) must exist in planes (tail)
        - name: configurations
          configurations for batch:
            valid values for tail: [N1, N2, N3]
          checks for batch:
            - invalid_count(tail) = 0
        - name: variables
          variables: {LIMIT: "60"}
          checks for batch:
            - long = 1:
                long query: SELECT count(*) FROM batch WHERE delay > $${LIMIT} AND tail IN (SELECT tail FROM planes)
        - name: for each
          for each dataset D:
            datasets: [batch, pla%]
            checks:
              - row_count = 3
              - odd = 0:
                  odd query: SELECT count(*) FROM $${D} WHERE tail LIKE 'X%'
    great_expectations:
      expectation_suite: flights
      checks:
        - {name: expect_table_row_count_to_equal_other_table, other_table_name: planes, title: gx same count}
        - name: unexpected_rows_expectation
          title: gx unexpected rows
          unexpected_rows_query: SELECT * FROM {batch} WHERE tail NOT IN (SELECT tail FROM planes)
"""

GOOD = "tail,delay\nN1,5\nN2,90\nN3,0\n"
BAD = "tail,delay\nN1,5\nN2,90\nN3,0\nX9,90\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contracts" / "data").mkdir(parents=True)
    (tmp_path / "contracts" / "data" / "planes.csv").write_text("tail\nN1\nN2\nN3\n")
    return tmp_path


def run(folder: Path, rows: str, quality: str = QUALITY, references: str = REFERENCES) -> RunOutcome:
    contract = folder / "contracts" / "flights.yaml"
    contract.write_text(HEAD + references + quality)
    (folder / "batch.csv").write_text(rows)
    return Gate(load_profile(None), clock=lambda: NOW).check(contract, folder / "batch.csv")


def by_name(outcome: RunOutcome) -> Mapping[str, CheckOutcome]:
    return {item.check.name: item for item in outcome.verdict.outcomes}


def soda(*entries: str) -> str:
    return "  quality_checks:\n    soda:\n      checks:\n" + "".join(f"        - {entry}\n" for entry in entries)


@pytest.mark.parametrize("start", ["contract.yaml", "asset.yaml", "job.yaml"])
def test_the_orders_example_runs_with_its_reference_from_each_of_its_files(start: str, folder: Path) -> None:
    orders = Path(__file__).parents[2] / "contracts" / "orders"
    gate = Gate(load_profile(None), clock=lambda: datetime(2026, 1, 5, 12, tzinfo=UTC))
    outcome = gate.check(orders / start, orders / "data" / "orders.csv")
    readers = ["reference(customer_id)", "values in (customer_id) must exist in customers (id)", "unexpected_rows_expectation"]
    assert {by_name(outcome)[name].outcome for name in readers} == {Outcome.PASSED}
    assert outcome.verdict.decision is Decision.COMMIT


def test_a_folder_and_a_glob_are_references_too(folder: Path) -> None:
    references = "  references: {whole: data, part: 'data/p*.csv'}\n"
    outcome = run(folder, GOOD, soda("row_count same as whole", "row_count same as part"), references)
    assert {item.outcome for item in outcome.verdict.outcomes} == {Outcome.PASSED}


def test_every_engine_reads_a_reference_by_its_name_and_a_good_batch_passes(folder: Path) -> None:
    outcome = run(folder, GOOD)
    found = {name: (item.outcome.value, item.message) for name, item in by_name(outcome).items() if item.outcome != "passed"}
    assert found == {}
    assert len(outcome.verdict.outcomes) == 15
    assert outcome.verdict.decision is Decision.COMMIT


def test_a_bad_batch_fails_every_one_of_them(folder: Path) -> None:
    outcome = run(folder, BAD)
    found = by_name(outcome)
    passed = {name for name, item in found.items() if item.outcome is Outcome.PASSED}
    assert passed == {"variables"}
    assert {item.outcome for item in found.values()} == {Outcome.PASSED, Outcome.WARNED, Outcome.FAILED}
    assert {found[name].failing for name in ("canonical", "on soda", "on gx", "exists", "failed rows", "gx unexpected rows")} == {
        1
    }
    assert {found[name].value for name in ("query", "query on soda")} == {1}
    assert outcome.verdict.decision is Decision.QUARANTINE


def test_the_one_result_of_sections_says_which_of_its_checks_fail(folder: Path) -> None:
    found = by_name(run(folder, BAD))
    expected = (
        "2 of 3 checks do not pass: row_count = 1 (batch [late]), values in (tail) must exist in planes (tail) (batch [late])"
    )
    assert expected in found["filter"].message
    assert "2 of 4 checks do not pass: row_count = 3, odd = 0" in found["for each"].message


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("profile columns: {columns: [tail]}", "profiles for Soda Cloud"),
        ("for each column c: {batch.tail: [missing_count(c) = 0]}", "not implemented"),
        ("automated monitoring: {datasets: [batch]}", "needs Soda Cloud"),
        ("filter batch [late]: {where: delay > 60}", "no check in it"),
        ('"checks for batch [late]": [row_count > 0]', "Filter not declared: late"),
        ("checks for batch: ", "Soda can't read it"),
        ("for each thing D: {datasets: [batch], checks: [row_count > 0]}", "Soda can't read it"),
    ],
)
def test_a_section_that_can_not_run_is_unsupported_by_name_and_closes_the_gate(entry: str, reason: str, folder: Path) -> None:
    outcome = run(folder, GOOD, soda(entry, "row_count = 3"))
    broken, fine = outcome.verdict.outcomes
    assert (broken.outcome, fine.outcome) == (Outcome.UNSUPPORTED, Outcome.PASSED)
    assert reason in broken.message
    assert outcome.verdict.decision is Decision.BLOCK


@pytest.mark.parametrize(
    "entry",
    [
        "for each dataset D: {datasets: [batch, plains], checks: [row_count > 0]}",
        "for each dataset D: {datasets: ['batch', exclude b%], checks: [row_count > 0]}",
        "checks for plains: [row_count > 0]",
        "values in (tail) must exist in plains (tail)",
        "row_count same as plains",
        "failed rows: {fail query: SELECT * FROM plains}",
    ],
)
def test_a_dataset_that_nobody_declared_is_an_error_and_passes_nothing(entry: str, folder: Path) -> None:
    (outcome,) = run(folder, GOOD, soda(entry)).verdict.outcomes
    assert outcome.outcome is Outcome.ERRORED
    assert "reference" in outcome.message or "no dataset" in outcome.message


def test_for_each_goes_through_each_dataset_once_and_leaves_the_excluded_out(folder: Path) -> None:
    (folder / "contracts" / "data" / "airports.csv").write_text("faa\nEWR\n")
    references = "  references: {planes: data/planes.csv, airports: data/airports.csv}\n"
    entry = "for each dataset D: {datasets: ['%', exclude air%], checks: [row_count = 3]}"
    outcome, _ = run(folder, GOOD, soda(entry, "row_count same as airports"), references).verdict.outcomes
    assert (outcome.outcome, outcome.message) == (Outcome.PASSED, "2 checks pass")


def test_a_name_goes_before_a_file_of_the_same_name(folder: Path) -> None:
    (folder / "contracts" / "old").mkdir()
    (folder / "contracts" / "old" / "Planes.csv").write_text("tail\nN1\n")
    reference = "    checks: [{type: reference, name: old, columns: [tail], dataset: old/Planes.csv}]\n"
    outcome = run(folder, GOOD, soda("row_count same as planes") + reference)
    assert {name: item.outcome for name, item in by_name(outcome).items()} == {
        "old": Outcome.FAILED,
        "row_count same as planes": Outcome.PASSED,
    }


def test_a_reference_that_a_check_reads_and_is_not_there_is_told_and_nothing_runs(folder: Path) -> None:
    with pytest.raises(UsageError, match="nobody"):
        run(folder, GOOD, soda("row_count same as nobody"))
