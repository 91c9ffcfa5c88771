"""A batch with lines that can't be read is refused as a whole, and all of them are told, without a value of theirs."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.batch.bad_lines import MOST_LINES, shape
from sluicegate.batch.source import open_batch
from sluicegate.errors import BatchUnreadable
from tests.unit.batch.support import read, text

HEADER = "id,name,amount\n"


def bad_lines(path: Path, **options: Any) -> BatchUnreadable:
    with pytest.raises(BatchUnreadable) as caught:
        open_batch(path, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def told(path: Path, **options: Any) -> list[tuple[int, str, str]]:
    error = bad_lines(path, **options)
    assert {line.file for line in error.lines} <= {str(path)}
    return [(line.line, line.reason, line.text) for line in error.lines]


def test_every_bad_line_of_a_csv_file_is_told_with_its_number_and_its_shape(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", HEADER + "1,Ann,1.5\n2,Bob\n3,Cy,1.5,x\n\n4,Zoë,7\n5\n6,Eve,9\n")
    assert told(path) == [
        (3, "the row has 2 columns where the header has 3", "9,xxx"),
        (4, "the row has more than 3 columns where the header has 3", "9,xx,9.9,x"),
        (7, "the row has 1 column where the header has 3", "9"),
    ]
    assert str(bad_lines(path)) == f"{path}, line 3: the row has 2 columns where the header has 3; 3 lines can't be read"


def test_bytes_that_are_no_text_are_told_beside_lines_of_another_length(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", HEADER.encode() + b"1,\xff,2\n2,b\n3,c,\xe9\n4,d,5\n")
    assert [(number, reason) for number, reason, _ in told(path)] == [
        (2, "the text is not UTF-8"),
        (3, "the row has 2 columns where the header has 3"),
        (4, "the text is not UTF-8"),
    ]


def test_a_quote_that_is_never_closed_is_told_where_it_is_opened(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", HEADER + '1,a\n2,"b,3\n4,d,5\n')
    assert [(number, reason) for number, reason, _ in told(path)] == [
        (2, "the row has 2 columns where the header has 3"),
        (3, "a quote is never closed"),
    ]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.zst"])
def test_lines_far_apart_are_told_however_the_file_is_compressed(tmp_path: Path, suffix: str) -> None:
    good = b"1,a,2\n" * 300_000
    data = HEADER.encode() + good + b"1,a\n" + good + b"\xff,b,c\n9\n"
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv.zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(data)
    else:
        path.write_bytes(gzip.compress(data, 1) if suffix == ".csv.gz" else data)
    assert [number for number, _, _ in told(path)] == [300_002, 600_003, 600_004]


def test_the_files_of_a_batch_are_told_apart(tmp_path: Path) -> None:
    for name, line in {"a": "1,2", "b": "1", "c": "1,2,3"}.items():
        text(tmp_path / f"{name}.csv", f"x,y\n0,0\n{line}\n")
    error = bad_lines(tmp_path)
    assert [(Path(line.file).name, line.line) for line in error.lines] == [("b.csv", 3), ("c.csv", 3)]


def test_many_bad_lines_are_told_up_to_a_limit_and_counted_and_always_the_same_ones(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", HEADER + "1,2,3\n" * 10 + "1\n" * (MOST_LINES + 50))
    for _ in range(2):
        error = bad_lines(path)
        assert [line.line for line in error.lines] == [*range(12, 12 + MOST_LINES)]
        assert error.more == 50


def test_a_file_all_of_whose_lines_are_bad_does_not_fill_the_memory(tmp_path: Path) -> None:
    error = bad_lines(text(tmp_path / "a.csv", HEADER + "1\n" * 40_000))
    assert len(error.lines) == MOST_LINES
    assert error.more > 1000


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz"])
def test_every_bad_line_of_json_lines_is_told(tmp_path: Path, suffix: str) -> None:
    data = b'{"a": "Ann"}\n{"a": \n\n[1]\n{"a": "Bob"}\n5\nnope\n{"a": "\xff"}\n'
    path = text(tmp_path / f"a{suffix}", gzip.compress(data) if suffix.endswith("gz") else data)
    assert [(number, reason) for number, reason, _ in told(path)] == [
        (2, "the JSON is broken"),
        (4, "it is no object with named values"),
        (6, "it is no object with named values"),
        (7, "the JSON is broken"),
        (8, "the text is not UTF-8"),
    ]


def test_a_json_array_that_is_broken_has_no_lines_to_tell_of(tmp_path: Path) -> None:
    assert bad_lines(text(tmp_path / "a.json", '[{"a": 1},\n{"a": \n]')).lines == ()


def test_what_is_no_fault_of_a_line_is_told_without_any(tmp_path: Path) -> None:
    assert bad_lines(text(tmp_path / "a.csv", "a,a\n1,2\n")).lines == ()


def test_lines_of_a_file_in_another_encoding_keep_their_numbers_and_its_name(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", (HEADER + "1,Zoë,2\n2,b\n").encode("utf-16"))
    assert told(path, options={"encoding": "utf-16"}) == [(3, "the row has 2 columns where the header has 3", "9,x")]


def test_a_reference_tells_its_lines_too(tmp_path: Path) -> None:
    text(tmp_path / "a.csv", "a\n1\n")
    text(tmp_path / "b.csv", "a,b\n1\n2\n")
    with pytest.raises(BatchUnreadable, match="the reference dataset 'other'") as caught:
        open_batch(tmp_path / "a.csv", references={"other": tmp_path / "b.csv"})
    assert [line.line for line in caught.value.lines] == [2, 3]


@given(st.text(max_size=300))
def test_a_shape_has_no_letter_and_no_digit_of_its_text(line: str) -> None:
    found = shape(line)
    assert len(found) <= 121
    assert {char for char in found if char.isalnum()} <= {"x", "9"}


CELL = st.text("ab\"',;é", max_size=4)


@settings(max_examples=25)
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=30))
def test_the_lines_that_are_told_are_those_of_another_length(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path = text(tmp_path_factory.mktemp("csv") / "a.csv", "x,y\n" + "".join(f"{line}\n" for line in lines))
    wrong = [number for number, row in enumerate(rows, 2) if len(row) != 2]
    if wrong:
        assert [line.line for line in bad_lines(path).lines] == wrong
    else:
        assert len(read(path)[1]) == len(rows)
