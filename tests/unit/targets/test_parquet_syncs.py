"""What the Parquet target waits for the disk to confirm: all that a commit stands on, and nothing twice."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.targets.parquet import ParquetTarget


class Disk:
    """Notes what is synced, by the names below a folder; staging folders all have one name."""

    def __init__(self, below: Path) -> None:
        self._below = below
        self.synced: list[str] = []

    def __call__(self, operation: str, path: Path) -> AbstractContextManager[object]:
        if operation == "sync":
            parts = path.relative_to(self._below).parts
            staged = parts and parts[0] == ".sluicegate-staging" and len(parts) > 1
            self.synced.append("/".join(("staged", *parts[2:]) if staged else parts) or ".")
        return nullcontext()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def disk(lake: Path) -> Disk:
    return Disk(lake)


@pytest.fixture
def target(lake: Path, disk: Disk) -> ParquetTarget:
    lake.mkdir()
    return ParquetTarget({"path": "lake/{tenant}-{dataset}"}, lake.parent, step=disk)


COMMIT = ["staged/part-00000.parquet", "staged/_sluicegate.json", "staged", f"default-{DATASET}"]


def commit(target: ParquetTarget, disk: Disk, batch_id: str) -> list[str]:
    disk.synced.clear()
    file = parquet_file(target._base / f"{batch_id}.parquet", [1])
    target.commit(commit_request([1], files=(file,), batch_id=batch_id))
    return disk.synced


def settle(folder: Path) -> None:
    """Make the folder's last change a while ago."""
    os.utime(folder, (1_700_000_000, 1_700_000_000))


def test_the_first_commit_makes_every_new_folder_durable_in_the_one_above(target: ParquetTarget, disk: Disk) -> None:
    assert commit(target, disk, "b1") == [".", *COMMIT[:3], ".", COMMIT[3]]


def test_a_folder_that_changed_a_moment_ago_is_synced_each_time(target: ParquetTarget, disk: Disk) -> None:
    commit(target, disk, "b1")
    for batch_id in ("b2", "b3"):
        assert commit(target, disk, batch_id) == [".", *COMMIT[:3], ".", COMMIT[3]]


def test_a_folder_in_which_nothing_came_or_went_is_synced_once(target: ParquetTarget, disk: Disk, lake: Path) -> None:
    commit(target, disk, "b1")
    settle(lake)
    assert commit(target, disk, "b2") == [".", *COMMIT]
    assert commit(target, disk, "b3") == COMMIT


def test_a_dataset_that_somebody_made_anew_is_made_durable_again(target: ParquetTarget, disk: Disk, lake: Path) -> None:
    commit(target, disk, "b1")
    settle(lake)
    commit(target, disk, "b2")
    (lake / f"default-{DATASET}").rename(lake.parent / "away")
    (lake / f"default-{DATASET}").mkdir()  # and died before it was durable
    assert commit(target, disk, "b3") == [".", *COMMIT[:3], ".", COMMIT[3]]
