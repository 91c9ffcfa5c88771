"""A quarantined item's life: who may take it, who has it, and how it comes to rest. Every step is one compare-and-swap.

    quarantined ⇄ reviewed ─claim→ replaying ─→ replayed | released          (committed: the target has it)
                                       └─────→ quarantined, attempt + 1      (the checks failed again)
    any of them but replaying ─→ deleted                                      (a tombstone; the bytes go afterwards)

The target arbitrates: whoever finds an item's content there, whatever the manifest says, brings the item to rest.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sluicegate.errors import TransientStorageError, UsageError
from sluicegate.ports.quarantine import Manifest, QuarantineStatus, QuarantineStore, Transition
from sluicegate.ports.target import CommitReceipt, Target

__all__ = [
    "DONE",
    "RELEASE",
    "REPLAY",
    "WAITING",
    "Claim",
    "Desk",
    "Landing",
    "landed_as",
    "landing_step",
    "moved",
    "refuse_deleted",
]

REPLAY, RELEASE = "replay", "release"
WAITING = (QuarantineStatus.QUARANTINED, QuarantineStatus.REVIEWED)
DONE = (QuarantineStatus.REPLAYED, QuarantineStatus.RELEASED)
_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """An item's content, found in the target: how it came there, and whose claim explains it (None: a run committed it)."""

    receipt: CommitReceipt
    claim: Transition | None

    @property
    def status(self) -> QuarantineStatus:
        return landed_as(self.claim) if self.claim else QuarantineStatus.REPLAYED


