"""Every expectation that Great Expectations exports, by name: its class, its arguments and the way it is run here.

A constant, so that linting and planning need no import of Great Expectations (seconds); ``test_gx_coverage.py`` holds it
against the installed package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["COMMON", "EXPECTATIONS", "REFUSED", "Expectation", "Path", "known_expectations"]


class Path(StrEnum):
    """How an expectation's metrics are answered."""

    FUSED = "fused"
    STATEMENT = "statement"
    SCHEMA = "schema"
    PANDAS = "pandas"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One exported expectation.

    Attributes:
        class_name: in ``great_expectations.expectations``.
        required: arguments that it must have.
        optional: arguments that it may have, besides ``COMMON``.
    """

    class_name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    path: Path


_COMMON = "batch_id catch_exceptions description id meta notes rendered_content result_format severity"
COMMON = frozenset(_COMMON.split())
"""Arguments that every expectation has. Those that ask for output, or belong to GX's own store, change no verdict here."""

REFUSED: Mapping[str, str] = {
    "expect_multicolumn_values_to_be_unique": "it is broken in Great Expectations 1.24 (its class names no metric and raises an "
    "AssertionError): use expect_select_column_values_to_be_unique_within_record",
}
"""Exported, and never run: name -> reason."""

# fmt: off
_TABLE = (
    ("expect_column_distinct_values_to_be_in_set", "ExpectColumnDistinctValuesToBeInSet", "column value_set", "row_condition condition_parser", Path.FUSED),
    ("expect_column_distinct_values_to_contain_set", "ExpectColumnDistinctValuesToContainSet", "column value_set", "row_condition condition_parser", Path.FUSED),
    ("expect_column_distinct_values_to_equal_set", "ExpectColumnDistinctValuesToEqualSet", "column value_set", "row_condition condition_parser", Path.FUSED),
    ("expect_column_kl_divergence_to_be_less_than", "ExpectColumnKLDivergenceToBeLessThan", "column", "row_condition condition_parser partition_object threshold internal_weight_holdout tail_weight_holdout bucketize_data min_value max_value", Path.PANDAS),
    ("expect_column_max_to_be_between", "ExpectColumnMaxToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_mean_to_be_between", "ExpectColumnMeanToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_median_to_be_between", "ExpectColumnMedianToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_min_to_be_between", "ExpectColumnMinToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_most_common_value_to_be_in_set", "ExpectColumnMostCommonValueToBeInSet", "column value_set", "row_condition condition_parser ties_okay", Path.STATEMENT),
    ("expect_column_pair_values_a_to_be_greater_than_b", "ExpectColumnPairValuesAToBeGreaterThanB", "column_A column_B", "mostly row_condition condition_parser or_equal ignore_row_if", Path.FUSED),
    ("expect_column_pair_values_to_be_equal", "ExpectColumnPairValuesToBeEqual", "column_A column_B", "mostly row_condition condition_parser ignore_row_if", Path.FUSED),
    ("expect_column_pair_values_to_be_in_set", "ExpectColumnPairValuesToBeInSet", "column_A column_B value_pairs_set", "mostly row_condition condition_parser ignore_row_if", Path.FUSED),
    ("expect_column_proportion_of_non_null_values_to_be_between", "ExpectColumnProportionOfNonNullValuesToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_proportion_of_unique_values_to_be_between", "ExpectColumnProportionOfUniqueValuesToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_quantile_values_to_be_between", "ExpectColumnQuantileValuesToBeBetween", "column quantile_ranges", "row_condition condition_parser allow_relative_error", Path.FUSED),
    ("expect_column_stdev_to_be_between", "ExpectColumnStdevToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_sum_to_be_between", "ExpectColumnSumToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_to_exist", "ExpectColumnToExist", "column", "column_index", Path.SCHEMA),
    ("expect_column_type_to_be", "ExpectColumnTypeToBe", "column type_", "", Path.SCHEMA),
    ("expect_column_unique_value_count_to_be_between", "ExpectColumnUniqueValueCountToBeBetween", "column", "row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_value_lengths_to_be_between", "ExpectColumnValueLengthsToBeBetween", "column", "mostly row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_value_lengths_to_equal", "ExpectColumnValueLengthsToEqual", "column value", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_column_value_z_scores_to_be_less_than", "ExpectColumnValueZScoresToBeLessThan", "column threshold double_sided", "mostly row_condition condition_parser", Path.STATEMENT),
    ("expect_column_values_to_be_between", "ExpectColumnValuesToBeBetween", "column", "mostly row_condition condition_parser min_value max_value strict_min strict_max", Path.FUSED),
    ("expect_column_values_to_be_dateutil_parseable", "ExpectColumnValuesToBeDateutilParseable", "column", "mostly row_condition condition_parser", Path.PANDAS),
    ("expect_column_values_to_be_decreasing", "ExpectColumnValuesToBeDecreasing", "column", "mostly row_condition condition_parser strictly", Path.STATEMENT),
    ("expect_column_values_to_be_in_set", "ExpectColumnValuesToBeInSet", "column value_set", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_column_values_to_be_in_type_list", "ExpectColumnValuesToBeInTypeList", "column", "mostly row_condition condition_parser type_list", Path.SCHEMA),
    ("expect_column_values_to_be_increasing", "ExpectColumnValuesToBeIncreasing", "column", "mostly row_condition condition_parser strictly", Path.STATEMENT),
    ("expect_column_values_to_be_json_parseable", "ExpectColumnValuesToBeJsonParseable", "column", "mostly row_condition condition_parser", Path.PANDAS),
    ("expect_column_values_to_be_null", "ExpectColumnValuesToBeNull", "column", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_column_values_to_be_of_type", "ExpectColumnValuesToBeOfType", "column type_", "mostly row_condition condition_parser", Path.SCHEMA),
    ("expect_column_values_to_be_unique", "ExpectColumnValuesToBeUnique", "column", "mostly row_condition condition_parser", Path.STATEMENT),
    ("expect_column_values_to_match_json_schema", "ExpectColumnValuesToMatchJsonSchema", "column json_schema", "mostly row_condition condition_parser", Path.PANDAS),
    ("expect_column_values_to_match_like_pattern", "ExpectColumnValuesToMatchLikePattern", "column like_pattern", "mostly row_condition condition_parser escape", Path.FUSED),
    ("expect_column_values_to_match_like_pattern_list", "ExpectColumnValuesToMatchLikePatternList", "column like_pattern_list", "mostly row_condition condition_parser match_on escape", Path.FUSED),
    ("expect_column_values_to_match_regex", "ExpectColumnValuesToMatchRegex", "column", "mostly row_condition condition_parser regex", Path.FUSED),
    ("expect_column_values_to_match_regex_list", "ExpectColumnValuesToMatchRegexList", "column regex_list", "mostly row_condition condition_parser match_on", Path.FUSED),
    ("expect_column_values_to_match_strftime_format", "ExpectColumnValuesToMatchStrftimeFormat", "column strftime_format", "mostly row_condition condition_parser", Path.PANDAS),
    ("expect_column_values_to_not_be_in_set", "ExpectColumnValuesToNotBeInSet", "column value_set", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_column_values_to_not_be_null", "ExpectColumnValuesToNotBeNull", "column", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_column_values_to_not_be_outliers", "ExpectColumnValuesToNotBeOutliers", "column", "mostly row_condition condition_parser method multiplier", Path.STATEMENT),
    ("expect_column_values_to_not_match_like_pattern", "ExpectColumnValuesToNotMatchLikePattern", "column like_pattern", "mostly row_condition condition_parser escape", Path.FUSED),
    ("expect_column_values_to_not_match_like_pattern_list", "ExpectColumnValuesToNotMatchLikePatternList", "column like_pattern_list", "mostly row_condition condition_parser escape", Path.FUSED),
    ("expect_column_values_to_not_match_regex", "ExpectColumnValuesToNotMatchRegex", "column regex", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_column_values_to_not_match_regex_list", "ExpectColumnValuesToNotMatchRegexList", "column regex_list", "mostly row_condition condition_parser", Path.FUSED),
    ("expect_compound_columns_to_be_unique", "ExpectCompoundColumnsToBeUnique", "column_list", "mostly row_condition condition_parser ignore_row_if", Path.STATEMENT),
    ("expect_multicolumn_sum_to_equal", "ExpectMulticolumnSumToEqual", "column_list sum_total", "mostly row_condition condition_parser ignore_row_if", Path.FUSED),
    ("expect_multicolumn_values_to_be_equal", "ExpectMulticolumnValuesToBeEqual", "column_list", "mostly row_condition condition_parser ignore_row_if", Path.FUSED),
    ("expect_multicolumn_values_to_be_unique", "ExpectMulticolumnValuesToBeUnique", "column column_list", "mostly row_condition condition_parser ignore_row_if", Path.REFUSED),
    ("expect_query_results_to_match_comparison", "ExpectQueryResultsToMatchComparison", "base_query comparison_data_source_name comparison_query", "mostly", Path.STATEMENT),
    ("expect_select_column_values_to_be_unique_within_record", "ExpectSelectColumnValuesToBeUniqueWithinRecord", "column_list", "mostly row_condition condition_parser ignore_row_if", Path.FUSED),
    ("expect_table_column_count_to_be_between", "ExpectTableColumnCountToBeBetween", "", "min_value max_value", Path.SCHEMA),
    ("expect_table_column_count_to_equal", "ExpectTableColumnCountToEqual", "value", "", Path.SCHEMA),
    ("expect_table_columns_to_match_ordered_list", "ExpectTableColumnsToMatchOrderedList", "", "column_list", Path.SCHEMA),
    ("expect_table_columns_to_match_set", "ExpectTableColumnsToMatchSet", "", "column_set exact_match", Path.SCHEMA),
    ("expect_table_row_count_to_be_between", "ExpectTableRowCountToBeBetween", "", "min_value max_value strict_min strict_max row_condition condition_parser", Path.FUSED),
    ("expect_table_row_count_to_equal", "ExpectTableRowCountToEqual", "value", "row_condition condition_parser", Path.FUSED),
    ("expect_table_row_count_to_equal_other_table", "ExpectTableRowCountToEqualOtherTable", "other_table_name", "row_condition condition_parser", Path.STATEMENT),
    ("unexpected_rows_expectation", "UnexpectedRowsExpectation", "unexpected_rows_query", "", Path.STATEMENT),
)
# fmt: on

EXPECTATIONS: Mapping[str, Expectation] = {
    name: Expectation(class_name, tuple(required.split()), tuple(optional.split()), path)
    for name, class_name, required, optional, path in _TABLE
}


def known_expectations() -> tuple[str, ...]:
    """The names that a contract may use, sorted; cheap, imports nothing."""
    return tuple(sorted(set(EXPECTATIONS) - set(REFUSED)))
