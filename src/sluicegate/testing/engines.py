"""The conformance suite for engines: whoever writes one subclasses ``EngineConformance`` and gives a fixture ``engine``.

.. code-block:: python

    class TestMyEngine(EngineConformance):
        divergences = (notyet("pattern/*", reason="MyDB has no regular expressions"),)

        @pytest.fixture
        def engine(self) -> Engine:
            return MyEngine()

Every case of ``cases.CASES`` is a test of its own; all cases of a table are one ``run``, as in a real gate. Needs pytest.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind
from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.checks.questions import Question
from sluicegate.checks.sqltext import BATCH
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Engine, Result, RunContext, Translation, Unsupported
from sluicegate.scan.scan import Scan
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.cases import CASES, NOW, SAMPLES, Case
from sluicegate.testing.data import open_table
from sluicegate.testing.figures import difference
from sluicegate.testing.oracle import Expected, Table, expected, read_table

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "CONTEXT",
    "Divergence",
    "EngineConformance",
    "Finding",
    "InterruptedBatch",
    "LostBatch",
    "examine",
    "never",
    "notimpl",
    "notyet",
]

CONTEXT = RunContext(now=NOW, parameters={"batch_id": "conformance", "dataset": "conformance"})
"""What the suite tells an engine about the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Cases that an engine doesn't answer as ``checks/`` defines them, and why.

    Attributes:
        kind: ``notimpl`` ours to do, ``notyet`` the engine's technology lacks it, ``never`` it means something else, and will.
        cases: shell-style pattern over case IDs (``check/table/name``).
        reason: one sentence for the docs' table.
        differs: False: the engine says ``Unsupported``; True: it answers, and wrongly: a known defect.
    """

    kind: str
    cases: str
    reason: str
    differs: bool = False


def notimpl(cases: str, *, reason: str, differs: bool = False) -> Divergence:
    """Ours to do, and not done yet."""
    return Divergence(kind="notimpl", cases=cases, reason=reason, differs=differs)


def notyet(cases: str, *, reason: str, differs: bool = False) -> Divergence:
    """The engine lacks it."""
    return Divergence(kind="notyet", cases=cases, reason=reason, differs=differs)


def never(cases: str, *, reason: str, differs: bool = False) -> Divergence:
    """The engine means something else, and will."""
    return Divergence(kind="never", cases=cases, reason=reason, differs=differs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one case: a result, a refusal, or neither (``problem``)."""

    result: Result | None = None
    unsupported: Unsupported | None = None
    problem: str = ""


def _check(promise: m.CanonicalCheck | NativeCheck, check_id: str) -> ContractCheck:
    return ContractCheck(id=check_id, name=check_id, promise=promise)


@cache
def _table(name: str) -> tuple[Table, dict[str, Table]]:
    batch = open_table(name)
    return read_table(batch, BATCH), {dataset: read_table(batch, view) for dataset, view in batch.references.items()}


def _expected(case: Case) -> Expected:
    return case.figures or expected(case.check, *_table(case.table))


def examine(
    engine: Engine, batch: BatchView, promises: Mapping[str, m.CanonicalCheck], references: Mapping[str, Table] | None = None
) -> dict[str, Finding]:
    """Bind, translate and run checks in one go, as the gate does.

    Args:
        engine: what runs them.
        batch: on what.
        promises: check ID -> check.
        references: dataset -> its rows; only their columns are looked at.
    """
    findings: dict[str, Finding] = {}
    checks: list[ContractCheck] = []
    schemas = {dataset: table.schema for dataset, table in (references or {}).items()}
    for check_id, promise in promises.items():
        bound = bind(promise, batch.schema, schemas)
        if isinstance(bound, Unbindable):
            findings[check_id] = Finding(problem=f"can't be bound: {bound.message}")
            continue
        check = _check(bound, check_id)
        translation = engine.translate(check, batch.schema)
        if isinstance(translation, Unsupported):
            findings[check_id] = Finding(unsupported=translation)
        else:
            checks.append(check)
    results: dict[str, Result] = {}
    for result in engine.run(checks, batch, CONTEXT) if checks else ():
        if result.check_id in results:
            findings[result.check_id] = Finding(problem="two results for one check")
        results[result.check_id] = result
    for check in checks:
        found = results.get(check.id)
        findings.setdefault(check.id, Finding(result=found, problem="" if found else "no result"))
    return findings


_EXAMINED: dict[tuple[type, str], dict[str, Finding]] = {}


