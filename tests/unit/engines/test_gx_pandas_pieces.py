"""On pandas, an expectation that looks at each row by itself comes to the same verdict whether it sees the batch whole or in pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.great_expectations import pandas_path
from tests.unit.engines.gx_cases import CASES, batch, run_one

_MAPPED = sorted(name for name in CASES if name in pandas_path._ROW_BY_ROW and "like_pattern" not in name)


def _found(
    kind: str, arguments: dict[str, Any], rows: MemoryBatch, piece: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, ...]:
    monkeypatch.setattr(pandas_path, "_PIECE", piece)
    result = run_one(kind, rows, **arguments)
    return result.native, result.rows, result.failing, result.error, result.evidence


@pytest.mark.parametrize("side", ["holds", "breaks"])
@pytest.mark.parametrize("name", _MAPPED)
def test_pieces_add_up_to_the_whole(name: str, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"row_condition": "index != 2", "condition_parser": "pandas"}  # rows are numbered through all pieces
    arguments = getattr(CASES[name], side)
    if "row_condition" not in arguments:
        arguments = arguments | chosen
    rows = batch()
    whole, pieces = (_found(name, arguments, rows, size, monkeypatch) for size in (100, 2))
    assert whole == pieces
    assert not whole[3]


_CELL = st.sampled_from(["NULL", "1", "2", "7"])
_TEXT = st.sampled_from(["NULL", "'x'", "'{}'", "'2013-01-01'"])
_CONDITIONS = st.sampled_from(["a > 1", "a.isna()", "index % 2 == 0 or a == 7", "s.notnull() and a / 2 > 0.5", "s.str.len() > 1"])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(_CELL, _TEXT), max_size=7), _CONDITIONS, st.integers(1, 4))
def test_any_rows_in_any_pieces_are_judged_as_the_whole(cells: list[tuple[str, str]], condition: str, piece: int) -> None:
    values = ", ".join(f"({a}, {s})" for a, s in cells) or "(NULL, NULL)"
    where = "" if cells else " WHERE FALSE"
    rows = MemoryBatch(f"SELECT a::INTEGER AS a, s::VARCHAR AS s FROM (VALUES {values}) AS t(a, s){where}")
    with pytest.MonkeyPatch.context() as patch:
        for kind, arguments in {
            "expect_column_values_to_be_json_parseable": {"column": "s", "mostly": 0.5},
            "expect_column_values_to_be_between": {"column": "a", "min_value": 2, "row_condition": condition},
        }.items():
            assert _found(kind, arguments, rows, piece, patch) == _found(kind, arguments, rows, 1000, patch)


def test_what_looks_at_several_rows_sees_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandas_path, "_PIECE", 1)
    result = run_one("expect_column_values_to_be_unique", column="grp", row_condition="id > 0", condition_parser="pandas")
    assert (result.rows, result.failing) == (5, 4)
