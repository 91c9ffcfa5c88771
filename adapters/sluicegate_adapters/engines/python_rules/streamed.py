"""A rule of one record batch at a time: called for each of the batch's, its answers put together, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sluicegate.ports.engine import Evidence
from sluicegate_adapters.engines.python_rules.answers import Answer, Reading, RuleUnclear, read_answer

__all__ = ["answer_in_parts"]


def answer_in_parts(rule: Callable[[Any], Any], reader: Any, reading: Reading) -> Answer:
    """What a rule says of all record batches: it holds if it holds for each, and figures are added up.

    A batch without rows is one record batch without rows: the rule is asked about it as well.

    Args:
        rule: its other arguments are filled in.
        reader: the batch's columns, as a ``pa.RecordBatchReader``.
        reading: of the batch as a whole.

    Raises:
        RuleUnclear: one of the answers is none, or they are of different kinds.
    """
    answer: Answer | None = None
    for part in _parts(reader):
        own = replace(reading, rows=part.num_rows, rows_at=part.take)
        said = read_answer(rule(part), own)
        answer = said if answer is None else _joined(answer, said, reading.evidence_rows)
    assert answer is not None  # noqa: S101 - there is at least one part
    return answer


def _parts(reader: Any) -> Iterator[Any]:
    import pyarrow as pa

    empty = True
    for part in reader:
        empty = False
        yield part
    if empty:
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)


def _joined(before: Answer, said: Answer, evidence_rows: int) -> Answer:
    if [item is None for item in (before.passed, before.failing, before.rows)] != [
        item is None for item in (said.passed, said.failing, said.rows)
    ]:
        raise RuleUnclear("it gives different kinds of answers for different record batches", "return the same kind each time")
    return Answer(
        passed=None if before.passed is None else bool(before.passed and said.passed),
        rows=_sum(before.rows, said.rows),
        failing=_sum(before.failing, said.failing),
        message=before.message or said.message,
        evidence=_more(before.evidence, said.evidence, evidence_rows),
    )


def _sum(before: int | None, said: int | None) -> int | None:
    return None if before is None or said is None else before + said


def _more(before: Evidence | None, said: Evidence | None, most: int) -> Evidence | None:
    if before is None or said is None or before.columns != said.columns:
        return before or said
    return replace(before, rows=(*before.rows, *said.rows)[:most], as_read=before.as_read and said.as_read)
