"""The one scan: what all engines of a run ask of the batch, answered once.

What was announced is answered in a thread of its own, beside whatever the engines do meanwhile: all aggregates in one SELECT, one
aggregation for each key. An engine that asks waits for it; what nobody announced is asked when it is asked for, and remembered.
If the SELECT fails, it is halved until what makes it fail is unanswered alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sluicegate.checks.questions import ROWS, Aggregate, Key, Question
from sluicegate.checks.sqltext import BATCH
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.statements import StatementFailed, fetch_row
from sluicegate.scan.keys import plan_keys, repeats
from sluicegate.scan.repeated import answer_by_value
from sluicegate.scan.statistics import Statistics

if TYPE_CHECKING:
    import duckdb

__all__ = ["AskingView", "Scan", "ScannedView", "answer_all", "statements"]

_EXPRESSIONS_PER_SCAN = 400  # measured: linear up to here; a statement should stay readable in a log, too


def _fused(aggregates: Sequence[Aggregate]) -> str:
    """The SELECT that answers them all."""
    listed = ",\n  ".join(item.sql for item in aggregates)  # on a line each, for the sake of whoever reads a query log
    return f"SELECT {listed}\nFROM {BATCH}"


def statements(questions: Sequence[Question]) -> tuple[str, ...]:
    """The SELECTs that answer the aggregates among the questions, if nothing is known yet but the number of rows."""
    return tuple(map(_fused, _portions(item for item in questions if item != ROWS)))


def _portions(questions: Iterable[Question]) -> Iterator[list[Aggregate]]:
    aggregates = [item for item in dict.fromkeys(questions) if isinstance(item, Aggregate)]
    for start in range(0, len(aggregates), _EXPRESSIONS_PER_SCAN):
        yield aggregates[start : start + _EXPRESSIONS_PER_SCAN]


def answer_all(
    connection: duckdb.DuckDBPyConnection,
    questions: Sequence[Question],
    schema: BatchSchema,
    known: Mapping[Question, Any],
    statistics: Statistics | None = None,
) -> Iterator[tuple[Question, Any]]:
    """Each question once, with its answer, as soon as it is known: a value, ``Repeats`` or ``Unanswered``.

    Args:
        connection: with the view ``batch``.
        questions: about it.
        schema: the batch's.
        known: answers to other questions: the number of rows, at best.
        statistics: of the batch's files, if they may answer.

    Raises:
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    wanted = dict.fromkeys(questions)
    keys = plan_keys(connection, [item for item in wanted if isinstance(item, Key)], schema, known.get(ROWS, 0))
    also = [item for plan in keys.values() for item in plan.aggregates if item not in known]
    settled = statistics.answers(connection, (*wanted, *also)) if statistics else {}
    left = [item for item in (*wanted, *also) if item not in settled]
    settled |= answer_by_value(connection, left, schema, known.get(ROWS, 0))
    yield from ((item, answer) for item, answer in settled.items() if item in wanted)
    answers: dict[Question, Any] = {**known, **settled}
    for portion in _portions(item for item in left if item not in settled):
        for aggregate, answer in _scan(connection, portion):
            answers[aggregate] = answer
            if aggregate in wanted:
                yield aggregate, answer
    for key, plan in keys.items():
        try:
            yield key, repeats(connection, key, plan, answers)
        except StatementFailed as failed:
            yield key, failed.unanswered


def _scan(connection: duckdb.DuckDBPyConnection, aggregates: Sequence[Aggregate]) -> Iterator[tuple[Aggregate, Any]]:
    """One scan for all; if it fails, one for each half, down to the one that makes it fail."""
    try:
        values = fetch_row(connection, _fused(aggregates), len(aggregates))
    except StatementFailed as failed:
        if len(aggregates) == 1:
            yield aggregates[0], failed.unanswered
            return
        middle = len(aggregates) // 2
        yield from _scan(connection, aggregates[:middle])
        yield from _scan(connection, aggregates[middle:])
        return
    yield from zip(aggregates, values, strict=True)


