"""Killing everywhere: a command at each of its moments, its recovery at each of its own, and a look at the truth after each.

A stopped process has written what it would have written if it were killed there. So one worker that stops at every moment shows all that its
death can leave, and a photograph of each is taken. Then workers are really killed, and what they leave is looked at, too. Every
photograph is put back and recovered from; that recovery is photographed in turn, and each new photograph recovered from again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.crash.crew import DAY, NOW, Crew
from tests.crash.leavings import LEAVINGS, Leaving, leave
from tests.crash.shop import BAD, BAD_PARQUET, FIXED, sha
from tests.crash.truth import Seen, at_rest, look
from tests.crash.worlds import Photo, World

__all__ = ["RECOVER", "SCENARIOS", "Deaths", "Scenario", "kill_everywhere"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A command that dies.

    Attributes:
        before: what was done by others, before; they lived.
        works: the command.
        status: of the item, when it is done at last.
        contents: of the batch in the target, then.
        later: when it begins.
        leavings: workers that died before, after those that lived.
        others: what their items must come to, by ``batch_id``; then the target and the store hold nothing that nobody needs.
    """

    before: tuple[str, ...] = ("commit another", "quarantine")
    works: tuple[str, ...]
    status: str | None
    contents: tuple[str, ...]
    later: timedelta = timedelta()
    leavings: tuple[Leaving, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)


RECOVER = Scenario(
    before=("commit another", "quarantine", "quarantine r1", "quarantine r2"),
    leavings=LEAVINGS,
    works=("recover",),
    status="replayed",
    contents=(sha(BAD),),
    others={"r1": "quarantined", "r2": "deleted", "r3": "quarantined"},
    later=3 * DAY,
)
"""Recovery itself, of everything that a dead worker can leave."""
SCENARIOS = {
    "commit": Scenario(before=("commit another",), works=("commit",), status=None, contents=(sha(BAD),)),
    "commit parquet": Scenario(before=("commit another",), works=("commit parquet",), status=None, contents=(sha(BAD_PARQUET),)),
    "first commit": Scenario(before=(), works=("commit",), status=None, contents=(sha(BAD),)),
    "quarantine": Scenario(before=("commit another",), works=("quarantine",), status="quarantined", contents=()),
    "quarantine parquet": Scenario(before=("commit another",), works=("quarantine parquet",), status="quarantined", contents=()),
    "split": Scenario(before=("commit another",), works=("split",), status="quarantined", contents=(sha(BAD),)),
    "split, passes": Scenario(before=("commit another", "split"), works=("passes",), status="replayed", contents=(sha(BAD),)),
    "passes": Scenario(works=("passes",), status="replayed", contents=(sha(BAD),)),
    "repaired": Scenario(works=("repaired",), status="replayed", contents=(sha(FIXED),)),
    "fails": Scenario(works=("fails",), status="quarantined", contents=()),
    "release": Scenario(works=("release",), status="released", contents=(sha(BAD),)),
    "delete": Scenario(works=("delete",), status="deleted", contents=()),
    "purge": Scenario(works=("purge",), status="deleted", contents=(), later=30 * DAY),
}


@dataclass(slots=True)
class Deaths:
    """How much was killed.

    Attributes:
        points: moments of the command, before and after each operation.
        killed: workers that were killed by SIGKILL.
        recoveries: those of them that were recovering.
        states: different photographs of what a death leaves, of the command and of its recoveries, each recovered from.
    """

    points: int = 0
    killed: int = 0
    recoveries: int = 0
    states: int = 0


