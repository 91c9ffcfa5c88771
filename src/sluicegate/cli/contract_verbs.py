"""``contract lint``, ``contract show`` and ``contract init``."""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.cli.report import SHORT_ENGINES
from sluicegate.cli.screen import Screen, clean, grid, wrap
from sluicegate.errors import ContractError, Fault, StorageError, UsageError
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate.checks.contract_check import ContractCheck
    from sluicegate.checks.types import BatchSchema
    from sluicegate.contract.model import Contract
    from sluicegate.gate.plan import PlannedCheck
    from sluicegate.notify.reach import Inspected
    from sluicegate.ports.source import Source

__all__ = ["init", "lint_files", "show"]

_FAULTY = 2


def lint_files(options: Namespace, screen: Screen) -> int:
    """Say everything that is wrong with each file; 2 if any of it is a fault."""
    people = _People(options.config)
    reports = [(path, *_lint(path, options.config, people)) for path in options.contracts]
    reports += people.report()
    screen.document(
        {
            "files": [
                {"file": path, "faults": [asdict(item) for item in faults], "warnings": [asdict(item) for item in warnings]}
                for path, faults, warnings in reports
            ]
        }
    )
    for path, faults, warnings in reports:
        for kind, style, found in (("fault", "bold red", faults), ("warning", "yellow", warnings)):
            for item in found:
                place = f"{item.file}:{item.line}:{item.column}" if item.line else item.file
                screen.line(
                    clean(place),
                    ": ",
                    (kind, style),
                    f": {clean(item.message)}" + (f" ({clean(item.hint)})" if item.hint else ""),
                )
        if not faults:
            screen.line((f"{path}: ", ""), ("no fault", "green"), f", {plural(len(warnings), 'warning')}")
    faulty = sum(1 for _, faults, _ in reports if faults)
    if faulty:
        screen.problem(f"{plural(sum(len(faults) for _, faults, _ in reports), 'fault')} in {plural(faulty, 'file')}")
    return _FAULTY if faulty else 0


class _People:
    """The profile's notifications, looked at once for all contracts, and not before one can be read."""

    def __init__(self, config: str | None) -> None:
        self._config = config

    @cached_property
    def file(self) -> Path | None:
        from sluicegate.config import load_profile

        return load_profile(self._config).notifications

    @cached_property
    def found(self) -> Inspected:
        from sluicegate.notify.reach import inspect

        return inspect(self.file, os.environ)

    def unreachable(self, contract: Contract) -> tuple[Fault, ...]:
        from sluicegate.notify.reach import unreachable

        if self.found.faults and self.found.settings is None:
            return ()  # what is wrong with the file is told
        return unreachable(contract, self.found.settings, self.found.notifiers)

    def report(self) -> list[tuple[str, tuple[Fault, ...], tuple[Fault, ...]]]:
        """What there is to say of the file itself."""
        asked = "found" in self.__dict__ and self.file
        return [(str(self.file), self.found.faults, self.found.warnings)] if asked else []


