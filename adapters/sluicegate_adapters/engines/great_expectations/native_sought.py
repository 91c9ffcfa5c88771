"""What a native expectation has to know, before Great Expectations is imported: its own meaning in SQL, where SQL can say it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import NativeCheck
from sluicegate.checks.questions import ROWS, Aggregate, Asked, ask, count_where
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.great_expectations.arguments import columns_of, need_columns, read_arguments, waits_for_clock
from sluicegate_adapters.engines.great_expectations.catalogue import EXPECTATIONS, Path
from sluicegate_adapters.engines.great_expectations.conditions import Condition, read_condition
from sluicegate_adapters.engines.great_expectations.native_metrics import Setting, metrics_sought
from sluicegate_adapters.engines.great_expectations.native_rows import ROW_KINDS, row_kind
from sluicegate_adapters.engines.great_expectations.regexes import count_breaking, native_test
from sluicegate_adapters.engines.great_expectations.sought import RowFigures, Sought, Statement, rows_sought

__all__ = ["Asking", "TextFigures", "announced", "native_sought"]

_WHY = {
    "expect_column_values_to_be_unique": "it counts the keys of some of the rows",
    "expect_compound_columns_to_be_unique": "NULL equals NULL in its keys",
    "expect_column_values_to_be_increasing": "it compares rows with those before them",
    "expect_column_values_to_be_decreasing": "it compares rows with those before them",
    "expect_column_value_z_scores_to_be_less_than": "it compares each value with figures of all",
    "expect_column_values_to_not_be_outliers": "it compares each value with figures of all",
}
"""Why an expectation about rows that can't share the scan can't."""
_IN_PANDAS = "Great Expectations computes it with pandas"
_IN_PYTHON = "its regular expression needs Python's: DuckDB's has no such feature"


class TextFigures(NamedTuple):
    """What Python found, and a few of the texts that break the expectation."""

    figures: RowFigures
    kept: Sequence[str]


@dataclass(frozen=True, slots=True)
class Asking:
    """A native expectation with what it is asked about.

    Attributes:
        exact: its arguments.
        schema: the batch's columns; None when there is no data yet.
        references: dataset -> view; None while they aren't known.
        kept: at most so many texts of evidence.
    """

    kind: str
    exact: Mapping[str, Any]
    condition: Condition | None
    schema: BatchSchema | None
    references: Mapping[str, str] | None
    kept: int = 0

    @property
    def on_pandas(self) -> bool:
        """Whether GX's own pandas metrics are its only way."""
        return EXPECTATIONS[self.kind].path is Path.PANDAS or bool(self.condition and self.condition.pandas_query)

    @property
    def where(self) -> str:
        """The predicate of its row condition."""
        return self.condition.sql if self.condition else ""


def announced(promise: NativeCheck, schema: BatchSchema | None) -> Sought[Any]:
    """What a native check will ask when it runs, as far as that is known before.

    Raises:
        Fault: its arguments don't fit it or the batch.
    """
    exact = read_arguments(promise.kind, promise.body, schema, None).exact
    if promise.kind in ROW_KINDS and waits_for_clock(exact):
        return Sought(lambda _: None, why="it compares with the run's clock")
    return native_sought(Asking(promise.kind, exact, read_condition(exact, schema), schema, None))


def native_sought(asking: Asking) -> Sought[Any]:
    """What it has to know: ``RowFigures``, ``TextFigures``, the values of its metrics by their names, or nothing (pandas).

    Raises:
        Fault: its arguments don't fit it or the batch.
    """
    if asking.on_pandas:
        return Sought(lambda _: None, why=_IN_PANDAS)
    if asking.kind not in ROW_KINDS:
        if "column" in asking.exact and asking.kind != "expect_column_to_exist":
            need_columns([str(asking.exact["column"])], asking.schema)
        return metrics_sought(asking.kind, Setting(asking.exact, asking.schema, asking.references, asking.where))
    need_columns(columns_of(asking.exact), asking.schema)
    if (breaks := native_test(asking.kind, asking.exact)) is not None:
        return _texts(asking, breaks)
    meaning = row_kind(asking.kind, asking.exact, asking.schema)  # it judges the arguments, whatever is asked in the end
    same = None if asking.where else _canonical(asking)
    return rows_sought(meaning, asking.where, _WHY.get(asking.kind, "")) if same is None else _as_canonical(same)


def _canonical(asking: Asking) -> Asked | None:
    """The canonical check that asks the same more cheaply, where there is one."""
    exact = asking.exact
    check: m.CanonicalCheck | None = None
    match asking.kind:
        case "expect_column_values_to_not_be_null":
            check = m.NotNull(column=exact["column"])
        case "expect_column_values_to_be_unique":
            check = m.Unique(columns=(exact["column"],))
        case "expect_compound_columns_to_be_unique" if exact.get("ignore_row_if") in _ALL_PRESENT:
            check = m.Unique(columns=tuple(exact["column_list"]))
    found = ask(check, asking.schema) if check else None
    return found if isinstance(found, Asked) else None


_ALL_PRESENT = {"any_value_is_missing", "either_value_is_missing"}


def _as_canonical(asked: Asked) -> Sought[RowFigures]:
    def read(answers: Sequence[Any]) -> RowFigures:
        found = asked.read(answers[1:])
        return RowFigures(answers[0], found.rows or 0, found.failing or 0)

    return Sought(read, (ROWS, *asked.questions))


def _texts(asking: Asking, breaks: Callable[[str], bool]) -> Sought[TextFigures]:
    """Each text once, with how often it occurs: Python looks at no text twice."""
    column = identifier(str(asking.exact["column"]))
    also = f" AND {asking.where}" if asking.where else ""
    texts = f"SELECT CAST({column} AS VARCHAR), count(*) FROM {BATCH} WHERE {column} IS NOT NULL{also} GROUP BY 1"

    def read(answers: Sequence[Any]) -> TextFigures:
        total, (rows, failing, kept) = answers
        return TextFigures(RowFigures(int(total or 0), rows, failing), kept)

    total = Aggregate(count_where(asking.where)) if asking.where else ROWS
    return Sought(read, (total,), (Statement(texts, count_breaking(breaks, asking.kept)),), _IN_PYTHON)
