"""What a replay of a batch's broken rows is judged on: the batch as it will be once they are merged, where the target can show its rest.

Else it is the rows alone: what looks at each row, and at the columns, is run on them; what looks at the batch as a whole held on
the rest when the batch was split, and is skipped by that reason. An order of rows that nothing but their place in the batch gives is
never judged: where the merged rows stand among the others is nobody's promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from sluicegate.batch.source import Batch
from sluicegate.checks.model import ColumnType, Monotonic, Schema
from sluicegate.errors import BatchUnreadable, StorageError, UsageError
from sluicegate.gate.plan import Plan, PlannedCheck
from sluicegate.ports.quarantine import Manifest
from sluicegate.ports.target import Readable, Target

__all__ = ["ALONE", "MERGED", "merged", "narrowed"]

MERGED, ALONE = "the batch as it is with these rows", "these rows alone"
_NO_ORDER = "rows that are merged into their batch afterwards have no place in its order"
_HELD = "it held on the rest when the batch was split; the target can't show that rest here"


@contextmanager
def merged(
    target: Target, item: Manifest, rows: Batch, opened: Callable[[tuple[Path, ...], str], Batch]
) -> Iterator[Batch | None]:
    """The rest of the item's batch and these rows as one batch, for a while; None if they can't be had as one.

    Args:
        target: where the rest is.
        item: of scope ``rows``.
        rows: what is to be merged.
        opened: opens Parquet files as the item's batch, with the fingerprint that is given.

    Raises:
        BatchUnreadable: the rows are no longer what was opened.
    """
    rest = _files(target, item)
    try:
        whole = opened((*rest, *rows.as_parquet(rows.scratch / "merged")), rows.content_sha256) if rest else None
    except (BatchUnreadable, UsageError):  # the table has other types, say
        whole = None
    if whole is None:
        yield None
        return
    with closing(whole):
        yield whole


def _files(target: Target, item: Manifest) -> tuple[Path, ...]:
    if not isinstance(target, Readable):
        return ()
    try:
        return target.files(item.batch_id, dataset=item.dataset, tenant=item.tenant)
    except StorageError:
        return ()


def narrowed(planned: Plan, judged: str) -> Plan:
    """The plan for what is judged: what can't be told of rows that are merged, or alone, is skipped, with the reason."""
    if not judged:
        return planned
    return replace(planned, checks=tuple(_narrowed(item, alone=judged == ALONE) for item in planned.checks))


def _narrowed(item: PlannedCheck, *, alone: bool) -> PlannedCheck:
    promise = item.declared.promise
    if item.skipped:
        return item
    if isinstance(promise, Monotonic) and promise.order_by is None:
        return PlannedCheck(declared=item.declared, check=item.declared, skipped=_NO_ORDER)
    row_by_row = getattr(promise, "row_level", False) or isinstance(promise, Schema | ColumnType)
    return PlannedCheck(declared=item.declared, check=item.declared, skipped=_HELD) if alone and not row_by_row else item
