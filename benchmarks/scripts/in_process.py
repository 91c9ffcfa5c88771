"""Warm, in one process, in turn: the hand-written query, and ``Gate.check`` of each contract.

``in_process.py ROUNDS FILE NAME=CONTRACT …`` prints ``{name: [[wall, cpu], …]}``; the query's name is its own.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial

from hand_written import check

from sluicegate import Gate


def measured(call: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def main(rounds: int, file: str, contracts: list[str]) -> None:
    gate = Gate.from_config()
    calls: dict[str, Callable[[], object]] = {"hand-fused query": partial(check, file)}
    for name, _, contract in (each.partition("=") for each in contracts):
        calls[name] = partial(gate.check, contract, file)
    for call in (*calls.values(), *calls.values()):
        call()
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            runs[name].append(measured(call))
    print(json.dumps(runs))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
