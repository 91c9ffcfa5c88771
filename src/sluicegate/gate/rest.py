"""The rest of a batch that was split: committed under the batch's own ID, by whoever comes to do it.

The item of the broken rows is kept first, and says by position which rows it has: so the rest follows from the item and the batch's
content, and no check is run anew to find it. Whoever dies before the rest is committed leaves an item that says what is still to
do; the same batch handed in again does it, or ``recover``, if the batch's files are still what they were. Until then the item's
rows go nowhere: not to the target, and not away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from sluicegate.batch.source import Batch
from sluicegate.contract.model import Contract, FieldSpec
from sluicegate.errors import BatchUnreadable, SluicegateError, StorageError, TransientStorageError
from sluicegate.gate.act import ActableBatch, commit
from sluicegate.gate.items import WAITING, Desk, moved
from sluicegate.gate.lending import lent
from sluicegate.ports.quarantine import Manifest, Transition
from sluicegate.ports.recovery import Recovered
from sluicegate.ports.target import CommitReceipt
from sluicegate.words import plural

__all__ = [
    "REST_LOCATION",
    "commit_rest",
    "finish_rest",
    "is_rest",
    "is_whole",
    "note_rest",
    "require_rest",
    "rest_contract",
    "rest_step",
    "unfinished",
    "with_rest",
]

REST_LOCATION = "rest_location"
"""The detail of an item's history that says where the rest of its batch is."""

_AGAIN = "hand the batch in again: its rest is committed then, and nothing twice"


def rest_step(item: Manifest) -> Transition | None:
    """The step that says where the rest is; None as long as it isn't known to be committed."""
    return next((step for step in item.history if REST_LOCATION in step.details), None)


def is_rest(item: Manifest, found: CommitReceipt) -> bool:
    """Whether what the target has under the batch's own ID is the rest that belongs to these rows."""
    same = item.scope == "rows" and found.content_sha256 == item.content_sha256
    return same and found.rows == (item.batch_rows or 0) - item.rows


def is_whole(item: Manifest, found: CommitReceipt) -> bool:
    """Whether it is the whole batch, its broken rows included: a run under another contract committed it."""
    return item.scope == "rows" and found.content_sha256 == item.content_sha256 and found.rows == item.batch_rows


def unfinished(item: Manifest) -> bool:
    """Whether the item's rest may still have to be committed, as far as the item knows."""
    return item.scope == "rows" and item.status in WAITING and rest_step(item) is None


def rest_contract(item: Manifest) -> Contract:
    """What committing the rest needs of the contract that split the batch; its checks are done."""
    fields = tuple(FieldSpec(name=str(name), type=kind) for name, kind in item.split.get("fields", ()))
    return Contract(
        name=item.contract_name,
        version=item.contract_version,
        owner="",
        dataset=item.dataset,
        tenant=item.tenant,
        fields=fields,
        sha256=item.contract_sha256,
    )


def commit_rest(desk: Desk, item: Manifest, batch: ActableBatch) -> CommitReceipt:
    """Commit what the item leaves of its batch; what the target has of it then: the rest, or the whole batch if a run was quicker.

    Args:
        desk: where the item is.
        item: of scope ``rows``.
        batch: with the item's content.

    Raises:
        BatchConflict: the target has this batch_id with other content.
        StorageError: nothing was committed, or (CommitStateUnknown) it isn't known.
    """
    with lent(desk.store, item) as (file,), batch.without(file) as rest:
        if rest.rows + item.rows != item.batch_rows:
            raise StorageError(
                f"{item.quarantine_id} and its batch don't fit: {rest.rows:,} and {item.rows:,} rows of {item.batch_rows:,}"
            )
        receipt = commit(rest_contract(item), rest, desk.target_for(item), _properties(item))
    if receipt.already_there:  # whose rows those are, the target says
        return desk.find(item, item.batch_id) or receipt
    return receipt


def _properties(item: Manifest) -> dict[str, str]:
    """What the target keeps beside the rest: the same, whoever commits it."""
    return {
        "contract": item.contract_name,
        "contract_version": item.contract_version,
        "contract_sha256": item.contract_sha256,
        "verdict_id": str(item.split.get("verdict_id", "")),
        "decision": str(item.split.get("decision", "")),
        "split": "rest",
        "quarantine_id": item.quarantine_id,
        "batch_rows": str(item.batch_rows),
    }


