"""Parquet's statistics: where they are believed, and where they must not be."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate.batch.readers import file_list
from sluicegate.batch.source import BatchSettings, open_batch
from sluicegate.checks.questions import Aggregate, Bearing
from sluicegate.scan.statistics import Statistics
from tests.unit.batch.support import read
from tests.unit.scan.footers import edit_statistics, name_writer

NAN = float("nan")


def _floats(values: list[float | None]) -> pa.Table:
    """One column of each way to hold a float."""
    return pa.table(
        {
            "x": pa.array(values, pa.float64()),
            "f": pa.array(values, pa.float32()),
            "s": pa.array([{"x": value} for value in values]),
            "d": pa.array([{"a": {"x": value}} for value in values]),
            "l": pa.array([[value] for value in values]),
        }
    )


def _by_pyarrow(folder: Path, values: list[float | None]) -> list[Path]:
    path = folder / "a.parquet"
    pq.write_table(_floats(values), path)
    return [path]


def _by_duckdb(folder: Path, values: list[float | None]) -> list[Path]:
    with open_batch(_floats(values)) as batch:
        return list(batch.as_parquet(folder / "a.parquet"))


def _by_pyarrow_in_two_files(folder: Path, values: list[float | None]) -> list[Path]:
    middle = len(values) // 2
    paths = [folder / "a.parquet", folder / "b.parquet"]
    for path, half in zip(paths, (values[:middle], values[middle:]), strict=True):
        pq.write_table(_floats(half), path)
    return paths


def _in_memory(_: Path, values: list[float | None]) -> pa.Table:
    return _floats(values)


@pytest.mark.parametrize("writer", [_by_pyarrow, _by_duckdb, _by_pyarrow_in_two_files, _in_memory])
@pytest.mark.parametrize("others", [[0.1, 0.5, 0.9], [0.1, None, 0.9], [0.5]])
def test_a_nan_that_the_bounds_leave_out_is_seen(tmp_path: Path, writer: Any, others: list[float | None]) -> None:
    values = [*others, NAN, *others]
    expected = (1, 1, 1, NAN, len(values) - values.count(None)), [(1,), (1,), (1,), (values.count(None),)]
    with open_batch(writer(tmp_path, values)) as batch:
        connection = batch.view().connect()
        for column in ("x", "f", "s.x", "d.a.x", "l[1]"):
            counts = f"count_if({column} > 1), count_if(isnan({column})), count_if(NOT {column} <= 1)"
            found = connection.execute(f"SELECT {counts}, max({column}), count({column}) FROM batch").fetchone()
            kept = [
                connection.execute(f"SELECT count(*) FROM batch WHERE {filtered}").fetchone()
                for filtered in (f"{column} > 1", f"isnan({column})", f"NOT {column} <= 1", f"{column} IS NULL")
            ]
            assert (column, str((found, kept))) == (column, str(expected))


def test_values_and_types_are_what_they_are_without_statistics(tmp_path: Path) -> None:
    table = _floats([0.0, -0.0, NAN, None, float("inf"), 5e-324, 0.1])
    pq.write_table(table, tmp_path / "a.parquet")
    types, rows = read(tmp_path / "a.parquet")
    assert str(rows) == str([tuple(row.values()) for row in table.to_pylist()])
    assert list(types.values()) == ["DOUBLE", "FLOAT", "STRUCT(x DOUBLE)", "STRUCT(a STRUCT(x DOUBLE))", "DOUBLE[]"]


def _answers(source: Path | list[Path], questions: Sequence[Aggregate]) -> dict[str, Any]:
    """What the statistics decide of a batch, however small it is."""
    with open_batch(source) as batch:
        found = Statistics(file_list(batch.files), batch.schema, batch.rows, worth=0).answers(batch.view().connect(), questions)
    return {question.sql: answer for question, answer in found.items() if isinstance(question, Aggregate)}


def _groups(path: Path, *groups: list[Any], type_: pa.DataType | None = None) -> Path:
    """A file of one column ``x``, with a row group of each list."""
    tables = [pa.table({"x": pa.array(group, type_ or pa.int64())}) for group in groups]
    with pq.ParquetWriter(path, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    return path


def _number(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


_PRESENT = Aggregate('count("x")')
_INSIDE = Aggregate('count_if("x" < 1 OR "x" > 4)', "x", Bearing.OUTSIDE)
_LARGEST = Aggregate('max("x")', "x", Bearing.EXTREME)
_BOTH = (_PRESENT, _INSIDE)


def test_null_counts_and_bounds_answer_what_they_decide(tmp_path: Path) -> None:
    path = _groups(tmp_path / "a.parquet", [1, 2, None], [None, None], [4, 3])
    outside = Aggregate('count_if("x" > 3)', "x", Bearing.OUTSIDE)
    assert _answers(path, [*_BOTH, outside]) == {_PRESENT.sql: 4, _INSIDE.sql: 0}


def test_several_files_are_one_batch(tmp_path: Path) -> None:
    paths = [_groups(tmp_path / "a.parquet", [1, None]), _groups(tmp_path / "b.parquet", [4], [None])]
    assert _answers(paths, _BOTH) == {_PRESENT.sql: 2, _INSIDE.sql: 0}
    _groups(tmp_path / "b.parquet", [5])
    assert _answers(paths, _BOTH) == {_PRESENT.sql: 2}


def test_an_extreme_needs_a_writer_that_says_that_its_bounds_are_values(tmp_path: Path) -> None:
    path = _groups(tmp_path / "a.parquet", [1, 2], [7])
    exact = edit_statistics(path, "x", lambda statistics: statistics.update({7: True, 8: True}))
    told = any("is_exact" in row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM parquet_metadata('{path}')").fetchall())
    assert _answers(exact, [_LARGEST]) == ({_LARGEST.sql: 7} if told else {})
    edit_statistics(path, "x", lambda statistics: statistics.update({7: False}))
    assert _answers(exact, [_LARGEST]) == {}


@pytest.mark.parametrize("bearing", [Bearing.VALUE, Bearing.COSTLY])
def test_bounds_that_are_values_say_nothing_of_the_values_between(tmp_path: Path, bearing: Bearing) -> None:
    path = _groups(tmp_path / "a.parquet", [1, 2], [7])
    edit_statistics(path, "x", lambda statistics: statistics.update({7: True, 8: True}))
    certain = Aggregate('count_if("x" IN (2))', "x", bearing)
    assert certain.sql not in _answers(path, [_LARGEST, certain])


def test_a_column_without_a_value_is_in_every_interval_and_has_no_extreme(tmp_path: Path) -> None:
    path = _groups(tmp_path / "a.parquet", [None, None], [None])
    found = _answers(path, [*_BOTH, _LARGEST])
    assert [found.get(question.sql) or 0 for question in _BOTH] == [0, 0]
    assert {_PRESENT.sql, _INSIDE.sql} <= set(found)
    assert found.get(_LARGEST.sql) is None


@pytest.mark.parametrize(
    ("edit", "left"),
    [
        (lambda statistics: statistics.pop(3), {}),  # no NULL count: not even the bounds are believed
        (lambda statistics: statistics.update({3: 99}), {}),  # more NULLs than rows
        (lambda statistics: statistics.update({3: -1}), {}),
        (lambda statistics: statistics.pop(5), {_PRESENT.sql: 3}),
        (lambda statistics: statistics.pop(6), {_PRESENT.sql: 3}),
        (lambda statistics: statistics.update({5: _number(1), 6: _number(4)}), {_PRESENT.sql: 3}),  # the wrong way round
        (
            lambda statistics: statistics.update({1: statistics.pop(5), 2: statistics.pop(6)}),
            {_PRESENT.sql: 3},
        ),  # an old writer's
        (lambda statistics: statistics.clear(), {}),
    ],
)
def test_statistics_that_are_missing_or_impossible_decide_nothing(tmp_path: Path, edit: Any, left: dict[str, int]) -> None:
    path = edit_statistics(_groups(tmp_path / "a.parquet", [1, 2, 4, None]), "x", edit)
    assert _answers(path, _BOTH) == left
    other = _groups(tmp_path / "b.parquet", [1, 2, 4, None])  # one file that says nothing is enough
    assert _answers([path, other], _BOTH) == ({_PRESENT.sql: 6} if left else {})


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1.0, 2.0, None], pa.float64()),
        ([1.0, 2.0, None], pa.float32()),
        (["2", "3", None], pa.string()),
        ([Decimal(2), Decimal(3), None], pa.decimal128(30, 2)),
        ([True, True, None], pa.bool_()),
    ],
)
def test_bounds_of_other_types_decide_nothing_but_their_null_counts_do(
    tmp_path: Path, values: list[Any], type_: pa.DataType
) -> None:
    path = _groups(tmp_path / "a.parquet", values, type_=type_)
    for sql in (_INSIDE.sql, 'count_if("x" IS NULL)'):
        assert _answers(path, [_PRESENT, Aggregate(sql, "x", Bearing.OUTSIDE)]) == {_PRESENT.sql: 2}


def test_nested_columns_and_names_like_paths_decide_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"s": [{"x": 1}, None], "s, x": [1, 2], "l": [[1, 2], None]}), path)
    assert _answers(path, [Aggregate(f'count("{name}")') for name in ("s", "s, x", "l", "nowhere")]) == {}


def test_a_lie_is_believed_unless_statistics_are_not_to_be_trusted(tmp_path: Path) -> None:
    path = _groups(tmp_path / "a.parquet", [1, None, 9] * 3)
    edit_statistics(path, "x", lambda statistics: statistics.update({3: 0, 5: _number(4)}))
    sql = f"SELECT {_PRESENT.sql}, {_INSIDE.sql}, count_if(x IS NULL) FROM batch"
    found = {}
    for trusted in (True, False):
        with open_batch(path, settings=BatchSettings(trust_statistics=trusted)) as batch:
            connection = batch.view().connect()
            counted = connection.execute(sql).fetchone()
            kept = connection.execute("SELECT count(*) FROM batch WHERE x > 4").fetchone()
            found[trusted] = (counted, kept)
    assert found[False] == ((6, 3, 3), (3,))
    assert found[True] != found[False]  # DuckDB itself believes it: what distrust is for


@pytest.mark.parametrize("writer", ["parquet-mr version 1.8.1 (build 4aba4da)", "impala version 2.5", ""])
def test_bounds_of_texts_in_an_old_writers_order_are_not_believed(tmp_path: Path, writer: str) -> None:
    path = name_writer(_groups(tmp_path / "a.parquet", ["b", "é", None], type_=pa.string()), writer)

    def old(statistics: dict[int, Any]) -> None:
        statistics.clear()
        statistics.update({1: b"b", 2: "é".encode(), 3: 1})  # bytes compared as signed numbers

    edit_statistics(path, "x", old)
    with open_batch(path) as batch:
        connection = batch.view().connect()
        assert connection.execute("SELECT count_if(x > 'b'), max(x), count(x) FROM batch").fetchone() == (1, "é", 2)
        assert connection.execute("SELECT x FROM batch WHERE x > 'b'").fetchall() == [("é",)]
