"""Native expectations on awkward names, values and rows; what is wrong with them in one line; times; conditions; threads."""

from __future__ import annotations

import logging
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Tolerance
from sluicegate.checks.sqltext import literal
from sluicegate.ports.engine import NativeOutcome, Result, Unsupported
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.great_expectations.engine import GreatExpectationsEngine
from tests.unit.engines.gx_cases import batch, native, run, run_one

_PASSED, _FAILED, _WARNED = NativeOutcome.PASSED, NativeOutcome.FAILED, NativeOutcome.WARNED
_NAMES = ['say "hi"', "it's", "a b", "Größe", "SELECT", "order", "UPPER", "a.b", "{batch}", "a;--", "%", "back\\slash"]


def _row(name: str, values: str) -> MemoryBatch:
    quoted = '"' + name.replace('"', '""') + '"'
    return MemoryBatch(f"SELECT * FROM (VALUES {values}) AS t({quoted})")


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize(
    ("kind", "arguments", "failing"),
    [
        ("expect_column_values_to_not_be_null", {}, 1),
        ("expect_column_values_to_be_unique", {}, 2),
        ("expect_column_values_to_be_in_set", {"value_set": ["it's", "b\\c"]}, 2),
        ("expect_column_values_to_match_regex", {"regex": "'|\\\\"}, 2),
        ("expect_column_values_to_match_regex", {"regex": "(?<=i)t"}, 3),
        ("expect_column_values_to_be_json_parseable", {}, 4),
        ("expect_column_values_to_be_increasing", {}, 2),
    ],
)
def test_awkward_names_quotes_and_backslashes_are_only_names_and_values(
    name: str, kind: str, arguments: dict[str, Any], failing: int
) -> None:
    rows = _row(name, "('it''s'), ('b\\c'), ('\"q\"x'), (NULL), ('\"q\"x')")
    result = run_one(kind, rows, column=name, **arguments)
    assert not result.error
    assert (result.native, result.failing) == (_FAILED, failing)


@pytest.mark.parametrize("name", _NAMES)
def test_evidence_holds_rows_that_break_and_no_message_does(name: str) -> None:
    result = run_one("expect_column_values_to_be_in_set", _row(name, "('secret'), ('a')"), column=name, value_set=["a"])
    assert result.evidence is not None
    assert result.evidence.columns == (name,)
    assert result.evidence.rows == (("secret",),)
    assert "secret" not in result.message + result.error + result.error_hint


@pytest.mark.parametrize(
    ("values", "arguments", "failing"),
    [
        ("(9007199254740993), (9007199254740992)", {"max_value": 9007199254740992}, 1),
        ("(170141183460469231731687303715884105727::HUGEINT)", {"min_value": 170141183460469231731687303715884105727}, 0),
        ("(0.10::DECIMAL(9,2)), (0.11)", {"max_value": Decimal("0.1")}, 1),
        ("(0.1::DOUBLE), (0.3)", {"max_value": Decimal("0.3")}, 0),
        ("('nan'::DOUBLE), (1)", {"min_value": 0}, 1),
        ("(NULL::INTEGER), (NULL)", {"min_value": 0}, 0),
        ("(DATE '2013-01-01'), (DATE '2013-01-11')", {"max_value": "2013-01-10"}, 1),
        ("(DATE '2013-01-10'), (DATE '2013-01-11')", {"max_value": "today"}, 1),
        ("(TIMESTAMP '2013-01-10 12:00:00'), (TIMESTAMP '2013-01-10 12:00:01')", {"max_value": "now"}, 1),
        ("(TIMESTAMPTZ '2013-01-10 11:00:00+01'), (TIMESTAMPTZ '2013-01-10 11:00:00+00')", {"min_value": "1 hour ago"}, 1),
    ],
)
def test_bounds_are_exact_and_times_are_the_runs(values: str, arguments: dict[str, Any], failing: int) -> None:
    result = run_one("expect_column_values_to_be_between", _row("a", values), column="a", **arguments)
    assert not result.error
    assert result.failing == failing
    assert result.native is (_FAILED if failing else _PASSED)


