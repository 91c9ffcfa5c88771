"""The harness' own proof: with a bug planted, killing everywhere and looking at the truth must fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.crew import Crew
from tests.crash.deaths import SCENARIOS, kill_everywhere
from tests.crash.worlds import World


@pytest.mark.parametrize(
    "case",
    [
        ("parquet+local", "commit", "file by file", "the target's rows are the union of the committed batches"),
        ("parquet+local", "quarantine", "manifest first", "has its bytes"),
        ("parquet+local", "delete", "bytes first", "has its bytes"),
        ("iceberg+s3", "quarantine", "manifest first", "has its bytes"),
        ("iceberg+s3", "delete", "bytes first", "has its bytes"),
    ],
)
def test_the_harness_finds_a_planted_bug(crew: Crew, world_of: Callable[[str], World], case: tuple[str, str, str, str]) -> None:
    world, scenario, bug, seen = case
    with pytest.raises(AssertionError, match=seen):
        kill_everywhere(crew, world_of(world), SCENARIOS[scenario], bug=bug)
