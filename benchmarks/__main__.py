"""``make bench``, ``make bench-full``: measure a set, print it; ``--write`` puts it into RESULTS.md, the chart and the README."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.chart import bar_chart
from benchmarks.contracts import on_engine
from benchmarks.large import large_table
from benchmarks.measure import Runs, median
from benchmarks.peers import Peer, all_peers, compared, install, pin
from benchmarks.tables import bars_table, case_table, in_order, machine
from benchmarks.workshop import HERE, Workshop

SETS = ("quick", "full")
_LARGE = "large"


def main() -> None:
    options = _parser().parse_args()
    if options.pin:
        pin()
        return
    if options.write and (options.set != "full" or options.only or options.smaller > 1 or not options.peers):
        raise SystemExit("--write is for the whole full set")
    started = time.monotonic()
    if options.peers:
        install()
    with tempfile.TemporaryDirectory(prefix="sluicegate-bench-", dir=options.folder) as folder:
        workshop = Workshop(Path(folder), _peers(options), options.smaller)
        workshop.quieten()
        workshop, notes = _self_checked(workshop)
        measured, broken = _measured(workshop, options.set, options.only, options.rounds)
    told = _told(measured, notes)
    if options.large_gb and options.set == "full" and (not options.only or _LARGE in options.only):
        with tempfile.TemporaryDirectory(prefix="sluicegate-bench-", dir=options.folder) as folder:
            told += f"\n## A batch far larger than the memory it is allowed\n\n{large_table(Path(folder), options.large_gb)}"
    told += f"\nMeasured in {(time.monotonic() - started) / 60:.0f} minutes on {machine()}.\n"
    print(told)
    if broken:
        raise SystemExit(f"broke, and nothing was written: {', '.join(broken)}")
    if options.write:
        _write(measured, told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--set", choices=SETS, default="quick")
    parser.add_argument(
        "--only", nargs="*", metavar="CASE", help=f"these cases: {', '.join([*(case.name for case in CASES), _LARGE])}"
    )
    parser.add_argument("--rounds", type=int, help="instead of the set's own")
    parser.add_argument("--smaller", type=int, default=1, help="divide every number of rows by this")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="us and the hand-written scripts alone")
    parser.add_argument("--large-gb", type=float, default=5, help="how large the large batch of the full set is; 0: none")
    parser.add_argument(
        "--folder", help="where there is room: 4 GB for the cases, 25 GB for the large batch (default: the system's)"
    )
    parser.add_argument("--write", action="store_true", help="put it into RESULTS.md, the chart and the README")
    parser.add_argument("--pin", action="store_true", help="resolve the other tools' requirements anew, and nothing else")
    return parser


def _peers(options: argparse.Namespace) -> tuple[Peer, ...]:
    return tuple(peer for peer in all_peers() if options.set == "full" or not peer.slow) if options.peers else ()


def _self_checked(workshop: Workshop) -> tuple[Workshop, list[str]]:
    """The workshop with the tools that run at all, and what each finds otherwise than we do: like is to be compared with like."""
    if not workshop.peers:
        return workshop, []
    small = replace(workshop, smaller=1)
    clean, dirty = small.orders(10_000), small.orders(10_000, faulty_every=10)
    command = small.check(small.contract("twelve", on_engine()), dirty).words[:-1]
    ours = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=False).stdout)
    expected = {check["name"]: check["failing"] or int(check["outcome"] == "failed") for check in ours["verdict"]["checks"]}
    able: list[Peer] = []
    notes: list[str] = []
    for peer in workshop.peers:
        try:
            differences = "; ".join(compared(peer, clean, dirty, expected)) or "finds the same faults"
            able.append(peer)
        except RuntimeError as error:
            differences = f"left out, it doesn't run: {error}"
        notes.append(f"- {peer.name} ({peer.versions}): {differences}.")
        print(notes[-1], file=sys.stderr)
    return replace(workshop, peers=tuple(able)), notes


def _measured(
    workshop: Workshop, chosen: str, only: Collection[str] | None, rounds: int | None
) -> tuple[dict[str, Runs], list[str]]:
    measured: dict[str, Runs] = {}
    broken: list[str] = []
    for case in CASES:
        if case.name not in only if only else chosen not in case.rounds:
            continue
        if case.others and not workshop.peers:
            continue
        started = time.monotonic()
        try:
            measured[case.name] = case.measure(workshop, rounds or case.rounds.get(chosen, 1))
        except RuntimeError as error:  # the others are worth their minutes all the same
            broken.append(case.name)
            print(f"{case.name}: {error}", file=sys.stderr)
            continue
        print(case_table(case, measured[case.name]), f"({time.monotonic() - started:.0f} s)\n", file=sys.stderr)
    return measured, broken


def _told(measured: Mapping[str, Runs], notes: list[str]) -> str:
    tables = "\n".join(case_table(case, runs) for case, runs in in_order(measured))
    peers = "\n".join(["## The other tools", "", "On a file in which one row in ten breaks a check, each:", "", *notes, ""])
    return f"{bars_table(measured)}\n## Each case\n\nMedians; contenders take turns; a ratio is the median of the rounds' ratios.\n\n{tables}\n{peers if notes else ''}"


def _write(measured: Mapping[str, Runs], told: str) -> None:
    (HERE / "RESULTS.md").write_text(f"# Results\n\n![The tools compared](chart.svg)\n\n{told}")
    runs = {name: median(made) for name, made in measured["tools-large"].items()}
    panels = {
        "Seconds for 10 M rows, 12 checks, two of them unique keys": [(n, r.wall, f"{r.wall:.1f} s") for n, r in runs.items()],
        "Peak memory of the same": [(n, r.peak_mb, f"{r.peak_mb:,.0f} MB") for n, r in runs.items()],
    }
    (HERE / "chart.svg").write_text(bar_chart(panels, ours="sluicegate"))
    readme = HERE.parent / "README.md"
    marked = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)
    table = (
        f"![The tools compared](benchmarks/chart.svg)\n\n{bars_table(measured)}\nMeasured by `make bench-full` on {machine()}.\n"
    )
    readme.write_text(marked.sub(lambda match: match[1] + table + match[2], readme.read_text()))


if __name__ == "__main__":
    main()
