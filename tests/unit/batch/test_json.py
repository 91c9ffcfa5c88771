"""JSON: arrays of objects, or one object per line."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluicegate.batch import text_readers
from sluicegate.batch.database import BatchSettings
from sluicegate.batch.source import open_batch
from sluicegate.errors import BatchUnreadable, UsageError
from tests.unit.batch.support import read, text


def json(tmp_path: Path, content: str, **options: Any) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    return read(text(tmp_path / "a.json", content), **options)


@pytest.mark.parametrize(
    "content", ['[{"a": 1, "b": "x"}, {"a": 2}]', '{"a": 1, "b": "x"}\n{"a": 2}\n', '{"a":1,"b":"x"}\n\n{"a":2,"b":null}']
)
def test_arrays_and_lines_read_alike_and_a_missing_key_is_null(tmp_path: Path, content: str) -> None:
    assert json(tmp_path, content) == ({"a": "BIGINT", "b": "VARCHAR"}, [(1, "x"), (2, None)])


def test_text_that_looks_like_a_date_stays_text_unless_it_is_declared(tmp_path: Path) -> None:
    content = '{"d": "2013-01-01", "t": "2013-01-01T05:00:00Z", "u": "b5e0d7f4-63a7-4c5c-8a6b-111111111111"}'
    assert set(json(tmp_path, content)[0].values()) == {"VARCHAR"}
    types, rows = json(tmp_path, content, declared=[("d", "date"), ("t", "timestamp"), ("u", "string")])
    assert types == {"d": "DATE", "t": "TIMESTAMP", "u": "VARCHAR"}
    assert rows[0][:2] == (date(2013, 1, 1), datetime(2013, 1, 1, 5))


def test_a_number_that_no_double_is_keeps_its_column_text_and_its_digits(tmp_path: Path) -> None:
    assert json(tmp_path, '{"a": 9007199254740993}\n{"a": 0.5}') == ({"a": "VARCHAR"}, [("9007199254740993",), ("0.5",)])
    assert json(tmp_path, '{"a": 9007199254740993}\n{"a": 0.5}', declared=[("a", "integer")])[1][0] == ("9007199254740993",)
    assert json(tmp_path, '{"a": 9007199254740992}\n{"a": 0.5}') == ({"a": "DOUBLE"}, [(2.0**53,), (0.5,)])


@pytest.mark.skipif(duckdb.__version__ < "1.5", reason="DuckDB 1.0 reads integers of more than 64 bits as doubles")
def test_an_integer_beyond_64_bits_keeps_its_digits(tmp_path: Path) -> None:
    assert json(tmp_path, '{"a": 12345678901234567890123}') == ({"a": "HUGEINT"}, [(12345678901234567890123,)])


def test_text_inside_of_a_record_stays_text_too(tmp_path: Path) -> None:
    types, rows = json(tmp_path, '{"a": {"date": "2013-01-01"}, "b": [["2013-01-01T05:00:00Z"]], "c": {"d": "12:00:00", "e": 1}}')
    unquoted = {name: native.replace('"', "") for name, native in types.items()}  # versions of DuckDB differ in it
    assert unquoted == {"a": "STRUCT(date VARCHAR)", "b": "VARCHAR[][]", "c": "STRUCT(d VARCHAR, e BIGINT)"}
    assert rows == [({"date": "2013-01-01"}, [["2013-01-01T05:00:00Z"]], {"d": "12:00:00", "e": 1})]


@pytest.mark.parametrize(
    ("values", "declared", "native", "first"),
    [
        ("0.10, 2", "decimal(10,2)", "DECIMAL(10,2)", Decimal("0.10")),
        ("1, 2", "int32", "INTEGER", 1),
        ("1, 2", "double", "DOUBLE", 1.0),
        ("1, 1.5", "integer", "DOUBLE", 1.0),
        ("1, 300", "int8", "BIGINT", 1),
        ('"0.10", "2"', "decimal(10,2)", "DECIMAL(10,2)", Decimal("0.10")),
        ('1, "x"', "integer", "VARCHAR", "1"),
        ('"1", "2"', "integer", "VARCHAR", "1"),
        ("1, 2", "string", "BIGINT", 1),
        ("true, null", "boolean", "BOOLEAN", True),
        ("null, null", "integer", "BIGINT", None),
        ("null, null", None, "VARCHAR", None),
        ("[1], [2, 3]", "list", "BIGINT[]", [1]),
    ],
)
def test_numbers_take_the_declared_type_where_it_loses_nothing(
    tmp_path: Path, values: str, declared: str | None, native: str, first: object
) -> None:
    items = values.split(", ") if not values.startswith("[") else ["[1]", "[2, 3]"]
    content = "\n".join(f'{{"a": {value}}}' for value in items)
    types, rows = json(tmp_path, content, declared=[("a", declared)] if declared else [])
    assert types == {"a": native}
    assert rows[0][0] == first


def test_types_are_those_of_all_records_not_of_a_sample(tmp_path: Path) -> None:
    content = '{"a": 1}\n' * 25_000 + '{"a": 1.5, "late": "x"}\n'
    types, rows = json(tmp_path, content)
    assert types == {"a": "DOUBLE", "late": "VARCHAR"}
    assert rows[-1] == (1.5, "x")


@pytest.mark.parametrize("content", ["[]", "  \n"])
def test_no_records_are_an_empty_batch_of_the_declared_columns(tmp_path: Path, content: str) -> None:
    assert json(tmp_path, content, declared=[("a", "integer")]) == ({"a": "BIGINT"}, [])
    with pytest.raises(BatchUnreadable, match="no columns"):
        json(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1}\n{"a": \n', "the JSON is broken"),
        ('[{"a": 1},]', "the JSON is broken"),
        ('[{"a": 1}', "the JSON is broken"),
        ("[1, 2]", "records with named values"),
        ('{"a": 1}\n[2]\n', "records"),
        ('{"a": 1, "A": 2}', "SQL can't tell apart"),
        ('{"a": 1}\n{"A": 2}\n', "SQL can't tell apart"),
    ],
)
def test_what_is_no_table_is_unreadable_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(BatchUnreadable, match=message) as caught:
        json(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_a_key_that_ends_in_a_number_is_not_mistaken_for_a_repeated_one(tmp_path: Path) -> None:
    assert json(tmp_path, '{"a": 1, "a_1": 2}') == ({"a": "BIGINT", "a_1": "BIGINT"}, [(1, 2)])


def test_json_takes_no_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no JSON option 'header'"):
        open_batch(text(tmp_path / "a.json", "[]"), options={"header": False})


def files(folder: Path, *contents: str) -> Path:
    for number, content in enumerate(contents):
        text(folder / f"f{number:04}.json", content)
    return folder


def test_many_files_are_one_batch_within_the_memory_that_it_may_use(tmp_path: Path) -> None:
    folder = files(tmp_path, *(f'{{"a": {number}}}\n' for number in range(300)))
    settings = BatchSettings(memory_limit="300MB", threads=2)
    assert sorted(read(folder, settings=settings)[1]) == [(number,) for number in range(300)]


@pytest.mark.parametrize("last", ['{"a": 1.5}', '{"a": "x"}', '{"b": 1}', "[]", '{"a": null}', '{"a": [1]}', '{"a": true}'])
def test_types_are_those_of_all_files_however_they_are_grouped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    folder = files(tmp_path, *['{"a": 1}'] * 9, last)
    whole = read(folder)
    monkeypatch.setattr(text_readers, "_GROUP_BYTES", 20)
    assert read(folder) == whole
    monkeypatch.setattr(text_readers, "_FEW_FILES", 100)
    assert read(folder, settings=BatchSettings(memory_limit="2GB")) == whole


@pytest.mark.parametrize("empty", ["[]", " [ ]\n", "\n"])
@pytest.mark.parametrize("count", [1, 8])
def test_a_file_without_a_record_among_others_adds_none(tmp_path: Path, empty: str, count: int) -> None:
    folder = files(tmp_path, empty, *['{"a": 1}'] * count, empty)
    assert read(folder) == ({"a": "BIGINT"}, [(1,)] * count)


def test_many_files_without_a_record_are_an_empty_batch_of_the_declared_columns(tmp_path: Path) -> None:
    assert read(files(tmp_path, *["[]"] * 9), declared=[("a", "integer")]) == ({"a": "BIGINT"}, [])
