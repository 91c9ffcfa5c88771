"""From a document to dataclasses: a dataclass's type hints are its validation. All faults at once, each with place and hint.

    decode(Profile, read_yaml(path, os.environ)) -> Profile

Fields may carry metadata:

- ``inline``: a dataclass whose keys stand flat among its owner's (``Bounds``: ``min``, ``max``, …);
- ``key``: the key in the document, where it isn't the field's name;
- ``aliases``: other keys that mean the same;
- ``read``: a function ``(node, faults) -> value | BAD`` in place of the type's own reading;
- ``node``: not a key: the field gets the mapping's own node, for its place;
- ``minimum``, ``maximum``, ``nonempty``: limits of a number, and of a list;
- ``doc``: what the key does, for the JSON Schema and the reference;
- ``schema``: the JSON Schema of the key, where the type doesn't say it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar, cast

from sluicegate.checks.values import Instant, Scalar, parse_relative_time
from sluicegate.contract.nodes import Document, Faults, Node
from sluicegate.contract.scalars import scalar_of

__all__ = ["BAD", "Bad", "FieldPlan", "Reader", "decode", "did_you_mean", "plans_of", "read_fields", "read_node", "reader_of"]

T = TypeVar("T")


class Bad:
    """What reading yields where it noted a fault."""

    def __repr__(self) -> str:
        return "BAD"


BAD: Final = Bad()
Reader: TypeAlias = Callable[[Node, Faults], Any]


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One key of a mapping, as a dataclass declares it.

    Attributes:
        name: the field's name.
        key: the key in the document.
        aliases: other keys for it.
        hint: the field's type.
        required: whether the key must be there.
        default: what it is without the key.
        read: how its value is read.
        inner: the plans of an inline dataclass, otherwise empty.
        metadata: the field's own.
    """

    name: str
    key: str
    aliases: tuple[str, ...]
    hint: Any
    required: bool
    default: Any
    read: Reader
    inner: tuple[FieldPlan, ...]
    metadata: Mapping[str, Any]


def decode(cls: type[T], document: Document) -> T:
    """The document as a ``cls``.

    Raises:
        ContractError: with every fault.
    """
    faults = Faults(document.file)
    result = read_node(cls, document.root, faults)
    faults.stop()
    return cast(T, result)


