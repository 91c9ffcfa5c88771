"""What engines, targets and stores get of a batch."""

from __future__ import annotations

import gc
import hashlib
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from sluicegate.batch.database import Database, interruptible
from sluicegate.batch.source import BatchSettings, open_batch
from sluicegate.errors import BatchUnreadable, EngineError, UsageError
from sluicegate.ports.fingerprint import combined_sha256
from tests.unit.batch.support import read, text, write

ENDLESS = "SELECT sum(sqrt(range)) FROM range(1000000000000)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "a.parquet", "SELECT i AS a, TIMESTAMPTZ '2013-01-01 23:30:00+00' AS t FROM range(10) r(i)")


@pytest.mark.parametrize("batch_id", ["a", "2013-02-08", "A.b_c-9", "x" * 128])
def test_a_batch_id_is_taken_as_given(path: Path, batch_id: str) -> None:
    with open_batch(path, batch_id=batch_id) as batch:
        assert batch.batch_id == batch_id


@pytest.mark.parametrize("batch_id", ["", ".", "..", "../x", "a/b", "-a", "a b", "ä", "a\n", "x" * 129])
def test_a_batch_id_that_could_leave_its_folder_is_refused(path: Path, batch_id: str) -> None:
    with pytest.raises(UsageError, match="can't be a batch_id"):
        open_batch(path, batch_id=batch_id)


def test_the_fingerprint_of_one_file_is_its_sha256_and_derives_the_batch_id(path: Path) -> None:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with open_batch(path) as batch:
        assert batch.content_sha256 == sha256
        assert batch.batch_id == sha256[:16]
        assert batch.file_sha256 == {path: sha256}


def test_the_fingerprint_of_several_files_is_what_targets_compute_from_their_copies(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"in/{i}.parquet", f"SELECT {i} AS a") for i in (1, 2)]
    with open_batch(tmp_path / "in") as batch:
        expected = combined_sha256([(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths])
        assert batch.content_sha256 == expected


def test_the_same_bytes_in_another_partition_are_another_batch(tmp_path: Path) -> None:
    found = set()
    for place in ("a/day=1", "a2/day=1", "b/day=2"):
        folder = (tmp_path / place).parent
        write(tmp_path / place / "part.parquet", "SELECT 1 AS a")
        with open_batch(folder) as batch:
            found.add(batch.content_sha256)
    assert len(found) == 2


def test_a_file_that_changes_while_the_gate_works_is_noticed(path: Path) -> None:
    with open_batch(path) as batch:
        batch.check_unchanged()
        content = path.read_bytes()
        replacement = path.with_name("new")
        replacement.write_bytes(content[:-1] + b"X")
        replacement.replace(path)
        with pytest.raises(BatchUnreadable, match="changed while the gate was at work"):
            batch.check_unchanged()
        with pytest.raises(BatchUnreadable, match="changed"):
            _ = batch.content_sha256


def test_a_file_that_disappears_is_noticed(path: Path) -> None:
    with open_batch(path) as batch:
        path.unlink()
        with pytest.raises(BatchUnreadable, match="changed while"):
            batch.check_unchanged()


def test_sessions_are_in_utc_whatever_the_machine_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with open_batch(path) as batch:
        for connection in (batch.view().connect(), batch.view().connect()):
            assert connection.execute("SELECT DISTINCT t::VARCHAR, t::DATE::VARCHAR FROM batch").fetchall() == [
                ("2013-01-01 23:30:00+00", "2013-01-01")
            ]


def test_views_share_the_batch_but_not_temporary_objects(path: Path) -> None:
    with open_batch(path) as batch:
        one, other = batch.view().connect(), batch.view().connect()
        one.execute("CREATE TEMP TABLE mine AS SELECT 1")
        with pytest.raises(duckdb.CatalogException):
            other.execute("SELECT * FROM mine")
        assert other.execute("SELECT count(*) FROM batch").fetchone() == (10,)


@pytest.mark.skipif(duckdb.__version__.startswith("1.0."), reason="DuckDB 1.0 can't allow single files")
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM read_text('{folder}/*')",
        "SELECT * FROM sniff_csv('{secret}')",
        "SELECT * FROM glob('{folder}/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.db'",
        "EXPORT DATABASE '{folder}/export'",
        "INSTALL httpfs",
        "LOAD '{folder}/x.duckdb_extension'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET allowed_directories = ['/']",
    ],
)
def test_no_statement_reaches_beyond_the_batch(path: Path, tmp_path: Path, statement: str) -> None:
    text(tmp_path / "secret.csv", "a\n1\n")
    for source in (path, pa.table({"a": [1]}), text(tmp_path / "b.csv", "a\n1\n")):
        with open_batch(source) as batch, pytest.raises(duckdb.Error):
            batch.view().connect().execute(statement.format(secret=tmp_path / "secret.csv", folder=tmp_path)).fetchall()
    assert {item.name for item in tmp_path.iterdir()} == {"a.parquet", "b.csv", "secret.csv"}


@pytest.mark.skipif(duckdb.__version__.startswith("1.0."), reason="DuckDB 1.0 has no such setting")
def test_sql_sees_no_python_variables(path: Path) -> None:
    secret = pa.table({"a": [1]})
    with open_batch(path) as batch, pytest.raises(duckdb.CatalogException):
        batch.view().connect().execute("SELECT * FROM secret").fetchall()
    assert secret


INTERRUPTED = """
import os, signal, threading
from contextlib import closing
import duckdb
from sluicegate.batch.database import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)

@interruptible()
def interrupted():
    with closing(duckdb.connect()) as connection:
        connection.execute("SET threads = 1")
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        connection.execute({statement!r})

try:
    interrupted()
except KeyboardInterrupt as error:
    print(error.__cause__)
"""


