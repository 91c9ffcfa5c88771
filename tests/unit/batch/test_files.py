"""Which files a batch is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluicegate.batch.files import find_files
from sluicegate.batch.source import open_batch
from sluicegate.errors import BatchUnreadable, UsageError
from tests.unit.batch.support import read, text, write


def test_a_path_a_glob_a_folder_and_a_list_name_the_same_files(tmp_path: Path) -> None:
    first, second = write(tmp_path / "in/a.parquet", "SELECT 1 AS a"), write(tmp_path / "in/b.parquet", "SELECT 2 AS a")
    sources: list[object] = [str(tmp_path / "in"), tmp_path / "in", str(tmp_path / "in/*.parquet"), [second, str(first)]]
    assert {find_files(source).paths for source in sources} == {(first, second)}  # type: ignore[arg-type]
    assert all(read(source)[1] == [(1,), (2,)] for source in sources)


def test_a_relative_path_starts_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.parquet", "SELECT 1 AS a")
    monkeypatch.chdir(tmp_path)
    assert find_files("a.parquet").paths == (tmp_path / "a.parquet",)


def test_the_same_file_twice_counts_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "SELECT 1 AS a")
    assert read([path, str(tmp_path / "*.parquet")])[1] == [(1,)]


def test_a_link_beside_the_file_that_it_points_to_is_no_second_delivery(tmp_path: Path) -> None:
    write(tmp_path / "2013.parquet", "SELECT 1 AS a")
    (tmp_path / "0-latest.parquet").symlink_to(tmp_path / "2013.parquet")
    for source in (tmp_path, str(tmp_path / "*.parquet")):
        assert find_files(source).paths == (tmp_path / "2013.parquet",)
    assert read(tmp_path / "0-latest.parquet")[1] == [(1,)]


def test_the_same_file_behind_two_partitions_is_rows_of_both(tmp_path: Path) -> None:
    write(tmp_path / "day=1/a.parquet", "SELECT 1 AS a")
    (tmp_path / "day=2").symlink_to(tmp_path / "day=1")
    assert read(tmp_path)[1] == [(1, 1), (1, 2)]


def test_folders_behind_links_are_read_too(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/b.parquet", "SELECT 2 AS a")
    write(tmp_path / "in/a.parquet", "SELECT 1 AS a")
    (tmp_path / "in/more").symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path / "in")[1] == [(1,), (2,)]


def test_a_link_to_a_folder_around_it_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "in/a.parquet", "SELECT 1 AS a")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    with pytest.raises(UsageError, match="a link to a folder around it"):
        find_files(tmp_path / "in")


def test_a_folder_that_can_not_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "in/closed/a.parquet", "SELECT 1 AS a")
    write(tmp_path / "in/a.parquet", "SELECT 1 AS a")
    listed = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:  # tests may run as root, who may list anything
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return iter(listed(folder))

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(UsageError, match=r"closed: permission denied"):
        find_files(tmp_path / "in")


def test_a_folder_that_is_called_like_a_file_is_part_of_what_a_glob_matches(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet/part-0.parquet", "SELECT 1 AS a")
    write(tmp_path / "y.parquet", "SELECT 2 AS a")
    assert read(str(tmp_path / "*.parquet"))[1] == [(1,), (2,)]


def test_markers_and_hidden_files_in_a_folder_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "SELECT 1 AS a")
    for name in ("_SUCCESS", ".a.parquet.crc"):
        (tmp_path / name).touch()
    assert read(tmp_path)[1] == [(1,)]


@pytest.mark.parametrize("name", ["x[1].parquet", "x*.parquet", "x?.parquet", "it's.parquet", 'a "b".parquet', "ü ñ.parquet"])
def test_a_file_name_is_never_a_pattern_for_other_files(tmp_path: Path, name: str) -> None:
    write(tmp_path / "x1.parquet", "SELECT 'other' AS a")
    with_query = write(tmp_path / "plain.parquet", "SELECT 'mine' AS a")
    with_query.rename(tmp_path / name)
    assert read(tmp_path / name)[1] == [("mine",)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing.parquet", "no such file"),
        ("nothing/*.parquet", "no file matches"),
        ("empty", "holds no files"),
        ("x.xlsx", "no format has this suffix"),
        ("README", "no format has this suffix"),
        ("fifo.csv", "not a regular file"),
        ("latin-\udcfc.csv", "its name is not UTF-8"),
        ("mixed", r"mixes formats: csv \(b.csv\) and parquet \(a.parquet\)"),
        ("s3://bucket/a.parquet", "only files of this machine"),
        ("https://example.org/a.parquet", "only files of this machine"),
        ([], "names no files"),
        ("", "path is empty"),
        (42, "can't be made of builtins.int"),
        ([1, 2], "can't be made of builtins.list"),
        (None, "can't be made of"),
    ],
)
def test_what_is_no_batch_is_a_usage_error_with_a_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: object, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for name in ("x.xlsx", "README"):
        text(tmp_path / name, "x")
    os.mkfifo(tmp_path / "fifo.csv")
    text(tmp_path / "latin-\udcfc.csv", "a\n1\n")
    write(tmp_path / "mixed/a.parquet", "SELECT 1 AS a")
    text(tmp_path / "mixed/b.csv", "a\n1\n")
    with pytest.raises(UsageError, match=message) as caught:
        open_batch(source)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_format_can_be_given_for_any_suffix(tmp_path: Path) -> None:
    assert read(text(tmp_path / "data.txt", "a\n1\n"), format="CSV") == ({"a": "BIGINT"}, [(1,)])
    assert read(text(tmp_path / "data.2013", '{"a": 1}\n'), format="ndjson") == ({"a": "BIGINT"}, [(1,)])
    with pytest.raises(UsageError, match="no format 'xml'"):
        open_batch(tmp_path / "data.txt", format="xml")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.json", "a.arrow"])
def test_a_file_without_a_byte_is_unreadable(tmp_path: Path, name: str) -> None:
    with pytest.raises(BatchUnreadable, match="not a single byte"):
        open_batch(text(tmp_path / name, ""))


def test_partition_folders_become_columns_of_the_batch(tmp_path: Path) -> None:
    for month in (1, 2):
        write(tmp_path / f"lake=x/flights/year=2013/month={month}/part.parquet", f"SELECT 10 * {month} AS a")
    expected = {"a": "INTEGER", "year": "BIGINT", "month": "BIGINT"}
    for source in (tmp_path / "lake=x/flights", str(tmp_path / "lake=x/flights/year=*/*/*.parquet")):
        types, rows = read(source)
        assert types == expected
        assert rows == [(10, 2013, 1), (20, 2013, 2)]


def test_a_column_that_files_and_folders_have_is_read_from_the_files(tmp_path: Path) -> None:
    write(tmp_path / "year=2013/a.parquet", "SELECT 1 AS a, 2012 AS year")
    assert read(tmp_path) == ({"a": "INTEGER", "year": "INTEGER"}, [(1, 2012)])
    write(tmp_path / "more/year=2013/day=1/a.parquet", "SELECT 1 AS a, 2012 AS year")
    with pytest.raises(BatchUnreadable, match="and not the others"):
        open_batch(tmp_path / "more")


def test_one_file_of_a_partitioned_folder_is_only_its_own_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "year=2013/part.parquet", "SELECT 1 AS a")
    assert read(path) == ({"a": "INTEGER"}, [(1,)])


def test_a_folder_that_is_partitioned_in_part_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "part.parquet", "SELECT 1 AS a")
    write(tmp_path / "year=2013/part.parquet", "SELECT 1 AS a")
    with pytest.raises(UsageError, match="key=value"):
        open_batch(tmp_path)
