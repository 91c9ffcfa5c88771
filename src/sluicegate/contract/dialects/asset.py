"""The asset file (top key ``asset``): a dataset, its schema, and the contract that it points to."""

from __future__ import annotations

from sluicegate.contract.dialects.native import (
    Parts,
    build,
    follow_asset,
    read_asset_document,
    read_contract_document,
    same_file,
    tenant_of,
)
from sluicegate.contract.dialects.reading import Reading, has_top
from sluicegate.contract.model import Contract
from sluicegate.contract.nodes import Document, Node

__all__ = ["accepts", "follow_contract", "read"]


def accepts(document: Document) -> bool:
    """Whether the document has the top key ``asset``."""
    return has_top(document, "asset")


def read(document: Document, reading: Reading) -> Contract:
    """An asset file that starts a run."""
    parts = Parts()
    tenant = tenant_of(None, reading)
    read_asset_document(document, parts, reading, tenant)
    if parts.asset and parts.asset_at:
        follow_contract(parts.asset.data_contract.contract_path, parts.asset_at, parts, reading, tenant=tenant)
    return build(parts, reading, tenant)


def follow_contract(node: Node | None, start: Document, parts: Parts, reading: Reading, *, tenant: str) -> None:
    """Read the contract that an asset or a job points to. It may point back to this asset, and to no other."""
    found = reading.follow(node, start)
    if found is None:
        parts.bad = parts.bad or (node is not None and node.value is not None)
        return
    given = parts.asset_at
    if given is None:
        follow_asset(found, parts, reading, tenant)
    read_contract_document(found, parts, reading, tenant)
    back = parts.contract.asset_ref if parts.contract else None
    if given is None or back is None or back.value is None:
        return
    if not same_file(found.path.parent / back.text, given.path):
        message = f"the contract is about the asset {back.text!r}, not about {given.path.name!r}, which points to it"
        reading.faults(found.file).add(back, message)