class EngineConformance:
    """What every engine promises; see the module's docstring."""

    divergences: ClassVar[Sequence[Divergence]] = ()

    @pytest.fixture
    def engine(self) -> Engine:
        """The engine under test; a subclass gives it."""
        raise NotImplementedError("give a fixture `engine` that returns yours")

    def _find(self, engine: Engine, case: Case) -> Finding:
        key = (type(self), case.table)
        if key not in _EXAMINED:
            promises = {other.id: other.check for other in CASES if other.table == case.table}
            try:
                _EXAMINED[key] = examine(engine, open_table(case.table), promises, _table(case.table)[1])
            except Exception as error:  # noqa: BLE001 - whatever an engine raises is every case's problem, and told once each
                _EXAMINED[key] = dict.fromkeys(promises, Finding(problem=f"the run raised {type(error).__name__}: {error}"))
        return _EXAMINED[key][case.id]

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
    def test_a_check_yields_the_figures_that_it_means(self, case: Case, engine: Engine) -> None:
        """Same rows considered, same failing rows, same value as the oracle; or a declared refusal."""
        declared = next((item for item in self.divergences if fnmatchcase(case.id, item.cases)), None)
        finding = self._find(engine, case)
        if finding.unsupported is not None:
            assert finding.unsupported.reason.strip(), "a refusal needs a reason"
            if declared is None or declared.differs:
                pytest.fail(f"unsupported, and not declared: {finding.unsupported.reason}")
            return
        wrong = finding.problem or difference(_expected(case), finding.result)
        if declared is None:
            assert not wrong, wrong
        elif not declared.differs:
            pytest.fail(f"declared unsupported ({declared.reason}), but the engine answers: {finding.result}")
        elif not wrong:
            pytest.fail(f"no longer diverges, remove the declaration: {declared.reason}")
        else:
            pytest.xfail(f"{declared.kind}: {declared.reason}")

    def test_it_has_a_name_and_names_the_versions_that_decide(self, engine: Engine) -> None:
        """Verdicts carry both."""
        assert engine.name
        assert engine.name == engine.name.strip().lower()
        assert all(isinstance(name, str) and version for name, version in engine.versions().items())

    @pytest.mark.parametrize("name", [*m.CANONICAL_TYPES])
    def test_every_canonical_check_is_translated_or_refused_by_name_without_data(self, name: str, engine: Engine) -> None:
        """``plan`` has no schema; the answer must be there all the same, and the same twice."""
        check = _check(SAMPLES[name], name)
        answer = engine.translate(check, None)
        assert answer == engine.translate(check, None)
        assert answer.reason.strip() if isinstance(answer, Unsupported) else (answer.language.strip() and answer.text.strip())

    def test_another_engines_native_check_is_refused(self, engine: Engine) -> None:
        """Nobody runs what is written in a language that is not theirs."""
        foreign = NativeCheck(engine="somebody_elses_engine", kind="some check", body={"some": "body"})
        answer = engine.translate(_check(foreign, "foreign"), None)
        assert isinstance(answer, Unsupported)
        assert answer.reason.strip()

    def test_no_checks_have_no_results(self, engine: Engine) -> None:
        """And no error."""
        assert list(engine.run([], open_table("integers"), CONTEXT)) == []

    @pytest.mark.parametrize("table", ["integers", "empty"])
    def test_each_check_has_exactly_one_result_and_nothing_else_has(self, table: str, engine: Engine) -> None:
        """Whatever the checks are called, and though some promise the same."""
        awkward = ("c 1", "it's", 'a "quoted" one', "{{ x }}", "${x}", "%s", "日本語", "c_1", "C_1", "c-1", "", "x" * 300)
        column = open_table(table).schema.names[0]
        promises: list[m.CanonicalCheck] = [
            m.NotNull(column=column),
            m.Unique(columns=(column,)),
            m.RowCount(bounds=m.Bounds(min=0)),
        ]
        checks = [_check(promises[i % 3], name) for i, name in enumerate(awkward)]
        supported = [check for check in checks if isinstance(engine.translate(check, open_table(table).schema), Translation)]
        found = [result.check_id for result in engine.run(supported, open_table(table), CONTEXT)] if supported else []
        assert sorted(found) == sorted(check.id for check in supported)

    def test_a_check_that_breaks_leaves_the_others_alone(self, engine: Engine) -> None:
        """An expression that can't be evaluated on some row is that check's error, and shows no value of the data."""
        batch = MemoryBatch("SELECT * FROM (VALUES ('12'), ('s3cr3t'), (NULL)) AS t(a)")
        breaking = m.RowExpression(expression="CAST(a AS INTEGER) > 0")
        promises: dict[str, m.CanonicalCheck] = {
            "before": m.NotNull(column="a"), "breaks": breaking, "after": m.Unique(columns=("a",)), "also": m.RowExpression(expression="a <> '12'"),
        }  # fmt: skip
        found = examine(engine, batch, promises)
        if found["breaks"].unsupported:
            pytest.skip("runs no SQL of the author's")
        broken = found["breaks"].result
        assert broken is not None
        assert broken.error
        assert (broken.rows, broken.failing, broken.value) == (None, None, None)
        assert "s3cr3t" not in broken.error + broken.error_hint + broken.message
        table = read_table(batch, BATCH)
        for name in ("before", "after"):
            assert found[name].unsupported or not difference(expected(promises[name], table), found[name].result)
        assert not difference(Expected(rows=2, failing=1), found["also"].result)

    def test_the_batch_is_as_it_was_and_nothing_is_written(
        self, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Same views, same rows, no table left behind, no file in the working directory."""
        monkeypatch.chdir(tmp_path)
        batch = open_table("keys")
        before = _state(batch)
        examine(engine, batch, {case.id: case.check for case in CASES if case.table == "keys"}, _table("keys")[1])
        assert _state(batch) == before
        assert list(tmp_path.iterdir()) == []

    def test_two_runs_at_once_find_what_each_finds_alone(self, engine: Engine) -> None:
        """Engines are run in threads, each with its own batch."""
        names = ("keys", "floats")
        alone = {name: self._figures(engine, name) for name in names}
        together: dict[str, Any] = {}
        start = threading.Barrier(len(names))

        def work(name: str) -> None:
            start.wait()
            together[name] = self._figures(engine, name)

        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert together == alone

    @staticmethod
    def _figures(engine: Engine, table: str) -> dict[str, str]:
        promises = {case.id: case.check for case in CASES if case.table == table}
        found = examine(engine, open_table(table), promises, _table(table)[1])
        return {
            key: f"{item.result and (item.result.rows, item.result.failing, item.result.value)}" for key, item in found.items()
        }

    def test_when_its_connections_are_interrupted_it_stops_and_says_so(self, engine: Engine) -> None:
        """That is how the gate ends a run that takes too long: no figure may come out of it."""
        with closing(InterruptedBatch()) as batch:
            self._must_break(engine, batch)

    def test_when_the_batch_is_lost_it_says_so(self, engine: Engine) -> None:
        """A connection that is closed, or can't be had, is an ``EngineError`` or errored checks: nothing else, and no figure."""
        self._must_break(engine, LostBatch())

    @staticmethod
    def _must_break(engine: Engine, batch: BatchView) -> None:
        promises: tuple[m.CanonicalCheck, ...] = (
            m.NotNull(column="a"), m.Unique(columns=("a",)), m.Aggregate(column="a", function=m.AggregateFunction.SUM, bounds=m.Bounds()),
            m.Completeness(column="a", min_percent=Decimal(1)),
        )  # fmt: skip
        checks = [_check(promise, f"c{i}") for i, promise in enumerate(promises)]
        checks = [check for check in checks if isinstance(engine.translate(check, batch.schema), Translation)]
        if not checks:
            pytest.skip("runs no canonical check")
        try:
            results = list(engine.run(checks, batch, CONTEXT))
        except EngineError:
            return
        assert sorted(result.check_id for result in results) == sorted(check.id for check in checks)
        for result in results:
            assert result.error, f"a figure from a broken run: {result}"
            assert (result.rows, result.failing, result.value, result.native) == (None, None, None, None)


class _BrokenBatch:
    schema: BatchSchema
    references: Mapping[str, str]
    interrupted = False

    def connect(self) -> duckdb.DuckDBPyConnection:
        raise NotImplementedError

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        """Asked like everything else."""
        return Scan().answers(questions, self)


class InterruptedBatch(_BrokenBatch):
    """A batch whose every statement is interrupted while it reads the first row."""

    def __init__(self) -> None:
        self._batch = MemoryBatch("SELECT i AS a FROM range(100) AS r(i)")
        self.schema = self._batch.schema
        self.references = {}
        owner = self._batch.connect()
        owner.create_function("_interrupting", self._interrupt, ["BIGINT"], "BIGINT", side_effects=True)
        owner.execute(f"CREATE OR REPLACE VIEW {BATCH} AS SELECT _interrupting(a) AS a FROM _sluicegate_rows")
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._owner = owner

    def _interrupt(self, value: int) -> int:
        for connection in self._connections:
            connection.interrupt()
        return value

    def close(self) -> None:
        """Give the connections back: the function that interrupts them is held by the database that it holds."""
        for connection in (*self._connections, self._owner):
            connection.close()
        self._connections.clear()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection that will be interrupted."""
        connection = self._batch.connect()
        self._connections.append(connection)
        return connection


class LostBatch(_BrokenBatch):
    """A batch whose connections are closed already."""

    def __init__(self) -> None:
        self._batch = MemoryBatch("SELECT 1::BIGINT AS a")
        self.schema = self._batch.schema
        self.references = {}

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A closed connection."""
        connection = self._batch.connect()
        connection.close()
        return connection


def _state(batch: MemoryBatch) -> tuple[Any, ...]:
    connection = batch.connect()
    objects = connection.execute(
        "SELECT schema_name, table_name, '' FROM duckdb_tables() WHERE NOT temporary UNION ALL "
        "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE NOT internal AND NOT temporary ORDER BY ALL"
    ).fetchall()
    rows = connection.execute(f"SELECT * FROM {BATCH}").fetchall()
    settings = connection.execute("SELECT current_setting('TimeZone')").fetchall()
    return batch.schema_of(BATCH), objects, repr(rows), settings
