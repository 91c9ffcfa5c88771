"""The DuckDB engine: all canonical checks of a run in as few statements as possible.

One scan computes everything that can share it: every check on single rows, every aggregate, the row count, the newest moment,
the drift metrics; equal expressions are computed once. What can't share it stands alone: one hash aggregation for each
distinct unique key, one anti-join for each reference, one window for each monotonic column, each metric query. Schema checks
need no statement. If the shared scan fails, it is halved until what makes it fail errs alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.figures import read_figure
from sluicegate.checks.patterns import inspect_pattern
from sluicegate.checks.schema_diff import schema_faults
from sluicegate.checks.types import BatchSchema
from sluicegate.ports.engine import Result, Translation, Unsupported

from .session import CheckBroke, Session
from .translate import Aggregates, FromSchema, Refusal, Statement, plan_work, sql_text

if TYPE_CHECKING:
    from sluicegate.ports.batch import BatchView
    from sluicegate.ports.engine import RunContext

__all__ = ["DuckdbEngine"]

_EXPRESSIONS_PER_SCAN = 400  # measured: linear up to here; a statement should stay readable in a log, too


class _Shared(NamedTuple):
    """A check whose figures come from the shared scan."""

    check: ContractCheck
    expressions: tuple[str, ...]


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
        return Translation(language="sql", text=sql_text(plan_work(promise, schema)))

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        """Evaluate the checks; the shared scan's results come first, then those of each other statement.

        Raises:
            EngineError: DuckDB was interrupted, or is of no more use.
        """
        del context  # every figure is the data's alone
        shared: list[_Shared] = []
        alone: dict[str, list[ContractCheck]] = {}
        for check in checks:
            if isinstance(check.promise, NativeCheck | Untestable):
                yield Result(check_id=check.id, error="DuckDB runs canonical checks; it has no native ones")
                continue
            match plan_work(check.promise, batch.schema, batch.references):
                case FromSchema():
                    yield _schema_result(check, batch.schema)
                case Refusal(message, hint):
                    yield Result(check_id=check.id, error=message, error_hint=hint)
                case Aggregates(columns):
                    shared.append(_Shared(check, tuple(sql for _, sql in columns)))
                case Statement(sql):
                    alone.setdefault(sql, []).append(check)
        if shared or alone:
            session = Session(batch.connect())
            for part in _portions(shared):
                yield from _scan(session, part, batch.schema)
            for sql, askers in alone.items():
                yield from _ask(session, sql, askers, batch.schema)


def _bare(feature: str) -> str:
    return feature.removeprefix("a ").removeprefix("an ")


def _schema_result(check: ContractCheck, schema: BatchSchema) -> Result:
    assert isinstance(check.promise, m.Schema | m.ColumnType), check  # noqa: S101 - what FromSchema stands for
    faults = schema_faults(check.promise, schema)
    return Result(check_id=check.id, failing=len(faults), message="; ".join(faults))


def _portions(shared: Sequence[_Shared]) -> Iterator[list[_Shared]]:
    """Checks whose expressions fit into one scan each."""
    part: list[_Shared] = []
    distinct: set[str] = set()
    for item in shared:
        if part and len(distinct.union(item.expressions)) > _EXPRESSIONS_PER_SCAN:
            yield part
            part, distinct = [], set()
        part.append(item)
        distinct.update(item.expressions)
    if part:
        yield part


def _scan(session: Session, shared: Sequence[_Shared], schema: BatchSchema) -> Iterator[Result]:
    """One scan for all; if it fails, one for each half, down to the check that makes it fail."""
    expressions = list(dict.fromkeys(sql for item in shared for sql in item.expressions))
    try:
        values = dict(zip(expressions, session.aggregates(expressions), strict=True))
    except CheckBroke as broke:
        if len(shared) == 1:
            yield _error(shared[0].check, broke)
            return
        middle = len(shared) // 2
        yield from _scan(session, shared[:middle], schema)
        yield from _scan(session, shared[middle:], schema)
        return
    for item in shared:
        yield _result(item.check, [values[sql] for sql in item.expressions], schema)


def _ask(session: Session, sql: str, askers: Sequence[ContractCheck], schema: BatchSchema) -> Iterator[Result]:
    """One statement, for every check that asks the same."""
    try:
        is_query = isinstance(askers[0].promise, m.MetricQuery)
        values = [session.value(sql)] if is_query else list(session.row(sql, 2))
    except CheckBroke as broke:
        yield from (_error(check, broke) for check in askers)
        return
    yield from (_result(check, values, schema) for check in askers)


def _result(check: ContractCheck, values: Sequence[Any], schema: BatchSchema) -> Result:
    if len(values) > 1:
        rows, failing = values
        return Result(check_id=check.id, rows=int(rows or 0), failing=int(failing or 0))
    promise, value = check.promise, values[0]
    if isinstance(promise, m.RowCount | m.Freshness | m.Aggregate | m.Drift):
        try:
            value = read_figure(promise, value, schema)
        except ValueError as error:
            return Result(check_id=check.id, error=str(error), error_hint="a range check finds the rows")
    return Result(check_id=check.id, value=value)


def _error(check: ContractCheck, broke: CheckBroke) -> Result:
    return Result(check_id=check.id, error=broke.message, error_hint=broke.hint, engine_broke=broke.engine_broke)
