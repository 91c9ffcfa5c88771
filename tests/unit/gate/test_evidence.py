"""Evidence is a courtesy: what can't be had for one check is had for the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.questions import Key, Repeats
from sluicegate.contract.model import Contract
from sluicegate.gate.evidence import gather_evidence
from sluicegate.gate.plan import Plan, PlannedCheck
from sluicegate.testing.batches import MemoryBatch
from sluicegate.verdict.model import CheckOutcome, Outcome


class View(MemoryBatch):
    def interrupt(self) -> None:
        """Nothing runs long here."""


def _planned(promises: Sequence[m.CanonicalCheck]) -> tuple[Plan, list[CheckOutcome]]:
    checks = tuple(ContractCheck(id=f"c{place}", name="", promise=promise) for place, promise in enumerate(promises))
    contract = Contract(name="c", version="1", owner="o", dataset="d", checks=checks)
    planned = tuple(PlannedCheck(declared=check, check=check) for check in checks)
    failed = [CheckOutcome(check=check, outcome=Outcome.FAILED, engine="x", rows=2, failing=1) for check in checks]
    return Plan(contract=contract, checks=planned, now=datetime(2026, 1, 1, tzinfo=UTC)), failed


@pytest.mark.parametrize("with_one_that_fails", [False, True])
def test_many_failed_checks_show_what_each_alone_would_the_first_rows_in_the_batchs_order(*, with_one_that_fails: bool) -> None:
    view = View("SELECT i AS a, CASE WHEN i % 1000 <> 7 THEN i END AS n, 'x' || i AS s FROM range(60000) r(i)")
    promises: list[m.CanonicalCheck] = [
        *(m.Range(column="a", bounds=m.Bounds(max=limit)) for limit in (5, 19_996, 19_997, 30_000, 59_998)),
        *(m.Range(column="n", bounds=m.Bounds(min=10 * number)) for number in range(1, 9)),
        *(m.Pattern(column="s", pattern=f"^x{number}") for number in (1, 2, 3)),
        m.NotNull(column="n"),
        m.RowExpression(expression="a % 7 <> 3"),
        *([m.Pattern(column="s", pattern="(?=z)z")] if with_one_that_fails else []),
    ]
    plan, failed = _planned(promises)
    together = gather_evidence(failed, plan, view, keys=["a"], classified={"s"}, rows=3, timeout=60)
    alone = [gather_evidence([item], plan, view, keys=["a"], classified={"s"}, rows=3, timeout=60)[0] for item in failed]
    assert [item.evidence for item in together] == [item.evidence for item in alone]
    shown = [item.evidence.rows if item.evidence else () for item in together]
    assert [[row[0] for row in rows] for rows in shown[:5]] == [
        ["6", "7", "8"],
        ["19997", "19998", "19999"],
        ["19998", "19999", "20000"],  # beyond the rows that are looked at first
        ["30001", "30002", "30003"],
        ["59999"],
    ]
    assert shown[13] == (("0", "***"), ("2", "***"), ("3", "***"))
    assert shown[16:18] == [(("7", None), ("1007", None), ("2007", None)), (("3",), ("10",), ("17",))]


def test_one_check_without_evidence_takes_no_others_with_it() -> None:
    promises: tuple[m.CanonicalCheck, ...] = (
        m.Pattern(column="s", pattern="(?=z)z"),
        m.NotNull(column="a"),
        m.RowExpression(expression="A > 5"),
    )
    plan, failed = _planned(promises)
    view = View("SELECT * FROM (VALUES (1, 'x'), (NULL, 'y')) t(a, s)")
    found = gather_evidence(failed, plan, view, keys=["s"], classified=(), rows=3, timeout=60)
    assert [item.evidence and item.evidence.rows for item in found] == [None, (("y", None),), (("x", "1"),)]


def test_keys_that_the_run_named_are_all_that_is_looked_for() -> None:
    plan, failed = _planned([m.Unique(columns=("b", "a"))])
    view = View("SELECT * FROM (VALUES (1, 'x'), (1, 'x'), (2, 'y'), (2, 'y'), (3, 'z'), (3, 'w')) t(a, b)")
    named = [value for (value,) in view.connect().execute("SELECT hash(a, b) FROM batch WHERE a > 1").fetchall()]

    def repeats(key: Key) -> Repeats:
        return {Key(("a", "b")): Repeats(6, 4, tuple(named))}[key]

    found = gather_evidence(failed, plan, view, keys=(), classified=(), rows=5, timeout=60, repeats=repeats)
    assert found[0].evidence
    assert found[0].evidence.rows == (("y", "2"), ("y", "2"))
