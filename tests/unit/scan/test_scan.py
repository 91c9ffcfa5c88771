"""The one scan: what was announced is answered once, for everybody; whatever breaks it, nobody waits forever and nobody gets a figure."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sluicegate.checks.questions import ROWS, Aggregate, Key, Question, Repeats, Unanswered
from sluicegate.errors import EngineError
from sluicegate.scan import scan as scan_module
from sluicegate.scan.scan import Scan, statements
from sluicegate.testing.batches import MemoryBatch

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

HIGHEST, LOWEST = Aggregate('max("a")'), Aggregate('min("a")')
KEY = Key(("a",))
UNKNOWN = Aggregate('max("nonesuch")')
BREAKING = Aggregate("sum(CAST(s AS INTEGER))")
SECONDS = 20


class Recorder:
    """A real connection that writes down what it is asked, and does something first."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, said: list[str], before: Callable[[], object]) -> None:
        self._connection = connection
        self._said = said
        self._before = before

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        self._said.append(sql)
        self._before()
        return self._connection.execute(sql)


class View(MemoryBatch):
    """A batch of three rows whose statements are written down, and can be held up."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        super().__init__("SELECT * FROM (VALUES (1, 'x'), (2, 'secret-7'), (2, NULL)) t(a, s)")
        self.statements: list[str] = []
        self._before = before

    def connect(self) -> Any:
        return Recorder(super().connect(), self.statements, self._before)

    def interrupt(self) -> None:
        self.interrupted = True


def started(view: View, *questions: Question) -> Scan:
    scan = Scan(view, questions)
    scan.start()
    return scan


def test_what_was_announced_is_answered_in_one_statement_and_one_for_each_key() -> None:
    view, other = View(), View()
    scan = started(view, HIGHEST, KEY, LOWEST, HIGHEST)
    assert scan.answers((LOWEST, KEY, HIGHEST, LOWEST), other) == (1, Repeats(3, 2), 2, 1)
    assert [sql.count("FROM batch") for sql in view.statements] == [1, 1]
    assert other.statements == []


def test_what_nobody_announced_is_asked_on_the_askers_own_view_and_remembered() -> None:
    view, other = View(), View()
    scan = started(view, HIGHEST)
    assert scan.answers((LOWEST, HIGHEST), other) == (1, 2)
    assert scan.answers((LOWEST, HIGHEST), View()) == (1, 2)
    assert (len(view.statements), len(other.statements)) == (1, 1)


def test_what_is_known_needs_no_statement() -> None:
    view = View()
    scan = Scan(view, (ROWS, HIGHEST), {ROWS: 3, HIGHEST: 2})
    scan.start()
    assert scan.answers((ROWS, HIGHEST), view) == (3, 2)
    assert view.statements == []


def test_nobody_waits_for_what_others_announced() -> None:
    go = threading.Event()
    view = View(before=lambda: go.wait(SECONDS))
    scan = started(view, HIGHEST)
    assert scan.answers((LOWEST,), View()) == (1,)
    go.set()
    assert scan.answers((HIGHEST,), View()) == (2,)


def test_a_question_that_breaks_is_unanswered_alone_without_values_of_the_data() -> None:
    scan = started(View(), HIGHEST, BREAKING, LOWEST, UNKNOWN, KEY)
    high, broken, low, unknown, key = scan.answers((HIGHEST, BREAKING, LOWEST, UNKNOWN, KEY), View())
    assert (high, low, key) == (2, 1, Repeats(3, 2))
    assert isinstance(broken, Unanswered)
    assert isinstance(unknown, Unanswered)
    assert "secret" not in broken.message + broken.hint
    assert "nonesuch" in unknown.message
    assert not broken.engine_broke


@pytest.mark.parametrize("sql", ["1", "unnest(list(a))", "a", "count(*), max(a)", "max(a) FROM batch --"])
def test_what_is_no_single_aggregate_is_unanswered_alone(sql: str) -> None:
    odd = Aggregate(sql)
    found = started(View(), HIGHEST, odd, LOWEST).answers((HIGHEST, odd, LOWEST), View())
    assert (found[0], found[2]) == (2, 1)
    assert isinstance(found[1], Unanswered) or found[1] in {1, 2}
    assert isinstance(started(View(), odd).answers((odd,), View())[0], Unanswered | int)


def test_more_questions_than_a_statement_takes_are_asked_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_EXPRESSIONS_PER_SCAN", 3)
    questions = [Aggregate(f"max(a + {i})") for i in range(8)]
    view = View()
    assert started(view, *questions).answers(questions, View()) == tuple(range(2, 10))
    assert [sql.count("max(") for sql in view.statements] == [3, 3, 2]
    assert statements([ROWS, *questions, KEY, *questions]) == tuple(view.statements)


@pytest.mark.parametrize(
    "error", [EngineError("DuckDB broke: it is gone"), MemoryError(), SystemExit(3), RuntimeError("secret-7")]
)
def test_a_scan_that_dies_is_an_error_to_everybody_who_waits_for_it(error: BaseException) -> None:
    def die() -> None:
        raise error

    scan = started(View(before=die), HIGHEST)
    for _ in range(2):
        with pytest.raises(EngineError) as told:
            scan.answers((HIGHEST,), View())
        assert "secret" not in str(told.value)
    assert scan.answers((LOWEST,), View()) == (1,)


def test_an_interrupted_view_stops_waiting() -> None:
    go, waits = threading.Event(), threading.Event()
    scan = started(View(before=lambda: go.wait(SECONDS)), HIGHEST)
    view = View()
    raised: list[BaseException] = []

    def ask() -> None:
        waits.set()
        try:
            scan.answers((HIGHEST,), view)
        except EngineError as error:
            raised.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    waits.wait(SECONDS)
    view.interrupt()
    scan.wake()
    asker.join(SECONDS)
    assert [str(error) for error in raised] == ["the run was interrupted"]
    go.set()
    assert scan.answers((HIGHEST,), View()) == (2,)


def test_a_scan_that_is_stopped_answers_nobody() -> None:
    go = threading.Event()

    def hold() -> None:
        go.wait(SECONDS)
        raise EngineError("DuckDB was interrupted")

    class Held(View):
        def interrupt(self) -> None:
            super().interrupt()
            go.set()

    view = Held(before=hold)
    scan = started(view, HIGHEST)
    scan.stop(SECONDS)
    assert view.interrupted
    with pytest.raises(EngineError, match="DuckDB was interrupted"):
        scan.answers((HIGHEST,), View())


def test_stopping_a_scan_that_is_over_interrupts_nothing() -> None:
    view = View()
    scan = started(view, HIGHEST)
    scan.answers((HIGHEST,), View())
    scan.stop(SECONDS)
    assert not view.interrupted


def test_equal_keys_are_one_question_in_whatever_order_and_however_often_a_column_is_named() -> None:
    assert Key(("b", "a", "b")) == Key(("a", "b"))
    assert len({Key(("b", "a")), Key(("a", "b")), Aggregate("a"), Aggregate("a")}) == 2
