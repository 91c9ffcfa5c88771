"""The native format's three documents, key by key: contract, asset, job.

These dataclasses are the format: the decoder reads by them, and the JSON Schema and the reference page are generated from
them. ``doc`` says what the gate does with a key.
"""

# ruff: noqa: RUF009 - the defaults of frozen values are values

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sluicegate.checks.contract_check import Severity, Tolerance
from sluicegate.contract.decode import BAD, read_node
from sluicegate.contract.model import Action, Enforcement
from sluicegate.contract.nodes import Faults, Node
from sluicegate.contract.references import PLAIN_NAME, read_references
from sluicegate.contract.tolerances import read_tolerance

__all__ = [
    "Asset",
    "AssetLink",
    "Availability",
    "ContractDocument",
    "CustomRule",
    "FieldDocument",
    "FreshnessSla",
    "Governance",
    "GxSection",
    "Job",
    "JobLink",
    "NotificationDocument",
    "QualityChecks",
    "QuarantineDocument",
    "SchemaContract",
    "SchemaDocument",
    "Scope",
    "Sla",
    "SodaSection",
    "Status",
    "ViolationHandling",
    "VolumeSla",
]


def _node() -> Any:
    return field(default=Node(None), compare=False, repr=False, metadata={"node": True})


def _key(doc: str, *, default: Any = None, **metadata: Any) -> Any:
    if default is ...:
        return field(metadata={"doc": doc, **metadata})
    return field(default=default, metadata={"doc": doc, **metadata})


class Scope(StrEnum):
    """What is quarantined."""

    BATCH = "batch"
    ROWS = "rows"


def _limit(node: Node, faults: Faults) -> Any:
    return None if node.value is None else read_tolerance(node, faults)