def note_rest(desk: Desk, item: Manifest, receipt: CommitReceipt, *, by: str) -> Manifest:
    """Let the item say where the rest is, if it doesn't yet: the target may forget it one day.

    Raises:
        StorageError: the item could not be changed.
    """

    def decide(item: Manifest) -> Manifest:
        if rest_step(item) is not None or item.status not in WAITING:
            return item
        told = f"the rest of the batch, {plural(receipt.rows, 'row')}, is committed"
        details = {REST_LOCATION: receipt.location, "rest_rows": receipt.rows}
        return moved(item, item.status, at=desk.stamp(), by=by, why=told, details=details)

    return desk.change(item, decide)


def require_rest(desk: Desk, item: Manifest, *, or_conflict: bool = False) -> CommitReceipt | None:
    """Refuse to do anything with the rows of a batch whose rest isn't committed yet.

    Args:
        desk: where the item is.
        item: of any scope.
        or_conflict: it is enough that the rest can't be committed any more: other content has the batch's ID.

    Returns:
        Where the rest is, if the item doesn't say so yet.

    Raises:
        TransientStorageError: the rest is to be committed first.
        StorageError: the target can't be asked.
    """
    if not unfinished(item):
        return None
    found = desk.find(item, item.batch_id)
    if found is None or (found.content_sha256 != item.content_sha256 and not or_conflict):
        raise TransientStorageError(
            f"{item.quarantine_id}: the rest of batch {item.batch_id!r} is not committed yet: the run that split it broke off",
            hint=_AGAIN,
        )
    return found if is_rest(item, found) else None


def with_rest(desk: Desk, item: Manifest, *, by: str) -> Manifest:
    """The item, which says from now on where its rest is: before anything becomes of its rows. Raises as ``require_rest`` does."""
    found = require_rest(desk, item)
    return item if found is None else note_rest(desk, item, found, by=by)


def finish_rest(desk: Desk, item: Manifest, opened: Callable[[Manifest], Batch], *, dry_run: bool = False) -> Recovered | None:
    """Do what a run that split a batch left undone; None if there is nothing to do.

    Args:
        desk: where the item is.
        item: of any scope.
        opened: opens the batch's own files, under its ID, with the types of ``rest_contract``.
        dry_run: say what would be done, and change nothing.

    Returns:
        What was done; ``left`` with an exit code where it could not be.
    """
    if not unfinished(item):
        return None
    facts: dict[str, Any] = {"what": "rows", "where": item.quarantine_id}
    try:
        there = desk.find(item, item.batch_id)
        if there is not None and there.content_sha256 != item.content_sha256:
            return Recovered(done="left", why=f"batch {item.batch_id!r} was committed with other content", exit_code=4, **facts)
        if not dry_run:
            found = there or _commit_original(desk, item, opened)
            settled = desk.settle(item, by="recover")
            if is_rest(settled, found):
                note_rest(desk, settled, found, by="recover")
        elif there is None:
            with _original(item, opened):
                pass
    except SluicegateError as error:
        return Recovered(
            done="left", why=f"its rest is not committed: {error.message}; {_AGAIN}", exit_code=error.exit_code, **facts
        )
    why = "its rest was not committed yet, and its batch was still there"
    if there is not None:
        whole = is_whole(item, there)
        why = f"{'its whole batch' if whole else 'its rest'} was committed, and it did not say so"
    return Recovered(done="would be finished" if dry_run else "finished", why=why, **facts)


def _commit_original(desk: Desk, item: Manifest, opened: Callable[[Manifest], Batch]) -> CommitReceipt:
    with _original(item, opened) as batch:
        return commit_rest(desk, item, batch)


@contextmanager
def _original(item: Manifest, opened: Callable[[Manifest], Batch]) -> Iterator[Batch]:
    """The batch's own files, if they are still what was split.

    Raises:
        SluicegateError: they aren't.
    """
    if not item.split.get("files"):
        raise BatchUnreadable("its batch was a table in memory")
    with closing(opened(item)) as batch:
        if batch.content_sha256 != item.content_sha256:
            raise BatchUnreadable("its batch's files are no longer what was split")
        yield batch
