"""Engines that misbehave: each ends as an errored check, and none takes another's results with it."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.questions import Aggregate, Question
from sluicegate.checks.types import BatchSchema
from sluicegate.contract.model import Contract
from sluicegate.errors import EngineError
from sluicegate.gate.plan import EngineRoom, plan
from sluicegate.gate.run import run_checks
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Engine, Evidence, Result, RunContext, Translation, Unsupported
from sluicegate.scan.scan import Scan
from sluicegate.testing.batches import MemoryBatch

if TYPE_CHECKING:
    import duckdb

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Behaviour = Callable[[Sequence[ContractCheck], BatchView], Iterable[Result]]


class FakeEngine:
    """An engine that does what it is told."""

    def __init__(self, name: str, behaviour: Behaviour, *, supports: bool = True) -> None:
        self.name = name
        self._behaviour = behaviour
        self._supports = supports

    def versions(self) -> Mapping[str, str]:
        return {self.name: "1"}

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        asked = (Aggregate("count(a)"),) if isinstance(check.promise, m.NotNull) else ()
        return Translation(language="sql", text=check.id, questions=asked) if self._supports else Unsupported("it is too young")

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        return self._behaviour(checks, batch)


class FakeRoom(EngineRoom):
    def __init__(self, *engines: FakeEngine) -> None:
        super().__init__([engine.name for engine in engines])
        self._loaded = {engine.name: engine for engine in engines}


class StoppableBatch(MemoryBatch):
    """A MemoryBatch whose views count interrupts, and which does something before each connection."""

    def __init__(self, before: Callable[[StoppableBatch], object] = lambda _: None) -> None:
        super().__init__("SELECT 1 AS a")
        self._before = before
        self.stopped = threading.Event()
        self.scans: list[Scan] = []

    def scan(self, questions: Sequence[Question]) -> Scan:
        self.scans.append(Scan(self, questions))
        self.scans[-1].start()
        return self.scans[-1]

    def view(self, scan: Scan) -> StoppableBatch:
        assert scan is self.scans[-1]
        return self

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        return self.scans[-1].answers(questions, self)

    def connect(self) -> duckdb.DuckDBPyConnection:
        self._before(self)
        return super().connect()

    def interrupt(self) -> None:
        self.interrupted = True
        self.stopped.set()
        for scan in self.scans:
            scan.wake()


def check(check_id: str, engine: str | None = None) -> ContractCheck:
    return ContractCheck(id=check_id, name=check_id, promise=m.NotNull(column="a"), engine=engine)


def run(room: FakeRoom, *checks: ContractCheck, batch: StoppableBatch | None = None, timeout: float = 60) -> dict[str, Result]:
    contract = Contract(name="c", version="1", owner="o", dataset="d", checks=checks)
    planned = plan(contract, room, NOW)
    return run_checks(planned, batch or StoppableBatch(), room, lambda _: RunContext(now=NOW), timeout)


def good(checks: Sequence[ContractCheck], batch: BatchView) -> Iterator[Result]:
    for item in checks:
        yield Result(check_id=item.id, rows=1, failing=0)


def asking(checks: Sequence[ContractCheck], batch: BatchView) -> Iterator[Result]:
    """An engine whose figures come from the one scan."""
    for item in checks:
        (present,) = batch.answers((Aggregate("count(a)"),))
        yield Result(check_id=item.id, rows=1, failing=1 - present)


def raising(error: BaseException) -> Behaviour:
    def behave(checks: Sequence[ContractCheck], batch: BatchView) -> Iterator[Result]:
        yield Result(check_id=checks[0].id, rows=1, failing=0)
        raise error

    return behave


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EngineError("the database went away", hint="start it"), "bad broke: the database went away"),
        (ValueError("first line\nsecond line"), "bad broke: ValueError: first line"),
        (MemoryError(), "bad ran out of memory"),
        (SystemExit(3), "bad broke: SystemExit"),
        (KeyboardInterrupt(), "bad broke: KeyboardInterrupt"),
    ],
)
def test_an_engine_that_breaks_errors_its_unanswered_checks_only(error: BaseException, words: str) -> None:
    room = FakeRoom(FakeEngine("bad", raising(error)), FakeEngine("fine", good))
    results = run(room, check("answered", "bad"), check("lost", "bad"), check("other", "fine"))
    assert results["answered"].failing == 0
    assert results["lost"].error.startswith(words)
    assert results["lost"].engine_broke
    assert results["other"].failing == 0


def test_a_check_without_a_result_is_an_error_of_the_engine() -> None:
    results = run(FakeRoom(FakeEngine("lazy", lambda checks, batch: [])), check("a"))
    assert "no result" in results["a"].error
    assert results["a"].engine_broke


def test_two_results_for_one_check_are_an_error_of_the_engine() -> None:
    twice = FakeEngine("eager", lambda checks, batch: [*good(checks, batch), *good(checks, batch)])
    assert "two results" in run(FakeRoom(twice), check("a"))["a"].error


def test_results_for_checks_that_nobody_asked_for_are_left_out() -> None:
    chatty = FakeEngine("chatty", lambda checks, batch: [*good(checks, batch), Result(check_id="x", rows=1, failing=0)])
    assert set(run(FakeRoom(chatty), check("a"))) == {"a"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "no result"),
        ({"check_id": "a"}, "no result"),
        (Result(check_id=["a"], rows=1, failing=0), "no result"),  # type: ignore[arg-type]
        (Result(check_id="a", rows=-1, failing=-1), "'rows' is no count"),
        (Result(check_id="a", rows=1, failing=True), "'failing' is no count"),
        (Result(check_id="a", rows=1, failing="0"), "'failing' is no count"),  # type: ignore[arg-type]
        (Result(check_id="a", rows=1, failing=2), "more failing rows than rows"),
        (Result(check_id="a", value=[1]), "'value' is no plain value"),  # type: ignore[arg-type]
        (Result(check_id="a", value=Decimal("sNaN")), "'value' is no plain value"),
        (Result(check_id="a", native="passed"), "'native' is no outcome"),  # type: ignore[arg-type]
        (Result(check_id="a", rows=1, failing=0, error=None), "'error' is no text"),  # type: ignore[arg-type]
        (Result(check_id="a", evidence=Evidence(columns=("a", "b"), rows=((1,),))), "'evidence' is none"),
    ],
)
def test_garbage_from_an_engine_is_its_error_and_takes_no_other_result_with_it(given: Any, words: str) -> None:
    room = FakeRoom(FakeEngine("mad", lambda checks, batch: [given]), FakeEngine("fine", good))
    results = run(room, check("a", "mad"), check("other", "fine"))
    assert words in results["a"].error
    assert results["a"].engine_broke
    assert results["other"].failing == 0


def test_an_engine_that_breaks_while_it_translates_errs_even_where_unsupported_may_pass() -> None:
    class Broken(FakeEngine):
        def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
            raise ValueError(check.id)

    class Mute(FakeEngine):
        def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
            return None  # type: ignore[return-value]

    room = FakeRoom(Broken("broken", good), Mute("mute", good), FakeEngine("fine", good))
    checks = (check("a", "broken"), check("b", "mute"), check("c", "fine"))
    planned = plan(Contract(name="c", version="1", owner="o", dataset="d", checks=checks), room, NOW)
    assert [(item.fault and item.fault.message, item.engine_broke) for item in planned.checks] == [
        ("broken broke while it translated the check: ValueError", True),
        ("mute gave a NoneType for a translation", True),
        (None, False),
    ]
    assert set(planned.by_engine) == {"fine"}


def test_an_engine_that_takes_too_long_is_interrupted_and_its_answers_so_far_count() -> None:
    batch = StoppableBatch()

    def slow(checks: Sequence[ContractCheck], view: BatchView) -> Iterator[Result]:
        yield Result(check_id=checks[0].id, rows=1, failing=0)
        batch.stopped.wait()
        raise EngineError("interrupted")

    room = FakeRoom(FakeEngine("slow", slow), FakeEngine("fine", good))
    results = run(room, check("early", "slow"), check("late", "slow"), check("other", "fine"), batch=batch, timeout=0.05)
    assert results["early"].failing == 0
    assert "took longer than 0.05 s" in results["late"].error
    assert results["late"].error_hint
    assert results["other"].failing == 0


def test_an_engine_that_never_notices_is_left_behind() -> None:
    forever = threading.Event()

    def stuck(checks: Sequence[ContractCheck], view: BatchView) -> Iterator[Result]:
        forever.wait()
        yield from good(checks, view)

    try:
        results = run(FakeRoom(FakeEngine("stuck", stuck)), check("a"), timeout=0.01)
        assert "took longer" in results["a"].error
    finally:
        forever.set()


def test_engines_that_ask_get_the_answers_of_the_one_scan() -> None:
    batch = StoppableBatch()
    results = run(
        FakeRoom(FakeEngine("one", asking), FakeEngine("two", asking)), check("a", "one"), check("b", "two"), batch=batch
    )
    assert (results["a"].failing, results["b"].failing) == (0, 0)
    assert len(batch.scans) == 1
    assert not batch.interrupted


def test_a_scan_that_takes_too_long_errs_all_that_wait_for_it_and_nothing_else() -> None:
    batch = StoppableBatch(before=lambda held: held.stopped.wait(20))
    room = FakeRoom(FakeEngine("asks", asking), FakeEngine("fine", good))
    results = run(room, check("late", "asks"), check("other", "fine"), batch=batch, timeout=0.05)
    assert "took longer than 0.05 s" in results["late"].error
    assert results["late"].engine_broke
    assert results["other"].failing == 0


def test_a_scan_that_dies_errs_all_that_ask_and_nothing_else() -> None:
    def die(_: StoppableBatch) -> None:
        raise EngineError("DuckDB broke: it is gone")

    room = FakeRoom(FakeEngine("asks", asking), FakeEngine("fine", good))
    results = run(room, check("lost", "asks"), check("other", "fine"), batch=StoppableBatch(before=die))
    assert results["lost"].error == "asks broke: DuckDB broke: it is gone"
    assert results["lost"].engine_broke
    assert results["other"].failing == 0


def test_a_scan_that_nobody_asks_is_stopped_when_the_engines_are_done() -> None:
    batch = StoppableBatch(before=lambda held: held.stopped.wait(20))
    assert run(FakeRoom(FakeEngine("fine", good)), check("a"), batch=batch)["a"].failing == 0
    assert batch.stopped.is_set()


def test_an_engine_that_dies_leaves_the_scan_to_the_others() -> None:
    room = FakeRoom(FakeEngine("bad", raising(EngineError("gone"))), FakeEngine("asks", asking))
    results = run(room, check("a", "bad"), check("b", "bad"), check("c", "asks"))
    assert "gone" in results["b"].error
    assert results["c"].failing == 0


def interrupted() -> None:
    """A program: it holds only if what is asserted in it does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    batch = StoppableBatch(before=lambda held: held.stopped.wait(20))
    ended = threading.Event()

    def waiting(checks: Sequence[ContractCheck], view: BatchView) -> Iterator[Result]:
        _thread.interrupt_main()
        try:
            yield from asking(checks, view)
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        run(FakeRoom(FakeEngine("asks", waiting)), check("a"), batch=batch)
    assert batch.stopped.is_set()
    assert ended.wait(20)


