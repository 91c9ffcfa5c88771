"""Soda draws its figures from the answers that all engines share, and asks the batch itself only where its plan says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib import import_module
from typing import Any

import duckdb
import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json, Tolerance
from sluicegate.checks.questions import Aggregate, Key, Question, Unanswered
from sluicegate.errors import EngineError
from sluicegate.ports.engine import NativeOutcome, Result, RunContext, Translation
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.soda import runtime
from sluicegate_adapters.engines.soda.answering import SQL_WORDS
from sluicegate_adapters.engines.soda.engine import SodaEngine
from sluicegate_adapters.engines.soda.plain import SODACL_WORDS, read_plain
from sluicegate_adapters.engines.soda.sodacl import dump
from tests.unit.engines.soda_cases import CASES, CONTEXT, batch, entry, run

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


# --- native checks ----------------------------------------------------------------------------------------------------------

_SINGLES = [
    body for case in CASES for body in (case.good, case.worse)
    if isinstance(body, str) or (isinstance(body, dict) and not any(name.startswith(("checks", "filter", "configurations", "for ", "variables")) for name in body))
]  # fmt: skip
_MORE: list[Json] = [
    *(f"{name}(x) > {value}" for name in ("min", "max", "avg", "sum", "stddev", "variance", "var_pop") for value in (-1, 0, "0.5")),
    *(f"{name}({column}) {sign} 3" for name in ("missing_count", "missing_percent", "duplicate_count", "duplicate_percent") for column in ("id", '"s"', "SEEN", "zoned") for sign in ("<", "!=")),
    {"invalid_percent(s) < 30": {"valid values": ["a"], "valid regex": "^[a-z]+$", "valid min length": 1, "valid max length": 9, "valid length": 1}},
    {"invalid_count(s) < 30": {"invalid values": ["a", "it's"], "invalid regex": "'", "valid regex": ".", "missing values": ["b"], "missing regex": "^$"}},
    {"invalid_count(s) < 30": {"invalid values": ["a"], "invalid regex": "x"}}, {"valid_count(s) >= 0": {"invalid values": ["a"], "invalid regex": "x"}},
    {"invalid_percent(id) < 99": {"valid values": [1, 2], "valid min": -1, "valid max": Decimal("4.25")}}, {"valid_count(id) > 1": {"valid values": [1, -2], "missing values": [2]}},
    {"valid_count(s) > 1": {}}, {"row_count > 1": {"filter": "id > 1"}}, {"missing_percent(s) < 60": {"filter": "id > 1 -- and no more"}}, {"avg(x) > 0": {"filter": "  id > 1"}},
    {"max_length(s) > 0": {"filter": "id > 1", "name": "it"}}, {"duplicate_count(id) > 0": {"filter": "id > 1"}}, {"n > 0": {"n expression": "1"}},
    {"n > 0": {"n expression": " count(*) -- all\n"}}, {"n": {"n expression": "max(id)", "warn": "when > 5", "fail": "when not between 1 and 6"}}, {"row_count": {"warn": "when < 0"}},
]  # fmt: skip


def _announced(body: Json, rows: Listening) -> Translation:
    found = SodaEngine().translate(entry(body), rows.schema)
    assert isinstance(found, Translation)
    return found


@pytest.mark.parametrize("body", [*_SINGLES, *_MORE], ids=str)
def test_soda_asks_what_was_announced_and_reads_the_batch_itself_only_where_that_was_said(
    body: Json, statements: list[str]
) -> None:
    rows = Listening(batch())
    translation = _announced(body, rows)
    (result,) = run(body, on=rows, context=RunContext(now=CONTEXT.now, evidence_rows=0))
    assert result.error == ""
    asked = {question for questions in rows.asked for question in questions}
    read = [sql for sql in statements if "information_schema" not in sql]
    assert bool(read) == bool(translation.own_path), read
    if not translation.own_path:
        assert asked == set(translation.questions)


def _sodas_own(body: Json, on: MemoryBatch) -> Result:
    """As Soda finds it that asks the connection everything."""

    class Silent(Listening):
        def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
            return tuple(Unanswered("nothing is answered") for _ in questions)

    (result,) = run(body, on=Silent(on))
    return result


_TABLES: dict[str, Callable[[], MemoryBatch]] = {
    "usual": batch,
    "no rows": lambda: MemoryBatch(f"SELECT * FROM ({batch_sql}) WHERE id > 99"),
    "NULLs alone": lambda: MemoryBatch(f"SELECT * FROM ({batch_sql}) WHERE id = 4 AND seen IS NOT NULL UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL"),
    "NaN, infinity and text that is odd": lambda: MemoryBatch(
        f"SELECT * FROM ({batch_sql}) UNION ALL SELECT 7, '${{x}}', 'nan', TIMESTAMP 'infinity', 0, TIMESTAMPTZ '2020-01-01 00:00:00+00', '' UNION ALL SELECT 2, 'b', 'inf', NULL, 9, NULL, '%'"
    ),
}  # fmt: skip
batch_sql = """SELECT 1 AS id, 'a' AS s, 1.5::DOUBLE AS x, TIMESTAMP '2026-01-01 11:00:00' AS seen, 0.10::DECIMAL(10,2) AS price,
    TIMESTAMPTZ '2026-01-01 11:30:00+00' AS zoned, '1,5' AS amount UNION ALL SELECT 2, NULL, 0.5, NULL, NULL, NULL, NULL"""


@pytest.mark.parametrize("table", _TABLES)
def test_the_answers_lead_to_the_result_that_soda_finds_by_itself(table: str) -> None:
    rows = _TABLES[table]()
    bodies = [body for body in (*_SINGLES, *_MORE) if "planes" not in str(body) and body != {"n > 0": {"n expression": "1"}}]
    for body, together in zip(bodies, run(*bodies, on=rows), strict=True):
        assert together == replace(_sodas_own(body, rows), check_id=together.check_id), body


_PLAIN_LINES = [
    *(f"{name}({column}) {threshold}" for name in ("missing_count", "min", "avg_length", "duplicate_percent", "var_samp") for column in ("s", "_s1", '"a b"', '"order"', '"max"') for threshold in ("= 0", "between -1 and 2.5", "not between 0 and 1", "!= 100")),
    "row_count > 0", "row_count between 1 and 100000", "duplicate_count(a, b, c) = 0", "freshness(seen) < 3d", 'freshness("at") < 90m',
]  # fmt: skip


@pytest.mark.parametrize("line", _PLAIN_LINES)
def test_what_is_plain_is_read_as_soda_reads_it(line: str) -> None:
    plain = read_plain(line, {})
    assert plain is not None
    scan, problems = runtime.parse(dump({"checks for batch": [line]}))
    assert not problems
    (config,) = runtime.configurations(scan)
    if plain.metric_name:
        assert (config.metric_name, tuple(config.metric_args or ())) == (plain.metric_name, plain.metric_args)
    assert config.column_name == plain.column_name if not plain.metric_name else True
    assert {str(question) for question in runtime.rehearse(dump({"checks for batch": [line]}), None)} == {
        str(question) for question in plain.questions(None)
    }


@pytest.mark.parametrize("word", sorted(SODACL_WORDS))
def test_a_word_of_sodacl_is_no_plain_column(word: str) -> None:
    assert read_plain(f"missing_count({word}) = 0", {}) is None


def test_words_of_sodacl_are_known_as_such() -> None:
    runtime.load()
    names = import_module("soda.sodacl.antlr.SodaCLAntlrLexer").SodaCLAntlrLexer.literalNames
    assert {word for name in names if (word := name.strip("'").strip()).isalpha()} == SODACL_WORDS


def test_threads_that_share_what_was_read_find_what_each_finds_alone() -> None:
    bodies = [body for body in _SINGLES if "planes" not in str(body)]
    alone, start = run(*bodies), threading.Barrier(3)
    found: list[list[Result]] = []

    def work() -> None:
        rows = batch()
        start.wait()
        found.append(run(*bodies, on=rows))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 3
