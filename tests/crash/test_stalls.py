"""A worker that stalls anywhere until its lease is over, while another does something with its item, and then wakes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.crew import DAY, NOW, Crew
from tests.crash.shop import BAD, OTHERS, sha
from tests.crash.truth import Seen, at_rest, look
from tests.crash.worlds import World

pytestmark = pytest.mark.slow
_DECIDE = {"put_object", "complete_multipart_upload"}


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


def deleted_meanwhile(crew: Crew, world: World, *, bug: str = "") -> Seen:
    """A replay stalls past its lease while it stages the batch, its item is deleted, and it goes on with the bytes that it has."""
    world.open()
    crew.do(world.place, "commit another", "quarantine")
    worker = crew.start(world.place, "passes", at="every", then="stop", bug=bug)
    while (said := worker.wait()).operation != "write parquet":
        assert said.end == "stopped"
        worker.go()
    crew.do(world.place, "delete", now=NOW + DAY)
    worker.go(to_the_end=True)
    assert worker.wait().end == "done"
    return at_rest(world)


def test_a_replay_that_stalled_commits_nothing_that_was_deleted_meanwhile(crew: Crew, world_of: Callable[[str], World]) -> None:
    seen = deleted_meanwhile(crew, world_of("iceberg+s3"))
    assert (seen.status, seen.contents) == ("deleted", ())


def test_without_the_last_look_it_would_and_no_target_could_know(crew: Crew, world_of: Callable[[str], World]) -> None:
    seen = deleted_meanwhile(crew, world_of("iceberg+s3"), bug="no last look")
    assert (seen.status, seen.contents) == ("deleted", (sha(BAD),))


def overtaken(crew: Crew, world: World, *, bug: str = "") -> tuple[str, ...]:
    """A commit stalls right before the request that decides; another's with other content is made, and that worker dies of it.

    Returns:
        What the first is told then.
    """
    world.open()
    worker = crew.start(world.place, "commit 0", at="deciding", then="stop", bug=bug)
    assert worker.wait().end == "stopped"
    other = crew.start(world.place, "commit 1", at="every", then="stop")
    while (said := other.wait()).operation not in _DECIDE or said.when == "before" or not look(world).contents:
        assert said.end == "stopped"
        other.go()
    other.kill()
    before = look(world)
    assert before.contents == (sha(OTHERS[1]),)
    worker.go(to_the_end=True)
    answers = worker.wait().answers
    look(world, before)
    return answers


def test_a_commit_to_a_bucket_that_was_overtaken_is_told_so(crew: Crew, world_of: Callable[[str], World]) -> None:
    assert overtaken(crew, world_of("parquet on s3+s3")) == ("BatchConflict",)


def test_without_its_condition_it_would_write_over_what_is_committed(crew: Crew, world_of: Callable[[str], World]) -> None:
    with pytest.raises(AssertionError, match="what is committed stays"):
        overtaken(crew, world_of("parquet on s3+s3"), bug="created over")


@pytest.mark.parametrize("world", ["iceberg+s3", "parquet on s3+s3"])
def test_conditional_writes_that_are_sent_twice_are_known_for_ones_own(
    crew: Crew, world_of: Callable[[str], World], world: str
) -> None:
    """Should a client repeat them after all: what is there tells whose write it was, not the answer."""
    place = world_of(world)
    place.open()
    said = crew.do(place.place, "commit another", "quarantine", "review", "passes", bug="sent twice")
    assert said.answers == ("committed", "quarantined", "reviewed", "replayed")
    seen = at_rest(place)
    assert seen.item is not None
    assert [step.status.value for step in seen.item.history] == ["quarantined", "reviewed", "replaying", "replayed"]
