"""Random checks on random tables: every engine finds what the oracle finds, so all of them agree."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, note

from sluicegate import plugins
from sluicegate.checks.sqltext import BATCH
from sluicegate.ports.engine import Engine
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.engines import examine
from sluicegate.testing.figures import difference
from sluicegate.testing.oracle import expected, read_table
from tests.property.strategies import Example, examples

ENGINES = ("duckdb", "soda", "great_expectations")


@cache
def engine(name: str) -> Engine:
    found: Engine = plugins.load("sluicegate.engines", name)()
    return found


@pytest.mark.parametrize("name", ENGINES)
@given(example=examples())
def test_an_engine_finds_what_the_oracle_finds(name: str, example: Example) -> None:
    batch = MemoryBatch(example.query)
    table = read_table(batch, BATCH)
    note(f"{table.schema.columns}")
    note("\n".join(map(repr, table.rows)))
    promises = {f"c{i}": check for i, check in enumerate(example.checks)}
    wrong = {}
    for check_id, finding in examine(engine(name), batch, promises).items():
        if finding.unsupported is None:
            found = finding.problem or difference(expected(promises[check_id], table), finding.result)
            if found:
                wrong[f"{promises[check_id]}"] = found
    assert not wrong
