"""The decoder by itself: any dataclass, as the profile of a gate uses it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from sluicegate.checks.model import Bounds
from sluicegate.checks.values import Scalar
from sluicegate.contract.decode import BAD, decode, did_you_mean, reader_of
from sluicegate.contract.nodes import Node
from sluicegate.contract.yaml_source import read_yaml
from sluicegate.errors import ContractError

from .helpers import write


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Inner:
    path: Path
    share: float = 0.5


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    bounds: Bounds = field(metadata={"inline": True})
    here: Node = field(default=Node(None), compare=False, metadata={"node": True})
    colour: Colour = Colour.RED
    flag: bool = False
    count: int | None = field(default=None, metadata={"minimum": 1, "maximum": 9, "aliases": ("number",)})
    exact: Decimal = Decimal(0)
    day: date | None = None
    names: tuple[str, ...] = ()
    values: tuple[Scalar, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)
    renamed: object = field(default=None, metadata={"key": "class"})


def _outer(folder: Path, text: str) -> Outer:
    return decode(Outer, read_yaml(write(folder, text)))


def test_every_kind_of_field_is_read(tmp_path: Path) -> None:
    found = _outer(
        tmp_path,
        """\
        name: 1.10
        inner: {path: a/b, share: 1}
        min: 1
        max_inclusive: false
        max: 2.5
        colour: GREEN
        flag: on
        number: 3
        exact: 0.10
        day: 2013-01-31
        names: one
        values: [1, x, 0.5, true, 2013-01-01]
        limits: {a: 1, b: 2}
        rest: {a: [1, {b: 2013-01-01}]}
        class: [1]
        """,
    )
    assert found == Outer(
        name="1.10",
        inner=Inner(Path("a/b"), 1.0),
        bounds=Bounds(min=1, max=Decimal("2.5"), max_inclusive=False),
        colour=Colour.GREEN,
        flag=True,
        count=3,
        exact=Decimal("0.10"),
        day=date(2013, 1, 31),
        names=("one",),
        values=(1, "x", Decimal("0.5"), True, date(2013, 1, 1)),
        limits={"a": 1, "b": 2},
        rest={"a": [1, {"b": "2013-01-01"}]},
        renamed=[1],
    )
    assert (found.here.line, found.here.column) == (1, 1)


def test_defaults_stand_where_nothing_is_said(tmp_path: Path) -> None:
    assert _outer(tmp_path, "name: x\ninner: {path: y}\ncount: ~\n") == Outer(name="x", inner=Inner(Path("y")), bounds=Bounds())


@pytest.mark.parametrize(
    ("line", "place", "message"),
    [
        ("inner: 5", "2:8", "expected a mapping, not a number ('5')"),
        ("inner: {path: y, share: a}", "2:25", "'share' must be a number, not a text ('a')"),
        ("inner: {path: [y]}", "2:15", "'path' must be a text, not a list"),
        ("colour: 5", "2:9", "'colour' must be one of red, green, not a number ('5')"),
        ("colour: [red]", "2:9", "'colour' must be one of red, green, not a list"),
        ("flag: 1", "2:7", "'flag' must be true or false, not a number ('1')"),
        ("flag: ~", "2:7", "'flag' has no value: it must be true or false"),
        ("count: 0", "2:8", "'count' must be at least 1, not a number ('0')"),
        ("count: 10", "2:8", "'count' must be at most 9, not a number ('10')"),
        ("count: true", "2:8", "'count' must be a whole number, not true or false ('true')"),
        ("exact: .inf", "2:8", "'exact' must be a number, not a number ('.inf')"),
        ("day: monday", "2:6", "'day' must be a date, not a text ('monday')"),
        ("names: 5", "2:8", "'names' must be a list, not a number ('5')"),
        ("names: [a, [b]]", "2:12", "'names' must be a text, not a list"),
        ("values: [{a: 1}]", "2:10", "'values' must be a single value, not a mapping"),
        ("limits: {a: b}", "2:13", "'a' must be a whole number, not a text ('b')"),
        ("limits: [a]", "2:9", "'limits' must be a mapping, not a list"),
        ("rest: 5", "2:7", "'rest' must be a mapping, not a number ('5')"),
        ('name2: "\\0"', "2:1", "unknown key 'name2'"),
    ],
)
def test_a_wrong_value_is_told_with_key_kind_and_place(line: str, place: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        _outer(tmp_path, f"name: x\n{line}\n")
    assert (place, message) in [(f"{fault.line}:{fault.column}", fault.message) for fault in caught.value.faults]


def test_a_zero_byte_is_in_no_text(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="'name' must not contain a zero byte"):
        _outer(tmp_path, 'name: "a\\0b"\ninner: {path: x}\n')


def test_a_type_that_cannot_be_read_is_a_programmers_mistake() -> None:
    with pytest.raises(TypeError, match="the decoder can't read"):
        reader_of(complex)
    with pytest.raises(TypeError, match="the decoder can't read"):
        reader_of(int | str)


def test_hints_name_the_nearest_word_or_all_of_a_few() -> None:
    assert did_you_mean("colum", ("column", "name")) == "did you mean 'column'?"
    assert did_you_mean("COLUMN", ("column",)) == "did you mean 'column'?"
    assert did_you_mean("zzz", ("column", "name")) == "known: column, name"
    assert did_you_mean("zzz", map(str, range(100))) == ""
    assert did_you_mean("zzz", ()) == ""


def test_bad_calls_itself_bad() -> None:
    assert repr(BAD) == "BAD"
