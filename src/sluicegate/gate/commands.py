"""What a person types next: the same words in a run's report and in an alert."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Commands", "as_typed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Spells commands.

    Attributes:
        program: what calls us.
        contract: the contract, asset or job file, as whoever reads the command can name it; empty if it came from no file.
        batch: the batch's files, likewise.
        config: the profile's file; empty where none has to be named.
        folder: where it must be typed: the embedded profile's places are below it; empty: wherever its reader is.
        elsewhere: items of this contract wait where the profile alone would not look.
    """

    program: str = "sluicegate"
    contract: str = ""
    batch: tuple[str, ...] = ()
    config: str = ""
    folder: str = ""
    elsewhere: bool = False

    def show(self, quarantine_id: str) -> str:
        """See why a batch waits."""
        at = ("--at", self.contract) if self.elsewhere and self.contract else ()
        return self._call("quarantine", "show", quarantine_id, *at)

    def replay(self, quarantine_id: str) -> str:
        """Hold a batch that waits against the contract as it is then, and commit it if it passes."""
        return self._call("quarantine", "replay", quarantine_id, *(("--with", self.contract) if self.contract else ()))

    def look(self, contract_name: str) -> str:
        """See what the checks say of a batch that was left where it is; of a table in memory, what they said of the latest."""
        if self.contract and self.batch:
            return self._call("check", self.contract, *self.batch)
        return self._call("history", "--contract", contract_name)

    def run(self, *words: str) -> str:
        """Do what was only tried."""
        return self._call("run", self.contract, *words)

    def doctor(self) -> str:
        """See what is wrong with engines and places."""
        return self._call("doctor")

    def _call(self, *words: str) -> str:
        there = f"cd {shlex.quote(self.folder)} && " if self.folder else ""
        return f"{there}{self.program} " + shlex.join([*words, *(("--config", self.config) if self.config else ())])


def as_typed(source: object) -> tuple[str, ...]:
    """A batch as a command names it: absolute paths and URIs; nothing for a table in memory."""
    given = source if isinstance(source, list | tuple) else [source]
    paths = [str(item) for item in given if isinstance(item, str | Path)]
    if len(paths) < len(given):
        return ()
    return tuple(item if "://" in item else os.path.abspath(item) for item in paths)  # noqa: PTH100 - a link keeps its name
