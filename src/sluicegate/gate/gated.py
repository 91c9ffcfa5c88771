"""``@gated``: a function that returns a batch becomes a step that hands it to the gate."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, ParamSpec

from sluicegate.contract.model import Contract
from sluicegate.errors import UsageError
from sluicegate.gate.gate import Gate
from sluicegate.gate.outcome import RunOutcome

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
        UsageError: (when it decorates) the function is a generator or asynchronous: calling it returns no batch.
        BatchRefused: (from the decorated function) the batch was quarantined or blocked.
    """

    def decorate(extract: Callable[P, object]) -> Callable[P, RunOutcome]:
        _refuse_what_returns_no_batch(extract)

        @cache
        def default() -> Gate:
            return Gate.from_config()

        @wraps(extract)
        def step(*args: P.args, **kwargs: P.kwargs) -> RunOutcome:
            used: Any = gate or default()
            key = batch_id(*args, **kwargs) if callable(batch_id) else batch_id
            outcome: RunOutcome = used.run(contract, extract(*args, **kwargs), batch_id=key, format=format)
            return outcome.raise_if_refused()

        return step

    return decorate


def _refuse_what_returns_no_batch(extract: Callable[..., object]) -> None:
    name = getattr(extract, "__qualname__", repr(extract))
    if inspect.isgeneratorfunction(extract) or inspect.isasyncgenfunction(extract):
        raise UsageError(
            f"@gated: {name} is a generator", hint="return the whole batch: a path, a table or a record batch reader"
        )
    if inspect.iscoroutinefunction(extract):
        raise UsageError(f"@gated: {name} is asynchronous", hint="await the batch first, then hand it to gate.run(…)")
