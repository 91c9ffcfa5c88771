"""Reading YAML: a plain tree in which everything knows its place, and every fault has one.

The core schema of YAML 1.2 decides what an unquoted scalar is, not PyYAML's 1.1: ``NO`` is a text, ``12:30`` is a text, and
``0.1`` is a decimal tenth. Dates and timestamps are read as such. What two readers would read differently (``007``) is a fault.

The file is read through libyaml's events, never by recursion, so that neither depth nor aliases can exhaust anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluicegate.contract.interpolate import interpolate
from sluicegate.contract.nodes import Document, Faults, Node
from sluicegate.contract.scalars import scalar_of

__all__ = ["parse_yaml", "read_text", "read_yaml"]

MAX_BYTES = 1 << 20
"""A contract is written by people: a larger file is something else."""
MAX_DEPTH = 40
MAX_NODES = 50_000
"""Counted with every alias unfolded."""


def read_yaml(path: str | Path, environ: Mapping[str, str] | None = None, *, discreet: bool = False) -> Document:
    """Read a file.

    Args:
        path: the file.
        environ: fill ``${VAR}`` from these; None leaves them as they stand (see ``interpolate``).
        discreet: the file holds secrets (see ``Faults``).

    Raises:
        ContractError: it can't be read, isn't YAML, or a variable is missing.
    """
    path = Path(path)
    faults = Faults(str(path), discreet=discreet)
    document = Document(path, str(path), text := read_text(path, faults), parse_yaml(text, faults))
    if environ is None:
        return document
    return interpolate(document, environ)


def read_text(path: Path, faults: Faults) -> str:
    """A file's text, checked for what can't be YAML.

    Raises:
        ContractError: there is no such file, or it isn't UTF-8 text of a sensible size.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        text = raw.decode("utf-8-sig", "strict" if len(raw) <= MAX_BYTES else "replace")
    except FileNotFoundError:
        faults.add(None, "there is no such file", _near_files(path))
    except IsADirectoryError:
        faults.add(None, "this is a folder, not a file", "name the YAML file in it")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        place = (before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1)
        faults.add(place, f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        faults.add(None, f"can't be read: {reason or error}")
    else:
        if len(raw) > MAX_BYTES:
            faults.add(None, f"is larger than {MAX_BYTES // 1024} KiB", "is this the batch instead of its contract?")
        elif not text.strip():
            faults.add(None, "is empty", "`sluicegate contract init NAME` writes a first contract")
        faults.stop()
        return text
    faults.stop()
    raise AssertionError  # every way here has added a fault


def _near_files(path: Path) -> str:
    import difflib

    try:
        names = [item.name for item in path.parent.iterdir() if item.suffix in {".yaml", ".yml", ".json"}]
    except (OSError, ValueError):
        return f"nor is there a folder {path.parent}"
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def parse_yaml(text: str, faults: Faults) -> Node:
    """Parse one document.

    Raises:
        ContractError: with every fault of the YAML itself: syntax (the first one only), doubled keys, impossible dates.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        root = _Composer(faults).compose(loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        about = f"{error.context}, {error.problem}" if error.context else str(error.problem)
        about = re.sub(r"'[^']*'", lambda quoted: faults.told(quoted[0]), about)
        faults.add((mark.line + 1, mark.column + 1) if mark else None, f"is not YAML: {about}", _syntax_hint(text, mark))
    except (yaml.YAMLError, ValueError) as error:
        faults.add(_bad_character(text), f"is not YAML: {str(error).splitlines()[0]}", "is this a text file?")
    finally:
        loader.dispose()
    faults.stop()
    return root


def _syntax_hint(text: str, mark: Any) -> str:
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not tabs"
    if re.search(r"[{\[].*[:,\[] *\$\{", line):
        return "quote a variable that stands between braces or brackets"
    if ": " in line.partition(": ")[2]:
        return "a value that contains ': ' needs quotes"
    return "a value that starts with one of * & ! % @ ` { [ needs quotes" if re.search(r"[:-]\s+[*&!%@`{\[]", line) else ""


def _bad_character(text: str) -> tuple[int, int] | None:
    match = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text)
    if match is None:
        return None
    before = text[: match.start()]
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end hasn't come yet; a mapping's items are key, value, key, value."""

    node: Node
    anchor: str | None
    items: list[Node] = field(default_factory=list)


class _Composer:
    """Builds the tree from libyaml's events, on a stack of its own."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._anchors: dict[str, Node] = {}
        self._stack: list[_Open] = []
        self._root: Node | None = None

    def compose(self, loader: Any) -> Node:
        """The root of the only document."""
        from yaml import events

        documents = 0
        while not isinstance(event := loader.get_event(), events.StreamEndEvent):
            place = (event.start_mark.line + 1, event.start_mark.column + 1)
            if isinstance(event, events.ScalarEvent):
                self._add(self._scalar(event, place))
            elif isinstance(event, events.MappingStartEvent | events.SequenceStartEvent):
                self._open(event, place, {} if isinstance(event, events.MappingStartEvent) else [])
            elif isinstance(event, events.MappingEndEvent | events.SequenceEndEvent):
                self._add(self._close())
            elif isinstance(event, events.AliasEvent):
                self._add(self._alias(event.anchor, place))
            elif isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._fatal(place, "a second document begins here", "one contract per file")
        return self._root or Node(None, 1, 1)

    def _fatal(self, place: tuple[int, int], message: str, hint: str = "") -> None:
        self._faults.add(place, message, hint)
        self._faults.stop()

    def _add(self, node: Node) -> None:
        if self._stack:
            self._stack[-1].items.append(node)
        else:
            self._root = node

    def _tag(self, event: Any, place: tuple[int, int], allowed: str) -> bool:
        """Whether the tag asks for a text; all other tags are faults."""
        if event.tag in {None, f"tag:yaml.org,2002:{allowed}"} or event.tag == "!":
            return event.tag is not None
        self._faults.add(place, f"the tag {self._faults.told(event.tag)} is not allowed", "write the plain value")
        return False

    def _scalar(self, event: Any, place: tuple[int, int]) -> Node:
        text: str = event.value
        plain = not event.style and not self._tag(event, place, "str")
        if event.style:
            self._tag(event, place, "str")
        node = Node(text, *place, text=text, plain=plain)
        if plain and "${" not in text:  # what holds a variable is read once that is filled in
            try:
                node.value = scalar_of(text)
            except ValueError as error:
                message, _, hint = str(error).partition(": ")
                message = "is neither a good number nor a date" if self._faults.discreet else message
                self._faults.add(place, message, hint)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str | None, place: tuple[int, int]) -> Node:
        node = self._anchors.get(anchor or "")
        if node is None:
            name = self._faults.told(str(anchor))
            self._fatal(place, f"the alias *{name} has no finished anchor &{name} before it", "quote a text that starts with *")
            raise AssertionError
        return node

    def _open(self, event: Any, place: tuple[int, int], empty: dict[str, Node] | list[Node]) -> None:
        self._tag(event, place, "map" if isinstance(empty, dict) else "seq")
        if len(self._stack) >= MAX_DEPTH:
            self._fatal(place, f"is nested deeper than {MAX_DEPTH} levels")
        self._stack.append(_Open(Node(empty, *place), event.anchor))

    def _close(self) -> Node:
        frame = self._stack.pop()
        node, items = frame.node, frame.items
        node.weight += sum(item.weight for item in items)
        node.depth += max((item.depth for item in items), default=0)
        if node.weight > MAX_NODES or node.depth > MAX_DEPTH:
            self._fatal((node.line, node.column), "unfolds to more than such a file can be", "use fewer aliases")
        if isinstance(node.value, list):
            node.value = items
        else:
            self._fill(node, items)
        if frame.anchor:
            self._anchors[frame.anchor] = node
        return node

    def _fill(self, node: Node, items: list[Node]) -> None:
        merged: list[Node] = []
        for key, value in zip(items[::2], items[1::2], strict=True):
            place = (key.line, key.column)
            if isinstance(key.value, dict | list) or key.value is None:
                self._faults.add(place, f"a key must be a text, not {key.kind}", "quote it")
            elif key.plain and key.text == "<<":
                merged.extend(value.value if isinstance(value.value, list) else [value])
            elif key.text in node.value:
                self._faults.add(place, f"the key {key.text!r} stands twice", f"first in line {node.keys[key.text][0]}")
            else:
                node.value[key.text] = value
                node.keys[key.text] = place
        for other in merged:
            if not isinstance(other.value, dict):
                self._faults.add(other, f"'<<' merges mappings, not {other.kind}")
                continue
            for key_text in other.value.keys() - node.value.keys():
                node.value[key_text] = other.value[key_text]
                node.keys[key_text] = other.keys[key_text]
