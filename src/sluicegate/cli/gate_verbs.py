"""``check``, ``run`` and ``plan``: the verbs that stand before the gate."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluicegate.cli.report import plural, report_lines
from sluicegate.cli.screen import Screen
from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from sluicegate.contract.model import Contract
    from sluicegate.gate import Gate, PlannedCheck, RunOutcome

__all__ = ["check", "exit_code", "moment", "outcome_facts", "plan", "run", "show_outcome"]

WARNINGS = 1
_LEXERS = {"sql": "sql", "sodacl": "yaml", "gx": "json", "python": "python"}


def check(options: Namespace, screen: Screen) -> int:
    """Judge a batch; change nothing."""
    return _through_the_gate(options, screen, act=False)


def run(options: Namespace, screen: Screen) -> int:
    """Judge a batch, and act on it."""
    return _through_the_gate(options, screen, act=True)


def _through_the_gate(options: Namespace, screen: Screen, *, act: bool) -> int:
    from sluicegate.contract.loader import load_contract
    from sluicegate.gate import Gate

    now = moment(options.now) if options.now else None
    gate = Gate.from_config(options.config)
    contract = load_contract(options.contract)
    batch = _batch(options, contract)
    with screen.progress(f"{'running' if act else 'checking'} {plural(len(contract.checks), 'check')} …"):
        gated = gate.run if act else gate.check
        outcome = gated(contract, batch, batch_id=options.batch_id, format=options.format or _said(contract, "format"), now=now)
    facts = outcome_facts(outcome, next_command=_next(options, outcome))
    show_outcome(facts, screen)
    return exit_code(outcome, fail_on_warnings=options.fail_on_warnings)


def show_outcome(facts: Mapping[str, Any], screen: Screen) -> None:
    """The report, in the form that was asked for."""
    screen.document(facts)
    if screen.quiet:
        where = (facts.get("quarantine") or {}).get("quarantine_id") or (facts.get("commit") or {}).get("location") or ""
        screen.line(f"{facts['action']} {facts['verdict']['decision']} {facts['verdict']['batch']['batch_id']} {where}".rstrip())
        return
    screen.lines(report_lines(facts, width=screen.width, verbose=screen.verbose))


def exit_code(outcome: RunOutcome, *, fail_on_warnings: bool = False) -> int:
    """The verdict's exit code; 1 for warnings if asked."""
    warned = outcome.verdict.decision.value == "commit_with_warnings"
    return outcome.verdict.exit_code or (WARNINGS if warned and fail_on_warnings else 0)


def moment(text: str) -> datetime:
    """An ISO 8601 time as the run's clock; without a zone it is UTC.

    Raises:
        UsageError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--now {text!r} is not a time", hint="write it like 2013-01-01T06:00:00Z") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _said(contract: Contract, key: str) -> Any:
    source = contract.settings.get("source") or {}
    return source.get(key)


def _batch(options: Namespace, contract: Contract) -> list[str] | Path | str:
    if options.batch:
        return list(options.batch)
    path = _said(contract, "path")
    if not path:
        raise UsageError("no batch was given", hint="name its files after the contract, or give source.path in the job or asset file")
    if "://" in str(path):
        return str(path)
    from pathlib import Path

    return [str(Path(contract.files[0]).parent / str(item)) for item in (path if isinstance(path, list | tuple) else [path])]


def _next(options: Namespace, outcome: RunOutcome) -> str:
    config = f" --config {shlex.quote(options.config)}" if options.config else ""
    if outcome.manifest is not None:
        return f"sluicegate quarantine show {outcome.manifest.quarantine_id}{config}"
    if outcome.action == "checked" and outcome.verdict.decision.value.startswith("commit"):
        given = [options.contract, *options.batch]
        named = ["--batch-id", options.batch_id] if options.batch_id else []
        clock = ["--now", options.now] if options.now else []
        return shlex.join(["sluicegate", "run", *given, *named, *clock]) + config
    if outcome.verdict.exit_code == 5:  # noqa: PLR2004 - an engine broke
        return f"sluicegate doctor{config}"
    return ""


def outcome_facts(outcome: RunOutcome, *, next_command: str = "") -> dict[str, Any]:
    """What ``--json`` prints, and what the report is made from: the verdict document and what was done about it."""
    from sluicegate.verdict.document import document

    receipt, manifest = outcome.receipt, outcome.manifest
    return {
        "run_id": outcome.run_id,
        "action": str(outcome.action),
        "exit_code": exit_code(outcome),
        "seconds": outcome.seconds,
        "commit": receipt and {"location": receipt.location, "rows": receipt.rows, "already_there": receipt.already_there},
        "quarantine": manifest and {"quarantine_id": manifest.quarantine_id, "status": manifest.status.value, "expires_at": manifest.expires_at},
        "verdict": document(outcome.verdict, outcome.contract.classified_columns),
        "next": next_command,
    }


def plan(options: Namespace, screen: Screen) -> int:
    """Print each engine's share of the contract, then what nothing runs."""
    from sluicegate.contract.loader import load_contract
    from sluicegate.gate import Gate

    contract = load_contract(options.contract)
    planned = Gate.from_config(options.config).plan(contract)
    chosen = [item for item in planned.checks if options.engine in {None, item.engine}]
    if options.engine and not chosen:
        raise UsageError(f"no check of this contract runs on {options.engine!r}", hint=f"engines in the plan: {', '.join(planned.by_engine)}")
    screen.document({"contract": contract.name, "version": contract.version, "checks": [_plan_document(item) for item in chosen]})
    for engine in dict.fromkeys(item.engine for item in chosen if item.translation):
        _show_engine(engine, [item for item in chosen if item.engine == engine and item.translation], screen)
    _show_rest("unsupported", [(item.check.name, item.unsupported) for item in chosen if item.unsupported], screen)
    _show_rest("skipped", [(item.check.name, item.skipped) for item in chosen if item.skipped], screen)
    return 0


def _plan_document(item: PlannedCheck) -> dict[str, Any]:
    translation = item.translation
    return {
        "id": item.check.id,
        "name": item.check.name,
        "engine": item.engine,
        "translation": translation and {"language": translation.language, "text": translation.text},
        "unsupported": item.unsupported,
        "skipped": item.skipped,
    }


def _show_engine(engine: str, items: list[PlannedCheck], screen: Screen) -> None:
    screen.line((f"── {engine} · {plural(len(items), 'check')} ", "bold"), ("─" * max(0, screen.width - len(engine) - 20), "dim"))
    for item in items:
        if item.translation is None:
            continue
        screen.line((f"# {item.check.name}", "dim"))
        screen.code(item.translation.text, _LEXERS.get(item.translation.language, "text"))
    screen.line("")


def _show_rest(what: str, items: list[tuple[str, str]], screen: Screen) -> None:
    from sluicegate.cli.report import MARKS
    from sluicegate.cli.screen import clean, wrap

    if not items:
        return
    screen.line((f"── {what} · {plural(len(items), 'check')} ", "bold"))
    for name, reason in items:
        mark, style = MARKS[what]
        screen.line((mark, style), f" {clean(name)}")
        screen.lines([((f"    {line}", "dim"),) for line in wrap(clean(reason), screen.width - 4)])
    screen.line("")
