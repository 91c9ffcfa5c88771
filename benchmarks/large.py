"""A batch far larger than the memory it is allowed: through quarantine and replay, into Iceberg and Parquet, whole processes.

Each row of the table is one process of the CLI, with the embedded profile's own limits; the S3 server is another process, and
isn't counted. The data are made by processes of their own: ``python -m benchmarks.large FILE FIRST ROWS`` is one of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Run, once

__all__ = ["LIMIT_MB", "Step", "large_table"]

LIMIT_MB = 600
"""No process of the gate is ever larger."""
_PIECE_ROWS = 1_200_000
_ROW_BYTES = 108
_CSV_ROW_BYTES = 190
_CSV_SHARE = 5
_ROOM = 5
"""Times the batch's size: the batch, its copy in the store, its download, its copy in the table, and what spills."""

_ORDERS = """
COPY (
  SELECT
    i AS order_id,
    'C' || lpad(CAST(i AS VARCHAR), 11, '0') AS code,
    CAST(hash(i) % 5000000 AS INTEGER) AS customer_id,
    ['new', 'paid', 'shipped', 'returned'][CAST(1 + hash(i + 2) % 4 AS BIGINT)] AS status,
    CAST((hash(i + 3) % 1000000) / 100 AS DECIMAL(12, 2)) AS amount,
    CAST(hash(i + 4) / 18446744073709551615.0 AS DOUBLE) AS discount,
    TIMESTAMP '2026-01-01' + to_microseconds(CAST(hash(i + 5) % 2592000000000 AS BIGINT)) AS ordered_at,
    'user' || (hash(i) % 5000000) || '@example.org' AS email,
    sha256(CAST(i AS VARCHAR)) AS token
  FROM range({first}, {end}) t(i)
) TO '{path}' (FORMAT {format})
"""

_CONTRACT = """\
data_contract:
  name: orders
  version: {version}
  owner: benchmarks
  quality_checks:
    checks:
      - {{type: row_count, min: 1, max: {rows}}}
      - {{type: not_null, column: order_id}}
      - {{type: accepted_values, column: status, values: [new, paid, shipped, returned]}}
      - {{type: range, column: amount, min: 0, max: 10000}}
      - {{type: range, column: discount, min: 0, max: 1}}
      - {{type: range, column: ordered_at, min: 2026-01-01, max: 2026-02-01}}
      - {{type: pattern, column: email, pattern: "^[a-z0-9]+@[a-z]+[.]org$"}}
      - {{type: unique, columns: [order_id]}}
  violation_handling: {{on_quality_violation: quarantine}}
"""
_SPLIT = """\
data_contract:
  name: orders
  version: 2.0.0
  owner: benchmarks
  quality_checks:
    checks:
      - {type: row_count, min: 1}
      - {type: range, column: discount, min: 0, max: 0.99}
      - {type: unique, columns: [order_id]}
  violation_handling: {on_quality_violation: quarantine, quarantine: {scope: rows, max_quarantined: 5%}}
"""
_TOOL = str(Path(sys.executable).with_name("sluicegate"))


@dataclass(frozen=True, slots=True)
class Step:
    """One process: what it did, with how many bytes of batch, and what it took."""

    name: str
    batch_bytes: int
    run: Run


def large_table(folder: Path, gigabytes: float) -> str:
    """Measure, and tell it as a table; or say in one sentence why not.

    Args:
        folder: where there is room; what is made there is removed again.
        gigabytes: of Parquet.

    Raises:
        RuntimeError: a process ended otherwise than it should, or was larger than ``LIMIT_MB``.
    """
    wanted, free = int(gigabytes * 1e9) * _ROOM, shutil.disk_usage(folder).free
    if free < wanted:
        return f"The large batch was left out: it needs {wanted / 1e9:.0f} GB on the disk of {folder}, and {free / 1e9:.0f} GB are free.\n"
    lines = ["| a large batch | bytes | wall | CPU | peak memory |", "|---|---|---|---|---|"]
    largest = 0.0
    for step in _steps(folder, int(gigabytes * 1e9)):
        run, largest = step.run, max(largest, step.run.peak_mb)
        size = f"{step.batch_bytes / 1e9:.2f} GB"
        lines.append(f"| {step.name} | {size} | {run.wall:.1f} s | {run.cpu:.1f} s | {run.peak_mb:,.0f} MB |")
        print(lines[-1], file=sys.stderr)
    if largest > LIMIT_MB:
        raise RuntimeError("\n".join([*lines, f"a process took {largest:,.0f} MB where {LIMIT_MB} MB are promised"]))
    told = f"One process each, once; 8 checks of which one unique; the default limits; no process above {LIMIT_MB} MB, or this fails."
    return "\n".join([*lines, "", told, ""])


