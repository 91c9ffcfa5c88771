"""sluicegate: a gate for data.

    from sluicegate import Gate

    outcome = Gate.from_config().run("contracts/orders.yaml", "orders.parquet", batch_id="2026-01-01")
    outcome.verdict.decision   # commit, commit_with_warnings, quarantine, block

Names are loaded when they are first used, so that ``import sluicegate`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluicegate.contract.loader import load_contract
    from sluicegate.errors import BatchRefused, SluicegateError
    from sluicegate.gate.gate import Gate
    from sluicegate.gate.gated import gated
    from sluicegate.gate.outcome import RunOutcome
    from sluicegate.ports.rules import RuleContext, RuleResult
    from sluicegate.verdict.model import Decision, Outcome, Verdict

__all__ = [
    "BatchRefused",
    "Decision",
    "Gate",
    "Outcome",
    "RuleContext",
    "RuleResult",
    "RunOutcome",
    "SluicegateError",
    "Verdict",
    "gated",
    "load_contract",
]

_HOMES = {
    "BatchRefused": "errors",
    "Decision": "verdict.model",
    "Gate": "gate.gate",
    "Outcome": "verdict.model",
    "RuleContext": "ports.rules",
    "RuleResult": "ports.rules",
    "RunOutcome": "gate.outcome",
    "SluicegateError": "errors",
    "Verdict": "verdict.model",
    "gated": "gate.gated",
    "load_contract": "contract.loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sluicegate' has no attribute {name!r}")
    return getattr(import_module(f"sluicegate.{_HOMES[name]}"), name)
