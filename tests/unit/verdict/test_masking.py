"""Values of classified columns stay out of figures, messages and evidence, however a check reaches them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck
from sluicegate.checks.values import Scalar
from sluicegate.contract.model import Contract
from sluicegate.ports.engine import Evidence
from sluicegate.verdict.masking import MASK, masked
from sluicegate.verdict.model import CheckOutcome, Outcome
from sluicegate.verdict.reading import is_hidden

SECRET = "jane@example.org"
CLASSIFIED = frozenset({"email", 'we"ird'})


def query(text: str) -> m.MetricQuery:
    return m.MetricQuery(query=text, bounds=m.Bounds(min=1))


def soda(body: Json) -> NativeCheck:
    return NativeCheck(engine="soda", kind="soda", body={"sodacl": body})


def outcome(promise: m.CanonicalCheck | NativeCheck, value: Scalar = None, *columns: str, as_read: bool = False) -> CheckOutcome:
    evidence = Evidence(columns=columns, rows=((SECRET,) * len(columns),), as_read=as_read) if columns else None
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
        (query("SELECT max(a) FROM batch AS t(a)"), 5),
        (query('SELECT max("b") FROM batch t("a", "b")'), 5),
        (query("SELECT max(hash(batch)) FROM batch"), 5),
        (query("SELECT max(t.hash()) FROM batch t"), 5),
        (query("SELECT max(struct_extract_at(t, 2)) FROM batch AS t"), 5),
        (query("SELECT max(#2) FROM batch"), 5),
        (query("SELECT max(value) FROM (UNPIVOT batch ON *)"), 5),
        (query("FROM batch SELECT max(a)"), 5),
        (query("WITH t(a, b) AS (FROM batch) SELECT max(b) FROM t"), 5),
        (query("SELECT max(coalesce(*COLUMNS(*))) FROM batch"), 5),
        (query('SELECT max(U&"\\0065mail") FROM batch'), 5),
        (query("SELECT count(*) FROM batch WHERE false UNION ALL SELECT max(email) FROM batch"), 5),
        (query("SELECT count(*) + max(email) FROM batch"), 5),
        (m.Drift(metric=m.DriftMetric.MEAN, column="EMAIL", threshold=Decimal(1)), Decimal(3)),
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
        query("SELECT count(DISTINCT email) FROM batch"),
        query("SELECT count(*) FROM (SELECT email FROM batch GROUP BY email)"),
        query("SELECT avg(b.amount * 2) FROM batch b WHERE b.emails > 3 GROUP BY b.kind HAVING count(*) > 3"),
        query("SELECT sum(amount) * 1.0 / count(*) FROM batch"),
        m.Drift(metric=m.DriftMetric.NULL_PERCENT, column="email", threshold=Decimal(1)),
        m.Aggregate(column="email", function=m.AggregateFunction.DISTINCT_COUNT, bounds=m.Bounds(min=9)),
        m.Aggregate(column="emails", function=m.AggregateFunction.MAX, bounds=m.Bounds(min=9)),
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
        ({"failed rows": {"fail query": 'select id, "EMAIL" from batch where email > 3'}}, ("id", "EMAIL"), (SECRET, MASK)),
        ({"failed rows": {"fail query": "select id from batch as b"}}, ("id",), (SECRET,)),
        ({"failed rows": {"fail query": "select batch as id from batch"}}, ("id",), (MASK,)),
        ({"failed rows": {"fail query": "select batch from batch"}}, ("batch",), (MASK,)),
        ({"failed rows": {"fail query": "select cast(batch as varchar) id from batch"}}, ("id",), (MASK,)),
        ({"failed rows": {"fail query": "from batch t(id, b)"}}, ("id",), (MASK,)),
        ({"failed rows": {"fail query": "select id from batch where id < 0 union all from batch"}}, ("id",), (MASK,)),
        ({"checks for batch": [{"failed rows": {"fail query": "select b as id from d"}}]}, ("id",), (MASK,)),
    ],
)
def test_a_query_that_calls_a_classified_column_anew_shows_no_cell(
    body: Json, columns: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    evidence = masked(outcome(soda(body), None, *columns), CLASSIFIED).evidence
    assert evidence is not None
    assert evidence.rows == (shown,)


def test_rows_that_an_engine_read_itself_have_the_columns_that_they_name() -> None:
    invalid = soda({"invalid_count(email) = 0": {"valid values": ["a"]}})
    read = masked(outcome(invalid, None, "id", "EMAIL", as_read=True), CLASSIFIED).evidence
    made = masked(outcome(invalid, None, "id", "EMAIL"), CLASSIFIED).evidence
    assert read is not None
    assert made is not None
    assert (read.rows, made.rows) == (((SECRET, MASK),), ((MASK, MASK),))


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("email", True), ("EMAIL", True), ("person", True), ("PERSON", True), ("emails", False), ("id", False)],
)
def test_names_know_no_case_and_a_column_with_a_classified_part_is_hidden_whole(name: str, *, hidden: bool) -> None:
    assert is_hidden(name, {"email", "person.name"}) is hidden


def rule(*columns: str) -> NativeCheck:
    return NativeCheck(engine="python", kind="rules:a", body={"columns": list(columns)} if columns else {})


@pytest.mark.parametrize(
    ("promise", "shown"),
    [
        (rule("id", "amount"), True),
        (rule("id", "EMAIL"), False),
        (rule(), False),
        (m.RowExpression(expression="amount > 3 AND batch.kind <> 'email'"), False),
        (m.RowExpression(expression="amount > 3 AND batch.kind <> 'x'"), True),
        (m.RowExpression(expression="hash(batch) > 3"), False),
        (m.Pattern(column="email", pattern="a"), False),
        (m.Pattern(column="kind", pattern="email"), True),
        (soda({"avg(amount) > 3": {"filter": "kind = 'a'"}}), True),
        (soda({"avg(amount) > 3": {"filter": "struct_extract_at(batch, 1) = 'a'"}}), False),
        (NativeCheck(engine="great_expectations", kind="a", body={"column": "kind", "row_condition": 'col("id") > 3'}), True),
        (NativeCheck(engine="great_expectations", kind="a", body={"column": "kind", "row_condition": 'col("email") > 3'}), False),
        (NativeCheck(engine="great_expectations", kind="a", body={"query": "SELECT * FROM {batch}"}), False),
        (NativeCheck(engine="great_expectations", kind="a", body={"query": "SELECT avg(amount) FROM {batch}"}), True),
        (NativeCheck(engine="of a stranger", kind="a", body={"column": "id"}), False),
    ],
)
def test_words_that_are_not_ours_are_shown_only_of_a_check_that_can_read_no_classified_column(
    promise: m.CanonicalCheck | NativeCheck, *, shown: bool
) -> None:
    check = ContractCheck(id="a", name="a", promise=promise)
    told = CheckOutcome(
        check=check, outcome=Outcome.ERRORED, engine="x", message=SECRET, hint=SECRET, instead="it says something"
    )
    found = masked(told, CLASSIFIED)
    assert (found.message, found.hint) == ((SECRET, SECRET) if shown else ("it says something", ""))
    assert masked(told, ()) is told, "a contract without classified columns hides nothing"
    assert SECRET not in repr(found) or shown
    assert found.unmasked is (None if shown else told)
    assert masked(found, CLASSIFIED) == found


def test_what_broke_an_engine_may_quote_what_another_check_reads() -> None:
    check = ContractCheck(id="a", name="a", promise=rule("id"))
    broke = CheckOutcome(
        check=check, outcome=Outcome.ERRORED, engine="x", message=SECRET, engine_broke=True, instead="x could not evaluate it"
    )
    assert masked(broke, CLASSIFIED).message == "x could not evaluate it"


def test_a_contract_that_is_classified_as_a_whole_shows_counts_alone() -> None:
    whole = Contract(name="a", version="1", owner="o", dataset="d", classification="restricted").classified_columns
    assert (
        masked(outcome(m.Aggregate(column="x", function=m.AggregateFunction.MAX, bounds=m.Bounds(max=1)), 5), whole).value == MASK
    )
    assert masked(outcome(m.RowCount(bounds=m.Bounds(min=1)), 5), whole).value == 5
    evidence = masked(outcome(m.NotNull(column="x"), None, "anything"), whole).evidence
    assert evidence is not None
    assert evidence.rows == ((MASK,),)


@pytest.mark.parametrize("promise", [m.ColumnType(column="email", type="date"), m.RowExpression(expression="email > 3")])
def test_names_in_the_type_of_a_nested_column_may_be_data(promise: m.CanonicalCheck) -> None:
    check = ContractCheck(id="a", name="a", promise=promise)
    told = CheckOutcome(
        check=check, outcome=Outcome.ERRORED, engine="x", message=f"it is STRUCT(\":) {SECRET}\" ENUM('a'))[], not DECIMAL(9,2)"
    )
    assert masked(told, CLASSIFIED).message == "it is STRUCT(…)[], not DECIMAL(9,2)"
    assert masked(told, ()).message == told.message
