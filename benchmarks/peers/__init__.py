"""Other tools: a folder each, with what it needs (``requirements.in``, pinned in ``requirements.txt``) and its scripts.

A script is given a Parquet file of orders, runs the twelve checks on it, and prints how many rows broke which, by the names in
``benchmarks/contracts.py``, as JSON. The first line of its docstring is its name in the tables.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contracts import NAMES
from benchmarks.measure import Command

__all__ = ["Peer", "all_peers", "compared", "install", "pin"]

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_UV = _ROOT / ".tools" / "bin" / "uv"
_ENVIRONMENTS = _ROOT / ".tools" / "peers"
_BENEATH = ("duckdb", "polars", "pandas", "sqlalchemy")
_SLOW = "Left out of the quick set"
_ROW_CHECKS = frozenset(NAMES) - {"rows", "status_complete", "order_id_unique", "code_unique"}
"""Whose broken rows everybody counts alike: of a key some count the rows, others the values."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One script of a tool."""

    script: Path

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self._docstring.splitlines()[0]

    @property
    def slow(self) -> bool:
        """Whether the quick set leaves it out."""
        return _SLOW in self._docstring

    @property
    def _docstring(self) -> str:
        return ast.get_docstring(ast.parse(self.script.read_text())) or self.script.stem

    @property
    def versions(self) -> str:
        """The tool's version, and those of what it stands on."""
        folder = self.script.parent
        asked = [line.strip() for line in (folder / "requirements.in").read_text().split()]
        wanted = {re.split(r"[\[<>=]", name)[0] for name in asked} | set(_BENEATH)
        pinned = re.findall(r"^([\w.-]+)==(\S+)", (folder / "requirements.txt").read_text(), re.MULTILINE)
        return ", ".join(f"{name} {version}" for name, version in pinned if name in wanted)

    def command(self, batch: str) -> Command:
        """It, on a file of orders."""
        python = _ENVIRONMENTS / self.script.parent.name / "bin" / "python"
        return Command((str(python), str(self.script), batch))

    def findings(self, batch: str) -> Mapping[str, object]:
        """What it says of a file: check -> how many broke it.

        Raises:
            RuntimeError: it didn't end well.
        """
        done = subprocess.run(self.command(batch).words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
        found: Mapping[str, object] = json.loads(done.stdout)
        return found


def all_peers() -> tuple[Peer, ...]:
    """Every script of every folder."""
    return tuple(Peer(script) for script in sorted(_HERE.glob("*/[a-z]*.py")))


def install() -> None:
    """Give each an environment of its own, with exactly what is pinned; one that has it is left alone.

    Raises:
        CalledProcessError: it can't be had.
    """
    for pinned in sorted(_HERE.glob("*/requirements.txt")):
        folder = _ENVIRONMENTS / pinned.parent.name
        installed = folder / "installed.txt"
        if installed.exists() and installed.read_text() == pinned.read_text():
            continue
        print(f"installing {pinned.parent.name}", file=sys.stderr)
        _uv("venv", "--clear", "--python", sys.executable, str(folder))
        _uv("pip", "sync", "--compile-bytecode", "--python", str(folder), str(pinned))
        installed.write_text(pinned.read_text())


def pin() -> None:
    """Resolve every ``requirements.in`` anew, with ``overrides.txt`` where there is one."""
    for asked in sorted(_HERE.glob("*/requirements.in")):
        folder = asked.parent
        overrides = ("--overrides", "overrides.txt") if (folder / "overrides.txt").exists() else ()
        shape = ("--upgrade", "--no-header", "--annotation-style", "line", "--python-version", "3.11")
        _uv("pip", "compile", *shape, *overrides, asked.name, "-o", "requirements.txt", folder=folder)


def compared(peer: Peer, clean: str, dirty: str, expected: Mapping[str, int]) -> Iterator[str]:
    """In what a peer finds something else than we do: nothing, if it finds the same.

    Args:
        peer: whom.
        clean: a file in which nothing is broken.
        dirty: one in which something is.
        expected: what we found in it: check -> rows.

    Raises:
        RuntimeError: it didn't end well.
    """
    for name, count in peer.findings(clean).items():
        if count:
            yield f"finds {count} of {name} where nothing is broken"
    found = peer.findings(dirty)
    for name, wanted in expected.items():
        got = found.get(name, 0)
        if bool(got) != bool(wanted) or not isinstance(got, int | float) or (name in _ROW_CHECKS and got != wanted):
            yield f"finds {got} of {name}, where {wanted} are broken"


def _uv(*words: str, folder: Path | None = None) -> None:
    subprocess.run([str(_UV), "--quiet", "--no-config", *words], check=True, cwd=folder)
