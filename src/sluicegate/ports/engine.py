"""The engine port: what executes checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.questions import Question
from sluicegate.checks.types import BatchSchema
from sluicegate.checks.values import Scalar
from sluicegate.ports.batch import BatchView

__all__ = ["Engine", "Evidence", "NativeOutcome", "Result", "RunContext", "Translation", "Unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A check in an engine's language, as ``sluicegate plan`` prints it.

    Attributes:
        language: ``sql``, ``sodacl``, ``gx``, ``python``: how to highlight the text.
        text: the translation, complete enough to be run by hand.
        questions: what the engine will ask of ``BatchView.answers`` for this check: one scan answers them for all engines, and
            begins before they do. What isn't named here costs a statement of its own.
        own_path: why the engine reads the batch by itself for this check; empty if all its figures come from the questions.
    """

    language: str
    text: str
    questions: tuple[Question, ...] = ()
    own_path: str = ""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The engine can't run a check: the reason, in words that name the feature. A value, never an omission."""

    reason: str


class NativeOutcome(StrEnum):
    """What an engine itself says of a native check, in its own thresholds."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A few of the rows that broke a check, as text-ready values; the gate masks classified columns before it shows them.

    Attributes:
        as_read: the engine read them from the batch itself: each column is the batch's, under its own name. Where a query's or a
            rule's author made them, a name proves nothing, and all cells may have to be masked.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    as_read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an engine found for one check: figures, or an error; what they mean for the batch is the verdict's to say.

    A row-level check has ``rows`` and ``failing``; a dataset-level one has ``value`` (None: there was nothing to measure),
    or, where it counts faults (``schema``, ``column_type``), ``failing`` and a ``message``; a native check has
    ``native`` and whichever figures its engine gives.

    Attributes:
        check_id: ``ContractCheck.id``.
        rows: rows considered.
        failing: rows (or faults) that break the check.
        value: the measured value of a dataset-level check. For ``freshness``: the newest moment. For ``drift``: the metric.
        native: the engine's own verdict on a native check.
        message: what a person should know, without values of the data.
        error: why the check could not be evaluated; everything else is then empty.
        error_hint: the cure.
        engine_broke: with ``error``: the engine failed (exception, memory, time), not the check's own wording.
        harmless: ``message``, ``error`` and ``error_hint`` hold no word of a library, a rule or the data: only fixed words, and
            names and counts. Else they are not shown of a check that may read a classified column.
        evidence: for native checks, where the engine has some; the gate fetches that of canonical checks itself.
    """

    check_id: str
    rows: int | None = None
    failing: int | None = None
    value: Scalar = None
    native: NativeOutcome | None = None
    message: str = ""
    error: str = ""
    error_hint: str = ""
    engine_broke: bool = False
    harmless: bool = False
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What an engine is told about the run.

    Attributes:
        now: the run's clock, in UTC; the only one an engine may use.
        settings: ``engines.<name>`` of the profile.
        evidence_rows: at most this many rows of evidence per check.
        parameters: facts of the run that rules may ask for: batch_id, dataset, tenant_id, environment.
    """

    now: datetime
    settings: Mapping[str, object] = field(default_factory=dict)
    evidence_rows: int = 5
    parameters: Mapping[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """What executes checks. An entry point of the group ``sluicegate.engines`` names a callable that returns one.

    An engine imports what it needs inside these methods, never when its module is imported.
    """

    @property
    def name(self) -> str:
        """The name that contracts pin: ``duckdb``, ``soda``, …"""
        ...

    def versions(self) -> Mapping[str, str]:
        """The distributions that decide its verdicts, with their versions."""
        ...

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        """The check in the engine's language, or why it can't be run there.

        Called without data by ``plan`` (schema None), and with the batch's schema before a run. Needs no connection.
        Relative times have been resolved by then. For a canonical check nothing but the arguments decides: the gate remembers it.
        """
        ...

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        """Evaluate the checks; yield exactly one result for each, in any order, each as soon as it is known.

        Every canonical check was bound to the batch's schema before (``checks/binding.py``): its columns exist and their
        types suit it.

        Raises:
            EngineError: the engine as a whole broke; checks without a result become ``errored``.
        """
        ...
