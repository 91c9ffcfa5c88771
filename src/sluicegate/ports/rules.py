"""What a Python rule is given, and what it may answer with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["RuleContext", "RuleResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleContext:
    """The run, as a rule sees it: passed to a parameter named ``context``.

    Attributes:
        now: the run's clock, in UTC; the only one that a rule should use.
        batch_id: of the batch at hand.
        dataset: what the contract is about.
        rows: how many rows the batch has.
    """

    now: datetime
    batch_id: str = ""
    dataset: str = ""
    tenant_id: str = ""
    environment: str = ""
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """An answer with more to say than yes or no.

    Attributes:
        passed: the rule's own verdict; None: it holds if nothing is ``failing``.
        failing: how many rows break it.
        rows: how many rows it looked at; None: all.
        message: one sentence for a person, without values of the data.
        evidence: some failing rows: a table in any of the forms that a rule may ask for. Only columns of the batch are shown.

    >>> RuleResult(failing=3, message="three flights left before they arrived").passed is None
    True
    """

    passed: bool | None = None
    failing: int | None = None
    rows: int | None = None
    message: str = ""
    evidence: Any = None
