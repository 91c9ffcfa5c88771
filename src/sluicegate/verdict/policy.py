"""From outcomes to a decision: the one place that knows the policy, and the table of it that the docs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluicegate.checks.contract_check import Severity
from sluicegate.contract.model import Action, Contract, Enforcement, ViolationPolicy
from sluicegate.verdict.model import CheckOutcome, Decision, Outcome

__all__ = ["Policy", "decide", "decision_table"]

_STRENGTH = [Decision.COMMIT, Decision.COMMIT_WITH_WARNINGS, Decision.QUARANTINE, Decision.BLOCK]
_EVALUATED = {Outcome.PASSED, Outcome.WARNED, Outcome.FAILED, Outcome.ERRORED}


@dataclass(frozen=True, slots=True)
class Policy:
    """What of a contract decides: the actions by area, the enforcement mode, and whether there is a quarantine."""

    actions: ViolationPolicy
    enforcement: Enforcement
    quarantine_enabled: bool = True

    @classmethod
    def of(cls, contract: Contract) -> Policy:
        return cls(contract.policy, contract.enforcement, contract.quarantine.enabled)

    def of_one(self, outcome: CheckOutcome) -> Decision:
        """What a run with this one outcome would decide."""
        match outcome.outcome:
            case Outcome.PASSED | Outcome.SKIPPED:
                return Decision.COMMIT
            case Outcome.WARNED:
                return Decision.COMMIT if outcome.check.severity is Severity.INFO else Decision.COMMIT_WITH_WARNINGS
            case Outcome.FAILED:
                return self._tempered(self._action(outcome))
            case Outcome.UNSUPPORTED:
                return self._tempered(self.actions.on_unsupported)
            case Outcome.ERRORED:  # fails closed: no mode and no severity lets it through
                action = self._action(outcome)
                return self._as_decision(Action.BLOCK if action is Action.WARN else action)

    def _action(self, outcome: CheckOutcome) -> Action:
        return self.actions.on(outcome.check.area)

    def _tempered(self, action: Action) -> Decision:
        return Decision.COMMIT_WITH_WARNINGS if self.enforcement is Enforcement.WARN else self._as_decision(action)

    def _as_decision(self, action: Action) -> Decision:
        match action:
            case Action.WARN:
                return Decision.COMMIT_WITH_WARNINGS
            case Action.QUARANTINE if self.quarantine_enabled:
                return Decision.QUARANTINE
            case _:
                return Decision.BLOCK


def decide(outcomes: Sequence[CheckOutcome], policy: Policy) -> tuple[Decision, tuple[str, ...]]:
    """The strongest of what each outcome asks for, and one sentence for each outcome that asks for it.

    A run in which nothing was evaluated does not pass, unless the contract's enforcement is disabled.
    """
    if policy.enforcement is Enforcement.DISABLED:
        return Decision.COMMIT, ("the contract is not enforced (disabled): no check ran",)
    if not any(outcome.outcome in _EVALUATED for outcome in outcomes):
        return Decision.BLOCK, ("no check was evaluated, and a run that tests nothing does not pass",)
    asked = [(policy.of_one(outcome), outcome) for outcome in outcomes]
    decision = max((one for one, _ in asked), key=_STRENGTH.index)
    if decision is Decision.COMMIT:
        return decision, ()
    return decision, tuple(f"{item.check.name}: {item.outcome}" for one, item in asked if one is decision)


def decision_table() -> str:
    """The policy as a Markdown table, computed from the code above for each outcome and each action."""
    from sluicegate.checks.contract_check import ContractCheck, Untestable

    def ask(outcome: Outcome, severity: Severity, action: Action, enforcement: Enforcement) -> str:
        check = ContractCheck(id="", name="", promise=Untestable(key="", reason=""), severity=severity)
        actions = ViolationPolicy(on_quality_violation=action, on_unsupported=action)
        return Policy(actions, enforcement).of_one(CheckOutcome(check=check, outcome=outcome, engine="")).value

    lines = ["| outcome | severity | enforcement | block | quarantine | warn |", "|---|---|---|---|---|---|"]
    for outcome in Outcome:
        for severity in Severity if outcome is Outcome.WARNED else (Severity.ERROR,):
            for enforcement in (Enforcement.STRICT, Enforcement.WARN):
                cells = [ask(outcome, severity, action, enforcement) for action in (Action.BLOCK, Action.QUARANTINE, Action.WARN)]
                shown = severity if outcome is Outcome.WARNED else "any"
                lines.append(f"| {outcome} | {shown} | {enforcement} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
