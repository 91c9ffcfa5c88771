"""CSV: every line is a row or an error; types lose nothing."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluicegate.batch.source import open_batch
from sluicegate.errors import BatchUnreadable, UsageError
from tests.unit.batch.support import read, text


def csv(tmp_path: Path, content: str | bytes, **options: Any) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    return read(text(tmp_path / "a.csv", content), **options)


@pytest.mark.parametrize(
    ("values", "native"),
    [
        (["1", "-2", ""], "BIGINT"),
        (["9223372036854775807", "9223372036854775808"], "HUGEINT"),
        (["1", "2.5"], "DOUBLE"),
        (["1e3", "-0.5"], "DOUBLE"),
        (["true", "False"], "BOOLEAN"),
        (["2013-01-01", "2013-12-31"], "DATE"),
        (["2013-01-01 05:00:00", "2013-01-01T05:00:00.123456"], "TIMESTAMP"),
        (["2013-01-01T05:00:00Z", "2013-01-01 05:00:00+02:00"], "TIMESTAMP WITH TIME ZONE"),
        (["007", "008"], "VARCHAR"),
        (["1", "x"], "VARCHAR"),
        (["1", "1.0.0"], "VARCHAR"),
        (["+1"], "VARCHAR"),
        ([" 1"], "VARCHAR"),
        (["1_000"], "VARCHAR"),
        (["0x1F"], "VARCHAR"),
        (["2013-02-30"], "VARCHAR"),
        (["3.14159265358979323846264338327950288"], "VARCHAR"),
        (["nan", "1.5"], "VARCHAR"),
        (["9007199254740992", "0.5"], "DOUBLE"),
        (["9007199254740993", "0.5"], "VARCHAR"),
        (["0.1234567890123456", "-1.7976931348623157e+308"], "DOUBLE"),
        (["0.123456789012345678"], "VARCHAR"),
        (["1.50000000000000000000"], "DOUBLE"),
        (["1e400"], "VARCHAR"),
        (["", ""], "VARCHAR"),
        (["t", "f"], "VARCHAR"),
        (["2013-01-01", "2013-01-01 05:00:00"], "TIMESTAMP"),
    ],
)
def test_an_undeclared_column_has_the_type_that_all_its_values_survive(tmp_path: Path, values: list[str], native: str) -> None:
    types, rows = csv(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in values))
    assert types["a"] == native
    if native == "VARCHAR":
        assert [row[0] for row in rows] == [value or None for value in values]


def test_a_column_whose_first_rows_are_empty_is_inferred_from_the_others(tmp_path: Path) -> None:
    types, rows = csv(tmp_path, "a,b\n" + ",x\n" * 3_000 + "5,x\n")
    assert types == {"a": "BIGINT", "b": "VARCHAR"}
    assert rows[-1] == (5, "x")


@pytest.mark.slow
def test_a_thousand_columns_are_each_inferred(tmp_path: Path) -> None:
    types, rows = csv(tmp_path, ",".join(f"c{i}" for i in range(1_000)) + "\n" + ",".join(map(str, range(1_000))) + "\n")
    assert set(types.values()) == {"BIGINT"}
    assert rows == [tuple(range(1_000))]


def test_a_late_value_counts_as_much_as_an_early_one(tmp_path: Path) -> None:
    types, rows = csv(tmp_path, "a\n" + "1\n" * 30_000 + "x\n")
    assert types == {"a": "VARCHAR"}
    assert rows[-1] == ("x",)


@pytest.mark.parametrize(
    ("declared", "values", "native", "expected"),
    [
        ("string", ["007", "1"], "VARCHAR", ["007", "1"]),
        ("integer", ["007", " 1 "], "BIGINT", [7, 1]),
        ("int32", ["1"], "INTEGER", [1]),
        ("integer", ["9223372036854775808"], "HUGEINT", [2**63]),
        ("decimal(10,2)", ["0.10", "1"], "DECIMAL(10,2)", [Decimal("0.10"), Decimal("1.00")]),
        ("decimal", ["0.10"], "DECIMAL(38,2)", [Decimal("0.10")]),
        ("decimal", ["0.12345"], "DECIMAL(38,6)", [Decimal("0.123450")]),
        ("double", ["1", "0.1"], "DOUBLE", [1.0, 0.1]),
        ("date", ["2013-01-01"], "DATE", [date(2013, 1, 1)]),
        ("timestamp", ["2013-01-01"], "TIMESTAMP", [datetime(2013, 1, 1)]),
        ("timestamp", ["2013-01-01T05:00:00+02:00"], "TIMESTAMP", [datetime(2013, 1, 1, 3)]),
        ("timestamp", ["2013-01-01T05:00:00", "2013-01-01T05:00:00Z"], "TIMESTAMP", [datetime(2013, 1, 1, 5)] * 2),
        ("boolean", ["true", "0"], "BOOLEAN", [True, False]),
    ],
)
def test_a_declared_column_has_its_declared_type(
    tmp_path: Path, declared: str, values: list[str], native: str, expected: list[object]
) -> None:
    types, rows = csv(tmp_path, "a,b\n" + "".join(f"{value},x\n" for value in values), declared=[("a", declared)])
    assert types["a"] == native
    assert [row[0] for row in rows] == expected


@pytest.mark.parametrize(
    ("declared", "bad"),
    [
        ("integer", "1.5"),
        ("integer", "x"),
        ("int8", "300"),
        ("decimal(10,2)", "1.239"),
        ("decimal(4,2)", "1000"),
        ("date", "2013-01-01 05:00:00"),
        ("date", "01.02.2013"),
        ("timestamp", "yesterday"),
        ("boolean", "maybe"),
        ("time", "25:00:00"),
    ],
)
def test_a_value_that_does_not_fit_keeps_the_column_text_and_is_told_by_its_row(tmp_path: Path, declared: str, bad: str) -> None:
    good = {"date": "2013-01-01", "timestamp": "2013-01-01", "boolean": "true", "time": "05:00:00"}.get(declared, "1")
    path = text(tmp_path / "a.csv", f"a,b\n{good},x\n{bad},y\n{bad},z\n")
    with open_batch(path, declared=[("a", declared)]) as batch:
        assert batch.schema.columns[0].native == "VARCHAR"
        assert batch.rows == 3
        assert batch.notes == (f"column 'a' stays text: the value in row 2, and 1 more can't be read as {declared} without loss",)


def test_a_quoted_empty_field_is_an_empty_text_but_no_number(tmp_path: Path) -> None:
    types, rows = csv(tmp_path, 'a,b,c\n"1","",\n"",,x\n')
    assert types == {"a": "BIGINT", "b": "VARCHAR", "c": "VARCHAR"}
    assert rows == [(1, "", None), (None, None, "x")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_usual_delimiters_are_told_from_the_header(tmp_path: Path, delimiter: str) -> None:
    types, rows = csv(tmp_path, f'a{delimiter}"b,;|"\n1{delimiter}"x{delimiter}y"\n')
    assert types == {"a": "BIGINT", "b,;|": "VARCHAR"}
    assert rows == [(1, f"x{delimiter}y")]


def test_options_say_how_the_file_is_written(tmp_path: Path) -> None:
    options = {"delimiter": ":", "quote": "'", "null_values": ["NA"]}
    assert csv(tmp_path, "a:b\n1:'x:y'\nNA:z\n", options=options)[1] == [(1, "x:y"), (None, "z")]
    assert csv(tmp_path, "1,x\n2,y\n", options={"header": False}) == (
        {"column0": "BIGINT", "column1": "VARCHAR"},
        [(1, "x"), (2, "y")],
    )
    named = csv(tmp_path, "1,x\n", options={"header": False}, declared=[("a", "integer"), ("b", "string")])
    assert named == ({"a": "BIGINT", "b": "VARCHAR"}, [(1, "x")])
    with pytest.raises(UsageError, match="no CSV option 'seperator'"):
        csv(tmp_path, "a\n1\n", options={"seperator": ";"})


@pytest.mark.parametrize(
    "options",
    [{"delimiter": ""}, {"delimiter": ",,"}, {"delimiter": 3}, {"quote": "''"}, {"header": "no"}, {"null_values": "NA"}],
)
def test_an_option_that_can_not_be_is_a_usage_error(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"the CSV option {next(iter(options))}"):
        csv(tmp_path, "a,b\n1,2\n", options=options)


def test_quotes_can_be_turned_off(tmp_path: Path) -> None:
    assert csv(tmp_path, 'a,b\n"1,x"\n', options={"quote": ""})[1] == [('"1', 'x"')]


@pytest.mark.parametrize("declared", ["decimal(40,2)", "decimal(2,5)", "list", "struct", "binary", "whatever"])
def test_a_declared_type_that_csv_can_not_hold_leaves_text(tmp_path: Path, declared: str) -> None:
    assert csv(tmp_path, "a\n1\n", declared=[("a", declared)])[0] == {"a": "VARCHAR"}


def test_quoted_line_breaks_quotes_carriage_returns_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbfa,"b ""c"""\r\n"x\r\ny","q""q"\r\nz,\r\n'
    types, rows = csv(tmp_path, content)
    assert list(types) == ["a", 'b "c"']
    assert rows == [("x\r\ny", 'q"q'), ("z", None)]