@dataclass
class _Killing:
    crew: Crew
    world: World
    scenario: Scenario
    bug: str
    count: Deaths = field(default_factory=Deaths)

    def prepared(self) -> Photo:
        self.world.counts_uploads = bool(self.scenario.leavings)
        self.world.open()
        for work in self.scenario.before:
            self.crew.do(self.world.place, work)
        for leaving in self.scenario.leavings:
            leave(self.crew, self.world, leaving)
        return self.world.photo()

    def photographs(self, works: tuple[str, ...], now: datetime, known: set[str]) -> list[Photo]:
        """Everything new that the works leave when they die, found by a worker that comes to its end."""
        found: list[Photo] = []
        last: Photo | None = None
        for said in self.crew.stops(self.world.place, works, now=now, bug=self.bug):
            self.count.points += said.end == "stopped"
            photo = self.world.photo()
            changed, last = photo != last, photo
            if changed and photo.likeness not in known:
                known.add(photo.likeness)
                found.append(photo)
        return found

    def finished(self, before: Seen) -> None:
        seen = at_rest(self.world, before)
        assert (seen.status, seen.contents) == (self.scenario.status, self.scenario.contents)
        if self.scenario.leavings:
            others = {item.batch_id: item.status.value for item in seen.items.values() if item is not seen.item}
            assert others == self.scenario.others
            assert {*seen.committed} == {"b0", "b1", "r3"}
            assert self.world.unread() + self.world.unnamed() == [], "nothing is left that nobody needs"


def kill_everywhere(
    crew: Crew, world: World, scenario: Scenario, *, nth: int = 1, first: int = 1, depth: int = 2, again: int = 0, bug: str = ""
) -> Deaths:
    """Kill the command and its recoveries.

    Args:
        crew: does it.
        world: where.
        scenario: what.
        nth: how many of the moments a worker is really killed at: each nth one.
        first: the first of them.
        depth: how many deaths in a row: 2 is a recovery that dies, too.
        again: where depth is 1, the recovery of the state in the middle is killed all the same, at each ``again``-th of its moments.
        bug: planted into every worker.
    """
    killing = _Killing(crew, world, scenario, bug)
    origin, start = killing.prepared(), NOW + scenario.later
    known = {origin.likeness}
    photos = killing.photographs(scenario.works, start, known)
    points = killing.count.points
    killing.finished(Seen())
    world.put_back(origin)
    beginning = look(world)
    for at in range(first, points + 1, nth):
        world.put_back(origin)
        assert crew.start(world.place, *scenario.works, now=start, at=at, bug=bug).wait().end == "killed"
        killing.count.killed += 1
        look(world, beginning)
        left = world.photo()
        if left.likeness not in known:
            known.add(left.likeness)
            photos.append(left)
    if again:
        _killed_again(killing, photos[len(photos) // 2], start + DAY, again)
    for level in range(1, depth + 1):
        photos = _recovered(killing, photos, known, start + level * DAY, deeper=level < depth)
    return replace(killing.count, points=points)


def _killed_again(killing: _Killing, photo: Photo, now: datetime, nth: int) -> None:
    """Kill ``recover`` and the same command again at some of its moments, and let the command finish it."""
    crew, world, alone = killing.crew, killing.world, killing.scenario.works
    world.put_back(photo)
    before = look(world)
    works = ("recover", *alone)
    moments = len(crew.do(world.place, *works, now=now, bug=killing.bug).operations)
    for at in range(nth // 2, moments + 1, nth):
        world.put_back(photo)
        assert crew.start(world.place, *works, now=now, at=at, bug=killing.bug).wait().end == "killed"
        killing.count.killed += 1
        killing.count.recoveries += 1
        crew.do(world.place, *alone, now=now + DAY, bug=killing.bug)
        killing.finished(before)


def _recovered(killing: _Killing, photos: list[Photo], known: set[str], now: datetime, *, deeper: bool) -> list[Photo]:
    """Recover from each photograph, by ``recover`` and the same command again; from every second one by that command alone, too.

    Where the recoveries aren't to die, from each by one of the two, in turn.

    Returns:
        What the deaths of those recoveries leave that wasn't known yet; nothing if they are not to die (``deeper``).
    """
    found: list[Photo] = []
    for number, photo in enumerate(photos):
        killing.count.states += 1
        alone = killing.scenario.works
        ways = (("recover", *alone), alone) if alone != ("recover",) else (alone, alone)
        for works in ways[: 1 + number % 2] if deeper else ways[number % 2 :][:1]:
            killing.world.put_back(photo)
            before = look(killing.world)
            if deeper and works != alone:
                found += killing.photographs(works, now, known)
            else:
                killing.crew.do(killing.world.place, *works, now=now, bug=killing.bug)
            killing.finished(before)
    return found
