"""No step reads a batch whole: a batch eighty times as large takes a process hardly more memory than a small one.

Whole processes of the command line, each measured by its peak of resident memory. DuckDB is given 100 MB and one thread, so that
what it keeps because it may doesn't hide what we would keep.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from benchmarks.measure import once

from sluicegate.gate.gate import Gate
from tests.integration.orders import write_contracts
from tests.s3.servers import new_bucket, running_server, settings_for

pytestmark = pytest.mark.slow

SMALL, LARGE = 45_000, 3_600_000
ALLOWED_MB = 80
"""How much more the large batch may take: far less than its 259 MB, far more than the allocators' moods."""
_TOOL = str(Path(sys.executable).with_name("sluicegate"))


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``small`` and ``large``: one file each, of nine columns that don't compress, in a ``key=value`` folder."""
    folder = tmp_path_factory.mktemp("batches")
    columns = ", ".join(f"CAST(hash(i + {number}) >> 1 AS BIGINT) AS h{number}" for number in range(8))
    for name, rows in (("small", SMALL), ("large", LARGE)):
        path = folder / name / "day=1" / "orders.parquet"
        path.parent.mkdir(parents=True)
        with duckdb.connect(config={"threads": "1"}) as connection:
            copied = f"COPY (SELECT i AS n, {columns} FROM range({rows}) t(i)) TO '{path}'"
            connection.execute(f"{copied} (FORMAT parquet, COMPRESSION uncompressed)")
    assert path.stat().st_size > 3 * ALLOWED_MB * 1e6
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


def shop(folder: Path, **profile: Mapping[str, Any]) -> Path:
    folder.mkdir()
    write_contracts(folder)
    (folder / "gate.yaml").write_text(json.dumps({"batch": {"memory_limit": "100MB", "threads": 1}, **profile}))
    return folder


def peak(folder: Path, *arguments: str, exits: int = 0) -> float:
    """The peak of one process of ours, in MB."""
    return once([_TOOL, *arguments, "--config", "gate.yaml", "--quiet"], {exits}, folder).peak_mb


def held(folder: Path) -> str:
    """The ID of the one item."""
    (item,) = Gate.from_config(folder / "gate.yaml").quarantine_store.list()
    return item.quarantine_id


def file(batches: Path, name: str) -> str:
    return str(batches / name / "day=1" / "orders.parquet")


def grown(small: float, large: float) -> float:
    assert small > 30, "that is no process of ours"
    return large - small


@pytest.mark.parametrize(
    ("target", "written"),
    [("parquet", False), ("iceberg", False), ("parquet", True)],
    ids=["copied to Parquet", "copied to Iceberg", "written anew"],
)
def test_a_commit_streams(tmp_path: Path, batches: Path, target: str, written: bool) -> None:
    peaks = []
    for name in ("small", "large"):
        folder = shop(tmp_path / name, target={"type": target})
        batch = str(batches / name) if written else file(batches, name)  # a folder's key is a column that the file lacks
        peaks.append(peak(folder, "run", "loose.yaml", batch))
    assert grown(*peaks) < ALLOWED_MB


@pytest.mark.parametrize("store", ["local", "s3"])
def test_a_quarantine_and_its_replay_stream(tmp_path: Path, batches: Path, server: str, store: str) -> None:
    kept, replayed = [], []
    for name in ("small", "large"):
        settings = {} if store == "local" else settings_for(server, new_bucket(server), scratch=str(tmp_path))
        folder = shop(tmp_path / name, quarantine={"type": store, **settings})
        kept.append(peak(folder, "run", "strict.yaml", file(batches, name), exits=3))
        replayed.append(peak(folder, "quarantine", "replay", held(folder), "--with", "loose.yaml"))
    assert grown(*kept) < ALLOWED_MB
    assert grown(*replayed) < ALLOWED_MB
