"""The native contract file (top key ``data_contract``), and how contract, asset and job become one Contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.contract import documents as d
from sluicegate.contract.decode import Bad, plans_of, read_fields
from sluicegate.contract.dialects.reading import Reading, has_top, inside, located
from sluicegate.contract.entries import read_entry
from sluicegate.contract.implied import fields_of, governance_checks, schema_checks, sla_checks
from sluicegate.contract.interpolate import fill_text
from sluicegate.contract.model import Contract, Enforcement, FieldSpec, Notification, QuarantinePolicy, ViolationPolicy
from sluicegate.contract.naming import Draft, with_ids
from sluicegate.contract.nodes import Document, Faults, Node
from sluicegate.contract.references import locations, unused_references
from sluicegate.contract.sections import Suite, custom_checks, gx_checks, soda_checks

__all__ = [
    "TOP",
    "Parts",
    "accepts",
    "build",
    "follow_asset",
    "read",
    "read_asset_document",
    "read_contract_document",
    "same_file",
    "tenant_of",
]

TOP = "data_contract"
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def accepts(document: Document) -> bool:
    """Whether the document has the top key ``data_contract``."""
    return has_top(document, TOP)


@dataclass(slots=True)
class Parts:
    """What a contract is made of. ``bad``: a part is missing because it has faults of its own."""

    asset: d.Asset | None = None
    asset_at: Document | None = None
    contract: d.ContractDocument | None = None
    contract_at: Document | None = None
    job: d.Job | None = None
    job_at: Document | None = None
    bad: bool = False


def read(document: Document, reading: Reading) -> Contract:
    """A contract file that starts a run."""
    parts = Parts(contract_at=document)
    tenant = tenant_of(None, reading)
    follow_asset(document, parts, reading, tenant)
    read_contract_document(document, parts, reading, tenant)
    return build(parts, reading, tenant)


def tenant_of(job: d.Job | None, reading: Reading) -> str:
    """The job's tenant, or the environment's, or ``default``."""
    return job.tenant_id if job else reading.environ.get("TENANT_ID") or "default"


def follow_asset(document: Document, parts: Parts, reading: Reading, tenant: str) -> None:
    """Read the asset that a contract names, before the contract itself: the asset's name is known to its variables."""
    node = (document.root.get(TOP) or Node(None)).get("asset_ref") or document.root.get("asset_ref")
    if node is None or node.value is None:
        return
    probe = Document(document.path, document.file, "${" if "${" in node.text else "", node)
    filled = reading.fill(probe, {"TENANT_ID": tenant}).root
    found = reading.follow(filled, document)
    if found is None:
        parts.bad = True
        return
    read_asset_document(found, parts, reading, tenant)
    link = parts.asset.data_contract if parts.asset else d.AssetLink()
    if link.contract_path is not None and link.contract_path.value is not None:
        other = found.path.parent / link.contract_path.text
        if not same_file(other, document.path):
            message = f"the asset's contract is {link.contract_path.text!r}, not the one that names this asset"
            reading.faults(found.file).add(
                link.contract_path, message, f"start from the asset, or point it at {document.path.name}"
            )


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return one.resolve() == other.resolve()
    except (OSError, ValueError):
        return False


def read_asset_document(document: Document, parts: Parts, reading: Reading, tenant: str) -> None:
    """Read an asset file into the parts."""
    faults = reading.faults(document.file)
    if not has_top(document, "asset"):
        faults.add(document.root, "this is not an asset file", "an asset file has the top key 'asset'")
        parts.bad = True
        return
    filled = reading.fill(document, {"TENANT_ID": tenant})
    asset = read_fields(d.Asset, inside(filled, "asset", faults), faults)
    parts.asset_at = filled
    if isinstance(asset, Bad):
        parts.bad = True
    else:
        parts.asset = asset


def read_contract_document(document: Document, parts: Parts, reading: Reading, tenant: str) -> None:
    """Read a contract file into the parts."""
    faults = reading.faults(document.file)
    if not accepts(document):
        faults.add(document.root, "this is not a contract file", f"a contract file has the top key {TOP!r}")
        parts.bad = True
        return
    own = (document.root.get(TOP) or Node(None)).get("name")
    dataset = parts.asset.name if parts.asset else own.text if own else ""
    filled = reading.fill(document, {"TENANT_ID": tenant, "ASSET_NAME": dataset})
    contract = read_fields(d.ContractDocument, inside(filled, TOP, faults), faults)
    parts.contract_at = filled
    if isinstance(contract, Bad):
        parts.bad = True
        _look_further(inside(filled, TOP, Faults("")), filled, reading)
        return
    parts.contract = contract
    if contract.status is d.Status.SUNSET:
        faults.add(contract.node.get("status"), "this contract is sunset: no batch may be held against it", "use its successor")
    elif contract.status is d.Status.DEPRECATED:
        reading.warn(document.file, contract.node.get("status"), "this contract is deprecated", "move to its successor")