def test_an_interrupt_in_the_middle_of_a_statement_is_an_interrupt() -> None:
    # A program of its own: tests that were started in the background ignore Ctrl-C, and so would wait for ever.
    program = [sys.executable, "-c", INTERRUPTED.format(statement=ENDLESS)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("Query interrupted\n", "")


def test_another_runtime_error_is_no_interrupt() -> None:
    with pytest.raises(RuntimeError, match="else"), interruptible():
        raise RuntimeError("something else")


def test_an_interrupted_view_stops_its_query_and_starts_no_other(path: Path) -> None:
    with open_batch(path) as batch:
        view = batch.view()
        connection = view.connect()
        caught: list[BaseException] = []
        started = threading.Event()

        def work() -> None:
            started.set()
            try:
                connection.execute(ENDLESS).fetchall()
            except duckdb.Error as error:
                caught.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        started.wait()
        while thread.is_alive():  # the query may not have begun yet
            view.interrupt()
            thread.join(0.01)
        assert isinstance(caught[0], duckdb.InterruptException)
        with pytest.raises(EngineError, match="interrupted"):
            view.connect()
        assert batch.view().connect().execute("SELECT count(*) FROM batch").fetchone() == (10,)


def test_closing_does_not_wait_for_an_abandoned_thread(path: Path) -> None:
    done, release = threading.Event(), threading.Event()
    with open_batch(path) as batch:
        view = batch.view()
        connection = view.connect()

        def work() -> None:
            with pytest.raises(duckdb.Error):
                connection.execute(ENDLESS).fetchall()
            release.wait()
            connection.execute("SELECT 1")
            done.set()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        view.interrupt()
    while thread.is_alive() and not done.is_set():
        connection.interrupt()
        release.set()
        thread.join(0.01)
    assert done.is_set()


def test_an_abandoned_batch_is_closed_while_its_fingerprint_is_computed() -> None:
    with open_batch(pa.table({"a": range(1_000_000)})) as batch:
        batch.view()


def test_references_are_views_of_their_own_with_their_schemas(path: Path, tmp_path: Path) -> None:
    planes = text(tmp_path / "planes.csv", "tailnum,year\nN1,2004\n")
    with open_batch(path, references={"air planes": planes, "self": path}) as batch:
        view = batch.view()
        assert [column.native for column in batch.reference_schemas["air planes"]] == ["VARCHAR", "BIGINT"]
        assert view.connect().execute(f"SELECT * FROM {view.references['air planes']}").fetchall() == [("N1", 2004)]
        assert view.connect().execute(f"SELECT count(*) FROM {view.references['self']}").fetchone() == (10,)


def test_a_reference_that_is_missing_or_broken_is_named(path: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"reference dataset 'planes'.*no such file"):
        open_batch(path, references={"planes": tmp_path / "planes.parquet"})
    with pytest.raises(BatchUnreadable, match="reference dataset 'planes'"):
        open_batch(path, references={"planes": text(tmp_path / "planes.parquet", "")})
    with pytest.raises(BatchUnreadable, match="reference dataset 'planes'"):
        open_batch(path, references={"planes": text(tmp_path / "planes.csv", "a,b\n1\n")})


def test_a_batch_larger_than_its_memory_spills_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "SELECT hash(i) AS a, hash(i)::VARCHAR AS s FROM range(1500000) r(i)")
    scratch = tmp_path / "scratch"
    with open_batch(path, settings=BatchSettings(memory_limit="60MB", threads=1, temp_directory=scratch)) as batch:
        connection = batch.view().connect()
        found = connection.execute("SELECT count(*) FROM (SELECT s FROM batch GROUP BY s)").fetchone()
        assert found == (1_500_000,)
    assert not scratch.exists() or not list(scratch.iterdir())


def limit_of(database: Database) -> str:
    (limit,) = database.root.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
    database.close(busy=False)
    return str(limit)


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        (BatchSettings(threads=1), "286.1 MiB"),  # 300 MB
        (BatchSettings(threads=8), "762.9 MiB"),  # 800 MB
        (BatchSettings(threads=1, memory_limit="2GB"), "1.8 GiB"),
    ],
    ids=["the least", "by threads", "as set"],
)
def test_a_batch_leaves_the_memory_to_others_unless_it_is_told_otherwise(settings: BatchSettings, limit: str) -> None:
    assert limit_of(Database(settings)) == limit


def test_on_a_small_machine_a_batch_takes_no_more_than_duckdb_would() -> None:
    database = Database(BatchSettings(threads=1))
    database.root.execute("SET memory_limit = '100MiB'")  # as DuckDB does where 125 MiB are all that there is
    database._stay_small()
    assert limit_of(database) == "100.0 MiB"


def test_a_batch_that_nobody_closes_leaves_no_folder_behind(path: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    batch = open_batch(path, settings=BatchSettings(temp_directory=scratch))
    assert list(scratch.iterdir())
    del batch
    gc.collect()
    assert not list(scratch.iterdir())


def test_a_temporary_folder_that_can_not_be_made_is_a_usage_error(path: Path) -> None:
    with pytest.raises(UsageError, match="can't be created"):
        open_batch(path, settings=BatchSettings(temp_directory=path / "below a file"))


def test_settings_that_duckdb_refuses_are_a_usage_error(path: Path) -> None:
    with pytest.raises(UsageError, match="batch settings") as caught:
        open_batch(path, settings=BatchSettings(memory_limit="plenty"))
    assert "\n" not in str(caught.value)


def test_an_error_on_opening_leaves_no_connection_open(tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(BatchUnreadable):
            open_batch(text(tmp_path / "a.csv", "a,b\n1\n"))
    assert read(text(tmp_path / "a.csv", "a\n1\n"))[1] == [(1,)]
