"""What we ask of ourselves: each bar, and how it is read off the cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from benchmarks.cases import CHECK, HAND, HAND_FUSED
from benchmarks.measure import Runs, median, ratio

__all__ = ["BARS", "Bar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row of the table.

    Attributes:
        wanted: what is asked, in words.
        case: in which case it is measured.
        measured: reads it off; what is asked is that it be at most ``at_most``.
        unit: of both.
    """

    wanted: str
    case: str
    measured: Callable[[Runs], float]
    at_most: float
    unit: str = "×"

    def met(self, runs: Runs) -> bool:
        """Whether it is kept."""
        return self.measured(runs) <= self.at_most


def _times(one: str, other: str, figure: str = "wall", divided: float = 1) -> Callable[[Runs], float]:
    return lambda runs: ratio(runs, one, other, figure) / divided


def _worst(figure: str) -> Callable[[Runs], float]:
    """Against the best of the other tools, whichever that is."""
    return lambda runs: max(ratio(runs, CHECK, name, figure) for name in runs if name not in {CHECK, HAND})


_TEN, _HUNDRED = "`sluicegate check`, 10 M rows", "`sluicegate check`, 100 M rows"
_ALONE, _TOGETHER = "Soda, then GX on pandas", "`sluicegate check`, three engines"

BARS = (
    Bar(
        wanted="canonical checks, 1 M rows, against the hand-written script",
        case="one-million",
        measured=_times(CHECK, HAND),
        at_most=1.3,
    ),
    Bar(wanted="the same at 10 M rows", case="ten-million", measured=_times(CHECK, HAND), at_most=0.9),
    Bar(
        wanted="against the fastest of the other tools, 10 M rows: time",
        case="tools-large",
        measured=_worst("wall"),
        at_most=1,
    ),
    Bar(
        wanted="against the leanest of the other tools, 10 M rows: memory",
        case="tools-large",
        measured=_worst("peak_mb"),
        at_most=1,
    ),
    Bar(
        wanted="in one process, warm, all on GX, against the hand-fused query",
        case="warm",
        measured=_times("all on Great Expectations", HAND_FUSED),
        at_most=1.3,
    ),
    Bar(wanted="the same, all on Soda", case="warm", measured=_times("all on Soda", HAND_FUSED), at_most=1.3),
    Bar(
        wanted="three engines, against Soda and then GX on pandas: time",
        case="three-engines",
        measured=_times(_TOGETHER, _ALONE),
        at_most=0.35,
    ),
    Bar(
        wanted="the same: memory",
        case="three-engines",
        measured=_times(_TOGETHER, _ALONE, "peak_mb"),
        at_most=0.5,
    ),
    Bar(
        wanted="100 M rows, against ten times 10 M rows",
        case="hundred-million",
        measured=_times(_HUNDRED, _TEN, divided=10),
        at_most=1.15,
    ),
    Bar(
        wanted="the same: memory",
        case="hundred-million",
        measured=lambda runs: median(runs[_HUNDRED]).peak_mb,
        at_most=4000,
        unit=" MB",
    ),
    Bar(
        wanted="400 checks, against 20 on the same columns", case="checks", measured=_times("400 checks", "20 checks"), at_most=4
    ),
    Bar(
        wanted="small batches through one `Gate`, with commit and history, each",
        case="small-batches",
        measured=lambda runs: 1000 * fmean(run.wall for run in runs["a batch"]),
        at_most=25,
        unit=" ms",
    ),
    Bar(
        wanted="dirty batch with evidence, against the clean one",
        case="dirty",
        measured=_times("dirty, with evidence", "clean"),
        at_most=1.5,
    ),
)