def moved(
    item: Manifest,
    status: QuarantineStatus,
    *,
    at: str,
    by: str,
    why: str,
    details: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Manifest:
    """The item's next revision, with one more step in its history; nobody owns it unless ``changes`` say so."""
    step = Transition(status=status, at=at, by=by, why=why, details=dict(details or {}))
    free = {"owner": None, "lease_until": None}
    return replace(
        item, rev=item.rev + 1, nonce=secrets.token_hex(8), status=status, history=(*item.history, step), **(free | changes)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where items are worked on.

    Attributes:
        clock: now, in UTC: of leases, of expiry, and in histories.
        lease: how long a claim holds before others may take the item over.
        target_of: where an item was to go, if not all of them to ``target``.
    """

    store: QuarantineStore
    target: Target
    clock: Callable[[], datetime]
    lease: timedelta
    target_of: Callable[[Manifest], Target] | None = None

    def target_for(self, item: Manifest) -> Target:
        """The target that arbitrates on this item."""
        return self.target_of(item) if self.target_of else self.target

    def stamp(self) -> str:
        return self.clock().astimezone(UTC).isoformat()

    def landed(self, item: Manifest) -> Landing | None:
        """Whether the target has this item's content, or what somebody claimed the item for (a repaired file, say).

        Raises:
            StorageError: the target can't be asked.
        """
        if item.scope == "rows":
            return self._rows_landed(item)
        found = self.find(item, item.batch_id)
        return Landing(receipt=found, claim=_claim_of(item, found)) if found and self.explains(item, found) else None

    def find(self, item: Manifest, batch_id: str) -> CommitReceipt | None:
        """What the item's target has under a batch_id.

        Raises:
            StorageError: the target can't be asked.
        """
        return self.target_for(item).find(batch_id, dataset=item.dataset, tenant=item.tenant)

    def _rows_landed(self, item: Manifest) -> Landing | None:
        """Broken rows have a key of their own; or they are in the target because the whole batch is."""
        own = self.find(item, item.target_batch_id)
        if own is not None and (claim := _claim_of(item, own)):
            return Landing(receipt=own, claim=claim)
        whole = self.find(item, item.batch_id)
        same = whole is not None and whole.content_sha256 == item.content_sha256 and whole.rows == item.batch_rows
        return Landing(receipt=whole, claim=None) if whole and same else None

    def explains(self, item: Manifest, found: CommitReceipt) -> bool:
        """Whether what the target has under the item's batch_id is the item's own content, or what somebody claimed it for."""
        return found.content_sha256 == item.content_sha256 or _claim_of(item, found) is not None

    def change(self, which: str | Manifest, decide: Callable[[Manifest], Manifest]) -> Manifest:
        """Swap in what is decided on the item as it is; decided anew whenever somebody else was quicker.

        Args:
            which: the item's ID; or the item as it once was, which spares the store a search.
            decide: its next revision; the same object again to leave it.
        """
        tried: set[str] = set()
        for attempt in range(_TRIES):
            item = self._get(which)
            if item.nonce in tried:  # our own, whose answer was lost
                return item
            wanted = decide(item)
            if wanted is item:
                return item
            tried.add(wanted.nonce)
            try:
                return self.store.swap(item, wanted)
            except TransientStorageError:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError

    def _get(self, which: str | Manifest) -> Manifest:
        if isinstance(which, str):
            return self.store.get(which)
        return self.store.get(which.quarantine_id, tenant=which.tenant, dataset=which.dataset)

    def settle(self, which: str | Manifest, *, by: str) -> Manifest:
        """The item; brought to rest if its content is in the target: who was to do that may be dead.

        A tombstone stays one, and notes it: a run may have committed the batch in the moment of its deletion.
        """

        def decide(item: Manifest) -> Manifest:
            if item.status in DONE or landing_step(item) is not None:
                return item
            landing = self.landed(item)
            return item if landing is None else self.rested(item, landing, by=by)

        return self.change(which, decide)

    def rested(self, item: Manifest, landing: Landing, *, by: str) -> Manifest:
        """The revision that says what the target shows."""
        receipt, claim = landing.receipt, landing.claim
        why = f"{claim.details['action']} by {claim.by}: {claim.why}" if claim else "a run of the gate had committed it"
        details = {**(claim.details if claim else {}), "data_sha256": receipt.content_sha256, "location": receipt.location}
        status = item.status if item.status is QuarantineStatus.DELETED else landing.status
        return moved(item, status, at=self.stamp(), by=by, why=f"found in the target; {why}", details=details)

    def refuse_busy(self, item: Manifest) -> None:
        """Raises:
        TransientStorageError: somebody works on the item.
        """
        if item.status is QuarantineStatus.REPLAYING and not self.lapsed(item):
            raise TransientStorageError(
                f"{item.quarantine_id} is being worked on by {item.owner} until {item.lease_until}",
                hint="wait for it; if that process is dead, run this again after that time",
            )

    def lapsed(self, item: Manifest) -> bool:
        """Whether a claim's time is over."""
        return item.lease_until is None or datetime.fromisoformat(item.lease_until) <= self.clock()

    def claim(self, quarantine_id: str, action: str, sha256: str, *, by: str, why: str) -> Claim | Manifest:
        """Take the item, to commit content of this fingerprint; the item itself if it has come to rest meanwhile.

        Raises:
            UsageError: it was deleted.
            TransientStorageError: somebody else has it.
        """

        def decide(item: Manifest) -> Manifest:
            refuse_deleted(item)
            if item.status in DONE:
                return item
            self.refuse_busy(item)
            if item.status is QuarantineStatus.REPLAYING and (landing := self.landed(item)):
                return self.rested(item, landing, by=by)
            return moved(
                item,
                QuarantineStatus.REPLAYING,
                at=self.stamp(),
                by=by,
                why=why,
                details={"action": action, "attempt": item.attempt, "data_sha256": sha256},
                owner=f"{socket.gethostname()}/{os.getpid()}",
                lease_until=self._lease_end(),
            )

        item = self.change(quarantine_id, decide)
        return item if item.status in DONE else Claim(self, item)

    def _lease_end(self) -> str:
        return (self.clock() + self.lease).astimezone(UTC).isoformat()

    def renewed(self, item: Manifest) -> Manifest:
        """The claim once more, if it is still ours.

        Raises:
            TransientStorageError: somebody took the item over.
        """
        return self.store.swap(item, replace(item, rev=item.rev + 1, nonce=secrets.token_hex(8), lease_until=self._lease_end()))


class Claim:
    """An item that this process has."""

    def __init__(self, desk: Desk, item: Manifest) -> None:
        self._desk = desk
        self.item = item

    @property
    def step(self) -> Transition:
        """The claim, as the history has it."""
        return self.item.history[-1]

    def renew(self) -> None:
        """The last look before a commit: is it still ours? If so, for a whole lease more.

        It is no optimisation: the target keeps a batch from being committed twice, but it can't know that an item was deleted while
        this worker stalled past its lease.

        Raises:
            TransientStorageError: somebody took the item over.
        """
        self.item = self._desk.renewed(self.item)

    def finish(self, receipt: CommitReceipt, details: Mapping[str, Any], why: str) -> Manifest:
        """The target has it: bring the item to rest, unless somebody else has done that meanwhile."""
        landing = Landing(receipt=receipt, claim=self.step)
        step, by = {**self.step.details, **details, "location": receipt.location}, self.step.by

        def decide(item: Manifest) -> Manifest:
            if item.status in DONE:
                return item
            if item.status is QuarantineStatus.DELETED:  # it stalled past its lease, and the item was given up meanwhile
                told = f"committed after all, by a worker that was thought dead: {why}"
                return moved(item, item.status, at=self._desk.stamp(), by=by, why=told, details=step)
            return moved(item, landing.status, at=self._desk.stamp(), by=by, why=why, details=step)

        return self._desk.change(self.item.quarantine_id, decide)

    def give_back(self, why: str, details: Mapping[str, Any] | None = None, *, judged: bool = False) -> Manifest:
        """Nothing was committed: the item waits again.

        Args:
            why: for its history.
            details: the same.
            judged: the checks ran to their end: the attempt counts.

        Raises:
            TransientStorageError: it is no longer ours.
        """
        step, item = {**self.step.details, **(details or {})}, self.item
        back = moved(
            item,
            QuarantineStatus.QUARANTINED,
            at=self._desk.stamp(),
            by=self.step.by,
            why=why,
            details=step,
            attempt=item.attempt + 1 if judged else item.attempt,
        )
        return self._desk.store.swap(item, back)


def _claim_of(item: Manifest, found: CommitReceipt) -> Transition | None:
    """The claim that what the target has was committed under."""
    claims = [step for step in reversed(item.history) if step.status is QuarantineStatus.REPLAYING]
    return next((step for step in claims if step.details.get("data_sha256") == found.content_sha256), None)


def landing_step(item: Manifest) -> Transition | None:
    """The step that brought the item's content to the target, if one did."""
    return next((step for step in reversed(item.history) if "location" in step.details), None)


def landed_as(step: Transition) -> QuarantineStatus:
    """What a claim, or the step that noted its commit, makes of an item."""
    return QuarantineStatus.RELEASED if step.details.get("action") == RELEASE else QuarantineStatus.REPLAYED


def refuse_deleted(item: Manifest) -> None:
    """Raises:
    UsageError: nothing is left of the item but its tombstone.
    """
    if item.status is QuarantineStatus.DELETED:
        step = item.history[-1]
        raise UsageError(
            f"{item.quarantine_id} was deleted by {step.by} at {step.at}: {step.why}",
            hint="hand it in under a batch_id of its own",
        )
