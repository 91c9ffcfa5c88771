"""The smallest shop, in a folder, opened by a gate in this very process: for suites that look at one command closely and kill nobody.

Those that kill have ``shop`` and ``worlds``.
"""

from __future__ import annotations

import hashlib
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

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
MUCH_LATER = NOW + timedelta(days=30)
STRICT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  schema:
    - {name: id, type: integer, required: true}
    - {name: amount, type: "decimal(9,2)"}
  quality_checks:
    checks:
      - {type: range, column: amount, min: 0}
  violation_handling: {quarantine: {retention_days: 7}}
"""
LOOSE = STRICT.replace("min: 0", "min: -100").replace("1.0.0", "1.1.0")
BAD = "id,amount\n1,1.00\n2,-2.00\n3,3.00\n"
FIXED = BAD.replace("-2", "2")
PROFILE = (
    "target: {type: parquet, path: 'data/{dataset}'}\nquarantine: {type: local, path: held}\nhistory: {path: history.sqlite}\n"
)

Step = Callable[[str, Path], AbstractContextManager[object]]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
            assert hashlib.sha256((batch / part["path"]).read_bytes()).hexdigest() == part["sha256"]
        found.append(receipt["content_sha256"])
    return found
