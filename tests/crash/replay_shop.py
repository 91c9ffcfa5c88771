"""Quarantined batches that die and race: run as a program, for a process that forks must never have used an engine.

    python -m tests.crash.replay_shop kill SCENARIO FOLDER
    python -m tests.crash.replay_shop race SCENARIO FOLDER

Prints one JSON document: what was seen. Whatever breaks an invariant is a traceback and exit code 1.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401 - loaded once, used in children only
import pyarrow.parquet  # noqa: F401 - as above

from sluicegate import Gate
from sluicegate.config import load_profile
from sluicegate.errors import SluicegateError
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.testing.faults import Faults
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


def look(folder: Path) -> Manifest:
    """What must hold at any time: nothing is lost, nothing is there twice."""
    item, there = the_item(folder), committed(folder)
    assert len(there) <= 1
    assert set(there) <= {sha(BAD), sha(FIXED)}
    assert (folder / "bad.csv").read_text() == BAD
    landed = any("location" in step.details for step in item.history)
    if landed:
        assert there, "what is said to be committed is"
    if item.status is not QuarantineStatus.DELETED:
        (kept,) = LocalQuarantineStore({"path": "held"}, folder).data_files(item)
        assert kept.read_text() == BAD
    return item


def replay(contract: str, data: str | None = None) -> Callable[[Gate, Path], object]:
    return lambda gate, folder: gate.replay(
        the_item(folder).quarantine_id, folder / contract, data=None if data is None else str(folder / data)
    )


def release(gate: Gate, folder: Path) -> object:
    return gate.release(the_item(folder).quarantine_id, by="ada", reason="it is right", beside=folder)


def delete(gate: Gate, folder: Path) -> object:
    return gate.delete(the_item(folder).quarantine_id, by="ada", reason="a test delivery")


def purge(gate: Gate, _folder: Path) -> object:
    found = list(gate.purge())
    assert all(kept.exit_code == 0 for kept in found)
    return found


def rerun(contract: str) -> Callable[[Gate, Path], object]:
    return lambda gate, folder: gate.run(folder / contract, folder / "bad.csv", batch_id="b1")


def bytes_first(gate: Gate, folder: Path) -> object:
    """A planted bug: the bytes go before the tombstone is there."""
    for path in folder.glob("held/*/*/*/data"):
        gate.quarantine_store._files.remove(path)  # type: ignore[attr-defined]
    return delete(gate, folder)


WORK: dict[str, tuple[Callable[[Gate, Path], object], QuarantineStatus, list[str]]] = {
    "passes": (replay("loose.yaml"), QuarantineStatus.REPLAYED, [sha(BAD)]),
    "repaired": (replay("strict.yaml", data="fixed.csv"), QuarantineStatus.REPLAYED, [sha(FIXED)]),
    "fails": (replay("strict.yaml"), QuarantineStatus.QUARANTINED, []),
    "release": (release, QuarantineStatus.RELEASED, [sha(BAD)]),
    "delete": (delete, QuarantineStatus.DELETED, []),
    "purge": (purge, QuarantineStatus.DELETED, []),
}

PLANTED: dict[str, tuple[Callable[[Gate, Path], object], QuarantineStatus, list[str]]] = {
    "bytes first": (bytes_first, QuarantineStatus.DELETED, [])
}


def in_child(work: Callable[[], object]) -> bool:
    """Do the work in a forked process; whether that was killed (else it came to its end)."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - told, and seen by its exit code
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def template(folder: Path) -> Path:
    """A shop with one batch in quarantine."""
    shop = folder / "template"
    open_shop(shop)
    assert not in_child(lambda: rerun("strict.yaml")(gate_of(shop), shop))
    assert look(shop).status is QuarantineStatus.QUARANTINED
    return shop


