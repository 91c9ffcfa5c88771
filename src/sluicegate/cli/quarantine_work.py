"""``quarantine replay``, ``release``, ``review``, ``delete``, ``purge``, ``verify`` and ``export``: deciding on what waits."""

from __future__ import annotations

import getpass
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sluicegate.cli.gate_verbs import moment
from sluicegate.cli.quarantine import gate_of, show_trouble, told_error
from sluicegate.cli.report import check_lines
from sluicegate.cli.screen import Screen, clean, wrap
from sluicegate.errors import SluicegateError, UsageError
from sluicegate.report.wording import counts_text
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate import Gate
    from sluicegate.gate.keep import Kept
    from sluicegate.ports.quarantine import Manifest

__all__ = ["delete", "export", "purge", "release", "replay", "review", "show_replay", "verify"]


def _who(options: Namespace) -> str:
    """The name that was given, else that of the user."""
    if options.by:
        return str(options.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def replay(options: Namespace, screen: Screen) -> int:
    """Run items through the gate again; the exit code is the highest of theirs."""
    from sluicegate.gate.ward import pacer

    gate = gate_of(options)
    chosen, trouble = _chosen(gate, options)
    if options.data and len(chosen) != 1:
        raise UsageError("--data is for one item", hint="name one ID")
    now = moment(options.now) if options.now else None
    pace, told = pacer(options.rate), []
    for quarantine_id in chosen:
        pace()
        with screen.progress(quarantine_id) as tell:
            told.append(_one(gate, quarantine_id, options, now=now, progress=tell))
        show_replay(told[-1], screen)
    code = max([item["exit_code"] for item in told] + ([trouble.exit_code] if trouble else []), default=0)
    screen.document({"items": told, "error": told_error(trouble), "exit_code": code})
    show_trouble(trouble, screen)
    if not told and not trouble:
        screen.line("nothing waits that fits")
    elif len(told) > 1:
        screen.line(f"{plural(len(told), 'item')}: {sum(bool(item.get('passed')) for item in told)} passed")
    return int(code)


def _chosen(gate: Gate, options: Namespace) -> tuple[list[str], SluicegateError | None]:
    """The items that were named, or all that wait and fit; and why some can't be told."""
    from datetime import datetime

    from sluicegate.gate.items import WAITING
    from sluicegate.gate.keep import every

    filters = (options.contract, options.since, options.reason)
    named = list(dict.fromkeys(options.quarantine_ids))
    if bool(named) == any(word is not None for word in filters):
        raise UsageError("name items, or choose them by --contract, --since or --reason", hint="sluicegate quarantine list")
    if named:
        return named, None
    items, trouble = every(gate.places.store())
    since = moment(options.since, "--since") if options.since else None
    return [
        item.quarantine_id
        for item in items
        if item.status in WAITING
        and options.contract in {None, item.contract_name}
        and (since is None or datetime.fromisoformat(item.created_at) >= since)
        and (options.reason or "").lower() in item.reason.lower()
    ], trouble


def _one(gate: Gate, quarantine_id: str, options: Namespace, **more: Any) -> dict[str, Any]:
    """What came of one item; with several, an error of one doesn't keep the others."""
    try:
        outcome = gate.replay(
            quarantine_id,
            options.with_contract,
            beside=options.beside,
            data=options.data,
            format=options.format,
            original_clock=options.original_clock,
            dry_run=options.dry_run,
            by=_who(options),
            why=options.note,
            **more,
        )
    except SluicegateError as error:
        if len(options.quarantine_ids) == 1:
            raise
        found = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        return {"quarantine_id": quarantine_id, "error": found, "exit_code": error.exit_code}
    return outcome.as_document()


def show_replay(facts: Mapping[str, Any], screen: Screen) -> None:
    """What came of one item."""
    if error := facts.get("error"):
        screen.problem(f"{facts['quarantine_id']}: {error['message']}" + (f" ({error['hint']})" if error["hint"] else ""))
        return
    verdict = facts["verdict"]
    if facts["dry_run"]:
        said = "would be committed" if facts["passed"] else "would stay in quarantine"
    else:
        said = (
            f"{facts['status']}: {facts['location']}" if facts["passed"] else f"stays in quarantine, attempt {facts['attempt']}"
        )
    screen.line((facts["quarantine_id"], "bold"), f"  {said}")
    if verdict and not screen.quiet:
        refused = [item for item in verdict["checks"] if screen.verbose or item["outcome"] not in {"passed", "skipped"}]
        on = f", on {facts['judged']}" if facts["judged"] else ""
        screen.line((f"  {counts_text(verdict)}{on}", "dim"))
        screen.lines(check_lines(refused, width=screen.width, verbose=screen.verbose))
    for warning in facts["warnings"]:
        screen.problem(f"warning: {warning}")


def release(options: Namespace, screen: Screen) -> int:
    """Commit an item as it is."""
    outcome = gate_of(options).release(
        options.quarantine_id, options.with_contract, by=options.by, reason=options.reason, beside=options.beside
    )
    facts = outcome.as_document()
    screen.document(facts)
    show_replay(facts, screen)
    return outcome.exit_code


def review(options: Namespace, screen: Screen) -> int:
    """Note that somebody looked."""
    item = gate_of(options).review(options.quarantine_id, by=_who(options), note=options.note, hold=options.hold)
    return _told(item, screen)


def delete(options: Namespace, screen: Screen) -> int:
    """Tombstone first, bytes after."""
    return _told(gate_of(options).delete(options.quarantine_id, by=_who(options), reason=options.reason), screen)


def _told(item: Manifest, screen: Screen) -> int:
    step = item.history[-1]
    screen.document(
        {"quarantine_id": item.quarantine_id, "status": item.status.value, "held": item.held, "by": step.by, "why": step.why}
    )
    held = ", on hold" if item.held else ""
    for line in wrap(clean(f"{item.quarantine_id}  {item.status.value}{held}, by {step.by}: {step.why}"), screen.width):
        screen.line(line)
    return 0


def purge(options: Namespace, screen: Screen) -> int:
    """Delete what has expired."""
    done = gate_of(options).purge(by=_who(options), dry_run=options.dry_run, rate=options.rate)
    return _list(done, screen, nothing="nothing has expired")


def verify(options: Namespace, screen: Screen) -> int:
    """Every item's bytes against their checksums; exit code 6 if any is damaged."""
    return _list(gate_of(options).verify(options.quarantine_ids), screen, nothing="nothing is kept")


def _list(kept: Iterable[Kept], screen: Screen, *, nothing: str) -> int:
    """One line for each as it is done; what broke the listing itself comes last."""
    items: list[Kept] = []
    trouble: SluicegateError | None = None
    for item in _until_trouble(kept):
        if isinstance(item, SluicegateError):
            trouble = item
            continue
        items.append(item)
        screen.line((item.manifest.quarantine_id, "bold"), f"  {item.done}" + (f": {item.told}" if item.told else ""))
    code = max([item.exit_code for item in items] + ([trouble.exit_code] if trouble else []), default=0)
    listed = [
        {"quarantine_id": item.manifest.quarantine_id, "done": item.done, "told": item.told, "exit_code": item.exit_code}
        for item in items
    ]
    screen.document({"items": listed, "error": told_error(trouble), "exit_code": code})
    show_trouble(trouble, screen)
    if not items and not trouble:
        screen.line(nothing)
    return code


def _until_trouble(kept: Iterable[Kept]) -> Iterator[Kept | SluicegateError]:
    try:
        yield from kept
    except SluicegateError as error:
        yield error


def export(options: Namespace, screen: Screen) -> int:
    """Get the files back."""
    files = gate_of(options).export(options.quarantine_id, options.folder)
    screen.document({"quarantine_id": options.quarantine_id, "files": [str(path) for path in files]})
    for path in files:
        screen.line(str(path))
    return 0
