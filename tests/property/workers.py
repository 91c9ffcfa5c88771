"""Several workers in one process, over one folder: each can die at any storage operation, and be met by another while it stands still.

Who dies does so by an exception that nothing catches, and after which nothing of theirs touches the storage any more: what is tidied up
on the way out is not tidied up. The locks that they had are let go of, as the system does for the dead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.errors import SluicegateError
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from sluicegate_adapters.targets.parquet import ParquetTarget
from tests.crash.shop import BATCH
from tests.property.quarantine_model import IDS, Command

__all__ = ["Killed", "Worker"]


class Killed(BaseException):
    """Thrown through a worker that dies."""


class Worker:
    """A gate of its own in a place, for one command after another, until it dies.

    Args:
        place: with a shop in it.
        clock: everybody's.
    """

    def __init__(self, place: Path, clock: Callable[[], datetime]) -> None:
        self._place = place
        self._count = 0
        self._dies = 0
        self._dead = False
        self._stands: Callable[[], object] | None = None
        self._stands_at = 0
        self.met = False
        self.gate = Gate(load_profile(place / "gate.yaml"), clock=clock)
        self.gate.__dict__["target"] = ParquetTarget({"path": "data/{dataset}"}, place, step=self._step)
        self.gate.__dict__["quarantine_store"] = LocalQuarantineStore({"path": "held"}, place, step=self._step)

    @property
    def lease(self) -> timedelta:
        return self.gate._desk.lease

    def do(self, command: Command, *, dies: int = 0, stands: int = 0, meets: Callable[[], object] | None = None) -> str:
        """What came of it: an answer, the name of an error, or ``killed``.

        Args:
            command: what is to be done.
            dies: at this moment, counted from 1; each operation has one before and one after it. 0: it doesn't.
            stands: it stands still from this moment on as soon as it has no lock that others would wait for.
            meets: what happens then.
        """
        self._count, self._dies, self._stands_at, self._stands, self.met = 0, dies, stands, meets, False
        before = _locks(self._place)
        try:
            return _WORKS[command.verb](self.gate, self._place, command)
        except SluicegateError as error:
            return type(error).__name__
        except Killed:
            assert self._dead
        for descriptor in _locks(self._place).keys() - before.keys():
            os.close(descriptor)
        return "killed"

    @contextmanager
    def _step(self, _operation: str, _path: Path) -> Iterator[None]:
        self._moment(before=True)
        yield
        self._moment(before=False)

    def _moment(self, *, before: bool) -> None:
        if self._dead:
            raise Killed
        self._count += 1
        if self._stands and before and self._count >= self._stands_at and not _waited_for(self._place):
            meets, self._stands, self.met = self._stands, None, True
            meets()
        if self._dies and self._count >= self._dies and (self._stands is None):
            self._dead = True
            raise Killed


def _locks(place: Path) -> dict[int, str]:
    """The lock files that this process has open there."""
    found = {}
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            path = str(descriptor.readlink())
        except FileNotFoundError:  # the listing's own
            continue
        if path.startswith(f"{place}/") and path.removesuffix(" (deleted)").endswith(".lock"):
            found[int(descriptor.name)] = path
    return found


def _waited_for(place: Path) -> bool:
    """Whether somebody here has an item's lock: another that wants it would wait for ever."""
    return any(path.endswith("/.lock") for path in _locks(place).values())


def _run(gate: Gate, place: Path, told: Command) -> str:
    return str(gate.run(place / f"{told.contract}.yaml", place / f"{told.delivery}.csv", batch_id=BATCH).action)


def _replay(gate: Gate, place: Path, told: Command) -> str:
    data = str(place / f"{told.data}.csv") if told.data else None
    return str(gate.replay(IDS[told.item], place / f"{told.contract}.yaml", data=data, dry_run=told.dry).manifest.status)


def _release(gate: Gate, place: Path, told: Command) -> str:
    return str(gate.release(IDS[told.item], by="ada", reason="it is right", beside=place).manifest.status)


def _review(gate: Gate, _place: Path, told: Command) -> str:
    return str(gate.review(IDS[told.item], by="ada", note="seen", hold=told.hold).status)


def _delete(gate: Gate, _place: Path, told: Command) -> str:
    return str(gate.delete(IDS[told.item], by="ada", reason="a test delivery").status)


def _purge(gate: Gate, _place: Path, _told: Command) -> str:
    list(gate.purge())
    return "done"


def _recover(gate: Gate, _place: Path, _told: Command) -> str:
    list(gate.recover())
    return "done"


_WORKS: dict[str, Callable[[Gate, Path, Command], str]] = {
    "run": _run,
    "replay": _replay,
    "release": _release,
    "review": _review,
    "delete": _delete,
    "purge": _purge,
    "recover": _recover,
}
