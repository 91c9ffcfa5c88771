"""``make bench``: measure, print the table, and put it into benchmarks/RESULTS.md and the README."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from benchmarks.data import CONTRACT, HAND_WRITTEN, make_orders
from benchmarks.large import large_table
from benchmarks.measure import Run, paired

ROOT = Path(__file__).resolve().parents[1]
BASE = "hand-written DuckDB script"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--large-gb", type=float, default=5, help="how large the large batch is; 0: none (default: 5)")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md and the README")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = _table(_measure(Path(folder), options.rows, options.rounds), options.rows) + _start_up(options.rounds)
    if options.large_gb:
        with tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as folder:
            table = f"{table}\n{large_table(Path(folder), options.large_gb)}"
    print(table)
    if options.write:
        (ROOT / "benchmarks" / "RESULTS.md").write_text(f"# Results\n\n{table}")
        readme = ROOT / "README.md"
        marked = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)
        readme.write_text(marked.sub(lambda match: match[1] + table + match[2], readme.read_text()))


def _measure(folder: Path, rows: int, rounds: int) -> dict[str, Run]:
    orders = make_orders(folder / "orders.parquet", rows)
    (folder / "contract.yaml").write_text(CONTRACT)
    (folder / "script.py").write_text(HAND_WRITTEN)
    os.chdir(folder)
    tool = str(Path(sys.executable).with_name("sluicegate"))
    commands = {
        BASE: [sys.executable, "script.py", str(orders)],
        "`sluicegate check`": [tool, "check", "contract.yaml", str(orders), "--quiet"],
        "`sluicegate run` (with commit and history)": [
            "sh",
            "-c",
            f"rm -rf .sluicegate && exec {tool} run contract.yaml {orders} --quiet",  # a batch that is there is not committed again
        ],
    }
    return paired(commands, rounds)


def _start_up(rounds: int) -> str:
    tool = str(Path(sys.executable).with_name("sluicegate"))
    runs = paired({"nothing": [sys.executable, "-c", "pass"], "help": [tool, "--help"]}, rounds)
    return f"`sluicegate --help`: {1000 * (runs['help'].cpu - runs['nothing'].cpu):.0f} ms of CPU beyond Python's own start.\n"


def _table(runs: dict[str, Run], rows: int) -> str:
    base = runs[BASE]
    lines = [
        f"Whole processes, {rows:,} rows x 8 columns, 12 canonical checks of which two unique; medians, in turn, in one run.",
        "",
        "| | wall | ratio | CPU | peak memory |",
        "|---|---|---|---|---|",
    ]
    for name, run in runs.items():
        lines.append(f"| {name} | {run.wall:.2f} s | {run.wall / base.wall:.2f} | {run.cpu:.2f} s | {run.peak_mb:,.0f} MB |")
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, DuckDB {version('duckdb')}"
    return "\n".join([*lines, "", f"Measured by `make bench` on {machine}.", ""])


if __name__ == "__main__":
    main()
