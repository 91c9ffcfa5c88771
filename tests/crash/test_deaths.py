"""A command that dies anywhere, and whose recovery dies anywhere, ends in one place: in every world."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.crew import Crew
from tests.crash.deaths import RECOVER, SCENARIOS, Deaths, kill_everywhere
from tests.crash.worlds import World

pytestmark = pytest.mark.slow

Told = Callable[[str, object], None]


def tell(record_property: Told, world: str, deaths: Deaths) -> None:
    """For the summary at the end of the run."""
    for name, value in {"world": world, "points": deaths.points, "killed": deaths.killed, "states": deaths.states}.items():
        record_property(name, value)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_in_parquet_and_a_local_store_every_death_of_a_command_and_of_its_recovery_ends_in_one_place(
    crew: Crew, world_of: Callable[[str], World], scenario: str, record_property: Told
) -> None:
    deaths = kill_everywhere(crew, world_of("parquet+local"), SCENARIOS[scenario])
    tell(record_property, "parquet+local", deaths)
    assert deaths.killed == deaths.points >= 20
    assert deaths.states >= 5


SLOWER = {
    "iceberg+local": ("first commit", "commit", "commit parquet", "passes"),
    "iceberg+s3": ("quarantine", "split", "split, passes", "passes", "fails", "release", "delete", "purge"),
    "parquet on s3+s3": ("first commit", "commit", "commit parquet", "quarantine parquet", "split", "repaired"),
    "iceberg on s3+s3": ("commit parquet", "passes"),
}
"""What is killed in worlds where a worker costs more: what differs from one to the other."""


@pytest.mark.parametrize(("world", "scenario"), [(world, scenario) for world, some in SLOWER.items() for scenario in some])
def test_with_iceberg_and_with_s3_every_state_that_a_death_can_leave_ends_in_one_place(
    crew: Crew, world_of: Callable[[str], World], world: str, scenario: str, record_property: Told
) -> None:
    """Every moment is photographed; really killed is a worker at each ninth, another one for each scenario, and one recovery at each 40th."""
    first = 1 + list(SCENARIOS).index(scenario) % 9
    deaths = kill_everywhere(crew, world_of(world), SCENARIOS[scenario], nth=9, first=first, depth=1, again=40)
    assert deaths.recoveries >= 1
    tell(record_property, world, deaths)
    assert deaths.killed >= 2
    assert deaths.states >= 2


@pytest.mark.parametrize("scenario", ["commit", "commit parquet"])
def test_by_a_branch_that_is_published_every_state_that_a_death_can_leave_ends_in_one_place(
    crew: Crew, world_of: Callable[[str], World], scenario: str, record_property: Told
) -> None:
    deaths = kill_everywhere(crew, world_of("iceberg by a branch+local"), SCENARIOS[scenario], nth=9, depth=1)
    tell(record_property, "iceberg by a branch+local", deaths)
    assert deaths.killed >= 2
    assert deaths.states >= 5


def test_recovery_that_dies_anywhere_is_finished_by_the_next_in_parquet_and_a_local_store(
    crew: Crew, world_of: Callable[[str], World], record_property: Told
) -> None:
    deaths = kill_everywhere(crew, world_of("parquet+local"), RECOVER, depth=1)
    tell(record_property, "parquet+local", deaths)
    assert deaths.killed == deaths.points >= 100
    assert deaths.states >= 15


@pytest.mark.parametrize("world", ["iceberg+s3", "parquet on s3+s3"])
def test_recovery_that_dies_over_a_bucket_is_finished_by_the_next(
    crew: Crew, world_of: Callable[[str], World], world: str, record_property: Told
) -> None:
    """Every moment is photographed, uploads without an end included; really killed is a worker at each ninth."""
    deaths = kill_everywhere(crew, world_of(world), RECOVER, nth=9, first=4, depth=1)
    tell(record_property, world, deaths)
    assert deaths.killed >= 5
    assert deaths.states >= 5