def test_a_header_alone_is_an_empty_batch(tmp_path: Path) -> None:
    assert csv(tmp_path, "a,b\n", declared=[("a", "integer")]) == ({"a": "BIGINT", "b": "VARCHAR"}, [])


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst"])
def test_compressed_files_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv.gz":
        path.write_bytes(gzip.compress(b"a;b\n1;x\n"))
    else:
        duckdb.connect().execute(f"COPY (SELECT 1 AS a, 'x' AS b) TO '{path}' (FORMAT csv, DELIMITER ';', COMPRESSION zstd)")
    assert read(path) == ({"a": "BIGINT", "b": "VARCHAR"}, [(1, "x")])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\n1,2,3\n4,5\n", "line 3: the row has 2 columns where the header has 3"),
        ("a,b,c\n1,2,3\n4,5,6,7\n", "line 3: the row has more than 3 columns where the header has 3"),
        ('a,b\n1,"open\n', "line 2: a quote is never closed"),
        (b"a,b\n1,\xff\xfe\n", "line 2: the text is not UTF-8"),
        (b"\xff\xfea\x00,\x00", "line 1: the text is not UTF-8"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,A\n1,2\n", "two columns are called 'a' and 'A'"),
        ("\n1,2\n", "line 1: there is no header"),
    ],
)
def test_what_is_no_csv_is_unreadable_by_line_and_shows_no_data(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(BatchUnreadable, match=message) as caught:
        csv(tmp_path, content)
    assert "\n" not in str(caught.value)
    assert "Original" not in str(caught.value)


@pytest.mark.parametrize("extension", ["csv.gz", "csv.zst", "json.gz", "json.zst"])
def test_a_compressed_file_that_is_cut_off_is_unreadable_wherever_the_cut_is(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    kind, compression = extension.split(".")
    duckdb.connect().execute(
        f"COPY (SELECT i AS a, md5(i::VARCHAR) AS b FROM range(200000) r(i)) TO '{path}' "
        f"(FORMAT {kind}, COMPRESSION {'gzip' if compression == 'gz' else 'zstd'})"
    )
    with open_batch(path) as batch:
        assert batch.rows == 200_000
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) - 5, len(whole) // 2, 300, 5, 3):
        with pytest.raises(BatchUnreadable, match="broken or cut off"):
            open_batch(text(path, whole[:length]))


def test_a_broken_compressed_file_is_unreadable(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv.gz", b"no gzip"),
        ("b.csv.gz", gzip.compress(b"a\n" + b"1\n" * 99_999)[:-90]),
        ("c.csv.zst", b"no zstd"),
    ):
        with pytest.raises(BatchUnreadable) as caught:
            open_batch(text(tmp_path / name, content))
        assert "\n" not in str(caught.value)


def test_files_of_one_batch_must_have_one_header(tmp_path: Path) -> None:
    text(tmp_path / "a.csv", "a,b\n1,2\n")
    text(tmp_path / "b.csv", "a,b\n3,4\n")
    assert read(tmp_path)[1] == [(1, 2), (3, 4)]
    text(tmp_path / "b.csv", "b,a\n3,4\n")
    with pytest.raises(BatchUnreadable, match=r"b\.csv has other columns than .*a\.csv"):
        open_batch(tmp_path)


def test_no_row_is_lost_between_many_lines(tmp_path: Path) -> None:
    count = 300_000
    path = text(tmp_path / "a.csv", "a,b\n" + "".join(f"{i},v{i}\n" for i in range(count)))
    with open_batch(path) as batch:
        found = batch.view().connect().execute("SELECT count(*), sum(a), count(DISTINCT b) FROM batch").fetchone()
        in_order = (
            batch.view().connect().execute("SELECT bool_and(a = row - 1) FROM (SELECT a, row_number() OVER () AS row FROM batch)")
        )
        assert (batch.rows, found) == (count, (count, count * (count - 1) // 2, count))
        assert in_order.fetchone() == (True,)