@pytest.mark.parametrize(
    ("kind", "values", "arguments", "native"),
    [
        ("max", "(9007199254740993)", {"max_value": 9007199254740992}, _FAILED),
        ("max", "(0.1::DOUBLE)", {"max_value": Decimal("0.1")}, _PASSED),
        ("sum", "(0.1::DECIMAL(9,2)), (0.2)", {"min_value": Decimal("0.3"), "max_value": Decimal("0.3")}, _PASSED),
        ("max", "('nan'::DOUBLE), (1)", {"min_value": 0}, _FAILED),
        ("mean", "('nan'::DOUBLE), (1)", {"min_value": 0}, _FAILED),
        ("max", "(NULL::INTEGER)", {"min_value": 0}, _FAILED),
        ("max", "(TIMESTAMP '2013-01-10 11:00:00')", {"min_value": "2 hours ago"}, _PASSED),
        ("max", "(TIMESTAMPTZ '2013-01-10 09:59:00+00')", {"min_value": "2 hours ago"}, _FAILED),
        ("min", "(DATE '2013-01-09')", {"min_value": "yesterday", "max_value": "today"}, _PASSED),
    ],
)
def test_figures_are_held_against_exact_bounds(kind: str, values: str, arguments: dict[str, Any], native: NativeOutcome) -> None:
    result = run_one(f"expect_column_{kind}_to_be_between", _row("a", values), column="a", **arguments)
    assert not result.error
    assert result.native is native


