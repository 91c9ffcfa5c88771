"""Contracts from text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.contract.loader import load_contract
from sluicegate.contract.model import Contract

HEAD = "data_contract:\n  name: orders\n  version: 1.0.0\n  owner: me\n"


def write(folder: Path, text: str, name: str = "contract.yaml") -> Path:
    """A file, its text dedented."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def contract_of(folder: Path, body: str, environ: Mapping[str, str] | None = None) -> Contract:
    """A contract whose keys below the head are ``body``."""
    return load_contract(write(folder, HEAD + textwrap.indent(textwrap.dedent(body), "  ")), environ=environ or {})


def checks_of(folder: Path, entries: str, section: str = "checks") -> tuple[ContractCheck, ...]:
    """The checks of a list of entries in ``quality_checks``."""
    return contract_of(folder, f"quality_checks:\n  {section}:\n" + textwrap.indent(textwrap.dedent(entries), "    ")).checks


def check_of(folder: Path, entry: str) -> ContractCheck:
    """The only check of one entry."""
    (check,) = checks_of(folder, f"- {entry}\n")
    return check
