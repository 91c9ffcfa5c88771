"""The DuckDB engine: all canonical checks of a run in as few statements as possible.

The run's one scan answers everything that can share it: every check on single rows, every aggregate, the row count, the newest
moment, the drift metrics, and unique keys, with one aggregation each. What can't share it stands alone: one anti-join for each
reference, one window for each monotonic column, each metric query. Schema checks need no statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.patterns import inspect_pattern
from sluicegate.checks.questions import Alone, Asked, Figures, FromSchema, Refusal, Unanswered, ask
from sluicegate.checks.schema_diff import schema_faults
from sluicegate.checks.types import BatchSchema
from sluicegate.ports.engine import Result, Translation, Unsupported
from sluicegate.ports.statements import StatementFailed, fetch_row, fetch_value

if TYPE_CHECKING:
    import duckdb

    from sluicegate.ports.batch import BatchView
    from sluicegate.ports.engine import RunContext

__all__ = ["DuckdbEngine"]


class DuckdbEngine:
    """Runs every canonical check; has no language of its own for native ones."""

    name = "duckdb"

    def versions(self) -> Mapping[str, str]:
        """DuckDB's own version decides its verdicts."""
        return {"duckdb": version("duckdb")}

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        """The check as SQL over the view ``batch``, complete; references appear under their dataset's name."""
        promise = check.promise
        if isinstance(promise, NativeCheck | Untestable):
            return Unsupported("DuckDB runs canonical checks; it has no native ones")
        if isinstance(promise, m.Pattern) and (lacking := inspect_pattern(promise.pattern).python_only):
            return Unsupported(f"DuckDB's regular expressions (RE2) have no {', no '.join(_bare(word) for word in lacking)}")
        match ask(promise, schema):
            case Asked(sql, questions):
                return Translation(language="sql", text=sql, questions=questions)
            case Alone(sql, why):
                return Translation(language="sql", text=sql, own_path=why)
            case work:
                return Translation(language="sql", text=work.sql)

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        """Evaluate the checks; those that the one scan answers come first, then those of each other statement.

        Raises:
            EngineError: DuckDB was interrupted, or is of no more use.
        """
        del context  # every figure is the data's alone
        asked: list[tuple[ContractCheck, Asked]] = []
        alone: dict[str, list[ContractCheck]] = {}
        for check in checks:
            if isinstance(check.promise, NativeCheck | Untestable):
                yield Result(check_id=check.id, error="DuckDB runs canonical checks; it has no native ones", harmless=True)
                continue
            match ask(check.promise, batch.schema, batch.references):
                case FromSchema():
                    yield _schema_result(check, batch.schema)
                case Refusal(message, hint):
                    yield Result(check_id=check.id, error=message, error_hint=hint, harmless=True)
                case Asked() as work:
                    asked.append((check, work))
                case Alone(sql):
                    alone.setdefault(sql, []).append(check)
        yield from _from_answers(asked, batch)
        if alone:
            connection = batch.connect()
            for sql, askers in alone.items():
                yield from _own_statement(connection, sql, askers)


def _bare(feature: str) -> str:
    return feature.removeprefix("a ").removeprefix("an ")


def _schema_result(check: ContractCheck, schema: BatchSchema) -> Result:
    assert isinstance(check.promise, m.Schema | m.ColumnType), check  # noqa: S101 - what FromSchema stands for
    faults = schema_faults(check.promise, schema)
    return Result(check_id=check.id, failing=len(faults), message="; ".join(faults), harmless=True)


def _from_answers(asked: Sequence[tuple[ContractCheck, Asked]], batch: BatchView) -> Iterable[Result]:
    questions = tuple(dict.fromkeys(question for _, work in asked for question in work.questions))
    answers = dict(zip(questions, batch.answers(questions), strict=True)) if questions else {}
    for check, work in asked:
        yield _result(check, work, [answers[question] for question in work.questions])


def _result(check: ContractCheck, work: Asked, answers: Sequence[Any]) -> Result:
    broken = next((answer for answer in answers if isinstance(answer, Unanswered)), None)
    if broken is not None:
        return _error(check, broken)
    try:
        return _measured(check, work.read(answers))
    except ValueError as error:
        return Result(check_id=check.id, error=str(error), error_hint="a range check finds the rows")


def _own_statement(connection: duckdb.DuckDBPyConnection, sql: str, askers: Sequence[ContractCheck]) -> Iterable[Result]:
    """One statement, for every check that asks the same."""
    try:
        if isinstance(askers[0].promise, m.MetricQuery):
            found = Figures(value=fetch_value(connection, sql))
        else:
            rows, failing = fetch_row(connection, sql, 2)
            found = Figures(rows=int(rows or 0), failing=int(failing or 0))
    except StatementFailed as failed:
        yield from (_error(check, failed.unanswered) for check in askers)
        return
    yield from (_measured(check, found) for check in askers)


def _measured(check: ContractCheck, found: Figures) -> Result:
    return Result(check_id=check.id, rows=found.rows, failing=found.failing, value=found.value)


def _error(check: ContractCheck, why: Unanswered) -> Result:
    return Result(check_id=check.id, error=why.message, error_hint=why.hint, engine_broke=why.engine_broke, harmless=why.harmless)
