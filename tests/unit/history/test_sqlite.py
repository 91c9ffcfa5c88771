"""The history: what was recorded is there, whoever else writes, and what can't be read says so."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate.history import RunRecord, SqliteHistory
from sluicegate.history.sqlite import _OTHER_BATCHES

RUN = RunRecord(
    run_id="r1",
    started_at="2026-01-01T10:00:00.000000+00:00",
    seconds=0.25,
    contract_name="flights",
    contract_version="1.0.0",
    contract_sha256="ab" * 32,
    tenant="default",
    dataset="flights",
    batch_id="b1",
    batch_sha256="cd" * 32,
    rows=100,
    decision="commit",
    action="committed",
    location="/lake/flights/batch=b1",
    counts={"passed": 3, "warned": 1},
    verdict={"decision": "commit", "outcomes": [{"check": "ä", "value": None}]},
    figures={"f1": Decimal("0.10"), "f2": 7},
)


def run(number: int, **changes: Any) -> RunRecord:
    """The run of day ``number``, on a batch of its own."""
    stamp = f"2026-01-{number:02}T10:00:00.000000+00:00"
    return replace(RUN, **{"run_id": f"r{number}", "batch_id": f"b{number}", "started_at": stamp, **changes})


@pytest.fixture
def history(tmp_path: Path) -> SqliteHistory:
    return SqliteHistory(tmp_path / "deep" / "history.sqlite")


EVER = "9999-01-01"


def past(
    history: SqliteHistory, *, limit: int = 10, tenant: str = "default", excluding: str = "", until: str = EVER
) -> list[Decimal]:
    return list(history.past_values("flights", "f", limit, until=until, tenant=tenant, excluding_batch_id=excluding))


def committed(history: SqliteHistory, since: str, *, tenant: str = "default", excluding: str = "", until: str = EVER) -> int:
    return history.committed_rows_between("flights", since, until, tenant=tenant, excluding_batch_id=excluding)


def test_before_the_first_run_there_is_nothing_and_no_file(history: SqliteHistory) -> None:
    assert history.runs() == ()
    assert history.get("r1") is None
    assert past(history) == []
    assert committed(history, "2026-01-01") == 0
    assert not history.path.parent.exists()


def test_what_was_recorded_is_read_back(history: SqliteHistory) -> None:
    held = replace(RUN, run_id="r2", action="quarantined", decision="quarantine", quarantine_id="q-1", location="")
    history.record(RUN)
    history.record(held)
    assert history.get("r1") == RUN
    assert history.get("r2") == held
    assert history.get("r3") is None


def test_runs_come_newest_first_and_can_be_filtered(history: SqliteHistory) -> None:
    for number in (2, 1, 3):
        history.record(run(number))
    history.record(run(4, dataset="planes"))
    history.record(run(5, contract_name="other"))
    assert [item.run_id for item in history.runs()] == ["r5", "r4", "r3", "r2", "r1"]
    assert [item.run_id for item in history.runs(limit=2)] == ["r5", "r4"]
    assert len(history.runs(limit=None)) == 5
    assert [item.run_id for item in history.runs(dataset="planes")] == ["r4"]
    assert [item.run_id for item in history.runs(contract="flights", dataset="flights", limit=1)] == ["r3"]
    assert history.runs(dataset="nobody's") == ()


def test_times_of_other_zones_and_widths_sort_as_times(history: SqliteHistory) -> None:
    history.record(run(1, started_at="2026-01-01T10:00:00+00:00"))
    history.record(run(2, started_at="2026-01-01T11:30:00.5+02:00"))
    assert [item.run_id for item in history.runs()] == ["r1", "r2"]
    assert history.runs()[1].started_at == "2026-01-01T09:30:00.500000+00:00"


def test_the_same_record_twice_is_one_and_another_of_its_id_is_refused(history: SqliteHistory) -> None:
    history.record(RUN)
    history.record(RUN)
    assert len(history.runs()) == 1
    with pytest.raises(StorageError, match="another run"):
        history.record(replace(RUN, rows=5))
    assert history.get("r1") == RUN


def test_rows_count_once_per_batch_from_its_first_commit_on(history: SqliteHistory) -> None:
    history.record(run(1))
    history.record(run(2, rows=20))
    history.record(run(3, batch_id="b1"))  # b1 again: it was there already
    history.record(run(4, rows=7, action="quarantined"))
    history.record(run(5, rows=9, action="checked"))
    history.record(run(6, rows=11, tenant="another"))
    history.record(run(7, rows=13, dataset="planes"))
    assert committed(history, "2026-01-01T00:00:00+00:00") == 120
    assert committed(history, "2026-01-01T12:00:00+02:00") == 120
    assert committed(history, "2026-01-01T10:00:01+00:00") == 20
    assert committed(history, "2026-01-01T00:00:00+00:00", until="2026-01-01T10:00:00+00:00") == 100, "later runs are no past"
    assert committed(history, "2026-01-01T00:00:00+00:00", excluding="b2") == 100
    assert committed(history, "2026-01-01T00:00:00+00:00", tenant="another") == 11


def test_the_past_of_a_check_is_what_was_let_through_once_per_batch(history: SqliteHistory) -> None:
    history.record(run(1, figures={"f": 1}))
    history.record(run(2, figures={"f": Decimal("0.10"), "g": 99}))
    history.record(run(3, figures={"f": 3}, action="quarantined", decision="quarantine"))
    history.record(run(4, figures={"f": 4}, action="checked", decision="block"))
    history.record(run(5, figures={"f": 5.5}, action="checked", decision="commit_with_warnings"))
    history.record(run(6, figures={"f": 6}, batch_id="b1"))
    history.record(run(7, figures={"f": 7}, tenant="another"))
    history.record(run(8, figures={"f": 8}, dataset="planes"))
    assert past(history) == [6, Decimal("5.5"), Decimal("0.10")]
    assert past(history, limit=1) == [6]
    assert past(history, excluding="b1") == [Decimal("5.5"), Decimal("0.10")]
    assert past(history, tenant="another") == [7]


def test_other_batches_come_newest_first_each_with_its_latest_run(history: SqliteHistory) -> None:
    history.record(run(1))
    history.record(run(2, action="quarantined", decision="quarantine"))
    history.record(run(3, batch_id="b1", action="checked"))
    history.record(run(4, action="unreadable"))
    history.record(run(5, tenant="another"))
    history.record(run(6, dataset="planes"))
    history.record(run(7))

    def others(limit: int = 10, *, tenant: str = "default", excluding: str = "b7", until: str = EVER) -> list[str]:
        found = history.other_batches("flights", tenant=tenant, excluding_batch_id=excluding, until=until, limit=limit)
        return [item.run_id for item in found]

    assert others() == ["r3", "r2"]
    assert others(excluding="b1") == ["r7", "r2"]
    assert others(1) == ["r3"]
    assert others(until="2026-01-02T23:00:00+00:00") == ["r2", "r1"]
    assert others(tenant="another") == ["r5"]


def test_other_batches_are_found_along_the_index_whatever_the_length_of_the_history(history: SqliteHistory) -> None:
    history.record(run(1))
    with closing(sqlite3.connect(history.path)) as connection:
        plan = " ".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {_OTHER_BATCHES}", ("t", "d", EVER, "b")))
    assert "USING INDEX runs_by_dataset (tenant=? AND dataset=? AND started_at<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_a_figure_is_kept_exactly_and_one_that_is_no_number_is_no_figure(history: SqliteHistory) -> None:
    figures = {"big": 2**70 + 1, "tenth": Decimal("0.1"), "nan": float("nan"), "inf": float("inf"), "none": Decimal("NaN")}
    history.record(run(1, figures=figures))
    found = history.get("r1")
    assert found is not None
    assert found.figures == {"big": Decimal(2**70 + 1), "tenth": Decimal("0.1")}


@pytest.mark.parametrize("content", [b"this is not a database, and long enough to tell" * 100, b"\x00" * 4096])
def test_a_damaged_history_is_named_with_the_cure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(content)
    for ask in (lambda: SqliteHistory(path).runs(), lambda: SqliteHistory(path).record(RUN)):
        with pytest.raises(StorageError, match=r"damaged: .*move it away"):
            ask()
    assert path.read_bytes() == content


def test_a_history_of_a_later_version_is_left_alone(history: SqliteHistory) -> None:
    history.record(RUN)
    with closing(sqlite3.connect(history.path)) as connection, connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(StorageError, match=r"has schema 99.*upgrade"):
        history.record(run(2))
    with pytest.raises(StorageError, match="has schema 99"):
        history.runs()


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE theirs (a INTEGER)")
    with pytest.raises(StorageError, match="has schema 0"):
        SqliteHistory(path).record(RUN)


def test_an_empty_file_becomes_a_history(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.touch()
    SqliteHistory(path).record(RUN)
    assert SqliteHistory(path).get("r1") == RUN


def test_a_history_that_stays_locked_is_a_transient_error(history: SqliteHistory) -> None:
    history.record(RUN)
    impatient = SqliteHistory(history.path, busy_seconds=0)
    with closing(sqlite3.connect(history.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TransientStorageError, match="locked by another process"):
            impatient.record(run(2))
        assert impatient.get("r1") == RUN  # who only reads is not kept waiting
    impatient.record(run(2))


@pytest.mark.parametrize("where", ["file/history.sqlite", "folder"])
def test_a_path_that_can_hold_no_history_is_a_storage_error(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=r"name another history\.path"):
        SqliteHistory(tmp_path / where).record(RUN)


WRITER = """
import json, sys
from dataclasses import asdict, replace
from pathlib import Path
from sluicegate.history import RunRecord, SqliteHistory
history, run = SqliteHistory(Path(sys.argv[1])), RunRecord(**json.loads(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(3):
    history.record(replace(run, run_id=f"w{sys.argv[2]}-{number}", figures={"f": number}))
"""


def test_eight_processes_that_begin_one_history_at_once_lose_nothing(history: SqliteHistory) -> None:
    run = json.dumps({**asdict(RUN), "figures": {}})
    command = [sys.executable, "-c", WRITER, str(history.path)]
    writers = [
        subprocess.Popen([*command, str(writer), run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for writer in range(8)
    ]
    assert [writer.stdout.readline() for writer in writers if writer.stdout] == ["ready\n"] * 8
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.communicate(timeout=120)[0] for writer in writers] == [""] * 8
    assert [writer.returncode for writer in writers] == [0] * 8
    assert len(history.runs(limit=None)) == 24
    assert not list(history.path.parent.glob("*.tmp*"))


def test_threads_share_one_history(history: SqliteHistory) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: history.record(replace(RUN, run_id=f"t{number}")), range(16)))
    assert len(history.runs(limit=None)) == 16


def test_the_module_does_not_load_sqlite_before_it_is_needed() -> None:
    code = "import sys; import sluicegate.history; print('sqlite3' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
