"""What a rule returns, read strictly: anything that isn't clearly an answer is an error, never a pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sluicegate.checks.values import Scalar
from sluicegate.ports.engine import Evidence
from sluicegate.ports.rules import RuleResult
from sluicegate_adapters.engines.python_rules.forms import arrow_table

__all__ = ["Answer", "Reading", "RuleUnclear", "read_answer"]

_WANTED = "return a bool, an int, a boolean mask, the failing rows or a RuleResult"


class RuleUnclear(Exception):
    """What a rule returned can't be read as an answer: ``str()`` is why, ``hint`` the cure; ``harmless``: no value of it is in either."""

    def __init__(self, message: str, hint: str = _WANTED, *, harmless: bool = True) -> None:
        super().__init__(message)
        self.hint = hint
        self.harmless = harmless


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer is held against.

    Attributes:
        rows_at: the rows at some positions, as a table or record batch: those that a mask points to.
        columns: those that the rule was given; evidence shows no others.
        rows: how many the batch has.
        evidence_rows: at most this many are shown.
    """

    rows_at: Callable[[Sequence[int]], Any]
    columns: Sequence[str]
    rows: int
    evidence_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A rule's answer: ``passed`` is None where the figures decide."""

    passed: bool | None = None
    rows: int | None = None
    failing: int | None = None
    message: str = ""
    evidence: Evidence | None = None


def read_answer(returned: Any, reading: Reading) -> Answer:
    """Read what a rule returned.

    A bool is the verdict; an int counts failing rows; in a mask, True is a row that is fine, False one that breaks the rule, and NULL
    neither; a table holds the failing rows.

    Raises:
        RuleUnclear: it is none of these, or can't be true of this batch.
    """
    if isinstance(returned, RuleResult):
        return _read_result(returned, reading)
    if returned is None:
        raise RuleUnclear("it returned nothing")
    if inspect.iscoroutine(returned) or inspect.isgenerator(returned):
        returned.close()
        raise RuleUnclear(f"it returned a {type(returned).__name__}")
    flag = _as_bool(returned)
    if flag is not None:
        return Answer(passed=flag)
    count = _as_int(returned)
    if count is not None:
        return _counted(count, reading)
    mask = _as_mask(returned)
    if mask is not None:
        return _read_mask(mask, reading)
    table = _as_table(returned)
    if table is None:
        raise RuleUnclear(f"it returned a {type(returned).__name__}")
    return _read_table(table, reading)


def _root(value: object) -> str:
    return type(value).__module__.partition(".")[0]


