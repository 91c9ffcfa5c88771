"""For each expectation that GX exports: arguments with which it holds on ``ROWS``, and with which it doesn't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck
from sluicegate.ports.engine import Result, RunContext
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.great_expectations.engine import GreatExpectationsEngine

__all__ = ["CASES", "NOW", "ROWS", "Case", "batch", "native", "run", "run_one"]

NOW = datetime(2013, 1, 10, 12, tzinfo=UTC)

ROWS = """
SELECT * FROM (VALUES
  (1, 1, 2, 'a',  'ab',  1.5::DOUBLE, DATE '2013-01-01', TIMESTAMP '2013-01-01 10:00:00', '{"k": 1}', '2013-01-01', 'x', 1),
  (2, 2, 3, 'b',  'abc', 2.5, DATE '2013-01-02', TIMESTAMP '2013-01-02 10:00:00', '[1]',      '2013-01-02', 'x', 3),
  (3, 3, 4, 'a',  'ab',  NULL, DATE '2013-01-03', TIMESTAMP '2013-01-03 10:00:00', '{"k": 2}', '2013-01-03', 'x', 2),
  (4, 4, 5, NULL, 'xyz', 4.0, DATE '2013-01-04', TIMESTAMP '2013-01-04 10:00:00', 'no json',  '2013-01-04', 'y', 5),
  (5, 5, 6, 'c',  NULL,  5.0, NULL,              NULL,                            NULL,       'nonsense',   NULL, 4),
  (6, 6, 7, 'b',  'a%c', 100.0, DATE '2013-01-06', TIMESTAMP '2013-01-06 10:00:00', '{"k": "v"}', '2013-01-06', 'x', 6)
) AS t(id, twin, next, grp, word, price, day, "at", js, said, kind, zig)
"""


def batch() -> MemoryBatch:
    return MemoryBatch(ROWS, {"six": "SELECT * FROM range(6) AS t(n)", "seven": "SELECT * FROM range(7) AS t(n)"})


def native(kind: str, arguments: Mapping[str, Json], check_id: str = "c") -> ContractCheck:
    return ContractCheck(id=check_id, name=check_id, promise=NativeCheck(engine="great_expectations", kind=kind, body=arguments))


def run(checks: list[ContractCheck], on: MemoryBatch, evidence_rows: int = 5) -> dict[str, Result]:
    results = list(GreatExpectationsEngine().run(checks, on, RunContext(now=NOW, evidence_rows=evidence_rows)))
    assert len(results) == len(checks)
    return {result.check_id: result for result in results}


def run_one(kind: str, on: MemoryBatch | None = None, **arguments: Any) -> Result:
    return run([native(kind, arguments)], on or batch())["c"]


@dataclass(frozen=True, slots=True)
class Case:
    """``holds`` and ``breaks`` are arguments; ``failing`` what the latter counts (None: it counts no rows)."""

    holds: dict[str, Any]
    breaks: dict[str, Any]
    failing: int | None = None


def _between(column: str, low: float, high: float, beyond: float) -> Case:
    return Case({"column": column, "min_value": low, "max_value": high}, {"column": column, "min_value": beyond})


_GROUP, _WORD = {"column": "grp"}, {"column": "word"}

CASES: dict[str, Case] = {
    "expect_column_distinct_values_to_be_in_set": Case(_GROUP | {"value_set": ["a", "b", "c"]}, _GROUP | {"value_set": ["a"]}, 2),
    "expect_column_distinct_values_to_contain_set": Case(_GROUP | {"value_set": ["a"]}, _GROUP | {"value_set": ["a", "z"]}),
    "expect_column_distinct_values_to_equal_set": Case(_GROUP | {"value_set": ["a", "b", "c"]}, _GROUP | {"value_set": ["a", "z"]}, 2),
    "expect_column_kl_divergence_to_be_less_than": Case(
        {"column": "grp", "partition_object": {"values": ["a", "b", "c"], "weights": [0.4, 0.4, 0.2]}, "threshold": 0.1},
        {"column": "grp", "partition_object": {"values": ["a", "b", "c"], "weights": [0.1, 0.1, 0.8]}, "threshold": 0.1},
    ),
    "expect_column_max_to_be_between": _between("id", 6, 6, 7),
    "expect_column_mean_to_be_between": _between("id", 3.5, 3.5, 4),
    "expect_column_median_to_be_between": _between("id", 3.5, 3.5, 4),
    "expect_column_min_to_be_between": _between("id", 1, 1, 2),
    "expect_column_most_common_value_to_be_in_set": Case({"column": "kind", "value_set": ["x"]}, {"column": "kind", "value_set": ["y"]}),
    "expect_column_pair_values_a_to_be_greater_than_b": Case({"column_A": "next", "column_B": "id"}, {"column_A": "id", "column_B": "twin"}, 6),
    "expect_column_pair_values_to_be_equal": Case({"column_A": "id", "column_B": "twin"}, {"column_A": "id", "column_B": "next"}, 6),
    "expect_column_pair_values_to_be_in_set": Case(
        {"column_A": "id", "column_B": "twin", "value_pairs_set": [[n, n] for n in range(1, 7)]},
        {"column_A": "id", "column_B": "twin", "value_pairs_set": [[1, 1], [2, 3]]},
        5,
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": _between("grp", 0.8, 0.9, 0.95),
    "expect_column_proportion_of_unique_values_to_be_between": _between("grp", 0.6, 0.6, 0.7),
    "expect_column_quantile_values_to_be_between": Case(
        {"column": "id", "quantile_ranges": {"quantiles": [0.2, 0.8], "value_ranges": [[1, 3], [4, None]]}},
        {"column": "id", "quantile_ranges": {"quantiles": [0.2, 0.8], "value_ranges": [[1, 3], [None, 2]]}},
    ),
    "expect_column_stdev_to_be_between": _between("id", 1.8, 1.9, 2),
    "expect_column_sum_to_be_between": _between("id", 21, 21, 22),
    "expect_column_to_exist": Case({"column": "id", "column_index": 0}, {"column": "nowhere"}),
    "expect_column_type_to_be": Case({"column": "id", "type_": "INTEGER"}, {"column": "id", "type_": "VARCHAR"}),
    "expect_column_unique_value_count_to_be_between": _between("grp", 3, 3, 4),
    "expect_column_value_lengths_to_be_between": Case(_WORD | {"min_value": 2, "max_value": 3}, _WORD | {"max_value": 2}, 3),
    "expect_column_value_lengths_to_equal": Case({"column": "said", "value": 10, "mostly": 0.8}, {"column": "said", "value": 10}, 1),
    "expect_column_value_z_scores_to_be_less_than": Case(
        {"column": "price", "threshold": 3, "double_sided": True}, {"column": "price", "threshold": 1, "double_sided": True}, 1
    ),
    "expect_column_values_to_be_between": Case({"column": "price", "min_value": 1.5}, {"column": "price", "min_value": 1.5, "strict_min": True}, 1),
    "expect_column_values_to_be_dateutil_parseable": Case({"column": "said", "mostly": 0.8}, {"column": "said"}, 1),
    "expect_column_values_to_be_decreasing": Case({"column": "id", "mostly": 0.1}, {"column": "id"}, 5),
    "expect_column_values_to_be_in_set": Case(_GROUP | {"value_set": ["a", "b", "c"]}, _GROUP | {"value_set": ["a"]}, 3),
    "expect_column_values_to_be_in_type_list": Case({"column": "id", "type_list": ["BIGINT", "INTEGER"]}, {"column": "id", "type_list": ["BIGINT"]}),
    "expect_column_values_to_be_increasing": Case({"column": "price", "strictly": True}, {"column": "zig", "strictly": True}, 2),
    "expect_column_values_to_be_json_parseable": Case({"column": "js", "mostly": 0.8}, {"column": "js"}, 1),
    "expect_column_values_to_be_null": Case({"column": "word", "mostly": 0.1}, {"column": "word"}, 5),
    "expect_column_values_to_be_of_type": Case({"column": "day", "type_": "date"}, {"column": "day", "type_": "TIMESTAMP"}),
    "expect_column_values_to_be_unique": Case({"column": "id"}, {"column": "grp"}, 4),
    "expect_column_values_to_match_json_schema": Case(
        {"column": "js", "json_schema": {"type": ["object", "array"]}, "mostly": 0.6, "row_condition": 'col("js") != "no json"', "condition_parser": "great_expectations"},
        {"column": "js", "json_schema": {"type": "object"}, "row_condition": 'col("js") != "no json"', "condition_parser": "great_expectations"},
        1,
    ),
    "expect_column_values_to_match_like_pattern": Case(_WORD | {"like_pattern": "a%", "mostly": 0.8}, _WORD | {"like_pattern": "a!%%", "escape": "!"}, 4),
    "expect_column_values_to_match_like_pattern_list": Case(
        _WORD | {"like_pattern_list": ["a%", "x%"]}, _WORD | {"like_pattern_list": ["a%", "%c"], "match_on": "all"}, 3
    ),
    "expect_column_values_to_match_regex": Case(_WORD | {"regex": "^[ax]"}, _WORD | {"regex": "^a"}, 1),
    "expect_column_values_to_match_regex_list": Case(
        _WORD | {"regex_list": ["^a", "^x"]}, _WORD | {"regex_list": ["^a", "c$"], "match_on": "all"}, 3
    ),
    "expect_column_values_to_match_strftime_format": Case(
        {"column": "said", "strftime_format": "%Y-%m-%d", "mostly": 0.8}, {"column": "said", "strftime_format": "%Y-%m-%d"}, 1
    ),
    "expect_column_values_to_not_be_in_set": Case(_GROUP | {"value_set": ["z"]}, _GROUP | {"value_set": ["a", "b"]}, 4),
    "expect_column_values_to_not_be_null": Case({"column": "id"}, {"column": "grp"}, 1),
    "expect_column_values_to_not_be_outliers": Case(
        {"column": "id", "method": "iqr", "multiplier": 1.5}, {"column": "price", "method": "iqr", "multiplier": 1.5}, 1
    ),
    "expect_column_values_to_not_match_like_pattern": Case(_WORD | {"like_pattern": "z%"}, _WORD | {"like_pattern": "a%"}, 4),
    "expect_column_values_to_not_match_like_pattern_list": Case(
        _WORD | {"like_pattern_list": ["z%", "q%"]}, _WORD | {"like_pattern_list": ["z%", "x%"]}, 1
    ),
    "expect_column_values_to_not_match_regex": Case(_WORD | {"regex": "^z"}, _WORD | {"regex": "b"}, 3),
    "expect_column_values_to_not_match_regex_list": Case(_WORD | {"regex_list": ["^z"]}, _WORD | {"regex_list": ["^z", "^x", "b"]}, 4),
    "expect_compound_columns_to_be_unique": Case({"column_list": ["id", "grp"]}, {"column_list": ["grp", "kind"]}, 4),
    "expect_multicolumn_sum_to_equal": Case(
        {"column_list": ["id", "next"], "sum_total": 3, "mostly": 0.1}, {"column_list": ["id", "next"], "sum_total": 3}, 5
    ),
    "expect_multicolumn_values_to_be_equal": Case({"column_list": ["id", "twin"]}, {"column_list": ["id", "twin", "next"]}, 6),
    "expect_query_results_to_match_comparison": Case(
        {
            "base_query": "SELECT count(*) AS n FROM {batch}",
            "comparison_data_source_name": "six",
            "comparison_query": "SELECT count(*) AS n FROM six",
        },
        {
            "base_query": "SELECT count(*) AS n FROM {batch}",
            "comparison_data_source_name": "seven",
            "comparison_query": "SELECT count(*) AS n FROM seven",
        },
        1,
    ),
    "expect_select_column_values_to_be_unique_within_record": Case({"column_list": ["id", "next"]}, {"column_list": ["id", "twin"]}, 6),
    "expect_table_column_count_to_be_between": Case({"min_value": 12, "max_value": 12}, {"max_value": 11}),
    "expect_table_column_count_to_equal": Case({"value": 12}, {"value": 11}),
    "expect_table_columns_to_match_ordered_list": Case(
        {"column_list": ["id", "twin", "next", "grp", "word", "price", "day", "at", "js", "said", "kind", "zig"]}, {"column_list": ["twin", "id"]}
    ),
    "expect_table_columns_to_match_set": Case({"column_set": ["id", "twin"], "exact_match": False}, {"column_set": ["id", "twin"]}),
    "expect_table_row_count_to_be_between": Case({"min_value": 6}, {"max_value": 5}),
    "expect_table_row_count_to_equal": Case({"value": 6}, {"value": 7}),
    "expect_table_row_count_to_equal_other_table": Case({"other_table_name": "six"}, {"other_table_name": "seven"}),
    "unexpected_rows_expectation": Case(
        {"unexpected_rows_query": "SELECT * FROM {batch} WHERE id > 6"}, {"unexpected_rows_query": "SELECT * FROM {batch} WHERE id > 4;"}, 2
    ),
}  # fmt: skip
