"""What is asked of each value once is what is asked of each row, whatever the texts, and whether or not they repeat."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.batch.source import open_batch
from sluicegate.checks import model as m
from sluicegate.checks.questions import Asked, ask
from sluicegate.scan.repeated import answer_by_value
from sluicegate.scan.scan import answer_all
from tests.property.strategies import PATTERNS, texts

_MANY = 10_000_000  # rows that the batch pretends to have: it is then worth while


@given(
    values=st.lists(st.one_of(texts, st.none()), min_size=1, max_size=5).flatmap(
        lambda few: st.lists(st.sampled_from(few), min_size=1, max_size=30)
    ),
    patterns=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
    listed=st.lists(texts, min_size=1, max_size=20).map(tuple),
    negate=st.booleans(),
)
def test_each_value_is_counted_with_all_its_rows(
    values: list[str | None], patterns: list[str], listed: tuple[str, ...], *, negate: bool
) -> None:
    checks: list[m.CanonicalCheck] = [
        *(m.Pattern(column="x", pattern=pattern, negate=negate) for pattern in patterns),
        m.AcceptedValues(column="x", values=listed),
        m.RejectedValues(column="x", values=listed),
        m.Length(column="x", min=1, max=3),
        m.Range(column="x", bounds=m.Bounds(min=listed[0], max=listed[-1])),
        m.Completeness(column="x", min_percent=Decimal(0), missing_values=listed),
        m.NotNull(column="x"),
    ]
    with open_batch(pa.table({"x": pa.array(values, pa.string())})) as batch:
        works = [ask(check, batch.schema) for check in checks]
        questions = [question for work in works if isinstance(work, Asked) for question in work.questions]
        connection = batch.view().connect()
        found = answer_by_value(connection, questions, batch.schema, _MANY)
        read = dict(answer_all(connection, questions, batch.schema, {}))
    assert found == {question: read[question] or 0 for question in found}
    repeats = len(values) > len(set(values))
    assert (len(found) > 0) <= repeats
