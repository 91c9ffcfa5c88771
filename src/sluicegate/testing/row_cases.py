"""Conformance cases of the row-level checks, by what is awkward in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import product

from sluicegate.checks import model as m
from sluicegate.checks.values import Scalar
from sluicegate.testing.case import NOW, VAST, Case, interval
from sluicegate.testing.data import NAMES, TEXTS
from sluicegate.testing.oracle import Expected

__all__ = ["ROW_CASES"]


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
            distinct = m.Aggregate(column=column, function=m.AggregateFunction.DISTINCT_COUNT, bounds=VAST)
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
        "many": (math.nan, -0.0, Decimal("0.1"), *range(3, 20)),
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
        "many": tuple(text for text in TEXTS if text not in {None, "a", "", "é", "'"}), "many with None": (*"abcdefghijklmnop", None, "''"),
    },
    "dates": {"dates": (date(2013, 1, 1), date(9999, 12, 31)), "midnight": (datetime(2013, 1, 1),), "noon is no date": (datetime(2013, 1, 1, 12),)},  # noqa: DTZ001
    "timestamps": {"dates are midnight": (date(2013, 1, 1),), "microseconds": (datetime(2013, 1, 1, 0, 0, 0, 1),),  # noqa: DTZ001
                   "zoned": (datetime(2013, 1, 1, 12, tzinfo=UTC),)},
    "zoned_timestamps": {"zoned": (datetime(2013, 1, 1, tzinfo=UTC),), "naive is UTC": (datetime(2013, 1, 1),), "date": (date(2013, 1, 1),)},  # noqa: DTZ001
    "times": {"noon": (time(12, 30),)},
    "booleans": {"true": (True,), "both": (True, False), "false and None": (False, None)},
    "enums": {"known": ("low", "it's"), "unknown": ("low", "other"), "many": ("low", *"abcdefghijklmnop")},
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
        "closed": interval(0, 2), "open": interval(0, 2, open_low=True, open_high=True), "no lower end": interval(None, 9007199254740992),
        "exclusive near 2^53": interval(None, 9007199254740993, open_high=True), "no bound": interval(), "fractions": interval(Decimal("0.5"), Decimal("2.5")),
        "ends": interval(-(2**63), 2**63 - 1), "inside the ends": interval(-(2**63), 2**63 - 1, open_low=True, open_high=True),
        "beyond": interval(-(10**40), 10**40), "inverted": interval(2, 1), "many places": interval(Decimal("0." + "1" * 37), None), "infinite": interval(-math.inf, math.inf),
    },
    "small_integers": {"beyond the type": interval(-1000, 126), "fractions": interval(Decimal("-127.5"), None)},
    "huge_integers": {"2^63": interval(2**63, None), "past 2^63": interval(2**63, None, open_low=True), "a fraction": interval(Decimal("0.5"), None),
                      "ends": interval(-(2**127), 2**127 - 1, open_low=True, open_high=True)},
    "floats": {"tenths": interval(Decimal("0.1"), Decimal("0.3")), "open tenths": interval(Decimal("0.1"), Decimal("0.3"), open_low=True, open_high=True),
               "no bound": interval(), "at zero": interval(0, None), "above zero": interval(0, None, open_low=True), "infinite": interval(-math.inf, math.inf),
               "finite": interval(-math.inf, math.inf, open_low=True, open_high=True), "large": interval(None, 9007199254740993), "upper end only": interval(None, 10)},
    "narrow_floats": {"tenths": interval(Decimal("0.1"), Decimal("0.2")), "large": interval(None, 16777217, open_high=True), "lower end": interval(0)},
    "decimals": {"0.1": interval(Decimal("0.1"), Decimal("0.2")), "finer": interval(Decimal("0.101"), Decimal("0.1999")), "integers": interval(0, 1),
                 "as float": interval(0.1, 0.2), "beyond": interval(-(10**20), 10**20), "end": interval(None, Decimal("99999999.99"), open_high=True)},
    "wide_decimals": {"38 digits": interval(None, Decimal("9" * 37 + "8")), "exclusive": interval(None, Decimal("9" * 38), open_high=True), "a fraction": interval(Decimal("1.5"))},
    "texts": {"letters": interval("a", "b"), "code points": interval("é", None), "empty": interval("", ""), "quotes": interval("'", '"{{ x }}'),
              "above empty": interval("", None, open_low=True), "astral": interval("日本", "😀")},
    "dates": {"dates": interval(date(2013, 1, 1), date(2020, 1, 1)), "moments": interval(datetime(2012, 12, 31, 12), datetime(2013, 1, 1)),  # noqa: DTZ001
              "exclusive": interval(date(2013, 1, 1), None, open_low=True)},
    "timestamps": {"dates": interval(date(2013, 1, 1), date(2013, 1, 2)), "microseconds": interval(datetime(2013, 1, 1, 0, 0, 0, 1), None),  # noqa: DTZ001
                   "exclusive date": interval(None, date(2013, 1, 1), open_high=True), "zoned": interval(None, datetime(2013, 1, 1, 12, tzinfo=UTC), open_high=True)},
    "zoned_timestamps": {"zoned": interval(datetime(2013, 1, 1, tzinfo=UTC), None), "naive": interval(datetime(2013, 1, 1), None),  # noqa: DTZ001
                         "date": interval(date(2013, 1, 1), date(2013, 1, 1)), "clock": interval(None, NOW)},
    "times": {"noon": interval(time(12), time(13))}, "enums": {"as texts": interval("it", "lower")}, "uuids": {"as texts": interval("0", "1")},
}  # fmt: skip


def _ranges() -> Iterator[Case]:
    for table, ranges in _RANGES.items():
        for name, bounds in ranges.items():
            yield Case(table=table, name=name, check=m.Range(column="a", bounds=bounds))
    yield Case(
        table="wide_decimals",
        name="38 places",
        check=m.Range(column="b", bounds=interval(Decimal("0." + "0" * 37 + "1"), Decimal("0.5"), open_low=True)),
    )
    yield Case(
        table="wide_decimals",
        name="28.10 and 10.28",
        check=m.Range(column="c", bounds=interval(Decimal("0.1234567890123456789012345678"), 10**27)),
    )
    yield Case(table="small_integers", name="unsigned", check=m.Range(column="e", bounds=interval(-1, 2**64 - 2)))
    for unit in ("s", "ms", "ns"):
        yield Case(table="timestamp_units", name=unit, check=m.Range(column=unit, bounds=interval(None, datetime(2013, 1, 1, 6))))  # noqa: DTZ001
    for table, (column, bounds) in product(
        ("all_null", "empty", "one_row"),
        (("id", interval(2)), ("x", interval(None, 1)), ("d", interval(Decimal("1.5"))), ("day", interval(date(2014, 1, 1)))),
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
            m.Range(column=name, bounds=interval(1, 5)), m.Completeness(column=name, min_percent=Decimal(90), missing_values=(7,)),
            m.ColumnComparison(left=name, operator=m.Operator.EQ, right=NAMES[i - 1]), m.Monotonic(column=name), m.ColumnType(column=name, type="integer"),
            m.Aggregate(column=name, function=m.AggregateFunction.SUM, bounds=VAST),
            m.Drift(metric=m.DriftMetric.NULL_PERCENT, column=name, threshold=Decimal(3)),
        )  # fmt: skip
        for check in checks:
            yield Case(table="names", name=key, check=check)
    yield Case(table="names", name="all", check=m.Schema(columns=NAMES, allow_unexpected=False, ordered=True))


ROW_CASES: tuple[Case, ...] = tuple(
    case
    for family in (_row_cases, _compound_keys, _value_sets, _ranges, _texts, _rows_of_other_kinds, _names)
    for case in family()
)
"""Every case of a row-level check that is no SQL, in a fixed order."""
