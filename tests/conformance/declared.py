"""What our engines can't do alike the reference, each with its reason; ``docs/divergences.md`` is made from this."""

from __future__ import annotations

from sluicegate.testing.engines import Divergence, never, notyet

__all__ = ["DECLARED", "DUCKDB", "GREAT_EXPECTATIONS", "LOOKING_AROUND", "PYTHON", "SODA"]

LOOKING_AROUND = tuple(
    notyet(f"pattern/texts/*{feature}", reason="DuckDB's regular expressions (RE2) have no look-around and no back-references")
    for feature in ("look-ahead", "look-behind", "back-reference")
)
_ARITHMETIC = (
    notyet("aggregate/wide_decimals/b sum", reason="a sum of more than 38 digits is an error in DuckDB", differs=True),
    notyet(
        "aggregate/offsets/a stdev",
        reason="DuckDB's running deviation keeps six digits where the values are large beside their spread",
        differs=True,
    ),
)

DUCKDB: tuple[Divergence, ...] = (*LOOKING_AROUND, *_ARITHMETIC)

SODA: tuple[Divergence, ...] = (
    *LOOKING_AROUND,
    *_ARITHMETIC,
    *(
        never(f"aggregate/*/{kind} m??", reason="its thresholds are numbers: an extreme text has none")
        for kind in ("text", "enum")
    ),
)

GREAT_EXPECTATIONS: tuple[Divergence, ...] = (
    *_ARITHMETIC,
    never("drift/*", reason="it knows no past runs"),
    never("metric_query/*", reason="it has no expectation that holds the value of a query against bounds"),
    never("row_count/*/window", reason="it sees this batch alone, not what was committed before"),
    *(
        never(f"schema/*/{name}", reason="it has no expectation for an order of columns among others")
        for name in ("in order", "out of order", "nothing asked, ordered", "ordered, some optional")
    ),
    notyet("aggregate/*/quantile exclusive", reason="its quantile bounds are inclusive"),
    *(
        notyet(f"aggregate/*/{kind} m??", reason="its expectations of extremes take numbers, dates and timestamps as bounds")
        for kind in ("text", "enum", "time")
    ),
)

PYTHON: tuple[Divergence, ...] = (never("*", reason="it runs rules written in Python, not canonical checks"),)

DECLARED = {"duckdb": DUCKDB, "soda": SODA, "great_expectations": GREAT_EXPECTATIONS, "python": PYTHON}
"""Engine -> what it declares."""
