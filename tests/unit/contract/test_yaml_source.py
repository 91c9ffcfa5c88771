"""Reading YAML: what a scalar is, and where it stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from sluicegate.contract.nodes import Faults, Node
from sluicegate.contract.scalars import scalar_of
from sluicegate.contract.yaml_source import parse_yaml, read_yaml


def _parsed(text: str) -> Node:
    return parse_yaml(text, Faults("f"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("12", 12),
        ("+12", 12),
        ("-12", -12),
        ("0", 0),
        ("-0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("12:30:45", "12:30:45"),
        ("0.1", Decimal("0.1")),
        ("0.10", Decimal("0.10")),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        ("1e3", Decimal("1e3")),
        ("1.5E-3", Decimal("0.0015")),
        ("0e999999", Decimal("0e999999")),
        (".inf", Decimal("Infinity")),
        ("-.Inf", Decimal("-Infinity")),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        (".", "."),
        ("2013-01-31", date(2013, 1, 31)),
        ("2013-01-31T10:20", datetime(2013, 1, 31, 10, 20)),
        ("2013-01-31 10:20:30", datetime(2013, 1, 31, 10, 20, 30)),
        ("2013-01-31 1:02:03.5", datetime(2013, 1, 31, 1, 2, 3, 500000)),
        ("2013-01-31t10:20:30Z", datetime(2013, 1, 31, 10, 20, 30, tzinfo=UTC)),
        ("2013-01-31 10:20:30 +2", datetime(2013, 1, 31, 10, 20, 30, tzinfo=timezone(timedelta(hours=2)))),
        ("2013-01-31 10:20:30-05:30", datetime(2013, 1, 31, 10, 20, 30, tzinfo=timezone(-timedelta(hours=5, minutes=30)))),
        ("2013-1-31", "2013-1-31"),
        ("now", "now"),
    ],
)
def test_an_unquoted_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    found = scalar_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["007", "-01", "2013-13-01", "2013-01-31T10:60", "2013-01-31T10:20:30.1234567", "1e400"])
def test_what_readers_would_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r":|number"):
        scalar_of(text)


def test_every_key_and_item_knows_its_line_and_column() -> None:
    root = _parsed("a: 1\nb:\n  - x\n  - {c: ü, d: 2}\n")
    items = root.value["b"]
    assert root.keys == {"a": (1, 1), "b": (2, 1)}
    assert [(item.line, item.column) for item in items.value] == [(3, 5), (4, 5)]
    assert items.value[1].keys == {"c": (4, 6), "d": (4, 12)}
    assert (items.value[1].value["d"].line, items.value[1].value["d"].column) == (4, 15)


def test_quoted_scalars_are_texts() -> None:
    assert _parsed("- \"1\"\n- 'true'\n- !!str 5\n- |-\n  7\n").data() == ["1", "true", "5", "7"]


def test_a_version_keeps_its_zeros() -> None:
    assert _parsed("v: 1.10").value["v"].text == "1.10"


def test_anchors_and_merges_unfold() -> None:
    root = _parsed("base: &b {x: 1, y: 2}\none:\n  <<: *b\n  y: 3\ntwo:\n  <<: [*b, {z: 4}]\n")
    assert root.value["one"].data() == {"y": 3, "x": 1}
    assert root.value["two"].data() == {"x": 1, "y": 2, "z": 4}


def test_a_quoted_merge_sign_is_a_key_like_any_other() -> None:
    assert _parsed('"<<": 1').data() == {"<<": 1}


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert list(_parsed("1: a\ntrue: b\n0.10: c\n").value) == ["1", "true", "0.10"]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path).root.data() == {"a": 1}


def test_dates_inside_native_checks_become_text() -> None:
    assert _parsed("a: [2013-01-01, 2013-01-01T10:00:00Z]").data() == {"a": ["2013-01-01", "2013-01-01T10:00:00+00:00"]}


def test_what_a_node_is_called_in_messages() -> None:
    kinds = [item.kind for item in _parsed("[1, a, true, 2013-01-01, 2013-01-01T10:00, ~, [], {}, 0.5]").value]
    assert kinds == ["a number", "a text", "true or false", "a date", "a timestamp", "nothing", "a list", "a mapping", "a number"]


def test_the_pure_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, {b: 'c'}]\nd: |\n  e\nf: &x g\nh: *x\n"
    whole = _parsed(text).data()

    monkeypatch.setattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert _parsed(text).data() == whole


def test_walking_meets_every_node() -> None:
    assert sum(1 for _ in _parsed("a: [1, {b: c}]").walk()) == 5
