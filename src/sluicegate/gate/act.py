"""Verdict -> what happens to the batch: commit it, keep it in quarantine, or leave it where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self

from sluicegate.checks.types import BatchSchema
from sluicegate.contract.model import Contract
from sluicegate.errors import UsageError
from sluicegate.gate.run import EngineView
from sluicegate.gate.split import Parts, Split
from sluicegate.ports.quarantine import (
    Manifest,
    QuarantineRequest,
    QuarantineStatus,
    QuarantineStore,
    Transition,
    quarantine_id,
)
from sluicegate.ports.target import CommitReceipt, CommitRequest, Target
from sluicegate.verdict.model import Decision, Verdict

__all__ = ["ActableBatch", "Acted", "ActionTaken", "commit", "commit_properties", "quarantine"]


class ActionTaken(StrEnum):
    """What was done with the batch; ``deleted``: nothing, somebody had given this very batch up before.

    ``split``: the rows that broke checks are in quarantine, the rest is committed.
    """

    CHECKED = "checked"
    COMMITTED = "committed"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    DELETED = "deleted"
    SPLIT = "split"


class ActableBatch(Protocol):
    """The part of ``batch.source.Batch`` that committing and quarantining needs."""

    @property
    def batch_id(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def schema(self) -> BatchSchema: ...
    @property
    def content_sha256(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...
    @property
    def files(self) -> tuple[Path, ...]: ...
    @property
    def origin(self) -> tuple[str, ...]: ...
    @property
    def uris(self) -> Mapping[Path, str]: ...
    def view(self) -> EngineView: ...
    def parquet_files(self) -> tuple[Path, ...]: ...
    @property
    def scratch(self) -> Path: ...
    def spool(self, folder: Path) -> tuple[Path, ...]: ...
    def without(self, file: Path) -> AbstractContextManager[Self]: ...
    def check_unchanged(self) -> None: ...


def commit_properties(contract: Contract, verdict: Verdict) -> dict[str, str]:
    """What the target keeps beside the rows of a batch that passed."""
    return {
        "contract": contract.name,
        "contract_version": contract.version,
        "contract_sha256": contract.sha256,
        "verdict_id": verdict.verdict_id,
        "decision": verdict.decision.value,
    }


def commit(
    contract: Contract,
    batch: ActableBatch,
    target: Target,
    properties: Mapping[str, str],
    *,
    last_look: Callable[[], object] = lambda: None,
) -> CommitReceipt:
    """Hand the batch to the target, whose own atomic operation arbitrates. The only way into a target.

    Args:
        contract: whose tenant and dataset these rows are.
        batch: opened.
        target: where it goes.
        properties: kept beside the rows where the target can keep them.
        last_look: called when everything is staged and nothing is visible yet; what it raises stops the commit.

    Raises:
        BatchConflict: the target has this batch_id with other content.
        StorageError: nothing was committed, or (CommitStateUnknown) it isn't known.
    """

    def verify() -> None:
        batch.check_unchanged()
        last_look()

    return target.commit(
        CommitRequest(
            batch_id=batch.batch_id,
            tenant=contract.tenant,
            dataset=contract.dataset,
            content_sha256=batch.content_sha256,
            rows=batch.rows,
            files=batch.parquet_files(),
            uris=batch.uris,
            batch=batch.view(),
            declared={spec.name: spec.type for spec in contract.fields},
            verify=verify,
            properties=properties,
        )
    )


def quarantine(
    contract: Contract,
    verdict: Verdict,
    batch: ActableBatch,
    store: QuarantineStore,
    *,
    evidence: dict[str, Any],
    nonce: str,
    at: datetime,
    chosen: Mapping[str, Any] | None = None,
    split: Split | None = None,
) -> Manifest:
    """Keep the batch with all that a replay needs; of a batch that was split, its broken rows. Its input stays where it is.

    Its age counts from ``at``, the time: the checks' clock may be that of the day that a late delivery is about.

    Raises:
        StorageError: it could not be kept; nothing that counts was written.
    """
    if verdict.decision is not Decision.QUARANTINE:
        raise UsageError(f"a batch decided to {verdict.decision} is not for the quarantine")
    manifest = replace(_manifest(contract, verdict, evidence, batch, nonce, at.astimezone(UTC)), target=dict(chosen or {}))
    files = batch.spool(batch.scratch / "spool") if split is None else (split.broken.file,)
    request = QuarantineRequest(
        manifest=manifest if split is None else _of_rows(manifest, contract, batch, split),
        files=files,
        uris=batch.uris,
        now=at,
        fingerprinted=files == batch.files,
    )
    return store.put(request)


def _manifest(  # noqa: PLR0917 - all that is known of it
    contract: Contract, verdict: Verdict, document: dict[str, Any], batch: ActableBatch, nonce: str, now: datetime
) -> Manifest:
    reason = "; ".join(verdict.reasons)
    return Manifest(
        quarantine_id=quarantine_id(
            tenant=contract.tenant, dataset=contract.dataset, batch_id=batch.batch_id, content_sha256=batch.content_sha256
        ),
        rev=1,
        nonce=nonce,
        status=QuarantineStatus.QUARANTINED,
        attempt=1,
        tenant=contract.tenant,
        dataset=contract.dataset,
        batch_id=batch.batch_id,
        content_sha256=batch.content_sha256,
        format=batch.format,
        rows=batch.rows,
        files=(),
        contract_name=contract.name,
        contract_version=contract.version,
        contract_sha256=contract.sha256,
        contract_text=contract.text,
        reason=reason,
        verdict=document,
        created_at=now.isoformat(),
        expires_at=_expiry(contract, now),
        history=(Transition(status=QuarantineStatus.QUARANTINED, at=now.isoformat(), by="gate", why=reason),),
        options=dict(batch.options),
    )


def _of_rows(manifest: Manifest, contract: Contract, batch: ActableBatch, split: Split) -> Manifest:
    """The manifest of a batch's broken rows, with all that defines its rest."""
    broken, rest = split.broken, split.rest
    return replace(
        manifest,
        scope="rows",
        format="parquet",
        options={},
        rows=broken.rows,
        batch_rows=batch.rows,
        split={
            "format": batch.format,
            "options": dict(batch.options),
            "files": list(batch.origin),
            "fields": [[spec.name, spec.type] for spec in contract.fields],
            "columns": {column.name: column.native for column in batch.schema},
            "checks": {
                fingerprint: {"name": name, "rows": broken.checks[fingerprint]} for fingerprint, name in split.names.items()
            },
            "rows": rest.rows,
            "decision": rest.decision.value,
            "verdict_id": rest.verdict_id,
        },
    )


def _expiry(contract: Contract, now: datetime) -> str | None:
    days = contract.quarantine.retention_days
    return (now + timedelta(days=days)).isoformat() if days is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What acting came to.

    Attributes:
        earlier: it had been decided before, or by somebody else at the same moment: this run changed nothing.
        parts: of a batch that was split, or would be; ``split`` is how.
        verdict: on the whole batch, where acting had something to add to its reasons.
    """

    action: ActionTaken
    receipt: CommitReceipt | None = None
    manifest: Manifest | None = None
    earlier: bool = False
    warnings: tuple[str, ...] = ()
    parts: Parts | None = None
    split: Split | None = None
    verdict: Verdict | None = None

    @property
    def location(self) -> str | None:
        return self.receipt.location if self.receipt else None
