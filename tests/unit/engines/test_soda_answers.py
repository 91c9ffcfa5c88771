"""Soda draws its figures from the answers that all engines share, and asks the batch itself only where its plan says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Tolerance
from sluicegate.checks.questions import Aggregate, Key, Question, Unanswered
from sluicegate.errors import EngineError
from sluicegate.ports.engine import NativeOutcome, Result, Translation
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.soda import runtime
from sluicegate_adapters.engines.soda.answering import SQL_WORDS
from sluicegate_adapters.engines.soda.engine import SodaEngine
from tests.unit.engines.soda_cases import CONTEXT, batch, entry

_PASSED, _FAILED = NativeOutcome.PASSED, NativeOutcome.FAILED


@dataclass
class Listening:
    """A batch that keeps what is asked of it; some questions have no answer.

    Attributes:
        asked: by each call of ``answers``.
    """

    batch: MemoryBatch
    unanswered: dict[Question, Unanswered] = field(default_factory=dict)
    asked: list[tuple[Question, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        """As the batch does, but for those without an answer."""
        self.asked.append(tuple(questions))
        return tuple(self.unanswered.get(question) or self.batch.answers([question])[0] for question in questions)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Soda asks the connection."""
    asked: list[str] = []
    execute = runtime._Connection.execute

    def listen(self: Any, sql: str, *more: Any) -> Any:
        asked.append(sql)
        return execute(self, sql, *more)

    monkeypatch.setattr(runtime._Connection, "execute", listen)
    return asked


def _run(checks: Sequence[ContractCheck], on: Listening) -> dict[str, Result]:
    return {result.check_id: result for result in SodaEngine().run(checks, on, CONTEXT)}


def _canonical() -> list[ContractCheck]:
    promises: list[m.CanonicalCheck] = [
        m.NotNull(column=column) for column in ("id", "s", "x", "price", "amount") for _ in range(20)
    ]
    promises += [m.Range(column="id", bounds=m.Bounds(min=i)) for i in range(20)]
    promises += [
        m.RowCount(bounds=m.Bounds(min=1)), m.Completeness(column="s", min_percent=Decimal(50)), m.Unique(columns=("id",)), m.Unique(columns=("s", "id")),
        m.AcceptedValues(column="s", values=("a", "b")), m.Pattern(column="s", pattern="^a"), m.Length(column="s", min=1, max=2),
        m.ColumnComparison(left="id", right="x", operator=m.Operator.LT), m.Freshness(column="seen", max_age_hours=Decimal(5)),
        m.Freshness(column="zoned", max_age_hours=Decimal("0.51")), m.RowExpression(expression="id > 1 AND s <> '${x}'"),
        m.Aggregate(column="x", function=m.AggregateFunction.MEAN, bounds=m.Bounds()), m.Aggregate(column="seen", function=m.AggregateFunction.MAX, bounds=m.Bounds()),
        m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)),
    ]  # fmt: skip
    checks = [ContractCheck(id=f"c{i}", name="it", promise=promise) for i, promise in enumerate(promises)]
    return [
        *checks,
        ContractCheck(id="tolerant", name="it", promise=m.NotNull(column="s"), tolerance=Tolerance(percent=Decimal(30))),
    ]


def _questions(check: ContractCheck, rows: Listening) -> tuple[Question, ...]:
    translation = SodaEngine().translate(check, rows.schema)
    assert isinstance(translation, Translation)
    assert (bool(translation.questions), translation.own_path) == (True, "")
    return translation.questions


def test_canonical_checks_ask_the_connection_nothing_and_the_answers_only_what_was_planned(statements: list[str]) -> None:
    rows, checks = Listening(batch()), _canonical()
    found = _run(checks, rows)
    assert [result.error for result in found.values()] == [""] * len(checks)
    assert statements == []
    assert {question for questions in rows.asked for question in questions} == {
        question for check in checks for question in _questions(check, rows)
    }


def test_what_has_no_answer_is_the_error_of_its_checks_alone() -> None:
    question, why = Aggregate('count("s")'), Unanswered("no such thing", "a cure", engine_broke=True)
    checks, rows = _canonical(), Listening(batch(), {question: why})
    found = {check_id: result for check_id, result in _run(checks, rows).items() if result.error}
    assert set(found) == {check.id for check in checks if question in _questions(check, rows)} >= {"c20", "tolerant"}
    assert {(result.error, result.error_hint, result.engine_broke) for result in found.values()} == {
        ("no such thing", "a cure", True)
    }
    rows = Listening(batch(), {Key(("id",)): Unanswered("too many")})
    assert [result.error for result in _run(checks, rows).values() if result.error] == ["too many"]


def test_an_interrupted_scan_is_the_engines_error() -> None:
    class Lost(Listening):
        def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
            raise EngineError("the run was interrupted", hint=str(len(questions)))

    for checks in (_canonical(), [entry("row_count > 0")]):
        with pytest.raises(EngineError, match="the run was interrupted"):
            _run(checks, Lost(batch()))


def test_words_of_sql_are_known_as_such() -> None:
    found = duckdb.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'").fetchall()
    assert {word for (word,) in found} <= SQL_WORDS
