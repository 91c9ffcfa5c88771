"""Values of classified columns stay out of figures, messages and evidence, however a check reaches them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck
from sluicegate.checks.values import Scalar
from sluicegate.ports.engine import Evidence
from sluicegate.verdict.masking import MASK, masked
from sluicegate.verdict.model import CheckOutcome, Outcome

SECRET = "jane@example.org"
CLASSIFIED = frozenset({"email", 'we"ird'})


def query(text: str) -> m.MetricQuery:
    return m.MetricQuery(query=text, bounds=m.Bounds(min=1))


def soda(body: Json) -> NativeCheck:
    return NativeCheck(engine="soda", kind="soda", body={"sodacl": body})


def outcome(promise: m.CanonicalCheck | NativeCheck, value: Scalar = None, *columns: str) -> CheckOutcome:
    evidence = Evidence(columns=columns, rows=((SECRET,) * len(columns),)) if columns else None
    check = ContractCheck(id="a", name="a", promise=promise)
    return CheckOutcome(
        check=check, outcome=Outcome.FAILED, engine="duckdb", value=value, message=f"measured {value}", evidence=evidence
    )


@pytest.mark.parametrize(
    ("promise", "value"),
    [
        (query("SELECT max(email) FROM batch"), SECRET),
        (query("SELECT max(EMAIL) FROM batch"), 5),
        (query('SELECT max("we""ird") FROM batch'), 5),
        (query("SELECT max(COLUMNS('em.*')) FROM batch"), 5),
        (query("SELECT max(b) FROM batch AS t(a, b)"), 5),
        (query("SELECT a FROM (SELECT * FROM batch) LIMIT 1"), 5),
        (query("SELECT CAST(max(batch) AS VARCHAR) FROM batch"), SECRET),
        (m.Aggregate(column='we"ird', function=m.AggregateFunction.MAX, bounds=m.Bounds(max="a")), SECRET),
        (m.Freshness(column="email", max_age_hours=Decimal(1)), Decimal(3)),
        (soda({"x < 3": {"x expression": "max(Email)"}}), 5),
        (soda({"x < 3": {"x query": "select max(b) from batch t(a, b)"}}), 5),
        (NativeCheck(engine="great_expectations", kind="expect_column_max_to_be_between", body={"column": 'we"ird'}), 5),
    ],
)
def test_a_figure_that_may_be_a_classified_value_is_masked(promise: m.CanonicalCheck | NativeCheck, value: Scalar) -> None:
    shown = masked(outcome(promise, value), CLASSIFIED)
    assert shown.value == MASK
    assert shown.message == "the figure is classified; it lies outside what is wanted"
    assert masked(outcome(promise, value), ()).value == value


@pytest.mark.parametrize(
    "promise",
    [
        query("SELECT count(*) FROM batch WHERE amount > 3"),
        query("SELECT sum(amount) FROM batch AS b WHERE round(amount, 2) > 3"),
        soda({"avg(amount) < 3": None}),
        soda({"invalid_count(amount) = 0": {"valid regex": "^.*#(a)$"}}),
    ],
)
def test_a_number_about_other_columns_is_shown(promise: m.CanonicalCheck | NativeCheck) -> None:
    assert masked(outcome(promise, 5), CLASSIFIED).value == 5


@pytest.mark.parametrize(
    ("body", "columns", "shown"),
    [
        ({"failed rows": {"fail query": "select email as x from batch"}}, ("x",), (MASK,)),
        ({"failed rows": {"fail query": "select concat(Email) as id from batch"}}, ("id",), (MASK,)),
        ({"failed rows": {"fail query": "select b as id from batch t(a, b)"}}, ("id",), (MASK,)),
        ({"failed rows": {"fail query": "select * from batch where id < 0"}}, ("id", "EMAIL"), (SECRET, MASK)),
        ({"invalid_count(email) = 0": {"valid values": ["a"]}}, ("id", "email"), (SECRET, MASK)),
    ],
)
def test_a_query_that_calls_a_classified_column_anew_shows_no_cell(
    body: Json, columns: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    evidence = masked(outcome(soda(body), None, *columns), CLASSIFIED).evidence
    assert evidence is not None
    assert evidence.rows == (shown,)
