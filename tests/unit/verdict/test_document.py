"""The verdict document: valid against its schema, reproducible, and free of classified values."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files

import jsonschema

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Untestable
from sluicegate.contract.model import Contract
from sluicegate.ports.engine import Evidence
from sluicegate.verdict.document import MASK, document, verdict_id
from sluicegate.verdict.model import CheckOutcome, Decision, Outcome, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "jane@example.org"
MINIMUM = m.Aggregate(column="email", function=m.AggregateFunction.MIN, bounds=m.Bounds())
OUTCOMES = (
    CheckOutcome(
        check=ContractCheck(id="a", name="a", promise=m.NotNull(column="name")),
        outcome=Outcome.FAILED,
        engine="duckdb",
        rows=3,
        failing=1,
        evidence=Evidence(columns=("id", "email"), rows=((Decimal("1.5"), SECRET), (2, None))),
    ),
    CheckOutcome(
        check=ContractCheck(id="b", name="b", promise=MINIMUM),
        outcome=Outcome.PASSED,
        engine="duckdb",
        value=SECRET,
        message=f"measured {SECRET}",
    ),
    CheckOutcome(
        check=ContractCheck(id="c", name="c", promise=Untestable(key="sla.availability", reason="no")),
        outcome=Outcome.SKIPPED,
        engine="",
    ),
)


def signature(outcomes: tuple[CheckOutcome, ...], now: datetime = NOW) -> str:
    return verdict_id(outcomes=outcomes, contract_sha256="c", batch_id="b", batch_sha256="s", now=now, engines={"duckdb": "2"})


VERDICT = Verdict(
    verdict_id=signature(OUTCOMES),
    decision=Decision.QUARANTINE,
    outcomes=OUTCOMES,
    reasons=("a: failed",),
    contract_name="people",
    contract_version="1",
    contract_sha256="c",
    dataset="people",
    batch_id="b",
    batch_sha256="s",
    rows=3,
    now=NOW,
    engines={"duckdb": "2"},
)


def test_the_document_is_valid_against_the_shipped_schema() -> None:
    schema = json.loads((files("sluicegate.verdict") / "verdict.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(document(VERDICT))), schema)


def test_no_value_of_a_classified_column_is_in_the_document() -> None:
    shown = document(VERDICT, {"email"})
    assert SECRET not in json.dumps(shown)
    assert shown["checks"][0]["evidence"]["rows"] == [[1.5, MASK], [2, None]]
    assert SECRET in json.dumps(document(VERDICT)), "the test would prove nothing otherwise"


def test_a_contract_classified_as_a_whole_shows_no_figure_and_no_cell() -> None:
    whole = Contract(name="n", version="1", owner="o", dataset="d", classification="pii").classified_columns
    shown = document(VERDICT, whole)
    assert SECRET not in json.dumps(shown)
    assert shown["checks"][0]["evidence"]["rows"] == [[MASK, MASK], [MASK, None]]


def test_equal_inputs_have_equal_ids_and_any_other_has_another() -> None:
    assert signature(OUTCOMES) == VERDICT.verdict_id
    assert signature(OUTCOMES, NOW.replace(year=2027)) != VERDICT.verdict_id
    assert signature((replace(OUTCOMES[0], failing=2), *OUTCOMES[1:])) != VERDICT.verdict_id


def test_the_last_digits_of_a_figure_do_not_change_the_id_and_its_outcome_does() -> None:
    mean = replace(OUTCOMES[1], value=400195.77201349)
    assert signature((replace(mean, value=400195.7720134985),)) == signature((mean,))
    assert signature((replace(mean, outcome=Outcome.FAILED),)) != signature((mean,))
    assert signature((replace(mean, value=3),)) != signature((replace(mean, value=4),))


def test_every_check_of_the_verdict_is_in_the_document_and_counted() -> None:
    shown = document(VERDICT)
    assert [check["id"] for check in shown["checks"]] == ["a", "b", "c"]
    assert sum(shown["counts"].values()) == 3
