"""Replay and release: a quarantined batch goes to the target after all, because it passes now, or because a person says so.

Both take the item by a claim, commit through the one function that commits, under the batch's own ``batch_id`` (broken rows of a batch:
under one made of it, beside the rest), and bring the item to rest. What dies on the way is found in the target, or waits until its lease is over; then anybody may take it up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from sluicegate.batch.source import Batch
from sluicegate.contract.loader import contract_of_text
from sluicegate.contract.model import Contract
from sluicegate.errors import BatchConflict, CommitStateUnknown, SluicegateError, UsageError
from sluicegate.gate.act import commit, commit_properties
from sluicegate.gate.items import DONE, RELEASE, REPLAY, Claim, Desk, landing_step, refuse_deleted
from sluicegate.gate.merge import ALONE, MERGED
from sluicegate.gate.rest import require_rest, with_rest
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.ports.target import CommitReceipt
from sluicegate.verdict.document import document
from sluicegate.verdict.model import Decision, Verdict

__all__ = ["Bench", "Judge", "ReplayOutcome", "Task", "original_contract", "release", "replay"]

_PASSES = (Decision.COMMIT, Decision.COMMIT_WITH_WARNINGS)
_ENGINE_BROKE, _HELD = 5, 3
_ALONE = "the target can't show the rest of the batch here: the rows were judged alone; keys that the rest has, too, were not looked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOutcome:
    """What came of one item.

    Attributes:
        manifest: the item as it is now; of a dry run, as it was found, or would have been noted to be at rest.
        verdict: of the checks that ran; None where none were to run: a release, or an item that was at rest already.
        receipt: of the commit, now or before.
        dry_run: nothing was changed; ``passed`` says what would have been.
        judged: of broken rows: what the checks ran on, ``merge.MERGED`` or ``merge.ALONE``; empty for a whole batch.
    """

    manifest: Manifest
    contract: Contract | None = None
    verdict: Verdict | None = None
    receipt: CommitReceipt | None = None
    dry_run: bool = False
    warnings: tuple[str, ...] = ()
    judged: str = ""

    @property
    def passed(self) -> bool:
        """Whether the batch is in the target; of a dry run, whether it would be."""
        if self.dry_run and self.verdict is not None:
            return self.verdict.decision in _PASSES
        return self.receipt is not None or self.manifest.status in DONE

    @property
    def exit_code(self) -> int:
        """0: committed; 3: it stays in quarantine; 5: it stays there because an engine broke."""
        if self.passed:
            return 0
        return _ENGINE_BROKE if self.verdict and self.verdict.exit_code == _ENGINE_BROKE else _HELD

    def as_document(self) -> dict[str, Any]:
        """As JSON; classified values are masked."""
        item, receipt, step = self.manifest, self.receipt, landing_step(self.manifest)
        classified = self.contract.classified_columns if self.contract else ()
        return {
            "quarantine_id": item.quarantine_id,
            "status": item.status.value,
            "attempt": item.attempt,
            "scope": item.scope,
            "judged": self.judged or None,
            "dataset": item.dataset,
            "batch_id": item.batch_id,
            "passed": self.passed,
            "dry_run": self.dry_run,
            "location": receipt.location if receipt else step and step.details["location"],
            "already_committed": receipt.already_there if receipt else None,
            "exit_code": self.exit_code,
            "warnings": list(self.warnings),
            "verdict": document(self.verdict, classified) if self.verdict else None,
        }


class Opener(Protocol):
    """Opens files as the batch of this item, with the contract's types: its own files, or the ones given."""

    def __call__(
        self,
        item: Manifest,
        contract: Contract,
        data: object = None,
        format: str | None = None,  # noqa: A002
        *,
        checked: bool = True,
    ) -> Batch: ...


