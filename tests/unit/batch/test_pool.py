"""Databases that serve one batch after the other, and what must not get from one to the next."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import get_args

import duckdb
import pyarrow as pa
import pytest

from sluicegate.batch.database import BatchSettings
from sluicegate.batch.pool import DatabasePool
from sluicegate.batch.source import open_batch
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.model import CanonicalCheck
from sluicegate.checks.values import Scalar
from tests.unit.batch.support import text, write


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "scratch"


@pytest.fixture
def pool(scratch: Path) -> Iterator[DatabasePool]:
    pool = DatabasePool(BatchSettings(temp_directory=scratch, threads=1))
    yield pool
    pool.close()
    assert not list(scratch.iterdir())


def rows_of(pool: DatabasePool, source: object) -> list[tuple[Scalar, ...]]:
    with open_batch(source, pool=pool) as batch:
        return batch.view().connect().execute("SELECT * FROM batch ORDER BY ALL").fetchall()


def test_a_database_serves_one_batch_after_the_other(pool: DatabasePool) -> None:
    first = pool.take()
    other = pool.take()
    assert other is not first
    first.close(busy=False)
    assert pool.take() is first


def test_batches_of_all_sources_follow_each_other_in_one_database(pool: DatabasePool, tmp_path: Path) -> None:
    database = pool.take()
    database.close(busy=False)
    reference = {"known": text(tmp_path / "known.csv", "id\n1\n")}
    for _ in range(2):
        with open_batch(write(tmp_path / "a.parquet", "SELECT 1 AS a"), pool=pool, references=reference) as batch:
            assert not batch.sealed
        assert rows_of(pool, text(tmp_path / "a.csv", "b\n2\n")) == [(2,)]
        assert rows_of(pool, text(tmp_path / "a.json", '{"c": 3}\n')) == [(3,)]
        assert rows_of(pool, pa.table({"d": [4]})) == [(4,)]
    assert pool.take() is database


def test_nothing_of_a_batch_is_left_for_the_next_one(pool: DatabasePool, tmp_path: Path) -> None:
    with open_batch(text(tmp_path / "a.csv", "b\n2\n"), pool=pool) as batch:
        engine = batch.view().connect()
        engine.execute("CREATE TEMP TABLE mine AS SELECT * FROM batch")
        batch.scratch.mkdir()
        batch.spool(batch.scratch)
        folder = batch.scratch
    assert not folder.exists()
    database = pool.take()
    found = database.root.execute("SELECT table_name FROM information_schema.tables").fetchall()
    assert found == []
    assert database.root.cursor().execute("SELECT table_name FROM information_schema.tables").fetchall() == []
    database.close(busy=False)


def test_a_file_that_was_written_anew_with_the_same_size_and_time_is_read_anew(pool: DatabasePool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "SELECT 11 AS a FROM range(3000)")
    before = path.stat()
    assert rows_of(pool, path)[0] == (11,)
    write(tmp_path / "b.parquet", "SELECT 22 AS a FROM range(3000)")
    path.write_bytes((tmp_path / "b.parquet").read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert rows_of(pool, path)[0] == (22,)


def test_nobody_changes_the_settings_of_a_database_that_others_will_use(pool: DatabasePool, tmp_path: Path) -> None:
    with open_batch(write(tmp_path / "a.parquet", "SELECT 1 AS a"), pool=pool) as batch:
        engine = batch.view().connect()
        for setting in ("memory_limit = '1GB'", "GLOBAL TimeZone = 'Asia/Tokyo'", "lock_configuration = false"):
            with pytest.raises(duckdb.Error, match="lock"):
                engine.execute(f"SET {setting}")


def test_a_database_that_was_interrupted_is_not_used_again(pool: DatabasePool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "SELECT 1 AS a")
    with open_batch(path, pool=pool) as batch:
        used = batch._database
        batch.view().interrupt()
    assert pool.take() is not used


def test_a_database_with_spilled_blocks_left_is_not_used_again(pool: DatabasePool) -> None:
    used = pool.take()
    text(used.scratch.parent / "duckdb_temp_storage_DEFAULT-0.tmp", "blocks")
    used.close(busy=False)
    assert not used.scratch.parent.exists()
    assert pool.take() is not used


def test_a_batch_that_can_not_be_opened_gives_its_database_back_empty(pool: DatabasePool, tmp_path: Path) -> None:
    used = pool.take()
    used.close(busy=False)
    with pytest.raises(Exception, match="Parquet"):
        rows_of(pool, text(tmp_path / "a.parquet", "PAR1, it says"))
    assert rows_of(pool, text(tmp_path / "a.csv", "b\n2\n")) == [(2,)]
    assert pool.take() is used


def test_no_more_databases_are_kept_than_a_machine_can_spare(pool: DatabasePool, scratch: Path) -> None:
    for database in [pool.take() for _ in range(6)]:
        database.close(busy=False)
    assert len(list(scratch.iterdir())) == 4


def test_a_database_that_comes_back_after_the_pool_was_closed_is_closed(pool: DatabasePool, scratch: Path) -> None:
    database = pool.take()
    pool.close()
    database.close(busy=False)
    assert not list(scratch.iterdir())


def test_threads_that_use_one_pool_see_their_own_batches(pool: DatabasePool, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number}.parquet", f"SELECT {number} AS a FROM range(500)") for number in range(4)]
    seen: list[tuple[int, list[tuple[Scalar, ...]]]] = []
    together = Barrier(4)

    def work(number: int) -> None:
        together.wait()
        seen.extend((number, rows_of(pool, paths[number])) for _ in range(5))

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 20
    assert all(rows == [(number,)] * 500 for number, rows in seen)


FORK = """
import os, sys
from sluicegate.batch.database import BatchSettings
from sluicegate.batch.pool import DatabasePool
from sluicegate.batch.source import open_batch
from pathlib import Path

pool = DatabasePool(BatchSettings(temp_directory=Path("scratch"), threads=2))
def rows():
    with open_batch("a.parquet", pool=pool) as batch:
        return batch.view().connect().execute("SELECT count(*), sum(a) FROM batch").fetchall()
expected = rows()
child = os.fork()
if child == 0:
    import duckdb
    if duckdb.__version__.startswith("1.0."):  # no child of a process that ever had a database can have one, closed or not
        sys.exit(0)
    sys.exit(0 if rows() == expected else 3)
assert os.waitpid(child, 0)[1] == 0, "the child"
assert rows() == expected
idle = os.fork()
if idle == 0:
    sys.exit(0)
assert os.waitpid(idle, 0)[1] == 0, "the child that did nothing"
"""


def test_a_forked_child_uses_none_of_its_parents_databases_and_ends_in_peace(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "SELECT i AS a FROM range(300000) t(i)")
    done = subprocess.run([sys.executable, "-c", FORK], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert not list((tmp_path / "scratch").iterdir()), "all databases are gone with their processes"


def test_only_these_canonical_checks_bring_sql_of_an_author() -> None:
    """A new type of check is put in its place here: with SQL of its own, its batch must be shut off from all else."""
    theirs = {"RowExpression", "MetricQuery"}
    found = {
        kind.__name__
        for kind in get_args(CanonicalCheck)
        if ContractCheck(id="c", name="c", promise=object.__new__(kind)).runs_own_sql
    }
    assert found == theirs
    written = {"expression", "query", "sql", "where", "filter", "condition"}
    assert {kind.__name__ for kind in get_args(CanonicalCheck) if written & set(kind.__dataclass_fields__)} == theirs
