"""Eight workers at once, each stopped right before it decides something, and then let go together: one acts, nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from tests.crash.crew import DAY, NOW, Crew
from tests.crash.shop import BAD, FIXED, sha
from tests.crash.truth import at_rest, look
from tests.crash.worlds import World

pytestmark = pytest.mark.slow
Told = Callable[[str, object], None]
WORLDS = ("parquet+local", "iceberg+s3")
KEPT = ("commit another", "quarantine")


def race(crew: Crew, world: World, before: Sequence[str], works: Sequence[str], *, bug: str = "") -> Counter[str]:
    """What they answer who do these works at once; each has looked and made ready when the first writes.

    One that ends without deciding anything has nothing to wait for.
    """
    world.open()
    for work in before:
        crew.do(world.place, work)
    workers = [crew.start(world.place, work, at="deciding", then="stop", bug=bug) for work in works]
    said = [worker.wait() for worker in workers]
    for worker, each in zip(workers, said, strict=True):
        if each.end == "stopped":
            worker.go(to_the_end=True)
    said = [worker.wait() if each.end == "stopped" else each for worker, each in zip(workers, said, strict=True)]
    return Counter(answer for each in said for answer in each.answers)


@pytest.fixture(params=[*WORLDS, "parquet on s3+s3", "iceberg on s3+s3"])
def any_world(request: pytest.FixtureRequest, world_of: Callable[[str], World], record_property: Told) -> World:
    record_property("world", request.param)
    record_property("races", 1)
    return world_of(request.param)


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, world_of: Callable[[str], World], record_property: Told) -> World:
    record_property("world", request.param)
    record_property("races", 1)
    return world_of(request.param)


def test_of_eight_that_commit_one_batch_one_does_and_seven_find_it(crew: Crew, any_world: World) -> None:
    world = any_world
    assert race(crew, world, ["commit another"], ["commit"] * 8) == {"committed": 8}
    assert at_rest(world).contents == (sha(BAD),)


def test_of_eight_that_commit_other_content_under_one_id_one_does_and_seven_are_told(crew: Crew, any_world: World) -> None:
    world = any_world
    answers = race(crew, world, ["commit another"], [f"commit {number}" for number in range(8)])
    assert answers == {"committed": 1, "BatchConflict": 7}
    assert len(at_rest(world).contents) == 1


def test_eight_that_quarantine_one_batch_meet_in_one_item(crew: Crew, world: World) -> None:
    assert race(crew, world, ["commit another"], ["quarantine"] * 8) == {"quarantined": 8}
    assert at_rest(world).status == "quarantined"


def test_of_eight_that_replay_one_item_one_does_and_seven_find_it_taken(crew: Crew, world: World) -> None:
    answers = race(crew, world, KEPT, ["passes"] * 8)
    assert answers["replayed"] >= 1
    assert set(answers) <= {"replayed", "TransientStorageError"}
    seen = at_rest(world)
    assert (seen.status, seen.contents) == ("replayed", (sha(BAD),))
    assert seen.item is not None
    assert sum("location" in step.details for step in seen.item.history) == 1


@pytest.mark.parametrize("other", ["delete", "release", "quarantine", "commit", "repaired", "recover"])
def test_a_replay_against_whatever_else_ends_in_one_place(crew: Crew, world: World, other: str) -> None:
    answers = race(crew, world, KEPT, ["passes", other] * 4)
    assert set(answers) <= {
        "replayed", "released", "deleted", "committed", "quarantined", "recovered", "TransientStorageError", "UsageError", "BatchConflict"
    }  # fmt: skip
    seen = at_rest(world)
    assert seen.status in {"replayed", "released", "deleted"}
    assert seen.status != "deleted" or other == "delete"
    assert set(seen.contents) <= {sha(BAD), sha(FIXED)}


def test_a_replay_against_a_purge_ends_in_one_place(crew: Crew, world: World) -> None:
    world.open()
    for work in KEPT:
        crew.do(world.place, work)
    later = NOW + 30 * DAY
    works = ["passes", "purge"] * 4
    workers = [crew.start(world.place, work, now=later, at="deciding", then="stop") for work in works]
    stopped = [worker for worker in workers if worker.wait().end == "stopped"]
    assert len(stopped) == len(workers)
    for worker in workers:
        worker.go(to_the_end=True)
    answers = Counter(answer for worker in workers for answer in worker.wait().answers)
    assert set(answers) <= {"replayed", "purged", "left", "TransientStorageError", "UsageError"}
    assert at_rest(world).status in {"replayed", "deleted"}


def test_a_commit_against_a_quarantine_of_one_batch_is_settled_by_whoever_recovers(crew: Crew, world: World) -> None:
    answers = race(crew, world, ["commit another"], ["commit", "quarantine"] * 4)
    assert set(answers) <= {"committed", "quarantined"}
    before = look(world)
    crew.do(world.place, "recover", now=NOW + DAY)
    seen = at_rest(world, before)
    assert seen.contents in {(), (sha(BAD),)}


def reviews(world: World) -> int:
    """How many of them the item's history has."""
    item = look(world).item
    return sum(step.why == "seen" for step in item.history) if item else 0


def test_eight_that_review_one_item_are_all_in_its_history(crew: Crew, world: World) -> None:
    assert race(crew, world, KEPT, ["review"] * 8) == {"reviewed": 8}
    assert reviews(world) == 8


def test_eight_that_commit_eight_batches_all_get_in(crew: Crew, world: World) -> None:
    assert race(crew, world, ["commit another"], [f"batch {number}" for number in range(8)]) == {"committed": 8}
    assert len(look(world).committed) == 9


class TestTheRaceFinds:
    """With a bug planted the same races must see what the protocols are there to prevent."""

    def test_the_duplicates_that_pyicebergs_own_retries_make(self, crew: Crew, world_of: Callable[[str], World]) -> None:
        world = world_of("iceberg+local")
        race(crew, world, ["commit another"], ["commit"] * 8, bug="retries on")
        with pytest.raises(AssertionError, match="committed twice"):
            look(world)

    def test_a_publish_that_makes_way_for_itself(self, crew: Crew, world_of: Callable[[str], World]) -> None:
        works = [f"commit {number}" for number in range(8)]
        answers = race(crew, world_of("parquet+local"), ["commit another"], works, bug="over others")
        assert answers["committed"] > 1

    def test_manifests_that_are_written_without_a_condition(self, crew: Crew, world_of: Callable[[str], World]) -> None:
        world = world_of("iceberg+s3")
        assert race(crew, world, KEPT, ["review"] * 8, bug="without conditions") == {"reviewed": 8}
        assert reviews(world) < 8
