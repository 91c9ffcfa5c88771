"""``demo``: three real days through the gate, one committed, one committed with warnings, one quarantined."""

from __future__ import annotations

import os
import shutil
from argparse import Namespace
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.cli.program import program
from sluicegate.cli.report import report_lines
from sluicegate.cli.screen import Screen, wrap
from sluicegate.errors import StorageError, UsageError
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate.gate.gate import Gate

__all__ = ["DAYS", "demo", "source_folder"]

DAYS: Mapping[str, str] = {
    "2013-11-28": "Thanksgiving: every flight flew",
    "2013-12-31": "New Year's Eve: a few cancellations",
    "2013-02-08": "the blizzard Nemo: half the flights cancelled",
}
_LEFT = {"__pycache__", ".sluicegate"}
"""What a checkout may have beside the contract, and the demo must not take along."""
_MORNING = time(10, tzinfo=UTC)
_PROFILE = """\
# The demo's gate: everything below this folder. Rules come from the contract's own folder only.
target: {type: parquet, path: "data/{dataset}"}
quarantine: {type: local, path: quarantine}
history: {path: history.sqlite}
engines:
  python: {rules: [flights/rules]}
"""


def source_folder() -> Path:
    """The flights: beside the package in a wheel, under ``contracts/`` in a checkout.

    Raises:
        UsageError: neither is there.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_demo" / "flights", package.parents[1] / "contracts" / "flights"):
        if (folder / "contract.yaml").is_file():
            return folder
    raise UsageError(
        "the demo's data is not part of this installation", hint="install sluicegate from its wheel, or run inside a checkout"
    )


def demo(options: Namespace, screen: Screen) -> int:
    """Run the three days, and say where everything is. Again gives the same: nothing is committed twice."""
    from sluicegate import Gate

    folder = Path(options.dir)
    _prepare(folder)
    gate = Gate.from_config(folder / "gate.yaml")
    outcomes = []
    for number, (day, story) in enumerate(DAYS.items(), 1):
        screen.line((f"── {number} of {len(DAYS)} · {day} · {story} ", "bold"))
        facts = _run_day(gate, folder, day, screen)
        outcomes.append(facts)
        if screen.quiet:
            screen.line(f"{facts['action']} {facts['verdict']['decision']} {day}")
        else:
            screen.lines(report_lines(facts, width=screen.width, verbose=screen.verbose))
        screen.line("")
    screen.document({"folder": str(folder), "runs": outcomes})
    _closing(folder, outcomes, screen)
    return 0


def _prepare(folder: Path) -> None:
    """Copy the contract, its rules and its data, and write a profile; what is there already is kept, edits too."""
    source = source_folder()
    try:
        for path in (path for path in source.rglob("*") if path.is_file() and not _LEFT.intersection(path.parts)):
            copy = folder / "flights" / path.relative_to(source)
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        if not (folder / "gate.yaml").exists():
            (folder / "gate.yaml").write_text(_PROFILE, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"the demo can't be set up in {folder}: {error.strerror}", hint="name another folder: sluicegate demo --dir FOLDER"
        ) from error


def _run_day(gate: Gate, folder: Path, day: str, screen: Screen) -> dict[str, Any]:
    now = datetime.combine(date.fromisoformat(day) + timedelta(days=1), _MORNING)
    flights = folder / "flights"
    with screen.progress(day) as tell:
        outcome = gate.run(flights / "contract.yaml", flights / "data" / f"{day}.parquet", batch_id=day, now=now, progress=tell)
    return outcome.as_document()


def _closing(folder: Path, outcomes: list[dict[str, Any]], screen: Screen) -> None:
    shown = Path(os.path.relpath(folder)) if not os.path.relpath(folder).startswith("..") else folder
    profile, flights = shown / "gate.yaml", shown / "flights"
    held = next((item["quarantine_id"] for item in outcomes if item["quarantine_id"]), "ID")
    rows = sum(item["verdict"]["batch"]["rows"] for item in outcomes if item["action"] == "committed")
    for line in wrap(
        f"Committed: {plural(rows, 'row')} in {shown / 'data' / 'flights'}. Held: {held}. The same again changes nothing: try it.",
        screen.width,
    ):
        screen.line(line)
    screen.line("")
    screen.line(("What to try next", "bold"))
    for what, command in (
        ("see why the blizzard is held", f"{program()} quarantine show {held} --config {profile}"),
        ("get its file back", f"{program()} quarantine export {held} {shown / 'held'} --config {profile}"),
        ("see what each engine runs", f"{program()} plan {flights / 'contract.yaml'}"),
        ("see the three runs", f"{program()} history --config {profile}"),
        (
            "change the contract and look",
            f"{program()} check {flights / 'contract.yaml'} {flights / 'data' / '2013-12-31.parquet'} --now 2014-01-01T10:00Z --config {profile}",
        ),
        ("start your own", f"{program()} contract init NAME --from FILE"),
    ):
        screen.line((f"  # {what}", "dim"))
        screen.line(f"  {command}")
