"""Whole processes, timed in turn (A B A B …), so that a machine that changes its pace changes it for both."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Run", "once", "paired"]


@dataclass(frozen=True, slots=True)
class Run:
    """One process: wall and CPU seconds, peak resident memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


def once(command: Sequence[str], allowed: frozenset[int]) -> Run:
    """Run one process to its end.

    Raises:
        RuntimeError: it ended with another code than the allowed ones.
    """
    started = time.perf_counter()
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=compiled) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        complaint = process.stderr.read().decode() if process.stderr else ""
    wall = time.perf_counter() - started
    if process.returncode not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {complaint}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def paired(commands: Mapping[str, Sequence[str]], rounds: int, allowed: frozenset[int] = frozenset({0})) -> dict[str, Run]:
    """Medians of ``rounds`` counted rounds, after one that isn't counted."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            run = once(command, allowed)
            if number:
                runs[name].append(run)
    return {
        name: Run(*(statistics.median(getattr(run, figure) for run in made) for figure in ("wall", "cpu", "peak_mb")))
        for name, made in runs.items()
    }
