"""Datasets beside the batch: what a contract calls them, where they are, and which of them its checks read."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.checks.model import MetricQuery, Reference
from sluicegate.checks.sqltext import BATCH
from sluicegate.contract.decode import BAD, read_node
from sluicegate.contract.model import Contract, Enforcement
from sluicegate.contract.nodes import Faults, Node

if TYPE_CHECKING:
    from sluicegate.contract.dialects.reading import Reading

__all__ = ["PLAIN_NAME", "locations", "read_references", "references_to_open", "unused_references"]

PLAIN_NAME = r"[A-Za-z][A-Za-z0-9_]{0,62}"
"""What a reference may be called: SodaCL and SQL take it without quotes."""

_PATTERN = re.compile(r"(?:include )?([\w%]*%[\w%]*)")
_OURS = re.compile(r"reference_\d+")


def read_references(node: Node, faults: Faults) -> Any:
    """The key ``references``: name -> file, as written; BAD with the faults noted."""
    found = read_node(Mapping[str, str] | None, node, faults)
    if found is BAD or found is None:
        return found
    seen: dict[str, str] = {}
    before = len(faults.found)
    for name in found:
        place = node.keys.get(name, node)
        folded = name.casefold()
        if not re.fullmatch(PLAIN_NAME, name):
            hint = "letters, digits and '_', a letter first: checks write it into SQL and SodaCL"
            faults.add(place, f"{name!r} can't name a reference", hint)
        elif folded == BATCH or _OURS.fullmatch(folded):
            faults.add(place, f"{name!r} can't name a reference: it is a name of the gate's own", "choose another name")
        elif folded in seen:
            faults.add(place, f"the references {seen[folded]!r} and {name!r} differ by case alone", "SQL knows no case in names")
        seen.setdefault(folded, name)
    return found if len(faults.found) == before else BAD


def locations(
    declared: Mapping[str, str], folder: Path, checks: Collection[ContractCheck], reading: Reading
) -> Mapping[str, str]:
    """Each dataset that the contract knows -> its absolute location; the declared ones first.

    Args:
        declared: the key ``references``.
        folder: of the file that declares them.
        checks: ``reference`` checks may name a file instead, relative to their own file.
        reading: takes the fault of two files that mean two datasets by one name.
    """
    from sluicegate.contract.dialects.reading import is_remote, located  # which read the documents that this module is a part of

    found: dict[str, str] = {name: located(location, folder) for name, location in declared.items()}
    for check in checks:
        if not isinstance(check.promise, Reference) or check.promise.dataset in declared:
            continue
        dataset = check.promise.dataset
        location = dataset if is_remote(dataset) else os.path.normpath(Path(check.file).parent.absolute() / dataset)
        if found.setdefault(dataset, location) != location:
            message = f"{dataset!r} is {found[dataset]!r} in another file, and {location!r} here"
            reading.faults(check.file).add((check.line, check.column), message, "write an absolute path")
    return found


def references_to_open(contract: Contract) -> Mapping[str, str]:
    """The contract's references without those that no check reads, which need not even be there."""
    if contract.enforcement is Enforcement.DISABLED:
        return {}
    unused = unused_references(contract.references, contract.checks)
    return {name: location for name, location in contract.references.items() if name not in unused}


def unused_references(names: Collection[str], checks: Collection[ContractCheck]) -> frozenset[str]:
    """Those of the names that no check reads.

    A name counts as read wherever an author's SQL, SodaCL or arguments have the word, or a pattern such as ``plane%`` for it.
    """
    datasets = {check.promise.dataset for check in checks if isinstance(check.promise, Reference)}
    texts = {text.casefold() for check in checks for text in _texts(check)}
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    patterns = [match[1].replace("%", ".*") for text in texts if (match := _PATTERN.fullmatch(text))]

    def is_read(name: str) -> bool:
        return name in words or any(re.fullmatch(pattern, name) for pattern in patterns)

    return frozenset(name for name in names if name not in datasets and not is_read(name.casefold()))


def _texts(check: ContractCheck) -> Iterator[str]:
    match check.promise:
        case MetricQuery(query=query):
            yield query
        case NativeCheck(engine=engine, body=body) if engine != "python":  # a rule gets the batch alone
            yield from _strings(body)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(key)
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
