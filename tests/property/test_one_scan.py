"""Contracts spread over the engines: one scan answers all, and nobody's figures differ from what its engine finds alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from hypothesis import given, note
from hypothesis import strategies as st

from sluicegate.batch.database import EngineView
from sluicegate.batch.source import Batch, open_batch
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.questions import ROWS, Aggregate, Key
from sluicegate.contract.model import Contract
from sluicegate.gate.plan import EngineRoom, Plan, plan
from sluicegate.gate.run import run_checks
from sluicegate.ports.engine import Result
from sluicegate.testing.cases import NOW
from sluicegate.testing.engines import CONTEXT
from tests.property.strategies import Example, examples

if TYPE_CHECKING:
    import duckdb

ENGINES = EngineRoom(("duckdb", "soda", "great_expectations"))


class Recorder:
    """A real connection that writes down which statements read the batch."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, said: list[str]) -> None:
        self._connection = connection
        self._said = said

    def execute(self, sql: str, *more: Any) -> duckdb.DuckDBPyConnection:
        if "FROM batch" in sql:
            self._said.append(sql)
        return self._connection.execute(sql, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def planned_on(batch: Batch, checks: Sequence[ContractCheck]) -> Plan:
    return plan(Contract(name="c", version="1", owner="o", dataset="d", checks=tuple(checks)), ENGINES, NOW, batch)


def run(batch: Batch, planned: Plan) -> tuple[Mapping[str, Result], list[str]]:
    said: list[str] = []
    connect = EngineView.connect
    with patch.object(EngineView, "connect", lambda view: Recorder(connect(view), said)):
        return run_checks(planned, batch, ENGINES, lambda _: CONTEXT, 60), said


@given(example=examples(), data=st.data())
def test_the_engines_find_together_what_each_finds_alone_in_one_scan(example: Example, data: st.DataObject) -> None:
    import duckdb

    pinned = [
        ContractCheck(id=f"c{i}", name=f"c{i}", promise=promise, engine=data.draw(st.sampled_from(ENGINES.order)))
        for i, promise in enumerate(example.checks)
    ]
    with duckdb.connect() as source, closing(open_batch(source.sql(example.query))) as batch:
        planned = planned_on(batch, pinned)
        together, said = run(batch, planned)
        note("\n".join(said))
        for name in planned.by_engine:
            alone, _ = run(batch, planned_on(batch, [check for check in pinned if check.engine == name]))
            assert repr({check_id: together[check_id] for check_id in alone}) == repr(dict(alone))
        keys = sum(isinstance(question, Key) for question in planned.questions)
        scans = any(isinstance(question, Aggregate) and question != ROWS for question in planned.questions)
        own = sum(bool(item.own_path) for item in planned.checks)
        assert keys + scans <= len(said) <= keys + scans + own
