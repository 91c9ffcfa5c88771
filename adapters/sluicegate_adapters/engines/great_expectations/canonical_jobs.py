"""Canonical checks: the reference meaning gives the figures, GX's class the verdict, and the two must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.questions import ROWS, Alone, Asked, Figures, Refusal, ask
from sluicegate.checks.schema_diff import schema_faults
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext, Unsupported
from sluicegate_adapters.engines.great_expectations import gx
from sluicegate_adapters.engines.great_expectations.canonical import Suite, suite_of
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.jobs import Connect, Finish, Job, row_metrics
from sluicegate_adapters.engines.great_expectations.native_metrics import FIGURE_KINDS
from sluicegate_adapters.engines.great_expectations.regexes import as_meant, count_breaking, needs_python
from sluicegate_adapters.engines.great_expectations.sought import RowFigures, Sought, Statement, first_pair

__all__ = ["canonical_job", "canonical_sought"]

_Figured = m.RowCount | m.Aggregate | m.Freshness
_IN_PYTHON = "its regular expression needs Python's: DuckDB's has no such feature"


def canonical_sought(
    promise: m.CanonicalCheck, schema: BatchSchema | None, references: Mapping[str, str] | None = None
) -> Sought[Any]:
    """What a canonical check has to know: ``RowFigures``, a value, or nothing.

    Args:
        promise: bound to the schema, if there is one.
        schema: None when there is no data yet.
        references: dataset -> view.

    Raises:
        Fault: an author's SQL is refused.
    """
    if isinstance(promise, m.Pattern) and needs_python(promise.pattern):
        return _in_python(promise)
    match ask(promise, schema, references):
        case Asked(questions=questions, read=read) if isinstance(promise, _Figured):
            return Sought(partial(_value, read), questions)
        case Asked(questions=questions, read=read):
            return Sought(lambda answers: _row_figures(answers[0], read(answers[1:])), (ROWS, *questions))
        case Alone(sql, why):
            return Sought(lambda answers: RowFigures(answers[0], *answers[1]), (ROWS,), (Statement(sql, first_pair),), why)
        case Refusal(message, hint):
            raise Fault(message, hint)
        case _:
            return Sought(lambda _: None)


def _value(read: Callable[[Sequence[Any]], Figures], answers: Sequence[Any]) -> Any:
    try:
        return read(answers).value
    except ValueError as error:
        raise Fault(str(error), "a range check finds the rows") from error


def _row_figures(total: int, found: Figures) -> RowFigures:
    return RowFigures(total, found.rows or 0, found.failing or 0)


def _in_python(promise: m.Pattern) -> Sought[RowFigures]:
    """Each text once, with how often it occurs: Python looks at no text twice."""
    search = as_meant(promise.pattern).search
    column = identifier(promise.column)
    texts = f"SELECT CAST({column} AS VARCHAR), count(*) FROM {BATCH} WHERE {column} IS NOT NULL GROUP BY 1"
    fold = count_breaking(lambda text: (search(text) is not None) is promise.negate, keep=0)

    def read(answers: Sequence[Any]) -> RowFigures:
        total, (rows, failing, _) = answers
        return RowFigures(total, rows, failing)

    return Sought(read, (ROWS,), (Statement(texts, fold),), _IN_PYTHON)


def canonical_job(check: ContractCheck, promise: m.CanonicalCheck, batch: BatchView, context: RunContext) -> Job:
    """What becomes of a canonical check.

    Raises:
        Fault: GX has no expectation for it, or its own SQL is refused.
    """
    suite = suite_of(promise, check.tolerance, batch.schema, batch.references)
    if isinstance(suite, Unsupported):
        raise Fault(suite.reason)
    sought = canonical_sought(promise, batch.schema, batch.references)
    match promise:
        case m.Schema() | m.ColumnType():
            finish = _schema_finish(check, promise, suite, batch.schema)
        case m.RowCount() | m.Aggregate() | m.Freshness():
            finish = _value_finish(check, promise, suite, context)
        case _:
            finish = _row_finish(check, suite)
    return Job(check, sought, finish)


def _row_finish(check: ContractCheck, suite: Suite) -> Finish:
    expectation = gx.build(suite.kind, suite.kwargs, check.id)
    own = getattr(expectation, "map_metric", "")
    mostly = float(suite.kwargs.get("mostly", 1))  # type: ignore[arg-type]

    def finish(figures: RowFigures, _: Connect) -> Result:
        held = figures.rows == 0 or (figures.rows - figures.failing) / figures.rows >= mostly
        _agree(gx.judge(expectation, row_metrics(figures, own)).success, held=held)
        return Result(check_id=check.id, rows=figures.rows, failing=figures.failing)

    return finish


def _schema_finish(check: ContractCheck, promise: m.Schema | m.ColumnType, suite: Suite, schema: BatchSchema) -> Finish:
    faults = schema_faults(promise, schema)
    kwargs = dict(suite.kwargs)
    if isinstance(promise, m.ColumnType):
        found = schema.get(promise.column)
        if found is None:  # GX's type expectations break on a column that isn't there
            suite, kwargs = Suite("expect_column_to_exist", {}), {"column": promise.column}
        else:
            kwargs["type_list"] = kwargs["type_list"] if faults else [found.native]
    expectation = gx.build(suite.kind, kwargs, check.id)

    def finish(_: None, __: Connect) -> Result:
        engine = gx.type_engine() if isinstance(promise, m.ColumnType) else None
        told: Mapping[str, Any] = {
            "table.columns": list(schema.names),
            "table.column_types": [{"name": column.name, "type": column.native} for column in schema],
        }
        if faults or suite.kind != "expect_column_to_exist":  # an optional column may be absent, which GX has no word for
            _agree(gx.judge(expectation, told, engine).success, held=not faults)
        return Result(check_id=check.id, failing=len(faults), message="; ".join(faults), harmless=True)

    return finish


def _value_finish(check: ContractCheck, promise: _Figured, suite: Suite, context: RunContext) -> Finish:
    bounds = _bounds(promise, context)
    if isinstance(promise, m.Freshness):
        suite = replace(suite, kwargs={"column": promise.column, "min_value": bounds.min}, exact={"min_value": bounds.min})
    expectation = gx.build(suite.kind, suite.kwargs, check.id)

    def finish(value: Any, _: Connect) -> Result:
        if value is not None:
            told = gx.comparable(None, value)[1]
            exact = {key: gx.comparable(bound, value)[0] for key, bound in suite.exact.items()}
            if quantiled := suite.kind == "expect_column_quantile_values_to_be_between":
                exact = {"quantile_ranges": _exact_ranges(expectation, bounds, value)}
            metrics = dict.fromkeys(FIGURE_KINDS[suite.kind], [told] if quantiled else told)
            _agree(gx.judge(expectation, metrics, exact=exact).success, held=_holds(bounds, value))
        return Result(check_id=check.id, value=value)

    return finish


def _exact_ranges(expectation: Any, bounds: m.Bounds, value: Any) -> Any:
    ranges = [gx.comparable(bound, value)[0] for bound in (bounds.min, bounds.max)]
    return dict(expectation.configuration.kwargs["quantile_ranges"]) | {"value_ranges": [ranges]}


def _bounds(promise: _Figured, context: RunContext) -> m.Bounds:
    if not isinstance(promise, m.Freshness):
        return promise.bounds
    try:
        oldest = context.now - timedelta(hours=float(promise.max_age_hours))
    except OverflowError:  # older than the calendar
        oldest = datetime.min.replace(tzinfo=UTC)
    return m.Bounds(min=oldest)


def _holds(bounds: m.Bounds, value: Any) -> bool:
    """As the verdict will hold it, with a float held against the nearest float."""
    low, high = (gx.comparable(bound, value)[0] for bound in (bounds.min, bounds.max))
    return replace(bounds, min=low, max=high).hold(gx.comparable(None, value)[1])


def _agree(success: bool, *, held: bool) -> None:  # noqa: FBT001 - GX's word for it
    if success is not held:
        raise Fault(
            "Great Expectations' verdict is not what its figures say", "this is a defect of the adapter: please report it"
        )
