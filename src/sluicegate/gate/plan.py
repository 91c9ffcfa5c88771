"""Contract -> Plan: which engine runs which check, and its translation. Needs no data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from threading import Lock
from typing import Protocol

from sluicegate import plugins
from sluicegate.checks.binding import Unbindable, bind, resolve_times
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.model import ColumnType, Schema
from sluicegate.checks.questions import Question
from sluicegate.checks.types import BatchSchema
from sluicegate.contract.model import Contract, Enforcement
from sluicegate.errors import ContractError, Fault, PluginError
from sluicegate.ports.engine import Engine, Translation, Unsupported

__all__ = ["ENGINE_GROUP", "BatchShape", "EngineRoom", "Plan", "PlannedCheck", "plan", "unknown_engines"]

ENGINE_GROUP = "sluicegate.engines"
_MOST_KNOWN = 64


class EngineRoom(Mapping[str, Engine]):
    """The installed engines, each loaded when it is first asked for.

    Args:
        order: which engines an unpinned check is offered to, the cheapest first.
    """

    def __init__(self, order: Sequence[str]) -> None:
        self.order = tuple(order)
        self._loaded: dict[str, Engine] = {}
        self._versions: dict[str, dict[str, str]] = {}
        self._known: dict[int, _Known] = {}
        self._lock = Lock()

    def __getitem__(self, name: str) -> Engine:
        if name not in self._loaded:
            self._loaded[name] = plugins.load(ENGINE_GROUP, name)()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(plugins.known(ENGINE_GROUP))

    def __len__(self) -> int:
        return len(plugins.known(ENGINE_GROUP))

    def known(self, contract: Contract, batch: BatchShape) -> _Known:
        """What of the contract's plan holds for batches of this shape at any moment; empty before the first of them."""
        with self._lock:
            found = self._known.pop(id(contract), None)
            if found is None or not found.is_for(contract, batch):
                found = _Known(contract, batch.schema, dict(batch.reference_schemas))
            while len(self._known) >= _MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[id(contract)] = found
            return found

    def versions(self, names: Iterable[str]) -> dict[str, str]:
        """Distribution -> version, of these engines; an engine that can't say its own is ``unknown``: no verdict hangs on it."""
        found: dict[str, str] = {}
        for name in names:
            try:
                if name not in self._versions:
                    self._versions[name] = {str(key): str(value) for key, value in self[name].versions().items()}
                found |= self._versions[name]
            except Exception:  # noqa: BLE001 - an engine is somebody else's code, and its results are in
                found[name] = "unknown"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """A check and where it runs.

    Attributes:
        declared: the check as the contract has it: what outcomes and fingerprints refer to.
        check: the same as the engine gets it: relative times resolved, bound to the batch's schema where there is one.
        engine: empty where none runs it.
        translation: the check in the engine's language.
        unsupported: why no engine can run it, with the engine's name.
        skipped: why it isn't run at all.
        fault: why it can't be evaluated on this batch (a column that isn't there, say): it ends as ``errored``.
        engine_broke: the fault is the engine's, which raised when it was to translate the check.
    """

    declared: ContractCheck
    check: ContractCheck
    engine: str = ""
    translation: Translation | None = None
    unsupported: str = ""
    skipped: str = ""
    fault: Unbindable | None = None
    engine_broke: bool = False

    @property
    def own_path(self) -> str:
        """Why its engine reads the batch by itself for this check; empty if it doesn't."""
        if self.translation is None or self.translation.own_path:
            return self.translation.own_path if self.translation else ""
        from_schema = isinstance(self.check.promise, Schema | ColumnType)
        return "" if self.translation.questions or from_schema else f"{self.engine} doesn't say what it reads"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All checks of a contract, each with the engine that runs it, at one moment."""

    contract: Contract
    checks: tuple[PlannedCheck, ...]
    now: datetime

    @cached_property
    def by_engine(self) -> dict[str, tuple[ContractCheck, ...]]:
        """What each engine is to run."""
        engines = dict.fromkeys(item.engine for item in self.checks if item.translation)
        return {name: tuple(item.check for item in self.checks if item.engine == name and item.translation) for name in engines}

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What the engines will ask of the batch, each question once: the run's one scan."""
        asked = (question for item in self.checks if item.translation for question in item.translation.questions)
        return tuple(dict.fromkeys(asked))


@dataclass(frozen=True, slots=True)
class _Known:
    """Checks of a contract as they were planned for batches of one shape, if nothing but that decides: no clock, no rule's file.

    It holds on to the contract, so that no other one can have its ``id``.
    """

    contract: Contract
    schema: BatchSchema
    references: Mapping[str, BatchSchema]
    checks: dict[str, PlannedCheck] = field(default_factory=dict)

    def is_for(self, contract: Contract, batch: BatchShape) -> bool:
        shape = self.schema, self.references
        return self.contract is contract and shape == (batch.schema, batch.reference_schemas)


