"""A document that has been read: a tree in which everything knows its place, and the faults that were found in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from sluicegate.errors import ContractError, Fault

__all__ = ["Document", "Faults", "Node"]


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place.

    Attributes:
        value: a scalar, a list of nodes, or a dict of nodes.
        line, column: where it begins, from 1; 0 where it comes from no place in particular.
        text: a scalar as it is written, so that the version ``1.10`` stays itself.
        keys: of a mapping: where each key is written.
        plain: a scalar without quotes: what it is depends on how it looks.
        filled: a scalar that variables were filled into: what it was before. Values of variables never reach a message.
        broken: a variable in it is missing, which is a fault already: nobody need complain of its value.
        weight, depth: how many nodes it has and how deep they go, aliases unfolded.
    """

    value: Any
    line: int = 0
    column: int = 0
    text: str = ""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    plain: bool = False
    filled: str = ""
    broken: bool = False
    weight: int = 1
    depth: int = 1

    @property
    def kind(self) -> str:
        """What a person calls it."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        names: dict[type, str] = {bool: "true or false", int: "a number", Decimal: "a number", str: "a text", date: "a date"}
        return "nothing" if self.value is None else names.get(type(self.value), "a timestamp")

    @property
    def shown(self) -> str:
        """The node as a message may show it."""
        if isinstance(self.value, dict | list) or self.value is None:
            return self.kind
        text = self.filled or self.text or str(self.value)
        return f"{self.kind} ({text[:40]!r}{'…' if len(text) > len(text[:40]) else ''})"

    def get(self, key: str) -> Node | None:
        """A mapping's value; None where there is none, or no mapping."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def data(self) -> Any:
        """The value alone: dicts, lists and scalars, with dates as ISO 8601 text."""
        if isinstance(self.value, dict):
            return {key: item.data() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.data() for item in self.value]
        return self.value.isoformat() if isinstance(self.value, date) else self.value

    def walk(self) -> Iterator[Node]:
        """Itself and every node below."""
        yield self
        below = self.value.values() if isinstance(self.value, dict) else self.value if isinstance(self.value, list) else ()
        for item in below:
            yield from item.walk()


class Faults:
    """Collects what is wrong with one file.

    Args:
        file: its name in messages.
        discreet: the file holds secrets: what stands in it, apart from its keys, must not stand in a message.
    """

    def __init__(self, file: str, *, discreet: bool = False) -> None:
        self.file = file
        self.discreet = discreet
        self.found: list[Fault] = []
        self.seen: set[Fault] = set()

    def add(self, place: Node | tuple[int, int] | None, message: str, hint: str = "") -> None:
        """Note a fault at a node, at (line, column), or at the file as a whole."""
        line, column = place if isinstance(place, tuple) else (place.line, place.column) if place else (0, 0)
        fault = Fault(self.file, line, column, message, hint)
        if fault not in self.seen:
            self.seen.add(fault)
            self.found.append(fault)

    def told(self, text: str) -> str:
        """A piece of the file as a message may have it."""
        return "…" if self.discreet else text

    def stop(self) -> None:
        """Raises:
        ContractError: if there is any fault.
        """
        if self.found:
            raise ContractError(tuple(sorted(self.found, key=lambda fault: (fault.line, fault.column))))


@dataclass(frozen=True, slots=True)
class Document:
    """One file, read.

    Attributes:
        path: where it is; relative paths inside it start at its folder.
        file: its name in messages.
        text: as it is on disk.
        root: what it says.
        variables: the variables that were filled in, with their values.
    """

    path: Path
    file: str
    text: str
    root: Node
    variables: Mapping[str, str] = field(default_factory=dict)
