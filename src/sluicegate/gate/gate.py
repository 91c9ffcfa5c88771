"""The gate: contract -> plan -> run -> judge -> act, in one place that reads like that line."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sluicegate.batch.database import interruptible
from sluicegate.batch.source import Batch
from sluicegate.config import Profile, load_profile
from sluicegate.contract.model import Contract
from sluicegate.contract.shelf import ContractShelf
from sluicegate.errors import EngineError, StorageError, UsageError
from sluicegate.gate.act import Acted, ActionTaken, commit_properties
from sluicegate.gate.errand import Errand
from sluicegate.gate.evidence import gather_evidence
from sluicegate.gate.first import Door, RowsGone
from sluicegate.gate.judgement import judge_all
from sluicegate.gate.merge import narrowed
from sluicegate.gate.opening import Opening
from sluicegate.gate.outcome import RunOutcome
from sluicegate.gate.places import Places
from sluicegate.gate.plan import EngineRoom, Plan, plan
from sluicegate.gate.run import run_checks
from sluicegate.gate.split import Parts, Split, split
from sluicegate.gate.telling import Telling
from sluicegate.gate.ward import Ward
from sluicegate.ports.engine import RunContext
from sluicegate.ports.quarantine import QuarantineStatus, QuarantineStore
from sluicegate.ports.target import Target
from sluicegate.verdict.document import document, verdict_id
from sluicegate.verdict.masking import masked
from sluicegate.verdict.model import CheckOutcome, Decision, Verdict
from sluicegate.verdict.policy import Policy, decide
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate.history.sqlite import SqliteHistory

__all__ = ["Gate"]

Progress = Callable[[str], None]
"""Told what the gate does now, in a few words, each time that changes."""


class Gate(Opening, Ward, Telling):
    """Runs batches against contracts. Safe to share between threads; keep one for many batches, and close it, or use it in ``with``.

    Args:
        profile: where targets, quarantine and history are, and how engines are set.
        clock: gives the run's moment, in UTC.
    """

    def __init__(self, profile: Profile, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.profile = profile
        self._clock = clock
        self.engines = EngineRoom(profile.engine_order)
        self._shelf = ContractShelf()

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> Gate:
        """A gate with the profile of this file; without one, of ``$SLUICEGATE_CONFIG``, or the embedded default.

        Raises:
            ConfigError: the profile has faults.
        """
        return cls(load_profile(path))

    def close(self) -> None:
        """Give back what is kept ready for the next batch: idle databases and connections. Used again, it works, and keeps nothing."""
        self._databases.close()
        self.history.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @cached_property
    def target(self) -> Target:
        """Where committed batches go, unless their contract chooses otherwise."""
        return self.places.open_target()

    @cached_property
    def quarantine_store(self) -> QuarantineStore:
        """Where refused batches wait, unless their contract chooses otherwise."""
        return self.places.open_store()

    @cached_property
    def places(self) -> Places:
        """What contracts choose in them."""
        return Places(self.profile, target=lambda: self.target, store=lambda: self.quarantine_store)

    @cached_property
    def history(self) -> SqliteHistory:
        """Records of past runs."""
        from sluicegate.history.sqlite import SqliteHistory

        return SqliteHistory(self.profile.history)

    def plan(self, contract: str | Path | Contract, *, now: datetime | None = None) -> Plan:
        """Which engine would run which check, and in what words; needs no data.

        Raises:
            ContractError: the contract has faults; all of them are in it.
        """
        return plan(self._contract(contract), self.engines, _utc(now or self._clock()))

    def check(self, contract: str | Path | Contract, batch: object = None, **options: Any) -> RunOutcome:
        """Run the checks and decide, but leave the batch where it is. Takes what ``run`` takes."""
        return self._run(contract, batch, act=False, **options)

    def run(self, contract: str | Path | Contract, batch: object = None, **options: Any) -> RunOutcome:
        """Run the checks, decide, and commit the batch, quarantine it, or leave it where it is.

        The same batch handed in again, or by several at once, is acted on once: the others are told the first decision.

        Args:
            contract: a contract, asset or job file, or one that was loaded.
            batch: a path, a glob, a list of them, a pandas, polars or Arrow table, a record batch reader, a DuckDB relation;
                None for the ``source.path`` that the job or asset names.
            options: ``notify`` (False: what there is to tell is kept, for ``flush`` or the next run), ``batch_id`` (the idempotency key; default: from the content), ``format`` (default: from the suffix), ``options`` (how text files are written, see docs/batches.md; they go before the job's),
                ``now`` (the run's clock, in UTC if it has no zone; default: the gate's), ``progress`` (called with a few words at each step).

        Raises:
            ContractError: the contract has faults.
            UsageError: there is no such batch.
            BatchUnreadable: the batch isn't what its format says.
            BatchConflict: the target has this batch_id with other content.
            StorageError: the target or the quarantine can't be asked, or the decision could not be carried out; nothing was lost, and the call may be repeated.
        """
        return self._run(contract, batch, act=True, **options)

    def report(self, outcome: RunOutcome, kind: str, path: str | Path | None = None) -> str:
        """The report of a run as ``html``, ``junit``, ``github``, ``json`` or ``markdown``; written to ``path``, if one is given.

        Raises:
            UsageError: there is no such kind.
            StorageError: it can't be written.
        """
        from sluicegate.gate.reporting import report_of
        from sluicegate.report.destinations import save, text_of

        text = text_of(report_of(self, outcome, contract_file=_file_of(outcome.contract)), kind)
        if path is not None:
            save(text, Path(path))
        return text

    @interruptible()
    def _run(
        self,
        contract: str | Path | Contract,
        batch: object,
        *,
        act: bool,
        batch_id: str | None = None,
        format: str | None = None,  # noqa: A002 - the field's word
        options: Mapping[str, Any] | None = None,
        now: datetime | None = None,
        progress: Progress | None = None,
        notify: bool = True,
    ) -> RunOutcome:
        started = time.monotonic()
        tell = progress or _silent
        tell("reading the contract")
        agreed = self._contract(contract)
        self.places.refuse(agreed)
        self.places.learn(agreed)
        moment = _utc(now or self._clock())
        errand = Errand(
            alerting=self.alerting,
            contract=agreed,
            run_id=self._run_id(moment),
            now=moment,
            started=started,
            commands=lambda: self._commands(agreed, contract, batch),
            acts=act,
            delivers=notify,
            batch_id=batch_id or "",
        )
        tell("opening the batch")
        with errand.watching(), closing(self._open(agreed, batch, batch_id, format, options)) as opened:
            tell("planning")
            planned = plan(agreed, self.engines, moment, opened)
            verdict = self._verdict(planned, opened, tell)
            acted = self._act(planned, verdict, opened, tell, errand) if act else self._weigh(planned, verdict, opened, tell)
        outcome = RunOutcome(
            run_id=errand.run_id,
            contract=agreed,
            verdict=acted.verdict or verdict,
            action=acted.action,
            parts=acted.parts,
            receipt=acted.receipt,
            manifest=acted.manifest,
            seconds=errand.seconds,
            decided_before=acted.earlier,
            warnings=(*self.places.notes(agreed), *opened.notes, *acted.warnings),
        )
        return errand.finish(outcome, tell)

    def _contract(self, contract: str | Path | Contract) -> Contract:
        if isinstance(contract, Contract):
            return contract
        if not isinstance(contract, str | os.PathLike):
            raise UsageError(f"a contract can't be made of {type(contract).__qualname__}", hint="give a path, or a Contract")
        return self._shelf.load(Path(contract))

    def _judge(self, contract: Contract, batch: Batch, now: datetime, tell: Progress, *, judged: str = "") -> Verdict:
        planned = plan(contract, self.engines, now, batch)
        return self._verdict(narrowed(planned, judged), batch, tell)

    def _run_id(self, moment: datetime) -> str:
        return f"r-{moment:%Y%m%dT%H%M%S}-{secrets.token_hex(6)}"

    def _verdict(self, planned: Plan, batch: Batch, tell: Progress) -> Verdict:
        contract, profile = planned.contract, self.profile
        runnable = planned.by_engine
        if not batch.sealed and any(check.runs_own_sql for checks in runnable.values() for check in checks):
            raise EngineError("the batch was opened for other checks: this contract's own SQL must not see it")
        tell(f"running {plural(sum(map(len, runnable.values())), 'check')} on {', '.join(runnable) or 'no engine'}")
        results = run_checks(
            planned, batch, self.engines, lambda name: self._context(name, planned, batch), profile.timeout_seconds
        )
        tell("judging")
        outcomes = judge_all(planned, results, batch_rows=batch.rows, batch_id=batch.batch_id, history=self.history)
        outcomes = gather_evidence(
            outcomes,
            planned,
            batch.view(),
            keys=[spec.name for spec in contract.fields if spec.primary_key],
            classified=contract.classified_columns,
            rows=profile.evidence_rows,
            timeout=profile.timeout_seconds,
            repeats=batch.repeats,
        )
        return self._sign(planned, batch, outcomes)

    def _sign(self, planned: Plan, batch: Batch, outcomes: tuple[CheckOutcome, ...]) -> Verdict:
        contract = planned.contract
        decision, reasons = decide(outcomes, Policy.of(contract))
        versions = self.engines.versions(planned.by_engine)
        signed = verdict_id(
            outcomes=outcomes,
            contract_sha256=contract.sha256,
            batch_id=batch.batch_id,
            batch_sha256=batch.content_sha256,
            now=planned.now,
            engines=versions,
        )
        return Verdict(
            verdict_id=signed,
            decision=decision,
            outcomes=tuple(masked(item, contract.classified_columns) for item in outcomes),
            reasons=reasons,
            contract_name=contract.name,
            contract_version=contract.version,
            contract_sha256=contract.sha256,
            dataset=contract.dataset,
            batch_id=batch.batch_id,
            batch_sha256=batch.content_sha256,
            rows=batch.rows,
            now=planned.now,
            engines=versions,
        )

    def _context(self, engine: str, planned: Plan, batch: Batch) -> RunContext:
        contract = planned.contract
        return RunContext(
            now=planned.now,
            settings=_beside(contract, self.profile.engines.get(engine, {})),
            evidence_rows=self.profile.evidence_rows,
            parameters=_Parameters(
                batch_id=lambda: batch.batch_id,
                dataset=lambda: contract.dataset,
                tenant_id=lambda: contract.tenant,
                environment=lambda: contract.environment,
            ),
        )

    def _act(self, planned: Plan, verdict: Verdict, batch: Batch, tell: Progress, errand: Errand) -> Acted:
        """Do what the verdict says, unless a decision on this very batch stands already: the first one counts."""
        contract = planned.contract
        desk = replace(self._desk, target=self.places.target(contract), store=self.places.store(contract))
        door = Door(contract=contract, batch=batch, desk=desk, chosen=self.places.chosen(contract))
        tell("looking for an earlier decision")
        try:
            acted = self._standing(door, verdict) or self._act_first(door, planned, verdict, batch, tell, errand)
        except StorageError as error:
            if verdict.decision is not Decision.BLOCK:
                raise
            acted = Acted(action=ActionTaken.BLOCKED, warnings=(f"whether it was committed before could not be asked: {error}",))
        return replace(acted, warnings=(*acted.warnings, *_passes_too_late(acted, verdict), *door.notes))

    def _standing(self, door: Door, verdict: Verdict) -> Acted | None:
        try:
            return door.standing()
        except RowsGone:
            if verdict.decision is not Decision.QUARANTINE:
                raise
            return None  # splitting it again brings the rows at hand, and whoever keeps them finds the item, and what it lacks

    def _act_first(  # noqa: PLR0917 - all that acting takes
        self, door: Door, planned: Plan, verdict: Verdict, batch: Batch, tell: Progress, errand: Errand
    ) -> Acted:
        match verdict.decision:
            case Decision.COMMIT | Decision.COMMIT_WITH_WARNINGS:
                errand.plan(verdict)
                tell("committing")
                return door.commit(commit_properties(door.contract, verdict))
            case Decision.QUARANTINE:
                weighed = self._weigh(planned, verdict, batch, tell)
                verdict = weighed.verdict or verdict
                errand.plan(verdict, door.quarantine_id, weighed.parts)
                tell("quarantining")
                evidence = document(verdict, door.contract.classified_columns)
                if weighed.split is not None:
                    return door.split(weighed.split, verdict, evidence, nonce=secrets.token_hex(8))
                return replace(door.keep(verdict, evidence, nonce=secrets.token_hex(8)), verdict=verdict)
            case Decision.BLOCK:
                return Acted(action=ActionTaken.BLOCKED)

    def _weigh(self, planned: Plan, verdict: Verdict, batch: Batch, tell: Progress) -> Acted:
        """Whether a batch that is to be quarantined can be split; what would become of it, and nothing is done yet."""
        nothing = Acted(action=ActionTaken.CHECKED)
        if verdict.decision is not Decision.QUARANTINE or planned.contract.quarantine.scope != "rows":
            return nothing
        tell("splitting")
        found = split(planned, verdict, batch, lambda rest: self._verdict(planned, rest, tell))
        if isinstance(found, Split):
            return replace(nothing, split=found, parts=Parts.of(found))
        return replace(nothing, verdict=replace(verdict, reasons=(*verdict.reasons, f"not split into rows: {found.why}")))


class _Parameters(Mapping[str, str]):
    """Facts of a run, each found out when it is asked for: a batch_id may have to wait for the batch's fingerprint."""

    def __init__(self, **facts: Callable[[], str]) -> None:
        self._facts = facts

    def __getitem__(self, name: str) -> str:
        return self._facts[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _beside(contract: Contract, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """An engine's settings with ``{contract}`` in its ``rules`` filled: the folder of the contract's own file."""
    rules = settings.get("rules")
    if not isinstance(rules, list) or contract.folder is None:
        return settings
    folder = str(contract.folder)
    filled = [item.replace("{contract}", folder) if isinstance(item, str) else item for item in rules]
    return {**settings, "rules": [item for i, item in enumerate(filled) if item not in filled[:i]]}


def _passes_too_late(acted: Acted, verdict: Verdict) -> tuple[str, ...]:
    """A batch that waits in quarantine is not committed by being handed in again, whatever its checks say now."""
    if acted.manifest is None or acted.action is not ActionTaken.QUARANTINED or verdict.exit_code:
        return ()
    item = acted.manifest
    if item.status is QuarantineStatus.REPLAYING:
        return (
            f"its checks pass now, but this very batch was quarantined, and {item.owner} has it in hand until {item.lease_until}",
        )
    verb = f"`sluicegate quarantine replay {item.quarantine_id}`"
    return (f"its checks pass now, but this very batch waits in quarantine since {item.created_at[:16]}: {verb} commits it",)


def _file_of(contract: Contract) -> str:
    return str(contract.files[0]) if contract.files else contract.name


def _silent(_: str) -> None:
    pass
