"""The folders that items are downloaded into: each goes when it is done with, and those of the dead when somebody clears up."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluicegate.ports.recovery import Recovered
from sluicegate_adapters.quarantine.s3_downloads import Downloads

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
DIES = """
import os, signal, sys
from pathlib import Path
from sluicegate_adapters.quarantine.s3_downloads import Downloads
folder = Downloads(Path(sys.argv[1])).folder("q-1")
(folder / "rows.csv").write_text("a")
print(folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def clear(parent: Path, older_than: datetime, *, dry_run: bool = False) -> list[Recovered]:
    return list(Downloads(parent).leavings(older_than=older_than, dry_run=dry_run))


@pytest.fixture
def dead(tmp_path: Path) -> Path:
    """What a killed process was reading."""
    told = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    return Path(told.stdout.strip())


def test_the_folder_of_a_dead_process_goes_when_it_is_old_enough(tmp_path: Path, dead: Path) -> None:
    assert clear(tmp_path, NOW - timedelta(days=1)) == []
    (told,) = clear(tmp_path, LATER, dry_run=True)
    assert (told.done, told.bytes, dead.exists()) == ("would be removed", 1, True)
    (told,) = clear(tmp_path, LATER)
    assert (told.done, told.where) == ("removed", str(dead.parent))
    assert list(tmp_path.iterdir()) == []
    assert clear(tmp_path, LATER) == []


def test_a_living_process_keeps_what_it_reads_and_others_keep_theirs(tmp_path: Path) -> None:
    living = Downloads(tmp_path)
    file = living.folder("q-1") / "rows.csv"
    file.write_text("a")
    for name in ("sluicegate-quarantine-", "sluicegate-quarantine-abcdefgh", "mine"):
        (tmp_path / name).mkdir()
    assert clear(tmp_path, LATER) == []
    assert file.read_text() == "a"
    living.give_back([tmp_path / "mine" / "x"])
    assert (tmp_path / "mine").is_dir()
    living.give_back([file])
    assert not file.parent.exists()
