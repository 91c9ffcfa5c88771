"""What reading one contract gathers on the way: files, faults, variables. Every dialect uses it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sluicegate.contract.decode import BAD, read_node
from sluicegate.contract.interpolate import interpolate
from sluicegate.contract.nodes import Document, Faults, Node
from sluicegate.contract.yaml_source import read_yaml
from sluicegate.errors import ContractError, Fault

__all__ = ["Reading", "has_top", "inside", "is_remote", "located"]


class Reading:
    """One call of ``load_contract``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.documents: list[Document] = []
        self.warnings: list[Fault] = []
        self._faults: dict[str, Faults] = {}
        self._elsewhere: list[Fault] = []
        self._texts: list[str] = []
        self._variables: dict[str, str] = {}

    def faults(self, file: str) -> Faults:
        """Where the faults of a file are noted."""
        return self._faults.setdefault(file, Faults(file))

    @property
    def by_file(self) -> Mapping[str, Faults]:
        """File -> its faults."""
        return self._faults

    def warn(self, file: str, node: Node | None, message: str, hint: str = "") -> None:
        """Note what is worth saying and no fault."""
        self.warnings.append(Fault(file, node.line if node else 0, node.column if node else 0, message, hint))

    def open(self, path: Path) -> Document:
        """Read a file; its variables are not filled in yet.

        Raises:
            ContractError: it can't be read as YAML.
        """
        document = read_yaml(path)
        self.add(document)
        return document

    def add(self, document: Document) -> None:
        """Note a file as part of the contract."""
        self.documents.append(document)
        self._texts.append(document.text)

    def follow(self, node: Node | None, start: Document) -> Document | None:
        """The document that a path in ``start`` leads to; None, with the fault noted, if there is none."""
        if node is None or node.value is None or node.broken:
            return None
        named = read_node(str, node, self.faults(start.file))
        if named is BAD:
            return None
        path = start.path.parent / named
        try:
            missing = not path.exists()
        except (OSError, ValueError):
            missing = True
        if missing:
            self.faults(start.file).add(
                node, f"there is no file {str(path)!r}", "relative paths start at the folder of this file"
            )
            return None
        if any(path.resolve() == known.path.resolve() for known in self.documents):
            self.faults(start.file).add(
                node, f"{named!r} leads back to where the reading came from", "contracts and assets can't form a ring"
            )
            return None
        try:
            return self.open(path)
        except ContractError as error:
            self._elsewhere.extend(error.faults)
            return None

    def fill(self, document: Document, known: Mapping[str, str]) -> Document:
        """The document with its variables filled in from the environment and what the gate knows by itself."""
        filled = interpolate(document, {**self.environ, **known}, self.faults(document.file))
        self._variables.update(filled.variables)
        return filled

    def stop(self) -> None:
        """Raises:
        ContractError: with every fault of every file, in the order in which they were read.
        """
        found = [fault for faults in self._faults.values() for fault in sorted(faults.found, key=_place)]
        if found or self._elsewhere:
            raise ContractError(tuple(self._veiled(fault) for fault in (*found, *self._elsewhere)))

    def _veiled(self, fault: Fault) -> Fault:
        """The fault without the values of variables: they may be secrets."""
        message, hint = fault.message, fault.hint
        for name, value in self._variables.items():
            if len(value) > 1:
                message, hint = message.replace(value, f"${{{name}}}"), hint.replace(value, f"${{{name}}}")
        return replace(fault, message=message, hint=hint)

    @property
    def sha256(self) -> str:
        """Over all texts, and the values of the variables that were used."""
        digest = hashlib.sha256()
        for part in (*self._texts, *(f"{name}={value}" for name, value in sorted(self._variables.items()))):
            raw = part.encode("utf-8", "surrogateescape")
            digest.update(f"{len(raw)}:".encode() + raw)
        return digest.hexdigest()


def _place(fault: Fault) -> tuple[int, int]:
    return fault.line, fault.column


def has_top(document: Document, top: str) -> bool:
    """Whether the document has this top key, and something below it."""
    node = document.root.get(top)
    return node is not None and node.value is not None


def inside(document: Document, top: str, faults: Faults) -> Node:
    """What stands below the top key. Its keys may also stand beside it, as some write them."""
    root = document.root
    node: Node = root.value[top]
    if not isinstance(node.value, dict):
        return node  # whoever reads it says that it isn't a mapping
    beside = {key: item for key, item in root.value.items() if key != top}
    merged = Node(dict(node.value), node.line, node.column, keys=dict(node.keys))
    for key, item in beside.items():
        if key in merged.value:
            faults.add(root.keys.get(key), f"the key {key!r} stands below {top!r} and beside it", "keep one of them")
        merged.value[key] = item
        merged.keys[key] = root.keys.get(key, (0, 0))
    return merged


def is_remote(location: str) -> bool:
    """Whether it is a URI, which nothing makes absolute."""
    return "://" in location


def located(location: Any, folder: Path) -> Any:
    """A path, or a list of paths, as absolute ones; anything else as it is."""
    if isinstance(location, list):
        return [located(item, folder) for item in location]
    if not isinstance(location, str) or is_remote(location):
        return location
    return os.path.normpath(folder.absolute() / location)
