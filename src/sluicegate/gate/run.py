"""Plan -> Results: the one scan and every engine at once, each in a thread of its own, none able to take the others with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.questions import Question
from sluicegate.errors import SluicegateError
from sluicegate.gate.plan import EngineRoom, Plan
from sluicegate.gate.soundness import unsound
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Engine, Result, RunContext

__all__ = ["EngineView", "OpenedBatch", "run_checks"]

_GRACE_SECONDS = 2.0
"""How long an interrupted engine may take to notice before its thread is left behind."""


class EngineView(BatchView, Protocol):
    """A BatchView that the gate can stop."""

    def interrupt(self) -> None:
        """Make every statement that runs on this view's connections fail. Safe from any thread."""
        ...


class RunningScan(Protocol):
    """What answers the engines' questions, in a thread of its own."""

    def stop(self, seconds: float) -> None:
        """End it, if it still runs, and give it so long to notice."""
        ...


class OpenedBatch(Protocol):
    """The part of ``batch.source.Batch`` that running checks needs."""

    def scan(self, questions: Sequence[Question]) -> RunningScan: ...
    def view(self, scan: Any) -> EngineView: ...


@dataclass(slots=True)
class _EngineRun:
    """One engine at work: what it was asked, what it has answered so far, and how it ended."""

    name: str
    engine: Engine
    checks: Sequence[ContractCheck]
    view: EngineView
    results: list[Result] = field(default_factory=list)
    fault: str = ""
    hint: str = ""
    quotes: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def work(self, context: RunContext) -> None:
        try:
            for result in self.engine.run(self.checks, self.view, context):
                self.results.append(result)
        except SluicegateError as error:
            self.fault, self.hint, self.quotes = f"{self.name} broke: {error.message}", error.hint, True
        except MemoryError:
            self.fault = f"{self.name} ran out of memory"
        except BaseException as error:  # noqa: BLE001 - a thread's last line: whatever an engine throws closes the gate
            self.fault, self.quotes = f"{self.name} broke: {type(error).__name__}: {_one_line(error)}", True
        finally:
            self.done.set()

    def final_results(self) -> dict[str, Result]:
        """Exactly one result for each check that was asked: missing and doubled ones are errors of the engine."""
        asked = {check.id: check for check in self.checks}
        found: dict[str, Result] = {}
        for given in list(self.results):
            check_id = getattr(given, "check_id", None)
            if not isinstance(check_id, str) or check_id not in asked:
                continue
            wrong = "two results for one check" if check_id in found else unsound(given, asked[check_id])
            found[check_id] = _broke(check_id, f"{self.name} gave {wrong}") if wrong else given
        missing = self.fault or f"{self.name} gave no result for this check"
        return {check_id: found.get(check_id) or _broke(check_id, missing, self.hint, quotes=self.quotes) for check_id in asked}


def run_checks(
    plan: Plan, batch: OpenedBatch, engines: EngineRoom, context_of: Callable[[str], RunContext], timeout: float
) -> dict[str, Result]:
    """Run the plan's checks on the batch.

    Args:
        plan: made with the batch's schema.
        batch: opened.
        engines: where the plan's engines are.
        context_of: engine's name -> what it is told.
        timeout: seconds that any engine may take; then it is interrupted, and its unanswered checks are errors.

    Returns:
        Exactly one result for each check that the plan gives to an engine, by check ID.
    """
    scan = batch.scan(plan.questions)
    runs = [_EngineRun(name, engines[name], checks, batch.view(scan)) for name, checks in plan.by_engine.items()]
    try:
        for run in runs:
            # Daemons: a rule that never returns must not keep the process alive.
            threading.Thread(target=run.work, args=(context_of(run.name),), name=f"sluicegate-{run.name}", daemon=True).start()
        _await(runs, timeout)
    except BaseException:  # Ctrl-C: stop the engines, then let it through
        for run in runs:
            run.view.interrupt()
        raise
    finally:
        scan.stop(_GRACE_SECONDS)  # too late, or nobody asks any more: it must not compete with what comes next
    return {check_id: result for run in runs for check_id, result in run.final_results().items()}


def _await(runs: Sequence[_EngineRun], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    for run in runs:
        run.done.wait(max(0.0, deadline - time.monotonic()))
    late = [run for run in runs if not run.done.is_set()]
    for run in late:
        run.view.interrupt()
    grace = time.monotonic() + _GRACE_SECONDS
    for run in late:
        run.done.wait(max(0.0, grace - time.monotonic()))
        run.fault, run.quotes = f"{run.name} took longer than {timeout:g} s", False
        run.hint = "raise timeout_seconds in the profile, or look at what the check does"


def _broke(check_id: str, error: str, hint: str = "", *, quotes: bool = False) -> Result:
    return Result(check_id=check_id, error=error, error_hint=hint, engine_broke=True, harmless=not quotes)


def _one_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else "no message"
