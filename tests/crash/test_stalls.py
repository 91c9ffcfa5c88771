"""A worker that stalls anywhere until its lease is over, while another does something with its item, and then wakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.crew import DAY, NOW, Crew
from tests.crash.truth import at_rest
from tests.crash.worlds import World

pytestmark = pytest.mark.slow


def stalls(crew: Crew, world: World, other: str, *, bug: str = "") -> int:
    """Stop a replay before each of its operations, let another work a day later, and let the replay go on; how many times that was.

    A deletion may be followed by a commit in the documented window only: between the last look and the publication.
    """
    world.open()
    for work in ("commit another", "quarantine"):
        crew.do(world.place, work)
    origin, number = world.photo(), 0
    clean = crew.do(world.place, "passes").operations
    window = clean.index("publish") - max(at for at, name in enumerate(clean[: clean.index("publish")]) if name == "replace")
    world.put_back(origin)
    published = crew.do(world.place, "passes", bug=bug).operations.index("publish")
    while True:
        world.put_back(origin)
        worker = crew.start(world.place, "passes", at="calm", then="stop", bug=bug)
        said = worker.wait()
        for _ in range(number):
            if said.end == "stopped":
                worker.go()
                said = worker.wait()
        if said.end == "done":
            return number
        crew.do(world.place, other, now=NOW + DAY)
        worker.go(to_the_end=True)
        assert worker.wait().end == "done"
        seen = at_rest(world)
        late = seen.status == "deleted" and seen.contents
        assert not late or said.moment > published - window, (
            f"committed what was deleted while it stalled at moment {said.moment}"
        )
        number += 1


@pytest.mark.parametrize("other", ["delete", "release", "repaired", "recover"])
def test_wherever_a_replay_stalls_its_batch_ends_in_one_place(crew: Crew, world_of: Callable[[str], World], other: str) -> None:
    assert stalls(crew, world_of("parquet+local"), other) >= 5
