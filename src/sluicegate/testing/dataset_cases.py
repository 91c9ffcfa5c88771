"""Conformance cases of the dataset-level checks, and of those that authors write in SQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from itertools import product

from sluicegate.checks import model as m
from sluicegate.testing.case import VAST, Case, interval
from sluicegate.testing.oracle import Expected

__all__ = ["DATASET_CASES"]

_EXPRESSIONS = {
    "comparison": ("pairs", "i <= j", 4, 2), "text": ("texts", "a <> 'it''s'", 46, 1), "a comment": ("pairs", "i <= j -- why", 4, 2), "a null": ("pairs", "NULL", 0, 0),
    "an integer": ("pairs", "i - 2", 5, 2), "always": ("pairs", "TRUE", 7, 0), "never": ("pairs", "FALSE", 7, 7), "case": ("keys", "CASE WHEN a = 1 THEN b = 'x' ELSE TRUE END", 10, 2),
    "a quoted name": ("names", '"a b" > 0 AND "double""quote" < 7', 4, 1), "braces": ("texts", "a <> '{{ x }}' AND a <> '${x}'", 46, 2), "percent": ("texts", "a NOT LIKE '\\%%' ESCAPE '\\'", 46, 2),
    "a function": ("texts", "length(a) < 1000", 46, 1), "empty batch": ("empty", "id > 0", 0, 0), "all NULL": ("all_null", "id > 0", 0, 0), "nan": ("floats", "NOT isnan(a)", 13, 2), "or": ("pairs", "i = 1 OR j = 2", 5, 1),
}  # fmt: skip
_QUERIES: dict[str, tuple[str, str, Fraction | float | str | None]] = {
    "count": ("integers", "SELECT count(*) FROM batch", Fraction(11)), "exact": ("integers", "SELECT max(a) FROM batch", Fraction(2**63 - 1)),
    "decimal": ("decimals", "SELECT sum(a) FROM batch", Fraction("99999998.89")), "a float": ("floats", "SELECT 0.5::DOUBLE", Fraction(1, 2)), "nan": ("floats", "SELECT max(a) FROM batch", math.nan),
    "no value": ("empty", "SELECT max(id) FROM batch", None), "no row": ("integers", "SELECT a FROM batch WHERE a = 77", None), "grouped": ("keys", "SELECT count(*) FROM (SELECT a FROM batch GROUP BY a)", Fraction(4)),
    "quotes": ("texts", "SELECT count(*) FROM batch WHERE a = 'it''s' OR a LIKE '%;%'", Fraction(3)), "with": ("integers", "WITH b AS (SELECT a FROM batch WHERE a > 0) SELECT count(*) FROM b", Fraction(7)),
    "a comment at the end": ("integers", "SELECT count(*) FROM batch -- all", Fraction(11)), "braces": ("texts", "SELECT count(*) FROM batch WHERE a = '{{ x }}' OR a = '${x}'", Fraction(2)),
}  # fmt: skip


def _sql() -> Iterator[Case]:
    for name, (table, expression, rows, failing) in _EXPRESSIONS.items():
        yield Case(
            table=table, name=name, check=m.RowExpression(expression=expression), figures=Expected(rows=rows, failing=failing)
        )
    for name, (table, query, value) in _QUERIES.items():
        yield Case(table=table, name=name, check=m.MetricQuery(query=query, bounds=VAST), figures=Expected(value=value))


_NUMBERS = (
    ("integers", "a"), ("small_integers", "a"), ("small_integers", "e"), ("huge_integers", "a"), ("floats", "a"), ("finite_floats", "a"), ("infinite_floats", "a"), ("narrow_floats", "a"), ("finite_narrow_floats", "a"),
    ("decimals", "a"), ("few_decimals", "a"), ("wide_decimals", "b"), ("wide_decimals", "c"), ("all_null", "id"), ("all_null", "x"), ("all_null", "d"), ("empty", "id"), ("empty", "x"),
    ("empty", "d"), ("one_row", "id"), ("one_row", "x"), ("one_row", "d"), ("large", "n"), ("large", "x"), ("large", "d"), ("offsets", "a"),
)  # fmt: skip
_MOMENTS = (
    ("dates", "a"),
    ("timestamps", "a"),
    ("zoned_timestamps", "a"),
    ("timestamp_units", "s"),
    ("empty", "at"),
    ("all_null", "day"),
    ("one_row", "z"),
)


def _datasets() -> Iterator[Case]:
    f = m.AggregateFunction
    for (table, column), function in product(_NUMBERS, (f.MIN, f.MAX, f.MEAN, f.SUM, f.STDEV, f.MEDIAN)):
        yield Case(table=table, name=f"{column} {function}", check=m.Aggregate(column=column, function=function, bounds=VAST))
    for (table, column), quantile in product(_NUMBERS, ("0", "0.1", "0.25", "0.9", "1")):
        check = m.Aggregate(column=column, function=f.QUANTILE, quantile=Decimal(quantile), bounds=VAST)
        yield Case(table=table, name=f"{column} {quantile}", check=check)
    narrow = {
        "exclusive": interval(0, 5, open_low=True, open_high=True),
        "one-sided": interval(1),
        "no bound": interval(),
        "one number": interval(11, 11),
    }
    for name, bounds in narrow.items():
        for function in (f.MIN, f.MEAN, f.DISTINCT_COUNT, f.MEDIAN):
            yield Case(
                table="integers", name=f"{function} {name}", check=m.Aggregate(column="a", function=function, bounds=bounds)
            )
        quantile_check = m.Aggregate(column="a", function=f.QUANTILE, quantile=Decimal("0.5"), bounds=bounds)
        yield Case(table="integers", name=f"quantile {name}", check=quantile_check)
        yield Case(table="integers", name=name, check=m.RowCount(bounds=bounds))
        query = m.MetricQuery(query="SELECT count(*) FROM batch", bounds=bounds)
        yield Case(table="integers", name=f"bounds: {name}", check=query, figures=Expected(value=Fraction(11)))
    yield Case(table="integers", name="window", check=m.RowCount(bounds=interval(1), window_hours=Decimal(24)))
    for function in (f.MIN, f.MAX):
        yield Case(
            table="texts", name=f"text {function}", check=m.Aggregate(column="a", function=function, bounds=interval("", "é"))
        )
        yield Case(
            table="enums", name=f"enum {function}", check=m.Aggregate(column="a", function=function, bounds=interval("a", "z"))
        )
        yield Case(
            table="times",
            name=f"time {function}",
            check=m.Aggregate(column="a", function=function, bounds=interval(time(0), time(12))),
        )
    years = interval(date(1, 1, 1), date(9999, 12, 31))
    for (table, column), function in product(_MOMENTS, (f.MIN, f.MAX)):
        yield Case(table=table, name=f"{column} {function}", check=m.Aggregate(column=column, function=function, bounds=years))
    for table, column in (*_MOMENTS, ("fresh", "day"), ("fresh", "at"), ("fresh", "z"), ("fresh", "never")):
        yield Case(table=table, name=column, check=m.Freshness(column=column, max_age_hours=Decimal(2)))
    for function in (f.MIN, f.MAX):
        yield Case(table="vast_floats", name=str(function), check=m.Aggregate(column="a", function=function, bounds=interval()))
    yield Case(table="vast_floats", name="below", check=m.Range(column="a", bounds=interval(None, Decimal("1e307"))))
    for table in ("integers", "empty", "all_null", "one_row", "large", "names"):
        yield Case(table=table, name="rows", check=m.RowCount(bounds=VAST))
        yield Case(table=table, name="rows", check=m.Drift(metric=m.DriftMetric.ROW_COUNT, threshold=Decimal(3)))
    for (table, column), metric in product(
        (("finite_floats", "a"), ("decimals", "a"), ("large", "n"), ("empty", "id"), ("all_null", "x")), m.DriftMetric
    ):
        if metric is not m.DriftMetric.ROW_COUNT:
            yield Case(table=table, name=f"{column} {metric}", check=m.Drift(metric=metric, column=column, threshold=Decimal(3)))
    yield Case(
        table="texts",
        name="NULL share of texts",
        check=m.Drift(metric=m.DriftMetric.NULL_PERCENT, column="a", threshold=Decimal(3)),
    )


def _schemas() -> Iterator[Case]:
    names = ("id", "x", "d", "t", "day", "at", "z", "ok")
    shapes = {
        "whole": m.Schema(columns=names, allow_unexpected=False, ordered=True), "a part": m.Schema(columns=names[:3]), "missing": m.Schema(columns=(*names, "gone", "a b")),
        "unexpected": m.Schema(columns=names[:5], allow_unexpected=False), "optional": m.Schema(columns=names[:6], optional_columns=("z", "ok", "w"), allow_unexpected=False),
        "missing and unexpected": m.Schema(columns=("gone", *names[1:]), allow_unexpected=False), "case counts": m.Schema(columns=("ID", "x")), "nothing asked": m.Schema(columns=()),
        "ordered, some optional": m.Schema(columns=names[:3], optional_columns=names[3:], allow_unexpected=False, ordered=True),
        "nothing allowed": m.Schema(columns=(), allow_unexpected=False), "nothing asked, ordered": m.Schema(columns=(), ordered=True),
        "in order": m.Schema(columns=("id", "t", "ok"), ordered=True), "out of order": m.Schema(columns=("x", "id", "t"), ordered=True), "another order is fine": m.Schema(columns=("x", "id", "t")),
        "a prefix is no name": m.Schema(columns=("i", "da"), allow_unexpected=True),
    }  # fmt: skip
    for table, (name, schema) in product(("one_row", "empty"), shapes.items()):
        yield Case(table=table, name=name, check=schema)
    types = {"id": ("integer", "bigint", "int32", "string"), "x": ("float", "double", "real", "decimal"), "d": ("decimal", "decimal(10,2)", "decimal(12,2)", "float"),
             "t": ("string", "varchar", "integer"), "day": ("date", "timestamp"), "at": ("timestamp", "date", "timestamp_tz"), "z": ("timestamp_tz", "timestamptz", "timestamp"),
             "ok": ("boolean", "bool", "string")}  # fmt: skip
    for table in ("one_row", "empty"):
        for column, declared in types.items():
            for type_name in declared:
                yield Case(table=table, name=f"{column} is {type_name}", check=m.ColumnType(column=column, type=type_name))
    yield Case(table="one_row", name="absent", check=m.ColumnType(column="gone", type="integer"))
    yield Case(table="one_row", name="absent and optional", check=m.ColumnType(column="gone", type="integer", optional=True))
    yield Case(table="one_row", name="optional and wrong", check=m.ColumnType(column="id", type="string", optional=True))
    for column, type_name in (("l", "list"), ("s", "struct"), ("m", "map"), ("l", "string"), ("s", "integer[]"), *_NESTED_TYPES):
        yield Case(table="nested", name=f"{column} is {type_name}", check=m.ColumnType(column=column, type=type_name))


_NESTED_TYPES = (("l", "list<integer>"), ("l", "list<string>"), ("s", "struct<nothing: integer>"), ("m", "map<date, date>"))

DATASET_CASES: tuple[Case, ...] = tuple(case for family in (_sql, _datasets, _schemas) for case in family())
"""Every case of a dataset-level check or of one in SQL, in a fixed order."""