class BatchShape(Protocol):
    """What planning may know of a batch: the columns of it, and of the datasets that its contract refers to."""

    @property
    def schema(self) -> BatchSchema: ...
    @property
    def reference_schemas(self) -> Mapping[str, BatchSchema]: ...


def plan(contract: Contract, engines: EngineRoom, now: datetime, batch: BatchShape | None = None) -> Plan:
    """Assign each check to its pinned engine, or to the first of ``engines.order`` that can run it.

    Args:
        contract: as it was loaded.
        engines: the installed engines.
        now: what relative times are relative to, UTC.
        batch: when there is one, canonical checks are bound to its columns.

    Raises:
        ContractError: a check pins an engine that isn't installed.
    """
    if contract.enforcement is Enforcement.DISABLED:
        why = "the contract is not enforced (enforcement_mode: disabled)"
        checks = tuple(PlannedCheck(declared=check, check=check, skipped=why) for check in contract.checks)
    else:
        if unknown := unknown_engines(contract, engines):
            raise ContractError(unknown)
        checks = tuple(_plan_all(contract, engines, now, batch))
    return Plan(contract=contract, checks=checks, now=now)


def _plan_all(contract: Contract, engines: EngineRoom, now: datetime, batch: BatchShape | None) -> Iterator[PlannedCheck]:
    known = engines.known(contract, batch).checks if batch else {}
    for check in contract.checks:
        planned = known.get(check.id)
        if planned is None:
            planned = _plan_one(check, engines, now, batch)
            if planned.translation and _is_timeless(check, now):
                known[check.id] = planned
        yield planned


def _is_timeless(check: ContractCheck, now: datetime) -> bool:
    promise = check.promise
    return not isinstance(promise, NativeCheck | Untestable) and resolve_times(promise, now) == promise


def _plan_one(declared: ContractCheck, engines: EngineRoom, now: datetime, batch: BatchShape | None) -> PlannedCheck:
    promise = declared.promise
    if isinstance(promise, Untestable):
        return PlannedCheck(declared=declared, check=declared, skipped=promise.reason)
    check = declared
    if not isinstance(promise, NativeCheck):
        resolved = resolve_times(promise, now)
        bound = bind(resolved, batch.schema, batch.reference_schemas) if batch else resolved
        if isinstance(bound, Unbindable):
            return PlannedCheck(declared=declared, check=check, fault=bound)
        check = replace(declared, promise=bound)
    return _assign(declared, check, engines, batch.schema if batch else None)


def unknown_engines(contract: Contract, engines: EngineRoom) -> tuple[Fault, ...]:
    """A fault for each check that pins an engine which isn't installed."""
    faults = []
    for check in contract.checks:
        try:
            if pinned := _pinned(check):
                engines[pinned]
        except PluginError as error:
            faults.append(Fault(check.file, check.line, check.column, error.message, error.hint))
    return tuple(faults)


def _pinned(check: ContractCheck) -> str | None:
    return check.promise.engine if isinstance(check.promise, NativeCheck) else check.engine


def _assign(declared: ContractCheck, check: ContractCheck, engines: EngineRoom, schema: BatchSchema | None) -> PlannedCheck:
    pinned = _pinned(check)
    reasons = []
    for name in [pinned] if pinned else engines.order:
        translation = _translate(name, engines[name], check, schema)
        if isinstance(translation, Unsupported):
            reasons.append(f"{name}: {translation.reason}")
        elif isinstance(translation, Translation):
            return PlannedCheck(declared=declared, check=check, engine=name, translation=translation)
        else:
            return PlannedCheck(declared=declared, check=check, engine=name, fault=translation, engine_broke=True)
    return PlannedCheck(declared=declared, check=check, engine=pinned or "", unsupported="; ".join(reasons))


def _translate(
    name: str, engine: Engine, check: ContractCheck, schema: BatchSchema | None
) -> Translation | Unsupported | Unbindable:
    """An engine that can't even say whether it can run a check is broken: that closes the gate, as ``unsupported`` may not."""
    try:
        said: object = engine.translate(check, schema)
    except Exception as error:  # noqa: BLE001 - an engine is somebody else's code
        return Unbindable(f"{name} broke while it translated the check: {type(error).__name__}")
    if isinstance(said, Translation | Unsupported):
        return said
    return Unbindable(f"{name} gave a {type(said).__name__} for a translation")
