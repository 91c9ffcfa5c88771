"""A batch without some of its rows: which rows those are is told by their positions, whatever the batch is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluicegate.batch.parts import numbered
from sluicegate.batch.source import Batch, BatchSettings, open_batch
from sluicegate.checks.questions import ROWS, Aggregate, Bearing, Key, Repeats
from sluicegate.errors import StorageError
from sluicegate.ports.quarantine import CHECKS_COLUMN, ROW_COLUMN

MANY = 150_000
THREADS = BatchSettings(threads=4)


def positions(folder: Path, rows: list[int]) -> Path:
    file = folder / "positions.parquet"
    pq.write_table(pa.table({"other": ["x"] * len(rows), ROW_COLUMN: pa.array(rows, pa.int64())}), file)
    return file


def column(batch: Batch, query: str = "SELECT id FROM batch") -> list[Any]:
    with batch.view().connect() as connection:
        return [value for (value,) in connection.execute(query).fetchall()]


def parquet(folder: Path) -> Any:
    """Several files in many row groups; their order is that of their paths, not of the times they were written."""
    table = pa.table({"id": pa.array(range(MANY), pa.int64()), "text": pa.array([str(i) for i in range(MANY)])})
    for name, (start, end) in {"c": (90_000, MANY), "a": (0, 7), "b": (7, 90_000)}.items():
        pq.write_table(table.slice(start, end - start), folder / f"{name}.parquet", row_group_size=5_000)
    pq.write_table(table.slice(0, 0), folder / "b0.parquet")
    return folder / "*.parquet"


def text_files(folder: Path, suffix: str) -> Any:
    for name, (start, end) in {"b": (60_000, MANY), "a": (0, 60_000)}.items():
        line = "{}\n" if suffix == "csv" else '{{"id": {}}}\n'
        head = "id\n" if suffix == "csv" else ""
        (folder / f"{name}.{suffix}").write_text(head + "".join(line.format(i) for i in range(start, end)))
    return folder / f"*.{suffix}"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "parquet": parquet,
    "csv": lambda folder: text_files(folder, "csv"),
    "json": lambda folder: text_files(folder, "json"),
    "table": lambda _: pa.table({"id": range(MANY)}),
    "chunks": lambda _: pa.concat_tables([pa.table({"id": range(start, start + 1_000)}) for start in range(0, MANY, 1_000)]),
    "polars": lambda _: pl.DataFrame({"id": range(MANY)}),
    "reader": lambda _: pa.table({"id": range(MANY)}).to_reader(max_chunksize=1_000),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_position_is_the_rows_place_in_the_batch_on_any_number_of_threads(tmp_path: Path, kind: str) -> None:
    with open_batch(SOURCES[kind](tmp_path), settings=THREADS) as batch:
        wrong = column(batch, f"SELECT count(*) FROM {numbered()} WHERE id <> {ROW_COLUMN}")
        assert (wrong, batch.rows) == ([0], MANY)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_rest_is_the_batch_without_those_rows_in_its_order(tmp_path: Path, kind: str) -> None:
    source = SOURCES[kind](tmp_path)
    out = [*range(0, MANY, 3), MANY - 1, 1]
    with open_batch(source, settings=THREADS) as batch:
        sha = batch.content_sha256
        with batch.without(positions(tmp_path, out)) as rest:
            gone = set(out)
            assert column(rest) == [i for i in range(MANY) if i not in gone]
            assert (rest.rows, rest.content_sha256, rest.batch_id) == (MANY - len(gone), sha, batch.batch_id)
            assert rest.parquet_files() == (), "no file holds the rest"
            assert rest.schema == batch.schema
        assert column(batch, "SELECT count(*) FROM batch") == [MANY], "afterwards it is whole again"
        assert batch.parquet_files() == (batch.files if kind == "parquet" else ())


def test_an_error_on_the_way_leaves_the_batch_whole(tmp_path: Path) -> None:
    with open_batch(pa.table({"id": [1, 2, 3]})) as batch:
        with pytest.raises(ZeroDivisionError), batch.without(positions(tmp_path, [0])):
            raise ZeroDivisionError
        assert column(batch) == [1, 2, 3]
        with batch.without(positions(tmp_path, [2])) as rest:
            assert column(rest) == [1, 2]


@pytest.mark.parametrize("rows", [[0, 0], [3], [-1], [1, 2, 3]])
def test_positions_that_are_none_of_the_batch_are_refused(tmp_path: Path, rows: list[int]) -> None:
    with open_batch(pa.table({"id": [1, 2, 3]})) as batch:
        with pytest.raises(StorageError, match="doesn't have"), batch.without(positions(tmp_path, rows)):
            pass
        assert column(batch) == [1, 2, 3]


def test_a_file_that_holds_no_positions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with open_batch(pa.table({"id": [1, 2, 3]})) as batch:
        with pytest.raises(StorageError, match=r"torn\.parquet can't be read"), batch.without(tmp_path / "torn.parquet"):
            pass
        with batch.without(positions(tmp_path, [])) as rest:
            assert column(rest) == [1, 2, 3]


def test_what_a_quarantine_added_is_no_part_of_the_batch(tmp_path: Path) -> None:
    duckdb.sql(
        f"COPY (SELECT 'd3b07384-d9a0-4c9b-8f5e-0c2b1b0a5c11' AS key, 7 AS {ROW_COLUMN}, ['f'] AS {CHECKS_COLUMN}) "
        f"TO '{tmp_path}/rows.parquet'"
    )
    added = (ROW_COLUMN, CHECKS_COLUMN)
    with open_batch(tmp_path / "rows.parquet", dropped=added, types={"key": "UUID", "gone": "DATE"}) as batch:
        assert [(column.name, column.native) for column in batch.schema] == [("key", "UUID")]
        assert batch.parquet_files() == (), "its own file has more columns"
    (tmp_path / "rows.csv").write_text(f"key,{CHECKS_COLUMN}\na,f\n")
    for source in (tmp_path / "rows.csv", pa.table({"key": ["a"], ROW_COLUMN: [7]})):
        with open_batch(source, dropped=added) as batch:
            assert batch.schema.names == ("key",)
    (tmp_path / "own.csv").write_text("key\na\n")
    with open_batch(tmp_path / "own.csv", dropped=added) as batch:
        assert batch.schema.names == ("key",)


def test_a_type_that_is_none_is_never_run_as_sql(tmp_path: Path) -> None:
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{tmp_path}/rows.parquet'")
    with open_batch(tmp_path / "rows.parquet", types={"a": "BIGINT) AS a, (SELECT 1"}) as batch:
        assert [column.native for column in batch.schema] == ["INTEGER"]


def test_the_rest_has_a_scan_of_its_own_which_knows_nothing_of_the_whole(tmp_path: Path) -> None:
    """Neither the whole's number of rows nor what its files' statistics say."""
    ids = list(range(300_000))
    pq.write_table(pa.table({"id": pa.array([*ids, None, 7])}), tmp_path / "ids.parquet")
    asked = (ROWS, Aggregate('count("id")'), Aggregate('min("id")', "id", Bearing.EXTREME), Key(("id",)))
    with open_batch(tmp_path / "ids.parquet") as batch:
        assert batch.scan(asked).answers(asked, batch.view()) == (300_002, 300_001, 0, Repeats(300_001, 2))
        with batch.without(positions(tmp_path, [0, 7, 300_000])) as rest:
            assert rest.scan(asked).answers(asked, rest.view()) == (299_999, 299_999, 1, Repeats(299_999, 0))
            assert rest.view().answers(asked) == (299_999, 299_999, 1, Repeats(299_999, 0))
        assert batch.view().answers(asked) == (300_002, 300_001, 0, Repeats(300_001, 2))