Judge: TypeAlias = Callable[[Contract, Batch, str], Verdict]
"""Runs the contract's checks on a batch: a whole one, or what is told of it: ``merge.MERGED``, ``merge.ALONE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What replaying needs of the gate: the desk, how a batch is opened, and how it is judged.

    Attributes:
        judge: runs the checks.
        merged: the batch with these rows, if the target can show the rest of it.
    """

    desk: Desk
    open: Opener
    judge: Judge
    merged: Callable[[Manifest, Contract, Batch], AbstractContextManager[Batch | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What somebody wants done with an item: who, why, and by which contract."""

    quarantine_id: str
    contract_for: Callable[[Manifest], Contract]
    by: str
    why: str
    data: object = None
    format: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def original_contract(item: Manifest, folder: Path) -> Contract:
    """The contract that the item was refused under, from its manifest.

    Args:
        item: the manifest.
        folder: where its relative paths start: a manifest names no folder that code could be loaded from.

    Raises:
        UsageError: the manifest's text is not the whole of what was checked.
        ContractError: the text has faults here: a variable is missing, say.
    """
    contract = contract_of_text(item.contract_text, folder / f"{item.contract_name}.yaml")
    if contract.sha256 != item.contract_sha256:
        raise UsageError(
            f"the original contract of {item.quarantine_id} can't be had from its manifest alone: an asset, a job or a variable belongs to it",
            hint="name the contract, asset or job file",
        )
    return replace(contract, tenant=item.tenant, dataset=item.dataset)


def replay(bench: Bench, task: Task, *, dry_run: bool = False) -> ReplayOutcome:
    """Run the checks again; commit the batch if it passes now. See ``Gate.replay``."""
    desk = bench.desk
    item = _as_settled(desk, task) if dry_run else desk.settle(task.quarantine_id, by=task.by)
    refuse_deleted(item)
    if item.status in DONE and task.data is None:
        return ReplayOutcome(manifest=item, dry_run=dry_run)
    if item.status not in DONE:
        desk.refuse_busy(item)
        if dry_run:
            require_rest(desk, item)
        else:
            item = with_rest(desk, item, by=task.by)
    contract = _suited(task.contract_for(item), item)
    with closing(bench.open(item, contract, task.data, task.format)) as batch:
        if item.status in DONE:
            return ReplayOutcome(manifest=_the_same(item, batch.content_sha256), dry_run=dry_run)
        if dry_run:
            return _foretold(bench, item, contract, batch)
        claim = desk.claim(task.quarantine_id, REPLAY, batch.content_sha256, by=task.by, why=task.why)
        if isinstance(claim, Manifest):
            return ReplayOutcome(manifest=_the_same(claim, batch.content_sha256))
        with _given_back(desk, claim):
            outcome = _judged(bench, claim, contract, batch)
            return replace(outcome, warnings=_notes(batch, outcome.judged))


def _as_settled(desk: Desk, task: Task) -> Manifest:
    """The item as settling it would make it; the store's stays as it is."""
    item = desk.store.get(task.quarantine_id)
    landing = desk.landed(item) if item.status not in {*DONE, QuarantineStatus.DELETED} else None
    return item if landing is None else desk.rested(item, landing, by=task.by)


def _foretold(bench: Bench, item: Manifest, contract: Contract, batch: Batch) -> ReplayOutcome:
    """What a replay would come to.

    Raises:
        BatchConflict: its checks pass, and the target would refuse it all the same.
    """
    verdict, judged = _verdict(bench, item, contract, batch)
    if verdict.decision in _PASSES:
        found = bench.desk.find(item, item.target_batch_id)
        if found is not None and found.content_sha256 != batch.content_sha256:
            raise BatchConflict(
                f"batch {item.target_batch_id!r} was committed before with other content ({found.location})",
                hint="hand it in under a batch_id of its own",
            )
    notes = _notes(batch, judged)
    return ReplayOutcome(manifest=item, contract=contract, verdict=verdict, dry_run=True, warnings=notes, judged=judged)


def _notes(batch: Batch, judged: str) -> tuple[str, ...]:
    """What a person should know of how the batch was read and judged."""
    return (*batch.notes, _ALONE) if judged == ALONE else batch.notes


def _judged(bench: Bench, claim: Claim, contract: Contract, batch: Batch) -> ReplayOutcome:
    verdict, judged = _verdict(bench, claim.item, contract, batch)
    details = {
        "contract": contract.name,
        "contract_version": contract.version,
        "contract_sha256": contract.sha256,
        "verdict": document(verdict, contract.classified_columns),
    } | ({"judged": judged} if judged else {})
    if verdict.decision not in _PASSES:
        item = claim.give_back("; ".join(verdict.reasons), details, judged=True)
        return ReplayOutcome(manifest=item, contract=contract, verdict=verdict, judged=judged)
    properties = commit_properties(contract, verdict) | _lineage(claim.item)
    receipt = _commit(bench.desk, claim, contract, batch, properties)
    item = claim.finish(receipt, details, f"passed {contract.name} {contract.version}")
    return ReplayOutcome(manifest=item, contract=contract, verdict=verdict, receipt=receipt, judged=judged)


def _verdict(bench: Bench, item: Manifest, contract: Contract, batch: Batch) -> tuple[Verdict, str]:
    """The verdict on what shall be committed; and for broken rows, what it was reached on."""
    if item.scope != "rows":
        return bench.judge(contract, batch, ""), ""
    with bench.merged(item, contract, batch) as whole:
        if whole is not None:
            return bench.judge(contract, whole, MERGED), MERGED
    return bench.judge(contract, batch, ALONE), ALONE


def _lineage(item: Manifest) -> dict[str, str]:
    """What the target keeps of where the rows were."""
    whole = {"quarantine_id": item.quarantine_id, "replay_attempt": str(item.attempt)}
    return whole if item.scope != "rows" else whole | {"split": "rows", "of_batch": item.batch_id}


def release(bench: Bench, task: Task) -> ReplayOutcome:
    """Commit the batch although its checks failed. See ``Gate.release``."""
    desk = bench.desk
    item = desk.settle(task.quarantine_id, by=task.by)
    refuse_deleted(item)
    if item.status in DONE:
        return ReplayOutcome(manifest=item)
    desk.refuse_busy(item)
    item = with_rest(desk, item, by=task.by)
    contract = _suited(task.contract_for(item), item)
    with closing(bench.open(item, contract, checked=False)) as batch:
        claim = desk.claim(task.quarantine_id, RELEASE, batch.content_sha256, by=task.by, why=task.why)
        if isinstance(claim, Manifest):
            return ReplayOutcome(manifest=claim)
        properties = {
            "contract": item.contract_name,
            "contract_version": item.contract_version,
            "contract_sha256": item.contract_sha256,
            "verdict_id": str(item.verdict.get("verdict_id", "")),
            "decision": "released",
            **_lineage(item),
            "released_by": task.by,
            "release_reason": task.why,
        }
        with _given_back(desk, claim):
            receipt = _commit(desk, claim, contract, batch, properties)
            done = claim.finish(receipt, {}, task.why)
            return ReplayOutcome(manifest=done, contract=contract, receipt=receipt, warnings=batch.notes)


def _commit(desk: Desk, claim: Claim, contract: Contract, batch: Batch, properties: Mapping[str, str]) -> CommitReceipt:
    try:
        return commit(contract, batch, desk.target_for(claim.item), properties, last_look=claim.renew)
    except BatchConflict:  # somebody else's claim may be what is there: a stalled worker that woke up, say
        item = desk.settle(claim.item.quarantine_id, by=claim.step.by)
        if item.status not in DONE:
            raise
        raise UsageError(
            f"{item.quarantine_id} was {item.status} with other data meanwhile: nothing was committed now",
            hint=f"sluicegate quarantine show {item.quarantine_id}",
        ) from None


@contextmanager
def _given_back(desk: Desk, claim: Claim) -> Iterator[None]:
    """Whatever breaks the work, the item waits again, unless its content reached the target after all."""
    try:
        yield
    except CommitStateUnknown:
        raise  # the claim stays until somebody has looked at the target
    except BaseException as error:
        with suppress(SluicegateError):  # a store or target that is away: the lease will run out
            if desk.landed(claim.item) is None:
                told = error.message if isinstance(error, SluicegateError) else type(error).__name__
                claim.give_back(f"{claim.step.details['action']} broke off: {told}")
            else:
                desk.settle(claim.item.quarantine_id, by=claim.step.by)
        raise


def _suited(contract: Contract, item: Manifest) -> Contract:
    if (contract.tenant, contract.dataset) != (item.tenant, item.dataset):
        raise UsageError(
            f"{item.quarantine_id} is of dataset {item.dataset!r}, tenant {item.tenant!r}; "
            f"the contract is about {contract.dataset!r}, tenant {contract.tenant!r}",
            hint="name the contract, asset or job that the batch was handed in with, and set TENANT_ID as then",
        )
    return contract


def _the_same(item: Manifest, sha256: str) -> Manifest:
    """An item at rest, if it is so with this content."""
    step = landing_step(item)
    if step is None or step.details.get("data_sha256") != sha256:
        raise UsageError(
            f"{item.quarantine_id} was {item.status} with other data: its batch is committed",
            hint="hand a correction in as a batch of its own",
        )
    return item
