"""What outcomes come to: the decision, and the table of it in the docs."""

from __future__ import annotations

from itertools import product

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Area, ContractCheck, Severity
from sluicegate.contract.model import Action, Enforcement, ViolationPolicy
from sluicegate.verdict.model import CheckOutcome, Decision, Outcome
from sluicegate.verdict.policy import Policy, decide, decision_table


def outcome(kind: Outcome, area: Area = Area.QUALITY, severity: Severity = Severity.ERROR) -> CheckOutcome:
    check = ContractCheck(id=kind, name=kind, promise=m.NotNull(column="a"), area=area, severity=severity)
    return CheckOutcome(check=check, outcome=kind, engine="duckdb")


STRICT = Policy(ViolationPolicy(), Enforcement.STRICT)


def test_all_passed_commits_without_a_reason() -> None:
    assert decide([outcome(Outcome.PASSED)], STRICT) == (Decision.COMMIT, ())


@pytest.mark.parametrize(
    ("area", "wanted"),
    [(Area.SCHEMA, Decision.BLOCK), (Area.QUALITY, Decision.QUARANTINE), (Area.SLA, Decision.COMMIT_WITH_WARNINGS)],
)
def test_the_violated_area_chooses_the_policy(area: Area, wanted: Decision) -> None:
    assert decide([outcome(Outcome.FAILED, area)], STRICT)[0] is wanted


def test_the_strongest_decision_wins_and_only_it_gives_reasons() -> None:
    outcomes = [outcome(Outcome.WARNED), outcome(Outcome.FAILED, Area.SCHEMA), outcome(Outcome.FAILED)]
    assert decide(outcomes, STRICT) == (Decision.BLOCK, ("failed: failed",))


@pytest.mark.parametrize(
    ("enforcement", "action", "area", "severity"),
    list(product([Enforcement.STRICT, Enforcement.WARN], Action, Area, Severity)),
)
def test_an_errored_check_never_lets_a_batch_through(
    enforcement: Enforcement, action: Action, area: Area, severity: Severity
) -> None:
    actions = ViolationPolicy(
        on_schema_violation=action, on_quality_violation=action, on_sla_violation=action, on_unsupported=action
    )
    decision, _ = decide([outcome(Outcome.PASSED), outcome(Outcome.ERRORED, area, severity)], Policy(actions, enforcement))
    assert decision in {Decision.QUARANTINE, Decision.BLOCK}


def test_an_unsupported_check_blocks_unless_the_contract_says_otherwise() -> None:
    outcomes = [outcome(Outcome.PASSED), outcome(Outcome.UNSUPPORTED)]
    assert decide(outcomes, STRICT)[0] is Decision.BLOCK
    lenient = Policy(ViolationPolicy(on_unsupported=Action.WARN), Enforcement.STRICT)
    assert decide(outcomes, lenient)[0] is Decision.COMMIT_WITH_WARNINGS


def test_without_a_quarantine_what_would_be_quarantined_is_blocked() -> None:
    assert (
        decide([outcome(Outcome.FAILED)], Policy(ViolationPolicy(), Enforcement.STRICT, quarantine_enabled=False))[0]
        is Decision.BLOCK
    )


@pytest.mark.parametrize("outcomes", [[], [outcome(Outcome.SKIPPED)], [outcome(Outcome.SKIPPED), outcome(Outcome.UNSUPPORTED)]])
def test_a_run_in_which_nothing_was_evaluated_does_not_pass(outcomes: list[CheckOutcome]) -> None:
    lenient = Policy(ViolationPolicy(on_unsupported=Action.WARN), Enforcement.WARN)
    assert decide(outcomes, lenient)[0] is Decision.BLOCK


def test_a_disabled_contract_commits_and_says_that_nothing_ran() -> None:
    decision, reasons = decide([outcome(Outcome.SKIPPED)], Policy(ViolationPolicy(), Enforcement.DISABLED))
    assert decision is Decision.COMMIT
    assert "no check ran" in reasons[0]


def test_info_leaves_the_decision_alone() -> None:
    assert decide([outcome(Outcome.WARNED, severity=Severity.INFO)], STRICT)[0] is Decision.COMMIT
    assert decide([outcome(Outcome.WARNED, severity=Severity.WARNING)], STRICT)[0] is Decision.COMMIT_WITH_WARNINGS


def test_the_table_has_a_row_for_every_outcome() -> None:
    table = decision_table()
    assert all(f"| {kind} |" in table for kind in Outcome)
