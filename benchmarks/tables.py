"""What was measured, for people: Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from benchmarks.bars import BARS
from benchmarks.cases import CASES, Case
from benchmarks.measure import Run, Runs, median, ratio

__all__ = ["bars_table", "case_table", "in_order", "machine"]


def bars_table(measured: Mapping[str, Runs]) -> str:
    """What is asked, and what it came to; of the cases that were measured."""
    lines = ["| asked for | at most | measured | |", "|---|---|---|---|"]
    for bar in BARS:
        runs = measured.get(bar.case)
        if runs is not None:
            figures = [_figure(bar.at_most, bar.unit), _figure(bar.measured(runs), bar.unit)]
            lines.append(f"| {bar.wanted} | {' | '.join(figures)} | {'met' if bar.met(runs) else '**missed**'} |")
    return "\n".join([*lines, ""])


def case_table(case: Case, runs: Runs) -> str:
    """One case: medians, the first contender being 1."""
    first = next(iter(runs))
    count = len(runs[first])
    lines = [
        f"### {_capital(case.title)}",
        "",
        f"| {count} round{'s' * (count > 1)} | wall | ratio | CPU | peak memory |",
        "|---|---|---|---|---|",
    ]
    for name, made in runs.items():
        lines.append(f"| {name} | {' | '.join(_cells(median(made), ratio(runs, name, first)))} |")
    return "\n".join([*lines, ""])


def machine() -> str:
    """The machine, and what stands on it."""
    return "; ".join(_described())


def _described() -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores ({_processor()})"
    yield f"{memory:.0f} GiB of memory"
    yield f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    yield ", ".join(f"{name} {version(name)}" for name in ("duckdb", "soda-core-duckdb", "great-expectations", "pyarrow"))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as told:  # noqa: PTH123 - no path of ours
            return next(line.partition(":")[2].strip() for line in told if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def _cells(run: Run, times: float) -> list[str]:
    memory = f"{run.peak_mb:,.0f} MB" if run.peak_mb else ""
    return [_seconds(run.wall), f"{times:.2f}", _seconds(run.cpu), memory]


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:.3g}{unit}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def in_order(measured: Mapping[str, Runs]) -> Iterator[tuple[Case, Runs]]:
    """The cases that were measured, as they stand in the list."""
    return ((case, measured[case.name]) for case in CASES if case.name in measured)
