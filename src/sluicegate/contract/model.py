"""What a contract says once it is read: one frozen Contract, whatever dialect it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sluicegate.checks.contract_check import Area, ContractCheck, Tolerance
from sluicegate.errors import Fault

__all__ = [
    "CLASSIFIED",
    "Action",
    "Contract",
    "Enforcement",
    "FieldSpec",
    "Notification",
    "QuarantinePolicy",
    "ViolationPolicy",
]


class Action(StrEnum):
    """What the contract wants done with a batch that violates it."""

    BLOCK = "block"
    QUARANTINE = "quarantine"
    WARN = "warn"


class Enforcement(StrEnum):
    """``strict`` acts on violations, ``warn`` only tells, ``disabled`` runs no check."""

    STRICT = "strict"
    WARN = "warn"
    DISABLED = "disabled"


CLASSIFIED = ("pii", "phi", "pci", "restricted", "confidential", "sensitive", "secret")
"""Classifications whose values must never leave unmasked (DESIGN's invariant 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """A column as the contract declares it: ``required`` is never NULL, ``optional`` may be absent altogether."""

    name: str
    type: str | None = None
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    optional: bool = False
    classification: str | None = None
    description: str = ""

    @property
    def is_classified(self) -> bool:
        """Whether its values are masked wherever they would be shown."""
        return (self.classification or "").strip().lower() in CLASSIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class ViolationPolicy:
    """What to do, by area; ``on_unsupported`` is for checks that no engine here can run."""

    on_schema_violation: Action = Action.BLOCK
    on_quality_violation: Action = Action.QUARANTINE
    on_sla_violation: Action = Action.WARN
    on_unsupported: Action = Action.BLOCK

    def on(self, area: Area) -> Action:
        """What a violation in this area means."""
        action: Action = getattr(self, f"on_{area}_violation")
        return action


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """Who is to be told; ``places``: file, line and column of each name."""

    channels: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePolicy:
    """How a refused batch is kept.

    Attributes:
        scope: ``batch``: whole. ``rows``: only the rows that break row-level checks; the rest is committed.
        max_quarantined: of ``rows``: more than this share of the batch, and it is kept whole; None: no limit but all rows.
        s3_layout: ``s3_prefix`` with ``{tenant}`` and ``{dataset}`` where it has ``${TENANT_ID}`` and ``${ASSET_NAME}`` as whole
            levels: so the prefixes of many contracts are one place.
    """

    enabled: bool = True
    s3_bucket: str | None = None
    s3_prefix: str | None = None
    s3_layout: str | None = None
    retention_days: int | None = None
    scope: str = "batch"
    max_quarantined: Tolerance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The agreement on one dataset.

    Attributes:
        dataset: what it is about: the asset's name, or the contract's own.
        checks: everything that is tested, in the contract's order: implied by the schema, by the SLA, inline, written.
        fields: the declared columns; empty where none are declared.
        settings: what asset and job files say about source and target, as they say it: ``source``, ``target``. Only
            ``source.path`` is made absolute, by the folder of the file that says it.
        references: each dataset beside the batch -> its absolute location: those that the contract names, then those that
            ``reference`` checks name by their files.
        folder: where the contract's own file is: what ``{contract}`` in a profile's ``rules`` stands for.
        allow_empty: an empty batch has no aggregates: ``errored``, or ``skipped`` with this.
        files: the files it was read from, the starting one first.
        text: the contract document, as read, before interpolation (secrets stay out of manifests).
        sha256: over all the files' texts and the variables' values.
        warnings: what lint has to say that is no fault.
    """

    name: str
    version: str
    owner: str
    dataset: str
    status: str = "active"
    description: str = ""
    tenant: str = "default"
    environment: str = "default"
    fields: tuple[FieldSpec, ...] = ()
    checks: tuple[ContractCheck, ...] = ()
    policy: ViolationPolicy = ViolationPolicy()
    enforcement: Enforcement = Enforcement.STRICT
    notification: Notification = Notification()
    quarantine: QuarantinePolicy = QuarantinePolicy()
    allow_empty: bool = False
    tags: tuple[str, ...] = ()
    classification: str | None = None
    documentation_url: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    text: str = ""
    sha256: str = ""
    warnings: tuple[Fault, ...] = ()

    @property
    def classified_columns(self) -> frozenset[str]:
        """Columns whose values are masked wherever they would be shown.

        A classified contract masks every column, declared or not: any name is then ``in`` this set, and iterating over it
        yields the ones that the contract knows.
        """
        if not FieldSpec(name="", classification=self.classification).is_classified:
            return frozenset(spec.name for spec in self.fields if spec.is_classified)
        named = {spec.name for spec in self.fields}
        for check in self.checks:
            for key in ("column", "left", "right", "order_by"):
                named |= {name} if isinstance(name := getattr(check.promise, key, None), str) else set()
            named |= set(getattr(check.promise, "columns", ()))
        return _EveryColumn(named)


class _EveryColumn(frozenset[str]):
    """Contains every name."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)
