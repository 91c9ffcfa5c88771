"""Filling ``${VAR}`` and ``${VAR:-default}`` into a document that has been read already.

So a variable's value can never change the structure of a document. An unquoted scalar is read anew once it is filled
(``max: ${LIMIT}`` is a number), a quoted one stays a text. Keys are filled as well. ``$${`` is a literal ``${``. The placeholders ``${table}``,
``${column}``, ``${object}`` and ``${property}``, in exactly this spelling, belong to SQL texts and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sluicegate.contract.nodes import Document, Faults, Node
from sluicegate.contract.scalars import scalar_of
from sluicegate.redact import learn

__all__ = ["PLACEHOLDERS", "fill_text", "interpolate"]

PLACEHOLDERS = frozenset({"table", "column", "object", "property"})
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_ESCAPED = "$${"


def interpolate(document: Document, variables: Mapping[str, str], faults: Faults | None = None) -> Document:
    """The document with its variables filled in, and the ones it used.

    Args:
        document: as ``read_yaml`` gives it without an environment.
        variables: name -> value.
        faults: takes every missing variable and malformed reference; the nodes are then ``broken``.

    Raises:
        ContractError: with all of them, where ``faults`` isn't given.
    """
    if "${" not in document.text:
        return document
    noted = Faults(document.file) if faults is None else faults
    used: dict[str, str] = {}
    root = _filled(document.root, variables, used, noted)
    if faults is None:
        noted.stop()
    return replace(document, root=root, variables=used)


def _filled(node: Node, variables: Mapping[str, str], used: dict[str, str], faults: Faults) -> Node:
    if isinstance(node.value, dict):
        return _filled_mapping(node, variables, used, faults)
    if isinstance(node.value, list):
        return replace(node, value=[_filled(item, variables, used, faults) for item in node.value])
    if "${" not in node.text:
        return node
    before = len(faults.found)
    text = fill_text(node, variables, used, faults)
    if len(faults.found) > before:
        return replace(node, broken=True)
    if not node.plain:
        return replace(node, value=text, text=text, filled=node.text)
    try:
        return replace(node, value=scalar_of(text) if text else text, text=text, filled=node.text)
    except ValueError:
        faults.add(
            node,
            f"once filled in, {faults.told(repr(node.text))} is neither a good number nor a date",
            "quote it if it is a text",
        )
        return replace(node, broken=True)


def _filled_mapping(node: Node, variables: Mapping[str, str], used: dict[str, str], faults: Faults) -> Node:
    """Keys are filled too: SodaCL writes whole checks as keys."""
    value: dict[str, Node] = {}
    keys: dict[str, tuple[int, int]] = {}
    for key, item in node.value.items():
        place = node.keys.get(key, (node.line, node.column))
        name = fill_text(Node(key, *place, text=key), variables, used, faults) if "${" in key else key
        if name in value:
            faults.add(place, f"once filled in, {key!r} is a key that stands twice")
        value[name], keys[name] = _filled(item, variables, used, faults), place
    return replace(node, value=value, keys=keys)


def fill_text(node: Node, variables: Mapping[str, str], used: dict[str, str], faults: Faults) -> str:
    """A scalar's text, filled. Notes each variable in ``used``, and what is wrong in ``faults``."""

    def value_of(match: re.Match[str]) -> str:
        if match[0] == _ESCAPED:
            return "${"
        inside = _INSIDE.fullmatch(match["inside"])
        if not match["end"] or inside is None:
            faults.add(
                node,
                f"{faults.told(repr(match[0]))} is not a variable",
                "write ${NAME} or ${NAME:-default}; a literal '${' is written '$${'",
            )
            return ""
        name, default = inside["name"], inside["default"]
        if name in PLACEHOLDERS:
            return match[0]
        value = variables.get(name) or default
        if value is None:
            state = "empty" if name in variables else "not set"
            faults.add(node, f"the environment variable {name} is {state}", f"set it, or give a default: ${{{name}:-…}}")
            return ""
        used[name] = value
        learn(value, name)
        return value

    return _REFERENCE.sub(value_of, node.text)
