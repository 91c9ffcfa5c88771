"""Evidence is a courtesy: what can't be had for one check is had for the others."""

from __future__ import annotations

from datetime import UTC, datetime

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
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