def _as_bool(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if _root(value) == "numpy" and type(value).__name__ in {"bool", "bool_"}:
        return bool(value)
    if _root(value) == "pyarrow" and type(value).__name__ == "BooleanScalar":
        found = value.as_py()
        if found is None:
            raise RuleUnclear("it returned NULL where a bool is meant")
        return bool(found)
    return None


def _as_int(value: Any) -> int | None:
    if isinstance(value, int):
        return value
    if _root(value) == "numpy" and hasattr(value, "__index__") and getattr(value, "ndim", 1) == 0:
        return int(value.__index__())
    if _root(value) == "pyarrow" and type(value).__name__ in {
        f"{sign}Int{bits}Scalar" for sign in ("", "U") for bits in (8, 16, 32, 64)
    }:
        found = value.as_py()
        if found is None:
            raise RuleUnclear("it returned NULL where a count is meant")
        return int(found)
    return None


def _counted(count: int, reading: Reading) -> Answer:
    if not 0 <= count <= reading.rows:
        raise RuleUnclear(
            f"it returned {count} failing rows of {reading.rows}",
            "a count is of the batch's rows; for other figures return a RuleResult",
            harmless=False,
        )
    return Answer(rows=reading.rows, failing=count)


def _as_mask(value: Any) -> Any | None:
    """The mask as a boolean ``pa.ChunkedArray`` or ``pa.Array``; None if the value isn't a column at all."""
    import pyarrow as pa

    kind = type(value).__name__
    if isinstance(value, list | tuple):
        if not all(item is None or _as_bool(item) is not None for item in value):
            raise RuleUnclear(f"it returned a {kind} of something else than booleans")
        return pa.array([None if item is None else bool(item) for item in value], pa.bool_())
    if isinstance(value, pa.Array | pa.ChunkedArray):
        array = value
    elif _root(value) == "pandas" and kind == "Series":
        array = _pandas_mask(value)
    elif _root(value) == "polars" and kind == "Series":
        array = value.to_arrow()
    elif _root(value) == "numpy" and kind == "ndarray":
        if value.ndim != 1 or value.dtype.kind != "b":
            raise RuleUnclear(f"it returned an array of {value.dtype}, {value.ndim}-dimensional", "return a flat boolean mask")
        array = pa.array(value)
    elif kind in {"BooleanArray", "ArrowExtensionArray"} and _root(value) == "pandas":
        array = pa.array(value)
    else:
        return None
    if not (pa.types.is_boolean(array.type) or (pa.types.is_null(array.type) and not array.null_count)):
        raise RuleUnclear(f"it returned a column of {array.type}, not of booleans")
    return array


def _pandas_mask(series: Any) -> Any:
    import pyarrow as pa

    if str(series.dtype) not in {"bool", "boolean", "object", "bool[pyarrow]"}:
        raise RuleUnclear(f"it returned a Series of {series.dtype}, not of booleans")
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise RuleUnclear("it returned a Series of something else than booleans") from error


def _read_mask(mask: Any, reading: Reading) -> Answer:
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(mask) != reading.rows:
        raise RuleUnclear(
            f"its mask has {len(mask)} entries, the batch {reading.rows} rows", "return one entry per row, in their order"
        )
    failing = pc.fill_null(pc.invert(mask.cast(pa.bool_())), fill_value=False)
    count = pc.sum(failing).as_py() or 0
    positions = pc.indices_nonzero(failing)[: reading.evidence_rows].to_pylist() if count else []
    return Answer(
        rows=len(mask) - mask.null_count,
        failing=count,
        evidence=_evidence(reading.rows_at(positions), reading, as_read=True) if positions else None,
    )


def _as_table(value: Any) -> Any | None:
    """Failing rows as a ``pa.Table``, an Arrow reader or a relation; None if the value is no table."""
    import pyarrow as pa

    kind, root = type(value).__name__, _root(value)
    if isinstance(value, pa.Table | pa.RecordBatchReader):
        return value
    if isinstance(value, pa.RecordBatch):
        return pa.Table.from_batches([value])
    if root in {"duckdb", "_duckdb"} and kind == "DuckDBPyRelation":
        return value
    if root == "polars" and kind in {"DataFrame", "LazyFrame"}:
        return (value.collect() if kind == "LazyFrame" else value).to_arrow()
    if any(_root_of(item) == "pandas" and item.__name__ == "DataFrame" for item in type(value).__mro__):
        return _pandas_table(value)
    return None


def _root_of(kind: type) -> str:
    return kind.__module__.partition(".")[0]


def _pandas_table(frame: Any) -> Any:
    """Only the columns that Arrow can take: evidence is a courtesy, the count is what matters."""
    import pyarrow as pa

    columns = {}
    for position, name in enumerate(frame.columns):
        try:
            columns[str(name)] = pa.array(frame.iloc[:, position], from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError):
            columns[str(name)] = pa.nulls(len(frame))
    return pa.table(columns) if columns else pa.table({"": pa.nulls(len(frame))})


def _read_table(table: Any, reading: Reading) -> Answer:
    import pyarrow as pa

    if isinstance(table, pa.RecordBatchReader):
        count, kept = 0, []
        for batch in table:
            if count < reading.evidence_rows:
                kept.append(batch.slice(0, reading.evidence_rows - count))
            count += batch.num_rows
        shown = pa.Table.from_batches(kept, table.schema)
    elif isinstance(table, pa.Table):
        count, shown = table.num_rows, table.slice(0, reading.evidence_rows)
    else:
        count = int(table.aggregate("count(*)").fetchall()[0][0])
        shown = arrow_table(table.limit(reading.evidence_rows))
    _refuse_mask_frame(shown, count, reading)
    answer = _counted(count, reading)
    return Answer(rows=answer.rows, failing=count, evidence=_evidence(shown, reading) if count else None)


def _refuse_mask_frame(shown: Any, count: int, reading: Reading) -> None:
    """``df[["a"]] > 0`` is a table of booleans, and surely meant as a mask."""
    import pyarrow as pa

    if count == reading.rows and count and shown.num_columns and all(pa.types.is_boolean(kind) for kind in shown.schema.types):
        raise RuleUnclear("it returned a table of nothing but booleans", "return one column as a mask, or the failing rows")


def _evidence(table: Any, reading: Reading, *, as_read: bool = False) -> Evidence | None:
    """Columns of the batch only: what a rule computes has no classification that could mask it."""
    allowed = set(reading.columns)
    names = list(table.schema.names)
    chosen = [position for position, name in enumerate(names) if name in allowed and names.count(name) == 1]
    if not chosen or not table.num_rows or not reading.evidence_rows:
        return None
    values = [
        [_scalar(item) for item in table.column(position).slice(0, reading.evidence_rows).to_pylist()] for position in chosen
    ]
    return Evidence(columns=tuple(names[position] for position in chosen), rows=tuple(zip(*values, strict=True)), as_read=as_read)


def _scalar(value: Any) -> Scalar:
    from datetime import date, time
    from decimal import Decimal

    if value is None or isinstance(value, bool | int | float | str | Decimal | date | time):
        return value
    return str(value)


def _read_result(result: RuleResult, reading: Reading) -> Answer:
    passed = None if result.passed is None else _as_bool(result.passed)
    failing = None if result.failing is None else _as_int(result.failing)
    rows = reading.rows if result.rows is None else _as_int(result.rows)
    if (
        (passed is None and result.passed is not None)
        or isinstance(result.failing, bool)
        or (result.failing is not None and failing is None)
    ):
        raise RuleUnclear("its RuleResult has a passed that is no bool, or a failing that is no int")
    if passed is None and failing is None:
        raise RuleUnclear("its RuleResult says neither passed nor failing", "set one of them")
    if (failing is not None and failing < 0) or rows is None or rows < 0 or not isinstance(result.message, str):
        raise RuleUnclear("its RuleResult has a negative figure, or a message that is no text")
    return Answer(
        passed=passed,
        rows=rows if failing is not None or result.rows is not None else None,
        failing=failing,
        message=result.message,
        evidence=_given_evidence(result.evidence, reading),
    )


def _given_evidence(given: Any, reading: Reading) -> Evidence | None:
    if given is None:
        return None
    table = _as_table(given)
    if table is None:
        raise RuleUnclear(
            f"its RuleResult has a {type(given).__name__} as evidence", "give a table, in any of the forms of a batch"
        )
    import pyarrow as pa

    if isinstance(table, pa.RecordBatchReader):
        table = table.read_all()
    elif not isinstance(table, pa.Table):
        table = arrow_table(table.limit(reading.evidence_rows))
    return _evidence(table, reading)
