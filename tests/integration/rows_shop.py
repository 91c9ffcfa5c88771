"""A shop whose orders are split: a folder with contracts, deliveries and a profile, and what is to be seen in it afterwards."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.ports.quarantine import Manifest

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
CONTRACT = """\
data_contract:
  name: orders
  version: 1.0.0
  owner: shop
  schema:
    - {name: id, type: integer}
    - {name: amount, type: "decimal(9,2)"}
    - {name: note, type: string}
  quality_checks:
    checks:
      - {type: range, name: amounts are positive, column: amount, min: 0}
      - {type: unique, name: ids are unique, columns: [id]}
      - {type: not_null, name: there should be a note, column: note, severity: warning}
      - {type: row_count, name: there are orders, min: 3}
  violation_handling: {quarantine: {scope: rows, retention_days: 7, max_quarantined: 60 %}}
"""
LOOSE = CONTRACT.replace("min: 0", "min: -100").replace("1.0.0", "1.1.0")
LINES = ["1,1.00,a", "2,-2.00,b", "3,3.00,c", "4,4.00,", "5,5.00,e", "5,-5.50,f", "7,7.00,g"]
BROKEN = [1, 4, 5]
"""The positions of the rows that break checks: a negative amount, two orders 5, one of them negative besides."""

PARQUET = "target: {type: parquet, path: 'data/{dataset}'}\n"
ICEBERG = "target: {type: iceberg, namespace: shop, table: '{dataset}', catalog: {type: sql, uri: 'sqlite:///CATALOG', warehouse: warehouse}}\n"
TARGETS = {"parquet": PARQUET, "iceberg": "target: {type: iceberg}\n"}
REST = "quarantine: {type: local, path: held}\nhistory: {path: history.sqlite}\n"


def csv(lines: list[str]) -> str:
    return "id,amount,note\n" + "".join(f"{line}\n" for line in lines)


def open_shop(folder: Path, target: str = "parquet") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    files = {"rows.yaml": CONTRACT, "loose.yaml": LOOSE, "bad.csv": csv(LINES), "gate.yaml": TARGETS[target] + REST}
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    return folder


def gate_of(folder: Path, now: datetime = NOW) -> Gate:
    return Gate(load_profile(folder / "gate.yaml"), clock=lambda: now)


def committed(folder: Path) -> Counter[tuple[Any, ...]]:
    """Every row that a reader of the target sees, whichever target it is."""
    if (folder / "data").exists():
        tables = [pq.read_table(path) for path in folder.glob("data/orders/batch=*/part-*.parquet")]
    else:
        from tests.unit.targets.iceberg_tables import table

        tables = [table(folder, "orders").scan().to_arrow()]
    return Counter((row["id"], str(row["amount"]), row["note"]) for found in tables for row in found.to_pylist())


def wanted(positions: set[int] | None = None) -> Counter[tuple[Any, ...]]:
    """The delivery's rows at these positions; without any: all but the broken ones."""
    chosen = set(range(len(LINES))) - set(BROKEN) if positions is None else positions
    cells = [LINES[i].split(",") for i in chosen]
    return Counter((int(number), amount, note or None) for number, amount, note in cells)


def the_item(gate: Gate) -> Manifest:
    (item,) = gate.quarantine_store.list()
    return item
