"""Connections stay open for the next run: nothing that was promised of a record hangs on when they are closed."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sluicegate.errors import StorageError
from sluicegate.history import SqliteHistory
from tests.unit.history.test_sqlite import RUN, run


@pytest.fixture
def history(tmp_path: Path) -> Iterator[SqliteHistory]:
    history = SqliteHistory(tmp_path / "history.sqlite")
    yield history
    history.close()


def ids(history: SqliteHistory) -> list[str]:
    return [item.run_id for item in history.runs(limit=None)]


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_others_see_a_record_at_once_and_when_all_is_closed_one_file_is_left(history: SqliteHistory, tmp_path: Path) -> None:
    history.record(run(1))
    with closing(SqliteHistory(history.path)) as other:
        assert ids(other) == ["r1"]
        other.record(run(2))
    assert ids(history) == ["r2", "r1"]
    history.close()
    assert files(tmp_path) == {"history.sqlite"}
    history.record(run(3))
    assert files(tmp_path) == {"history.sqlite"}, "one that was closed keeps nothing open"


def test_a_history_that_is_forgotten_closes_what_it_has_open(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.sqlite")
    history.record(RUN)
    assert "history.sqlite-wal" in files(tmp_path)
    del history
    gc.collect()
    assert files(tmp_path) == {"history.sqlite"}


def test_where_the_file_was_moved_away_a_new_history_is_begun_and_the_old_one_is_whole(
    history: SqliteHistory, tmp_path: Path
) -> None:
    history.record(run(1))
    history.path.rename(tmp_path / "old.sqlite")
    (tmp_path / "history.sqlite-wal").rename(tmp_path / "old.sqlite-wal")
    history.record(run(2))
    assert ids(history) == ["r2"]
    with closing(SqliteHistory(tmp_path / "old.sqlite")) as old:
        assert ids(old) == ["r1"]


def test_where_another_history_was_put_in_its_place_that_one_is_used_and_keeps_its_log(
    history: SqliteHistory, tmp_path: Path
) -> None:
    history.record(run(1))
    for suffix in ("", "-wal", "-shm"):
        Path(f"{history.path}{suffix}").rename(tmp_path / f"old{suffix}")
    with closing(SqliteHistory(history.path)) as other:
        other.record(run(2))  # and its connection stays open, on a log of the same name
        assert ids(history) == ["r2"]
        history.record(run(3))
        other.record(run(4))
        with closing(SqliteHistory(history.path)) as third:
            assert ids(third) == ["r4", "r3", "r2"]


def test_a_history_that_was_deleted_is_none(history: SqliteHistory, tmp_path: Path) -> None:
    history.record(run(1))
    for path in tmp_path.iterdir():
        path.unlink()
    assert ids(history) == []
    assert history.get("r1") is None


def test_a_record_that_failed_leaves_no_lock_behind(history: SqliteHistory) -> None:
    history.record(RUN)
    with pytest.raises(StorageError, match="another run"):
        history.record(replace(RUN, rows=5))
    with closing(sqlite3.connect(history.path, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
    history.record(run(2))
    assert ids(history) == ["r2", "r1"]


def test_a_history_whose_schema_was_changed_meanwhile_is_left_alone(history: SqliteHistory) -> None:
    history.record(RUN)
    with closing(sqlite3.connect(history.path)) as other, other:
        other.execute("UPDATE schema_version SET version = 3")
    with pytest.raises(StorageError, match="schema 3"):
        history.record(run(2))


def in_a_process(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    head = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sluicegate.history import SqliteHistory\n"
        "from tests.unit.history.test_sqlite import run\nhistory = SqliteHistory(Path(sys.argv[1]) / 'history.sqlite')\n"
    )
    command = [sys.executable, "-c", head + script, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_what_was_recorded_is_there_when_the_process_is_killed_right_after_it(history: SqliteHistory, tmp_path: Path) -> None:
    done = in_a_process("history.record(run(1))\nhistory.record(run(2))\nos.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    assert done.returncode == -9
    assert ids(history) == ["r2", "r1"]


FORK = """
history.record(run(1))
child = os.fork()
if child == 0:
    history.record(run(2))
    history.record(run(3))
    sys.exit(0)
history.record(run(4))
assert os.waitpid(child, 0)[1] == 0
history.record(run(5))
"""


def test_parent_and_child_of_a_fork_lose_nothing_of_each_other(history: SqliteHistory, tmp_path: Path) -> None:
    done = in_a_process(FORK, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert ids(history) == ["r5", "r4", "r3", "r2", "r1"]
    assert history.get("r3") == run(3)
