"""What must hold: at any time, dead workers or not; and when all is done. Read from the worlds' own files, not through the gate."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluicegate.ports.quarantine import CHECKS_COLUMN, ROW_COLUMN, Manifest, QuarantineStatus
from tests.crash.shop import BATCH, BROKEN, CONTENTS, FILES, ROWS
from tests.crash.worlds import Committed, World

__all__ = ["Seen", "at_rest", "look"]

_WAITING = {QuarantineStatus.QUARANTINED, QuarantineStatus.REVIEWED, QuarantineStatus.REPLAYING}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed.

    Attributes:
        items: by ID.
        batches: what the target has, by ``batch_id``.
    """

    items: Mapping[str, Manifest] = field(default_factory=dict)
    batches: Mapping[str, Committed] = field(default_factory=dict)

    @property
    def contents(self) -> tuple[str, ...]:
        """The fingerprints that the target has of the batch that all is about; one at most."""
        return (self.batches[BATCH].content_sha256,) if BATCH in self.batches else ()

    @property
    def committed(self) -> tuple[str, ...]:
        """The batch_ids of all that the target has."""
        return tuple(self.batches)

    @property
    def item(self) -> Manifest | None:
        return next((item for item in self.items.values() if item.batch_id == BATCH), None)

    @property
    def status(self) -> str | None:
        return self.item.status.value if self.item else None

    def has_rows_of(self, item: Manifest) -> bool:
        """Whether the target has what the item holds back, or what it was mended to: under the batch's ID, or under the broken rows' own."""
        if item.scope != "rows":
            return item.batch_id in self.batches
        whole = self.batches.get(item.batch_id)
        return item.target_batch_id in self.batches or (whole is not None and whole.rows == item.batch_rows)


def look(world: World, before: Seen | None = None) -> Seen:
    """What must hold at any time. ``before``: what was seen earlier; since then nothing may have been forgotten."""
    with world.glance():
        seen = _look(world)
    if before is not None:
        _nothing_forgotten(before, seen)
    return seen


def _look(world: World) -> Seen:
    committed, manifests = world.committed(), world.manifests()
    seen = Seen({item.quarantine_id: item for item in manifests}, {batch.batch_id: batch for batch in committed})
    assert len(committed) == len(seen.batches), f"committed twice: {sorted(batch.batch_id for batch in committed)}"
    assert len(manifests) == len(seen.items)
    wanted = sorted(row for batch in committed for row in _rows(batch, seen))
    assert world.rows() == wanted, "the target's rows are the union of the committed batches"
    for name, content in FILES.items():
        assert (world.place / name).read_bytes() == content, f"{name} is as it was"
    for item in manifests:
        _look_at(world, item, seen)
    return seen


def _rows(batch: Committed, seen: Seen) -> list[tuple[str, str]]:
    """What a batch of the target must consist of; of one that was split only what its item says."""
    broken = [row for _, row in BROKEN]
    for item in seen.items.values():
        if item.scope == "rows" and batch.batch_id == item.target_batch_id:
            whole = seen.batches[item.batch_id].rows == item.batch_rows
            assert not whole, f"rows of {batch.batch_id} are committed twice"
            return broken
        if item.scope == "rows" and batch.batch_id == item.batch_id and batch.rows != item.batch_rows:
            return [row for row in ROWS[batch.content_sha256] if row not in broken]
    return ROWS[batch.content_sha256]


def _look_at(world: World, item: Manifest, seen: Seen) -> None:
    if item.status is not QuarantineStatus.DELETED:
        kept = world.kept(item)
        if item.scope == "rows":
            assert [_broken(file) for file in kept] == [BROKEN], f"{item.quarantine_id} has its rows"
        else:
            assert kept == [CONTENTS[item.content_sha256]], f"{item.quarantine_id} has its bytes"
    landed = [step.details["data_sha256"] for step in item.history if "location" in step.details]
    there = {batch.content_sha256 for name, batch in seen.batches.items() if name in {item.batch_id, item.target_batch_id}}
    assert not landed or there & {*landed}, f"{item.quarantine_id}: what is said to be committed is"
    assert not landed or seen.has_rows_of(item), f"{item.quarantine_id}: what is said to be committed is"
    if item.status in {QuarantineStatus.REPLAYED, QuarantineStatus.RELEASED}:
        assert landed


def _broken(file: bytes) -> list[tuple[int, tuple[str, str]]]:
    """The rows of an item: where each was in its batch, and what it is; each says what it broke."""
    import pyarrow.parquet as pq

    rows = pq.read_table(io.BytesIO(file)).to_pylist()
    assert all(row[CHECKS_COLUMN] for row in rows)
    return [(row[ROW_COLUMN], (str(row["id"]), str(row["amount"]))) for row in rows]


def _nothing_forgotten(before: Seen, now: Seen) -> None:
    assert before.batches.items() <= now.batches.items(), "what is committed stays"
    for name, earlier in before.items.items():
        assert now.items[name].history[: len(earlier.history)] == earlier.history, "a history only grows"


def at_rest(world: World, before: Seen | None = None) -> Seen:
    """What must hold when all is done: besides, each batch is in exactly one of target, quarantine and tombstone."""
    seen = look(world, before)
    assert seen.item or seen.contents, "in exactly one place, and not in none"
    for item in seen.items.values():
        waits = item.status in _WAITING
        told = any("location" in step.details for step in item.history)
        given_up = item.status is QuarantineStatus.DELETED and not told
        assert seen.has_rows_of(item) + waits + given_up == 1, f"in exactly one place: {item}"
        if item.scope == "rows":
            assert item.batch_id in seen.batches, "the rest of a batch is committed before anything becomes of its rows"
        if item.status is QuarantineStatus.DELETED:
            assert world.kept(item) == [], "the bytes of a tombstone are gone"
    return seen
