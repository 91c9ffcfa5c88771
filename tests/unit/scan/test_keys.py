"""How the values of a key repeat: which of the ways is taken, and what each is worth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from sluicegate.batch.database import BatchSettings, schema_of
from sluicegate.batch.source import open_batch
from sluicegate.checks.questions import ROWS, Key, Repeats
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.ports.quarantine import ROW_COLUMN
from sluicegate.scan.keys import plan_keys
from sluicegate.scan.scan import answer_all

ROW_COUNT = 60_000


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """With a batch that is large enough for a sample."""
    with duckdb.connect() as opened:
        opened.execute(
            f"CREATE TABLE {BATCH} AS SELECT i AS id, (i * 7919) % {ROW_COUNT} AS shuffled, hash(i)::HUGEINT AS random, "
            "'C' || lpad(i::VARCHAR, 9, '0') AS code, md5(i::VARCHAR) AS digest, i // 3 AS order_id, i % 3 AS line, "
            "TIMESTAMP '2026-01-01' + to_minutes(i // 20) AS at, i % 20 AS sensor, i % 5 AS few, "
            f"CASE WHEN i = {ROW_COUNT - 1} THEN 'C000000007' ELSE 'C' || lpad(i::VARCHAR, 9, '0') END AS nearly, "
            f"CASE WHEN i = {ROW_COUNT - 1} THEN md5('7') ELSE md5(i::VARCHAR) END AS nearly_digest "
            f"FROM range({ROW_COUNT}) AS numbers(i)"
        )
        yield opened


def asked(connection: duckdb.DuckDBPyConnection, *columns: str) -> Repeats:
    key = Key(columns)
    answer: Repeats = dict(answer_all(connection, [key], schema_of(connection, BATCH), {ROWS: ROW_COUNT}))[key]
    return answer


@pytest.mark.parametrize("columns", [("id",), ("shuffled",), ("code",), ("order_id", "line"), ("at", "sensor")])
def test_densely_numbered_keys_are_proven_unique_within_the_scan(
    connection: duckdb.DuckDBPyConnection, columns: tuple[str, ...]
) -> None:
    key = Key(columns)
    plan = plan_keys(connection, [key], schema_of(connection, BATCH), ROW_COUNT)[key]
    assert plan.images
    rows, images = connection.execute(f"SELECT {plan.present.sql}, {plan.images.sql} FROM {BATCH}").fetchall()[0]
    assert plan.decided({plan.present: rows, plan.images: images}) == Repeats(ROW_COUNT, 0)
    assert asked(connection, *columns) == Repeats(ROW_COUNT, 0)


@pytest.mark.parametrize("column", ["random", "digest", "few"])
def test_keys_in_which_the_sample_sees_no_numbering_cost_the_scan_nothing(
    connection: duckdb.DuckDBPyConnection, column: str
) -> None:
    key = Key((column,))
    assert plan_keys(connection, [key], schema_of(connection, BATCH), ROW_COUNT)[key].images is None


def test_texts_are_hashed_first_but_numbers_and_what_repeats_in_the_sample_are_not(connection: duckdb.DuckDBPyConnection) -> None:
    keys = [Key((column,)) for column in ("digest", "random", "few")]
    plans = plan_keys(connection, keys, schema_of(connection, BATCH), ROW_COUNT)
    assert [[sieve.value for sieve in plans[key].sieves] for key in keys] == [['hash("digest")'], [], []]


@pytest.mark.parametrize("column", ["nearly", "nearly_digest"])
def test_one_repetition_beyond_the_sample_is_found(connection: duckdb.DuckDBPyConnection, column: str) -> None:
    assert asked(connection, column) == Repeats(ROW_COUNT, 2)


def test_columns_may_be_named_as_what_is_asked_about_them() -> None:
    with duckdb.connect() as opened:
        opened.execute(
            f"CREATE TABLE {BATCH} AS SELECT i % 7 AS suspect, i % 7 AS n, 'k' || (i - i // {ROW_COUNT - 1}) AS hash, 1 AS batch "
            f"FROM range({ROW_COUNT}) AS numbers(i)"
        )
        assert asked(opened, "hash") == Repeats(ROW_COUNT, 2)
        assert asked(opened, "hash", "n", "suspect") == Repeats(ROW_COUNT, 0)


def test_a_small_batch_is_not_sampled(connection: duckdb.DuckDBPyConnection) -> None:
    key = Key(("id",))
    plan = plan_keys(connection, [key], schema_of(connection, BATCH), 1_000)[key]
    assert (plan.aggregates, plan.images, plan.sieves) == ((), None, ())


def test_witnesses_stay_within_the_memory_limit(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET memory_limit = '200MB'")
    connection.execute("SET threads = 2")
    keys = [Key((column,)) for column in ("id", "shuffled", "code")]
    plans = plan_keys(connection, keys, schema_of(connection, BATCH), 100_000_000)  # bits for so many rows: 96 MB for each key
    assert [bool(plan.images) for plan in plans.values()] == [True, True, False] or plans[keys[0]].images
    assert sum(bool(plan.images) for plan in plans.values()) < len(keys)


@pytest.mark.parametrize("given", ["relation", "arrow"])
def test_texts_are_compared_as_they_are_wherever_they_come_from(given: str) -> None:
    with duckdb.connect() as other:
        other.execute("CREATE TABLE names (name VARCHAR COLLATE NOCASE)")
        other.execute("INSERT INTO names VALUES ('ann'), ('ANN')")
        source: Any = other.sql("FROM names") if given == "relation" else pa.table({"name": ["ann", "ANN"]})
        with open_batch(source) as batch:
            assert batch.view().answers([Key(("name",))]) == (Repeats(2, 0),)


@pytest.mark.slow
def test_more_keys_than_fit_into_memory_spill_and_are_counted_exactly(tmp_path: Path) -> None:
    path, rows = tmp_path / "many.parquet", 3_000_000
    with duckdb.connect() as other:
        other.execute(
            f"COPY (SELECT hash(i) AS number, md5(i::VARCHAR) AS text FROM range({rows - 1}) AS numbers(i) "
            f"UNION ALL SELECT hash(5), md5('6')) TO '{path}'"
        )
    settings = BatchSettings(memory_limit="80MB", threads=2, temp_directory=tmp_path / "spill")
    with open_batch(path, settings=settings) as batch:
        assert batch.view().answers([Key(("number",)), Key(("text",))]) == (Repeats(rows, 2), Repeats(rows, 2))


def test_a_batch_names_what_repeats_until_it_shows_other_rows(tmp_path: Path) -> None:
    path = tmp_path / "keys.parquet"
    with duckdb.connect() as other:
        other.execute(
            f"COPY (SELECT 'C' || (i - i // {ROW_COUNT - 1}) AS code FROM range({ROW_COUNT}) AS numbers(i)) TO '{path}'"
        )
        other.execute(f"COPY (SELECT 7::BIGINT AS {identifier(ROW_COLUMN)}) TO '{tmp_path / 'broken.parquet'}'")
        hashed = other.execute(f"SELECT hash('C{ROW_COUNT - 2}')").fetchall()[0]
    key = Key(("code",))
    with open_batch(path) as batch:
        assert batch.repeats(key) is None
        assert batch.view(batch.scan([key])).answers([key]) == (Repeats(ROW_COUNT, 2),)
        found = batch.repeats(key)
        assert found
        assert found.named == hashed
        with batch.without(tmp_path / "broken.parquet") as rest:
            assert rest.repeats(key) is None
