"""The tables of ``docs/contract-reference.md``, from the dataclasses that read contracts.

``python -m sluicegate.contract.reference_page docs/contract-reference.md`` rewrites what stands between the page's marks.
"""

from __future__ import annotations

import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Tolerance
from sluicegate.checks.values import Instant, Scalar
from sluicegate.contract import documents as d
from sluicegate.contract.decode import FieldPlan, plans_of
from sluicegate.contract.entries import ENGINE_ALIASES, KEY_ALIASES, RENAMED, TYPE_ALIASES, EntryOptions
from sluicegate.contract.nodes import Node

__all__ = ["main", "rewritten"]

_MARK = re.compile(r"<!-- generated: (?P<what>[\w ]+) -->\n.*?<!-- end -->", re.DOTALL)
_NAMES: dict[Any, str] = {
    str: "text", bool: "true/false", int: "whole number", Decimal: "number", Scalar: "value", Any: "any", Node: "list",
    Instant: "number, text, date, timestamp or relative time", Tolerance: "rows or percent",
}  # fmt: skip
_ITEMS = {
    "text": "text",
    "entry": "list of checks",
    "soda_entry": "list",
    "gx_entry": "list of expectations",
    "inline": "list of checks",
}


def rewritten(page: str) -> str:
    """The page with every generated part as it must be now.

    Raises:
        KeyError: a mark names nothing that can be generated.
    """
    parts = {
        "contract": lambda: _document(d.ContractDocument),
        "asset": lambda: _document(d.Asset),
        "job": lambda: _document(d.Job),
        "options": lambda: _table(EntryOptions),
        "checks": _checks,
        "engines": _engines,
    }
    return _MARK.sub(lambda match: f"<!-- generated: {match['what']} -->\n\n{parts[match['what']]()}\n<!-- end -->", page)


def _document(cls: type) -> str:
    """A table for the document, and one for each mapping inside it."""
    return "\n".join(f"{heading}{_table(part)}" for part, heading in _sections(cls, "", set()))


def _sections(cls: type, path: str, seen: set[type]) -> Iterator[tuple[type, str]]:
    seen.add(cls)
    about = (cls.__doc__ or "").splitlines()[0]
    yield cls, f"### `{path}`\n\n{about}\n\n" if path else f"{about}\n\n"
    for plan in plans_of(cls):
        inner, several = _inner(plan.hint)
        if inner is d.SchemaDocument:
            inner, several = d.FieldDocument, True
        if inner and inner not in seen:
            yield from _sections(inner, f"{path}.{plan.key}".lstrip(".") + ("[]" if several else ""), seen)


def _inner(hint: Any) -> tuple[type | None, bool]:
    for item in (hint, *typing.get_args(hint)):
        if is_dataclass(item) and item is not Node and item is not Tolerance:
            return typing.cast(type, item), typing.get_origin(hint) is tuple
    return None, False


def _table(cls: Any) -> str:
    rows = ["| key | value | without it | what the gate does with it |", "|---|---|---|---|"]
    rows += [f"| `{plan.key}` | {_kind(plan)} | {_default(plan)} | {plan.metadata.get('doc', '')} |" for plan in plans_of(cls)]
    return "\n".join(rows) + "\n"


def _kind(plan: FieldPlan) -> str:
    if plan.metadata.get("item"):
        return _ITEMS[plan.metadata["item"]]
    return _type(plan.hint)


def _type(hint: Any) -> str:
    if hint in _NAMES:
        return _NAMES[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{member.value}`" for member in hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return _type(next(item for item in arguments if item is not type(None)))
    if origin is tuple:
        return f"list of {_type(arguments[0])}s" if arguments[0] in _NAMES else "list of mappings"
    if hint is d.SchemaDocument:
        return "list of columns"
    return "mapping" if origin in {dict, Mapping} or is_dataclass(hint) else str(hint)


def _default(plan: FieldPlan) -> str:
    if plan.required:
        return "**needed**"
    value = plan.default
    if value is None or value in ("", ()) or is_dataclass(value):
        return "-"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _checks() -> str:
    rows = ["| type | keys (*needed*) | what it promises |", "|---|---|---|"]
    for name, cls in m.CANONICAL_TYPES.items():
        words = ", ".join(f"`{word}`" for word in TYPE_ALIASES.get(name, ()))
        about = " ".join((cls.__doc__ or "").replace("``", "`").split())
        about += f" *{'Row-level' if cls.row_level else 'Dataset-level'}, {cls.dimension}.*"
        rows.append(f"| **`{name}`**<br>also {words} | {'<br>'.join(_keys(name))} | {about} |".replace("||", "|"))
    return "\n".join(rows) + "\n"


def _keys(name: str) -> Iterator[str]:
    renamed, aliases = RENAMED.get(name, {}), KEY_ALIASES.get(name, {})
    for plan in _leaves(plans_of(typing.cast(Any, m.CANONICAL_TYPES[name]))):
        key = renamed.get(plan.key, plan.key)
        others = [alias for alias, real in aliases.items() if real == key]
        also = f" (also {', '.join(f'`{one}`' for one in others)})" if others else ""
        needed = plan.required and plan.key != "reference_columns"
        default = "" if plan.required or plan.default in (None, ()) else f" = {_default(plan)}"
        yield f"{f'*`{key}`*' if needed else f'`{key}`'}{also}: {_type(plan.hint)}{default}".replace("|", "\\|")


def _leaves(plans: tuple[FieldPlan, ...]) -> list[FieldPlan]:
    return [leaf for plan in plans for leaf in (_leaves(plan.inner) if plan.inner else [plan])]


def _engines() -> str:
    rows = ["| engine | also called |", "|---|---|"]
    names = dict.fromkeys(("duckdb", *ENGINE_ALIASES.values()))
    for name in names:
        also = ", ".join(f"`{alias}`" for alias, real in ENGINE_ALIASES.items() if real == name)
        rows.append(f"| `{name}` | {also or '-'} |")
    return "\n".join(rows) + "\n"


def main(arguments: list[str]) -> None:
    """Rewrite the pages named."""
    for name in arguments:
        page = Path(name)
        page.write_text(rewritten(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
