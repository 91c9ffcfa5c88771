"""The demo, as a newcomer runs it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from sluicegate.cli.main import main

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


def _rows_of_the_table(folder: Path) -> dict[str, int]:
    """By day, as pyiceberg scans the table."""
    house = folder / ".sluicegate" / "demo" / ".sluicegate" / "iceberg"
    catalog = SqlCatalog("sluicegate", uri=f"sqlite:///{house / 'catalog.sqlite'}", warehouse=str(house / "warehouse"))
    try:
        rows = catalog.load_table(("default", "flights")).scan(selected_fields=("year", "month", "day")).to_arrow().to_pylist()
    finally:
        catalog.close()
    return dict(Counter(f"{row['year']}-{row['month']:02}-{row['day']:02}" for row in rows))


def test_the_repaired_batch_is_replayed_by_its_id_and_the_table_holds_what_it_should(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = first
    assert _rows_of_the_table(folder) == {"2013-11-28": 634, "2013-12-31": 776, "2013-02-08": 458}
    said = " ".join(done.stdout.split())
    for words in (
        "quarantine replay q-9f1ce1349f254b8be8a45c81 --with",
        "q-9f1ce1349f254b8be8a45c81 replayed: iceberg:sluicegate.default.flights@",
        "DuckDB reads its 3 files: 1,868 rows",
        "batch-id 2013-02-08",
        "quarantine-id q-9f1ce1349f254b8be8a45c81",
        "decision commit_with_warnings",
        "contract-version 1.0.0",
    ):
        assert words in said
    kept = duckdb.execute(f"SELECT count(*) FROM '{folder}/.sluicegate/demo/quarantine/**/*.parquet'").fetchall()
    assert kept == [(930,)], "the batch as it came stays in the item"


def test_without_pyiceberg_it_says_so_and_uses_a_parquet_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, package=None: None if name == "pyiceberg" else find(name, package)
    )
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "pip install 'sluicegate[iceberg]'" in said
    assert "1,868 rows" in said
    counted = duckdb.execute(f"SELECT count(*) FROM '{tmp_path}/.sluicegate/demo/data/flights/**/*.parquet'").fetchall()
    assert counted == [(1868,)]


def test_the_demo_shows_all_three_ends(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = first
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for words in ("COMMITTED: 634 rows", "COMMITTED WITH WARNINGS: 776 rows", "QUARANTINED: nothing was committed; 930 rows"):
        assert words in " ".join(done.stdout.split())
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith(("  sluicegate", "q-")))


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
    before = sorted(str(path) for path in (folder / ".sluicegate").rglob("*") if path.suffix in {".parquet", ".avro"})
    again = _run(folder, "demo", "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert [run["already_committed"] for run in told["runs"][:2]] == [True, True]
    third = told["runs"][2]
    assert (third["action"], third["rows_committed"], third["other_data"]) == ("committed", 458, True)
    assert [run["other_data"] for run in told["runs"][:2]] == [False, False]
    assert (told["replay"]["status"], told["replay"]["passed"]) == ("replayed", True)
    assert (told["table"]["rows"], len(told["table"]["snapshots"])) == (1868, 3)
    after = sorted(str(path) for path in (folder / ".sluicegate").rglob("*") if path.suffix in {".parquet", ".avro"})
    assert after == before
    held = json.loads(_run(folder, "quarantine", "list", "--json", "--config", ".sluicegate/demo/gate.yaml").stdout)
    assert len(held["items"]) == 1


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    done = _run(tmp_path, "demo", "--dir", "file")
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    assert "--dir" in done.stderr
