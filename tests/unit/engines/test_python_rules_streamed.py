"""Rules of one record batch at a time: what they say of all of them together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.ports.engine import NativeOutcome, Result, RunContext
from sluicegate.testing.batches import MemoryBatch
from sluicegate_adapters.engines.python_rules.answers import Answer, Reading, RuleUnclear, read_answer
from sluicegate_adapters.engines.python_rules.engine import PythonEngine
from sluicegate_adapters.engines.python_rules.streamed import answer_in_parts

HEADER = "import pyarrow as pa\nimport pyarrow.compute as pc\nfrom sluicegate.ports.rules import RuleResult\n\nCALLS = []\n\n"
ROWS = 200_000
BATCH = f"SELECT i, CASE WHEN i % 1000 = 7 THEN NULL ELSE i % 50000 = 49999 END AS bad, 'x' AS s FROM range({ROWS}) t(i)"


@pytest.fixture
def rule(tmp_path: Path) -> Callable[..., Result]:
    """Runs the function ``rule`` of some source text on a batch of several record batches."""

    def run(body: str, query: str = BATCH, *columns: str) -> Result:
        name = f"streamed{len(list(tmp_path.glob('*.py')))}"  # a module is imported once
        (tmp_path / f"{name}.py").write_text(
            f"{HEADER}def rule(part: pa.RecordBatch):\n    CALLS.append(part.num_rows)\n    {body}\n"
        )
        promise = NativeCheck(engine="python", kind=f"{name}:rule", body={"columns": list(columns)})
        context = RunContext(now=datetime(2026, 1, 1, tzinfo=UTC), settings={"rules": [str(tmp_path)]}, evidence_rows=3)
        (found,) = PythonEngine().run([ContractCheck(id="c", name="c", promise=promise)], MemoryBatch(query), context)
        return found

    return run


def test_a_mask_of_each_part_is_one_answer_with_the_first_failing_rows_as_evidence(rule: Any) -> None:
    found = rule("return pc.invert(part['bad'])", BATCH, "i", "bad")
    assert (found.error, found.rows, found.failing, found.native) == ("", ROWS - ROWS // 1000, 4, NativeOutcome.FAILED)
    assert found.evidence.columns == ("i", "bad")
    assert found.evidence.rows == ((49_999, True), (99_999, True), (149_999, True))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return True", (None, None, NativeOutcome.PASSED)),
        ("return part['i'][0].as_py() == 0", (None, None, NativeOutcome.FAILED)),
        ("return pc.sum(part['bad'].cast('int64'))", (ROWS, 4, NativeOutcome.FAILED)),
        ("return pa.Table.from_batches([part]).filter(part['bad'])", (ROWS, 4, NativeOutcome.FAILED)),
        ("return RuleResult(failing=1, rows=10)", (10 * 4, 4, NativeOutcome.FAILED)),
        ("return RuleResult(passed=True, message='fine')", (None, None, NativeOutcome.PASSED)),
    ],
)
def test_every_kind_of_answer_adds_up(rule: Any, body: str, expected: tuple[Any, ...]) -> None:
    found = rule(body)
    assert found.error == ""
    assert (found.rows, found.failing, found.native) == expected


def test_a_rule_never_sees_more_than_a_part_and_sees_every_row(rule: Any) -> None:
    found = rule("return RuleResult(passed=len(CALLS) < 4 or (sum(CALLS), max(CALLS) < 70_000) == (200_000, True))")
    assert (found.native, found.error) == (NativeOutcome.PASSED, "")


def test_an_empty_batch_is_asked_about_once(rule: Any) -> None:
    assert (
        rule("return len(CALLS) == 1 and part.schema.names == ['i']", BATCH + " WHERE FALSE", "i").native is NativeOutcome.PASSED
    )
    assert rule("return [False]", BATCH + " WHERE FALSE").error


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return None if len(CALLS) == 3 else True", "it returned nothing"),
        ("return True if len(CALLS) == 3 else 0", "different kinds of answers"),
        ("return [True]", "its mask has 1 entries, the batch"),
        ("return part.num_rows + 1", "failing rows of"),
        ("return 1 / (3 - len(CALLS)) > 9", "raised ZeroDivisionError"),
    ],
)
def test_one_part_that_is_answered_badly_is_an_error(rule: Any, body: str, told: str) -> None:
    found = rule(body)
    assert told in found.error
    assert (found.rows, found.failing, found.native) == (None, None, None)


@given(
    mask=st.lists(st.none() | st.booleans(), max_size=20), cuts=st.lists(st.integers(0, 20), max_size=4), most=st.integers(0, 5)
)
def test_parts_say_what_the_whole_says(mask: list[bool | None], cuts: list[int], most: int) -> None:
    import pyarrow as pa

    table = pa.table({"a": pa.array(range(len(mask)), pa.int64()), "fine": pa.array(mask, pa.bool_())})
    ends = sorted({0, len(mask), *(cut for cut in cuts if cut < len(mask))})
    parts = [table.slice(start, end - start).combine_chunks() for start, end in pairwise(ends)]
    reader = pa.RecordBatchReader.from_batches(table.schema, [batch for part in parts for batch in part.to_batches()])
    whole = Reading(rows_at=table.take, columns=("a", "fine"), rows=len(mask), evidence_rows=most)
    found: Answer = answer_in_parts(lambda part: part["fine"], reader, whole)
    assert found == read_answer(table["fine"], whole)


def test_kinds_that_change_from_part_to_part_are_refused_whichever_comes_first() -> None:
    import pyarrow as pa

    batch = pa.record_batch({"a": [1, 2]})
    reading = Reading(rows_at=batch.take, columns=("a",), rows=4, evidence_rows=1)
    for answers in ([True, 1], [1, True]):
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch, batch])
        waiting = list(reversed(answers))
        with pytest.raises(RuleUnclear, match="different kinds"):
            answer_in_parts(lambda _: waiting.pop(), reader, reading)  # noqa: B023 - called before the next one is made
