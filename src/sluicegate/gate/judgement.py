"""Results -> Verdict: each result judged with what history knows, then decided and signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.gate.plan import Plan, PlannedCheck
from sluicegate.ports.engine import Result
from sluicegate.verdict.judge import Facts, judge
from sluicegate.verdict.model import CheckOutcome, Outcome

__all__ = ["PastRuns", "judge_all"]


class PastRuns(Protocol):
    """The part of the history that verdicts depend on. Both leave out runs of ``excluding_batch_id``: a retry is no past."""

    def committed_rows_since(self, dataset: str, since: str, *, tenant: str, excluding_batch_id: str) -> int: ...
    def past_values(
        self, dataset: str, check_fingerprint: str, limit: int, *, tenant: str, excluding_batch_id: str
    ) -> tuple[Decimal, ...]: ...


def judge_all(
    plan: Plan, results: Mapping[str, Result], *, batch_rows: int, batch_id: str, history: PastRuns
) -> tuple[CheckOutcome, ...]:
    """One outcome for each check of the plan, in the contract's order."""

    def one(item: PlannedCheck) -> CheckOutcome:
        declared = item.declared
        if item.skipped:
            return CheckOutcome(check=declared, outcome=Outcome.SKIPPED, engine="", message=item.skipped)
        if item.unsupported:
            return CheckOutcome(check=declared, outcome=Outcome.UNSUPPORTED, engine=item.engine, message=item.unsupported)
        if item.fault:
            message, hint = item.fault.message, item.fault.hint
            return CheckOutcome(check=declared, outcome=Outcome.ERRORED, engine="", message=message, hint=hint)
        return replace(judge(item.check, results[declared.id], item.engine, facts(declared)), check=declared)

    def facts(check: ContractCheck) -> Facts:
        promise = check.promise
        past: tuple[Decimal, ...] = ()
        before = 0
        dataset = plan.contract.dataset
        if isinstance(promise, m.Drift):
            past = history.past_values(
                dataset, check.fingerprint, promise.window_runs, tenant=plan.contract.tenant, excluding_batch_id=batch_id
            )
        if isinstance(promise, m.RowCount) and promise.window_hours is not None:
            since = plan.now - timedelta(hours=float(promise.window_hours))
            before = history.committed_rows_since(
                dataset, since.isoformat(), tenant=plan.contract.tenant, excluding_batch_id=batch_id
            )
        return Facts(
            now=plan.now, batch_rows=batch_rows, allow_empty=plan.contract.allow_empty, past=past, committed_before=before
        )

    return tuple(one(item) for item in plan.checks)