def _look_further(node: Node, at: Document, reading: Reading) -> None:
    """A contract that can't be read as a whole: tell what is wrong with its checks as well."""
    plan = next(plan for plan in plans_of(d.ContractDocument) if plan.key == "schema")
    columns = node.get("schema")
    schema = plan.read(columns, Faults("")) if columns else None
    if isinstance(schema, d.SchemaDocument):
        fields_of(schema, reading.faults(at.file))
    section = node.get("quality_checks")
    quality = read_fields(d.QualityChecks, section, Faults("")) if section else None
    if isinstance(quality, d.QualityChecks):
        with_ids(list(_quality(quality, at, reading)), reading.by_file)


def build(parts: Parts, reading: Reading, tenant: str) -> Contract:
    """The one Contract of all parts.

    Raises:
        ContractError: with everything that is wrong with any of them.
    """
    if parts.bad:
        reading.stop()
    contract, asset, job = parts.contract, parts.asset, parts.job
    at = parts.contract_at or parts.asset_at
    if at is None or (contract is None and asset is None):
        raise AssertionError(parts)  # each dialect has read one of the two
    _refuse_unsafe_tenant(parts, tenant, at, reading)
    checks, fields = _checks(parts, reading)
    governance = asset.governance if asset else d.Governance()
    handling = contract.violation_handling if contract else d.ViolationHandling()
    owner = (contract.owner if contract else None) or governance.owner or ""
    if not owner:
        reading.warn(at.file, contract.node if contract else None, "nobody owns this contract", "owner: team@example.com")
    finished = Contract(
        name=contract.name if contract else asset.name,  # type: ignore[union-attr]
        version=contract.version if contract else (asset and asset.version) or "0",
        owner=owner,
        dataset=asset.name if asset else contract.name,  # type: ignore[union-attr]
        status=contract.status if contract else d.Status.ACTIVE,
        description=(contract.description if contract else "") or (asset.description if asset else ""),
        tenant=tenant,
        environment=job.environment if job else "default",
        fields=fields,
        checks=checks,
        policy=_policy(handling),
        enforcement=_enforcement(parts),
        notification=_notification(handling.notification, at.file),
        quarantine=_quarantine(handling.quarantine, reading),
        allow_empty=bool(contract and contract.quality_checks and contract.quality_checks.allow_empty),
        tags=tuple(dict.fromkeys((*(contract.tags if contract else ()), *governance.tags))),
        classification=_stricter(contract.classification if contract else None, governance.classification),
        documentation_url=contract.documentation_url if contract else None,
        settings=_settings(parts),
        references=_references(parts, checks, reading),
        folder=at.path.absolute().parent,
        files=tuple(document.path for document in reading.documents),
        text=at.text,
        sha256=reading.sha256,
        warnings=tuple(reading.warnings),
    )
    reading.stop()
    return finished


def _refuse_unsafe_tenant(parts: Parts, tenant: str, at: Document, reading: Reading) -> None:
    if not _TENANT.fullmatch(tenant):
        said, place = (parts.job_at, parts.job.node.get("tenant_id")) if parts.job and parts.job_at else (at, None)
        hint = "letters, digits, '.', '_' and '-', a letter or digit first: it becomes part of paths"
        reading.faults(said.file).add(place, f"{tenant!r} can't be a tenant", hint)


def _checks(parts: Parts, reading: Reading) -> tuple[tuple[ContractCheck, ...], tuple[FieldSpec, ...]]:
    drafts: list[Draft] = []
    fields: tuple[FieldSpec, ...] = ()
    contract, asset = parts.contract, parts.asset
    schema, at = (
        (contract.schema, parts.contract_at)
        if contract and contract.schema
        else (asset.schema if asset else None, parts.asset_at)
    )
    if schema and at:
        fields = fields_of(schema, reading.faults(at.file))
        drafts += schema_checks(schema, contract.schema_contract if contract else d.SchemaContract(), at.file)
    if contract and contract.schema and asset and asset.schema and parts.contract_at:
        fields = _with_classes(fields, asset.schema)
        reading.warn(
            parts.contract_at.file,
            contract.node.get("schema"),
            "the asset has a schema too: only this one is held",
            "keep one of them",
        )
    if contract and contract.node.get("schema_contract") and not schema and parts.contract_at:
        reading.warn(parts.contract_at.file, contract.node.get("schema_contract"), "there is no schema for it to be about")
    if contract and contract.sla and parts.contract_at:
        drafts += sla_checks(contract.sla, fields, reading.faults(parts.contract_at.file))
    if asset and parts.asset_at:
        drafts += governance_checks(asset.governance, parts.asset_at.file)
        drafts += _inline(asset.data_contract.inline_checks, reading.faults(parts.asset_at.file))
    if contract and contract.quality_checks and parts.contract_at:
        drafts += _quality(contract.quality_checks, parts.contract_at, reading)
    return with_ids(drafts, reading.by_file), fields


def _stricter(own: str | None, assets: str | None) -> str | None:
    """The contract's classification, unless only the asset's keeps values out of sight."""
    own_masks, assets_mask = (FieldSpec(name="", classification=word).is_classified for word in (own, assets))
    return assets if not own or (assets_mask and not own_masks) else own


