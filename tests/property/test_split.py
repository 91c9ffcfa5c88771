"""Splitting is a true partition: each row is on one side, and a broken one carries exactly the checks that it breaks."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import assume, given, note

from sluicegate.batch.parts import without_rows
from sluicegate.batch.source import open_batch
from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.sqltext import BATCH
from sluicegate.contract.model import Contract
from sluicegate.gate.plan import Plan, PlannedCheck
from sluicegate.gate.split import Broken, set_aside
from sluicegate.ports.quarantine import CHECKS_COLUMN, ROW_COLUMN
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.oracle import Table, expected, read_table
from tests.property.strategies import Example, examples

NOW = datetime(2013, 1, 1, tzinfo=UTC)


class Shown(MemoryBatch):
    """A batch, as far as setting rows aside needs one."""

    def view(self) -> Any:
        return self

    def check_unchanged(self) -> None:
        """Nobody else has it."""


def breaking(check: m.CanonicalCheck, table: Table) -> list[int] | int:
    """Which rows break the check, by the oracle; of a check that looks at neighbours, how many."""
    if isinstance(check, m.Monotonic):
        return expected(check, table).failing or 0
    if isinstance(check, m.Unique):  # a row breaks it if fewer would without it
        all_of_them = expected(check, table).failing or 0
        without = [replace(table, rows=table.rows[:i] + table.rows[i + 1 :]) for i in range(len(table.rows))]
        return [i for i, rest in enumerate(without) if (expected(check, rest).failing or 0) < all_of_them]
    return [i for i, row in enumerate(table.rows) if expected(check, replace(table, rows=(row,))).failing]


def plan_of(batch: MemoryBatch, table: Table, checks: tuple[m.CanonicalCheck, ...]) -> Plan:
    """The row-level checks that fail."""
    failing = [check for check in checks if check.row_level and breaking(check, table)]
    bound = {check: bind(check, batch.schema, {}) for check in failing}
    planned = tuple(
        PlannedCheck(declared=declared, check=replace(declared, promise=promise))
        for i, (check, promise) in enumerate(bound.items())
        if not isinstance(promise, Unbindable)
        for declared in [ContractCheck(id=f"c{i}", name=f"c{i}", promise=check)]
    )
    contract = Contract(name="c", version="1", owner="o", dataset="d", checks=tuple(item.declared for item in planned))
    return Plan(contract=contract, checks=planned, now=NOW)


@given(example=examples())
def test_each_broken_row_carries_exactly_the_checks_that_it_breaks(example: Example) -> None:
    batch = Shown(example.query)
    assume(not any(column.native == "HUGEINT" for column in batch.schema))  # Arrow has no number so wide
    table = read_table(batch, BATCH)
    note(f"{table.schema.columns}\n" + "\n".join(map(repr, table.rows)))
    plan = plan_of(batch, table, example.checks)
    assume(plan.checks)
    with tempfile.TemporaryDirectory() as folder:
        broken = set_aside(plan, plan.contract.checks, batch, Path(folder) / "rows.parquet")
        assert isinstance(broken, Broken), broken
        kept = pq.read_table(broken.file)
    found = dict(zip(kept[ROW_COLUMN].to_pylist(), kept[CHECKS_COLUMN].to_pylist(), strict=True))
    assert (len(found), kept.column_names) == (broken.rows, [*batch.schema.names, ROW_COLUMN, CHECKS_COLUMN])
    for item in plan.contract.checks:
        promise: Any = item.promise
        note(f"{item.id} {promise}")
        wanted = breaking(promise, table)
        rows = [row for row, checks in found.items() if item.fingerprint in checks]
        assert broken.checks[item.fingerprint] == len(rows)
        assert (len(rows) if isinstance(wanted, int) else sorted(rows)) == wanted
    assert all(checks == sorted(set(checks)) and checks for checks in found.values())


@given(example=examples())
def test_the_two_sides_are_disjoint_and_together_the_batch(example: Example) -> None:
    batch = Shown(example.query)
    assume(not any(column.native == "HUGEINT" for column in batch.schema))
    table = read_table(batch, BATCH)
    plan = plan_of(batch, table, example.checks)
    assume(plan.checks)
    with tempfile.TemporaryDirectory() as folder:
        broken = set_aside(plan, plan.contract.checks, batch, Path(folder) / "rows.parquet")
        assert isinstance(broken, Broken), broken
        with open_batch(broken.file, dropped=(ROW_COLUMN, CHECKS_COLUMN)) as aside:
            kept = rows_of(aside.view())
        with batch.connect() as connection:
            whole = rows_of(batch)
            with without_rows(connection, broken.file, rows=len(table.rows)) as left_out:
                rest = rows_of(batch)
    assert (left_out, len(kept)) == (broken.rows, broken.rows)
    assert Counter(rest) + Counter(kept) == Counter(whole)


def rows_of(view: Any) -> list[str]:
    """The rows as text: NaN is equal to itself there."""
    with view.connect() as connection:
        reader = connection.sql(f"SELECT * FROM {BATCH}")
        table: pa.Table = (getattr(reader, "to_arrow_table", None) or reader.fetch_arrow_table)()
    return [repr(row) for row in table.to_pylist()]