def test_relative_times_are_found_in_lists_of_temporal_columns_only() -> None:
    days = _row("a", "(DATE '2013-01-10')")
    assert run_one("expect_column_values_to_be_in_set", days, column="a", value_set=["today"]).native is _PASSED
    words = _row("a", "('today')")
    assert run_one("expect_column_values_to_be_in_set", words, column="a", value_set=["today"]).native is _PASSED
    ranges = {"quantiles": [0.5], "value_ranges": [["yesterday", "tomorrow"]]}
    result = run_one("expect_column_quantile_values_to_be_between", days, column="a", quantile_ranges=ranges)
    assert not result.native or result.native is _PASSED


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("expect_column_values_to_be_betwen", {"column": "id"}, "did you mean 'expect_column_values_to_be_between'"),
        ("expect_column_values_to_be_between", {"colum": "id", "min_value": 1}, "has no argument 'colum'"),
        ("expect_column_values_to_be_between", {"min_value": 1}, "needs column"),
        ("expect_column_values_to_be_between", {"column": "id"}, "neither min_value nor max_value"),
        ("expect_column_values_to_be_between", {"column": "id", "min_value": "many"}, "min_value"),
        ("expect_column_values_to_be_between", {"column": "id", "min_value": 3, "max_value": 1}, "greater than"),
        ("expect_column_values_to_be_between", {"column": "ID", "min_value": 1}, "no column 'ID'"),
        ("expect_column_values_to_be_in_set", {"column": "id", "value_set": ["x"]}, "id"),
        ("expect_column_values_to_be_in_set", {"column": "id", "value_set": 3}, "value_set"),
        ("expect_column_values_to_match_regex", {"column": "grp", "regex": "a("}, "broken at position"),
        ("expect_column_values_to_match_regex", {"column": "id", "regex": "a"}, "text"),
        (
            "expect_column_values_to_match_like_pattern",
            {"column": "grp", "like_pattern": "a", "escape": "xx"},
            "single character",
        ),
        ("expect_column_mean_to_be_between", {"column": "grp", "min_value": 1}, "No function matches"),
        ("expect_column_values_to_not_be_null", {"column": "id", "mostly": 2}, "mostly"),
        ("expect_column_values_to_not_be_null", {"column": "id", "severity": "awful"}, "severity"),
        ("expect_column_values_to_be_of_type", {"column": "id", "type_": "intt"}, "not a type's name"),
        ("expect_column_values_to_not_be_outliers", {"column": "id", "method": "mad"}, "method"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["id", "grp"], "ignore_row_if": "sometimes"}, "ignore_row_if"),
        ("expect_table_row_count_to_equal_other_table", {"other_table_name": "eight"}, "no reference dataset"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT * FROM batch"}, "{batch}"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT * FROM {batch}, 'x.csv'"}, "neither the batch nor"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT * FROM {batch} WHERE {x}"}, "brace"),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELEC {batch}"}, "can't be read"),
        ("expect_column_values_to_not_be_null", {"column": "id", "row_condition": "id", "condition_parser": "spark"}, "Spark"),
        (
            "expect_column_values_to_not_be_null",
            {"column": "id", "row_condition": "id > 1", "condition_parser": "great_expectations"},
            "can't be read",
        ),
        ("expect_table_row_count_to_equal", {"value": {"$PARAMETER": "n"}}, "suite parameter"),
        ("expect_multicolumn_values_to_be_unique", {"column_list": ["id"]}, "broken in Great Expectations"),
        ("expect_column_values_to_match_json_schema", {"column": "id", "json_schema": {"type": 3}}, "pandas"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_takes_no_other_check_with_it(
    kind: str, arguments: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = native("expect_column_values_to_not_be_null", {"column": "id"}, "good")
    results = run(
        [good, native(kind, arguments, "bad"), ContractCheck(id="n", name="n", promise=m.NotNull(column="id"))], batch()
    )
    bad = results["bad"]
    assert message in f"{bad.error} ({bad.error_hint})"
    assert "\n" not in bad.error
    assert not bad.engine_broke
    assert bad.native is None
    assert results["good"].native is _PASSED
    assert results["n"] == Result(check_id="n", rows=6, failing=0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("condition", "parser", "rows"),
    [
        ('col("id") > 4', "great_expectations", 2),
        ('col("grp") == "a"', "great_expectations", 2),
        ('col("grp").notnull()', "great_expectations", 5),
        ("col(\"day\") >= date('2013-01-04')", "great_expectations", 2),
        ({"type": "comparison", "column": {"name": "grp"}, "operator": "IN", "parameter": ["a", "c"]}, None, 3),
        ({"type": "nullity", "column": {"name": "grp"}, "is_null": True}, None, 1),
        (
            {
                "type": "or",
                "conditions": [
                    {"type": "nullity", "column": {"name": "grp"}, "is_null": True},
                    {"type": "comparison", "column": {"name": "id"}, "operator": "==", "parameter": 1},
                ],
            },
            None,
            2,
        ),
        ("id > 4", "pandas", 2),
    ],
)
@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("expect_column_values_to_not_be_null", {}),
        ("expect_column_values_to_be_unique", {}),
        ("expect_column_values_to_be_increasing", {}),
        ("expect_column_values_to_not_be_outliers", {}),
    ],
)
def test_a_row_condition_chooses_the_rows(condition: Any, parser: str | None, rows: int, kind: str, more: dict[str, Any]) -> None:
    chosen = {"row_condition": condition} | ({"condition_parser": parser} if parser else {})
    result = run_one(kind, column="id", **more, **chosen)
    assert not result.error
    assert (result.rows, result.native) == (rows, _PASSED)


