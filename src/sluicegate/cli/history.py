"""``history``: past runs, newest first, and how the checks that did not hold moved."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sluicegate.cli.screen import Screen, clean, grid
from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from sluicegate.history.record import RunRecord

__all__ = ["history", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"
_NOT_HELD = ("warned", "failed", "errored", "unsupported")


def history(options: Namespace, screen: Screen) -> int:
    """Past runs as a table, and a line of bars per dataset."""
    from dataclasses import asdict

    from sluicegate import Gate

    if options.limit < 1:
        raise UsageError("--limit must be at least 1")
    past = Gate.from_config(options.config).history
    runs = list(past.runs(contract=options.contract, dataset=options.dataset, limit=options.limit))
    screen.document({"runs": [asdict(run) | {"figures": run.open_figures} for run in runs]})
    if not runs:
        screen.line("no run is on record" + (" that fits" if options.contract or options.dataset else ""))
        return 0
    header = ("WHEN (UTC)", "DATASET", "BATCH", "ROWS", "ACTION", "FAILED", "WARNED", "PASSED", "OTHER", "SECONDS", "RUN")
    for i, line in enumerate(grid(header, [_row(run) for run in runs], screen.width)):
        screen.line((line, "bold" if i == 0 else ""))
    screen.line("")
    for dataset in dict.fromkeys(run.dataset for run in runs):
        counts = [_not_held(run) for run in reversed(runs) if run.dataset == dataset]
        told = f"{clean(dataset)}: checks that did not hold, oldest to newest  {sparkline(counts)}  {counts[-1]} in the last run"
        screen.line((told, "dim"))
    return 0


def _row(run: RunRecord) -> Sequence[str]:
    counts = run.counts
    other = sum(counts.get(name, 0) for name in ("errored", "unsupported", "skipped"))
    return (
        run.started_at.replace("T", " ")[:16],
        run.dataset,
        run.batch_id,
        f"{run.rows:,}",
        run.action,
        *(str(counts.get(name, 0)) for name in ("failed", "warned", "passed")),
        str(other),
        f"{run.seconds:.2f}",
        run.run_id,
    )


def _not_held(run: RunRecord) -> int:
    return sum(run.counts.get(name, 0) for name in _NOT_HELD)


def sparkline(figures: Iterable[int]) -> str:
    """Figures as bars; zero is always the lowest, and only zero is.

    >>> sparkline([0, 1, 8])
    '▁▂█'
    """
    counts = list(figures)
    top = max(counts, default=0)
    return "".join(_BARS[0] if not count else _BARS[max(1, count * (len(_BARS) - 1) // top)] for count in counts)
