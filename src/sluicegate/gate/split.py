"""Row scope: a refused batch is split into the rows that broke its checks and a rest that passes.

It is split only if every check that demands quarantine can name its rows: a canonical row-level one of severity ``error`` that
``failed``. Warned checks split nothing, so no row is on both sides. Which rows those are is read with the reference meaning
(``checks.meaning``); whether the rest passes is told by the contract's whole plan, run again on it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from sluicegate.batch.database import arrow_reader
from sluicegate.batch.parts import numbered
from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.meaning import RowMeaning, row_meaning
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema
from sluicegate.contract.model import QuarantinePolicy
from sluicegate.errors import StorageError
from sluicegate.gate.plan import Plan
from sluicegate.gate.run import EngineView
from sluicegate.ports.quarantine import CHECKS_COLUMN, ROW_COLUMN, Manifest
from sluicegate.verdict.model import CheckOutcome, Decision, Outcome, Verdict
from sluicegate.verdict.policy import Policy
from sluicegate.words import plural

__all__ = ["Broken", "Parts", "ShownBatch", "Split", "SplittableBatch", "Whole", "set_aside", "split"]

_OURS = "_sluicegate_"
_LOST_IN_PARQUET = re.compile(r"\b(TIME WITH TIME ZONE|TIMETZ|BIT|INTERVAL|UHUGEINT|VARIANT)(?=[\[\],)]|$)")
_PASSES = (Decision.COMMIT, Decision.COMMIT_WITH_WARNINGS)


@dataclass(frozen=True, slots=True)
class Whole:
    """The batch can't be split: why, for a person."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The rows that break a batch's checks.

    Attributes:
        file: one Parquet file: the batch's columns, ``ROW_COLUMN``, ``CHECKS_COLUMN``.
        rows: how many there are.
        checks: fingerprint -> how many rows broke that check; a row may break several.
    """

    file: Path
    rows: int
    checks: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A batch in two: the rows that broke checks, and the verdict on the rest, which lets it through."""

    broken: Broken
    rest: Verdict
    names: Mapping[str, str]
    """Fingerprint -> the check's name, of the checks that split the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A split in figures, for reports and the history.

    Attributes:
        quarantined, committed: rows.
        checks: fingerprint, name and rows, of each check that rows broke.
        decision: on the rest.
        rest: the verdict on it, where this run reached it.
    """

    quarantined: int
    committed: int
    checks: tuple[tuple[str, str, int], ...]
    decision: Decision
    rest: Verdict | None = None

    @classmethod
    def of(cls, split: Split) -> Parts:
        """Those of a split that this run made."""
        checks = tuple((fingerprint, name, split.broken.checks[fingerprint]) for fingerprint, name in split.names.items())
        rest = split.rest
        return cls(quarantined=split.broken.rows, committed=rest.rows, checks=checks, decision=rest.decision, rest=rest)

    @classmethod
    def told_by(cls, item: Manifest) -> Parts:
        """Those that a rows item tells of, whoever split its batch."""
        checks = tuple((str(key), str(of["name"]), int(of["rows"])) for key, of in item.split.get("checks", {}).items())
        decision = Decision(item.split.get("decision", Decision.COMMIT))
        return cls(quarantined=item.rows, committed=(item.batch_rows or 0) - item.rows, checks=checks, decision=decision)

    def as_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "rows_quarantined": self.quarantined,
            "rows_committed": self.committed,
            "decision": self.decision.value,
            "checks": [{"fingerprint": key, "name": name, "rows": rows} for key, name, rows in self.checks],
        }


class ShownBatch(Protocol):
    """The part of ``batch.source.Batch`` that setting rows aside needs."""

    def view(self) -> EngineView: ...
    def check_unchanged(self) -> None: ...


class SplittableBatch(ShownBatch, Protocol):
    """The part that splitting needs."""

    @property
    def schema(self) -> BatchSchema: ...
    @property
    def rows(self) -> int: ...
    @property
    def scratch(self) -> Path: ...
    def without(self, file: Path) -> AbstractContextManager[Self]: ...


def split(
    planned: Plan, verdict: Verdict, batch: SplittableBatch, judge: Callable[[Any], Verdict], *, folder: Path | None = None
) -> Split | Whole:
    """Split a batch whose verdict is to quarantine it; or say why it has to go as a whole.

    Args:
        planned: made with the batch's schema: its checks are bound.
        verdict: on the whole batch.
        batch: opened.
        judge: runs the whole plan on a batch: the rest.
        folder: where the file of broken rows goes; default: the batch's scratch folder.

    Raises:
        BatchUnreadable: the batch is no longer what was checked.
        StorageError: the rows can't be written.
    """
    contract = planned.contract
    found = _unfit(batch.schema) or _deciding(verdict, Policy.of(contract))
    if isinstance(found, Whole):
        return found
    checks = tuple(item.check for item in found)
    if too_many := _too_many(max(item.failing or 0 for item in found), batch.rows, contract.quarantine):
        return too_many
    folder = folder or batch.scratch / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    broken = set_aside(planned, checks, batch, folder / "rows.parquet")
    if isinstance(broken, Whole):
        return broken
    if differs := _differs(broken, found):
        return differs
    if too_many := _too_many(broken.rows, batch.rows, contract.quarantine):
        return too_many
    with batch.without(broken.file) as rest:
        judged = judge(rest)
    if judged.decision not in _PASSES:
        return Whole(f"the rest would not pass either ({'; '.join(judged.reasons)})")
    return Split(broken=broken, rest=judged, names={check.fingerprint: check.name for check in checks})


