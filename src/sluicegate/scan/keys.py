"""How the values of a key repeat: exactly, and as cheaply as that can be known.

Each way is for what the one before leaves open:

1. A witness (``witness.py``): bits that the one scan counts beside everything else, and that prove more often than not that no key
   repeats. A sample of the first rows chooses it; a sample that misleads costs time, and can't cost truth.
2. Sieves. Equal keys have equal images and equal hashes: where none of these repeats, no key does, and only rows where one does are
   looked at themselves. A sieve takes a fraction of the memory of the keys.
3. The keys themselves, grouped: of the rows that a sieve leaves; of all rows, if these are few, if keys repeat a lot in the sample, or
   if nothing is narrower than the key. What DuckDB spills to disk of it costs less than reading the batch again; where it can't
   spill enough (DuckDB 1.0 hardly can), the keys are grouped in parts, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sluicegate.checks.questions import MOST_NAMED, Aggregate, Key, Question, Repeats, count_where
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema, Kind
from sluicegate.ports.statements import StatementFailed, fetch_row, fetch_rows
from sluicegate.scan.limits import Limits
from sluicegate.scan.witness import Sampled, Witness, sampled_value, witness

if TYPE_CHECKING:
    import duckdb

__all__ = ["KeyPlan", "Sieve", "plan_keys", "repeats"]

_SMALL = 50_000  # rows: until there, grouping the keys takes no longer than looking at a sample
_SAMPLE = 1_000  # rows
_SHARE_FOR_WITNESSES = 0.7  # of the memory; measured: DuckDB counts their bits in it, and what else is in a scan takes little
_MANY = 0.2  # of a sample: keys that repeat like this have few different values, and grouping them is cheap
_FEW = 0.8  # of the rows: images that a witness must have to be of use as a sieve
_TOO_MANY = 0.5  # of the rows: a sieve that leaves so many was the wrong one
_PARTS = (1, 8, 64)  # of the keys, if DuckDB runs out of memory
_TEXTS = {Kind.STRING, Kind.BINARY}
_ALIKE = _TEXTS | {Kind.BOOLEAN, Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_TZ}
"""Kinds whose equal values have equal hashes, in every DuckDB that we support; a batch has no collations: they end with Arrow."""
_SUSPECTS = "_sluicegate_suspects"
_COUNTED = "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE n > 1), 0), count(*) FILTER (WHERE n > 1) FROM ({})"


@dataclass(frozen=True, slots=True)
class Sieve:
    """A function of the key that leaves only few of its values for keys that may repeat.

    Attributes:
        value: SQL of it, never NULL where the key is present; rows of one key have one value.
        crowded: aggregate over the rows of one value: whether two of them may have one key; empty: always, but a value of one row.
    """

    value: str
    crowded: str = ""

    def suspects(self, present: str) -> str:
        """A SELECT of the values that are left, with the number of their rows.

        Values that hardly repeat are sorted: that takes a fifth less time than grouping them, and half of the memory. Measured.
        """
        if self.crowded:
            return f"SELECT {self.value} AS suspect, count(*) AS n FROM {BATCH} WHERE {present} GROUP BY 1 HAVING {self.crowded}"
        values = f"SELECT {self.value} AS value FROM {BATCH} WHERE {present}"
        pairs = f"SELECT value, lag(value) OVER (ORDER BY value) AS before FROM ({values})"
        return f"SELECT value AS suspect, count(*) + 1 AS n FROM ({pairs}) WHERE value = before GROUP BY value"


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """How the repetition of a key is found out.

    Attributes:
        present: counts the rows that have the key.
        images: counts the distinct values of a witness in them; None: there is none, or it would take too much memory.
        sieves: to be tried before the keys are grouped, one after the other.
        parts: into how many the keys are cut when they are grouped; the first that doesn't take too much memory.
    """

    present: Aggregate
    images: Aggregate | None = None
    sieves: tuple[Sieve, ...] = ()
    parts: tuple[int, ...] = (1,)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """What the one scan has to answer for it; nothing if the keys are grouped anyway."""
        wanted = (self.present, self.images) if self.images else (self.present,)
        return wanted if self.images or self.sieves else ()

    def decided(self, answers: Mapping[Question, Any]) -> Repeats | None:
        """How the key repeats, if the scan's answers decide it: only that it does not."""
        rows = answers.get(self.present)
        return Repeats(rows, 0, values=0) if isinstance(rows, int) and self.images and answers.get(self.images) == rows else None


