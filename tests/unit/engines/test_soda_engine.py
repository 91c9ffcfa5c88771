"""What the Soda engine promises beyond the conformance suite: raw SodaCL told truly, errors that stay alone, nothing escaped by luck."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json, Tolerance
from sluicegate.errors import EngineError
from sluicegate.ports.engine import NativeOutcome, RunContext, Translation, Unsupported
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.data import NAMES
from sluicegate.testing.engines import LostBatch
from sluicegate_adapters.engines.soda import runtime
from sluicegate_adapters.engines.soda.engine import SodaEngine
from tests.unit.engines.soda_cases import CONTEXT, batch, entry, run

_PASSED, _FAILED = NativeOutcome.PASSED, NativeOutcome.FAILED


def _check(promise: m.CanonicalCheck, **other: Any) -> ContractCheck:
    return ContractCheck(id="c", name="it", promise=promise, **other)


def _outcomes(*bodies: Json, on: MemoryBatch | None = None) -> list[NativeOutcome | None]:
    results = run(*bodies, on=on)
    assert [result.error for result in results] == [""] * len(bodies)
    return [result.native for result in results]


# --- what Soda alone gets wrong ---------------------------------------------------------------------------------------------


def test_two_checks_that_soda_takes_for_one_metric_have_their_own_figures() -> None:
    line = "invalid_count(s) = 0"
    first, second, third = run(
        {line: {"invalid values": ["a"]}}, {line: {"invalid values": ["zz"]}}, {line: {"invalid regex": "^b"}}
    )
    assert [first.value, second.value, third.value] == [1, 0, 1]
    assert _outcomes("values in (s) must exist in planes (tail)", "values in (s) must not exist in planes (tail)") == [
        _PASSED,
        _FAILED,
    ]


def test_percentages_are_compared_as_they_are_and_not_as_they_are_rounded() -> None:
    many = MemoryBatch("SELECT nullif(i, 0) AS a FROM range(100000) AS r(i)")
    assert _outcomes("missing_percent(a) = 0", "missing_percent(a) <= 0.001", "missing_percent(a) < 0.001", on=many) == [
        _FAILED,
        _PASSED,
        _FAILED,
    ]
    (result,) = run("missing_percent(a) > 1", on=many)
    assert (result.failing, result.rows, result.value) == (1, 100_000, 0.001)


def test_nan_passes_no_threshold() -> None:
    rows = MemoryBatch("SELECT * FROM (VALUES (1.0::DOUBLE), ('nan'::DOUBLE)) AS t(x)")
    for result in run("avg(x) > 0", "max(x) < 5", {"n != 3": {"n query": "SELECT max(x) FROM batch"}}, on=rows):
        assert result.native is _FAILED
        assert "NaN" in result.message


def test_integers_and_decimals_are_compared_exactly() -> None:
    rows = MemoryBatch("SELECT 9007199254740993 AS i, 0.1::DECIMAL(38,20) + 0.00000000000000000001 AS e")
    (integer, decimal) = run("max(i) > 9007199254740992", "max(e) = 0.1", on=rows)
    assert (integer.native, integer.value) == (_PASSED, 9007199254740993)
    assert (decimal.native, decimal.value) == (_FAILED, Decimal("0.10000000000000000001"))


def test_a_forbidden_column_is_a_whole_name_or_has_wildcards() -> None:
    def forbid(name: str) -> Json:
        return {"schema": {"fail": {"when forbidden column present": [name]}}}

    assert _outcomes(forbid("pri"), forbid("price"), forbid("pri%"), forbid("*ce"), forbid("p.ice")) == [
        _PASSED,
        _FAILED,
        _FAILED,
        _FAILED,
        _PASSED,
    ]


def test_quotes_and_backslashes_in_values_are_values() -> None:
    rows = MemoryBatch(r"""SELECT * FROM (VALUES ('it''s'), ('back\slash'), ('"q"'), ('${x}'), ('{% if %}')) AS t(s)""")
    values: Json = ["it's", "back\\slash", '"q"', "${x}", "{% if %}"]
    line = "invalid_count(s) = 0"
    injected: Json = ["x'); DROP VIEW batch; --"]
    found = run({line: {"invalid values": injected}}, {line: {"valid regex": "^[^']*$"}}, "row_count = 5", on=rows)
    assert [(result.error, result.native) for result in found] == [("", _PASSED), ("", _FAILED), ("", _PASSED)]
    (result,) = run({line: {"valid values": values[:3]}}, on=rows)  # type: ignore[index]
    assert result.value == 2


def test_a_group_that_only_warns_warns() -> None:
    query = "SELECT id, count(*) AS n FROM batch GROUP BY id"
    checks: Json = [{"n": {"name": "pairs", "warn": "when > 1"}}, {"n > 0": {"name": "some"}}]
    (result,) = run({"group by": {"query": query, "fields": ["id"], "checks": checks}})
    assert result.native is NativeOutcome.WARNED
    assert result.message == "1 of 6 checks do not pass: n"


def test_the_newest_moment_is_held_against_the_runs_clock_even_where_the_environment_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOW", "1999-01-01T00:00:00+00:00")
    assert _outcomes("freshness(seen) < 61m", "freshness(seen) < 59m") == [_PASSED, _FAILED]
    later = RunContext(now=datetime(2026, 1, 2, 12, tzinfo=UTC))
    assert run("freshness(seen) < 61m", context=later)[0].native is _FAILED


# --- errors -----------------------------------------------------------------------------------------------------------------


def test_a_check_that_breaks_takes_no_other_with_it() -> None:
    results = run(
        "row_count = 4", {"failed rows": {"fail condition": "CAST(s AS INTEGER) > 0"}}, "avg(id) = 2.25", "min(s) > 1",
        {"n = 0": {"n query": "SELECT 'a text'"}}, {"n = 4": {"n query": "SELECT count(*) FROM batch"}},
    )  # fmt: skip
    assert [result.native for result in results] == [_PASSED, None, _PASSED, None, None, _PASSED]
    assert results[1].error == "a value can't be converted to the type that the check needs"
    assert "numbers only" in results[3].error
    assert all("\n" not in result.error and "it's" not in result.error for result in results)


_BROKEN: dict[str, Json] = {
    "no column 'nope'": "avg(nope) > 1",
    "no column 'idd'": "freshness(idd) < 1d",
    "'nowhere' is no reference": "values in (s) must exist in nowhere (tail)",
    "'other' is no reference": "row_count same as other",
    "'customers' is no reference": {"checks for customers": ["row_count > 0"]},
    "table function": {"failed rows": {"fail query": "SELECT * FROM read_csv('/etc/passwd')"}},
    "neither the batch nor a declared reference": {"n = 0": {"n query": "SELECT count(*) FROM '/etc/passwd'"}},
    "Only SELECT statements": {"failed rows": {"fail query": "SELECT 1; DROP VIEW batch"}},
    "no function 'getenv'": {"row_count > 0": {"filter": "getenv('HOME') = 'x'"}},
    "can't be read": {"failed rows": {"fail condition": "1 = 1) OR (id"}},
    "the query answers several rows": {"n = 0": {"n query": "SELECT id FROM batch"}},
    "can't be filled": {"row_count > 0": {"filter": "s = '${UNKNOWN}'"}},
    "nothing to measure": {"avg(id) > 0": {"filter": "id > 99"}},
    "Referenced column": {"failed rows": {"fail condition": "nope > 1"}},
    "exceeds configured group limit": {
        "group by": {"query": "SELECT id, count(*) AS n FROM batch GROUP BY id", "group_limit": 2, "fields": ["id"], "checks": [{"n > 0": {"name": "n"}}]}
    },
}  # fmt: skip


@pytest.mark.parametrize("reason", _BROKEN)
def test_what_can_not_be_evaluated_is_an_error_that_says_why_in_one_line(reason: str) -> None:
    broken, fine = run(_BROKEN[reason], "row_count = 4")
    assert reason in broken.error
    assert "\n" not in broken.error
    assert (broken.native, broken.value, broken.failing, broken.evidence) == (None, None, None, None)
    assert fine.native is _PASSED


def test_a_near_name_is_suggested() -> None:
    (result,) = run("avg(prize) > 1")
    assert result.error_hint == "did you mean 'price'?"


def test_an_empty_batch_counts_nothing_and_measures_nothing() -> None:
    empty = MemoryBatch("SELECT 1 AS a, TIMESTAMP '2026-01-01' AS b WHERE FALSE")
    results = run("row_count = 0", "missing_percent(a) = 0", "duplicate_count(a) = 0", "avg(a) > 0", "max(a) > 0", on=empty)
    assert [result.native for result in results] == [_PASSED, _PASSED, _PASSED, None, None]
    assert {result.error for result in results[3:]} == {"there was nothing to measure: no rows, or no values"}


def test_a_lost_connection_is_the_engines_error() -> None:
    with pytest.raises(EngineError, match="DuckDB broke: Connection"):
        list(SodaEngine().run([entry("row_count > 0")], LostBatch(), CONTEXT))


# --- evidence, references, neighbours ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "missing_count(s) = 0", {"invalid_count(s) = 0": {"valid values": ["b"]}}, "duplicate_count(id) = 0",
        {"failed rows": {"fail condition": "id = 2"}}, {"failed rows": {"fail query": "SELECT * FROM batch WHERE id = 2"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_failed_check_brings_a_few_of_its_rows(body: Json) -> None:
    (result,) = run(body)
    assert result.evidence is not None
    assert result.evidence.columns == ("id", "s", "x", "seen", "price", "zoned", "amount")
    assert 0 < len(result.evidence.rows) <= CONTEXT.evidence_rows
    (without,) = run(body, context=RunContext(now=CONTEXT.now, evidence_rows=0))
    assert (without.native, without.evidence) == (_FAILED, None)


def test_a_failed_check_counts_all_rows_though_it_shows_few() -> None:
    many = MemoryBatch("SELECT i AS a FROM range(25000) AS r(i)")
    for result in run(
        {"failed rows": {"fail condition": "a >= 0"}}, {"failed rows": {"fail query": "SELECT * FROM batch"}}, on=many
    ):
        assert result.failing == 25_000
        assert result.evidence is not None
        assert len(result.evidence.rows) == CONTEXT.evidence_rows


def test_a_query_may_read_a_reference_by_its_name_or_its_files_name() -> None:
    by_file: Json = {"n = 4": {"n query": "SELECT count(*) FROM planes"}}
    by_name: Json = {"n = 4": {"n query": 'SELECT count(*) FROM "data/planes.csv"'}}
    assert _outcomes(by_file, by_name, 'row_count same as "data/planes.csv"') == [_PASSED, _PASSED, _PASSED]


def _with(**references: int) -> MemoryBatch:
    """References of so many rows each, by name."""
    return MemoryBatch("SELECT 1 AS id", {name: f"SELECT * FROM range({rows})" for name, rows in references.items()})


def test_a_datasets_own_name_goes_before_a_files_whatever_its_case() -> None:
    rows = _with(**{"old/Planes.csv": 1, "planes": 2})
    assert _outcomes({"n = 2": {"n query": "SELECT count(*) FROM planes"}}, "row_count same as planes", on=rows) == [
        _PASSED,
        _FAILED,
    ]
    assert run({"checks for PLANES": ["row_count = 2"]}, on=rows)[0].native is _PASSED


def test_a_files_name_that_two_datasets_have_is_none() -> None:
    rows = _with(**{"a/planes.csv": 1, "b/planes.csv": 2})
    result, named = run("row_count same as planes", 'row_count same as "a/planes.csv"', on=rows)
    assert "'planes' is no reference" in result.error
    assert named.native is _PASSED


def test_a_file_that_is_called_like_a_view_hides_no_other_dataset() -> None:
    rows = _with(**{"data/reference_1.csv": 5, "planes": 1})
    assert _outcomes("row_count same as planes", {"n = 1": {"n query": "SELECT count(*) FROM planes"}}, on=rows) == [
        _PASSED,
        _PASSED,
    ]


_FOUR: dict[str, Json] = {"filter batch [four]": {"where": "id = 4"}}


@pytest.mark.parametrize(
    ("line", "failing"),
    [
        ("values in (amount) must exist in planes (tail)", 1),
        ("missing_count(zoned) = 0", 1),
        ({"failed rows": {"fail condition": "amount IS NOT NULL"}}, 1),
        ({"failed rows": {"fail query": "SELECT * FROM batch WHERE amount IS NOT NULL"}}, 3),
    ],
    ids=str,
)
def test_a_filter_applies_to_all_but_queries(line: Json, failing: int) -> None:
    (result,) = run({**_FOUR, "checks for batch [four]": [line]})
    assert (result.native, result.failing) == (_FAILED, failing)


def test_for_each_takes_each_dataset_once_and_fills_its_name_in() -> None:
    query: Json = {"n between 3 and 4": {"n query": "SELECT count(*) FROM ${D} WHERE '${D}' IN ('batch', 'planes')"}}
    (result,) = run({"for each dataset D": {"datasets": ["%"], "checks": [query, "row_count = 4"]}})
    assert (result.native, result.message) == (_PASSED, "4 checks pass")


@pytest.mark.parametrize("name", [name for name in NAMES if not any(part in name for part in ('"', "\n", "${"))], ids=ascii)
def test_columns_of_any_name_that_sodacl_can_quote_can_be_checked(name: str) -> None:
    rows = MemoryBatch(f'SELECT NULL::INTEGER AS "{name}"')
    assert _outcomes(f'missing_count("{name}") = 1', f'missing_percent("{name}") < 5', on=rows) == [_PASSED, _FAILED]


def test_two_engines_in_two_threads_keep_their_errors_apart() -> None:
    found: dict[str, list[tuple[bool, NativeOutcome | None]]] = {"good": [], "bad": []}
    bodies: dict[str, Json] = {"good": "row_count = 4", "bad": {"failed rows": {"fail condition": "CAST(s AS INTEGER) > 0"}}}
    start = threading.Barrier(2)

    def work(which: str) -> None:
        start.wait()
        for _ in range(8):
            found[which] += [(bool(result.error), result.native) for result in run(bodies[which])]

    threads = [threading.Thread(target=work, args=(which,)) for which in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"good": [(False, _PASSED)] * 8, "bad": [(True, None)] * 8}


def test_the_batch_has_the_same_views_afterwards() -> None:
    rows = batch()
    run("row_count = 4", "row_count same as planes", on=rows)
    views = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    assert rows.connect().execute(views).fetchall() == [("batch",), ("reference_0",)]


# --- canonical checks ---------------------------------------------------------------------------------------------------------


def test_what_plan_prints_is_what_runs_and_soda_judges_it_alike() -> None:
    rows = batch()
    promise = m.RejectedValues(column="s", values=("it's", "${x}", "{% if %}"))
    for tolerance, outcome in (
        (Tolerance(), "fail"),
        (Tolerance(rows=1), "pass"),
        (Tolerance(percent=Decimal(33)), "fail"),
        (Tolerance(percent=Decimal(34)), "pass"),
    ):
        translation = SodaEngine().translate(_check(promise, tolerance=tolerance), rows.schema)
        assert isinstance(translation, Translation)
        scanned = runtime.scan(translation.text, rows.connect(), CONTEXT.now)
        assert not scanned.problems
        outcomes = {finding.outcome for findings in scanned.findings.values() for finding in findings}
        assert ("fail" in outcomes) is (outcome == "fail")


@pytest.mark.parametrize(
    "body",
    [
        "schema",
        {"schema": None},
        {"schema": {"fail": {"when required column missing": []}}},
        {"schema": {"fail": {"when required column missing": ["id"]}, "warn": {"when forbidden column present": []}}},
        {"schema": {"warn": {"when wrong column type": {}}}},
        {"schema": {"fail": {}}},
        {"checks for batch": []},
        {"group by": {"query": "SELECT id, count(*) AS n FROM batch GROUP BY id", "fields": ["id"], "checks": []}},
        {"failed rows": {"name": "nothing"}},
    ],
)
def test_a_check_that_tests_nothing_is_refused(body: Json) -> None:
    assert isinstance(SodaEngine().translate(entry(body), None), Unsupported)


@pytest.mark.parametrize(
    ("promise", "reason"),
    [
        (m.MetricQuery(query="SELECT 'a'", bounds=m.Bounds(min="a")), "numbers"),
        (m.RowCount(bounds=m.Bounds(min="a")), "numbers"),
        (m.Aggregate(column="s", function=m.AggregateFunction.MIN, bounds=m.Bounds(min="a")), "numbers"),
        (m.Pattern(column="s", pattern="(?=a)"), "look-ahead"),
    ],
    ids=str,
)
def test_what_soda_can_not_do_is_refused_by_name(promise: m.CanonicalCheck, reason: str) -> None:
    found = SodaEngine().translate(_check(promise), batch().schema)
    assert isinstance(found, Unsupported)
    assert reason in found.reason
    (result,) = SodaEngine().run([_check(promise)], batch(), CONTEXT)
    assert result.error == found.reason


@pytest.mark.parametrize(
    ("promise", "reason"),
    [
        (m.MetricQuery(query="SELECT 'a'", bounds=m.Bounds()), "numbers"),
        (m.MetricQuery(query="SELECT 1, 2", bounds=m.Bounds()), "several columns"),
        (m.MetricQuery(query="SELECT id FROM batch", bounds=m.Bounds()), "several rows"),
        (m.MetricQuery(query="SELECT * FROM read_text('/etc/passwd')", bounds=m.Bounds()), "table function"),
        (m.RowExpression(expression="id > (SELECT 1)"), "subquery"),
    ],
    ids=str,
)
def test_an_authors_sql_that_gives_no_figure_is_an_error(promise: m.CanonicalCheck, reason: str) -> None:
    fine = ContractCheck(id="fine", name="fine", promise=m.NotNull(column="id"))
    found = {result.check_id: result for result in SodaEngine().run([_check(promise), fine], batch(), CONTEXT)}
    assert reason in found["c"].error
    assert (found["fine"].error, found["fine"].failing) == ("", 0)
