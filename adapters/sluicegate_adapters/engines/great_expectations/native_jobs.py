"""Native expectations: GX's own meaning, with figures from DuckDB where SQL can say them, and from pandas where it can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.checks.sqltext import identifier
from sluicegate.checks.types import BatchSchema, Kind
from sluicegate.checks.values import Scalar
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Evidence, NativeOutcome, Result, RunContext
from sluicegate.ports.statements import StatementFailed
from sluicegate_adapters.engines.great_expectations import gx
from sluicegate_adapters.engines.great_expectations.arguments import (
    Arguments,
    columns_of,
    need_columns,
    read_arguments,
    refusal,
)
from sluicegate_adapters.engines.great_expectations.conditions import Condition, read_condition
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.jobs import Connect, Finish, Job, row_metrics
from sluicegate_adapters.engines.great_expectations.native_rows import ROW_KINDS, row_kind
from sluicegate_adapters.engines.great_expectations.native_sought import Asking, TextFigures, native_sought
from sluicegate_adapters.engines.great_expectations.regexes import native_test
from sluicegate_adapters.engines.great_expectations.sought import RowFigures, Statement, fetch, under_condition

__all__ = ["native_job"]


@dataclass(frozen=True, slots=True)
class _Native:
    """One native check, read and built."""

    check: ContractCheck
    kind: str
    arguments: Arguments
    expectation: Any
    condition: Condition | None
    batch: BatchView
    context: RunContext

    @property
    def exact(self) -> Mapping[str, Any]:
        return self.arguments.exact

    @property
    def sql_condition(self) -> str:
        return self.condition.sql if self.condition else ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns of evidence."""
        return tuple(dict.fromkeys(columns_of(self.exact)))

    def result(self, judged: gx.Judged, figures: RowFigures | None, evidence: Evidence | None = None) -> Result:
        """GX's verdict as a result; a ``severity`` of warning or info only warns."""
        violated = NativeOutcome.FAILED if self.arguments.severity == "critical" else NativeOutcome.WARNED
        value = judged.result.get("observed_value")
        if self.kind == "unexpected_rows_expectation":
            judged = replace(judged, result={"unexpected_count": value})
            value = None
        value = value.item() if value is not None and hasattr(value, "item") else value  # numpy's
        failing = figures.failing if figures else judged.result.get("unexpected_count")
        return Result(
            check_id=self.check.id,
            rows=figures.rows if figures else None,
            failing=failing if isinstance(failing, int) else None,
            value=value if _is_scalar(value) else None,
            native=NativeOutcome.PASSED if judged.success else violated,
            evidence=None if judged.success else evidence,
        )


def native_job(check: ContractCheck, promise: NativeCheck, batch: BatchView, context: RunContext) -> Job:
    """What becomes of a native check.

    Raises:
        Fault: the expectation isn't known, or its arguments don't fit it or the batch.
    """
    if reason := refusal(promise.kind):
        raise Fault(reason)
    arguments = read_arguments(promise.kind, promise.body, batch.schema, context.now)
    condition = read_condition(arguments.exact, batch.schema)
    plain = dict(arguments.plain)
    if plain.get("column_index") == 0:  # GX takes 0 for "anywhere": the same place, counted from the end
        plain["column_index"] = -len(batch.schema.names)
    if condition is not None and condition.sql:  # the rows are chosen in SQL; GX warns about texts here
        plain = {name: value for name, value in plain.items() if name not in {"row_condition", "condition_parser"}}
    elif condition is not None:
        plain["row_condition"] = gx.pass_through(condition.pandas_query)
        plain.pop("condition_parser", None)
    native = _Native(check, promise.kind, arguments, gx.build(promise.kind, plain, check.id), condition, batch, context)
    asked = Asking(promise.kind, arguments.exact, condition, batch.schema, batch.references, context.evidence_rows)
    return Job(check, native_sought(asked), _finish(native, on_pandas=asked.on_pandas))


def _finish(native: _Native, *, on_pandas: bool) -> Finish:
    if on_pandas:
        return _on_pandas(native)
    if native.kind not in ROW_KINDS:
        return _figure_finish(native)
    return _text_finish(native) if native_test(native.kind, native.exact) is not None else _row_finish(native)


