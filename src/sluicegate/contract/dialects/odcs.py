"""The door of ODCS: documents are recognised, and refused with a clear word until their own issue."""

from __future__ import annotations

from typing import NoReturn

from sluicegate.contract.dialects.reading import Reading
from sluicegate.contract.nodes import Document

__all__ = ["accepts", "read"]


def accepts(document: Document) -> bool:
    """Whether it says ``apiVersion`` and ``kind: DataContract``."""
    kind = document.root.get("kind")
    return document.root.get("apiVersion") is not None or (kind is not None and kind.text == "DataContract")


def read(document: Document, reading: Reading) -> NoReturn:
    """Refuses.

    Raises:
        ContractError: always.
    """
    version = document.root.get("apiVersion")
    name = f"ODCS {version.text}" if version and version.text else "ODCS"
    faults = reading.faults(document.file)
    faults.add(
        version or document.root,
        f"this is an {name} contract, which is not yet read",
        "write it in the native format, with the top key 'data_contract'",
    )
    reading.stop()
    raise AssertionError
