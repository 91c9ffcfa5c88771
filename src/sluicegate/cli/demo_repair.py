"""The demo's fourth part: what waits in quarantine, a corrected delivery of it, and its replay by ID."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.cli.program import program
from sluicegate.cli.quarantine import show_items
from sluicegate.cli.quarantine_work import show_replay
from sluicegate.cli.screen import Screen, wrap
from sluicegate.errors import StorageError, UsageError

if TYPE_CHECKING:
    from sluicegate.gate.gate import Gate

__all__ = ["repair"]

_WHY = "the airline confirmed: flights that never left are no departures"


def repair(gate: Gate, folder: Path, shown: Path, screen: Screen, *, day: str, now: datetime) -> Mapping[str, Any]:
    """List, repair, replay; what came of the replay.

    Args:
        gate: the demo's.
        folder: the demo's.
        shown: the same, as it is told.
        screen: where it is told.
        day: of the batch that was refused.
        now: the clock of the checks.

    Raises:
        UsageError: nothing waits: the contract was edited, say.
        StorageError: the repaired file can't be written.
    """
    items = [item for item in gate.quarantine_store.list() if item.batch_id == day]
    if not items:
        raise UsageError("nothing was quarantined", hint="is the contract as it was? Name another folder: --dir FOLDER")
    item, config = items[0], f"--config {shown / 'gate.yaml'}"
    _say(f"quarantine list {config}", screen)
    show_items(items, screen)
    screen.line("")
    screen.line("What never left is no departure. The corrected delivery, in one statement:")
    source, copy = Path("flights") / "data" / f"{day}.parquet", Path("repaired") / f"{day}.parquet"
    told = _statement(shown / source, shown / copy)
    for line in wrap(told, screen.width - 2):
        screen.line((f"  {line}", "dim"))
    _write(folder / source, folder / copy)
    screen.line("")
    words = [f"--with {shown / 'flights' / 'contract.yaml'}", f"--data {shown / copy}", f"--now {now:%Y-%m-%dT%H:%MZ}", config]
    _say(f"quarantine replay {item.quarantine_id} {' '.join(words)}", screen)
    outcome = gate.replay(
        item.quarantine_id, folder / "flights" / "contract.yaml", data=folder / copy, now=now, by="demo", why=_WHY
    )
    facts = outcome.as_document()
    show_replay(facts, screen)
    if outcome.passed and outcome.verdict:
        screen.line("Fewer flights than the SLA promises: here that warns, and holds nothing back.")
    return facts


def _say(command: str, screen: Screen) -> None:
    screen.line((f"  {program()} {command}", "dim"))


def _statement(source: Path, copy: Path) -> str:
    from sluicegate.checks.sqltext import literal

    return f"COPY (SELECT * FROM read_parquet({literal(str(source))}) WHERE dep_time IS NOT NULL) TO {literal(str(copy))}"


def _write(source: Path, copy: Path) -> None:
    """Write the corrected delivery, if it isn't there: a replay is answered with its first outcome for the same bytes only."""
    import duckdb

    if copy.exists():
        return
    part = copy.with_suffix(".part")
    try:
        copy.parent.mkdir(exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute(_statement(source, part).removesuffix(")") + " (FORMAT parquet)")
        part.replace(copy)
    except (OSError, duckdb.Error) as error:
        raise StorageError(f"{copy} can't be written: {error}", hint="name another folder: --dir FOLDER") from error
