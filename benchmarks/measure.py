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

__all__ = ["Run", "once", "paired"]


@dataclass(frozen=True, slots=True)
class Run:
    """One process: wall and CPU seconds, peak resident memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


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
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    reader, writer = os.pipe()
    with open(reader) as answers:  # noqa: PTH123 - from a descriptor
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(writer), *command]
        done = subprocess.run(
            launcher, env=compiled, cwd=folder, pass_fds=(writer,), stderr=subprocess.PIPE, text=True, check=True
        )
        os.close(writer)
        code, figures = json.loads(answers.read())
    if code not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {done.stderr}")
    return Run(*figures)


def paired(commands: Mapping[str, Sequence[str]], rounds: int, allowed: Collection[int] = (0,)) -> dict[str, Run]:
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