@pytest.mark.parametrize(
    "condition",
    [
        '@pd.io.common.os.system("touch {path}") == 0',
        'id > @pd.io.common.os.system("touch {path}")',
        """c == '`' or @pd.io.common.os.system("touch {path}") == 0 or c == '`'""",
        "id.__class__.__base__.__subclasses__()",
        'id.map("{path}".format)',
        "id.to_csv('{path}')",
        "id.pipe(datetime.now)",
        "[1 for _ in id]",
        "(lambda: 1)()",
        "id = 3",
        "nothing > 3",
        "id >",
    ],
)
def test_a_row_condition_for_pandas_compares_and_does_nothing_else(condition: str, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    written = condition.replace("{path}", str(proof))
    result = run_one("expect_column_values_to_not_be_null", batch(), column="id", row_condition=written)
    assert "row_condition" in result.error or "no column" in result.error
    assert not result.engine_broke
    assert not proof.exists()


def test_what_gx_logs_about_a_metric_that_raises_stays_out_of_every_log(caplog: pytest.LogCaptureFixture) -> None:
    rows = _row("a", "('secret'), ('b')")
    result = run_one(
        "expect_column_values_to_match_strftime_format", rows, column="a", strftime_format="%Y", row_condition="a > 3"
    )
    assert "could not compute" in result.error
    assert caplog.records == []
    logging.getLogger("great_expectations.validator.metrics_calculator").warning("not ours")
    assert [record.message for record in caplog.records] == ["not ours"]


def test_a_row_condition_for_pandas_knows_methods_and_names_in_backticks() -> None:
    rows = _row("a b", "('xy'), ('xz'), ('y'), (NULL)")
    for condition, looked_at in {
        "`a b`.str.startswith('x', na=False)": 2,
        "`a b`.notnull() and `a b` != 'y'": 2,
        "`a b`.isin(['y', 'z@x'])": 1,
        '~`a b`.isna() & (`a b` == "xy")': 1,
    }.items():
        result = run_one("expect_column_values_to_not_be_null", rows, column="a b", row_condition=condition)
        assert (result.error, result.rows) == ("", looked_at), condition


@pytest.mark.parametrize("condition", ['col("id") > 4', 'col("id") <= 4'])
def test_figures_heed_a_row_condition(condition: str) -> None:
    chosen: dict[str, Any] = {"row_condition": condition, "condition_parser": "great_expectations"}
    above = condition.endswith("> 4")
    assert run_one("expect_column_max_to_be_between", column="id", min_value=0, **chosen).value == (6 if above else 4)
    assert run_one("expect_column_unique_value_count_to_be_between", column="id", min_value=0, **chosen).value == (
        2 if above else 4
    )
    assert run_one("expect_table_row_count_to_equal", value=2 if above else 4, **chosen).native is _PASSED
    common = run_one("expect_column_most_common_value_to_be_in_set", column="kind", value_set=["x"], **chosen)
    assert common.native is _PASSED


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("expect_column_max_to_be_between", {"column": "id"}),
        ("expect_table_row_count_to_be_between", {}),
        ("expect_table_column_count_to_be_between", {"min_value": None}),
        ("expect_column_mean_to_be_between", {"column": "id", "strict_min": True}),
        ("expect_column_values_to_be_between", {"column": "id"}),
        ("expect_column_distinct_values_to_contain_set", {"column": "grp", "value_set": []}),
        ("expect_column_values_to_not_be_in_set", {"column": "grp", "value_set": []}),
        (
            "expect_column_quantile_values_to_be_between",
            {"column": "id", "quantile_ranges": {"quantiles": [], "value_ranges": []}},
        ),
        (
            "expect_column_quantile_values_to_be_between",
            {"column": "id", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[None, None]]}},
        ),
        (
            "expect_column_kl_divergence_to_be_less_than",
            {"column": "grp", "partition_object": {"values": ["a"], "weights": [1.0]}},
        ),
    ],
)
def test_an_expectation_that_nothing_can_fail_does_not_pass(kind: str, arguments: dict[str, Any]) -> None:
    said = GreatExpectationsEngine().translate(native(kind, arguments, "c"), None)
    assert isinstance(said, Unsupported)
    assert "tests nothing" in said.reason


@pytest.mark.parametrize(("index", "native_outcome"), [(0, _FAILED), (1, _PASSED), (-5, _FAILED), (99, _FAILED)])
def test_the_first_place_is_a_place(index: int, native_outcome: NativeOutcome) -> None:
    rows = MemoryBatch("SELECT 1 AS a, 2 AS b")
    assert run_one("expect_column_to_exist", rows, column="b", column_index=index).native is native_outcome
    assert run_one("expect_column_to_exist", rows, column="a", column_index=0).native is _PASSED


