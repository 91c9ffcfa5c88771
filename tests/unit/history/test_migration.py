"""Histories of older versions are brought up to date in place, and lose nothing."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sluicegate.errors import StorageError
from sluicegate.history import SqliteHistory
from tests.unit.history.alerts import NOW, alert
from tests.unit.history.test_sqlite import run

V1 = Path(__file__).parents[2] / "golden" / "history" / "v1.sqlite"
"""Two runs, the first with a figure, recorded by the last version that knew no outbox."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return Path(shutil.copy(V1, tmp_path / "history.sqlite"))


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])


def tables(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name"))


def test_an_older_history_can_be_read_and_is_left_as_it_is(old: Path) -> None:
    with closing(SqliteHistory(old)) as history:
        assert [each.run_id for each in history.runs()] == ["r2", "r1"]
        first = history.get("r1")
    assert first is not None
    assert (first.figures, version(old)) == ({"f": 3}, 1)


def test_an_older_history_is_brought_up_to_date_by_who_records(old: Path, tmp_path: Path) -> None:
    with closing(SqliteHistory(old)) as history:
        before = history.runs()
        history.record(run(3), alert=alert())
        assert history.runs()[1:] == before
        assert history.outbox.waiting() == (alert(),)
    with closing(SqliteHistory(tmp_path / "new.sqlite")) as new:
        new.record(run(1))
    assert version(old) == 2
    assert tables(old) == tables(new.path)


def test_an_older_history_is_brought_up_to_date_by_who_asks_its_outbox(old: Path) -> None:
    with closing(SqliteHistory(old)) as history:
        assert not history.outbox.pending(NOW)
    assert version(old) == 2


def test_a_history_without_a_known_version_is_left_alone(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 0")
    for ask in (lambda: SqliteHistory(old).runs(), lambda: SqliteHistory(old).record(run(3))):
        with pytest.raises(StorageError, match="schema 0"):
            ask()


WRITER = """
import sys
from pathlib import Path
from sluicegate.history import SqliteHistory
from tests.unit.history.alerts import alert
from tests.unit.history.test_sqlite import run
history, me = SqliteHistory(Path(sys.argv[1])), sys.argv[2]
assert len(history.runs()) == 2
print("ready", flush=True)
sys.stdin.readline()
for number in range(3):
    history.record(run(5, run_id=f"w{me}-{number}"), alert=alert(f"w{me}-{number}"))
"""


def test_eight_processes_that_bring_one_up_to_date_at_once_lose_nothing(old: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(old)]
    root = Path(__file__).parents[3]
    writers = [
        subprocess.Popen([*command, str(writer)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
        for writer in range(8)
    ]
    assert [writer.stdout.readline() for writer in writers if writer.stdout] == ["ready\n"] * 8
    assert version(old) == 1
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.communicate(timeout=120)[0] for writer in writers] == [""] * 8
    assert [writer.returncode for writer in writers] == [0] * 8
    with closing(SqliteHistory(old)) as history:
        assert len(history.runs(limit=None)) == 26
        assert len(history.outbox.waiting()) == 24
    assert version(old) == 2
