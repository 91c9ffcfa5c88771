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


def test_a_column_without_a_single_value_fits_every_type() -> None:
    assert schema_faults(ColumnType(column="n", type="date"), schema(n='"NULL"')) == ()
