"""Native expectations: GX's own meaning, with figures from DuckDB where SQL can say them, and from pandas where it can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.checks.meaning import RowMeaning
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema, Kind
from sluicegate.checks.values import Scalar
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Evidence, NativeOutcome, Result, RunContext
from sluicegate_adapters.engines.great_expectations import gx
from sluicegate_adapters.engines.great_expectations.arguments import (
    Arguments,
    columns_of,
    need_columns,
    read_arguments,
    refusal,
)
from sluicegate_adapters.engines.great_expectations.asks import Ask, Broken, answer_all
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS, Path
from sluicegate_adapters.engines.great_expectations.conditions import Condition, read_condition
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.jobs import Finish, Job, RowFigures, row_asks, row_figures, row_metric
from sluicegate_adapters.engines.great_expectations.native_metrics import Answer, Setting, answer_metric
from sluicegate_adapters.engines.great_expectations.native_rows import ROW_KINDS, row_kind
from sluicegate_adapters.engines.great_expectations.regexes import count_breaking, native_test

if TYPE_CHECKING:
    import duckdb

__all__ = ["Room", "native_job"]


@dataclass(frozen=True, slots=True)
class Room:
    """What a run's native checks share.

    Attributes:
        place: unique for each check of the run; names the temporary view of a row condition.
    """

    batch: BatchView
    context: RunContext
    connection: duckdb.DuckDBPyConnection
    place: int


@dataclass(frozen=True, slots=True)
class _Native:
    """One native check, read and built."""

    check: ContractCheck
    kind: str
    arguments: Arguments
    expectation: Any
    condition: Condition | None
    room: Room

    @property
    def batch(self) -> BatchView:
        return self.room.batch

    @property
    def exact(self) -> Mapping[str, Any]:
        return self.arguments.exact

    @property
    def sql_condition(self) -> str:
        return self.condition.sql if self.condition else ""

    @property
    def view(self) -> str:
        """The name of the view of the rows under the condition."""
        return f"_sluicegate_gx_{self.room.place}"

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


def native_job(check: ContractCheck, promise: NativeCheck, room: Room) -> Job:
    """What a native check needs.

    Raises:
        Fault: the expectation isn't known, or its arguments don't fit it or the batch.
    """
    if reason := refusal(promise.kind):
        raise Fault(reason)
    batch = room.batch
    arguments = read_arguments(promise.kind, promise.body, batch.schema, room.context.now)
    condition = read_condition(arguments.exact, batch.schema)
    plain = dict(arguments.plain)
    if plain.get("column_index") == 0:  # GX takes 0 for "anywhere": the same place, counted from the end
        plain["column_index"] = -len(batch.schema.names)
    if condition is not None and condition.sql:  # the rows are chosen in SQL; GX warns about texts here
        plain = {name: value for name, value in plain.items() if name not in {"row_condition", "condition_parser"}}
    elif condition is not None:
        plain["row_condition"] = gx.pass_through(condition.pandas_query)
        plain.pop("condition_parser", None)
    native = _Native(check, promise.kind, arguments, gx.build(promise.kind, plain, check.id), condition, room)
    path = EXPECTATIONS[promise.kind].path
    if path is Path.PANDAS or (condition is not None and condition.pandas_query):
        return Job(check, (), _on_pandas(native))
    if promise.kind in ROW_KINDS:
        return _row_job(native)
    return _figure_job(native)


def _row_job(native: _Native) -> Job:
    need_columns(native.shown, native.batch.schema)
    if (breaks := native_test(native.kind, native.exact)) is not None:
        return _python_job(native, breaks)
    meaning = row_kind(native.kind, native.exact, native.batch.schema)
    prefix = "" if meaning.fusable else _under_condition(native)

    def finish(answers: Sequence[Any], rows: duckdb.DuckDBPyConnection) -> Result:
        figures = row_figures(answers)
        judged = _judge_rows(native, figures)
        evidence = None if judged.success else _evidence(native, meaning, prefix, rows)
        return native.result(judged, figures, evidence)

    return Job(native.check, row_asks(meaning, native.sql_condition, prefix), finish)


def _judge_rows(native: _Native, figures: RowFigures) -> gx.Judged:
    own = getattr(native.expectation, "map_metric", "")
    wanted = gx.metric_names(native.expectation)
    return gx.judge(native.expectation, {item.id: row_metric(name, figures, own) for name, item in wanted.items()})


def _under_condition(native: _Native) -> str:
    """A WITH clause under which ``batch`` is the rows of a condition: what looks at several rows sees those only."""
    if not native.sql_condition:
        return ""
    view = identifier(native.view)
    ask = Ask(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {BATCH} WHERE {native.sql_condition}", fused=False)
    made = answer_all(native.room.connection, [ask])
    for broken in made.values():
        if isinstance(broken, Broken):
            raise Fault(broken.message)
    return f"WITH {BATCH} AS (SELECT * FROM {view}) "


def _evidence(native: _Native, meaning: RowMeaning, prefix: str, rows: duckdb.DuckDBPyConnection) -> Evidence | None:
    names = ", ".join(_readable(name, native.batch.schema) for name in native.shown)
    also = f" AND {native.sql_condition}" if native.sql_condition and meaning.fusable else ""
    limit = max(0, native.room.context.evidence_rows)
    sql = f"{prefix}SELECT {names} FROM {meaning.source} WHERE {meaning.failing}{also} LIMIT {limit}"
    ask = Ask(sql, False, lambda found: found.fetchall())
    answer = answer_all(rows, [ask])[ask]
    return None if isinstance(answer, Broken) else _shown(native.shown, answer)


def _readable(name: str, schema: BatchSchema) -> str:
    found = schema.get(name)
    zoned = found is not None and found.kind is Kind.TIMESTAMP_TZ  # DuckDB's client wants another package to read these
    return f"CAST({identifier(name)} AS TIMESTAMP)" if zoned else identifier(name)


def _shown(columns: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> Evidence:
    return Evidence(columns=columns, rows=tuple(tuple(_scalar(value) for value in row) for row in rows))


def _python_job(native: _Native, breaks: Any) -> Job:
    column = identifier(str(native.exact["column"]))
    also = f" AND {native.sql_condition}" if native.sql_condition else ""
    texts = f"SELECT CAST({column} AS VARCHAR), count(*) FROM {BATCH} WHERE {column} IS NOT NULL{also} GROUP BY 1"
    total = f"count(*) FILTER (WHERE {native.sql_condition})" if native.sql_condition else "count(*)"

    def finish(answers: Sequence[Any], _: duckdb.DuckDBPyConnection) -> Result:
        count, (rows, failing, kept) = answers
        figures = RowFigures(count, rows, failing)
        return native.result(_judge_rows(native, figures), figures, _shown(native.shown, [[text] for text in kept]))

    return Job(native.check, (Ask(total), Ask(texts, False, count_breaking(breaks, native.room.context.evidence_rows))), finish)


def _figure_job(native: _Native) -> Job:
    if "column" in native.exact and native.kind != "expect_column_to_exist":
        need_columns([str(native.exact["column"])], native.batch.schema)
    source = BATCH
    if native.sql_condition:
        _under_condition(native)
        source = native.view
    setting = Setting(native.exact, native.batch.schema, native.batch.references, native.sql_condition, source)
    engine = gx.type_engine() if native.kind in _TYPED else None
    wanted = gx.metric_names(native.expectation, engine)
    parts: dict[str, tuple[Answer, slice]] = {}
    asks: list[Ask] = []
    for name in wanted:
        answer = answer_metric(name, setting)
        parts[name] = (answer, slice(len(asks), len(asks) + len(answer.asks)))
        asks += answer.asks

    def finish(answers: Sequence[Any], _: duckdb.DuckDBPyConnection) -> Result:
        told = {name: answer.read(answers[part]) for name, (answer, part) in parts.items()}
        exact = _exact_bounds(native, next(iter(told.values()), None))
        if exact:
            told = {name: gx.comparable(None, value)[1] for name, value in told.items()}
        judged = gx.judge(native.expectation, {item.id: told[name] for name, item in wanted.items()}, engine, exact)
        return native.result(judged, None)

    return Job(native.check, tuple(asks), finish)


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
    def finish(_: Sequence[Any], __: duckdb.DuckDBPyConnection) -> Result:
        from sluicegate_adapters.engines.great_expectations.pandas_path import judge_on_pandas

        need_columns(columns_of(native.exact), native.batch.schema)
        judged = judge_on_pandas(native.expectation, native.exact, native.condition, native.batch.schema, native.batch.connect())
        result, few = judged.result, native.room.context.evidence_rows
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