def _deciding(verdict: Verdict, policy: Policy) -> tuple[CheckOutcome, ...] | Whole:
    """The outcomes that demand quarantine, if all of them name rows."""
    asked = tuple(item for item in verdict.outcomes if policy.of_one(item) is Decision.QUARANTINE)
    for item in asked:
        if item.outcome is not Outcome.FAILED:
            return Whole(f"{item.check.name} {item.outcome}")
        if not item.check.splits:
            return Whole(f"{item.check.name} names no rows")
    return asked


def _unfit(schema: BatchSchema) -> Whole | None:
    for column in schema.columns:
        if column.name.lower().startswith(_OURS):
            return Whole(f"it has a column {column.name!r}, a name that the gate uses itself")
        if _LOST_IN_PARQUET.search(column.native.upper()):
            return Whole(f"Parquet keeps no {column.native}, the type of column {column.name!r}")
    return None


def _too_many(broken: int, rows: int, policy: QuarantinePolicy) -> Whole | None:
    most = policy.max_quarantined
    if broken >= rows:
        return Whole("no row of it passes")
    if most is not None and not most.holds(failing=broken, considered=rows):
        return Whole(f"{plural(broken, 'row')} of {rows:,} break the contract, at most {most} may be quarantined alone")
    return None


def _differs(broken: Broken, found: Sequence[CheckOutcome]) -> Whole | None:
    """An engine that counted other rows than were set aside meant something else: whose rows are broken is not guessed."""
    for item in found:
        rows = broken.checks.get(item.check.fingerprint, 0)
        if rows != item.failing:
            counted = "no figure" if item.failing is None else f"{item.failing:,}"
            return Whole(f"{item.check.name}: {item.engine} counted {counted}, and {plural(rows, 'row')} could be found")
    return None


def set_aside(planned: Plan, checks: Sequence[ContractCheck], batch: ShownBatch, file: Path) -> Broken | Whole:
    """Write the rows that break any of these checks to a Parquet file, in one pass over the batch, or say why that can't be done.

    Raises:
        BatchUnreadable: the batch is no longer what was checked.
        StorageError: the file can't be written.
    """
    import duckdb
    from pyarrow import ArrowException

    view = batch.view()
    bound: Mapping[str, Any] = {item.check.id: item.check.promise for item in planned.checks}
    meanings = {check.fingerprint: row_meaning(bound[check.id], view.schema, view.references) for check in checks}
    try:
        with closing(view.connect()) as connection:
            rows, broke = _write(arrow_reader(connection.sql(_query(meanings))), file)
    except (duckdb.Error, MemoryError) as error:  # a pattern of Python's, for one: its engine can test it, DuckDB can't
        return Whole(f"DuckDB can't tell which rows break its checks ({type(error).__name__})")
    except (ArrowException, OSError, ValueError) as error:
        raise StorageError(
            f"the rows that break checks can't be written to {file} ({type(error).__name__})",
            hint="look at the disk, and at the batch's column types",
        ) from error
    batch.check_unchanged()
    return Broken(file=file, rows=rows, checks=dict(broke))


def _query(meanings: Mapping[str, RowMeaning]) -> str:
    """The rows that break any of the checks, with their positions and the fingerprints of those that they break."""
    marks = {fingerprint: identifier(f"{_OURS}broke_{number}") for number, fingerprint in enumerate(meanings)}
    row = identifier(ROW_COLUMN)
    broke = ", ".join(f"{_breaks(meanings[fingerprint], row)} AS {mark}" for fingerprint, mark in marks.items())
    named = ", ".join(f"CASE WHEN {mark} THEN {literal(fingerprint)} END" for fingerprint, mark in marks.items())
    own = ", ".join(marks.values())
    return (
        f"SELECT * EXCLUDE ({own}), list_sort(list_distinct([{named}])) AS {identifier(CHECKS_COLUMN)} "
        f"FROM (SELECT *, {broke} FROM {numbered()} AS {identifier(BATCH)}) "
        # As a CASE, so that no optimiser makes a join of it that loses the order.
        f"WHERE CASE WHEN {' OR '.join(marks.values())} THEN TRUE ELSE FALSE END"
    )


def _breaks(meaning: RowMeaning, row: str) -> str:
    """Whether a row breaks a check, as a predicate over the numbered batch."""
    if meaning.source == BATCH:
        return f"({meaning.failing})"
    return f"({row} IN (SELECT {meaning.position} FROM {meaning.source} WHERE {meaning.failing}))"


def _write(reader: Any, file: Path) -> tuple[int, Counter[str]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows, broke = 0, Counter[str]()
    with pq.ParquetWriter(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
            for found in pc.value_counts(pc.list_flatten(batch.column(CHECKS_COLUMN))):
                broke[found["values"].as_py()] += found["counts"].as_py()
    return rows, broke
