"""Canonical checks: the reference meaning gives the figures, GX's class the verdict, and the two must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.custom_sql import Refused, guard_expression
from sluicegate.checks.figures import figure, read_figure
from sluicegate.checks.meaning import row_meaning
from sluicegate.checks.schema_diff import schema_faults
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext, Unsupported
from sluicegate_adapters.engines.great_expectations import gx
from sluicegate_adapters.engines.great_expectations.asks import Ask
from sluicegate_adapters.engines.great_expectations.canonical import Suite, suite_of
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.jobs import Job, RowFigures, row_asks, row_figures, row_metric, unique_asks
from sluicegate_adapters.engines.great_expectations.regexes import as_meant, count_breaking, needs_python

if TYPE_CHECKING:
    import duckdb

__all__ = ["canonical_job"]


def canonical_job(check: ContractCheck, promise: m.CanonicalCheck, batch: BatchView, context: RunContext) -> Job:
    """What a canonical check needs.

    Raises:
        Fault: GX has no expectation for it, or its own SQL is refused.
    """
    suite = suite_of(promise, check.tolerance, batch.schema, batch.references)
    if isinstance(suite, Unsupported):
        raise Fault(suite.reason)
    match promise:
        case m.Schema() | m.ColumnType():
            return _schema_job(check, promise, suite, batch.schema)
        case m.RowCount() | m.Aggregate() | m.Freshness():
            return _value_job(check, promise, suite, batch.schema, context)
        case _:
            return _row_job(check, promise, suite, batch)


def _row_job(check: ContractCheck, promise: m.CanonicalCheck, suite: Suite, batch: BatchView) -> Job:
    if isinstance(promise, m.RowExpression) and isinstance(refused := guard_expression(promise.expression), Refused):
        raise Fault(refused.message, refused.hint)
    expectation = gx.build(suite.kind, suite.kwargs, check.id)
    asks, read = _row_questions(promise, batch)
    mostly = float(suite.kwargs.get("mostly", 1))  # type: ignore[arg-type]

    def finish(answers: Sequence[Any], _: duckdb.DuckDBPyConnection) -> Result:
        figures = read(answers)
        own = getattr(expectation, "map_metric", "")
        metrics = {wanted.id: row_metric(name, figures, own) for name, wanted in gx.metric_names(expectation).items()}
        held = figures.rows == 0 or (figures.rows - figures.failing) / figures.rows >= mostly
        _agree(gx.judge(expectation, metrics).success, held=held)
        return Result(check_id=check.id, rows=figures.rows, failing=figures.failing)

    return Job(check, asks, finish)


def _row_questions(promise: m.CanonicalCheck, batch: BatchView) -> tuple[tuple[Ask, ...], Callable[[Sequence[Any]], RowFigures]]:
    meaning = row_meaning(promise, batch.schema, batch.references)
    match promise:
        case m.Unique():
            return unique_asks([identifier(name) for name in promise.columns], meaning.considered), row_figures
        case m.Pattern() if needs_python(promise.pattern):
            return _python_questions(promise)
        case _:
            return row_asks(meaning), row_figures


def _python_questions(promise: m.Pattern) -> tuple[tuple[Ask, ...], Callable[[Sequence[Any]], RowFigures]]:
    """Each text once, with how often it occurs: Python looks at no text twice."""
    search = as_meant(promise.pattern).search
    column = identifier(promise.column)
    texts = f"SELECT CAST({column} AS VARCHAR), count(*) FROM {BATCH} WHERE {column} IS NOT NULL GROUP BY 1"
    fold = count_breaking(lambda text: (search(text) is not None) is promise.negate, keep=0)

    def read(answers: Sequence[Any]) -> RowFigures:
        total, (rows, failing, _) = answers
        return RowFigures(total, rows, failing)

    return (Ask("count(*)"), Ask(texts, False, fold)), read


def _schema_job(check: ContractCheck, promise: m.Schema | m.ColumnType, suite: Suite, schema: BatchSchema) -> Job:
    faults = schema_faults(promise, schema)
    kwargs = dict(suite.kwargs)
    if isinstance(promise, m.ColumnType):
        found = schema.get(promise.column)
        if found is None:  # GX's type expectations break on a column that isn't there
            suite, kwargs = Suite("expect_column_to_exist", {}), {"column": promise.column}
        else:
            kwargs["type_list"] = kwargs["type_list"] if faults else [found.native]
    expectation = gx.build(suite.kind, kwargs, check.id)

    def finish(_: Sequence[Any], __: duckdb.DuckDBPyConnection) -> Result:
        engine = gx.type_engine() if isinstance(promise, m.ColumnType) else None
        told: Mapping[str, Any] = {
            "table.columns": list(schema.names),
            "table.column_types": [{"name": column.name, "type": column.native} for column in schema],
        }
        metrics = {wanted.id: told[name] for name, wanted in gx.metric_names(expectation, engine).items()}
        if faults or suite.kind != "expect_column_to_exist":  # an optional column may be absent, which GX has no word for
            _agree(gx.judge(expectation, metrics, engine).success, held=not faults)
        return Result(check_id=check.id, failing=len(faults), message="; ".join(faults))

    return Job(check, (), finish)


def _value_job(
    check: ContractCheck, promise: m.RowCount | m.Aggregate | m.Freshness, suite: Suite, schema: BatchSchema, context: RunContext
) -> Job:
    bounds = _bounds(promise, context)
    if isinstance(promise, m.Freshness):
        suite = replace(suite, kwargs={"column": promise.column, "min_value": bounds.min}, exact={"min_value": bounds.min})
    expectation = gx.build(suite.kind, suite.kwargs, check.id)
    ask = Ask(figure(promise, schema))

    def finish(answers: Sequence[Any], _: duckdb.DuckDBPyConnection) -> Result:
        try:
            value = read_figure(promise, answers[0], schema)
        except ValueError as error:
            raise Fault(str(error)) from error
        if value is not None:
            told = gx.comparable(None, value)[1]
            exact = {key: gx.comparable(bound, value)[0] for key, bound in suite.exact.items()}
            if quantiled := suite.kind == "expect_column_quantile_values_to_be_between":
                exact = {"quantile_ranges": _exact_ranges(expectation, bounds, value)}
            metrics = {wanted.id: [told] if quantiled else told for wanted in gx.metric_names(expectation).values()}
            _agree(gx.judge(expectation, metrics, exact=exact).success, held=_holds(bounds, value))
        return Result(check_id=check.id, value=value)

    return Job(check, (ask,), finish)


def _exact_ranges(expectation: Any, bounds: m.Bounds, value: Any) -> Any:
    ranges = [gx.comparable(bound, value)[0] for bound in (bounds.min, bounds.max)]
    return dict(expectation.configuration.kwargs["quantile_ranges"]) | {"value_ranges": [ranges]}


def _bounds(promise: m.RowCount | m.Aggregate | m.Freshness, context: RunContext) -> m.Bounds:
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
