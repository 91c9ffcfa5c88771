"""The folder in which a set is measured: data and contracts are made when a case asks for them, and go with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contracts import contract
from benchmarks.data import make_orders, make_wide
from benchmarks.measure import Command
from benchmarks.peers import Peer

__all__ = ["HERE", "Workshop"]

HERE = Path(__file__).resolve().parent
_TOOL = str(Path(sys.executable).with_name("sluicegate"))


@dataclass(frozen=True)
class Workshop:
    """What the cases are made from.

    Attributes:
        folder: where everything lies; the processes run in it.
        peers: the other tools, those that work.
        smaller: by how much every number of rows is divided: 1, but in tests.
    """

    folder: Path
    peers: tuple[Peer, ...] = ()
    smaller: int = 1

    def orders(self, rows: int, *, faulty_every: int = 0) -> str:
        """The file of so many orders."""
        made = self.folder / f"orders-{rows}-{faulty_every}.parquet"
        return str(make_orders(made, rows // self.smaller, faulty_every=faulty_every))

    def wide(self, rows: int, columns: int) -> str:
        """The file of a table of so many columns."""
        return str(make_wide(self.folder / f"wide-{rows}-{columns}.parquet", rows // self.smaller, columns))

    def contract(self, name: str, checks: Iterable[Mapping[str, Any]]) -> str:
        """The file of a contract with these checks."""
        path = self.folder / f"{name}.yaml"
        path.write_text(contract(checks))
        return str(path)

    def check(self, contract: str, batch: str, *, exits: int = 0) -> Command:
        """``sluicegate check``."""
        return Command((_TOOL, "check", contract, batch, "--quiet"), exits)

    def run(self, contract: str, batch: str) -> Command:
        """``sluicegate run``, each time as if it were the first: a batch that is there is not committed again."""
        return Command(("sh", "-c", 'rm -rf .sluicegate && exec "$@"', "run", _TOOL, "run", contract, batch, "--quiet"))

    def help(self) -> Command:
        """``sluicegate --help``."""
        return Command((_TOOL, "--help"))

    def script(self, name: str, *arguments: str) -> Command:
        """One of ours, in this project's environment."""
        return Command((sys.executable, str(HERE / "scripts" / f"{name}.py"), *arguments))

    def quieten(self) -> None:
        """Nothing that is measured phones home, nor writes into anybody's home."""
        home = self.folder / "home"
        (home / ".soda").mkdir(parents=True, exist_ok=True)
        (home / ".soda" / "config.yml").write_text("send_anonymous_usage_stats: false\n")
        off = {"OTEL_SDK_DISABLED": "true", "GX_ANALYTICS_ENABLED": "false", "PYTHON_DOTENV_DISABLED": "1", "DO_NOT_TRACK": "1"}
        os.environ.update({"HOME": str(home), **off})
