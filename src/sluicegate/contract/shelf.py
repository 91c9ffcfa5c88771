"""Contracts that were read before, for a caller who runs many batches against them; never stale."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from sluicegate.contract.loader import read_contract
from sluicegate.contract.model import Contract
from sluicegate.contract.nodes import Faults
from sluicegate.contract.yaml_source import read_text
from sluicegate.errors import ContractError

__all__ = ["ContractShelf"]

_MOST = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    """A contract, and all that it was made of: the process's environment, and each file's text."""

    contract: Contract
    environ: Mapping[str, str]
    texts: tuple[tuple[Path, str], ...]

    def still_holds(self, environ: Mapping[str, str]) -> bool:
        if environ != self.environ:
            return False
        try:
            return all(read_text(path, Faults(str(path))) == text for path, text in self.texts)
        except ContractError:
            return False


class ContractShelf:
    """Reads contracts, and keeps the latest ones. Safe to share between threads.

    A contract is given again only if every file that it was read from still has the same text (the files are read each time:
    their times and sizes prove nothing), and the environment and the working directory are the same. Faults are never kept.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = Lock()

    def load(self, path: Path) -> Contract:
        """As ``load_contract``, with the environment of the process; the same object as long as nothing changed.

        Raises:
            ContractError: with every fault of every file, each with its place.
        """
        key, environ = (str(path), str(Path.cwd())), dict(os.environ)
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and kept.still_holds(environ):
            return kept.contract
        contract, documents = read_contract(path, environ)
        with self._lock:
            self._kept.pop(key, None)
            while len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = _Kept(contract, environ, tuple((item.path, item.text) for item in documents))
        return contract
