"""The job file: one delivery. It names an asset, a contract, or both, and says where from and where to."""

from __future__ import annotations

from sluicegate.contract import documents as d
from sluicegate.contract.decode import Bad, plans_of, read_fields
from sluicegate.contract.dialects.asset import follow_contract
from sluicegate.contract.dialects.native import Parts, build, read_asset_document
from sluicegate.contract.dialects.reading import Reading
from sluicegate.contract.model import Contract
from sluicegate.contract.nodes import Document, Node

__all__ = ["accepts", "read"]

_TELLING = ("asset_path", "tenant_id", "environment", "source", "target")


def accepts(document: Document) -> bool:
    """Whether the document has a job's keys, or a ``data_contract`` that is only a pointer to one."""
    root = document.root
    link = root.get("data_contract") or Node(None)
    if link.get("name") is not None:
        return False
    return link.get("contract_path") is not None or any(root.get(key) is not None for key in _TELLING)


def read(document: Document, reading: Reading) -> Contract:
    """A job file."""
    filled = reading.fill(document, {})
    faults = reading.faults(document.file)
    job = read_fields(d.Job, filled.root, faults)
    if isinstance(job, Bad):
        reading.stop()
        raise AssertionError  # noqa: TRY004 - what is bad has left a fault, which was raised just now
    parts = Parts(job=job, job_at=filled)
    own = job.data_contract.contract_path
    if job.asset_path is not None:
        asset = reading.follow(job.asset_path, filled)
        if asset is None:
            parts.bad = True
        else:
            read_asset_document(asset, parts, reading, job.tenant_id)
    elif own is None:
        faults.add(job.node, "this job names neither an asset nor a contract", "asset_path: asset.yaml")
        parts.bad = True
    theirs = parts.asset.data_contract.contract_path if parts.asset else None
    if own is not None:
        follow_contract(own, filled, parts, reading, tenant=job.tenant_id)
    elif theirs is not None and parts.asset_at:
        follow_contract(theirs, parts.asset_at, parts, reading, tenant=job.tenant_id)
    return build(parts, reading, job.tenant_id)


KEYS = tuple(plan.key for plan in plans_of(d.Job))
"""A job's keys, for hints."""
