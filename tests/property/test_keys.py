"""How keys repeat is the same however it is found out: by a witness, by hashes, however bad these are, and by grouping the keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import duckdb
from hypothesis import given, note
from hypothesis import strategies as st

from sluicegate.batch.database import schema_of
from sluicegate.checks.meaning import unique_among
from sluicegate.checks.questions import ROWS, Key, Repeats
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.scan import keys as room
from sluicegate.scan.keys import KeyPlan, Sieve, plan_keys, repeats
from sluicegate.scan.scan import answer_all

CLAIMED = 1_000_000  # rows: what is worth a sample, though the table is small

# Each column as SQL of a row's number ``i``: dense and sparse, sorted and shuffled, with repetitions here and there.
NUMBERINGS = (
    "i",
    "-i",
    "i + 7000000000",
    "i * 10",
    "i * 3 - 100",
    "(i * 7919 + 13) % 1009",
    "i % 50",
    "i // 2",
    "hash(i)::HUGEINT % 100000",
)
SHAPES = {
    "BIGINT": "{n}",
    "INTEGER": "({n}) % 2000000000",
    "UBIGINT": "abs({n}) % 500000 + 18446744073709000000::HUGEINT",
    "HUGEINT": "({n})::HUGEINT * 1000000000000000000000",
    "DECIMAL(18,0)": "{n}",
    "DECIMAL(18,2)": "({n}) / 4",
    "DOUBLE": "({n}) / 8",
    "BOOLEAN": "({n}) % 2 = 0",
    "DATE": "DATE '2000-02-01' + (({n}) % 30000)::INTEGER",
    "TIMESTAMP": "TIMESTAMP '2026-01-01' + to_seconds(({n}) % 1000000)",
    "TIMESTAMPTZ": "to_timestamp(({n}) % 1000000)",
    "VARCHAR": "({n})",
    "TEXT": "'C' || lpad(({n})::VARCHAR, 9, '0')",
    "STRING": "'order ' || ({n}) || ' of many'",
    "UUID": "md5(({n})::VARCHAR)::UUID",
    "BLOB": "md5(({n})::VARCHAR)::BLOB",
}
# Single values that no sample foresees: none of them may be taken for another, or raise an error.
STRANGERS = {
    "BIGINT": ("9223372036854775807", "-9223372036854775808", "NULL"),
    "DOUBLE": ("'nan'", "-0.0", "0.0", "'infinity'"),
    "DATE": ("'infinity'", "'-infinity'", "'0044-03-15 (BC)'", "NULL"),
    "TIMESTAMP": ("'infinity'", "'-infinity'", "'1677-01-01'", "NULL"),
    "TIMESTAMPTZ": ("'infinity'", "'-infinity'", "NULL"),
    "VARCHAR": ("''", "'+1'", "' 1'", "'1e3'", "'1.2'", "'٣'", "'99999999999999999999'", "NULL"),
    "TEXT": ("'C'", "'C1'", "'D000000001'", "'C00000001 '", "'ß000000001'", "NULL"),
}


@st.composite
def columns(draw: st.DrawFn) -> tuple[str, str]:
    """A column's type, and its value in row ``i``."""
    shape = draw(st.sampled_from(sorted(SHAPES)))
    value = SHAPES[shape].format(n=draw(st.sampled_from(NUMBERINGS)))
    for _ in range(draw(st.integers(0, 3)) if shape in STRANGERS else 0):
        place, stranger = draw(st.integers(0, 400)), draw(st.sampled_from(STRANGERS.get(shape, ("NULL",))))
        value = f"CASE WHEN i = {place} THEN CAST({stranger} AS {shape}) ELSE CAST({value} AS {shape}) END"
    return shape, f"CAST({value} AS {shape})"