def _with_classes(fields: tuple[FieldSpec, ...], assets: d.SchemaDocument) -> tuple[FieldSpec, ...]:
    """A schema that is replaced still says which columns must not be shown."""
    theirs = {item.name: item.classification for item in assets.fields}
    kept = tuple(replace(spec, classification=_stricter(spec.classification, theirs.pop(spec.name, None))) for spec in fields)
    rest = (FieldSpec(name=name, optional=True, classification=word) for name, word in theirs.items())
    return kept + tuple(spec for spec in rest if spec.is_classified)


def _inline(node: Node | None, faults: Faults) -> Iterator[Draft]:
    """A list of checks, or a mapping from a check's type to its keys."""
    if node is None or node.value is None:
        return
    entries = node.value
    if isinstance(entries, dict):
        entries = []
        for key, body in node.value.items():
            several = (
                body.value
                if isinstance(body.value, list) and any(isinstance(item.value, dict) for item in body.value)
                else [body]
            )
            place = node.keys.get(key, (node.line, node.column))
            entries += [Node({key: one}, *place, keys={key: place}) for one in several]
    if not isinstance(entries, list):
        faults.add(node, f"'inline_checks' must be a list, not {node.shown}", "- null_check: {columns: [a, b]}")
        return
    for entry in entries:
        yield from read_entry(entry, faults)


def _quality(quality: d.QualityChecks, at: Document, reading: Reading) -> Iterator[Draft]:
    faults = reading.faults(at.file)
    for node in quality.checks:
        yield from read_entry(node, faults)
    if quality.soda:
        yield from soda_checks(quality.soda, faults)
    if quality.great_expectations:

        def note(suite: Suite) -> None:
            reading.add(Document(suite.path, str(suite.path), suite.text, Node(None)))

        yield from gx_checks(quality.great_expectations, faults, lambda name: at.path.parent / name, note)
    yield from custom_checks(quality.custom, faults)


def _policy(handling: d.ViolationHandling) -> ViolationPolicy:
    return ViolationPolicy(**{plan.name: getattr(handling, plan.name) for plan in plans_of(ViolationPolicy)})


def _notification(given: d.NotificationDocument | None, file: str) -> Notification:
    if given is None:
        return Notification()
    named = [item for key in ("channels", "recipients") if (node := given.node.get(key)) for item in node.walk() if item.text]
    places = {item.text: (file, item.line, item.column) for item in reversed(named)}
    return Notification(channels=given.channels, recipients=given.recipients, places=places)


def _quarantine(given: d.QuarantineDocument | None, reading: Reading) -> QuarantinePolicy:
    if given is None:
        return QuarantinePolicy()
    said = {plan.name: getattr(given, plan.name) for plan in plans_of(QuarantinePolicy) if plan.name != "s3_layout"}
    return QuarantinePolicy(**said, s3_layout=_layout(given, reading))


def _layout(given: d.QuarantineDocument, reading: Reading) -> str | None:
    """The prefix before tenant and dataset were filled in; as it is where they aren't whole levels."""
    node = given.node.get("s3_prefix")
    if node is None or not given.s3_prefix or not node.filled:
        return given.s3_prefix
    variables = {**reading.environ, "TENANT_ID": "{tenant}", "ASSET_NAME": "{dataset}"}
    shape = fill_text(replace(node, text=node.filled), variables, {}, Faults(""))
    levels = shape.split("/")
    whole = all(shape.count(place) == levels.count(place) <= 1 for place in ("{tenant}", "{dataset}"))
    return shape if whole else given.s3_prefix


def _enforcement(parts: Parts) -> Enforcement:
    job = parts.job.data_contract if parts.job else d.JobLink()
    asset = parts.asset.data_contract if parts.asset else d.AssetLink()
    if not (asset.enabled if job.enabled is None else job.enabled):
        return Enforcement.DISABLED
    own = parts.contract.enforcement_mode if parts.contract else None
    return job.enforcement_mode or asset.enforcement_mode or own or Enforcement.STRICT


def _settings(parts: Parts) -> Mapping[str, Any]:
    source: dict[str, Any] = {}
    target: dict[str, Any] = {}
    if parts.asset:
        source |= {key: getattr(parts.asset, key) for key in ("source_type", "object") if getattr(parts.asset, key)}
    for said, at in ((parts.asset, parts.asset_at), (parts.job, parts.job_at)):
        if said and at:
            own = dict(said.source or {})
            if "path" in own:
                own["path"] = located(own["path"], at.path.parent)
            source |= own
            target |= said.target or {}
    return {"source": source, "target": target}


def _references(parts: Parts, checks: tuple[ContractCheck, ...], reading: Reading) -> Mapping[str, str]:
    contract, at = parts.contract, parts.contract_at
    if contract is None or at is None:
        return locations({}, Path(), checks, reading)
    declared = contract.references or {}
    keys = (contract.node.get("references") or Node(None)).keys
    unused = unused_references(declared, checks)
    for name in declared:
        if name in unused:
            place = keys.get(name, (0, 0))
            reading.warn(at.file, Node(None, *place), f"no check reads the reference {name!r}", "it is not opened: remove it")
    return locations(declared, at.path.parent, checks, reading)
