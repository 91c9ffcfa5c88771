"""Results -> outcomes: each result judged with what history knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.errors import StorageError
from sluicegate.gate.plan import Plan, PlannedCheck
from sluicegate.ports.engine import Result
from sluicegate.verdict.judge import Facts, judge
from sluicegate.verdict.model import CheckOutcome, Outcome

__all__ = ["PastRuns", "judge_all"]


class PastRuns(Protocol):
    """The part of the history that verdicts depend on. Both leave out runs of ``excluding_batch_id``: a retry is no past."""

    def committed_rows_between(self, dataset: str, since: str, until: str, *, tenant: str, excluding_batch_id: str) -> int: ...
    def past_values(
        self, dataset: str, check_fingerprint: str, limit: int, *, until: str, tenant: str, excluding_batch_id: str
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
            broke, engine = item.engine_broke, item.engine
            return CheckOutcome(
                check=declared, outcome=Outcome.ERRORED, engine=engine, message=message, hint=hint, engine_broke=broke
            )
        try:
            known = _facts(plan, declared, batch_rows, batch_id, history)
        except StorageError as error:  # without its past a check can't be judged, and fails closed
            return CheckOutcome(check=declared, outcome=Outcome.ERRORED, engine="", message=error.message, hint=error.hint)
        return replace(judge(item.check, results[declared.id], item.engine, known), check=declared)

    return tuple(one(item) for item in plan.checks)


def _facts(plan: Plan, check: ContractCheck, batch_rows: int, batch_id: str, history: PastRuns) -> Facts:
    contract, promise, now = plan.contract, check.promise, plan.now
    past: tuple[Decimal, ...] = ()
    before = 0
    if isinstance(promise, m.Drift):
        past = history.past_values(
            contract.dataset,
            check.fingerprint,
            promise.window_runs,
            until=now.isoformat(),
            tenant=contract.tenant,
            excluding_batch_id=batch_id,
        )
    if isinstance(promise, m.RowCount) and promise.window_hours is not None:
        since = now - timedelta(hours=float(promise.window_hours))
        before = history.committed_rows_between(
            contract.dataset, since.isoformat(), now.isoformat(), tenant=contract.tenant, excluding_batch_id=batch_id
        )
    return Facts(now=now, batch_rows=batch_rows, allow_empty=contract.allow_empty, past=past, committed_before=before)
