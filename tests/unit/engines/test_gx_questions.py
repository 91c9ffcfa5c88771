"""What a check will ask is known when it is planned, without Great Expectations; nothing else is asked when it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.checks.contract_check import ContractCheck, Json
from sluicegate.checks.questions import ROWS, Aggregate, Key, Question, Unanswered
from sluicegate.ports.engine import Result, RunContext, Translation
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.great_expectations import gx
from sluicegate_adapters.engines.great_expectations.arguments import read_arguments
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS, Path
from sluicegate_adapters.engines.great_expectations.engine import GreatExpectationsEngine
from sluicegate_adapters.engines.great_expectations.native_metrics import FIGURE_KINDS
from sluicegate_adapters.engines.great_expectations.native_rows import ROW_KINDS
from tests.golden.samples import BOUND_SAMPLES, SCHEMA
from tests.unit.engines.gx_cases import CASES, NOW, native
from tests.unit.engines.gx_cases import ROWS as SIX

if TYPE_CHECKING:
    import duckdb


class Listening(MemoryBatch):
    """A batch that keeps what is asked of it, and whether anybody connected."""

    def __init__(self, query: str = SIX, unanswered: Mapping[Question, Unanswered] | None = None) -> None:
        super().__init__(query, {"six": "SELECT * FROM range(6) AS t(n)", "seven": "SELECT * FROM range(7) AS t(n)"})
        self.asked: list[Question] = []
        self.connected = False
        self.unanswered = unanswered or {}

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        self.asked += questions
        found = MemoryBatch.answers(self, questions)
        self.connected = False  # that was for the answers
        return tuple(self.unanswered.get(question, answer) for question, answer in zip(questions, found, strict=True))

    def connect(self) -> duckdb.DuckDBPyConnection:
        self.connected = True
        return super().connect()


@cache
def chosen_rows(where: str) -> Listening:
    """The rows of the cases, or some of them; one batch for all who ask."""
    return Listening(f"SELECT * FROM ({SIX}) WHERE {where}")


def translated(check: ContractCheck, rows: MemoryBatch) -> Translation:
    found = GreatExpectationsEngine().translate(check, rows.schema)
    assert isinstance(found, Translation)
    return found


def run_one(check: ContractCheck, rows: MemoryBatch) -> Result:
    [result] = GreatExpectationsEngine().run([check], rows, RunContext(now=NOW))
    return result


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_an_expectation_asks_is_what_was_announced(name: str) -> None:
    rows, check = Listening(), native(name, CASES[name].holds)
    plan = translated(check, rows)
    result = run_one(check, rows)
    assert (result.error, set(rows.asked) - {ROWS}) == ("", set(plan.questions) - {ROWS})
    assert rows.connected is bool(plan.own_path)
    assert plan.questions or plan.own_path


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_expectation_says_what_it_reads_before_there_is_data(name: str) -> None:
    plan = GreatExpectationsEngine().translate(native(name, CASES[name].holds), None)
    assert isinstance(plan, Translation)
    assert plan.questions or plan.own_path
    assert bool(plan.own_path) is bool(translated(native(name, CASES[name].holds), chosen_rows("TRUE")).own_path)


def test_only_expectations_that_the_questions_cannot_say_have_a_path_of_their_own() -> None:
    own = {name for name in CASES if translated(native(name, CASES[name].holds), chosen_rows("TRUE")).own_path}
    assert own <= {name for name in CASES if EXPECTATIONS[name].path in {Path.STATEMENT, Path.PANDAS}}


@pytest.mark.parametrize("check", BOUND_SAMPLES, ids=lambda check: check.id)
def test_a_canonical_check_asks_in_the_words_that_every_engine_uses(check: ContractCheck) -> None:
    from sluicegate_adapters.engines.duckdb.engine import DuckdbEngine

    ours, theirs = GreatExpectationsEngine().translate(check, SCHEMA), DuckdbEngine().translate(check, SCHEMA)
    if isinstance(ours, Translation) and isinstance(theirs, Translation):
        assert set(ours.questions) - {ROWS} == set(theirs.questions) - {ROWS}
        assert ours.own_path == theirs.own_path


def test_unique_expectations_are_keys_where_they_mean_the_same() -> None:
    rows = Listening()
    pair: dict[str, Json] = {"column_list": ["grp", "kind"]}
    keys: dict[str, dict[str, Json]] = {
        "expect_column_values_to_be_unique": {"column": "grp"},
        "expect_compound_columns_to_be_unique": pair | {"ignore_row_if": "any_value_is_missing"},
    }
    for kind, arguments in keys.items():
        asked = translated(native(kind, arguments), rows)
        assert [type(item) for item in asked.questions] == [Aggregate, Key]
        assert not asked.own_path
    assert "NULL" in translated(native("expect_compound_columns_to_be_unique", pair), rows).own_path


_VALUE = st.sampled_from(["NULL", "'a'", "'b'"])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(_VALUE, _VALUE), max_size=8), st.sampled_from(["any_value_is_missing", "all_values_are_missing", "never"])
)
def test_a_compound_key_counts_as_gx_means_it_whichever_way_it_is_asked(cells: list[tuple[str, str]], ignore: str) -> None:
    values = ", ".join(f"({a}, {b})" for a, b in cells) or "(NULL, NULL)"
    where = "" if cells else " WHERE FALSE"
    rows = MemoryBatch(f"SELECT a::VARCHAR AS a, b::VARCHAR AS b FROM (VALUES {values}) AS t(a, b){where}")
    arguments: dict[str, Json] = {"column_list": ["a", "b"], "ignore_row_if": ignore}
    result = run_one(native("expect_compound_columns_to_be_unique", arguments), rows)
    looked_at = {
        "any_value_is_missing": "a IS NOT NULL AND b IS NOT NULL",
        "all_values_are_missing": "a IS NOT NULL OR b IS NOT NULL",
        "never": "TRUE",
    }
    counted = f"SELECT count(*), count(*) FILTER (WHERE n > 1) FROM (SELECT *, count(*) OVER (PARTITION BY a, b) AS n FROM batch) WHERE {looked_at[ignore]}"
    assert (result.rows, result.failing) == rows.connect().execute(counted).fetchone()


def test_what_compares_with_the_clock_says_so_and_is_asked_when_it_runs() -> None:
    rows = Listening()
    check = native("expect_column_values_to_be_between", {"column": "at", "max_value": "now"})
    assert "clock" in translated(check, rows).own_path
    assert run_one(check, rows).native == "passed"
    newest = native("expect_column_max_to_be_between", {"column": "at", "min_value": "10 days ago"})
    assert translated(newest, rows).questions == (Aggregate('max("at")'),)


def test_a_question_without_an_answer_is_an_error_of_the_checks_that_ask_it_alone() -> None:
    check, other = (
        native("expect_column_max_to_be_between", {"column": "id", "min_value": 1}),
        native("expect_column_to_exist", {"column": "id"}, "d"),
    )
    rows = Listening(unanswered={Aggregate('max("id")'): Unanswered("no answer", "no cure", True)})
    broken, fine = GreatExpectationsEngine().run([check, other], rows, RunContext(now=NOW))
    assert (broken.error, broken.error_hint, broken.engine_broke) == ("no answer", "no cure", True)
    assert fine.native == "passed"


def test_the_table_of_metrics_is_what_gx_wants_to_know() -> None:
    assert set(FIGURE_KINDS) | set(ROW_KINDS) | {name for name in CASES if EXPECTATIONS[name].path is Path.PANDAS} == set(CASES)
    for name, metrics in FIGURE_KINDS.items():
        expectation = gx.build(name, read_arguments(name, CASES[name].holds, MemoryBatch(SIX).schema, NOW).plain, "c")
        assert tuple(gx.metric_names(expectation, gx.type_engine() if "type" in name else None)) == metrics


_CONDITIONS = {
    'col("grp").notnull()': "grp IS NOT NULL",
    'col("price") > 2': "price > 2",
    'col("kind") == "x"': "kind = 'x'",
    'col("id") > 99': "FALSE",
}


@pytest.mark.parametrize("side", ["holds", "breaks"])
@pytest.mark.parametrize(
    "name", sorted(n for n in CASES if "row_condition" in EXPECTATIONS[n].optional and EXPECTATIONS[n].path is not Path.PANDAS)
)
def test_under_a_row_condition_it_is_judged_as_a_batch_of_those_rows_alone(name: str, side: str) -> None:
    given = getattr(CASES[name], side)
    for condition, where in _CONDITIONS.items():
        chosen = {"row_condition": condition, "condition_parser": "great_expectations"}
        under = run_one(native(name, {**given, **chosen}), chosen_rows("TRUE"))
        alone = run_one(native(name, given), chosen_rows(where))
        assert under == alone, condition
