"""Whole processes, timed in turn (A B A B …), so that a machine that changes its pace changes it for both."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Command", "Run", "Runs", "in_one_process", "median", "once", "paired", "ratio"]


@dataclass(frozen=True, slots=True)
class Run:
    """One process, or one call in it: wall and CPU seconds, peak resident memory in MB (0: not its own process)."""

    wall: float
    cpu: float
    peak_mb: float


Runs = Mapping[str, Sequence[Run]]
"""Who -> what each round took them."""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to be measured, and the code that it must end with."""

    words: tuple[str, ...]
    exits: int = 0


_LAUNCHER = """
import json, os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
figures = [time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]
os.write(int(sys.argv[1]), json.dumps([os.waitstatus_to_exitcode(status), figures]).encode())
"""


def once(command: Sequence[str], allowed: Collection[int] = (0,), folder: Path | None = None) -> Run:
    """Run one process to its end, in a folder.

    A small process starts it: on Linux a process begins with the peak of the one that it was forked from.

    Raises:
        RuntimeError: it ended with another code than the allowed ones.
    """
    reader, writer = os.pipe()
    with open(reader) as answers:  # noqa: PTH123 - from a descriptor
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(writer), *command]
        done = subprocess.run(
            launcher, env=_compiled(), cwd=folder, pass_fds=(writer,), stderr=subprocess.PIPE, text=True, check=True
        )
        os.close(writer)
        code, figures = json.loads(answers.read())
    if code not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {done.stderr}")
    return Run(*figures)


def paired(commands: Mapping[str, Command], rounds: int, folder: Path | None = None, *, warm_up: bool = True) -> Runs:
    """So many counted rounds, after one that isn't counted.

    Raises:
        RuntimeError: one ended with another code than it should.
    """
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(rounds + warm_up):
        for name, command in commands.items():
            run = once(command.words, {command.exits}, folder)
            if number >= warm_up:
                runs[name].append(run)
    return runs


def in_one_process(command: Sequence[str], folder: Path | None = None) -> Runs:
    """Run a script that measures by itself, and prints ``{who: [[wall, cpu], …]}`` as JSON.

    Raises:
        RuntimeError: it didn't end well.
    """
    done = subprocess.run(command, env=_compiled(), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return {name: [Run(wall, cpu, 0) for wall, cpu in rounds] for name, rounds in json.loads(done.stdout).items()}


def median(runs: Sequence[Run]) -> Run:
    """Of each figure for itself."""
    return Run(*(statistics.median(getattr(run, figure) for run in runs) for figure in Run.__slots__))


def ratio(runs: Runs, one: str, other: str, figure: str = "wall") -> float:
    """The median, over the rounds, of how many times the other's figure one took in the same round."""
    ratios: list[float] = [getattr(mine, figure) / getattr(its, figure) for mine, its in zip(runs[one], runs[other], strict=True)]
    return statistics.median(ratios)


def _compiled() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
