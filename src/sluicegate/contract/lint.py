"""What can be said of a contract without any data: what is likely not what its author means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sluicegate.checks.contract_check import ContractCheck, Untestable
from sluicegate.checks.model import Pattern, Reference
from sluicegate.contract.decode import did_you_mean
from sluicegate.contract.dialects.reading import is_remote
from sluicegate.contract.model import CLASSIFIED, Action, Contract, Enforcement, FieldSpec
from sluicegate.contract.placing import placing
from sluicegate.errors import Fault

__all__ = ["lint", "not_acted_on"]

_OPEN_CLASSES = frozenset({"public", "internal", "open", "none", "unclassified", "general", "non_sensitive"})


def lint(contract: Contract, notes: tuple[str, ...] | None = None) -> tuple[Fault, ...]:
    """Everything worth a look, in the order of places; an empty tuple is a clean contract.

    Engines are asked by the plan, channels by ``notify.reach``.

    Args:
        contract: what was read.
        notes: what the profile at hand does not act on; default: what the embedded one doesn't.
    """
    file = _file(contract)
    found = [*contract.warnings, *_whole(contract), *_doubles(contract.checks)]
    found += [Fault(file, 0, 0, sentence) for sentence in (not_acted_on(contract) if notes is None else notes)]
    found += _references(contract, file)
    for spec in contract.fields:
        found += _field(contract, spec)
    for check in contract.checks:
        found += _promise(contract, check)
    return tuple(sorted(found, key=lambda fault: (fault.file, fault.line, fault.column)))


def not_acted_on(
    contract: Contract, *, store: str = "local", target: str = "parquet", settings: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """What the contract asks for that is not done, a sentence each: told at lint, and in every run.

    Args:
        contract: what was read.
        store: the type of the profile's quarantine store; the embedded profile's by default.
        target: the type of the profile's target; likewise.
        settings: that target's.
    """
    sentences = []
    if store != "s3" and (contract.quarantine.s3_bucket or contract.quarantine.s3_prefix):
        sentences.append(
            f"quarantine.s3_bucket, s3_prefix: the profile's quarantine store is {store!r}: refused batches wait there, not in a bucket"
        )
    return (*sentences, *placing(contract, target, settings or {}).notes)


def _file(contract: Contract) -> str:
    return contract.checks[0].file if contract.checks else str(contract.files[0]) if contract.files else contract.name


def _whole(contract: Contract) -> Iterator[Fault]:
    file = _file(contract)
    if all(isinstance(check.promise, Untestable) for check in contract.checks):
        yield Fault(file, 0, 0, "this contract tests nothing: no batch will pass it", "declare a schema, or write quality_checks")
    if contract.enforcement is Enforcement.DISABLED:
        yield Fault(file, 0, 0, "enforcement is disabled: no check is run")
    if not contract.quarantine.enabled and Action.QUARANTINE in {
        contract.policy.on_schema_violation,
        contract.policy.on_quality_violation,
        contract.policy.on_sla_violation,
    }:
        yield Fault(file, 0, 0, "a violation means quarantine, and quarantine is not enabled: such batches are blocked")
    yield from _scope(contract, file)


def _scope(contract: Contract, file: str) -> Iterator[Fault]:
    """A scope of rows that splits nothing."""
    policy, rows = contract.quarantine, contract.quarantine.scope == "rows"
    if policy.max_quarantined is not None and not rows:
        yield Fault(
            file, 0, 0, "quarantine.max_quarantined is for 'scope: rows': whole batches have no such limit", "scope: rows"
        )
    if not rows:
        return
    if not any(check.splits and contract.policy.on(check.area) is Action.QUARANTINE for check in contract.checks):
        hint = "row-level canonical checks of severity error do, where their area's violation means quarantine"
        yield Fault(file, 0, 0, "'scope: rows' never splits a batch: no check that quarantines can name the rows", hint)


def _at(check: ContractCheck, message: str, hint: str = "") -> Fault:
    return Fault(check.file, check.line, check.column, message, hint)


def _doubles(checks: tuple[ContractCheck, ...]) -> Iterator[Fault]:
    first: dict[tuple[str, str, str | None], ContractCheck] = {}
    for check in checks:
        if isinstance(check.promise, Untestable):
            continue
        other = first.setdefault((check.fingerprint, check.area, check.engine), check)
        if other is not check:
            yield _at(check, f"{check.name!r} is tested already", f"see line {other.line} of {Path(other.file).name}")


def _field(contract: Contract, spec: FieldSpec) -> Iterator[Fault]:
    word = (spec.classification or "").strip().lower()
    if word and not spec.is_classified and word not in _OPEN_CLASSES:
        hint = did_you_mean(word, CLASSIFIED)
        yield Fault(
            _file(contract), 0, 0, f"the classification {word!r} of {spec.name!r} is not known: its values are not masked", hint
        )


def _promise(contract: Contract, check: ContractCheck) -> Iterator[Fault]:
    match check.promise:
        case Untestable(key="sla.freshness.max_age_hours", reason=reason):
            yield _at(check, f"the freshness of the SLA can't be tested: {reason}")
        case Pattern() as pattern:
            yield from _pattern(check, pattern)
        case Reference(dataset=dataset):
            location = contract.references.get(dataset, dataset)
            if _is_missing(location):
                yield _at(check, f"the dataset {dataset!r} is not there", f"looked for {location}")


def _references(contract: Contract, file: str) -> Iterator[Fault]:
    """References that only other checks than ``reference`` read; those are looked at with their check."""
    known = {check.promise.dataset for check in contract.checks if isinstance(check.promise, Reference)}
    for name, location in contract.references.items():
        if name not in known and _is_missing(location):
            yield Fault(file, 0, 0, f"the reference {name!r} is not there", f"looked for {location}")


def _is_missing(location: str) -> bool:
    return not is_remote(location) and not any(mark in location for mark in "*?[") and not Path(location).exists()


def _pattern(check: ContractCheck, pattern: Pattern) -> Iterator[Fault]:
    from sluicegate.checks.patterns import inspect_pattern

    facts = inspect_pattern(pattern.pattern)
    if facts.python_only:
        features = ", ".join(facts.python_only)
        yield _at(check, f"the pattern uses {features}: most engines (RE2) can't run it", "rewrite it, or use a Python rule")
