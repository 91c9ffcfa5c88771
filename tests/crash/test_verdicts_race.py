"""Workers whose verdicts differ, at the same moment: their contracts have different versions, say. One decision stands, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.crew import Crew
from tests.crash.shop import BAD, sha
from tests.crash.test_races import race
from tests.crash.truth import at_rest, look
from tests.crash.worlds import World

pytestmark = pytest.mark.slow
WORLDS = ("parquet+local", "iceberg+s3")


@pytest.fixture(params=WORLDS)
def world(
    request: pytest.FixtureRequest, world_of: Callable[[str], World], record_property: Callable[[str, object], None]
) -> World:
    record_property("world", request.param)
    record_property("races", 1)
    return world_of(request.param)


@pytest.mark.parametrize("order", [("commit", "quarantine"), ("quarantine", "commit")], ids="-".join)
def test_of_eight_that_commit_and_quarantine_one_batch_all_leave_it_in_one_place(
    crew: Crew, world: World, order: tuple[str, str]
) -> None:
    answers = race(crew, world, ["commit another"], order * 4)
    seen = at_rest(world)
    assert set(answers) <= {"committed", "quarantined"}
    assert seen.item is not None
    if seen.contents:
        assert answers["committed"] >= 4, "who was to commit it is told that it is"
        assert seen.status == "replayed"
        assert "a run of the gate had committed it" in seen.item.history[-1].why
    else:
        assert (answers, seen.status) == ({"quarantined": 8}, "quarantined")


def test_what_is_committed_with_other_content_in_the_moment_of_a_quarantine_loses_nothing(crew: Crew, world: World) -> None:
    works = [work for number in range(4) for work in ("quarantine", f"commit {number}")]
    answers = race(crew, world, ["commit another"], works)
    seen = look(world)
    assert answers["committed"] == 1
    assert answers["committed"] + answers["BatchConflict"] + answers["quarantined"] == 8
    assert (seen.status, len(seen.contents), sha(BAD) in seen.contents) == ("quarantined", 1, False)
