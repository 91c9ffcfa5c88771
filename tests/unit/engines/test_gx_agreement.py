"""Our copy of Great Expectations, with figures from DuckDB, comes to the verdict and the counts of GX itself on pandas."""

from __future__ import annotations

import pytest

from sluicegate.ports.engine import NativeOutcome
from sluicegate_adapters.engines.great_expectations.arguments import read_arguments
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS, Path
from tests.unit.engines.gx_cases import CASES, NOW, batch, native, run
from tests.unit.engines.real_gx import real_judgement

_ONLY_SQL = {  # GX has no pandas metric for these
    "expect_column_values_to_match_like_pattern", "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_not_match_like_pattern", "expect_column_values_to_not_match_like_pattern_list",
    "expect_query_results_to_match_comparison", "expect_table_row_count_to_equal_other_table", "unexpected_rows_expectation",
}  # fmt: skip
_CONDITION = {"expect_column_values_to_match_json_schema"}  # its case needs one, so that every value is JSON
_NO_ROWS = {"expect_table_row_count_to_be_between", "expect_table_row_count_to_equal"}  # the frame would have no column
_PATHS = {Path.FUSED, Path.STATEMENT, Path.PANDAS}
_COMPARED = sorted(name for name in CASES if EXPECTATIONS[name].path in _PATHS and name not in _ONLY_SQL | _NO_ROWS | _CONDITION)


@pytest.mark.parametrize("side", ["holds", "breaks"])
@pytest.mark.parametrize("name", _COMPARED)
def test_the_verdict_and_the_counts_are_those_of_gx_on_pandas(name: str, side: str) -> None:
    rows = batch()
    given = getattr(CASES[name], side)
    ours = run([native(name, given)], rows)["c"]
    arguments = read_arguments(name, given, rows.schema, NOW)
    theirs = real_judgement(name, arguments.plain, rows)
    assert (ours.native is NativeOutcome.PASSED) is bool(theirs.success)
    if "unexpected_count" in theirs.result:
        assert ours.failing == theirs.result["unexpected_count"]
    if "element_count" in theirs.result:
        assert ours.rows == theirs.result["element_count"] - (theirs.result.get("missing_count") or 0)
    observed = theirs.result.get("observed_value")
    if isinstance(observed, int | float):
        assert ours.value == pytest.approx(observed)
