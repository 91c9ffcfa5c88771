"""Wreckage: what workers leave who die at a moment of our choice, told by what a look at the world shows, whatever the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sluicegate.ports.quarantine import Manifest
from tests.crash.crew import NOW, Crew, Said
from tests.crash.worlds import World

__all__ = ["LEAVINGS", "Leaving", "leave"]

_WRITES = {"replace", "link", "publish", "put_object", "complete_multipart_upload", "commit", "SQL COMMIT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A worker that dies.

    Attributes:
        work: what it does.
        at: whether this is the moment: the first one is.
        before: it is the moment before it.
    """

    work: str
    at: Callable[[World, Said], bool]
    before: bool = False


def _item(world: World, batch_id: str) -> Manifest | None:
    return next((item for item in world.manifests() if item.batch_id == batch_id), None)


def _status(batch_id: str, status: str) -> Callable[[World, Said], bool]:
    def at(world: World, _said: Said) -> bool:
        item = _item(world, batch_id)
        return item is not None and item.status == status

    return at


def _committed(batch_id: str) -> Callable[[World, Said], bool]:
    return lambda world, _said: any(batch.batch_id == batch_id for batch in world.committed())


LEAVINGS = (
    Leaving(work="passes", at=_committed("b1")),
    Leaving(work="passes r1", at=_status("r1", "replaying")),
    Leaving(work="delete r2", at=_status("r2", "deleted")),
    Leaving(work="split r3", at=_status("r3", "quarantined")),
    Leaving(work="commit r4", at=_committed("r4"), before=True),
    Leaving(work="quarantine r5", at=_status("r5", "quarantined"), before=True),
    Leaving(
        work="quarantine r6", at=lambda _world, said: said.operation in {"upload_part", "copy block"} and said.when == "after"
    ),
)
"""A claim whose commit landed, one whose commit didn't, a tombstone with bytes, a split without the rest, a batch that is staged and
not published, an item whose bytes are there and whose manifest isn't, and one that is half copied: with S3, an upload without an end."""


def leave(crew: Crew, world: World, leaving: Leaving) -> None:
    """Let a worker die there."""
    origin, wrote = world.photo(), False
    worker = crew.start(world.place, leaving.work, now=NOW, at="every", then="stop")
    said = worker.wait()
    while said.end == "stopped" and not (_may_be(said, wrote=wrote) and leaving.at(world, said)):
        wrote = said.operation in _WRITES
        worker.go()
        said = worker.wait()
    assert said.end == "stopped", f"{leaving.work} has no such moment: {said}"
    worker.kill()
    if leaving.before:
        world.put_back(origin)
        assert crew.start(world.place, leaving.work, now=NOW, at=said.moment - 1).wait().end == "killed"


def _may_be(said: Said, *, wrote: bool) -> bool:
    """Whether it is worth a look: something has just been written."""
    return wrote or said.operation in _WRITES or said.operation in {"upload_part", "copy block"}
