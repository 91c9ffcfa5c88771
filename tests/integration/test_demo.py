"""The demo, as a newcomer runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_COMMAND = str(Path(sys.executable).parent / "sluicegate")


def _run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    found = {"PATH": f"{Path(_COMMAND).parent}:{os.environ['PATH']}"}
    env = {key: value for key, value in os.environ.items() if key != "SLUICEGATE_CONFIG"} | found | environment
    return subprocess.run([_COMMAND, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("newcomer")
    return folder, _run(folder, "demo", COLUMNS="80")


def test_the_demo_shows_all_three_ends(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = first
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in ("COMMITTED: 634 rows", "COMMITTED WITH WARNINGS: 776 rows", "QUARANTINED: nothing was committed; 930 rows"):
        assert words in " ".join(done.stdout.split())
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith(("  sluicegate", "next:")))


def test_the_commands_that_it_proposes_work(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = first
    proposed = [line.split() for line in done.stdout.splitlines() if line.startswith("  sluicegate ")]
    assert len(proposed) >= 4
    for command in proposed:
        if "NAME" in command:
            continue
        tried = _run(folder, *command[1:])
        assert tried.returncode == 0, (command, tried.stdout, tried.stderr)


def test_where_the_shell_does_not_find_us_the_proposed_commands_name_our_path(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = first
    said = _run(folder, "demo", "--quiet", PATH="/usr/bin:/bin").stdout
    (command,) = (line.strip() for line in said.splitlines() if " history " in line)
    tried = subprocess.run(
        command, shell=True, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, (command, tried.stderr)


def test_again_it_changes_nothing(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = first
    before = sorted(str(path) for path in (folder / ".sluicegate").rglob("*.parquet"))
    again = _run(folder, "demo", "--json")
    assert again.returncode == 0, again.stderr
    runs = json.loads(again.stdout)["runs"]
    assert [run["action"] for run in runs] == ["committed", "committed", "quarantined"]
    assert [run["already_committed"] for run in runs] == [True, True, None]
    assert sorted(str(path) for path in (folder / ".sluicegate").rglob("*.parquet")) == before
    held = json.loads(_run(folder, "quarantine", "list", "--json", "--config", ".sluicegate/demo/gate.yaml").stdout)
    assert len(held["items"]) == 1


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    done = _run(tmp_path, "demo", "--dir", "file")
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert "--dir" in done.stderr
