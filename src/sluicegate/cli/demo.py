"""``demo``: three real days through the gate, one committed, one with warnings, one quarantined, repaired and replayed; then the table."""

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
target: @target
quarantine: {type: local, path: quarantine}
history: {path: history.sqlite}
engines:
  python: {rules: [flights/rules]}
"""
_ICEBERG = "{type: iceberg} # an embedded catalog: SQLite, and a warehouse in this folder"
_PARQUET = '{type: parquet, path: "data/{dataset}"}'


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
    """Run the three days, repair the third, and show the table. Again gives the same: nothing is committed twice."""
    from sluicegate import Gate
    from sluicegate.cli.demo_repair import repair
    from sluicegate.cli.demo_table import show_table

    folder = Path(options.dir)
    if not _prepare(folder):
        screen.line("pyiceberg is not installed: committed batches go to a Parquet dataset.")
        screen.line("For an Iceberg table: pip install 'sluicegate[iceberg]', and name another --dir.")
        screen.line("")
    gate = Gate.from_config(folder / "gate.yaml")
    outcomes = []
    for number, (day, story) in enumerate(DAYS.items(), 1):
        screen.line((f"── {number} of 5 · {day} · {story} ", "bold"))
        facts = _run_day(gate, folder, day, screen)
        outcomes.append(facts)
        if screen.quiet:
            screen.line(f"{facts['action']} {facts['verdict']['decision']} {day}")
        else:
            screen.lines(report_lines(facts if number == 1 else _noted(facts), width=screen.width, verbose=screen.verbose))
        screen.line("")
    shown = _shown(folder)
    screen.line(("── 4 of 5 · what waits, its repair, and its replay ", "bold"))
    replayed = repair(gate, folder, shown, screen, day=day, now=moment_of(day))
    screen.line("")
    screen.line(("── 5 of 5 · what the table holds now ", "bold"))
    table = show_table(gate.profile, screen)
    screen.line("")
    screen.document({"folder": str(folder), "runs": outcomes, "replay": replayed, "table": table})
    _closing(shown, replayed["quarantine_id"], screen)
    return 0


def moment_of(day: str) -> datetime:
    """The morning after: when such a batch comes."""
    return datetime.combine(date.fromisoformat(day) + timedelta(days=1), _MORNING)


def _noted(facts: dict[str, Any]) -> dict[str, Any]:
    """A report without what the first day's has shown already: the checks that pass."""
    verdict = facts["verdict"]
    noted = [check for check in verdict["checks"] if check["outcome"] not in {"passed", "skipped"}]
    return {**facts, "verdict": {**verdict, "checks": noted}}


def _shown(folder: Path) -> Path:
    return Path(os.path.relpath(folder)) if not os.path.relpath(folder).startswith("..") else folder


def _prepare(folder: Path) -> bool:
    """Copy the contract, its rules and its data, and write a profile; what is there already is kept, edits too.

    Returns:
        Whether there can be an Iceberg table.
    """
    from importlib.util import find_spec

    can = all(find_spec(name) for name in ("pyiceberg", "sqlalchemy"))
    source = source_folder()
    try:
        for path in (path for path in source.rglob("*") if path.is_file() and not _LEFT.intersection(path.parts)):
            copy = folder / "flights" / path.relative_to(source)
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        if not (folder / "gate.yaml").exists():
            (folder / "gate.yaml").write_text(_PROFILE.replace("@target", _ICEBERG if can else _PARQUET), encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"the demo can't be set up in {folder}: {error.strerror}", hint="name another folder: sluicegate demo --dir FOLDER"
        ) from error
    return can


def _run_day(gate: Gate, folder: Path, day: str, screen: Screen) -> dict[str, Any]:
    flights = folder / "flights"
    with screen.progress(day) as tell:
        outcome = gate.run(
            flights / "contract.yaml", flights / "data" / f"{day}.parquet", batch_id=day, now=moment_of(day), progress=tell
        )
    return outcome.as_document()


def _closing(shown: Path, replayed: str, screen: Screen) -> None:
    profile, flights = shown / "gate.yaml", shown / "flights"
    for line in wrap(f"Everything is in {shown}. The same again changes nothing: try it.", screen.width):
        screen.line(line)
    screen.line("")
    screen.line(("What to try next", "bold"))
    for what, command in (
        ("the blizzard's whole story", f"{program()} quarantine show {replayed} --config {profile}"),
        ("its file as it came", f"{program()} quarantine export {replayed} {shown / 'held'} --config {profile}"),
        ("what each engine runs", f"{program()} plan {flights / 'contract.yaml'}"),
        ("the runs", f"{program()} history --config {profile}"),
        (
            "change the contract and look",
            f"{program()} check {flights / 'contract.yaml'} {flights / 'data' / '2013-12-31.parquet'} --now 2014-01-01T10:00Z --config {profile}",
        ),
        ("start your own", f"{program()} contract init NAME --from FILE"),
    ):
        screen.line((f"  # {what}", "dim"))
        screen.line(f"  {command}")
