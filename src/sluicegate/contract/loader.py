"""``load_contract``: from the path of a contract, an asset or a job to one Contract."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from sluicegate.contract.dialects import dialect_of
from sluicegate.contract.dialects.reading import Reading
from sluicegate.contract.model import Contract
from sluicegate.contract.nodes import Document
from sluicegate.contract.yaml_source import parse_yaml
from sluicegate.redact import learn

__all__ = ["contract_of_text", "load_contract", "read_contract"]


def load_contract(path: str | Path, *, environ: Mapping[str, str] | None = None) -> Contract:
    """Read a contract and all that it names.

    Args:
        path: a contract, asset or job file; its own keys say which.
        environ: what ``${VAR}`` is filled from; the process's environment by default.

    Raises:
        ContractError: with every fault of every file, each with its place.
    """
    return read_contract(Path(path), os.environ if environ is None else environ)[0]


def read_contract(path: Path, environ: Mapping[str, str]) -> tuple[Contract, tuple[Document, ...]]:
    """The same, and every file that it was read from.

    Raises:
        ContractError: as above.
    """
    reading = Reading(environ)
    contract = _read(reading.open(path), reading)
    return contract, tuple(reading.documents)


def contract_of_text(text: str, path: str | Path, *, environ: Mapping[str, str] | None = None) -> Contract:
    """The contract that a text is, as if it were a file: one that was kept with a quarantined batch.

    Args:
        text: the whole document, before its variables were filled.
        path: where the file would be: relative paths in it start at that folder.
        environ: as above.

    Raises:
        ContractError: as above.
    """
    reading = Reading(os.environ if environ is None else environ)
    faults = reading.faults(str(path))
    root = parse_yaml(text, faults)
    faults.stop()
    document = Document(Path(path), str(path), text, root)
    reading.add(document)
    return _read(document, reading)


def _read(document: Document, reading: Reading) -> Contract:
    dialect = dialect_of(document)
    if dialect is None:
        _refuse(document, reading)
    contract = dialect.read(document, reading)
    learn(contract.settings)
    return contract


def _refuse(document: Document, reading: Reading) -> NoReturn:
    faults = reading.faults(document.file)
    root = document.root
    if not isinstance(root.value, dict):
        faults.add(root, f"a contract is a mapping, not {root.shown}", "it begins with 'data_contract:'")
    elif "data_contract" in root.value or "asset" in root.value:
        key = "data_contract" if "data_contract" in root.value else "asset"
        faults.add(root.keys[key], f"{key!r} has nothing below it", "indent its keys")
    elif {"quality_checks", "sla", "violation_handling"} & root.value.keys():
        faults.add(root, "the top key 'data_contract' is missing", "put 'data_contract:' first and indent all the rest below it")
    else:
        from sluicegate.contract.decode import did_you_mean
        from sluicegate.contract.dialects.job import KEYS

        near = [hint for key in root.value if (hint := did_you_mean(key, ("data_contract", "asset", *KEYS))).startswith("did")]
        hint = (
            near[0] if near else "a contract begins with 'data_contract:', an asset with 'asset:', a job names its 'asset_path'"
        )
        faults.add(root, "this is neither a contract nor an asset nor a job", hint)
    reading.stop()
    raise AssertionError
