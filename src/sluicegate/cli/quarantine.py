"""``quarantine list`` and ``quarantine show``: what waits, and why."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluicegate.cli.report import check_lines
from sluicegate.cli.screen import Line, Screen, clean, grid, wrap
from sluicegate.errors import SluicegateError, UsageError
from sluicegate.report.wording import counts_text, near
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate import Gate
    from sluicegate.ports.quarantine import Manifest

__all__ = ["gate_of", "list_items", "show_item", "show_items", "show_trouble", "told_error"]


def gate_of(options: Namespace) -> Gate:
    """The profile's gate, which also knows the places of the contracts that ``--at`` names."""
    from sluicegate import Gate
    from sluicegate.contract.loader import load_contract

    gate = Gate.from_config(options.config)
    for path in options.at or ():
        gate.places.learn(load_contract(path))
    return gate


def list_items(options: Namespace, screen: Screen) -> int:
    """Every item of the profile's quarantine store, newest first; exit code 6 if some can't be read, after those that can."""
    from sluicegate.gate.keep import every
    from sluicegate.ports.quarantine import QuarantineStatus

    statuses = {status.value for status in QuarantineStatus}
    if options.status and options.status not in statuses:
        raise UsageError(f"no item can be {options.status!r}", hint=f"known: {', '.join(sorted(statuses))}")
    items, trouble = every(gate_of(options).places.store())
    found = [item for item in items if options.status in {None, item.status.value} and options.dataset in {None, item.dataset}]
    screen.document({"items": [_brief(item) for item in found], "error": told_error(trouble)})
    if found:
        show_items(found, screen)
    elif not trouble:
        screen.line("nothing is in quarantine" + (" that fits" if options.status or options.dataset else ""))
    return show_trouble(trouble, screen)


def told_error(trouble: SluicegateError | None) -> dict[str, str] | None:
    """What some of many items broke on, as JSON."""
    return {"message": trouble.message, "hint": trouble.hint} if trouble else None


def show_trouble(trouble: SluicegateError | None, screen: Screen) -> int:
    """The same for a person, and its exit code."""
    if trouble is None:
        return 0
    screen.problem(f"error: {trouble.message}" + (f"\n  hint: {trouble.hint}" if trouble.hint else ""))
    return trouble.exit_code


def show_items(found: list[Manifest], screen: Screen) -> None:
    """Items as a table."""
    rows = [
        (
            item.quarantine_id,
            item.status.value,
            item.dataset,
            item.batch_id,
            f"{item.rows:,}" if item.scope == "batch" else f"{item.rows:,} of {item.batch_rows:,}",
            minute(item.created_at),
            item.reason,
        )
        for item in found
    ]
    header = ("ID", "STATUS", "DATASET", "BATCH", "ROWS", "SINCE (UTC)", "REASON")
    for i, line in enumerate(grid(header, rows, screen.width)):
        screen.line((line, "bold" if i == 0 else ""))


def minute(moment: str) -> str:
    """An ISO time to the minute."""
    return moment.replace("T", " ")[:16]


def _brief(item: Manifest) -> dict[str, object]:
    document = item.as_json()
    return {key: value for key, value in document.items() if key not in {"contract_text", "verdict", "history", "files"}}


def show_item(options: Namespace, screen: Screen) -> int:
    """One item: its story, its verdict and its files."""
    item = gate_of(options).places.store().get(options.quarantine_id)
    screen.document(item.as_json())
    screen.lines(_story(item, screen.width))
    if item.verdict:
        refused = [check for check in item.verdict["checks"] if screen.verbose or check["outcome"] not in {"passed", "skipped"}]
        screen.line("")
        screen.line((counts_text(item.verdict), "bold"), "" if screen.verbose else "; those that did not pass:")
        screen.lines(check_lines(refused, width=screen.width, verbose=screen.verbose))
    screen.line("")
    screen.line((f"files ({plural(len(item.files), 'file')})", "bold"))
    for file in item.files:
        told = f"{file.path}, {plural(file.bytes, 'byte')}"
        if item.scope == "batch":  # broken rows have no file of their own that they came from
            told += f", from {near(file.original)}"
        screen.lines([(line,) for line in wrap(clean(told), screen.width)])
    screen.line(("history", "bold"))
    for step in item.history:
        screen.lines(
            [
                ((line, ""),)
                for line in wrap(clean(f"{minute(step.at)}  {step.status.value} by {step.by}: {step.why}"), screen.width)
            ]
        )
    return 0


def _story(item: Manifest, width: int) -> Iterator[Line]:
    yield ((item.quarantine_id, "bold"), f"  {item.status.value}, attempt {item.attempt}")
    facts = [
        f"{item.dataset} of {item.tenant}",
        f"batch {item.batch_id}",
        plural(item.rows, "row") if item.scope == "batch" else f"{item.rows:,} of {plural(item.batch_rows or 0, 'row')}",
        item.format,
        f"contract {item.contract_name} {item.contract_version}",
        f"since {minute(item.created_at)} UTC",
        _expiry(item),
    ]
    for line in wrap(clean(" · ".join(fact for fact in facts if fact)), width - 2):
        yield ((f"  {line}", "dim"),)
    for line in wrap(clean(f"because {item.reason}"), width - 2):
        yield ((f"  {line}", ""),)
    if item.scope == "rows":
        for told in (
            _rest(item),
            *(f"{of['name']}: {plural(of['rows'], 'row')}" for of in item.split.get("checks", {}).values()),
        ):
            for line in wrap(clean(told), width - 2):
                yield ((f"  {line}", ""),)


def _rest(item: Manifest) -> str:
    from sluicegate.gate.rest import rest_step

    step = rest_step(item)
    rest = plural((item.batch_rows or 0) - item.rows, "other row")
    if step is not None:
        return f"the {rest} of the batch went to {near(str(step.details['rest_location']))}"
    return f"the {rest} of the batch: not known to be committed; hand the batch in again, or run `sluicegate recover`"


def _expiry(item: Manifest) -> str:
    if item.expires_at is None:
        return "kept until somebody deletes it"
    passed = datetime.fromisoformat(item.expires_at) < datetime.now(UTC)
    return f"{'may be deleted since' if passed else 'kept until'} {minute(item.expires_at)}"
