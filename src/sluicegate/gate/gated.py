"""``@gated``: a function that returns a batch becomes a step that hands it to the gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from sluicegate.contract.model import Contract
from sluicegate.gate.gate import Gate, RunOutcome

__all__ = ["gated"]

P = ParamSpec("P")


def gated(
    contract: str | Path | Contract,
    *,
    gate: Gate | None = None,
    batch_id: str | Callable[P, str] | None = None,
    format: str | None = None,  # noqa: A002 - the field's word
) -> Callable[[Callable[P, object]], Callable[P, RunOutcome]]:
    """Run what the function returns through the gate; the decorated function returns the RunOutcome.

    Args:
        contract: a contract, asset or job file.
        gate: whose profile to use; None: the default profile, read at the first call.
        batch_id: the idempotency key, or a function of the call's arguments that gives it.
        format: of the files, where their suffix doesn't say.

    Raises:
        BatchRefused: (from the decorated function) the batch was quarantined or blocked.
    """

    def decorate(extract: Callable[P, object]) -> Callable[P, RunOutcome]:
        @wraps(extract)
        def step(*args: P.args, **kwargs: P.kwargs) -> RunOutcome:
            used: Any = gate or Gate.from_config()
            key = batch_id(*args, **kwargs) if callable(batch_id) else batch_id
            outcome: RunOutcome = used.run(contract, extract(*args, **kwargs), batch_id=key, format=format)
            return outcome.raise_if_refused()

        return step

    return decorate