def _steps(folder: Path, size: int) -> Iterator[Step]:
    from tests.s3.servers import new_bucket, running_server, settings_for

    os.chdir(folder)
    for name, version, rows in (("contract", "1.1.0", 10**12), ("strict", "1.0.0", 1)):
        Path(f"{name}.yaml").write_text(_CONTRACT.format(version=version, rows=rows))
    rows = size // _ROW_BYTES
    batch = _made(Path("batch"), rows, "parquet")
    iceberg, parquet = {"type": "iceberg"}, {"type": "parquet"}
    yield from _direct("run: checked, committed to Iceberg", batch, iceberg)
    yield from _direct("run: checked, committed to a Parquet dataset", batch, parquet)
    yield from _through(batch, {"type": "local"}, "a folder")
    yield from _split(batch)
    Path("s3").mkdir()
    with running_server(folder / "s3") as server:
        yield from _through(batch, {"type": "s3", **settings_for(server, new_bucket(server))}, "S3")
    shutil.rmtree("s3")
    shutil.rmtree(batch)
    text = _made(Path("text"), size // _CSV_SHARE // _CSV_ROW_BYTES, "csv")
    yield from _direct("run: CSV, checked, committed to a Parquet dataset", text, parquet)


def _direct(name: str, batch: Path, target: Mapping[str, Any]) -> Iterator[Step]:
    _profile(target=target)
    yield _step(name, batch, "run", "contract.yaml", str(batch), "--quiet")
    shutil.rmtree(".sluicegate")


def _through(batch: Path, store: Mapping[str, Any], place: str) -> Iterator[Step]:
    """Refused, kept, and committed after all, by its ID."""
    _profile(target={"type": "iceberg"}, quarantine=store)
    yield _step(f"run: checked, quarantined in {place}", batch, "run", "strict.yaml", str(batch), "--quiet", exits=3)
    listed = subprocess.run([_TOOL, "quarantine", "list", "--json"], check=True, capture_output=True, text=True)
    item = json.loads(listed.stdout)["items"][0]["quarantine_id"]
    yield _step(
        f"quarantine replay: from {place} to Iceberg", batch, "quarantine", "replay", item, "--with", "contract.yaml", "--quiet"
    )
    shutil.rmtree(".sluicegate")


def _split(batch: Path) -> Iterator[Step]:
    """One row in a hundred aside, the rest committed; two fifths of the batch, because the rest is judged, too, and written anew."""
    Path("rows.yaml").write_text(_SPLIT)
    share = Path("share")
    share.mkdir()
    every = sorted(batch.iterdir())
    for file in every[: max(1, 2 * len(every) // 5)]:
        (share / file.name).hardlink_to(file)
    _profile(target={"type": "parquet"})
    yield _step("run: one row in a hundred quarantined, the rest committed", share, "run", "rows.yaml", str(share), "--quiet")
    shutil.rmtree(".sluicegate")
    shutil.rmtree(share)


def _profile(**keys: Mapping[str, Any]) -> None:
    Path("gate.yaml").write_text(json.dumps(keys))  # JSON is YAML
    os.environ["SLUICEGATE_CONFIG"] = "gate.yaml"


def _step(name: str, batch: Path, *arguments: str, exits: int = 0) -> Step:
    size = sum(file.stat().st_size for file in batch.iterdir())
    return Step(name, size, once([_TOOL, *arguments], {exits}))


def _made(folder: Path, rows: int, form: str) -> Path:
    folder.mkdir()
    for number, first in enumerate(range(0, rows, _PIECE_ROWS)):
        file = folder / f"orders-{number:03}.{form}"
        command = [
            sys.executable,
            "-m",
            "benchmarks.large",
            str(file.absolute()),
            str(first),
            str(min(_PIECE_ROWS, rows - first)),
        ]
        subprocess.run(command, check=True, cwd=Path(__file__).resolve().parents[1])
    return folder


def _piece(path: str, first: int, rows: int) -> None:
    """One file of the batch: on one thread, so that the same bytes come out wherever it runs."""
    import duckdb

    with duckdb.connect(config={"threads": "1", "memory_limit": "1GB"}) as connection:
        connection.execute(_ORDERS.format(path=path, first=first, end=first + rows, format=path.rpartition(".")[2]))


if __name__ == "__main__":
    _piece(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
