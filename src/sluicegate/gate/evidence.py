"""Evidence: a few of the rows that broke each failed check, in one statement, read with the reference meaning.

Classified columns are masked in the statement itself, so their values never leave the database.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import cast

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import NativeCheck, Untestable
from sluicegate.checks.meaning import RowMeaning, row_meaning, unique_among
from sluicegate.checks.questions import MOST_NAMED, Key, Repeats
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import BatchSchema
from sluicegate.gate.plan import Plan
from sluicegate.gate.run import EngineView
from sluicegate.ports.engine import Evidence
from sluicegate.verdict.masking import MASK, masked_evidence
from sluicegate.verdict.model import CheckOutcome, Outcome

__all__ = ["gather_evidence"]

_MOST_COLUMNS = 8


def gather_evidence(
    outcomes: Sequence[CheckOutcome],
    plan: Plan,
    view: EngineView,
    *,
    keys: Sequence[str],
    classified: Collection[str],
    rows: int,
    timeout: float,
    repeats: Callable[[Key], Repeats | None] = lambda _: None,
) -> tuple[CheckOutcome, ...]:
    """The outcomes, each failed row-level one with up to ``rows`` of its rows; classified cells are masked in all evidence.

    Evidence is a courtesy: when it can't be had (the statement fails, or takes longer than ``timeout`` seconds), the outcomes
    come back as they were.

    Args:
        outcomes: of the run.
        plan: made with the batch's schema: its checks are bound.
        view: to read with.
        keys: the primary key's columns, shown beside the check's own.
        classified: columns whose values must not be shown.
        rows: at most this many for each check; 0 gathers nothing.
        timeout: seconds.
        repeats: what the run found out about a key; what it names of it spares looking for what repeats once more.
    """
    outcomes = [masked_evidence(item, classified) for item in outcomes]  # native checks brought theirs
    bound = {item.check.id: item.check.promise for item in plan.checks}
    wanted = {item.check.id: _canonical(bound[item.check.id]) for item in outcomes if _wants_evidence(item)}
    if not wanted or not rows:
        return tuple(outcomes)
    columns = {check_id: _columns(promise, view.schema, keys) for check_id, promise in wanted.items()}
    parts = [
        _select(check_id, _meaning(promise, view, repeats, rows), columns[check_id], classified=classified, rows=rows)
        for check_id, promise in wanted.items()
    ]
    found = _fetch(" UNION ALL ".join(parts), view, timeout)
    if found is None:  # one that DuckDB can't say (a pattern of Python's, for one) must not take the others with it
        found = [row for part in parts for row in _fetch(part, view, timeout) or ()] if len(parts) > 1 else []
    evidence = {
        check_id: Evidence(columns=columns[check_id], rows=tuple(tuple(cells) for owner, cells in found if owner == check_id))
        for check_id in wanted
    }
    return tuple(replace(item, evidence=own) if (own := evidence.get(item.check.id)) and own.rows else item for item in outcomes)


def _wants_evidence(item: CheckOutcome) -> bool:
    row_level = getattr(item.check.promise, "row_level", False)  # native checks bring their own
    return row_level and bool(item.failing) and item.outcome in {Outcome.FAILED, Outcome.WARNED}


def _canonical(promise: object) -> m.CanonicalCheck:
    if isinstance(promise, NativeCheck | Untestable):
        raise TypeError(f"{type(promise).__name__} has no reference meaning")
    return cast("m.CanonicalCheck", promise)


def _columns(promise: object, schema: BatchSchema, keys: Sequence[str]) -> tuple[str, ...]:
    named = [getattr(promise, key, None) for key in ("column", "left", "right", "order_by")]
    named += getattr(promise, "columns", ())
    if isinstance(promise, m.RowExpression):
        written = promise.expression.casefold()  # SQL's names know no case
        words = set(re.findall(r"\w+", written))
        named += [name for name in schema.names if name.casefold() in words or identifier(name).casefold() in written]
    return tuple(dict.fromkeys(name for name in (*keys, *named) if name and name in schema))[:_MOST_COLUMNS]


def _meaning(promise: m.CanonicalCheck, view: EngineView, repeats: Callable[[Key], Repeats | None], rows: int) -> RowMeaning:
    """What breaks a check; of repeated keys, as many as there can be evidence for."""
    if isinstance(promise, m.Unique):
        key = Key(promise.columns)
        found = repeats(key)
        if found and found.named and rows <= MOST_NAMED:
            return unique_among(key.columns, found.named[:rows])
    return row_meaning(promise, view.schema, view.references)


def _select(check_id: str, meaning: RowMeaning, columns: Sequence[str], *, classified: Collection[str], rows: int) -> str:
    cells = ", ".join(
        f"CASE WHEN {identifier(name)} IS NULL THEN NULL ELSE {literal(MASK)} END"
        if name in classified
        else f"CAST({identifier(name)} AS VARCHAR)"
        for name in columns
    )
    return f"(SELECT {literal(check_id)} AS check_id, CAST([{cells}] AS VARCHAR[]) AS cells FROM {meaning.source} WHERE {meaning.failing} LIMIT {rows})"


def _fetch(statement: str, view: EngineView, timeout: float) -> list[tuple[str, list[str | None]]] | None:
    """The statement's rows; nothing if it took too long, None if DuckDB refuses it."""
    import duckdb

    timer = threading.Timer(timeout, view.interrupt)
    timer.daemon = True
    timer.start()
    try:
        return view.connect().execute(statement).fetchall()
    except duckdb.InterruptException:
        return []
    except duckdb.Error:
        return None
    finally:
        timer.cancel()
