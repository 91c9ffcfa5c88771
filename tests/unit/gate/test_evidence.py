"""Evidence is a courtesy: what can't be had for one check is had for the others."""

from __future__ import annotations

from datetime import UTC, datetime

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


def test_one_check_without_evidence_takes_no_others_with_it() -> None:
    promises: tuple[m.CanonicalCheck, ...] = (
        m.Pattern(column="s", pattern="(?=z)z"),
        m.NotNull(column="a"),
        m.RowExpression(expression="A > 5"),
    )
    checks = tuple(ContractCheck(id=f"c{place}", name="", promise=promise) for place, promise in enumerate(promises))
    contract = Contract(name="c", version="1", owner="o", dataset="d", checks=checks)
    plan = Plan(
        contract=contract,
        checks=tuple(PlannedCheck(declared=check, check=check) for check in checks),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    failed = [CheckOutcome(check=check, outcome=Outcome.FAILED, engine="x", rows=2, failing=1) for check in checks]
    view = View("SELECT * FROM (VALUES (1, 'x'), (NULL, 'y')) t(a, s)")
    found = gather_evidence(failed, plan, view, keys=["s"], classified=(), rows=3, timeout=60)
    assert [item.evidence and item.evidence.rows for item in found] == [None, (("y", None),), (("x", "1"),)]


def test_keys_that_the_run_named_are_all_that_is_looked_for() -> None:
    check = ContractCheck(id="c", name="", promise=m.Unique(columns=("b", "a")))
    plan = Plan(
        contract=Contract(name="c", version="1", owner="o", dataset="d", checks=(check,)),
        checks=(PlannedCheck(declared=check, check=check),),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    failed = CheckOutcome(check=check, outcome=Outcome.FAILED, engine="x", rows=6, failing=4)
    view = View("SELECT * FROM (VALUES (1, 'x'), (1, 'x'), (2, 'y'), (2, 'y'), (3, 'z'), (3, 'w')) t(a, b)")
    named = [value for (value,) in view.connect().execute("SELECT hash(a, b) FROM batch WHERE a > 1").fetchall()]

    def repeats(key: Key) -> Repeats:
        return {Key(("a", "b")): Repeats(6, 4, tuple(named))}[key]

    found = gather_evidence([failed], plan, view, keys=(), classified=(), rows=5, timeout=60, repeats=repeats)
    assert found[0].evidence
    assert found[0].evidence.rows == (("y", "2"), ("y", "2"))
