"""Names and IDs of a contract's checks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.model import CanonicalCheck
from sluicegate.contract.nodes import Faults

__all__ = ["Draft", "implied_name", "slug", "with_ids"]

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Draft:
    """A check before it has its ID; ``named`` if its author named it."""

    check: ContractCheck
    named: bool = False


def implied_name(promise: CanonicalCheck | NativeCheck | Untestable) -> str:
    """What a check is called whose author gave it no name: ``range(dep_delay)``."""
    if isinstance(promise, Untestable):
        return promise.key
    if isinstance(promise, NativeCheck):
        return _native_name(promise)
    about = [str(getattr(promise, key)) for key in ("metric", "left", "operator", "column") if getattr(promise, key, None)]
    about += [] if promise.type_name == "schema" else list(getattr(promise, "columns", ()))
    about += [str(getattr(promise, key)) for key in ("right", "expression", "query") if getattr(promise, key, None)]
    name = str(getattr(promise, "function", promise.type_name))
    inside = " ".join(", ".join(about).split()) if promise.type_name != "column_comparison" else " ".join(about)
    return f"{name}({_short(inside)})" if about else name


def _native_name(promise: NativeCheck) -> str:
    if promise.engine != "great_expectations":
        return _short(promise.kind)
    names = (promise.body.get(key) for key in ("column", "column_A", "column_B", "column_list", "column_set"))
    flat = [part for name in names if name for part in (name if isinstance(name, list) else [name])]
    return f"{promise.kind}({_short(', '.join(map(str, flat)))})" if flat else promise.kind


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def slug(name: str) -> str:
    """A name as an ID: lower case, ASCII, no spaces.

    >>> slug("range(dep_delay)"), slug("Größe") == slug("Groesse")
    ('range_dep_delay', False)
    """
    plain = re.sub(r"[^a-z0-9._-]+", "_", name.lower()).strip("_.-")
    if plain and name.isascii() and len(plain) <= _LONGEST:
        return plain
    return f"{plain[:_LONGEST] or 'check'}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:6]}"


def with_ids(drafts: list[Draft], faults: Mapping[str, Faults]) -> tuple[ContractCheck, ...]:
    """The checks with an ID each. Names that authors gave go first; two of the same are a fault.

    Args:
        drafts: in the contract's order.
        faults: file -> where to note its faults.
    """
    first: dict[str, ContractCheck] = {}
    taken: set[str] = set()
    ids: dict[int, str] = {}
    for index, draft in sorted(enumerate(drafts), key=lambda pair: not pair[1].named):
        check = draft.check
        if draft.named and check.name in first:
            other = first[check.name]
            faults[check.file].add(
                (check.line, check.column), f"two checks are called {check.name!r}", f"the other is in line {other.line}"
            )
        first.setdefault(check.name, check)
        base = candidate = slug(check.name)
        count = 1
        while candidate in taken:
            count += 1
            candidate = f"{base}_{count}"
        taken.add(candidate)
        ids[index] = candidate
    return tuple(replace(draft.check, id=ids[index]) for index, draft in enumerate(drafts))