class Status(StrEnum):
    """Where a contract is in its life."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"
    SUNSET = "sunset"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FieldDocument:
    """One column of the schema."""

    node: Node = _node()
    name: str = _key("The column's name, exactly. The batch must have it, unless it is `optional`.", default=...)
    type: str | None = _key(
        "Its type, in SQL's, Arrow's or plain words: `integer`, `decimal(10,2)`, `timestamp_tz`, `int32`. → `column_type`"
    )
    required: bool | None = _key("It is never NULL. → `not_null`")
    nullable: bool | None = _key("The opposite of `required`, for those who think that way round.")
    unique: bool = _key("No value stands twice. → `unique`", default=False)
    primary_key: bool = _key(
        "Part of the primary key: never NULL, and all such columns together are one key. → `unique`", default=False
    )
    optional: bool = _key("The column may be absent altogether.", default=False)
    classification: str | None = _key(
        "`pii`, `phi`, `pci`, `restricted`, `confidential`, `sensitive` or `secret`: its values are never shown unmasked."
    )
    description: str = _key("For people.", default="")


def _schema(node: Node, faults: Faults) -> Any:
    if isinstance(node.value, list):
        fields = read_node(tuple[FieldDocument, ...], node, faults)
        if not fields:
            faults.add(node, "must not be empty", "leave 'schema' out if there is none")
            return BAD
        return BAD if fields is BAD else SchemaDocument(fields=fields)
    return read_node(SchemaDocument, node, faults)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SchemaDocument:
    """The columns: a list of fields, or a mapping with `fields`."""

    fields: tuple[FieldDocument, ...] = _key("The columns.", default=..., aliases=("columns",), nonempty=True)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SchemaContract:
    """How far the batch may depart from the schema."""

    strict_mode: bool = _key("Columns that the schema doesn't name violate it.", default=False)
    allow_nullable_expansion: bool = _key("NULLs in a `required` column warn instead of failing.", default=False)
    allow_type_changes: bool = _key("Another type than the declared one warns instead of failing.", default=False)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class FreshnessSla:
    """How old the newest row may be."""

    node: Node = _node()
    max_age_hours: Decimal = _key(
        "The newest value of `column` is at most this many hours old. → `freshness`", default=..., minimum=0
    )
    column: str | None = _key("The date or timestamp column; needless where the schema has exactly one.")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class VolumeSla:
    """How much must arrive."""

    node: Node = _node()
    min_records_per_day: int = _key(
        "At least so many rows in 24 hours, this batch and what was committed before. → `row_count`", default=..., minimum=0
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Availability:
    """How often the dataset can be read."""

    node: Node = _node()
    uptime_percentage: Decimal = _key(
        "No batch shows it: `skipped` in every run, with the reason.", default=..., minimum=0, maximum=100
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Sla:
    """What the dataset's consumers can count on. Violations answer to `on_sla_violation`."""

    freshness: FreshnessSla | None = _key("How old the newest row may be.")
    completeness: VolumeSla | None = _key("How much must arrive.")
    availability: Availability | None = _key("How often the dataset can be read.")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SodaSection:
    """Checks for Soda Core."""

    node: Node = _node()
    engine: str = _key("`soda_core`.", default="soda")
    checks: tuple[Node, ...] = _key(
        "Canonical checks under their names (`regex: {column: …, pattern: …}` or `type: regex`), or SodaCL as it is.",
        default=...,
        item="soda_entry",
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GxSection:
    """Checks for Great Expectations."""

    node: Node = _node()
    engine: str = _key("`great_expectations`.", default="great_expectations")
    expectation_suite: Node | None = _key(
        "The suite's name, or the path of a suite's JSON file, whose expectations are all run.", item="text"
    )
    checks: tuple[Node, ...] = _key(
        "Expectations: `name: expect_…` and its arguments beside it or under `kwargs`.", default=(), item="gx_entry"
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CustomRule:
    """A rule of your own: a Python function."""

    node: Node = _node()
    function: str = _key(
        "`module:function` or `folder/file.py:function`, from a place that the gate's profile allows.", default=...
    )
    name: str | None = _key("What people read; the function's name otherwise.")
    params: Mapping[str, Any] | None = _key("Arguments for the function, by name.")
    columns: tuple[str, ...] = _key("The only columns that are loaded for it; all of them otherwise.", default=())
    severity: Severity = _key("`error`, `warning` or `info`.", default=Severity.ERROR)
    description: str = _key("For people.", default="")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class QualityChecks:
    """What the rows must be like. Violations answer to `on_quality_violation`."""

    node: Node = _node()
    checks: tuple[Node, ...] = _key("Canonical checks: any engine can run them, and all agree on them.", default=(), item="entry")
    soda: SodaSection | None = _key("Checks for Soda Core.")
    great_expectations: GxSection | None = _key("Checks for Great Expectations.")
    custom: tuple[CustomRule, ...] = _key("Rules as Python functions.", default=())
    allow_empty: bool = _key(
        "What an empty batch has no value for (a mean, a newest row) is `skipped`, not `errored`.", default=False
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NotificationDocument:
    """Who is told."""

    node: Node = _node()
    channels: tuple[str, ...] = _key(
        "Which of the [channels](notifications.md) that the gate has; its `default_channels` otherwise.", default=()
    )
    recipients: tuple[str, ...] = _key("Addresses, instead of the channels' own.", default=())


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class QuarantineDocument:
    """How a refused batch is kept."""

    node: Node = _node()
    enabled: bool = _key("Without a quarantine, a batch that would go there is blocked.", default=True)
    s3_bucket: str | None = _key("The bucket, where the profile's store is S3; its server and credentials are the profile's.")
    s3_prefix: str | None = _key("The prefix in it; `${TENANT_ID}` and `${ASSET_NAME}` are filled in by the gate.")
    retention_days: int | None = _key("An item expires so many days after it came; never, without.", minimum=0, maximum=36500)
    scope: Scope = _key(
        "`batch`: a refused batch is kept whole. `rows`: the rows that break row-level checks are kept, and the rest is committed if it passes.",
        default=Scope.BATCH,
    )
    max_quarantined: Tolerance | None = _key(
        "Of `scope: rows`: if more rows of the batch than this break the contract, the whole batch is kept. `500` rows, `5 %`, or `{rows: 500, percent: 5}`: both hold.",
        read=_limit,
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ViolationHandling:
    """What happens to a batch that breaks the contract: `block`, `quarantine` or `warn`."""

    on_schema_violation: Action = _key("A broken promise of the schema.", default=Action.BLOCK)
    on_quality_violation: Action = _key("A broken quality check.", default=Action.QUARANTINE)
    on_sla_violation: Action = _key("A broken SLA.", default=Action.WARN)
    on_unsupported: Action = _key("A check that no engine here can run.", default=Action.BLOCK)
    notification: NotificationDocument | None = _key("Who is told.")
    quarantine: QuarantineDocument | None = _key("How a refused batch is kept.")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ContractDocument:
    """A contract: the agreement on one dataset. Top key `data_contract`."""

    node: Node = _node()
    name: str = _key("The contract's name.", default=...)
    version: str = _key("Its version, as written.", default=...)
    owner: str | None = _key("Who answers for it; the asset's `governance.owner` otherwise.")
    status: Status = _key("`deprecated` warns, `sunset` refuses to load.", default=Status.ACTIVE)
    description: str = _key("For people.", default="")
    asset_ref: Node | None = _key("The asset file that this contract is about, relative to this file.", item="text")
    schema: SchemaDocument | None = _key("The columns. Replaces the asset's, where both have some.", read=_schema)
    schema_contract: SchemaContract = _key("How far the batch may depart from the schema.", default=SchemaContract())
    sla: Sla | None = _key("What consumers can count on.")
    references: Mapping[str, str] | None = _key(
        "Datasets beside the batch: a name for each file or glob, relative to this file. Checks read them by these names. Opened only if a check does.",
        read=read_references,
        schema={
            "type": "object",
            "propertyNames": {"pattern": f"^{PLAIN_NAME}$"},
            "additionalProperties": {"$ref": "#/$defs/text"},
        },
    )
    quality_checks: QualityChecks | None = _key("What the rows must be like.")
    violation_handling: ViolationHandling = _key("What happens to a batch that breaks the contract.", default=ViolationHandling())
    enforcement_mode: Enforcement | None = _key(
        "`strict`, `warn` (only tells) or `disabled`; an asset's or a job's goes before it."
    )
    tags: tuple[str, ...] = _key("For people and catalogs.", default=())
    classification: str | None = _key("As of a column, but for every column of the batch, declared or not.")
    documentation_url: str | None = _key("Shown when a batch does not pass, and by `contract show`.")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class AssetLink:
    """The asset's contract."""

    node: Node = _node()
    enabled: bool = _key("`false` is `enforcement_mode: disabled`: no check is run.", default=True)
    contract_path: Node | None = _key("The contract file, relative to this file.", item="text")
    enforcement_mode: Enforcement | None = _key("`strict`, `warn` or `disabled`.")
    inline_checks: Node | None = _key("Canonical checks, such as `null_check: {columns: [a, b]}`.", item="inline")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Governance:
    """Who owns the asset, and what it is."""

    node: Node = _node()
    owner: str | None = _key("The contract's owner, where the contract names none.")
    tags: tuple[str, ...] = _key("Added to the contract's.", default=())
    classification: str | None = _key("The contract's, where it has none.")
    retention_days: int | None = _key(
        "How long the target keeps rows. A gate deletes none: `skipped`, with the reason.", minimum=0
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Asset:
    """A dataset: where it comes from, how it is kept. Top key `asset`."""

    node: Node = _node()
    name: str = _key("The dataset's name.", default=...)
    source_type: str | None = _key("What kind of source it has; kept with the source's settings.")
    object: str | None = _key("The source's name for it; kept with the source's settings.")
    version: str | None = _key("The asset's version, as written; the contract's, where there is no contract file.")
    description: str = _key("For people.", default="")
    schema: SchemaDocument | None = _key("The columns.", read=_schema)
    data_contract: AssetLink = _key("The asset's contract.", default=AssetLink())
    governance: Governance = _key("Who owns it, and what it is.", default=Governance())
    source: Mapping[str, Any] | None = _key("Where batches come from: `path` (relative to this file), `format`, …")
    target: Mapping[str, Any] | None = _key(
        "How it is kept: `file_format`, `partitioning`, `mode`, …: see [configuration](configuration.md#what-a-contract-chooses-in-the-target)."
    )


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JobLink:
    """The job's contract."""

    node: Node = _node()
    enabled: bool | None = _key("`false` is `enforcement_mode: disabled`: no check is run. Goes before the asset's.")
    contract_path: Node | None = _key("The contract file, relative to this file. Goes before the asset's.", item="text")
    enforcement_mode: Enforcement | None = _key("`strict`, `warn` or `disabled`. Goes before the asset's.")


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Job:
    """One delivery: which asset, for whom, from where to where."""

    node: Node = _node()
    tenant_id: str = _key("For whom: batches of different tenants are kept apart.", default="default")
    environment: str = _key("Where it runs: `prod`, `test`, …: noted in the run's record.", default="default")
    name: str | None = _key("For people.")
    asset_path: Node | None = _key("The asset file, relative to this file.", item="text")
    data_contract: JobLink = _key("The job's contract.", default=JobLink())
    source: Mapping[str, Any] | None = _key(
        "Where the batch is: `path` (relative to this file), `format`, …; added to the asset's."
    )
    target: Mapping[str, Any] | None = _key("Where it goes: `branch`, `warehouse`, …; added to the asset's.")
