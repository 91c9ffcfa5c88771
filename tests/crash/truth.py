"""What must hold: at any time, dead workers or not; and when all is done. Read from the worlds' own files, not through the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from tests.crash.shop import BATCH, CONTENTS, FILES, ITEM, ROWS
from tests.crash.worlds import World

__all__ = ["Seen", "at_rest", "look"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed.

    Attributes:
        items: by ID.
        contents: the fingerprints that the target has of the batch that all is about; one at most.
        committed: the batch_ids of all that the target has.
    """

    items: Mapping[str, Manifest] = field(default_factory=dict)
    contents: tuple[str, ...] = ()
    committed: tuple[str, ...] = ()

    @property
    def item(self) -> Manifest | None:
        return self.items.get(ITEM)

    @property
    def status(self) -> str | None:
        return self.item.status.value if self.item else None


def look(world: World, before: Seen | None = None) -> Seen:
    """What must hold at any time. ``before``: what was seen earlier; since then nothing may have been forgotten."""
    with world.glance():
        seen = _look(world)
    if before is not None:
        _nothing_forgotten(before, seen)
    return seen


def _look(world: World) -> Seen:
    committed = world.committed()
    batches = [batch.batch_id for batch in committed]
    assert len(batches) == len(set(batches)), f"committed twice: {sorted(batches)}"
    wanted = sorted(row for batch in committed for row in ROWS[batch.content_sha256])
    assert world.rows() == wanted, "the target's rows are the union of the committed batches"
    for name, content in FILES.items():
        assert (world.place / name).read_bytes() == content, f"{name} is as it was"
    manifests = world.manifests()
    items = {item.quarantine_id: item for item in manifests}
    assert len(items) == len(manifests)
    contents = {batch.batch_id: batch.content_sha256 for batch in committed}
    for item in manifests:
        _look_at(world, item, contents)
    return Seen(items, tuple(batch.content_sha256 for batch in committed if batch.batch_id == BATCH), tuple(batches))


def _look_at(world: World, item: Manifest, contents: Mapping[str, str]) -> None:
    if item.status is not QuarantineStatus.DELETED:
        assert world.kept(item) == [CONTENTS[item.content_sha256].encode()], f"{item.quarantine_id} has its bytes"
    landed = [step.details["data_sha256"] for step in item.history if "location" in step.details]
    assert not landed or contents.get(item.batch_id) in landed, f"{item.quarantine_id}: what is said to be committed is"
    if item.status in {QuarantineStatus.REPLAYED, QuarantineStatus.RELEASED}:
        assert landed


def _nothing_forgotten(before: Seen, now: Seen) -> None:
    assert set(before.contents) <= set(now.contents), "what is committed stays"
    assert set(before.committed) <= set(now.committed), "what is committed stays"
    for name, earlier in before.items.items():
        assert now.items[name].history[: len(earlier.history)] == earlier.history, "a history only grows"


def at_rest(world: World, before: Seen | None = None) -> Seen:
    """What must hold when all is done: besides, the batch is in exactly one of target, quarantine and tombstone."""
    seen = look(world, before)
    item = seen.item
    in_target = bool(seen.contents)
    waits = item is not None and item.status in {
        QuarantineStatus.QUARANTINED,
        QuarantineStatus.REVIEWED,
        QuarantineStatus.REPLAYING,
    }
    told = item is not None and any("location" in step.details for step in item.history)
    given_up = item is not None and item.status is QuarantineStatus.DELETED and not told
    assert in_target + waits + given_up == 1, f"in exactly one place: {seen.contents}, {item and item.status}"
    for each in seen.items.values():
        if each.status is QuarantineStatus.DELETED:
            assert world.kept(each) == [], "the bytes of a tombstone are gone"
    return seen
