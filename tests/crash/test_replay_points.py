"""A replay, a release, a deletion that dies anywhere ends in one place; eight at once end in one place.

The deaths and races themselves are in ``replay_shop``, which runs as a program of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.crash.replay_shop import BAD, FIXED, RACES, WORK, sha

ROOT = Path(__file__).parents[2]


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.crash.replay_shop", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def told(*arguments: str) -> Any:
    done = called(*arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not done.stderr, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", WORK)
def test_killed_anywhere_and_killed_again_it_ends_in_one_place(
    tmp_path: Path, scenario: str, record_property: Callable[[str, object], None]
) -> None:
    seen = told("kill", scenario, str(tmp_path))
    record_property("points", seen["points"])
    record_property("deaths", seen["deaths"])
    assert seen["points"] >= 20
    assert seen["deaths"] > seen["points"]


@pytest.mark.slow
@pytest.mark.parametrize("scenario", RACES)
def test_eight_at_once_end_in_one_place(tmp_path: Path, scenario: str) -> None:
    for seen in told("race", scenario, str(tmp_path))["rounds"]:
        answers, status, committed = seen["answers"], seen["status"], seen["committed"]
        assert set(answers) <= {
            "replayed", "released", "deleted", "committed", "quarantined", "TransientStorageError", "UsageError", "BatchConflict"
        }  # fmt: skip
        assert status in {"replayed", "released", "deleted"}
        assert status != "deleted" or "delete" in scenario
        assert set(committed) <= {sha(BAD), sha(FIXED)}
        assert len(committed) == 1 or (status == "deleted" and "replayed" not in answers)


def test_the_harness_finds_bytes_that_go_before_the_tombstone(tmp_path: Path) -> None:
    done = called("kill", "bytes first", str(tmp_path))
    assert (done.returncode, "is not what was quarantined" in done.stderr) == (1, True)