def kill(scenario: str, folder: Path) -> dict[str, Any]:
    """Kill the work before and after each of its operations, kill its recovery somewhere, too, and look after each death."""
    work, end, content = (WORK | PLANTED)[scenario]
    shop = template(folder)
    first = MUCH_LATER if scenario == "purge" else NOW
    deaths = points = 0
    for after in (False, True):
        at = 0
        while True:
            at += 1
            base = folder / f"{'after' if after else 'before'}-{at}"
            shutil.copytree(shop, base)
            before = look(base).history
            faults = Faults(at, after=after)
            if not in_child(lambda base=base, faults=faults: work(gate_of(base, now=first, step=faults), base)):  # type: ignore[misc]
                break
            points, deaths = points + 1, deaths + 1
            for again, hit in enumerate((at * 7 % 40 + 1, at % 9 + 1, 0)):  # two recoveries die somewhere, the third may live
                died = look(base).history
                assert died[: len(before)] == before, "a history only grows"
                before = died
                now = first + timedelta(days=again + 1)
                faults = Faults(hit)
                deaths += in_child(lambda base=base, now=now, faults=faults: work(gate_of(base, now=now, step=faults), base))  # type: ignore[misc]
            item = look(base)
            assert (item.status, committed(base)) == (end, content), f"{base}: {item.status}, {committed(base)}"
            if end is QuarantineStatus.DELETED:
                assert not list((base / "held").rglob("*.csv")), "the bytes are gone"
            shutil.rmtree(base)
    return {"points": points, "deaths": deaths}


RACES: dict[str, list[Callable[[Gate, Path], object]]] = {
    "replay": [replay("loose.yaml")] * 8,
    "replay-delete": [replay("loose.yaml"), delete] * 4,
    "replay-release": [replay("loose.yaml"), release] * 4,
    "replay-rerun": [replay("loose.yaml"), rerun("strict.yaml")] * 4,
    "replay-commit": [replay("loose.yaml"), rerun("loose.yaml")] * 4,
    "repaired-original": [replay("strict.yaml", data="fixed.csv"), replay("loose.yaml")] * 4,
}


def racer(work: Callable[[Gate, Path], object], folder: Path, barrier: Any, answers: Any) -> None:
    """One of many; it has read and decided when it comes to the barrier.

    That stands before its first lock of the item, its first publication, or its look for an earlier decision.
    """
    waited = False

    def wait() -> None:
        nonlocal waited
        if not waited:
            waited = True
            barrier.wait(120)

    def step(operation: str, path: Path) -> AbstractContextManager[object]:
        if (operation == "lock" and path.name == ".lock") or operation == "publish":
            wait()
        return nullcontext()

    class Looked(LocalQuarantineStore):
        def get(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Manifest:
            if look_together and dataset is not None:
                wait()
            return super().get(quarantine_id, tenant=tenant, dataset=dataset)

    look_together = bool(list((folder / "held").glob("*/*/*/manifest.json")))
    gate = gate_of(folder, step=step)
    gate.__dict__["quarantine_store"] = Looked({"path": "held"}, folder, step=step)
    try:
        done: Any = work(gate, folder)
        answers.put(str(getattr(done, "action", None) or (done if isinstance(done, Manifest) else done.manifest).status))
    except SluicegateError as error:
        answers.put(type(error).__name__)


def race(scenario: str, folder: Path) -> dict[str, Any]:
    """Eight processes at once, several times; then what must hold holds."""
    fork = multiprocessing.get_context("fork")
    shop = template(folder)
    seen = []
    for number in range(5):
        base = folder / f"race-{number}"
        shutil.copytree(shop, base)
        barrier, answers = fork.Barrier(len(RACES[scenario])), fork.Queue()
        racers = [fork.Process(target=racer, args=(work, base, barrier, answers)) for work in RACES[scenario]]
        for process in racers:
            process.start()
        found = sorted(answers.get(timeout=120) for _ in racers)
        for process in racers:
            process.join()
        item = look(base)
        seen.append({"answers": found, "status": item.status.value, "committed": committed(base)})
    return {"rounds": seen}


if __name__ == "__main__":
    what, name, where = sys.argv[1:]
    sys.stdout.write(json.dumps({"kill": kill, "race": race}[what](name, Path(where))))