def plan_keys(connection: duckdb.DuckDBPyConnection, keys: Iterable[Key], schema: BatchSchema, rows: int) -> dict[Key, KeyPlan]:
    """How the repetition of each key is best found out; of large batches, a sample tells.

    Args:
        connection: with the view ``batch``.
        keys: columns of the batch.
        schema: the batch's.
        rows: of the batch; 0 if unknown.

    Raises:
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    plans = {
        key: KeyPlan(Aggregate(count_where(_present(key))), parts=_PARTS if _kinds(key, schema) <= _ALIKE else (1,))
        for key in keys
    }
    if not plans or rows < _SMALL:
        return plans
    try:
        sample = _Sample(connection, plans, schema)
    except StatementFailed:  # the statements that follow will fail as well, and say why
        return plans
    limits = Limits.of(connection)
    room = int(_SHARE_FOR_WITNESSES * (limits.memory or 0))
    for key, plan in plans.items():
        repeated = sample.repeated(key)
        if repeated >= _MANY:
            continue
        found = sample.witness(key, rows)
        cost = (found.memory or room) * (limits.threads + 1) if found else 0  # one more: where those of all threads are united
        images = Aggregate(found.images) if found and cost <= room and not repeated else None
        room -= cost if images else 0
        sieves = [Sieve(found.neighbours, found.crowded)] if found else []
        kinds = _kinds(key, schema)  # hashes must tell about the key, and be narrower
        sieves += [Sieve(_hash(key))] if kinds & _TEXTS and kinds <= _ALIKE else []
        plans[key] = replace(plan, images=images, sieves=tuple(sieves))
    return plans


def repeats(connection: duckdb.DuckDBPyConnection, key: Key, plan: KeyPlan, answers: Mapping[Question, Any]) -> Repeats:
    """How the values of a key repeat in the view ``batch``.

    Args:
        connection: with the view.
        key: columns of the batch.
        plan: for this key.
        answers: the scan's, to the plan's aggregates.

    Raises:
        StatementFailed: it can't be computed (memory, disk).
        EngineError: DuckDB was interrupted, or is of no more use.
    """
    decided = plan.decided(answers)
    if decided is not None:
        return decided
    rows = answers.get(plan.present)
    if isinstance(rows, int):
        images = answers.get(plan.images) if plan.images else None
        misled = isinstance(images, int) and images < _FEW * rows  # by the sample: the witness's own sieve would leave almost all
        for sieve in plan.sieves[1:] if misled else plan.sieves:
            with suppress(StatementFailed):  # out of memory: in parts there may be enough
                found = _sifted(connection, key, sieve, int(_TOO_MANY * rows))
                if found is not None:
                    return Repeats(rows, *found)
    return _counted(connection, key, plan.parts)


def _counted(connection: duckdb.DuckDBPyConnection, key: Key, parts: Sequence[int]) -> Repeats:
    """By grouping the keys, all at once; or, if that takes too much memory, in as many parts as are given next."""
    now, *later = parts
    try:
        counts = [fetch_row(connection, _COUNTED.format(_grouped(key, part)), 3) for part in _parts_of(key, now)]
    except StatementFailed as failed:
        if later and failed.unanswered.engine_broke:
            return _counted(connection, key, later)
        raise
    rows, failing, values = (sum(map(int, column)) for column in zip(*counts, strict=True))
    return Repeats(rows, failing, values=values)


def _parts_of(key: Key, parts: int) -> Sequence[str]:
    """Conditions, of which each key meets exactly one."""
    return [f" AND {_hash(key)} % {parts} = {part}" for part in range(parts)] if parts > 1 else [""]


def _sifted(connection: duckdb.DuckDBPyConnection, key: Key, sieve: Sieve, most: int) -> tuple[int, tuple[int, ...], int] | None:
    """How many rows have a key that occurs more than once, among those that a sieve leaves; hashes of such keys; how many there are.

    None if the sieve leaves more rows than ``most``.
    """
    fetch_rows(connection, f"CREATE OR REPLACE TEMP TABLE {_SUSPECTS} AS {sieve.suspects(_present(key))}")
    try:
        left = int(fetch_row(connection, f"SELECT coalesce(sum(n), 0) FROM {_SUSPECTS}", 1)[0])
        if not left or left > most:
            return None if left else (0, (), 0)
        grouped = _grouped(key, f" AND {sieve.value} IN (SELECT suspect FROM {_SUSPECTS})", f", any_value({_hash(key)}) AS h")
        failing, named, values = fetch_row(
            connection,
            f"WITH repeated AS MATERIALIZED ({grouped} HAVING count(*) > 1) SELECT coalesce(sum(n), 0), "
            f"(SELECT list(h) FROM (SELECT h FROM repeated LIMIT {MOST_NAMED})), count(*) FROM repeated",
            3,
        )
        return int(failing), tuple(named or ()), int(values)
    finally:
        fetch_rows(connection, f"DROP TABLE IF EXISTS {_SUSPECTS}")


class _Sample:
    """The first rows' keys: their hashes, and of each column what a witness wants to see."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, keys: Iterable[Key], schema: BatchSchema) -> None:
        columns = {name: column for key in keys for name in key.columns if (column := schema.get(name))}
        self._columns = {name: column for name, column in columns.items() if sampled_value(column)}
        wanted = [f"CASE WHEN {_present(key)} THEN {_hash(key)} END" for key in keys]
        wanted += [str(sampled_value(column)) for column in self._columns.values()]
        rows = fetch_rows(connection, f"SELECT {', '.join(wanted)} FROM {BATCH} LIMIT {_SAMPLE}")
        self._cells = dict(zip((*keys, *self._columns), zip(*rows, strict=True), strict=True)) if rows else {}

    def repeated(self, key: Key) -> float:
        """The share of sampled keys that occurred before; 1 if there are none."""
        hashes = [cell for cell in self._cells.get(key, ()) if cell is not None]
        return 1 - len(set(hashes)) / len(hashes) if hashes else 1.0

    def witness(self, key: Key, rows: int) -> Witness | None:
        """One for a key, if there is one for all its columns."""
        if not all(name in self._columns for name in key.columns):
            return None
        return witness([Sampled(self._columns[name], self._cells[name]) for name in key.columns], rows)


def _kinds(key: Key, schema: BatchSchema) -> set[Kind | None]:
    return {column.kind if (column := schema.get(name)) else None for name in key.columns}


def _present(key: Key) -> str:
    return " AND ".join(f"{identifier(column)} IS NOT NULL" for column in key.columns)


def _hash(key: Key) -> str:
    return f"hash({_names(key.columns)})"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(identifier, columns))


def _grouped(key: Key, narrowed: str = "", also: str = "") -> str:
    names = _names(key.columns)
    return f"SELECT count(*) AS n{also} FROM {BATCH} WHERE {_present(key)}{narrowed} GROUP BY {names}"
