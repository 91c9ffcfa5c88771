from __future__ import annotations

from typing import Any

import pytest

from sluicegate.checks.model import ColumnType, Schema
from sluicegate.checks.schema_diff import schema_faults
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of


def schema(**columns: str) -> BatchSchema:
    return BatchSchema(tuple(Column(name, kind_of(native) or Kind.OTHER, native) for name, native in columns.items()))


ABC = schema(a="INTEGER", b="VARCHAR", c="DECIMAL(10,2)")


@pytest.mark.parametrize(
    ("check", "faults"),
    [
        ({"columns": ("a", "b")}, ()),
        ({"columns": ("b", "a")}, ()),
        ({"columns": ("A", "b", "d")}, ("column 'A' is missing (did you mean 'a'?)", "column 'd' is missing")),
        (
            {"columns": ("a",), "allow_unexpected": False},
            ("column 'b' is not in the contract", "column 'c' is not in the contract"),
        ),
        ({"columns": ("a",), "optional_columns": ("b", "c", "z"), "allow_unexpected": False}, ()),
        ({"columns": ("a", "c"), "ordered": True}, ()),
        ({"columns": ("c", "a"), "ordered": True}, ("the columns stand in another order: a, c instead of c, a",)),
        ({"columns": ("z", "a", "c"), "ordered": True}, ("column 'z' is missing",)),
        ({"columns": ()}, ()),
    ],
)
def test_each_fault_of_the_columns_is_one_sentence(check: dict[str, Any], faults: tuple[str, ...]) -> None:
    assert schema_faults(Schema(**check), ABC) == faults


@pytest.mark.parametrize(
    ("column", "declared", "faults"),
    [
        ("a", "integer", ()),
        ("a", "int32", ()),
        ("a", "bigint", ("column 'a' is INTEGER, not bigint",)),
        ("a", "string", ("column 'a' is INTEGER, not string",)),
        ("c", "decimal(10, 2)", ()),
        ("c", "decimal(12,2)", ("column 'c' is DECIMAL(10,2), not decimal(12,2)",)),
        ("b", "text", ()),
        ("bb", "text", ("column 'bb' is missing (did you mean 'b'?)",)),
        ("b", "strnig", ("column 'b' is VARCHAR; 'strnig' is no type that is known here",)),
    ],
)
def test_a_wrong_type_is_one_sentence(column: str, declared: str, faults: tuple[str, ...]) -> None:
    assert schema_faults(ColumnType(column=column, type=declared), ABC) == faults


@pytest.mark.parametrize(
    ("native", "fitting", "others"),
    [
        (
            "BIGINT[]",
            ["list", "array", "list<int64>", "list<item: int64>", "array<bigint>", "List(Int64)", "bigint[]", "integer[]"],
            ["list<string>", "varchar[]", "list<int32>", "list<list<int64>>", "list<strnig>", "int64"],
        ),
        ("DECIMAL(10,2)[][3]", ["decimal(10,2)[][]", "list<list<decimal>>"], ["decimal(12,2)[][]", "decimal(10,2)[]"]),
        (
            'STRUCT(x BIGINT, "b, c" VARCHAR[])',
            ["struct", "record", 'struct<"b, c": list<string>, x: bigint>', 'STRUCT(x BIGINT, "b, c" TEXT[])'],
            ["struct<x: bigint>", 'struct<x: string, "b, c": list<string>>', 'struct<y: bigint, "b, c": list>', "struct<x>"],
        ),
        ("MAP(VARCHAR, BIGINT)", ["map", "map<string, bigint>", "map(text,integer)"], ["map<string,string>", "map<string>"]),
        ("UTINYINT", ["uint8", "integer"], ["int8", "tinyint", "uint16"]),
        ("TINYINT", ["int8", "byte"], ["uint8"]),
    ],
)
def test_what_is_inside_a_type_must_fit_and_so_must_its_sign(native: str, fitting: list[str], others: list[str]) -> None:
    batch = schema(a=native)
    assert [declared for declared in fitting if schema_faults(ColumnType(column="a", type=declared), batch)] == []
    assert [declared for declared in others if not schema_faults(ColumnType(column="a", type=declared), batch)] == []


def test_a_column_without_a_single_value_fits_every_type() -> None:
    assert schema_faults(ColumnType(column="n", type="date"), schema(n='"NULL"')) == ()
