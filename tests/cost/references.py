"""The contracts and batches whose cost is held, and how one of them is counted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contracts import contract, on_engine, wide_checks
from benchmarks.data import make_orders, make_wide

from tests.s3.lake import lake_settings
from tests.s3.servers import new_bucket, settings_for

__all__ = ["FIGURES", "REFERENCES", "Reference", "count"]

FIGURES = Path(__file__).with_name("figures.toml")
_ROOT = Path(__file__).resolve().parents[2]
_THREE = _ROOT / "benchmarks" / "three_engines" / "contract.yaml"
_ROWS = 60_000  # from 50,000 on, unique keys are proven in the scan, and not grouped
_FEW = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is counted.

    Attributes:
        contract: its text.
        batch: writes it into a file.
        verb: ``check`` or ``run``, of the command line; ``gate``: ``Gate.run``, of the second of two batches.
        s3: whether quarantine and target are buckets.
    """

    contract: str
    batch: Callable[[Path], object]
    verb: str = "check"
    s3: bool = False


def count(reference: Reference, folder: Path, server: str) -> dict[str, Any]:
    """What a reference costs, counted in a process of its own, in an empty folder.

    Raises:
        AssertionError: it didn't run.
    """
    (folder / "contract.yaml").write_text(reference.contract)
    reference.batch(folder / "batch.parquet")
    if reference.s3:
        target = {"type": "parquet", **lake_settings(server, new_bucket(server))}
        quarantine = {"type": "s3", **settings_for(server, new_bucket(server))}
        (folder / "gate.yaml").write_text(json.dumps({"target": target, "quarantine": quarantine}))
    command = [sys.executable, "-m", "tests.cost.counted", reference.verb, str(folder)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    counted: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return counted


def _clean(path: Path) -> None:
    make_orders(path, _ROWS)


def _small(path: Path) -> None:
    make_orders(path, _FEW)


def _dirty(path: Path) -> None:
    make_orders(path, _ROWS, faulty_every=10)


def _wide(path: Path) -> None:
    make_wide(path, _FEW, 200)


def _twelve(engine: str | None = None) -> str:
    return contract(on_engine(engine), policy="quarantine")


REFERENCES: Mapping[str, Reference] = {
    "canonical": Reference(contract=_twelve(), batch=_clean),
    "all on soda": Reference(contract=_twelve("soda"), batch=_clean),
    "all on great expectations": Reference(contract=_twelve("great_expectations"), batch=_clean),
    "three engines": Reference(contract=_THREE.read_text(), batch=_clean),
    "dirty with evidence": Reference(contract=_twelve(), batch=_dirty),
    "five checks of 200 columns": Reference(contract=contract(wide_checks(5)), batch=_wide),
    "committed": Reference(contract=_twelve(), batch=_clean, verb="run"),
    "quarantined": Reference(contract=_twelve(), batch=_dirty, verb="run"),
    "committed in s3": Reference(contract=_twelve(), batch=_clean, verb="run", s3=True),
    "quarantined in s3": Reference(contract=_twelve(), batch=_dirty, verb="run", s3=True),
    "one more batch through a gate": Reference(contract=_twelve(), batch=_small, verb="gate"),
}
