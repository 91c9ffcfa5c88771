"""The conformance cases of the canonical checks: a table of ``data.TABLES``, a check on it, and (for SQL checks) the figures.

Every other expectation is ``oracle.expected`` of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from itertools import product

from sluicegate.checks import model as m
from sluicegate.checks.values import Scalar
from sluicegate.testing.data import NAMES
from sluicegate.testing.oracle import Expected

__all__ = ["CASES", "NOW", "SAMPLES", "Case"]

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The clock of every conformance run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One check on one table.

    Attributes:
        table: a key of ``data.TABLES``.
        name: what is awkward here; unique among the table's cases of this check.
        check: what is promised.
        figures: what it must yield, where Python can't say: for checks that are SQL.
    """

    table: str
    name: str
    check: m.CanonicalCheck
    figures: Expected | None = None

    @property
    def id(self) -> str:
        """``check/table/name``: what a declared divergence matches against."""
        return f"{self.check.type_name}/{self.table}/{self.name}"


def _bounds(low: Scalar = None, high: Scalar = None, *, open_low: bool = False, open_high: bool = False) -> m.Bounds:
    return m.Bounds(min=low, max=high, min_inclusive=not open_low, max_inclusive=not open_high)


_VAST = _bounds(-(10**60), 10**60)


def _row_cases() -> Iterator[Case]:
    """not_null, unique and distinct_count on every column of the plain tables: they must cope with any type."""
    plain = {
        "integers": "a", "small_integers": "a b c d e", "huge_integers": "a", "floats": "a", "narrow_floats": "a", "decimals": "a",
        "wide_decimals": "a b c", "texts": "a", "dates": "a", "timestamps": "a", "zoned_timestamps": "a", "timestamp_units": "s ms ns",
        "times": "a", "booleans": "a", "enums": "a", "uuids": "a", "all_null": "id x d t day at z ok", "empty": "id x d t day at z ok",
        "one_row": "id x d t day at z ok", "large": "n k t x d",
    }  # fmt: skip
    for table, columns in plain.items():
        for column in columns.split():
            yield Case(table=table, name=column, check=m.NotNull(column=column))
            yield Case(table=table, name=column, check=m.Unique(columns=(column,)))
            yield Case(table=table, name=column, check=m.Completeness(column=column, min_percent=Decimal(50)))
            distinct = m.Aggregate(column=column, function=m.AggregateFunction.DISTINCT_COUNT, bounds=_VAST)
            yield Case(table=table, name=f"{column} distinct", check=distinct)
    for column in ("id", "l", "s", "m"):
        yield Case(table="nested", name=column, check=m.NotNull(column=column))
    yield Case(table="blobs", name="blob", check=m.NotNull(column="a"))


def _compound_keys() -> Iterator[Case]:
    for columns in (("a", "b"), ("b", "a"), ("a", "b", "x"), ("a", "x"), ("b", "x"), ("x",), ("b",)):
        yield Case(table="keys", name="+".join(columns), check=m.Unique(columns=columns))
    for table in ("empty", "all_null", "one_row"):
        yield Case(table=table, name="compound", check=m.Unique(columns=("id", "t", "at")))
    yield Case(table="names", name="quoted compound", check=m.Unique(columns=('double"quote', "a b", "{{ jinja }}", "100%")))
    yield Case(table="nested", name="beside lists", check=m.Unique(columns=("id",)))
    yield Case(table="large", name="compound", check=m.Unique(columns=("k", "t")))


