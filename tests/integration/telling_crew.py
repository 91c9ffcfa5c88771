"""Workers that begin at the same moment, each with a gate of its own, and hand in batches that are all refused.

    python -m tests.integration.telling_crew PLACE WORKERS BATCHES

Says what came of the batches, as JSON: the action, and how many. It loads everything once, uses nothing of it, and then forks: ten times
the time to load would be more than all the batches take.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

import apprise  # noqa: F401 - loaded once, used by workers only
import duckdb  # noqa: F401 - as above
import jinja2.sandbox  # noqa: F401 - as above
import pyarrow as pa

from sluicegate import Gate
from sluicegate.config import load_profile

__all__ = ["main"]


def main(place: Path, workers: int, batches: int) -> None:
    go_read, go_write = os.pipe()
    told_read, told_write = os.pipe()
    for number in range(workers):
        if os.fork() == 0:
            os.close(go_write)
            code = 1
            try:
                os.read(go_read, 1)  # the end of the pipe: all are there
                os.write(told_write, json.dumps(_work(place, f"w{number}", batches)).encode() + b"\n")
                code = 0
            finally:
                os._exit(code)
    for descriptor in (go_read, go_write, told_write):
        os.close(descriptor)
    with open(told_read) as told:  # noqa: PTH123 - a descriptor
        found: Counter[str] = sum((Counter(json.loads(line)) for line in told), Counter())
    failed = sum(os.waitstatus_to_exitcode(os.wait()[1]) != 0 for _ in range(workers))
    sys.stdout.write(json.dumps({"actions": found, "failed": failed}) + "\n")


def _work(place: Path, name: str, batches: int) -> Counter[str]:
    with Gate(load_profile(place / "gate.yaml")) as gate:
        table = pa.table({"n": [0]})
        return Counter(
            gate.run(place / "orders.yaml", table, batch_id=f"{name}-{number}").action.value for number in range(batches)
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
