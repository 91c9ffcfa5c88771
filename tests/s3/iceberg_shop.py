"""Commits to an Iceberg table in a bucket that die and race: run as a program, for a process that forks must never have used S3.

    python -m tests.s3.iceberg_shop kill URL BUCKET FOLDER
    python -m tests.s3.iceberg_shop race URL BUCKET FOLDER

Prints one JSON document: what was seen. Whatever breaks an invariant is a traceback and exit code 1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3  # noqa: F401 - loaded once, used in children only
import pyarrow.fs  # noqa: F401 - as above
import pyiceberg.io.pyarrow  # noqa: F401 - as above

from sluicegate.errors import BatchConflict
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.faults import Faults
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.integration.test_iceberg_once import watched
from tests.integration.test_kill_points import RACERS, ForkSafe, race
from tests.s3.servers import KEYS

EVERY = 4
"""How far the points lie apart at which a process is killed: each costs two processes that open an S3 client."""


def settings_for(server: str, bucket: str, folder: Path) -> dict[str, Any]:
    """A table in the bucket, known to a SQL catalog on this disk."""
    return {
        "catalog": {
            "uri": f"sqlite:///{folder / 'catalog.sqlite'}?timeout=60",
            "warehouse": f"s3://{bucket}/lake",
            "s3.endpoint": server,
            "s3.access-key-id": KEYS["access_key_id"],
            "s3.secret-access-key": KEYS["secret_access_key"],
        },
        "staging": str(folder / "staging"),
    }


def values(settings: dict[str, Any], folder: Path, name: str = DATASET) -> list[int]:
    """The values of column ``a``, as any reader finds them."""
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NoSuchTableError

    catalog = load_catalog("sluicegate", **{"s3.region": "us-east-1"}, **settings["catalog"])
    try:
        found = catalog.load_table(("default", name)).scan().to_arrow()
    except NoSuchTableError:
        return []
    finally:
        catalog.close()
    return sorted(found.column("a").to_pylist())


def in_a_child(work: Callable[[], object]) -> int:
    """Do it in a process of its own; its exit code, negative where it was killed."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def kill(settings: dict[str, Any], folder: Path) -> dict[str, int]:
    """Kill commit after commit to one table, each at another point, and let each be made good."""
    requests = request_maker(folder)
    done: list[int] = []

    def recovered(request: CommitRequest, rows: list[int]) -> None:
        found = values(settings, folder)
        assert found in (done, sorted(done + rows)), found
        target = IcebergTarget(settings, folder)
        target.commit(request)
        assert target.commit(request).already_there
        assert values(settings, folder) == sorted(done + rows)

    def dying(request: CommitRequest, at: int) -> None:
        faults = Faults(at)
        with watched(faults):
            IcebergTarget(settings, folder, step=faults).commit(request)

    at, deaths = 1, 0
    while True:
        rows = [at, -at]
        request = requests(rows, f"b{at}")
        code = in_a_child(lambda request=request, at=at: dying(request, at))  # type: ignore[misc]
        assert code in {0, -signal.SIGKILL}, code
        assert in_a_child(lambda request=request, rows=rows: recovered(request, rows)) == 0  # type: ignore[misc]
        done = sorted(done + rows)
        if code == 0:
            return {"deaths": deaths, "points": at - 1}
        deaths += 1
        at += EVERY


def racer(settings: dict[str, Any], folder: Path, request: CommitRequest, barrier: Any, answers: Any) -> None:
    """One racer: all have looked, and written their snapshots, when the first commits."""
    waited: list[str] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "commit" and not waited:
            waited.append(operation)
            barrier.wait(120)
        return nullcontext()

    try:
        receipt = IcebergTarget(settings, folder, step=step).commit(request)
        answers.put("there" if receipt.already_there else "committed")
    except BatchConflict:
        answers.put("conflict")


def raced(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Eight that commit the same batch, then eight that commit other content under one batch_id."""
    requests = request_maker(folder)
    same = requests([1, 2], "same")
    first = race(racer, [(settings, folder, same)] * RACERS)
    second = race(racer, [(settings, folder, requests([100 + number], "other")) for number in range(RACERS)])
    return {"same": first, "other": second}


def request_maker(folder: Path) -> Callable[[list[int], str], CommitRequest]:
    """Requests whose files are there before anything is forked."""
    made = iter(range(1000))

    def make(rows: list[int], batch_id: str) -> CommitRequest:
        file = folder / f"{next(made)}.parquet"
        assert in_a_child(lambda: parquet_file(file, rows)) == 0
        return replace(commit_request(rows, files=(file,), batch_id=batch_id), batch=ForkSafe())

    return make


def main(what: str, server: str, bucket: str, folder: Path) -> None:
    """Run one scenario."""
    warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: here they hold nothing
    settings = settings_for(server, bucket, folder)
    sys.stdout.write(json.dumps(kill(settings, folder) if what == "kill" else raced(settings, folder)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
