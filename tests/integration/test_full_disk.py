"""A disk that is really full, wherever the gate writes: exit 6, clear words, nothing half done, and it works once there is room.

The disk is a filesystem of a few megabytes in memory, mounted for the test, with one place of the profile on it; where this user may
not mount, these tests are skipped, and those that limit the size of files (``test_acting``) remain.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluicegate.cli.main import main
from tests.integration.orders import write_contracts
from tests.s3.servers import new_bucket, running_server, settings_for

pytestmark = pytest.mark.slow

ROWS = 400_000
_QUARANTINED, _ENGINE_BROKE, _ENVIRONMENT_FAILED = 3, 5, 6


class Disk:
    """A filesystem of 2 MB."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def grow(self) -> None:
        """Make room."""
        subprocess.run(["mount", "-o", "remount,size=256m", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a filesystem")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a batch of 6 MB, a contract that it passes, and one that it doesn't."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLUICEGATE_CONFIG", raising=False)
    with duckdb.connect() as connection:
        query = f"SELECT i AS n, CAST(hash(i) >> 1 AS BIGINT) AS h FROM range({ROWS}) t(i)"
        connection.execute(f"COPY ({query}) TO 'orders.parquet' (FORMAT parquet, COMPRESSION uncompressed)")
    write_contracts(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


def profile(shop: Path, **keys: Any) -> None:
    (shop / "gate.yaml").write_text(json.dumps(keys))


def gate(*arguments: str) -> int:
    return main([*arguments, "--config", "gate.yaml"])


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def held(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert gate("quarantine", "list", "--json") == 0
    items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["items"]
    return items


def refused(code: int, capsys: pytest.CaptureFixture[str], shop: Path, before: bytes) -> None:
    """It ended as a full disk has to end, and the input is what it was."""
    assert code == _ENVIRONMENT_FAILED
    words = told(capsys)
    assert "o space left on device" in words
    assert "free some space" in words
    assert "Traceback" not in words
    assert (shop / "orders.parquet").read_bytes() == before


@pytest.mark.parametrize("target", ["parquet", "iceberg"])
def test_a_commit_to_a_full_disk_commits_nothing_and_works_when_there_is_room(
    shop: Path, disk: Disk, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = {"path": f"{disk.folder}/{{tenant}}/{{dataset}}"} if target == "parquet" else {}
    catalog = {"catalog": {"warehouse": str(disk.folder)}} if target == "iceberg" else {}
    profile(shop, target={"type": target, **place, **catalog})
    before = (shop / "orders.parquet").read_bytes()
    refused(gate("run", "loose.yaml", "orders.parquet"), capsys, shop, before)
    assert [path for path in disk.folder.rglob("*.parquet") if path.is_file()] == [], "half a copy would keep a full disk full"
    assert held(capsys) == []
    disk.grow()
    assert gate("run", "loose.yaml", "orders.parquet", "--json") == 0
    assert json.loads(capsys.readouterr().out)["already_committed"] is False
    (data,) = disk.folder.rglob("*.parquet")
    assert duckdb.execute(f"SELECT count(*) FROM read_parquet('{data}', hive_partitioning = false)").fetchall() == [(ROWS,)]


def test_a_quarantine_on_a_full_disk_keeps_nothing_and_works_when_there_is_room(
    shop: Path, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    profile(shop, quarantine={"type": "local", "path": str(disk.folder)})
    before = (shop / "orders.parquet").read_bytes()
    refused(gate("run", "strict.yaml", "orders.parquet"), capsys, shop, before)
    assert held(capsys) == []
    assert [path for path in disk.folder.rglob("*.parquet") if path.is_file()] == []
    disk.grow()
    assert gate("run", "strict.yaml", "orders.parquet") == _QUARANTINED
    (item,) = held(capsys)
    assert gate("quarantine", "verify", item["quarantine_id"]) == 0


def replayed_once_there_is_room(shop: Path, disk: Disk, capsys: pytest.CaptureFixture[str], before: bytes) -> None:
    (item,) = held(capsys)
    replay = ("quarantine", "replay", item["quarantine_id"], "--with", "loose.yaml")
    refused(gate(*replay), capsys, shop, before)
    assert [found["status"] for found in held(capsys)] == ["quarantined"]
    disk.grow()
    assert gate(*replay) == 0
    assert [found["status"] for found in held(capsys)] == ["replayed"]


def test_a_replay_from_s3_that_has_no_room_for_its_download_leaves_the_item_waiting(
    shop: Path, disk: Disk, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    profile(shop, quarantine={"type": "s3", **settings_for(server, new_bucket(server)), "scratch": str(disk.folder)})
    before = (shop / "orders.parquet").read_bytes()
    assert gate("run", "strict.yaml", "orders.parquet") == _QUARANTINED
    replayed_once_there_is_room(shop, disk, capsys, before)


def test_a_replay_whose_target_is_full_gives_the_item_back(shop: Path, disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    profile(shop, target={"type": "parquet", "path": f"{disk.folder}/{{tenant}}/{{dataset}}"})
    before = (shop / "orders.parquet").read_bytes()
    assert gate("run", "strict.yaml", "orders.parquet") == _QUARANTINED
    replayed_once_there_is_room(shop, disk, capsys, before)


def test_a_batch_that_has_no_room_to_spill_is_not_called_unreadable_and_goes_through_when_there_is(
    shop: Path, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    profile(shop, batch={"memory_limit": "100MB", "threads": 1, "temp_directory": str(disk.folder)})
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i AS n, repeat(CAST(hash(i) AS VARCHAR), 10) AS t FROM range(700000) t(i)) TO 'more.csv'"
        )
    before = (shop / "more.csv").read_bytes()
    assert gate("run", "loose.yaml", "more.csv") == _ENVIRONMENT_FAILED
    words = told(capsys)
    assert "or the room to spill to" in words
    assert "batch.temp_directory" in words
    assert "Traceback" not in words
    assert (list(disk.folder.iterdir()), held(capsys)) == ([], [])
    assert not (shop / ".sluicegate" / "data").exists()
    assert (shop / "more.csv").read_bytes() == before
    disk.grow()
    assert gate("run", "loose.yaml", "more.csv") == 0


def test_a_check_that_has_no_room_to_spill_closes_the_gate_and_a_replay_finds_room(
    shop: Path, disk: Disk, capsys: pytest.CaptureFixture[str]
) -> None:
    contract = (
        (shop / "loose.yaml")
        .read_text()
        .replace("  violation", "      - {type: aggregate, column: h, function: distinct_count, min: 1}\n  violation")
    )
    (shop / "loose.yaml").write_text(contract)
    profile(shop, batch={"memory_limit": "10MB", "threads": 1, "temp_directory": str(disk.folder)})
    assert gate("run", "loose.yaml", "orders.parquet") == _ENGINE_BROKE
    said = "".join(capsys.readouterr())
    assert "memory_limit" in said
    assert "Traceback" not in said
    assert not (shop / ".sluicegate" / "data").exists()
    (item,) = held(capsys)
    disk.grow()
    assert gate("quarantine", "replay", item["quarantine_id"], "--with", "loose.yaml") == 0