def _lint(path: str, config: str | None, people: _People) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Faults and warnings of one file: what its text says, and what the engines that are installed say to each check."""
    from sluicegate import Gate
    from sluicegate.contract.lint import lint
    from sluicegate.contract.loader import load_contract
    from sluicegate.contract.model import Action
    from sluicegate.gate.plan import unknown_engines

    try:
        contract = load_contract(Path(path))
        gate = Gate.from_config(config)
        unknown = unknown_engines(contract, gate.engines)
        elsewhere = {(fault.file, fault.line, fault.column) for fault in unknown}
        known = (check for check in contract.checks if (check.file, check.line, check.column) not in elsewhere)
        planned = gate.plan(replace(contract, checks=tuple(known)))  # the others are told too
    except ContractError as error:
        return error.faults, ()
    except UsageError as error:
        return (Fault(path, 0, 0, error.message, error.hint),), ()
    broken = [_at(item, f"{item.check.name!r}: {item.fault.message}", item.fault.hint) for item in planned.checks if item.fault]
    unsupported = [
        _at(item, f"no engine runs {item.check.name!r}: {item.unsupported}") for item in planned.checks if item.unsupported
    ]
    placed = gate.places.faults(contract)
    warnings = _by_place(*lint(contract, gate.places.notes(contract)), *people.unreachable(contract))
    if contract.policy.on_unsupported is Action.WARN:
        return _by_place(*placed, *unknown, *broken), _by_place(*warnings, *unsupported)
    return _by_place(*placed, *unknown, *broken, *unsupported), warnings


def _at(item: PlannedCheck, message: str, hint: str = "") -> Fault:
    return Fault(item.check.file, item.check.line, item.check.column, message, hint)


def _by_place(*faults: Fault) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column)))


def show(options: Namespace, screen: Screen) -> int:
    """The contract after files, variables and defaults have been put together."""
    from sluicegate.contract.loader import load_contract

    contract = load_contract(Path(options.contract))
    screen.document(_contract_document(contract))
    screen.line((contract.name, "bold"), f" {contract.version} · {contract.status} · owner {contract.owner}")
    if contract.description:
        screen.lines([(f"  {line}",) for line in wrap(clean(contract.description), screen.width - 2)])
    if contract.documentation_url:
        screen.line(f"  {clean(contract.documentation_url)}")
    for name, lines in _parts(contract, screen.width):
        screen.line("")
        screen.line((name, "bold"))
        screen.lines([(f"  {line}",) for line in lines])
    return 0


def _parts(contract: Contract, width: int) -> Iterator[tuple[str, list[str]]]:
    policy, quarantine = contract.policy, contract.quarantine
    yield (
        "about",
        [
            f"dataset {contract.dataset}, tenant {contract.tenant}, environment {contract.environment}",
            f"enforcement {contract.enforcement}, an empty batch is {'allowed' if contract.allow_empty else 'not allowed'}",
            f"classified columns: {', '.join(sorted(contract.classified_columns)) or 'none'}",
        ],
    )
    rows = [_check_row(check) for check in contract.checks]
    header = ("CHECK", "WHERE", "SEVERITY", "AREA", "ALLOWED", "ENGINE", "PROMISE")
    yield f"{plural(len(rows), 'check')}", list(grid(header, rows, width - 2))
    kept = "for good" if quarantine.retention_days is None else plural(quarantine.retention_days, "day")
    channels = (
        f" by {', '.join(contract.notification.channels)}" if contract.notification.channels else " by the default channels"
    )
    yield (
        "on a violation",
        [
            f"of the schema: {policy.on_schema_violation}; of quality: {policy.on_quality_violation}",
            f"of the SLA: {policy.on_sla_violation}; of what no engine can run: {policy.on_unsupported}",
            f"quarantine: kept {kept}" if quarantine.enabled else "quarantine: off, the batch is blocked instead",
            f"tell {', '.join(contract.notification.recipients) or 'whom it concerns'}{channels}",
        ],
    )
    sources = [f"read from {path}" for path in contract.files]
    sources += [f"refers to {name}: {place}" for name, place in contract.references.items()]
    sources += [f"{key}: {_one_line(value)}" for key, value in contract.settings.items() if value]
    yield "where from", [part for line in sources for part in wrap(clean(line), width - 2)]


def _one_line(value: Any) -> str:
    return ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, Mapping) else str(value)


def _check_row(check: ContractCheck) -> tuple[str, ...]:
    place = f"{Path(check.file).name}:{check.line}" if check.line else "implied"
    return (check.name, place, check.severity.value, check.area.value, str(check.tolerance), _engine(check), _promise(check))


def _engine(check: ContractCheck) -> str:
    engine = getattr(check.promise, "engine", None) or check.engine or "any"
    return SHORT_ENGINES.get(engine, engine)


def _promise(check: ContractCheck) -> str:
    from sluicegate.checks.contract_check import NativeCheck, Untestable

    match check.promise:
        case NativeCheck(engine=engine, kind=kind):
            return f"{engine}: {kind}"
        case Untestable(key=key):
            return key
        case promise:
            named = getattr(promise, "column", None) or ", ".join(getattr(promise, "columns", ()))
            return f"{promise.type_name}({named})" if named else promise.type_name


def _contract_document(contract: Contract) -> dict[str, Any]:
    from sluicegate.checks.contract_check import plain

    shown = replace(contract, notification=replace(contract.notification, places={}))
    document = {key: plain(getattr(shown, key)) for key in contract.__dataclass_fields__ if key not in {"text", "checks"}}
    document["checks"] = [
        {
            "id": check.id,
            "name": check.name,
            "type": getattr(check.promise, "type_name", type(check.promise).__name__),
            "promise": plain(check.promise),
            "engine": check.engine,
            "severity": check.severity.value,
            "area": check.area.value,
            "tolerance": plain(check.tolerance),
            "warn_tolerance": plain(check.warn_tolerance),
            "description": check.description,
            "fingerprint": check.fingerprint,
            "place": {"file": check.file, "line": check.line, "column": check.column},
        }
        for check in contract.checks
    ]
    return document


def init(options: Namespace, screen: Screen) -> int:
    """Write a contract to start from; with ``--from``, its schema is that file's."""
    from sluicegate.contract.scaffold import scaffold

    if not options.name.strip():
        raise UsageError("a contract needs a name", hint="sluicegate contract init orders")
    text = scaffold(options.name, _schema_of(options.source) if options.source else None)
    if options.output == "-":
        screen.document({"contract": text})
        screen.lines((line,) for line in text.splitlines())
        return 0
    path = Path(options.output or f"{options.name}.contract.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:  # never over somebody's work
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already", hint="choose another place with --output") from error
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}", hint="choose another place with --output") from error
    screen.document({"path": str(path)})
    screen.line(f"wrote {path}")
    screen.line(("next: ", "dim"), (shlex.join(["sluicegate", "contract", "lint", str(path)]), "bold"))
    return 0


def _schema_of(source: str) -> BatchSchema:
    from contextlib import closing

    from sluicegate import Gate
    from sluicegate.batch.source import open_batch

    def source_of(scheme: str) -> Source:  # only a URI needs the profile
        return Gate.from_config().places.source(scheme)

    with closing(open_batch(source, sources=source_of)) as batch:
        return batch.schema
