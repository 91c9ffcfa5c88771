"""Awkward tables for the conformance suites: what real batches hold and naive engines trip over.

Each is a SELECT in DuckDB's SQL, to be opened with ``MemoryBatch``; ``NAMES`` are column names that nobody quotes rightly by luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluicegate.checks.sqltext import identifier, literal
from sluicegate.testing.batches import MemoryBatch

__all__ = ["NAMES", "REFERENCES", "TABLES", "TEXTS", "open_table", "select"]

NAMES: tuple[str, ...] = (
    "select", "order", "group", "table", "column", "batch", "index", "count", "Upper", "camelCase", "a b", " padded ",
    'double"quote', '"', "single'quote", "dot.ted", "100%", "%s", "%(x)s", "{braces}", "{{ jinja }}", "{% raw %}", "${VAR}", "$x",
    "ünïcödé", "e\u0301", "日本語", "😀", "a;b", "-- comment", "/* x */", "back\\slash", "count(*)", "1st", "a,b", "a=b", "a:b", "#hash",
    "[brackets]", "(parens)", "line\nbreak", "tab\tstop", "true", "null", "?", ":bind", "@at", "~", "min(a)", "row_count", "a" * 200,
)  # fmt: skip
"""Column names: reserved words, quotes, templates' braces, unicode, and one very long."""

TEXTS: tuple[str | None, ...] = (
    "", " ", "a", "A", "abc", "ABC", "abc\n", "\nabc", "abc\ndef", "it's", '"quoted"', "back\\slash", "\\", "'", "''", "${x}", "{{ x }}",
    "{% x %}", "%s", "%", "_", "a.c", "a*c", "é", "e\u0301", "ß", "İ", "日本語", "😀", "👍🏽", "0", "1", "007", "1.0", "NULL", "null", "None",
    "nan", "true", ";", "--", "'; DROP TABLE batch; --", "tab\t", "a b", "x" * 1000, None, None, "a",
)  # fmt: skip
"""Texts: empty, quotes, backslashes, templates, combining and astral characters, words that other types go by."""


def select(columns: Mapping[str, str], rows: Sequence[Sequence[str]]) -> str:
    """A SELECT of these rows.

    Args:
        columns: name -> SQL type.
        rows: SQL text of each cell.
    """

    def line(cells: Sequence[str]) -> str:
        typed = (
            f"CAST({cell} AS {native}) AS {identifier(name)}" for cell, (name, native) in zip(cells, columns.items(), strict=True)
        )
        return "SELECT " + ", ".join(typed)

    if not rows:
        return line(["NULL"] * len(columns)) + " WHERE FALSE"
    return " UNION ALL ".join(line(row) for row in rows)


def _single(native: str, *cells: str, name: str = "a") -> str:
    return select({name: native}, [[cell] for cell in cells])


def _names() -> str:
    numbers = [str(i) if i else "NULL" for i in (1, 2, 2, 0, 7)]
    return select(dict.fromkeys(NAMES, "INTEGER"), [[number] * len(NAMES) for number in numbers])


_MIXED = {
    "id": "BIGINT",
    "x": "DOUBLE",
    "d": "DECIMAL(10,2)",
    "t": "VARCHAR",
    "day": "DATE",
    "at": "TIMESTAMP",
    "z": "TIMESTAMPTZ",
    "ok": "BOOLEAN",
}