def test_ctrl_c_stops_the_scan_and_the_engines_and_comes_through() -> None:
    # A program of its own: tests that were started in the background ignore Ctrl-C.
    program = [sys.executable, "-c", "import os; from tests.unit.gate.test_run import interrupted; interrupted(); os._exit(0)"]
    done = subprocess.run(program, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unpinned_check_goes_to_the_first_engine_that_can_run_it() -> None:
    room = FakeRoom(FakeEngine("young", good, supports=False), FakeEngine("old", good))
    planned = plan(Contract(name="c", version="1", owner="o", dataset="d", checks=(check("a"),)), room, NOW)
    assert planned.checks[0].engine == "old"


def test_a_check_that_no_engine_can_run_says_why_for_each() -> None:
    room = FakeRoom(FakeEngine("young", good, supports=False), FakeEngine("small", good, supports=False))
    planned = plan(Contract(name="c", version="1", owner="o", dataset="d", checks=(check("a"),)), room, NOW)
    assert planned.checks[0].unsupported == "young: it is too young; small: it is too young"


def test_an_engine_that_does_not_know_its_version_is_unknown_and_no_more() -> None:
    class Nameless(FakeEngine):
        def versions(self) -> Mapping[str, str]:
            raise KeyError("metadata")

    room = FakeRoom(Nameless("nameless", good), FakeEngine("fine", good))
    assert room.versions(["nameless", "fine"]) == {"nameless": "unknown", "fine": "1"}


def test_the_fake_is_an_engine() -> None:
    engine: Engine = FakeEngine("x", good)
    assert engine.name == "x"
