from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.binding import Unbindable, bind
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.meaning import row_meaning
from sluicegate.errors import EngineError
from sluicegate.ports.engine import Result, RunContext, Translation, Unsupported
from sluicegate.scan import scan
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.duckdb.engine import DuckdbEngine

if TYPE_CHECKING:
    import duckdb

CONTEXT = RunContext(now=datetime(2026, 1, 1, tzinfo=UTC))
ANY = m.Bounds()
F = m.AggregateFunction


class Recorder:
    """A real connection that also writes down what it is asked."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.statements: list[str] = []

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        self.statements.append(sql)
        return self._connection.execute(sql)


class RecordedBatch(MemoryBatch):
    recorder: Recorder

    def connect(self) -> Any:
        self.recorder = Recorder(super().connect())
        return self.recorder


def contract(*promises: Any) -> list[ContractCheck]:
    return [ContractCheck(id=f"c{i}", name=f"c{i}", promise=promise) for i, promise in enumerate(promises)]


def run(batch: MemoryBatch, *promises: Any) -> list[Result]:
    fitted: list[Any] = []
    references = {name: batch.schema_of(view) for name, view in batch.references.items()}
    for promise in promises:
        fit = promise if isinstance(promise, NativeCheck | Untestable) else bind(promise, batch.schema, references)
        assert not isinstance(fit, Unbindable), fit
        fitted.append(fit)
    checks = contract(*fitted)
    found = {result.check_id: result for result in DuckdbEngine().run(checks, batch, CONTEXT)}
    assert set(found) == {check.id for check in checks}
    return [found[check.id] for check in checks]


def one(query: str, promise: Any, references: Mapping[str, str] | None = None) -> Result:
    return run(MemoryBatch(query, references), promise)[0]


def counts(query: str, promise: Any, references: Mapping[str, str] | None = None) -> tuple[int | None, int | None]:
    result = one(query, promise, references)
    assert not result.error, result
    return result.rows, result.failing


def figure(query: str, column: str, function: m.AggregateFunction, quantile: str | None = None) -> Any:
    check = m.Aggregate(column=column, function=function, bounds=ANY, quantile=Decimal(quantile) if quantile else None)
    result = one(query, check)
    assert not result.error, result
    return result.value


def values(kind: str, *items: str) -> str:
    return "SELECT a FROM (VALUES " + ", ".join(f"(CAST({item} AS {kind}))" for item in items) + ") t(a)"


EMPTY = "SELECT 1 AS a, 'x' AS s WHERE false"
NUMBERS = values("DOUBLE", "1", "2", "NULL", "'nan'", "-0.0")
TEXTS = values("VARCHAR", "'AA'", "'aa'", "''", "NULL", "'é'", "'it''s'", "'a' || chr(0) || 'b'", "'back\\slash'", "E'abc\\n'")
MOODS = "SELECT CAST(x AS ENUM('low', 'high')) AS a FROM (VALUES ('low'), ('high'), (NULL)) t(x)"
UUIDS = "SELECT CAST('6f1c1b3a-0000-0000-0000-00000000000' || x AS UUID) AS a FROM (VALUES ('1'), ('2')) t(x)"


@pytest.mark.parametrize(
    ("query", "check", "expected"),
    [
        (NUMBERS, m.NotNull(column="a"), (5, 1)),
        (NUMBERS, m.AcceptedValues(column="a", values=(0, 1, 2)), (4, 1)),
        (NUMBERS, m.RejectedValues(column="a", values=(0, Decimal("1.0"), None)), (4, 2)),
        (NUMBERS, m.Range(column="a", bounds=m.Bounds(min=0, max=2, max_inclusive=False)), (4, 2)),
        (NUMBERS, m.Range(column="a", bounds=ANY), (4, 1)),
        (values("DOUBLE", "0.0", "-0.0", "'nan'", "'nan'", "NULL", "NULL", "3"), m.Unique(columns=("a",)), (5, 4)),
        (values("BIGINT", "9007199254740993", "9007199254740992"), m.Range(column="a", bounds=m.Bounds(max=2**53)), (2, 1)),
        (values("DECIMAL(38,0)", "'9" + "9" * 37 + "'", "1"), m.Range(column="a", bounds=m.Bounds(max=10**37)), (2, 1)),
        (values("FLOAT", "0.1", "0.2"), m.AcceptedValues(column="a", values=(Decimal("0.1"),)), (2, 1)),
        (values("FLOAT", "0.1", "0.2"), m.Range(column="a", bounds=m.Bounds(max=Decimal("0.1"))), (2, 1)),
        (values("DECIMAL(6,2)", "0.10", "0.11"), m.AcceptedValues(column="a", values=(Decimal("0.1"), Decimal("0.111"))), (2, 1)),
        (values("BOOLEAN", "true", "false", "NULL"), m.AcceptedValues(column="a", values=(True,)), (2, 1)),
        (TEXTS, m.AcceptedValues(column="a", values=("AA", "", "it's", "a\0b", "back\\slash")), (8, 3)),
        (TEXTS, m.Pattern(column="a", pattern="^[A-Za-z]*$"), (8, 5)),
        (TEXTS, m.Pattern(column="a", pattern="'|\\\\", negate=True), (8, 2)),
        (TEXTS, m.Pattern(column="a", pattern="^abc$"), (8, 8)),
        (TEXTS, m.Length(column="a", min=1, max=2), (8, 5)),
        (TEXTS, m.Range(column="a", bounds=m.Bounds(min="A", max="b")), (8, 4)),
        (TEXTS, m.Completeness(column="a", min_percent=Decimal(50), missing_values=("", None)), (9, 2)),
        (MOODS, m.AcceptedValues(column="a", values=("high", "nonesuch")), (2, 1)),
        (MOODS, m.Range(column="a", bounds=m.Bounds(min="l")), (2, 1)),
        (MOODS, m.Monotonic(column="a"), (2, 1)),
        (UUIDS, m.AcceptedValues(column="a", values=("6f1c1b3a-0000-0000-0000-000000000001", "q")), (2, 1)),
        (values("DATE", "'2013-01-01'", "'2013-01-02'"), m.Range(column="a", bounds=m.Bounds(max=datetime(2013, 1, 1, 9))), (2, 1)),
        (values("TIMESTAMP_NS", "'2013-01-01'"), m.Range(column="a", bounds=m.Bounds(min="0001-01-01", max="9999-12-31")), (1, 0)),
        (values("TIMESTAMP_NS", "'2013-01-01'"), m.Range(column="a", bounds=m.Bounds(min="9999-12-31")), (1, 1)),
        (values("TIMESTAMPTZ", "'2013-01-01 00:00:00+02'"), m.Range(column="a", bounds=m.Bounds(min="2013-01-01")), (1, 1)),
        (values("TIME", "'09:30:00'", "'23:00:00'"), m.Range(column="a", bounds=m.Bounds(min="09:00", max="17:00")), (2, 1)),
        (values("INTEGER", "1", "3", "NULL", "2", "2"), m.Monotonic(column="a"), (4, 1)),
        (values("INTEGER", "1", "3", "NULL", "2", "2"), m.Monotonic(column="a", strict=True), (4, 2)),
        (values("INTEGER", "3", "2", "2"), m.Monotonic(column="a", direction=m.Direction.DECREASING), (3, 0)),
        (values("INTEGER", "1", "3", "2"), m.Monotonic(column="a", order_by="a"), (3, 0)),
        (NUMBERS, m.RowExpression(expression="a >= 1 -- or so"), (4, 1)),
        (NUMBERS, m.RowExpression(expression="NULL"), (0, 0)),
    ],
)  # fmt: skip
def test_rows_and_failing_rows_are_those_of_the_definition(query: str, check: Any, expected: tuple[int, int]) -> None:
    assert counts(query, check) == expected


def test_every_row_level_figure_agrees_with_the_meaning_that_names_the_rows() -> None:
    query = (
        "SELECT i AS id, i % 7 AS k, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 3 END AS v, 'n' || i % 4 AS s FROM range(100) r(i)"
    )
    batch = MemoryBatch(query, {"other": "SELECT 'n' || i AS s FROM range(3) r(i)"})
    checks: list[Any] = [
        m.NotNull(column="v"),
        m.Unique(columns=("k", "v")),
        m.Reference(columns=("s",), dataset="other", reference_columns=("s",)),
        m.Monotonic(column="k", order_by="id"),
        m.ColumnComparison(left="k", operator=m.Operator.NE, right="v"),
        m.Completeness(column="v", min_percent=Decimal(1), missing_values=(2,)),
        m.RowExpression(expression="k > v"),
    ]
    for check, result in zip(checks, run(batch, *checks), strict=True):
        meaning = row_meaning(check, batch.schema, batch.references)
        select = f"SELECT count(*) FILTER (WHERE {meaning.considered}), count(*) FILTER (WHERE {meaning.failing}) FROM {meaning.source}"
        assert batch.connect().execute(select).fetchone() == (result.rows, result.failing), check.type_name
        assert result.failing, check.type_name


@pytest.mark.parametrize("operator", list(m.Operator))
def test_columns_of_different_widths_and_moments_compare(operator: m.Operator) -> None:
    pairs = [("1", "BIGINT", "1.0", "DECIMAL(4,1)"), ("1", "INTEGER", "1", "DOUBLE"), ("'2013-01-01'", "DATE", "'2013-01-01'", "TIMESTAMP_NS"),
             ("'2013-01-01'", "DATE", "'2013-01-01'", "TIMESTAMPTZ"), ("'2013-01-01'", "TIMESTAMP", "'2013-01-01'", "DATE"),
             ("'x'", "VARCHAR", "'x'", "ENUM('w', 'x')")]  # fmt: skip
    for left, left_type, right, right_type in pairs:
        query = f"SELECT CAST({left} AS {left_type}) AS l, CAST({right} AS {right_type}) AS r UNION ALL SELECT NULL, NULL"
        holds = operator in {m.Operator.EQ, m.Operator.LE, m.Operator.GE}
        assert counts(query, m.ColumnComparison(left="l", operator=operator, right="r")) == (1, 0 if holds else 1)


def test_a_reference_ignores_null_keys_and_counts_each_orphan() -> None:
    query = "SELECT * FROM (VALUES ('a', 1), ('b', 1), ('b', 1), (NULL, 1), ('a', NULL)) t(k, n)"
    keys = {"keys": "SELECT 'a' AS code, CAST(1 AS BIGINT) AS num UNION ALL SELECT NULL, 1"}
    assert counts(query, m.Reference(columns=("k",), dataset="keys", reference_columns=("code",)), keys) == (4, 2)
    assert counts(query, m.Reference(columns=("k", "n"), dataset="keys", reference_columns=("code", "num")), keys) == (3, 2)
    uuid = {"keys": UUIDS}
    assert counts(query, m.Reference(columns=("k",), dataset="keys", reference_columns=("a",)), uuid) == (4, 4)


@pytest.mark.parametrize(
    ("query", "function", "expected"),
    [
        (values("BIGINT", "9223372036854775807", "9223372036854775807"), F.SUM, 2**64 - 2),
        (values("DECIMAL(4,1)", "0.1", "0.2"), F.SUM, Decimal("0.3")),
        (values("DECIMAL(4,1)", "0.1", "0.2"), F.MEAN, Decimal("0.15")),
        (values("DECIMAL(4,1)", "0.1", "0.2"), F.MEDIAN, Decimal("0.15")),
        (values("INTEGER", "1", "2", "NULL"), F.MEAN, Decimal("1.5")),
        (values("INTEGER", "1", "2", "2", "10"), F.MEDIAN, Decimal(2)),
        (values("DOUBLE", "1", "2", "3"), F.STDEV, 1.0),
        (values("DOUBLE", "1"), F.STDEV, None),
        (values("DOUBLE", "1", "'inf'"), F.STDEV, "nan"),
        (values("DOUBLE", "0.1", "0.2", "0.3"), F.MEAN, 0.2),
        (values("FLOAT", "0.1", "0.2"), F.MIN, 0.1),
        (values("INTEGER", "3", "1"), F.MAX, 3),
        (values("VARCHAR", "'b'", "'é'", "'a'"), F.MAX, "é"),
        (MOODS, F.MIN, "high"),
        (values("TIMESTAMPTZ", "'2013-01-01 00:00:00+02'"), F.MAX, datetime(2012, 12, 31, 22, tzinfo=UTC)),
        (values("TIMESTAMP", "'2013-01-01'"), F.MAX, datetime(2013, 1, 1)),
        (values("DOUBLE", "0.0", "-0.0", "'nan'", "'nan'", "NULL"), F.DISTINCT_COUNT, 2),
        (values("DOUBLE", "'inf'", "'-inf'"), F.SUM, "nan"),
    ],
)
def test_figures_are_exact_where_the_column_is(query: str, function: m.AggregateFunction, expected: Any) -> None:
    found = figure(query, "a", function)
    assert math.isnan(found) if expected == "nan" else found == expected, found
    assert isinstance(found, Decimal) == isinstance(expected, Decimal)


def test_quantiles_interpolate() -> None:
    assert figure(values("INTEGER", "0", "10"), "a", F.QUANTILE, "0.25") == Decimal("2.5")
    assert figure(values("DECIMAL(6,1)", "5.0", "7.0"), "a", F.QUANTILE, "0.9") == Decimal("6.8")


@pytest.mark.parametrize("function", [function for function in F if function is not F.DISTINCT_COUNT])
def test_one_nan_makes_a_figure_nan(function: m.AggregateFunction) -> None:
    assert math.isnan(figure(values("DOUBLE", "1", "'nan'", "2"), "a", function, "0.5"))


@pytest.mark.parametrize("function", list(F))
def test_an_empty_batch_has_no_figure_but_a_count(function: m.AggregateFunction) -> None:
    assert figure(EMPTY, "a", function, "0.5") == (0 if function is F.DISTINCT_COUNT else None)


def test_an_empty_batch_has_no_failing_rows() -> None:
    checks = (
        m.NotNull(column="a"),
        m.Unique(columns=("a",)),
        m.Monotonic(column="a"),
        m.Pattern(column="s", pattern="x"),
        m.Reference(columns=("s",), dataset="other", reference_columns=("s",)),
    )
    results = run(MemoryBatch(EMPTY, {"other": "SELECT 'x' AS s"}), *checks)
    assert [(result.rows, result.failing) for result in results] == [(0, 0)] * len(checks)


def test_row_count_freshness_and_drift_are_figures() -> None:
    query = "SELECT * FROM (VALUES (DATE '2013-01-01', 4), (DATE '2013-01-02', NULL), (NULL, 2)) t(d, n)"
    day, count, null, mean, rows = run(
        MemoryBatch(query),
        m.Freshness(column="d", max_age_hours=Decimal(1)),
        m.RowCount(bounds=ANY),
        m.Drift(metric=m.DriftMetric.NULL_PERCENT, column="n", threshold=Decimal(3)),
        m.Drift(metric=m.DriftMetric.MEAN, column="n", threshold=Decimal(3)),
        m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)),
    )
    assert day.value == datetime(2013, 1, 2, tzinfo=UTC)
    assert (count.value, rows.value, mean.value) == (3, 3, Decimal(3))
    assert null.value == 33.3333333333333


def test_an_infinite_newest_moment_is_an_error_of_its_own() -> None:
    infinite, count = run(
        MemoryBatch(values("TIMESTAMP", "'infinity'")), m.Freshness(column="a", max_age_hours=Decimal(1)), m.RowCount(bounds=ANY)
    )
    assert "no moment of the calendar" in infinite.error
    assert count.value == 1


def test_schema_checks_are_answered_by_the_schema_alone() -> None:
    batch = RecordedBatch("SELECT 1 AS a, 'x' AS b")
    missing, wrong, fine = run(
        batch, m.Schema(columns=("a", "B")), m.ColumnType(column="a", type="string"), m.ColumnType(column="b", type="varchar")
    )
    assert (missing.failing, missing.message) == (1, "column 'B' is missing (did you mean 'b'?)")
    assert (wrong.failing, wrong.message) == (1, "column 'a' is INTEGER, not string")
    assert (fine.failing, fine.message) == (0, "")
    assert not hasattr(batch, "recorder")


def test_all_that_can_share_a_scan_shares_one_and_equal_questions_are_asked_once() -> None:
    batch = RecordedBatch("SELECT i AS a, i AS b FROM range(10) t(i)")
    run(
        batch,
        m.NotNull(column="a"),
        m.NotNull(column="a"),
        m.Range(column="a", bounds=m.Bounds(min=0)),
        m.Range(column="a", bounds=m.Bounds(max=5)),
        m.Aggregate(column="b", function=F.MEAN, bounds=ANY),
        m.RowCount(bounds=ANY),
        m.Drift(metric=m.DriftMetric.NULL_PERCENT, column="a", threshold=Decimal(1)),
        m.Unique(columns=("a", "b")),
        m.Unique(columns=("b", "a")),
    )
    shared, unique = batch.recorder.statements
    assert shared.count('\n  count("a"),') == 1
    assert "GROUP BY" in unique


def test_very_many_checks_are_scanned_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_EXPRESSIONS_PER_SCAN", 5)
    batch = RecordedBatch("SELECT i AS a FROM range(10) t(i)")
    results = run(batch, *(m.Range(column="a", bounds=m.Bounds(min=low)) for low in range(1, 10)))
    assert [result.failing for result in results] == list(range(1, 10))
    assert len(batch.recorder.statements) == 2


def test_a_check_that_cannot_be_computed_errs_alone() -> None:
    batch = MemoryBatch("SELECT CAST('17" + "0" * 37 + "' AS HUGEINT) AS big, 'secret-7' AS s FROM range(5)")
    overflow, cast, unknown, fine, count = run(
        batch,
        m.Aggregate(column="big", function=F.SUM, bounds=ANY),
        m.RowExpression(expression="CAST(s AS INTEGER) > 0"),
        m.RowExpression(expression="nonesuch > 0"),
        m.NotNull(column="s"),
        m.RowCount(bounds=ANY),
    )
    assert "Overflow" in overflow.error
    assert "Could not convert" in cast.error
    assert "secret" not in cast.error
    assert "nonesuch" in unknown.error
    assert not any(result.engine_broke for result in (overflow, cast, unknown))
    assert (fine.rows, fine.failing, count.value) == (5, 0, 5)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT max(a) FROM ${table}", 2),
        ("SELECT sum(a) / 4.0 FROM {object}", 0.75),
        ('SELECT count(*) FROM batch JOIN "keys.csv" USING (a);', 1),
        ("WITH q AS (SELECT a FROM batch) SELECT min(a) FROM q -- why not", 1),
        ("SELECT a FROM batch WHERE a > 100", None),
        ("SELECT TIMESTAMPTZ '2013-01-01 02:00:00+02'", datetime(2013, 1, 1)),
        ("SELECT 'x' || count(*) FROM batch", "x2"),
    ],
)  # fmt: skip
def test_a_metric_query_gives_its_one_value(query: str, expected: Any) -> None:
    result = one(values("INTEGER", "1", "2"), m.MetricQuery(query=query, bounds=ANY), {"keys.csv": "SELECT 2 AS a"})
    assert (result.error, result.value) == ("", expected)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("SELECT a FROM batch", "more than one row"),
        ("SELECT 1, 2", "2 columns"),
        ("SELECT list(a) FROM batch", "gives a list"),
        ("SELECT max(nonesuch) FROM batch", "nonesuch"),
        ("SELECT * FROM 'x.csv'", "neither the batch nor a declared reference"),
        ("DELETE FROM batch", "can't be read"),
    ],
)
def test_a_metric_query_that_gives_no_one_value_is_an_error_with_a_reason(query: str, error: str) -> None:
    result = one(values("INTEGER", "1", "2"), m.MetricQuery(query=query, bounds=ANY))
    assert error in result.error
    assert not result.engine_broke


def test_a_row_expression_that_breaks_out_never_reaches_the_batch() -> None:
    batch = RecordedBatch(NUMBERS)
    result = run(batch, m.RowExpression(expression="1) FROM range(3) WHERE (1"))[0]
    assert "can't be read" in result.error
    assert not hasattr(batch, "recorder")


def test_native_checks_and_regular_expressions_beyond_re2_are_unsupported() -> None:
    engine = DuckdbEngine()
    native, untestable, ahead, plain = contract(
        NativeCheck(engine="duckdb", kind="x", body={}),
        Untestable(key="sla.availability", reason="no"),
        m.Pattern(column="a", pattern="(?=x)"),
        m.Pattern(column="a", pattern="x"),
    )
    assert isinstance(engine.translate(native, None), Unsupported)
    assert isinstance(engine.translate(untestable, None), Unsupported)
    answer = engine.translate(ahead, None)
    assert isinstance(answer, Unsupported)
    assert "look-ahead" in answer.reason
    assert isinstance(engine.translate(plain, None), Translation)
    assert run(MemoryBatch(EMPTY), NativeCheck(engine="duckdb", kind="x", body={}))[0].error
    assert set(engine.versions()) == {"duckdb"}


def test_a_refused_query_shows_its_refusal_in_the_plan() -> None:
    (check,) = contract(m.RowExpression(expression="a > (SELECT 1)"))
    answer = DuckdbEngine().translate(check, None)
    assert isinstance(answer, Translation)
    assert answer.text.startswith("-- refused: a subquery")


def test_an_interrupt_breaks_the_engine_and_not_a_check() -> None:
    class Interrupted:
        def execute(self, sql: str) -> None:
            import duckdb

            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    class Batch(MemoryBatch):
        def connect(self) -> Any:
            return Interrupted()

    with pytest.raises(EngineError, match="interrupted"):
        run(Batch(EMPTY), m.RowCount(bounds=ANY))


def test_a_value_that_python_cannot_hold_is_an_error_of_its_own() -> None:
    class Stumbling:
        description = (("value", "DECIMAL(38,38)"),)

        def execute(self, sql: str) -> Any:
            return self

        def fetchmany(self, size: int) -> list[Any]:
            return [(Decimal("0.-1"),)]

    class Batch(MemoryBatch):
        def connect(self) -> Any:
            return Stumbling()

    result = run(Batch(EMPTY), m.RowCount(bounds=ANY))[0]
    assert "Python can't hold" in result.error


def test_running_out_of_memory_is_the_engines_fault() -> None:
    batch = MemoryBatch("SELECT CAST(1 AS BIGINT) AS a")
    connection = batch.connect()
    connection.execute("CREATE OR REPLACE VIEW batch AS SELECT i AS a FROM range(3000000) t(i)")
    connection.execute("SET max_temp_directory_size = '0KB'")
    connection.execute("SET memory_limit = '30MB'")
    distinct, count = run(batch, m.Aggregate(column="a", function=F.DISTINCT_COUNT, bounds=ANY), m.RowCount(bounds=ANY))
    assert distinct.engine_broke
    assert "memory" in distinct.error
    assert count.value == 3_000_000


def test_awkward_column_names_are_only_names() -> None:
    names = ['say "hi"', "SELECT", "Order", "a b", "x'); DROP TABLE t; --", "é"]
    columns = ", ".join("i AS " + '"' + name.replace('"', '""') + '"' for name in names)
    batch = MemoryBatch(f"SELECT {columns} FROM range(3) t(i)")

    def all_checks(name: str) -> Iterable[Any]:
        yield m.NotNull(column=name)
        yield m.Unique(columns=(name,))
        yield m.Range(column=name, bounds=m.Bounds(min=0))
        yield m.Monotonic(column=name, order_by=name)

    for name in names:
        assert [(found.rows, found.failing) for found in run(batch, *all_checks(name))] == [(3, 0)] * 4