TABLES: dict[str, str] = {
    "integers": _single("BIGINT", "1", "2", "2", "NULL", "0", "-5", "9007199254740991", "9007199254740992", "9007199254740993",
                        "9223372036854775807", "'-9223372036854775808'"),
    "small_integers": select(
        {"a": "TINYINT", "b": "SMALLINT", "c": "INTEGER", "d": "UTINYINT", "e": "UBIGINT"},
        [["127", "32767", "2147483647", "255", "'18446744073709551615'"], ["-128", "-32768", "-2147483648", "0", "0"], ["NULL"] * 5, ["1"] * 5, ["1"] * 5],
    ),
    "huge_integers": _single("HUGEINT", "'170141183460469231731687303715884105727'", "'-170141183460469231731687303715884105728'",
                             "9223372036854775808", "9223372036854775808", "NULL", "0"),
    "floats": _single("DOUBLE", "0.1", "0.2", "'0.30000000000000004'", "0.3", "'nan'", "'nan'", "'inf'", "'-inf'", "'-0.0'", "0.0", "NULL",
                      "'5e-324'", "9007199254740992", "-1.5"),
    "vast_floats": _single("DOUBLE", "'1e308'", "'-1e308'", "NULL", "0"),
    "finite_floats": _single("DOUBLE", "0.1", "0.2", "'0.30000000000000004'", "'-0.0'", "0.0", "NULL", "-1.5", "1e10", "2.5"),
    "infinite_floats": _single("DOUBLE", "1", "'inf'", "NULL", "2"),
    "narrow_floats": _single("FLOAT", "0.1", "0.1", "0.2", "NULL", "'nan'", "'inf'", "16777216", "'-0.0'", "1.5"),
    "finite_narrow_floats": _single("FLOAT", "0.1", "0.2", "NULL", "-1.5", "16777216"),
    "decimals": _single("DECIMAL(10,2)", "0.10", "0.10", "0.20", "NULL", "-1.50", "99999999.99", "0.00"),
    "few_decimals": _single("DECIMAL(4,1)", "0.1", "0.2", "NULL"),
    "wide_decimals": select(
        {"a": "DECIMAL(38,0)", "b": "DECIMAL(38,38)", "c": "DECIMAL(38,10)"},
        [["'99999999999999999999999999999999999999'", "'0.99999999999999999999999999999999999999'", "'999999999999999999999999999.9999999999'"],
         ["'99999999999999999999999999999999999998'", "'0.00000000000000000000000000000000000001'", "'0.0000000001'"],
         ["NULL", "NULL", "NULL"], ["1", "'0.1'", "1"], ["1", "'0.1'", "1"]],
    ),
    "texts": select({"a": "VARCHAR", "n": "INTEGER"}, [[literal(text), str(i)] for i, text in enumerate(TEXTS)]),
    "dates": _single("DATE", "'2013-01-01'", "'2013-01-01'", "'2012-12-31'", "NULL", "'1970-01-01'", "'0001-01-01'", "'9999-12-31'", "'2024-02-29'"),
    "timestamps": _single("TIMESTAMP", "'2013-01-01 00:00:00'", "'2013-01-01 00:00:00.000001'", "'2013-01-01 12:00:00'", "'2013-01-01 12:00:00'",
                          "NULL", "'1969-12-31 23:59:59.999999'", "'2026-01-01 11:00:00'"),
    "zoned_timestamps": _single("TIMESTAMPTZ", "'2013-01-01 00:00:00+00'", "'2013-01-01 01:00:00+01'", "'2013-01-01 00:00:00+01'", "NULL",
                                "'2026-01-01 11:30:00+00'", "'2012-12-31 19:00:00-05'"),
    "timestamp_units": select(
        {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "ns": "TIMESTAMP_NS"},
        [["'2013-01-01 00:00:00'"] * 3, ["'2013-01-01 12:00:00'"] * 3, ["NULL"] * 3, ["'2013-01-01 12:00:00'"] * 3],
    ),
    "times": _single("TIME", "'00:00:00'", "'12:30:00'", "'12:30:00'", "'23:59:59.999999'", "NULL"),
    "booleans": _single("BOOLEAN", "TRUE", "FALSE", "NULL", "TRUE"),
    "nested": "SELECT * FROM (VALUES (1, [1, NULL], {'k': 1, 'v': NULL}, MAP {'a': 1}), (2, NULL, NULL, NULL), (NULL, [], {'k': 2, 'v': 'x'}, MAP {}))"
              " AS t(id, l, s, m)",
    "enums": "SELECT CAST(a AS ENUM('low', 'high', 'it''s')) AS a FROM (VALUES ('low'), ('high'), ('high'), (NULL), ('it''s')) AS t(a)",
    "uuids": "SELECT CAST(a AS UUID) AS a FROM (VALUES ('00000000-0000-0000-0000-000000000001'), ('00000000-0000-0000-0000-000000000001'), (NULL),"
             " ('ffffffff-ffff-ffff-ffff-ffffffffffff')) AS t(a)",
    "blobs": _single("BLOB", "'\\x00\\xFF'", "NULL", "''"),
    "all_null": select(_MIXED, [["NULL"] * len(_MIXED)] * 3),
    "empty": select(_MIXED, []),
    "one_row": select(_MIXED, [["1", "1.5", "1.50", "'a'", "'2013-01-01'", "'2013-01-01 10:00:00'", "'2013-01-01 10:00:00+00'", "TRUE"]]),
    "names": _names(),
    "keys": select(
        {"a": "INTEGER", "b": "VARCHAR", "x": "DOUBLE"},
        [["1", "'x'", "0.5"], ["1", "'x'", "0.5"], ["1", "'y'", "'nan'"], ["1", "'y'", "'nan'"], ["1", "NULL", "0.0"], ["1", "NULL", "'-0.0'"],
         ["NULL", "NULL", "NULL"], ["2", "'x'", "1"], ["NULL", "'x'", "1"], ["3", "''", "NULL"], ["3", "''", "2"], ["3", "' '", "2"]],
    ),
    "pairs": select(
        {"i": "BIGINT", "j": "BIGINT", "x": "DOUBLE", "y": "DOUBLE", "d": "DECIMAL(10,2)", "e": "DECIMAL(12,4)", "t": "VARCHAR", "u": "VARCHAR",
         "day": "DATE", "at": "TIMESTAMP", "z": "TIMESTAMPTZ"},
        [["1", "2", "0.1", "0.1", "0.10", "0.1000", "'a'", "'b'", "'2013-01-01'", "'2013-01-01 00:00:00'", "'2013-01-01 00:00:00+00'"],
         ["2", "2", "'nan'", "'nan'", "0.10", "0.1001", "'b'", "'b'", "'2013-01-02'", "'2013-01-01 23:00:00'", "'2013-01-01 23:00:00+00'"],
         ["3", "2", "'nan'", "1", "1.00", "0.9999", "'B'", "'b'", "'2013-01-01'", "'2013-01-02 00:00:00'", "'2013-01-02 01:00:00+01'"],
         ["NULL", "2", "1", "'nan'", "NULL", "1", "NULL", "'b'", "NULL", "'2013-01-02 00:00:00'", "NULL"],
         ["2", "NULL", "'inf'", "'inf'", "1", "NULL", "''", "''", "'2013-01-01'", "NULL", "'2013-01-01 00:00:00+01'"],
         ["9007199254740993", "9007199254740992", "0.0", "'-0.0'", "0", "0", "'é'", "'e\u0301'", "'2013-01-01'", "'2012-12-31 23:59:59'",
          "'2013-01-01 00:00:00+00'"],
         ["NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"]],
    ),
    "lines": select(
        {"n": "INTEGER", "up": "INTEGER", "flat": "INTEGER", "down": "DECIMAL(6,1)", "x": "DOUBLE", "at": "TIMESTAMP", "t": "VARCHAR", "o": "INTEGER"},
        [["1", "1", "5", "9.5", "1", "'2013-01-01 00:00:00'", "'a'", "3"], ["2", "2", "5", "9.4", "'nan'", "'2013-01-01 00:00:01'", "'b'", "1"],
         ["3", "NULL", "5", "NULL", "2", "NULL", "'B'", "2"], ["4", "3", "4", "9.4", "'inf'", "'2013-01-01 00:00:01'", "NULL", "NULL"],
         ["5", "3", "NULL", "9.0", "NULL", "'2013-01-01 00:00:00.5'", "'é'", "5"], ["6", "7", "6", "10.0", "'-inf'", "'2013-01-02'", "'e'", "4"]],
    ),
    "large": "SELECT i AS n, i % 1000 AS k, CASE WHEN i % 7 = 0 THEN NULL ELSE 'v' || (i % 100) END AS t, CAST(i AS DOUBLE) / 3 AS x,"
             " CAST(CAST(i AS DECIMAL(9,3)) * 0.001 AS DECIMAL(18,3)) AS d FROM range(5000) AS r(i)",
    "fresh": select(
        {"day": "DATE", "at": "TIMESTAMP", "z": "TIMESTAMPTZ", "never": "TIMESTAMP"},
        [["'2025-12-31'", "'2026-01-01 10:00:00'", "'2026-01-01 12:30:00+01'", "NULL"], ["NULL"] * 4,
         ["'2025-12-30'", "'2026-01-01 09:59:59.999999'", "'2026-01-01 12:00:00+01'", "NULL"]],
    ),
    "offsets": _single("DOUBLE", "1000000000.1", "1000000000.2", "1000000000.3", "1000000000.4"),
}  # fmt: skip
"""Table -> the SELECT of its rows."""

REFERENCES: dict[str, str] = {
    "numbers.parquet": _single("BIGINT", "1", "2", "2", "NULL", "9223372036854775807"),
    "words 'n' \"more\".csv": select({"the word": "VARCHAR"}, [[literal(word)] for word in ("a", "it's", "", "é", None)]),
    "pairs.json": select(
        {"p": "INTEGER", "q": "VARCHAR"}, [["1", "'x'"], ["2", "'y'"], ["NULL", "'x'"], ["3", "NULL"], ["3", "''"]]
    ),
    "floats.parquet": _single("DOUBLE", "0.1", "'nan'", "0.0"),
    "decimals.parquet": _single("DECIMAL(6,3)", "0.100", "-1.5"),
    "nothing.parquet": _single("BIGINT", "1") + " WHERE FALSE",
    "only_nulls.parquet": _single("BIGINT", "NULL"),
}
"""Dataset that a ``reference`` check may name -> the SELECT of its rows. Every table is opened with all of them."""


def open_table(name: str) -> MemoryBatch:
    """One of ``TABLES`` as an engine sees a batch."""
    return MemoryBatch(TABLES[name], REFERENCES)
