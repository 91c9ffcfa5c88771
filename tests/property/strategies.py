"""Random tables that are nasty on purpose, and random checks that fit them."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from sluicegate.checks import model as m
from sluicegate.checks.sqltext import literal
from sluicegate.checks.values import Scalar
from sluicegate.testing.data import NAMES, TEXTS, select

texts = st.one_of(
    st.sampled_from([text for text in TEXTS if text is not None]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)
integers = st.one_of(
    st.integers(-3, 3), st.sampled_from([2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]), st.integers(-(2**63), 2**63 - 1)
)
huge = st.one_of(integers, st.sampled_from([2**63, 2**64, 2**127 - 1, -(2**127)]), st.integers(-(2**127), 2**127 - 1))
floats = st.one_of(
    st.sampled_from([0.1, 0.2, 0.30000000000000004, 0.3, -1.5, 0.0, -0.0, math.nan, math.inf, -math.inf, float(2**53)]),
    st.integers(-400, 400).map(lambda i: i / 4),
)
narrow = floats.filter(lambda x: x != 2**53)
decimals = st.one_of(st.sampled_from(["0.10", "0.20", "-1.50", "99999999.99", "0"]), st.integers(-(10**10) + 1, 10**10 - 1)).map(
    lambda x: Decimal(x) if isinstance(x, str) else Decimal(x).scaleb(-2)
)
wide = st.integers(-(10**38) + 1, 10**38 - 1).map(lambda i: Decimal(f"{i}e-10"))
dates = st.one_of(st.dates(date(2012, 12, 30), date(2013, 1, 3)), st.dates(date(1, 1, 1), date(9999, 12, 31)))
moments = st.one_of(
    st.integers(0, 5).map(lambda i: datetime(2013, 1, 1) + timedelta(hours=12 * i)),
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
)
zoned = moments.map(lambda at: at.replace(tzinfo=UTC))

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "BIGINT": integers, "HUGEINT": huge, "DOUBLE": floats, "FLOAT": narrow, "DECIMAL(10,2)": decimals, "DECIMAL(38,10)": wide, "VARCHAR": texts,
    "DATE": dates, "TIMESTAMP": moments, "TIMESTAMPTZ": zoned, "BOOLEAN": st.booleans(),
}  # fmt: skip
NUMBERS = {"BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL(10,2)", "DECIMAL(38,10)"}
WIDE = {"HUGEINT", "DECIMAL(38,10)"}
MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMPTZ"}
PATTERNS = [
    "",
    "^$",
    "a",
    "^a",
    "b$",
    r"\d",
    r"^\w*$",
    r"\s",
    "[^a-z]",
    "(?i)ABC",
    "'",
    r"\\",
    r"\$\{",
    "^.{2,3}$",
    "é|日",
    "%s",
    r"\{\{.*\}\}",
]

names = st.one_of(
    st.sampled_from(NAMES),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\0"), min_size=1, max_size=8),
    st.text(string.ascii_letters, min_size=1, max_size=3),
).filter(lambda name: not name.lower().startswith("_sluicegate"))


@dataclass(frozen=True)
class Example:
    """A table as its SELECT, and the checks to run on it."""

    query: str
    checks: tuple[m.CanonicalCheck, ...]


@st.composite
def examples(draw: st.DrawFn) -> Example:
    columns = dict(
        zip(
            draw(st.lists(names, min_size=1, max_size=4, unique_by=lambda name: name.lower())),
            draw(st.lists(st.sampled_from(list(VALUES)), min_size=4, max_size=4)),
            strict=False,
        )
    )
    row = st.tuples(*(st.none() | VALUES[native] for native in columns.values()))
    pool = draw(st.lists(row, max_size=6))
    rows = pool + draw(st.lists(st.sampled_from(pool), max_size=3)) if pool else []
    query = select(
        columns, [[literal(cell) if not isinstance(cell, float) else f"'{cell!r}'" for cell in cells] for cells in rows]
    )
    checks = draw(st.lists(check_on(columns), min_size=1, max_size=8))
    return Example(query, tuple(checks))


@st.composite
def check_on(draw: st.DrawFn, columns: dict[str, str]) -> m.CanonicalCheck:
    name = draw(st.sampled_from(list(columns)))
    native = columns[name]
    kinds = [_not_null, _completeness, _unique, _values, _row_count, _column_type, _schema, _distinct, _null_percent]
    if native != "BOOLEAN":
        kinds += [_range, _monotonic, _extreme, _comparison]
    if native in NUMBERS:
        kinds += [_statistic, _range, _comparison]
    if native == "VARCHAR":
        kinds += [_pattern, _length]
    if native in MOMENTS:
        kinds += [_freshness]
    check: m.CanonicalCheck = draw(draw(st.sampled_from(kinds))(name, columns))
    return check


def _of(native: str) -> st.SearchStrategy[Any]:
    """Values to compare a column with: its own kind, but not only what it can hold."""
    if native in NUMBERS:
        return st.one_of(VALUES[native].filter(lambda value: value == value), integers, decimals, wide)  # noqa: PLR0124 - no NaN
    return VALUES[native] if native not in MOMENTS else st.one_of(VALUES[native], dates, moments)


def _not_null(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.just(m.NotNull(column=name))


def _completeness(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    missing = st.lists(_of(columns[name]), max_size=2).map(tuple)
    return st.builds(m.Completeness, column=st.just(name), min_percent=st.just(Decimal(90)), missing_values=missing)


def _unique(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    keys = st.lists(st.sampled_from(list(columns)), min_size=1, max_size=3, unique=True).map(tuple)
    return st.builds(m.Unique, columns=keys)


def _values(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    few = st.lists(st.none() | _of(columns[name]), max_size=4)
    many = st.lists(texts, min_size=13, max_size=15)  # looked up in another way
    values: st.SearchStrategy[tuple[Scalar, ...]] = (few | many if columns[name] == "VARCHAR" else few).map(tuple)
    return st.one_of(*(st.builds(kind, column=st.just(name), values=values) for kind in (m.AcceptedValues, m.RejectedValues)))


def _bounds(native: str) -> st.SearchStrategy[m.Bounds]:
    side = st.none() | _of(native)
    return st.builds(m.Bounds, min=side, max=side, min_inclusive=st.booleans(), max_inclusive=st.booleans())


def _range(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.builds(m.Range, column=st.just(name), bounds=_bounds(columns[name]))


def _pattern(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.builds(m.Pattern, column=st.just(name), pattern=st.sampled_from(PATTERNS), negate=st.booleans())


def _length(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    end = st.none() | st.integers(0, 5)
    return st.builds(m.Length, column=st.just(name), min=end, max=end)


def _comparison(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    # Two columns whose common type would need more than 38 digits are an error in DuckDB, and no figure.
    families = [
        family
        for family in ({"HUGEINT"}, {"DECIMAL(38,10)"}, NUMBERS - WIDE, MOMENTS, {columns[name]})
        if columns[name] in family
    ]
    others = [other for other, native in columns.items() if native in families[0]]
    return st.builds(m.ColumnComparison, left=st.just(name), operator=st.sampled_from(m.Operator), right=st.sampled_from(others))


def _monotonic(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    orders = st.sampled_from([None, *(other for other, native in columns.items() if native != "BOOLEAN")])
    return st.builds(
        m.Monotonic, column=st.just(name), direction=st.sampled_from(m.Direction), strict=st.booleans(), order_by=orders
    )


def _row_count(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.just(m.RowCount(bounds=m.Bounds(min=1)))


def _column_type(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.builds(
        m.ColumnType,
        column=st.just(name),
        type=st.sampled_from(["integer", "bigint", "string", "decimal(10,2)", "timestamp", "date"]),
    )


def _schema(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    wanted = st.lists(st.sampled_from([*columns, "gone"]), unique=True).map(tuple)
    return st.builds(m.Schema, columns=wanted, allow_unexpected=st.booleans(), ordered=st.booleans())


def _aggregate(name: str, functions: list[m.AggregateFunction]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.builds(m.Aggregate, column=st.just(name), function=st.sampled_from(functions), bounds=st.just(m.Bounds()))


def _distinct(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return _aggregate(name, [m.AggregateFunction.DISTINCT_COUNT])


def _extreme(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return _aggregate(name, [m.AggregateFunction.MIN, m.AggregateFunction.MAX])


def _statistic(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    f = m.AggregateFunction
    quantile = st.sampled_from(["0", "0.05", "0.25", "0.5", "0.99", "1"]).map(Decimal)
    quantiles = st.builds(
        m.Aggregate, column=st.just(name), function=st.just(f.QUANTILE), bounds=st.just(m.Bounds()), quantile=quantile
    )
    if columns[name] in {"HUGEINT", "DECIMAL(38,10)"}:  # their sums overflow, which is an error and no figure
        return st.one_of(_aggregate(name, [f.MIN, f.MAX, f.MEDIAN]), quantiles)
    if columns[name] == "BIGINT":  # a deviation beside numbers near 2^63 is rounding
        return st.one_of(_aggregate(name, [f.MEDIAN, f.SUM]), quantiles)
    return st.one_of(_aggregate(name, [f.MEAN, f.SUM, f.STDEV, f.MEDIAN]), quantiles)


def _null_percent(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.just(m.Drift(metric=m.DriftMetric.NULL_PERCENT, column=name, threshold=Decimal(3)))


def _freshness(name: str, columns: dict[str, str]) -> st.SearchStrategy[m.CanonicalCheck]:
    return st.just(m.Freshness(column=name, max_age_hours=Decimal(2)))
