"""The first decision on a batch stands: whoever hands the batch in again, or at the same moment, is told what came of it.

Two places know: the target, by ``batch_id`` and content, and the quarantine store, by an ID made of both. A batch is looked for in
them before anything is done with it. One that is to be committed is looked for once more in the store right before it becomes visible and
right after that; one that is quarantined is looked for in the target once more after it is kept. So, of two workers whose verdicts
differ, at least one sees what both did, and brings the item to rest: the target has it, and the item says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sluicegate.contract.model import Contract
from sluicegate.errors import BatchConflict, NoSuchItem, StorageError, TransientStorageError
from sluicegate.gate.act import ActableBatch, Acted, ActionTaken, commit, quarantine
from sluicegate.gate.items import WAITING, Desk, landed_as, landing_step
from sluicegate.gate.rest import REST_LOCATION, commit_rest, is_rest, note_rest, rest_step, unfinished
from sluicegate.gate.split import Parts, Split
from sluicegate.ports.quarantine import Confirming, Manifest, QuarantineRequest, QuarantineStatus, quarantine_id
from sluicegate.ports.target import CommitReceipt
from sluicegate.verdict.model import Verdict

__all__ = ["Door", "RowsGone"]

_GATE = "gate"


class _DecidedMeanwhile(TransientStorageError):
    """Raised at the last look before a commit: the batch is in the store by now."""


class RowsGone(StorageError):
    """The broken rows of a batch that was split are not where the item says: whoever splits the batch again may keep them again."""


@dataclass(slots=True, kw_only=True)
class Door:
    """A batch that is handed in, and the places where a decision on it may stand already.

    Attributes:
        chosen: what the contract chooses in the target: kept in the item's manifest.
        notes: what a person should know of the looks: one that failed, and did not matter for the decision.
    """

    contract: Contract
    batch: ActableBatch
    desk: Desk
    chosen: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def quarantine_id(self) -> str:
        """What this very batch is called in the store, if it is there."""
        return quarantine_id(
            tenant=self.contract.tenant,
            dataset=self.contract.dataset,
            batch_id=self.batch.batch_id,
            content_sha256=self.batch.content_sha256,
        )

    def standing(self) -> Acted | None:
        """What was decided on this very batch before; None if nothing was.

        The store is asked before the target: a batch that came out of the one is in the other by then.

        Raises:
            BatchConflict: the target has this batch_id with content that has nothing to do with this batch.
            StorageError: one of them can't be asked, and the answer depends on it; or the kept bytes are gone (RowsGone: of a batch
                that was split), and can't be kept again.
        """
        item, trouble = self._item()
        found = self.desk.target.find(self.batch.batch_id, dataset=self.contract.dataset, tenant=self.contract.tenant)
        ours = found is None or found.content_sha256 == self.batch.content_sha256
        if ours and item is not None and item.scope == "rows":
            return self._split_before(item, found)
        if found is not None and found.content_sha256 == self.batch.content_sha256:
            if trouble is not None and found.rows != self.batch.rows:
                raise trouble  # what is there is a rest: its other rows are in the store
            if trouble is not None:
                self.notes.append(f"whether this very batch is in quarantine, too, could not be asked: {trouble}")
            return self._in_target(found, item)
        if trouble is not None:
            if found is not None or self.contract.quarantine.enabled:
                raise trouble
            self.notes.append(f"the quarantine, which the contract doesn't use, could not be asked for this batch: {trouble}")
        if found is not None:
            if item is None or not self.desk.explains(item, found):
                raise _conflict(self.batch.batch_id, found, item)
            return self._in_target(found, item)
        return self._in_store(item) if item else None

    def commit(self, properties: Mapping[str, str]) -> Acted:
        """Commit the batch, unless somebody has quarantined it meanwhile: then that stands.

        Raises:
            BatchConflict: as for ``standing``.
            StorageError: nothing was committed, or (CommitStateUnknown) it isn't known.
        """
        try:
            receipt = commit(self.contract, self.batch, self.desk.target, properties, last_look=self._last_look)
        except (BatchConflict, _DecidedMeanwhile):
            stands = self.standing()
            if stands is None:
                raise
            return stands
        item = None
        try:
            item, trouble = self._item()
            if item is not None and item.scope == "rows" and (stands := self.standing()):
                return stands
            if item is not None:
                item = self.desk.settle(item, by=_GATE)
        except StorageError as error:
            trouble = error
        if trouble is not None and receipt.rows != self.batch.rows:
            raise trouble  # what is there is a rest: its other rows are in the store
        if trouble is not None and (item is not None or self.contract.quarantine.enabled):
            self.notes.append(
                f"whether somebody quarantined this very batch meanwhile could not be asked ({trouble}): `sluicegate recover` tells"
            )
        return Acted(action=ActionTaken.COMMITTED, receipt=receipt, manifest=item, earlier=receipt.already_there)

    def keep(self, verdict: Verdict, evidence: dict[str, Any], *, nonce: str) -> Acted:
        """Quarantine the batch, unless somebody has committed it meanwhile: then that stands.

        Raises:
            BatchConflict: somebody has committed other content under its batch_id meanwhile; the item waits all the same.
            StorageError: nothing was kept.
        """
        kept = self._kept(verdict, evidence, nonce)
        ours = kept.nonce == nonce
        try:
            stands = self.standing()
        except StorageError as error:
            self.notes.append(f"whether somebody committed this very batch meanwhile could not be asked: {error}")
            stands = None
        if stands is None or (ours and stands.action is ActionTaken.QUARANTINED):
            return Acted(action=ActionTaken.QUARANTINED, manifest=kept, earlier=not ours)
        return stands

    def split(self, found: Split, verdict: Verdict, evidence: dict[str, Any], *, nonce: str) -> Acted:
        """Keep the broken rows, then commit the rest: one decision, which the item stands for from the moment that it is kept.

        Raises:
            BatchConflict: somebody has committed other content under its batch_id meanwhile; the item waits all the same.
            StorageError: nothing was kept; or the rest is still to be committed: the same batch handed in again does that.
        """
        kept = self._kept(verdict, evidence, nonce, found)
        stands = self.standing()
        if stands is None:
            raise TransientStorageError(f"{kept.quarantine_id} was kept, and is gone", hint="see to the quarantine store")
        if stands.action is not ActionTaken.SPLIT or kept.nonce != nonce:
            return stands
        return replace(stands, earlier=False, parts=Parts.of(found), warnings=())

    def _kept(self, verdict: Verdict, evidence: dict[str, Any], nonce: str, split: Split | None = None) -> Manifest:
        return quarantine(
            self.contract,
            verdict,
            self.batch,
            self.desk.store,
            evidence=evidence,
            nonce=nonce,
            at=self.desk.clock(),
            chosen=self.chosen,
            split=split,
        )

    def _split_before(self, item: Manifest, found: CommitReceipt | None) -> Acted:
        """The batch was split: its rest is committed now if it wasn't yet."""
        warnings: tuple[str, ...] = ()
        if found is None and (there := self.desk.find(item, item.batch_id)) and there.content_sha256 == item.content_sha256:
            found = there  # in the target that the item was on its way to, which isn't today's contract's
        confirmed = found is None and unfinished(item)
        if confirmed:
            self._confirm(item)
            found = commit_rest(self.desk, item, self.batch)
        if found is None:
            step = rest_step(item)
            location = str(step.details[REST_LOCATION]) if step else ""
            rest = (item.batch_rows or 0) - item.rows
            found = CommitReceipt(location=location, rows=rest, content_sha256=item.content_sha256, already_there=True)
            warnings = ("the target doesn't show the rest of the batch any more: it was not committed again",)
        if not is_rest(item, found):
            return self._in_target(found, item)
        if item.status in WAITING and not confirmed:
            self._confirm(item)
        try:
            item = self.desk.settle(note_rest(self.desk, item, found, by=_GATE), by=_GATE)
        except StorageError as error:  # whoever looks next notes it
            self.notes.append(f"{item.quarantine_id} doesn't say yet where the rest of its batch is: {error}")
        return Acted(
            action=ActionTaken.SPLIT,
            receipt=found,
            manifest=item,
            earlier=True,
            parts=Parts.told_by(item),
            warnings=(*(() if item.status in WAITING else _story(item)), *warnings),
        )

    def _item(self) -> tuple[Manifest | None, StorageError | None]:
        """This very batch in the store; or why that can't be told."""
        try:
            return self.desk.store.get(self.quarantine_id, tenant=self.contract.tenant, dataset=self.contract.dataset), None
        except NoSuchItem:
            return None, None
        except StorageError as error:
            return None, error

    def _last_look(self) -> None:
        item, trouble = self._item()
        if trouble is not None and self.contract.quarantine.enabled:
            raise trouble
        if item is not None:
            raise _DecidedMeanwhile(f"{item.quarantine_id} is {item.status}: nothing was committed", hint="run it again")

    def _in_target(self, found: CommitReceipt, item: Manifest | None) -> Acted:
        if item is not None:
            try:
                item = self.desk.settle(item, by=_GATE)
            except StorageError as error:  # whoever looks next settles it
                self.notes.append(f"{item.quarantine_id} doesn't say yet that its batch is committed: {error}")
        return Acted(
            action=ActionTaken.COMMITTED,
            receipt=found,
            manifest=item,
            earlier=True,
            warnings=_story(item, other_data=found.content_sha256 != self.batch.content_sha256),
        )

    def _in_store(self, item: Manifest) -> Acted:
        landed = landing_step(item)
        if landed is not None:  # the target forgot it: its table's old snapshots were expired, its folder was moved
            receipt = CommitReceipt(
                location=str(landed.details["location"]),
                rows=item.rows,
                content_sha256=str(landed.details.get("data_sha256", item.content_sha256)),
                already_there=True,
            )
            gone = "the target doesn't show it any more: it was not committed again"
            other = receipt.content_sha256 != item.content_sha256
            warnings = (*_story(item, other_data=other), gone)
            return Acted(action=ActionTaken.COMMITTED, receipt=receipt, manifest=item, earlier=True, warnings=warnings)
        if item.status is QuarantineStatus.DELETED:
            return Acted(action=ActionTaken.DELETED, manifest=item, earlier=True, warnings=_story(item))
        self._confirm(item)
        return Acted(action=ActionTaken.QUARANTINED, manifest=item, earlier=True)

    def _confirm(self, item: Manifest) -> None:
        """Nobody is told that a batch waits whose bytes are gone: the one who hands it in may be the last to have them.

        So they are kept again. A worker that stalled before its item was there, and died right after, leaves one without bytes.

        Raises:
            StorageError: they are gone, and can't be kept again.
            RowsGone: the same, of a batch that was split: its rows aren't at hand here.
        """
        store = self.desk.store
        if not isinstance(store, Confirming):
            return
        try:
            store.confirm(item)
        except TransientStorageError:
            raise
        except StorageError as error:
            if item.scope == "rows":
                raise RowsGone(error.message, hint=error.hint) from error
            files = self.batch.spool(self.batch.scratch / "again")
            request = QuarantineRequest(
                manifest=item,
                files=files,
                uris=self.batch.uris,
                now=self.desk.clock(),
                fingerprinted=files == self.batch.files,
            )
            store.confirm(store.put(request))
            self.notes.append(f"the bytes of {item.quarantine_id} were gone ({error}): this batch's were kept again")


def _conflict(batch_id: str, found: CommitReceipt, item: Manifest | None) -> BatchConflict:
    waits = f"; this content is {item.quarantine_id}, {item.status}" if item else ""
    return BatchConflict(
        f"batch {batch_id!r} was committed before with other content ({found.location}){waits}",
        hint="give the new delivery a batch_id of its own",
    )


def _story(item: Manifest | None, *, other_data: bool = False) -> tuple[str, ...]:
    """What became of the item, where that is not what the checks of today say."""
    landed = item and landing_step(item)
    if item is None or (landed and "action" not in landed.details):
        return ()
    what = "broken rows of this batch were" if item.scope == "rows" else "this very batch was"
    with_data = " with other data" if other_data else ""
    became = f"{item.status}{with_data} since"
    if landed and item.status is QuarantineStatus.DELETED:  # the kept bytes are gone: the rows are in the target
        became = f"{landed_as(landed)}{with_data} since, and what was kept is deleted"
    return (f"{what} quarantined before, and {'have' if item.scope == 'rows' else 'has'} been {became}: nothing was kept again",)
