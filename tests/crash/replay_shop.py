"""The smallest shop, in a folder, opened by a gate in this very process: for suites that look at one command closely and kill nobody.

Those that kill have ``shop`` and ``worlds``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.ports.quarantine import Manifest
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from sluicegate_adapters.targets.parquet import ParquetTarget
from tests.crash.shop import BAD, FIXED, LOOSE, STRICT, sha

__all__ = [
    "BAD",
    "FIXED",
    "LATER",
    "LOOSE",
    "MUCH_LATER",
    "NOW",
    "PROFILE",
    "STRICT",
    "Step",
    "committed",
    "gate_of",
    "open_shop",
    "sha",
    "the_item",
]

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
MUCH_LATER = NOW + timedelta(days=30)
PROFILE = (
    "target: {type: parquet, path: 'data/{dataset}'}\nquarantine: {type: local, path: held}\nhistory: {path: history.sqlite}\n"
)

Step = Callable[[str, Path], AbstractContextManager[object]]


def open_shop(folder: Path) -> None:
    """A folder with contracts, deliveries and a profile."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"strict.yaml": STRICT, "loose.yaml": LOOSE, "bad.csv": BAD, "fixed.csv": FIXED, "gate.yaml": PROFILE}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


def gate_of(folder: Path, *, now: datetime = NOW, step: Step | None = None) -> Gate:
    """The shop's gate; every operation of its target and its store goes through the step."""
    gate = Gate(load_profile(folder / "gate.yaml"), clock=lambda: now)
    if step is not None:
        gate.__dict__["target"] = ParquetTarget({"path": "data/{dataset}"}, folder, step=step)
        gate.__dict__["quarantine_store"] = LocalQuarantineStore({"path": "held"}, folder, step=step)
    return gate


def the_item(folder: Path) -> Manifest:
    (item,) = LocalQuarantineStore({"path": "held"}, folder).list()
    return item


def committed(folder: Path) -> list[str]:
    """The content of each committed batch; each is whole."""
    found = []
    for batch in (folder / "data" / "orders").glob("*"):
        receipt = json.loads((batch / "_sluicegate.json").read_bytes())
        for part in receipt["files"]:
            assert sha((batch / part["path"]).read_bytes()) == part["sha256"]
        found.append(receipt["content_sha256"])
    return found
