"""Parquet's statistics: where they are believed, and where they must not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate.batch.source import open_batch
from tests.unit.batch.support import read

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


@pytest.mark.parametrize("writer", [_by_pyarrow, _by_duckdb, _by_pyarrow_in_two_files])
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
