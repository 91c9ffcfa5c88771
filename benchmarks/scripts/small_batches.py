"""Many small batches through one ``Gate``, each committed and recorded: ``small_batches.py COUNT CONTRACT FILE``.

Prints ``{name: [[wall, cpu], …]}``, a pair for each batch.
"""

import json
import sys
import time

from sluicegate import Gate


def main(count: int, contract: str, file: str) -> None:
    gate = Gate.from_config()
    for number in range(3):
        gate.run(contract, file, batch_id=f"warm-{number}")
    runs = []
    for number in range(count):
        wall, cpu = time.perf_counter(), time.process_time()
        gate.run(contract, file, batch_id=f"batch-{number}")
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    print(json.dumps({"a batch": runs}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