def _row_finish(native: _Native) -> Finish:
    def finish(figures: RowFigures, connect: Connect) -> Result:
        judged = _judge_rows(native, figures)
        return native.result(judged, figures, None if judged.success else _evidence(native, connect))

    return finish


def _judge_rows(native: _Native, figures: RowFigures) -> gx.Judged:
    return gx.judge(native.expectation, row_metrics(figures, native.expectation.map_metric))


def _evidence(native: _Native, connect: Connect) -> Evidence | None:
    meaning = row_kind(native.kind, native.exact, native.batch.schema)
    names = ", ".join(_readable(name, native.batch.schema) for name in native.shown)
    before, prefix = ("", "") if meaning.fusable else under_condition(native.sql_condition)
    also = f" AND {native.sql_condition}" if native.sql_condition and meaning.fusable else ""
    limit = max(0, native.context.evidence_rows)
    sql = f"{prefix}SELECT {names} FROM {meaning.source} WHERE {meaning.failing}{also} LIMIT {limit}"
    try:
        return _shown(native.shown, fetch(connect(), Statement(sql, lambda found: found.fetchall(), before)))
    except StatementFailed:
        return None


def _readable(name: str, schema: BatchSchema) -> str:
    found = schema.get(name)
    zoned = found is not None and found.kind is Kind.TIMESTAMP_TZ  # DuckDB's client wants another package to read these
    return f"CAST({identifier(name)} AS TIMESTAMP)" if zoned else identifier(name)


def _shown(columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Evidence:
    return Evidence(columns=columns, rows=tuple(tuple(_scalar(value) for value in row) for row in rows), as_read=True)


def _text_finish(native: _Native) -> Finish:
    def finish(found: TextFigures, _: Connect) -> Result:
        evidence = _shown(native.shown, [[text] for text in found.kept])
        return native.result(_judge_rows(native, found.figures), found.figures, evidence)

    return finish


def _figure_finish(native: _Native) -> Finish:
    engine = gx.type_engine() if native.kind in _TYPED else None

    def finish(told: Mapping[str, Any], _: Connect) -> Result:
        exact = _exact_bounds(native, next(iter(told.values()), None))
        if exact:
            told = {name: gx.comparable(None, value)[1] for name, value in told.items()}
        return native.result(gx.judge(native.expectation, told, engine, exact), None)

    return finish


_TYPED = frozenset({"expect_column_type_to_be", "expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"})


def _exact_bounds(native: _Native, measured: Any) -> dict[str, Any]:
    """The bounds as the author wrote them: GX's classes make floats of whole numbers and decimals."""
    exact = {}
    for name in ("min_value", "max_value"):
        written, taken = native.exact.get(name), getattr(native.expectation, name, None)
        if taken is not None:
            bound = written if isinstance(written, int | Decimal) and not isinstance(written, bool) else taken
            exact[name] = gx.comparable(bound, measured)[0]
    return exact


def _on_pandas(native: _Native) -> Finish:
    def finish(_: None, __: Connect) -> Result:
        from sluicegate_adapters.engines.great_expectations.pandas_path import judge_on_pandas

        need_columns(columns_of(native.exact), native.batch.schema)
        judged = judge_on_pandas(native.expectation, native.exact, native.condition, native.batch.schema, native.batch.connect())
        result, few = judged.result, native.context.evidence_rows
        figures = None
        if isinstance(count := result.get("unexpected_count"), int) and isinstance(every := result.get("element_count"), int):
            figures = RowFigures(every, every - int(result.get("missing_count") or 0), count)
        kept = list(result.get("partial_unexpected_list") or ())[:few]
        rows = [list(item.values()) if isinstance(item, Mapping) else [item] for item in kept]
        return native.result(judged, figures, _shown(native.shown, rows) if rows and native.shown else None)

    return finish


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float | Decimal | str | date | datetime | time)


def _scalar(value: Any) -> Scalar:
    if value is None or _is_scalar(value):
        found: Scalar = value
        return found
    return str(value)