def read_node(hint: Any, node: Node, faults: Faults) -> Any:
    """The node as a value of the type, or BAD with the reasons noted in ``faults``."""
    return BAD if node.broken else reader_of(hint)(node, faults)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known word, or else all of them if they are few; empty if they are many."""
    import difflib

    names = sorted({str(name) for name in known})
    folded = {name.lower(): name for name in reversed(names)}
    near = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 24 else ""  # noqa: PLR2004 - what fits on a line or two


@cache
def plans_of(cls: type) -> tuple[FieldPlan, ...]:
    """The keys that a dataclass reads, in order."""
    hints = typing.get_type_hints(cls)
    return tuple(_plan(item, hints[item.name]) for item in fields(cls) if not item.metadata.get("node"))


def _plan(item: Any, hint: Any) -> FieldPlan:
    inner = plans_of(hint) if item.metadata.get("inline") else ()
    default = item.default if item.default_factory is MISSING else item.default_factory()
    return FieldPlan(
        name=item.name,
        key=item.metadata.get("key", item.name),
        aliases=tuple(item.metadata.get("aliases", ())),
        hint=hint,
        required=default is MISSING and not inner,
        default=default,
        read=item.metadata.get("read") or reader_of(hint),
        inner=inner,
        metadata=item.metadata,
    )


def read_fields(
    cls: type[T],
    node: Node,
    faults: Faults,
    *,
    aliases: Mapping[str, str] | None = None,
    renamed: Mapping[str, str] | None = None,
    others: Iterable[str] = (),
) -> T | Bad:
    """A mapping as a dataclass.

    Args:
        cls: the dataclass.
        node: the mapping.
        faults: takes what is wrong.
        aliases: further keys -> the key that each stands for.
        renamed: a dataclass's key -> the document's, for this mapping only.
        others: keys that somebody else reads; they are known, and passed over here.
    """
    if not isinstance(node.value, dict):
        faults.add(node, f"expected a mapping, not {node.shown}")
        return BAD
    plans = plans_of(cast(Any, cls))
    if renamed:
        plans = tuple(replace(plan, key=renamed.get(plan.key, plan.key)) for plan in plans)
    names = {alias: plan.key for plan in _flat(plans) for alias in (plan.key, *plan.aliases)} | dict(aliases or {})
    passed_over = frozenset(others)
    given: dict[str, tuple[str, Node]] = {}
    good = True
    for key, value in node.value.items():
        if key in passed_over:
            continue
        name = names.get(key)
        if name is None:
            faults.add(
                node.keys.get(key, (node.line, node.column)), f"unknown key {key!r}", did_you_mean(key, {*names, *passed_over})
            )
            good = False
        elif name in given:
            faults.add(node.keys.get(key), f"{key!r} and {given[name][0]!r} say the same thing", "keep one of them")
            good = False
        else:
            given[name] = (key, value)
    values = _values(plans, node, given, faults)
    if not good or values is None:
        return BAD
    return cls(**values, **dict.fromkeys(_node_fields(cast(Any, cls)), node))


@cache
def _node_fields(cls: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(cls) if item.metadata.get("node"))


def _flat(plans: Iterable[FieldPlan]) -> list[FieldPlan]:
    return [leaf for plan in plans for leaf in (_flat(plan.inner) if plan.inner else [plan])]


def _values(
    plans: Iterable[FieldPlan], node: Node, given: Mapping[str, tuple[str, Node]], faults: Faults
) -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    good = True
    for plan in plans:
        if plan.inner:
            inner = _values(plan.inner, node, given, faults)
            good = good and inner is not None
            values[plan.name] = plan.hint(**inner) if inner is not None else None
        elif plan.key in given:
            key, item = given[plan.key]
            named = _Named(faults, key)
            value = BAD if item.broken else _limited(plan, item, plan.read(item, named), named)
            good = good and value is not BAD
            values[plan.name] = value
        elif plan.required:
            faults.add(node, f"the key {plan.key!r} is missing", str(plan.metadata.get("doc", "")))
            good = False
        else:
            values[plan.name] = plan.default
    return values if good else None


def _limited(plan: FieldPlan, node: Node, value: Any, faults: Faults) -> Any:
    least, most = plan.metadata.get("minimum"), plan.metadata.get("maximum")
    if value is BAD or value is None:
        return value
    if least is not None and value < least:
        faults.add(node, f"must be at least {least}, not {node.shown}")
    elif most is not None and value > most:
        faults.add(node, f"must be at most {most}, not {node.shown}")
    elif plan.metadata.get("nonempty") and not value:
        faults.add(node, "must not be empty")
    else:
        return value
    return BAD


class _Named(Faults):
    """Faults of one key: messages that begin with "must" or "has" get its name."""

    def __init__(self, faults: Faults, key: str) -> None:
        super().__init__(faults.file, discreet=faults.discreet)
        self._key = key
        self.found, self.seen = faults.found, faults.seen

    def add(self, place: Node | tuple[int, int] | None, message: str, hint: str = "") -> None:
        verb = message.partition(" ")[0]
        super().add(place, f"{self._key!r} {message}" if verb in {"must", "has"} else message, hint)


@cache
def reader_of(hint: Any) -> Reader:
    """How a value of this type is read.

    Raises:
        TypeError: nothing can read it: a mistake in the dataclass, not in the document.
    """
    if hint in _READERS:
        return _READERS[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return lambda node, faults: _enum(hint, node, faults)
    if is_dataclass(hint):
        return lambda node, faults: read_fields(cast(type, hint), node, faults)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        rest = [item for item in arguments if item is not type(None)]
        if len(rest) == 1 and len(arguments) > 1:
            inner = reader_of(rest[0])
            return lambda node, faults: None if node.value is None else inner(node, faults)
    if origin is tuple and arguments[1:] == (...,):
        return _tuple_reader(arguments[0])
    if origin in {dict, Mapping}:
        return _mapping_reader(arguments[1])
    raise TypeError(f"the decoder can't read {hint!r}")


def _tuple_reader(item_hint: Any) -> Reader:
    read = reader_of(item_hint)

    def read_tuple(node: Node, faults: Faults) -> Any:
        if item_hint is str and isinstance(node.value, str):  # one column, one channel: brackets are not needed
            return BAD if (only := read(node, faults)) is BAD else (only,)
        if not isinstance(node.value, list):
            faults.add(node, f"must be a list, not {node.shown}", "write [a, b], or one '- item' per line")
            return BAD
        items = tuple(BAD if item.broken else read(item, faults) for item in node.value)
        return BAD if BAD in items else items

    return read_tuple


def _mapping_reader(item_hint: Any) -> Reader:
    read = reader_of(item_hint)

    def read_mapping(node: Node, faults: Faults) -> Any:
        if not isinstance(node.value, dict):
            faults.add(node, f"must be a mapping, not {node.shown}")
            return BAD
        items = {key: BAD if item.broken else read(item, _Named(faults, key)) for key, item in node.value.items()}
        return BAD if any(item is BAD for item in items.values()) else items

    return read_mapping


def _expected(what: str, node: Node, faults: Faults, hint: str = "") -> Bad:
    faults.add(node, f"must be {what}, not {node.shown}" if node.value is not None else f"has no value: it must be {what}", hint)
    return BAD


def _text(node: Node, faults: Faults) -> Any:
    if isinstance(node.value, bool):
        return _expected("a text", node, faults, "quote it")
    if not isinstance(node.value, str | int | Decimal | date):
        return _expected("a text", node, faults)
    text = node.text or str(node.value)  # as written: the version 1.10 is not 1.1
    if not text.strip():
        return _expected("a text", Node(None, node.line, node.column), faults)
    if "\x00" in text:
        faults.add(node, "must not contain a zero byte")
        return BAD
    return text


def _filled(node: Node) -> Node:
    """Between braces ``${VAR}`` must be quoted: what is expected to be a number is one all the same, once it is filled in."""
    if not node.filled or not isinstance(node.value, str) or not node.value:
        return node
    try:
        return replace(node, value=scalar_of(node.value))
    except ValueError:
        return node


def _truth(node: Node, faults: Faults) -> Any:
    node = _filled(node)
    if isinstance(node.value, bool):
        return node.value
    word = node.text.lower() if node.plain else ""
    if word in {"yes", "on", "no", "off"}:  # YAML 1.1's spellings, unmistakable where a truth value is expected
        return word in {"yes", "on"}
    return _expected("true or false", node, faults, "remove the quotes" if node.text.lower() in {"true", "false"} else "")


def _whole(node: Node, faults: Faults) -> Any:
    node = _filled(node)
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.value
    return _expected("a whole number", node, faults, "remove the quotes" if node.text.strip("+-").isdigit() else "")


def _decimal(node: Node, faults: Faults) -> Any:
    node = _filled(node)
    if isinstance(node.value, int | Decimal) and not isinstance(node.value, bool) and Decimal(node.value).is_finite():
        return Decimal(node.value)
    quoted = node.text.replace(".", "", 1).strip("+-").isdigit()
    return _expected("a number", node, faults, "remove the quotes" if quoted and isinstance(node.value, str) else "")


def _float(node: Node, faults: Faults) -> Any:
    return BAD if (number := _decimal(node, faults)) is BAD else float(number)


def _scalar(node: Node, faults: Faults) -> Any:
    if node.value is None:
        faults.add(node, "must not contain null: NULL breaks no check", "use not_null to refuse NULLs; quote it if it is a text")
        return BAD
    if isinstance(node.value, dict | list):
        return _expected("a single value", node, faults)
    return node.value


def _instant(node: Node, faults: Faults) -> Any:
    node = _filled(node)
    if isinstance(node.value, bool):
        return _expected("a number, a text, a date or a time", node, faults)
    if isinstance(node.value, Decimal) and not node.value.is_finite():
        return _expected("finite", node, faults, "a side without a bound is left out")
    value = _scalar(node, faults) if node.value is not None else _expected("a number, a text, a date or a time", node, faults)
    return parse_relative_time(value) or value if isinstance(value, str) else value


def _moment(node: Node, faults: Faults) -> Any:
    return node.value if isinstance(node.value, date) else _expected("a date", node, faults, "such as 2013-01-31")


def _path(node: Node, faults: Faults) -> Any:
    return BAD if (text := _text(node, faults)) is BAD else Path(text)


def _enum(cls: type[StrEnum], node: Node, faults: Faults) -> Any:
    word = node.text if not isinstance(node.value, dict | list) else ""
    for member in cls:
        if member.value == word.lower():
            return member
    if not word:
        return _expected(f"one of {', '.join(cls)}", node, faults)
    faults.add(node, f"must be one of {', '.join(cls)}, not {node.shown}", did_you_mean(word, cls) if word.isascii() else "")
    return BAD


_READERS: dict[Any, Reader] = {
    str: _text,
    bool: _truth,
    int: _whole,
    Decimal: _decimal,
    float: _float,
    Path: _path,
    date: _moment,
    datetime: _moment,
    Scalar: _scalar,
    Instant: _instant,
    Node: lambda node, _faults: node,
    Any: lambda node, _faults: node.data(),
    object: lambda node, _faults: node.data(),
}
