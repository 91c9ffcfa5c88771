"""``check``, ``run`` and ``plan``: the verbs that stand before the gate."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluicegate.cli.program import program
from sluicegate.cli.report import report_lines
from sluicegate.cli.screen import Screen, cells, clean, wrap
from sluicegate.errors import UsageError
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate import Gate
    from sluicegate.checks.questions import Question
    from sluicegate.cli.reports import Reports
    from sluicegate.gate.outcome import RunOutcome
    from sluicegate.gate.plan import PlannedCheck

__all__ = ["check", "exit_code", "moment", "plan", "run", "show_outcome", "text_options"]

WARNINGS, ENGINE_BROKE = 1, 5
_LEXERS = {"sql": "sql", "sodacl": "yaml", "gx": "json", "python": "python"}


def check(options: Namespace, screen: Screen) -> int:
    """Judge a batch; change nothing."""
    return _through_the_gate(options, screen, act=False)


def run(options: Namespace, screen: Screen) -> int:
    """Judge a batch, and act on it."""
    return _through_the_gate(options, screen, act=True)


def _through_the_gate(options: Namespace, screen: Screen, *, act: bool) -> int:
    if not options.report:
        return _judged(options, screen, act=act)
    from sluicegate.cli.reports import reports

    with reports(options, screen) as wanted:
        return _judged(options, screen, wanted, act=act)


def _judged(options: Namespace, screen: Screen, wanted: Reports | None = None, *, act: bool) -> int:
    from sluicegate import Gate

    now = moment(options.now) if options.now else None
    gate = Gate.from_config(options.config)
    with screen.progress("starting") as tell:
        outcome = (gate.run if act else gate.check)(
            options.contract,
            options.batch or None,
            batch_id=options.batch_id,
            format=options.format,
            options=text_options(options.options),
            now=now,
            progress=tell,
            notify=options.notify,
        )
    code = exit_code(outcome, fail_on_warnings=options.fail_on_warnings)
    more = {"next": _next(options, outcome, gate), "exit_code": code}
    if wanted is None:
        show_outcome(outcome.as_document() | more, screen)
        return code
    from sluicegate.gate.reporting import report_of

    with wanted.beside():
        show_outcome(outcome.as_document() | more, screen, in_words=not wanted.take_standard_output)
    wanted.write(lambda: report_of(gate, outcome, contract_file=options.contract, more=more))
    return code


def show_outcome(facts: Mapping[str, Any], screen: Screen, *, in_words: bool = True) -> None:
    """The report, in the form that was asked for; without words only what a person should know beside it."""
    screen.document(facts)
    if not in_words:
        pass
    elif screen.quiet:
        where = facts["location"] or facts["quarantine_id"] or ""
        screen.line(f"{facts['action']} {facts['verdict']['decision']} {facts['verdict']['batch']['batch_id']} {where}".rstrip())
    else:
        screen.lines(report_lines(facts, width=screen.width, verbose=screen.verbose))
    for warning in facts["warnings"]:
        screen.problem(f"warning: {warning}")


def exit_code(outcome: RunOutcome, *, fail_on_warnings: bool = False) -> int:
    """The outcome's exit code; 1 for warnings if asked, and for a batch that was split."""
    warned = outcome.parts is not None or outcome.verdict.decision.value == "commit_with_warnings"
    return outcome.exit_code or (WARNINGS if warned and fail_on_warnings else 0)


def text_options(given: Sequence[str]) -> dict[str, Any]:
    """What ``--option NAME=VALUE`` says, each time that it was given.

    Raises:
        UsageError: one has no ``=``.

    >>> text_options(["delimiter=;", "header=false", "null_values=NA", "null_values=-"])
    {'delimiter': ';', 'header': False, 'null_values': ['NA', '-']}
    """
    found: dict[str, Any] = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not separator:
            raise UsageError(
                f"--option {each!r} says nothing", hint="such as --option delimiter=';' or --option encoding=latin-1"
            )
        if name == "null_values":
            found.setdefault(name, []).append(value)
        else:
            found[name] = {"true": True, "false": False}.get(value.lower(), value) if name == "header" else value
    return found