@st.composite
def batches(draw: st.DrawFn) -> tuple[duckdb.DuckDBPyConnection, Key]:
    """A batch of up to 600 rows, and a key of up to three of its columns."""
    chosen = draw(st.lists(columns(), min_size=1, max_size=3))
    rows, again = draw(st.integers(0, 500)), draw(st.lists(st.integers(0, 500), max_size=3))
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    listed = ", ".join(f"{value} AS {identifier(f'k {place}')}" for place, (_, value) in enumerate(chosen))
    numbers = f"SELECT i FROM range({rows}) AS numbers(i) UNION ALL SELECT unnest({again}::BIGINT[])"
    note(f"SELECT {listed} FROM ({numbers})")
    connection.execute(f"CREATE TABLE {BATCH} AS SELECT {listed} FROM ({numbers}) AS numbers(i)")
    return connection, Key(tuple(f"k {place}" for place in range(len(chosen))))


def plainly(connection: duckdb.DuckDBPyConnection, key: Key) -> Repeats:
    """As anybody would write it."""
    names = ", ".join(map(identifier, key.columns))
    present = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in key.columns)
    counts = [n for (n,) in connection.execute(f"SELECT count(*) FROM {BATCH} WHERE {present} GROUP BY {names}").fetchall()]
    return Repeats(sum(counts), sum(n for n in counts if n > 1), values=sum(n > 1 for n in counts))


def figures(found: Repeats) -> tuple[int, int, int | None]:
    return found.rows, found.failing, found.values


def answered(connection: duckdb.DuckDBPyConnection, key: Key) -> Any:
    return dict(answer_all(connection, [key], schema_of(connection, BATCH), {ROWS: CLAIMED}))[key]


@given(batches(), st.sampled_from([2, 20, 1_000]))
def test_a_key_repeats_as_often_as_its_groups_say_whatever_the_sample_suggests(
    batch: tuple[duckdb.DuckDBPyConnection, Key], sample: int
) -> None:
    connection, key = batch
    with connection, patch.object(room, "_SAMPLE", sample):
        assert figures(answered(connection, key)) == figures(plainly(connection, key))


@given(batches(), st.sampled_from([1, 2, 97]))
def test_keys_that_share_a_hash_are_told_apart(batch: tuple[duckdb.DuckDBPyConnection, Key], hashes: int) -> None:
    connection, key = batch
    with connection:
        present = plan_keys(connection, [key], schema_of(connection, BATCH), 0)[key].present
        coarse = Sieve(f"(hash({', '.join(map(identifier, key.columns))}) % {hashes})")
        true = plainly(connection, key)
        with patch.object(room, "_TOO_MANY", 1):
            assert figures(repeats(connection, key, KeyPlan(present, sieves=(coarse,)), {present: true.rows})) == figures(true)


@given(batches(), st.integers(1, 5))
def test_keys_that_are_counted_in_parts_are_counted_once(batch: tuple[duckdb.DuckDBPyConnection, Key], parts: int) -> None:
    connection, key = batch
    with connection:
        plan = plan_keys(connection, [key], schema_of(connection, BATCH), 0)[key]
        assert repeats(connection, key, replace(plan, parts=(parts,)), {}) == plainly(connection, key)


@given(batches(), st.sampled_from([2, 20]))
def test_a_witness_that_is_not_counted_or_counts_too_few_is_still_a_sieve(
    batch: tuple[duckdb.DuckDBPyConnection, Key], sample: int
) -> None:
    connection, key = batch
    with connection, patch.object(room, "_SAMPLE", sample), patch.object(room, "_TOO_MANY", 1):
        plan = plan_keys(connection, [key], schema_of(connection, BATCH), CLAIMED)[key]
        true = plainly(connection, key)
        found = repeats(connection, key, plan, {plan.present: true.rows})
        assert figures(found) == figures(true)
        if found.named:
            broken = unique_among(key.columns, found.named)
            counted = connection.execute(f"SELECT count(*) FROM {broken.source} WHERE {broken.failing}")
            assert counted.fetchall() == [(true.failing,)]