def test_a_compound_key_under_a_condition_repeats_only_among_its_rows() -> None:
    rows = MemoryBatch("SELECT * FROM (VALUES (1, 1, true), (1, 1, false), (2, NULL, true), (2, NULL, true)) t(a, b, c)")
    chosen = {"row_condition": {"type": "comparison", "column": {"name": "c"}, "operator": "==", "parameter": True}}
    result = run_one("expect_compound_columns_to_be_unique", rows, column_list=["a", "b"], **chosen)
    assert (result.rows, result.failing) == (3, 2)


def test_mostly_is_judged_by_gx_and_severity_makes_a_failure_a_warning() -> None:
    arguments: dict[str, Any] = {"column": "grp", "value_set": ["a"]}
    assert run_one("expect_column_values_to_be_in_set", mostly=Decimal("0.4"), **arguments).native is _PASSED
    assert run_one("expect_column_values_to_be_in_set", mostly=0.41, **arguments).native is _FAILED
    assert run_one("expect_column_values_to_be_in_set", severity="warning", **arguments).native is _WARNED
    result = run_one("expect_column_values_to_be_in_set", meta={"note": 1}, result_format="COMPLETE", **arguments)
    assert (result.rows, result.failing) == (5, 3)


def test_an_empty_batch_passes_what_looks_at_rows() -> None:
    rows = MemoryBatch("SELECT 1 AS a, 'x' AS b WHERE false")
    for kind in (
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_be_json_parseable",
    ):
        result = run_one(kind, rows, column="b")
        assert (result.native, result.rows, result.failing) == (_PASSED, 0, 0)
    assert run_one("expect_column_max_to_be_between", rows, column="a", min_value=0).native is _FAILED


@pytest.mark.parametrize(
    ("pattern", "value", "failing"),
    [
        (r"(?=a)a$", "a\n", 1),
        (r"(?=a)a$", "a", 0),
        (r"(?!x)\d", "٣", 1),
        (r"(?=.)[$]", "$", 0),
        (r"(?=.)\$$", "$", 0),
        (r"(a)\1", "baab", 0),
    ],
)
def test_a_canonical_pattern_that_needs_python_keeps_its_meaning(pattern: str, value: str, failing: int) -> None:
    rows = _row("a", f"({literal(value)}), (NULL)")
    check = ContractCheck(id="c", name="c", promise=m.Pattern(column="a", pattern=pattern))
    result = run([check], rows)["c"]
    assert not result.error
    assert (result.rows, result.failing) == (1, failing)


@pytest.mark.parametrize("percent", ["0", "33.3", "33.4", "66.7"])
def test_a_tolerance_changes_no_figure(percent: str) -> None:
    rows = _row("a", "(1), (2), (NULL)")
    check = ContractCheck(id="c", name="c", promise=m.NotNull(column="a"), tolerance=Tolerance(percent=Decimal(percent)))
    assert run([check], rows)["c"] == Result(check_id="c", rows=3, failing=1)


def test_another_engines_native_check_is_refused() -> None:
    check = native("expect_column_to_exist", {"column": "a"})
    other = ContractCheck(id="c", name="c", promise=type(check.promise)(engine="soda", kind="x", body={}))  # type: ignore[call-arg]
    assert isinstance(GreatExpectationsEngine().translate(other, None), Unsupported)


def test_two_engines_in_two_threads_keep_to_their_own_batches() -> None:
    kinds = [
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_be_unique",
    ]
    found: dict[int, list[tuple[int | None, int | None]]] = {}
    start = threading.Barrier(2)

    def work(size: int) -> None:
        rows = MemoryBatch(f"SELECT 'x' || (i % 3) AS a FROM range({size}) t(i)")
        checks = [native(kind, {"column": "a"}, kind) for kind in kinds]
        start.wait()
        results = run(checks, rows)
        found[size] = [(results[kind].rows, results[kind].failing) for kind in kinds]

    threads = [threading.Thread(target=work, args=(size,)) for size in (30, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {size: [(size, 0), (size, size), (size, size)] for size in (30, 60)}
