"""Parquet stays where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate.batch.source import open_batch
from sluicegate.errors import BatchUnreadable
from tests.unit.batch.support import read, text, write


def test_types_and_rows_come_from_the_files_own_metadata(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet",
        "SELECT i::INTEGER AS i, 'x' AS s, TIMESTAMPTZ '2013-01-01 00:00:00+00' AS t, 1.50::DECIMAL(10,2) AS d, [1] AS l "
        "FROM range(5) r(i)",
    )
    with open_batch(path) as batch:
        assert [(column.name, column.native) for column in batch.schema] == [
            ("i", "INTEGER"),
            ("s", "VARCHAR"),
            ("t", "TIMESTAMP WITH TIME ZONE"),
            ("d", "DECIMAL(10,2)"),
            ("l", "INTEGER[]"),
        ]
        assert (batch.rows, batch.format, batch.files, batch.parquet_files()) == (5, "parquet", (path,), (path,))


def test_a_file_without_rows_is_an_empty_batch(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.parquet", "SELECT 1 AS a LIMIT 0")) == ({"a": "INTEGER"}, [])


@pytest.mark.parametrize("damage", ["cut", "text", "footer", "small"])
def test_damaged_files_are_unreadable_in_one_line(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "a.parquet", "SELECT i AS a FROM range(1000) r(i)")
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[:-20], "text": b"a,b\n" * 10, "footer": whole[:-60] + b"\xff" * 52 + whole[-8:], "small": b"PAR1"}[damage]
    )
    with pytest.raises(BatchUnreadable) as caught:
        open_batch(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_the_damaged_one_of_several_files_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "SELECT 1 AS a")
    text(tmp_path / "b.parquet", "not parquet at all, whatever the name says")
    with pytest.raises(BatchUnreadable, match=r"b\.parquet"):
        open_batch(tmp_path)


@pytest.mark.parametrize("names", [["a", "a"], ["a", "A"]])
def test_a_column_that_is_there_twice_is_refused_not_renamed(tmp_path: Path, names: list[str]) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=names), tmp_path / "a.parquet")
    with pytest.raises(BatchUnreadable, match="two columns are called"):
        open_batch(tmp_path / "a.parquet")


def test_nested_columns_may_have_the_name_of_another_column(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "SELECT 1 AS a, {'a': 1, 'b': [{'a': 2}]} AS s, MAP {'a': 1} AS m, 2 AS b")
    assert list(read(path)[0]) == ["a", "s", "m", "b"]


def test_a_file_without_columns_is_unreadable(tmp_path: Path) -> None:
    pq.write_table(pa.table({}), tmp_path / "a.parquet")
    with pytest.raises(BatchUnreadable, match="no columns"):
        open_batch(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("SELECT 2 AS b", "has no column"),
        ("SELECT 2 AS a, 3 AS b", "a.parquet has no column 'b'"),
        ("SELECT 2.5::DOUBLE AS a", "column 'a' has another type"),
        ("SELECT 2::BIGINT AS a", "column 'a' has another type"),
    ],
)
def test_files_of_one_batch_must_agree_on_columns_and_types(tmp_path: Path, second: str, message: str) -> None:
    write(tmp_path / "a.parquet", "SELECT 1 AS a")
    write(tmp_path / "b.parquet", second)
    with pytest.raises(BatchUnreadable, match=message):
        open_batch(tmp_path)


def test_columns_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "SELECT 1 AS a, 'x' AS b")
    write(tmp_path / "b.parquet", "SELECT 'y' AS b, 2 AS a")
    assert read(tmp_path)[1] == [(1, "x"), (2, "y")]


def test_opening_a_file_imports_neither_pyarrow_nor_pandas(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "SELECT 1 AS a")
    program = f"""
import sys
from sluicegate.batch.source import open_batch
assert not {{"duckdb", "pyarrow", "pandas"}} & set(sys.modules)
with open_batch({str(path)!r}) as batch:
    batch.view().connect().execute("SELECT count(*) FROM batch").fetchall()
    assert batch.content_sha256
assert not {{"pyarrow", "pandas", "polars", "numpy"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