def moment(text: str, option: str = "--now") -> datetime:
    """An ISO 8601 time as the run's clock; without a zone it is UTC.

    Raises:
        UsageError: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r} is not a time", hint="write it like 2013-01-01T06:00:00Z") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _next(options: Namespace, outcome: RunOutcome, gate: Gate) -> str:
    if outcome.manifest is None and outcome.exit_code != ENGINE_BROKE and not (outcome.action == "checked" and outcome.passed):
        return ""
    from sluicegate.gate.commands import Commands

    elsewhere = gate.places.is_elsewhere(outcome.contract)
    commands = Commands(program=program(), contract=options.contract, config=options.config or "", elsewhere=elsewhere)
    if outcome.manifest is not None:
        waits = outcome.action == "quarantined" and outcome.verdict.exit_code == 0
        return (commands.replay if waits else commands.show)(outcome.manifest.quarantine_id)
    if outcome.action == "checked" and outcome.passed:
        given = [*options.batch, *(word for each in options.options for word in ("--option", each))]
        asked = (("--batch-id", options.batch_id), ("--format", options.format), ("--now", options.now))
        return commands.run(*given, *(word for pair in asked if pair[1] for word in pair))
    return commands.doctor()


def plan(options: Namespace, screen: Screen) -> int:
    """Print each engine's share of the contract, then what nothing runs."""
    from sluicegate import Gate

    planned = Gate.from_config(options.config).plan(options.contract)
    contract = planned.contract
    chosen = [item for item in planned.checks if options.engine in {None, item.engine}]
    if options.engine and not chosen:
        known = ", ".join(planned.by_engine) or "none"
        raise UsageError(f"no check of this contract runs on {options.engine!r}", hint=f"engines in the plan: {known}")
    questions = [question for item in chosen if item.translation for question in item.translation.questions]
    screen.document(
        {
            "contract": contract.name,
            "version": contract.version,
            "scan": _scan_document(questions),
            "checks": [_plan_document(item) for item in chosen],
        }
    )
    _show_scan(_scan_document(questions), screen)
    for engine in dict.fromkeys(item.engine for item in chosen if item.translation):
        _show_engine(engine, [item for item in chosen if item.engine == engine and item.translation], screen)
    _show_rest("unsupported", [(item.check.name, item.unsupported) for item in chosen if item.unsupported], screen)
    _show_rest("errored", [(item.check.name, item.fault.message) for item in chosen if item.fault], screen)
    _show_rest("skipped", [(item.check.name, item.skipped) for item in chosen if item.skipped], screen)
    return 0


def _plan_document(item: PlannedCheck) -> dict[str, Any]:
    translation = item.translation
    return {
        "id": item.check.id,
        "name": item.check.name,
        "engine": item.engine,
        "translation": translation and {"language": translation.language, "text": translation.text},
        "questions": _questions_document(translation.questions if translation else ()),
        "own_path": item.own_path,
        "unsupported": item.unsupported,
        "skipped": item.skipped,
        "error": item.fault.message if item.fault else "",
    }


def _questions_document(questions: Iterable[Question]) -> list[dict[str, Any]]:
    from sluicegate.checks.questions import Key

    return [{"key": list(item.columns)} if isinstance(item, Key) else {"aggregate": item.sql} for item in questions]


def _scan_document(questions: Sequence[Question]) -> dict[str, Any]:
    """What the one scan does for all engines: its statements, and the keys whose repeats it counts."""
    from sluicegate.scan.scan import statements

    asked = _questions_document(dict.fromkeys(questions))
    return {"statements": list(statements(questions)), "keys": [item["key"] for item in asked if "key" in item]}


def _show_scan(scan: Mapping[str, Any], screen: Screen) -> None:
    from sluicegate.checks.sqltext import identifier

    if not scan["statements"] and not scan["keys"]:
        return
    _show_title("one scan for all engines", screen)
    for statement in scan["statements"]:
        screen.code(statement, "sql")
    for key in scan["keys"]:
        screen.line((f"-- and how often each value of this key occurs: {clean(', '.join(map(identifier, key)))}", "dim"))
    screen.line("")


def _show_title(text: str, screen: Screen) -> None:
    title = f"── {text} "
    screen.line((title, "bold"), ("─" * max(0, screen.width - cells(title)), "dim"))


def _show_engine(engine: str, items: list[PlannedCheck], screen: Screen) -> None:
    _show_title(f"{engine} · {plural(len(items), 'check')}", screen)
    for item in items:
        if item.translation is None:
            continue
        screen.line((f"# {item.check.name}", "dim"))
        if item.own_path:
            screen.line((f"# reads the batch by itself: {item.own_path}", "dim"))
        screen.code(item.translation.text, _LEXERS.get(item.translation.language, "text"))
    screen.line("")


def _show_rest(what: str, items: list[tuple[str, str]], screen: Screen) -> None:
    from sluicegate.cli.report import MARKS

    if not items:
        return
    screen.line((f"── {what} · {plural(len(items), 'check')} ", "bold"))
    for name, reason in items:
        mark, style = MARKS[what]
        screen.line((mark, style), f" {clean(name)}")
        screen.lines([((f"    {line}", "dim"),) for line in wrap(clean(reason), screen.width - 4)])
    screen.line("")
