"""Soda's figures from the run's one scan are those that Soda finds by asking the batch itself, whatever the data and the metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sluicegate.checks.contract_check import Json
from sluicegate.checks.questions import Question, Unanswered
from sluicegate.ports.engine import RunContext
from sluicegate.testing.batches import MemoryBatch
from tests.unit.engines.soda_cases import CONTEXT, run

_QUIET = RunContext(now=CONTEXT.now, evidence_rows=0)
_COLUMNS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "i": ("BIGINT", st.sampled_from([None, 0, 1, 2, -3, 2**62, -(2**62)])),
    "x": ("DOUBLE", st.sampled_from([None, "0.0", "-0.0", "1.5", "nan", "inf", "-inf", "1e300"])),
    "s": ("VARCHAR", st.sampled_from([None, "", "a", "A", "ab", "it''s", "ß", "${x}", "%", "1"])),
    "order": ("DATE", st.sampled_from([None, "2026-01-01", "1969-12-31", "0001-01-01"])),
    "Zoned": ("TIMESTAMPTZ", st.sampled_from([None, "2026-01-01 11:00:00+00", "2025-12-31 23:59:59.999999+02"])),
}
_COUNTED = ("missing_count", "missing_percent", "duplicate_count", "duplicate_percent", "valid_count", "invalid_count", "invalid_percent")  # fmt: skip
_SETTINGS: dict[str, tuple[Json, ...]] = {
    "valid values": (["a", "it's"], ["%"]), "invalid values": (["a"], ["", "ß"]), "valid regex": ("^[a-z]+$", "'"), "invalid regex": ("a", "^$"),
    "missing values": (["a"], ["", "1"]), "missing regex": ("^$",), "valid length": (1,), "valid min length": (1,), "valid max length": (1, 2),
    "include null": (True,), "filter": ("i > 0", "x = x -- all but NULL", "s IN ('a', 'it''s')", "i % 2 = 0"),
}  # fmt: skip
_THRESHOLD = st.sampled_from(["= 0", "> 1", "< 50", "!= 1", "between 0 and 2", "not between -1 and 1"])


@st.composite
def batches(draw: st.DrawFn) -> MemoryBatch:
    """Up to eight rows of awkward values."""
    rows = draw(st.lists(st.tuples(*(values for _, values in _COLUMNS.values())), max_size=8))
    cells = [", ".join("NULL" if cell is None else f"'{cell}'" for cell in row) for row in rows]
    names = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, (kind, _) in _COLUMNS.items())
    listed = ", ".join(f'"{name}"' for name in _COLUMNS)
    none = f"SELECT {', '.join('NULL' for _ in _COLUMNS)} WHERE FALSE"
    return MemoryBatch(f"SELECT {names} FROM ({' UNION ALL '.join(f'SELECT {row}' for row in cells) or none}) AS t({listed})")


@st.composite
def bodies(draw: st.DrawFn) -> Json:
    """A check of one metric, which may be one that Soda can't evaluate."""
    column = draw(st.sampled_from(["i", "x", "s", "S", '"order"', '"Zoned"', "zoned"]))
    threshold = draw(_THRESHOLD)
    kind = draw(st.sampled_from(["counted", "counted", "counted", "aggregate", "rows", "own", "fresh", "failed"]))
    if kind == "aggregate":
        name = draw(st.sampled_from(["min", "max", "avg", "sum", "stddev", "var_pop", "min_length", "avg_length"]))
        settings_ = draw(_chosen(("filter",)))
    elif kind == "counted":
        name = draw(st.sampled_from(_COUNTED))
        keys = (
            ("filter",)
            if name.startswith("dup")
            else tuple(_SETTINGS)
            if "valid" in name
            else ("missing values", "missing regex", "filter")
        )
        settings_ = draw(_chosen(keys))
    elif kind == "rows":
        return {f"row_count {threshold}": draw(_chosen(("filter",)))}
    elif kind == "own":
        return {f"n {threshold}": {"n expression": draw(st.sampled_from(["max(i) - min(i)", "count(DISTINCT s) -- texts", "sum(x)", "count(*) FILTER (WHERE i > 0)", "i"]))}}  # fmt: skip
    elif kind == "fresh":
        return f"freshness({column}) < 2h"
    else:
        return {"failed rows": {"fail condition": draw(st.sampled_from(["i > 0", "x <> x", "s = 'a' -- one", "x > 'b'"]))}}
    return {f"{name}({column}) {threshold}": settings_}


@st.composite
def _chosen(draw: st.DrawFn, keys: Sequence[str]) -> dict[str, Json]:
    """At most two settings: most often none."""
    return {key: draw(st.sampled_from(_SETTINGS[key])) for key in draw(st.lists(st.sampled_from(keys), max_size=2))}


class _Silent:
    """A batch that answers no question, so that Soda asks the connection."""

    def __init__(self, batch: MemoryBatch) -> None:
        self._batch = batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        return tuple(Unanswered("nothing is answered here") for _ in questions)


@settings(max_examples=40)
@given(batches(), st.lists(bodies(), min_size=4, max_size=10))
def test_soda_finds_the_same_in_the_answers_as_in_the_batch(batch: MemoryBatch, checks: list[Json]) -> None:
    silent: Any = _Silent(batch)
    for body, found in zip(checks, run(*checks, on=batch, context=_QUIET), strict=True):
        (own,) = run(body, on=silent, context=_QUIET)
        seen, wanted = (repr((each.native, each.value, each.rows, each.failing, bool(each.error))) for each in (found, own))
        assert seen == wanted, (body, found, own)