_VALUES: dict[str, dict[str, tuple[Scalar, ...]]] = {
    "integers": {
        "plain": (1, 2, 0), "with None": (1, None), "nothing but None": (None,), "empty": (), "decimals": (Decimal("1.0"), Decimal("2.5")),
        "near 2^53": (9007199254740993,), "below 2^53": (9007199254740992,), "ends": (2**63 - 1, -(2**63)),
        "beyond": (2**63, -(2**64), 10**50), "mixed widths": (2**63 - 1, Decimal("0.5"), 9007199254740993),
    },
    "small_integers": {"beyond the type": (127, 128, 1000, -1)},
    "huge_integers": {"2^63": (2**63,), "ends": (2**127 - 1, -(2**127)), "beyond": (2**127, 0), "a fraction": (Decimal("0.5"), 2**63)},
    "floats": {
        "tenths": (Decimal("0.1"), Decimal("0.3")), "zero": (0,), "negative zero": (-0.0,), "nan": (math.nan,), "infinities": (math.inf, -math.inf),
        "large": (9007199254740993,), "with None": (Decimal("0.1"), None), "as float": (0.1, 1e308, 5e-324),
    },
    "narrow_floats": {"tenths": (Decimal("0.1"), Decimal("1.5")), "large": (16777217,), "nan": (math.nan, 0), "beyond": (Decimal(10) ** 50,)},
    "decimals": {"0.1 is 0.10": (Decimal("0.1"), Decimal("0.2000")), "integers": (0,), "finer": (Decimal("0.101"),), "as float": (0.1, -1.5),
                 "with None": (Decimal("0.1"), None), "beyond": (10**30, Decimal("0.2"))},
    "wide_decimals": {"38 digits": (Decimal("9" * 38), 1), "39 digits": (Decimal("9" * 39), 1), "with a fraction": (Decimal("9" * 38), Decimal("0.5"))},
    "texts": {
        "plain": ("a", "abc"), "empty text": ("",), "quotes": ("it's", '"quoted"', "'", "''"), "backslashes": ("back\\slash", "\\"),
        "templates": ("${x}", "{{ x }}", "{% x %}", "%s", "%", "_"), "injection": ("'; DROP TABLE batch; --", "--", ";"), "case": ("ABC", "Abc"),
        "composed": ("é",), "decomposed": ("e\u0301",), "astral": ("😀", "👍🏽", "日本語"), "words": ("NULL", "None", "nan", "true", "007", "1.0"),
        "with None": ("a", None), "empty": (), "line ends": ("abc\n", "abc\ndef", "tab\t"), "spaces": (" ", "a "), "long": ("x" * 1000,),
    },
    "dates": {"dates": (date(2013, 1, 1), date(9999, 12, 31)), "midnight": (datetime(2013, 1, 1),), "noon is no date": (datetime(2013, 1, 1, 12),)},  # noqa: DTZ001
    "timestamps": {"dates are midnight": (date(2013, 1, 1),), "microseconds": (datetime(2013, 1, 1, 0, 0, 0, 1),),  # noqa: DTZ001
                   "zoned": (datetime(2013, 1, 1, 12, tzinfo=UTC),)},
    "zoned_timestamps": {"zoned": (datetime(2013, 1, 1, tzinfo=UTC),), "naive is UTC": (datetime(2013, 1, 1),), "date": (date(2013, 1, 1),)},  # noqa: DTZ001
    "times": {"noon": (time(12, 30),)},
    "booleans": {"true": (True,), "both": (True, False), "false and None": (False, None)},
    "enums": {"known": ("low", "it's"), "unknown": ("low", "other")},
    "uuids": {"one": ("00000000-0000-0000-0000-000000000001",), "upper case": ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",), "no UUID": ("x",)},
}  # fmt: skip


def _value_sets() -> Iterator[Case]:
    figures = {"upper case": Expected(rows=3, failing=3)}  # values compare as texts: by code point
    for table, sets in _VALUES.items():
        for name, values in sets.items():
            yield Case(table=table, name=name, check=m.AcceptedValues(column="a", values=values), figures=figures.get(name))
            rejected = Expected(rows=3, failing=0) if name in figures else None
            yield Case(table=table, name=name, check=m.RejectedValues(column="a", values=values), figures=rejected)
            missing = m.Completeness(column="a", min_percent=Decimal("99.5"), missing_values=values)
            yield Case(
                table=table,
                name=f"missing {name}",
                check=missing,
                figures=Expected(rows=4, failing=1) if name in figures else None,
            )
    few: dict[str, tuple[Scalar, ...]] = {"id": (1, 2), "t": ("a", ""), "x": (1.5,), "ok": (True,)}
    for table, column in product(("all_null", "empty", "one_row"), few):
        yield Case(table=table, name=column, check=m.AcceptedValues(column=column, values=few[column]))
        yield Case(table=table, name=column, check=m.RejectedValues(column=column, values=few[column]))
    places = (Decimal("0." + "9" * 38), Decimal("0.10"))
    yield Case(table="wide_decimals", name="38 places", check=m.AcceptedValues(column="b", values=places))
    yield Case(table="wide_decimals", name="10 places", check=m.AcceptedValues(column="c", values=(Decimal("0.0000000001"), 1)))
    yield Case(table="large", name="many values", check=m.AcceptedValues(column="n", values=tuple(range(0, 4000, 2))))


_RANGES: dict[str, dict[str, m.Bounds]] = {
    "integers": {
        "closed": _bounds(0, 2), "open": _bounds(0, 2, open_low=True, open_high=True), "no lower end": _bounds(None, 9007199254740992),
        "exclusive near 2^53": _bounds(None, 9007199254740993, open_high=True), "no bound": _bounds(), "fractions": _bounds(Decimal("0.5"), Decimal("2.5")),
        "ends": _bounds(-(2**63), 2**63 - 1), "inside the ends": _bounds(-(2**63), 2**63 - 1, open_low=True, open_high=True),
        "beyond": _bounds(-(10**40), 10**40), "inverted": _bounds(2, 1), "many places": _bounds(Decimal("0." + "1" * 37), None), "infinite": _bounds(-math.inf, math.inf),
    },
    "small_integers": {"beyond the type": _bounds(-1000, 126), "fractions": _bounds(Decimal("-127.5"), None)},
    "huge_integers": {"2^63": _bounds(2**63, None), "past 2^63": _bounds(2**63, None, open_low=True), "a fraction": _bounds(Decimal("0.5"), None),
                      "ends": _bounds(-(2**127), 2**127 - 1, open_low=True, open_high=True)},
    "floats": {"tenths": _bounds(Decimal("0.1"), Decimal("0.3")), "open tenths": _bounds(Decimal("0.1"), Decimal("0.3"), open_low=True, open_high=True),
               "no bound": _bounds(), "at zero": _bounds(0, None), "above zero": _bounds(0, None, open_low=True), "infinite": _bounds(-math.inf, math.inf),
               "finite": _bounds(-math.inf, math.inf, open_low=True, open_high=True), "large": _bounds(None, 9007199254740993), "upper end only": _bounds(None, 10)},
    "narrow_floats": {"tenths": _bounds(Decimal("0.1"), Decimal("0.2")), "large": _bounds(None, 16777217, open_high=True), "lower end": _bounds(0)},
    "decimals": {"0.1": _bounds(Decimal("0.1"), Decimal("0.2")), "finer": _bounds(Decimal("0.101"), Decimal("0.1999")), "integers": _bounds(0, 1),
                 "as float": _bounds(0.1, 0.2), "beyond": _bounds(-(10**20), 10**20), "end": _bounds(None, Decimal("99999999.99"), open_high=True)},
    "wide_decimals": {"38 digits": _bounds(None, Decimal("9" * 37 + "8")), "exclusive": _bounds(None, Decimal("9" * 38), open_high=True), "a fraction": _bounds(Decimal("1.5"))},
    "texts": {"letters": _bounds("a", "b"), "code points": _bounds("é", None), "empty": _bounds("", ""), "quotes": _bounds("'", '"{{ x }}'),
              "above empty": _bounds("", None, open_low=True), "astral": _bounds("日本", "😀")},
    "dates": {"dates": _bounds(date(2013, 1, 1), date(2020, 1, 1)), "moments": _bounds(datetime(2012, 12, 31, 12), datetime(2013, 1, 1)),  # noqa: DTZ001
              "exclusive": _bounds(date(2013, 1, 1), None, open_low=True)},
    "timestamps": {"dates": _bounds(date(2013, 1, 1), date(2013, 1, 2)), "microseconds": _bounds(datetime(2013, 1, 1, 0, 0, 0, 1), None),  # noqa: DTZ001
                   "exclusive date": _bounds(None, date(2013, 1, 1), open_high=True), "zoned": _bounds(None, datetime(2013, 1, 1, 12, tzinfo=UTC), open_high=True)},
    "zoned_timestamps": {"zoned": _bounds(datetime(2013, 1, 1, tzinfo=UTC), None), "naive": _bounds(datetime(2013, 1, 1), None),  # noqa: DTZ001
                         "date": _bounds(date(2013, 1, 1), date(2013, 1, 1)), "clock": _bounds(None, NOW)},
    "times": {"noon": _bounds(time(12), time(13))}, "enums": {"as texts": _bounds("it", "lower")}, "uuids": {"as texts": _bounds("0", "1")},
}  # fmt: skip


def _ranges() -> Iterator[Case]:
    for table, ranges in _RANGES.items():
        for name, bounds in ranges.items():
            yield Case(table=table, name=name, check=m.Range(column="a", bounds=bounds))
    yield Case(
        table="wide_decimals",
        name="38 places",
        check=m.Range(column="b", bounds=_bounds(Decimal("0." + "0" * 37 + "1"), Decimal("0.5"), open_low=True)),
    )
    yield Case(
        table="wide_decimals",
        name="28.10 and 10.28",
        check=m.Range(column="c", bounds=_bounds(Decimal("0.1234567890123456789012345678"), 10**27)),
    )
    yield Case(table="small_integers", name="unsigned", check=m.Range(column="e", bounds=_bounds(-1, 2**64 - 2)))
    for unit in ("s", "ms", "ns"):
        yield Case(table="timestamp_units", name=unit, check=m.Range(column=unit, bounds=_bounds(None, datetime(2013, 1, 1, 6))))  # noqa: DTZ001
    for table, (column, bounds) in product(
        ("all_null", "empty", "one_row"),
        (("id", _bounds(2)), ("x", _bounds(None, 1)), ("d", _bounds(Decimal("1.5"))), ("day", _bounds(date(2014, 1, 1)))),
    ):
        yield Case(table=table, name=column, check=m.Range(column=column, bounds=bounds))


_PATTERNS = {
    "search": "b", "anchored": "^abc$", "start": "^a", "end of text, not of line": "c$", "empty": "", "empty text only": "^$", "digits are ASCII": r"^\d+$",
    "words are ASCII": r"^\w+$", "spaces": r"\s", "quote": "'", "two quotes": "''", "double quote": '"', "backslash": r"\\", "dollar brace": r"\$\{x\}",
    "braces": r"\{\{ x \}\}", "percent": "%", "like wildcards": "_", "counted": "^x{1000}$", "dot is no line feed": "^abc.def$", "any": "(?s)^.*$",
    "ignore case": "(?i)^ABC$", "alternatives": "^(a|it's)$", "literal dot": r"a\.c", "class": r"^[^a-z\\']+$", "non-ASCII": "^[é日😀]", "one code point": "^.$",
    "comment": "--", "semicolon": ";", "line feed": r"\n", "tab": "\t", "multi-line": "(?m)^def$", "named": "^(?P<first>a)", "lazy": "^a.*?c$", "hex": r"\x41",
    "percent s": "%s", "hash": "#", "question": r"\?", "template": "{{ x }}", "look-ahead": "a(?=b)", "look-behind": "(?<=a)b", "back-reference": r"(a)\1", "injection": "'; DROP TABLE batch; --",
}  # fmt: skip


def _texts() -> Iterator[Case]:
    for name, pattern in _PATTERNS.items():
        yield Case(table="texts", name=name, check=m.Pattern(column="a", pattern=pattern))
        yield Case(table="texts", name=f"not {name}", check=m.Pattern(column="a", pattern=pattern, negate=True))
    for table, column in (("enums", "a"), ("uuids", "a"), ("all_null", "t"), ("empty", "t"), ("one_row", "t"), ("large", "t")):
        yield Case(table=table, name=column, check=m.Pattern(column=column, pattern="^(v[0-9]+|low|0+-)"))
        yield Case(table=table, name=column, check=m.Length(column=column, min=2, max=3))
    lengths = {
        "one": (1, 1),
        "at least": (2, None),
        "at most": (None, 3),
        "none": (0, 0),
        "no bound": (None, None),
        "combining": (2, 2),
        "long": (999, 1000),
        "inverted": (3, 2),
    }
    for name, (low, high) in lengths.items():
        yield Case(table="texts", name=name, check=m.Length(column="a", min=low, max=high))


def _rows_of_other_kinds() -> Iterator[Case]:
    same = (
        ("i", "j"),
        ("x", "y"),
        ("d", "e"),
        ("t", "u"),
        ("day", "at"),
        ("at", "z"),
        ("day", "z"),
        ("i", "d"),
        ("i", "x"),
        ("i", "i"),
        ("x", "d"),
    )
    for (left, right), operator in product(same, m.Operator):
        yield Case(
            table="pairs", name=f"{left}{operator}{right}", check=m.ColumnComparison(left=left, operator=operator, right=right)
        )
    yield Case(table="empty", name="empty", check=m.ColumnComparison(left="at", operator=m.Operator.LE, right="z"))
    yield Case(table="all_null", name="all NULL", check=m.ColumnComparison(left="id", operator=m.Operator.EQ, right="id"))
    word = "words 'n' \"more\".csv"
    lookups = {
        "integers": ("integers", "a", "numbers.parquet", "a"), "narrow integers": ("small_integers", "c", "numbers.parquet", "a"),
        "huge": ("huge_integers", "a", "numbers.parquet", "a"), "texts": ("texts", "a", word, "the word"), "floats": ("floats", "a", "floats.parquet", "a"),
        "scales": ("decimals", "a", "decimals.parquet", "a"), "nothing there": ("integers", "a", "nothing.parquet", "a"), "only NULL there": ("integers", "a", "only_nulls.parquet", "a"),
        "nothing here": ("empty", "id", "numbers.parquet", "a"), "all NULL here": ("all_null", "id", "numbers.parquet", "a"), "large": ("large", "k", "numbers.parquet", "a"),
        "a quoted name": ("names", 'double"quote', "numbers.parquet", "a"), "a template's name": ("names", "{{ jinja }}", "numbers.parquet", "a"),
    }  # fmt: skip
    for name, (table, column, dataset, theirs) in lookups.items():
        yield Case(table=table, name=name, check=m.Reference(columns=(column,), dataset=dataset, reference_columns=(theirs,)))
    yield Case(
        table="keys", name="compound", check=m.Reference(columns=("a", "b"), dataset="pairs.json", reference_columns=("p", "q"))
    )
    for column, direction, strict, order in product(
        ("n", "up", "flat", "down", "x", "at", "t"), m.Direction, (False, True), (None, "o", "t")
    ):
        name = f"{column} {direction}{' strict' if strict else ''}{f' by {order}' if order else ''}"
        yield Case(table="lines", name=name, check=m.Monotonic(column=column, direction=direction, strict=strict, order_by=order))
    for table, column in (
        ("empty", "id"),
        ("all_null", "at"),
        ("one_row", "d"),
        ("large", "n"),
        ("large", "x"),
        ("large", "k"),
        ("decimals", "a"),
        ("integers", "a"),
    ):
        yield Case(table=table, name=column, check=m.Monotonic(column=column))


def _names() -> Iterator[Case]:
    """Every check that names a column, on every awkward name."""
    for i, name in enumerate(NAMES):
        key = (
            f"{i} {name[:20]}".encode("ascii", "backslashreplace")
            .decode()
            .replace("\n", "\\n")
            .replace("\t", "\\t")
            .replace("/", "|")
        )
        checks: tuple[m.CanonicalCheck, ...] = (
            m.NotNull(column=name), m.Unique(columns=(name,)), m.AcceptedValues(column=name, values=(1, 7)), m.RejectedValues(column=name, values=(2,)),
            m.Range(column=name, bounds=_bounds(1, 5)), m.Completeness(column=name, min_percent=Decimal(90), missing_values=(7,)),
            m.ColumnComparison(left=name, operator=m.Operator.EQ, right=NAMES[i - 1]), m.Monotonic(column=name), m.ColumnType(column=name, type="integer"),
            m.Aggregate(column=name, function=m.AggregateFunction.SUM, bounds=_VAST),
            m.Drift(metric=m.DriftMetric.NULL_PERCENT, column=name, threshold=Decimal(3)),
        )  # fmt: skip
        for check in checks:
            yield Case(table="names", name=key, check=check)
    yield Case(table="names", name="all", check=m.Schema(columns=NAMES, allow_unexpected=False, ordered=True))


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
        yield Case(table=table, name=name, check=m.MetricQuery(query=query, bounds=_VAST), figures=Expected(value=value))


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
        yield Case(table=table, name=f"{column} {function}", check=m.Aggregate(column=column, function=function, bounds=_VAST))
    for (table, column), quantile in product(_NUMBERS, ("0", "0.1", "0.25", "0.9", "1")):
        check = m.Aggregate(column=column, function=f.QUANTILE, quantile=Decimal(quantile), bounds=_VAST)
        yield Case(table=table, name=f"{column} {quantile}", check=check)
    narrow = {
        "exclusive": _bounds(0, 5, open_low=True, open_high=True),
        "one-sided": _bounds(1),
        "no bound": _bounds(),
        "one number": _bounds(11, 11),
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
    yield Case(table="integers", name="window", check=m.RowCount(bounds=_bounds(1), window_hours=Decimal(24)))
    for function in (f.MIN, f.MAX):
        yield Case(
            table="texts", name=f"text {function}", check=m.Aggregate(column="a", function=function, bounds=_bounds("", "é"))
        )
        yield Case(
            table="enums", name=f"enum {function}", check=m.Aggregate(column="a", function=function, bounds=_bounds("a", "z"))
        )
        yield Case(
            table="times",
            name=f"time {function}",
            check=m.Aggregate(column="a", function=function, bounds=_bounds(time(0), time(12))),
        )
    years = _bounds(date(1, 1, 1), date(9999, 12, 31))
    for (table, column), function in product(_MOMENTS, (f.MIN, f.MAX)):
        yield Case(table=table, name=f"{column} {function}", check=m.Aggregate(column=column, function=function, bounds=years))
    for table, column in (*_MOMENTS, ("fresh", "day"), ("fresh", "at"), ("fresh", "z"), ("fresh", "never")):
        yield Case(table=table, name=column, check=m.Freshness(column=column, max_age_hours=Decimal(2)))
    for function in (f.MIN, f.MAX):
        yield Case(table="vast_floats", name=str(function), check=m.Aggregate(column="a", function=function, bounds=_bounds()))
    yield Case(table="vast_floats", name="below", check=m.Range(column="a", bounds=_bounds(None, Decimal("1e307"))))
    for table in ("integers", "empty", "all_null", "one_row", "large", "names"):
        yield Case(table=table, name="rows", check=m.RowCount(bounds=_VAST))
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

CASES: tuple[Case, ...] = tuple(
    case
    for family in (
        _row_cases,
        _compound_keys,
        _value_sets,
        _ranges,
        _texts,
        _rows_of_other_kinds,
        _names,
        _sql,
        _datasets,
        _schemas,
    )
    for case in family()
)
"""Every case, in a fixed order; IDs are unique."""

SAMPLES: dict[str, m.CanonicalCheck] = {
    case.check.type_name: case.check
    for case in reversed(CASES)
    if case.table in {"integers", "texts", "pairs", "one_row", "lines", "keys", "fresh"}
}
"""One of each canonical check, by name."""
