"""The tests' end of the line to the foreman: workers that are started, stopped, let go and killed."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["DAY", "NOW", "Crew", "Said", "Worker", "hired"]

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC).replace(microsecond=0)
"""When everything here begins: files are as young as they look."""
DAY = timedelta(days=1)
_PATIENCE = 150


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a worker: it ``stopped`` at a moment, was ``killed``, or is ``done``, with an answer for each work."""

    end: str
    answers: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    operation: str = ""
    when: str = ""
    moment: int = 0


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that works in a place."""

    crew: Crew
    number: int

    def wait(self) -> Said:
        """Until it stops, is done, or dies; a worker that breaks is a failed test."""
        told = self.crew.tell(do="wait", worker=self.number)
        assert told["end"] != "broke", told["trace"]
        answers, operations = (tuple(told.pop(name, ())) for name in ("answers", "operations"))
        return Said(answers=answers, operations=operations, **told)

    def go(self, *, to_the_end: bool = False) -> None:
        """Let it go on."""
        self.crew.tell(do="go", worker=self.number, how="e" if to_the_end else "g")

    def kill(self) -> None:
        """Kill it where it stands."""
        self.crew.tell(do="go", worker=self.number, how="x")
        assert self.wait().end == "killed"


class Crew:
    """Speaks to a foreman."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        assert select.select([self._process.stdout], [], [], _PATIENCE)[0], f"the foreman doesn't answer: {order}"
        line = self._process.stdout.readline()
        assert line, "the foreman has died"
        answer: dict[str, Any] = json.loads(line)
        assert "broke" not in answer, answer["broke"]
        return answer

    def start(
        self, place: Path, *works: str, now: datetime = NOW, at: int | str | None = None, then: str = "kill", bug: str = ""
    ) -> Worker:
        """A worker that does these works, one after another; at this moment it is killed or stopped."""
        order = {"place": str(place), "works": works, "now": now.isoformat(), "at": at, "then": then, "bug": bug}
        return Worker(self, self.tell(do="start", **order)["worker"])

    def do(self, place: Path, *works: str, now: datetime = NOW, bug: str = "") -> Said:
        """A worker that comes to its end."""
        said = self.start(place, *works, now=now, bug=bug).wait()
        assert said.end == "done"
        return said

    def stops(
        self, place: Path, works: Sequence[str], *, now: datetime = NOW, at: str = "every", bug: str = ""
    ) -> Iterator[Said]:
        """Every moment of some works, the worker stopping at each while the caller looks around; what it said in the end comes last."""
        worker = self.start(place, *works, now=now, at=at, then="stop", bug=bug)
        while (said := worker.wait()).end == "stopped":
            yield said
            worker.go()
        yield said


@contextmanager
def hired() -> Iterator[Crew]:
    """A foreman in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "tests.crash.foreman"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Crew(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