class AskingView(Protocol):
    """The part of a view that asking needs."""

    @property
    def schema(self) -> BatchSchema: ...
    @property
    def interrupted(self) -> bool: ...
    def connect(self) -> duckdb.DuckDBPyConnection: ...


class ScannedView(AskingView, Protocol):
    """The part that the scan itself needs."""

    def interrupt(self) -> None: ...


class Scan:
    """The questions of one run and their answers. Safe from any thread.

    Args:
        view: what the announced questions are asked on; None if there are none.
        announced: answered from ``start`` on.
        known: what needs no asking.
        statistics: of the batch's files, if they may answer.
    """

    def __init__(
        self,
        view: ScannedView | None = None,
        announced: Sequence[Question] = (),
        known: Mapping[Question, Any] | None = None,
        statistics: Statistics | None = None,
    ) -> None:
        self._view = view
        self._statistics = statistics
        self._answers: dict[Question, Any] = dict(known or {})
        self._announced = tuple(item for item in dict.fromkeys(announced) if item not in self._answers)
        self._awaited = set(self._announced)
        self._lost: frozenset[Question] = frozenset()
        self._fault = EngineError("the scan ended without an answer")
        self._changed = threading.Condition()

    def start(self) -> None:
        """Answer what was announced, in a thread of its own."""
        if self._view is not None and self._announced:
            # A daemon: a statement that never returns must not keep the process alive.
            threading.Thread(target=self._work, args=(self._view,), name="sluicegate-scan", daemon=True).start()

    def answers(self, questions: Sequence[Question], view: AskingView) -> tuple[Any, ...]:
        """The answers, in the questions' order; those that were announced are waited for, others asked on this view.

        Raises:
            EngineError: the view was interrupted, or DuckDB is of no more use.
        """
        with self._changed:
            self._changed.wait_for(lambda: view.interrupted or self._awaited.isdisjoint(questions))
            if view.interrupted:
                raise EngineError("the run was interrupted")
            if not self._lost.isdisjoint(questions):
                raise EngineError(self._fault.message, hint=self._fault.hint) from self._fault
            missing = [item for item in questions if item not in self._answers]
        if missing:
            for question, answer in self._ask(view, missing):
                self._settle(question, answer)
        return tuple(self._answers[item] for item in questions)

    def known(self, question: Question) -> Any:
        """A question's answer if it was asked; None if it wasn't."""
        with self._changed:
            return self._answers.get(question)

    def wake(self) -> None:
        """Let those who wait see that their view was interrupted."""
        with self._changed:
            self._changed.notify_all()

    def stop(self, seconds: float) -> None:
        """End it, if it still runs, and give it so long to notice."""
        with self._changed:
            if self._awaited and self._view is not None:
                self._view.interrupt()
                self._changed.wait_for(lambda: not self._awaited, seconds)

    def _work(self, view: ScannedView) -> None:
        try:
            for question, answer in self._ask(view, self._announced):
                self._settle(question, answer)
        except EngineError as error:
            self._fault = error
        except MemoryError:
            self._fault = EngineError("the scan ran out of memory")
        except BaseException as error:  # noqa: BLE001 - a thread's last line: whoever waits must hear of it
            self._fault = EngineError(f"the scan broke ({type(error).__name__})")
        finally:
            with self._changed:
                self._lost = frozenset(self._awaited)
                self._awaited.clear()
                self._changed.notify_all()

    def _ask(self, view: AskingView, questions: Sequence[Question]) -> Iterator[tuple[Question, Any]]:
        return answer_all(_connect(view), questions, view.schema, dict(self._answers), self._statistics)

    def _settle(self, question: Question, answer: Any) -> None:
        with self._changed:
            self._answers[question] = answer
            self._awaited.discard(question)
            self._changed.notify_all()


def _connect(view: AskingView) -> duckdb.DuckDBPyConnection:
    import duckdb

    try:
        return view.connect()
    except duckdb.Error as error:
        raise EngineError("DuckDB can't be connected to") from error
