"""Which columns are looked at value by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from sluicegate.batch.source import open_batch
from sluicegate.checks.questions import ROWS, Aggregate, Bearing, Unanswered
from sluicegate.scan.repeated import answer_by_value
from sluicegate.scan.scan import answer_all

_PATTERN = Aggregate("count_if(NOT regexp_matches(\"x\", '^[a-z]+$'))", "x", Bearing.COSTLY)
_PRESENT = Aggregate('count("x")')
_LISTED = [Aggregate(f"count_if(\"x\" <> 'a' AND \"x\" <> '{number}')", "x", Bearing.VALUE) for number in range(8)]


def _found(values: Sequence[Any], questions: Sequence[Aggregate], rows: int = 1_000_000) -> list[int | None]:
    with open_batch(pa.table({"x": pa.array(values), "other": pa.array(values)})) as batch:
        found = answer_by_value(batch.view().connect(), questions, batch.schema, rows)
    return [found.get(question) for question in questions]


def test_a_pattern_on_texts_that_repeat_is_matched_against_each_once() -> None:
    assert _found(["a", "b", "1", None] * 50, [_PATTERN, _PRESENT]) == [50, 150]


def test_so_is_a_long_row_of_lists_and_not_a_short_one() -> None:
    values = ["a", "b", "1", None] * 50
    assert _found(values, _LISTED) == [100, 50, *[100] * 6]
    assert _found(values, _LISTED[:7]) == [None] * 7


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ([f"{number}" for number in range(5000)], 1_000_000),  # none repeats
        ([f"{number // 2}" for number in range(5000)], 1_000_000),  # next to each other: as many as half of all rows
        ([f"{number * 7919 % 3000}" for number in range(5000)], 20_000),  # too many for so few rows
        (["a", "b"] * 100, 99_999),  # too few rows
        ([b"a", b"b"] * 100, 1_000_000),  # no texts
    ],
)
def test_other_columns_are_read_row_by_row(values: list[Any], rows: int) -> None:
    assert _found(values, [_PATTERN, _PRESENT], rows) == [None, None]


def test_figures_of_a_column_that_are_no_counts_of_its_values_are_left_to_the_scan() -> None:
    other = [Aggregate('max("x")', "x", Bearing.EXTREME), Aggregate('count(DISTINCT "x")'), ROWS, Aggregate('count("other")')]
    assert _found(["a", "b"] * 100, [_PATTERN, *other]) == [0, *[None] * 4]


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        ("count_if((NOT (x IS NULL) AND NOT (regexp_matches(x, '^[a-z]+$'))))", 50),  # as Soda writes it
        ('count_if(("x" IS NOT NULL AND regexp_matches("x", \'^other "other" it\'\'s\')))', 0),
        ("count_if(regexp_matches(x, '^[a-z]+$') AND other = 'a')", None),  # another column
        ("count_if(regexp_matches(concat(x, 'a'), '1') AND length(concat(x, other)) > 1)", None),
        ("count(*) FILTER (WHERE regexp_matches(x, '1'))", None),
    ],
)
def test_a_pattern_in_an_engines_own_words_counts_as_one_if_it_names_one_column(sql: str, answer: int | None) -> None:
    assert _found(["a", "b", "1", None] * 50, [Aggregate(sql)]) == [answer]


def test_a_name_that_is_taken_for_a_column_and_is_none_costs_nothing_but_the_try() -> None:
    misread = Aggregate("count_if(regexp_matches(x, '1') AND rowid >= 0)")
    assert _found(["a", "1"] * 50, [misread]) == [None]


def test_a_question_that_breaks_the_statement_errs_alone_in_the_scan() -> None:
    broken = Aggregate('count_if(CAST("x" AS INTEGER) > 1)', "x", Bearing.VALUE)
    with open_batch(pa.table({"x": ["a", "b"] * 100})) as batch:
        answers = dict(answer_all(batch.view().connect(), [_PATTERN, broken], batch.schema, {ROWS: 1_000_000}))
    assert answers[_PATTERN] == 0
    assert isinstance(answers[broken], Unanswered)
