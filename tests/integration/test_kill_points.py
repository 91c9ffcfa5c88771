"""Processes that die at every single storage operation, and processes that race: exactly once, nothing lost.

Each death is a real one: a child kills itself with SIGKILL before its n-th operation. Children are forked, with what they
need loaded before, so that hundreds of deaths cost seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import BatchConflict, TransientStorageError
from sluicegate.ports.fingerprint import files_sha256
from sluicegate.ports.quarantine import QuarantineStatus
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.faults import Faults
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from sluicegate_adapters.targets.parquet import ParquetTarget

FORK = multiprocessing.get_context("fork")
RACERS = 8

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # children use no engine, see ForkSafe


def dies(work: Callable[[Faults], object], at: int) -> bool:
    """Run the work in a forked child that is killed at its n-th operation; whether it was (else it came to its end)."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            work(Faults(at))
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def committed(base: Path) -> list[str]:
    """The published batches; each is whole, with its receipt."""
    root = base / ".sluicegate" / "data" / "default" / DATASET
    batches = sorted(root.glob("*")) if root.exists() else []
    for batch in batches:
        assert sorted(path.name for path in batch.iterdir()) == ["_sluicegate.json", "part-00000.parquet"]
    return [batch.name for batch in batches]


class ForkSafe:
    """A batch that must not be asked for rows: the child copies files, so that no engine lives in both processes."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


@pytest.fixture
def request_for_copying(tmp_path: Path) -> CommitRequest:
    source = parquet_file(tmp_path / "source.parquet", range(1000))
    return replace(commit_request(range(1000), files=(source,)), batch=ForkSafe())


@pytest.fixture
def without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row counts are read by DuckDB, whose threads do not survive a fork; the files' checksums are verified all the same."""
    monkeypatch.setattr("sluicegate_adapters.targets.parquet.count_rows", lambda _parts: 1000)


@pytest.mark.slow
def test_a_commit_killed_anywhere_and_its_recovery_killed_anywhere_commits_once(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    def commit_in(base: Path) -> Callable[[Faults], object]:
        return lambda faults: ParquetTarget({}, base, step=faults).commit(request_for_copying)

    at, deaths = 0, 0
    while True:
        at += 1
        base = tmp_path / f"at-{at}"
        base.mkdir()
        if not dies(commit_in(base), at):
            break
        deaths += 1
        assert committed(base) in ([], ["batch=b1"])
        again = 0
        while dies(commit_in(base), again := again + 1):  # the recovery dies one operation later each time
            deaths += 1
            assert committed(base) in ([], ["batch=b1"])
        receipt = ParquetTarget({}, base).commit(request_for_copying)
        assert (receipt.rows, receipt.already_there) == (1000, True)
        assert committed(base) == ["batch=b1"]
        source = request_for_copying.files[0].read_bytes()
        assert (Path(receipt.location) / "part-00000.parquet").read_bytes() == source
        ParquetTarget({}, base).commit(replace(request_for_copying, batch_id="b2"))
        staging = base / ".sluicegate" / "data" / "default" / ".sluicegate-staging"
        assert list(staging.iterdir()) == []
    assert at > 15
    assert deaths > 10 * at


@pytest.mark.slow
def test_a_put_killed_anywhere_and_its_recovery_killed_anywhere_keeps_one_item(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n" + "1\n" * 1000)
    request = quarantine_request(delivery)

    def put_in(base: Path) -> Callable[[Faults], object]:
        return lambda faults: LocalQuarantineStore({}, base, step=faults).put(request)

    def held(base: Path) -> list[str]:
        store = LocalQuarantineStore({}, base)
        for manifest in store.list():  # whatever is listed can be replayed
            assert [path.read_bytes() for path in store.data_files(manifest)] == [delivery.read_bytes()]
        return [manifest.quarantine_id for manifest in store.list()]

    at = 0
    while True:
        at += 1
        base = tmp_path / f"at-{at}"
        base.mkdir()
        if not dies(put_in(base), at):
            break
        assert held(base) in ([], [request.manifest.quarantine_id])
        again = 0
        while dies(put_in(base), again := again + 1):
            assert held(base) in ([], [request.manifest.quarantine_id])
        manifest = LocalQuarantineStore({}, base).put(request)
        assert held(base) == [manifest.quarantine_id]
        item = base / ".sluicegate" / "quarantine" / "default" / "numbers" / manifest.quarantine_id
        assert len(list((item / "data").iterdir())) == 1
        assert delivery.read_text() == "a\n" + "1\n" * 1000
    assert at > 15


def test_a_swap_killed_anywhere_is_made_or_not_made(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n1\n")
    at, outcomes = 0, set()
    while True:
        at += 1
        store = LocalQuarantineStore({"path": f"at-{at}"}, tmp_path)
        first = store.put(quarantine_request(delivery))
        second = moved(first, QuarantineStatus.REVIEWED, nonce="n2")

        def swap(faults: Faults) -> None:
            LocalQuarantineStore({"path": f"at-{at}"}, tmp_path, step=faults).swap(first, second)  # noqa: B023 - forked at once

        if not dies(swap, at):
            break
        outcomes.add(store.get(first.quarantine_id).status)
        assert store.swap(first, second) == second
        assert list(store.list()) == [second]
    assert outcomes == {QuarantineStatus.QUARANTINED, QuarantineStatus.REVIEWED}


def race_to_commit(base: Path, request: CommitRequest, barrier: Any, answers: Any) -> None:
    """One racer: it has staged everything at the barrier, which stands right before the publishing rename."""

    def step(operation: str, _path: Path) -> Any:
        if operation == "publish":
            barrier.wait(60)
        return nullcontext()

    try:
        receipt = ParquetTarget({}, base, step=step).commit(request)
        answers.put("there" if receipt.already_there else "committed")
    except BatchConflict:
        answers.put("conflict")


def race_to_put(base: Path, delivery: Path, racer: int, barrier: Any, answers: Any) -> None:
    request = quarantine_request(delivery, nonce=f"n{racer}")
    barrier.wait(60)
    answers.put(LocalQuarantineStore({}, base).put(request).nonce)


def race_to_swap(base: Path, quarantine_id: str, racer: int, barrier: Any, answers: Any) -> None:
    store = LocalQuarantineStore({}, base)
    first = store.get(quarantine_id)
    barrier.wait(60)
    try:
        store.swap(first, moved(first, QuarantineStatus.REPLAYING, nonce=f"r{racer}"))
        answers.put(f"r{racer}")
    except TransientStorageError:
        answers.put("lost")


def race(target: Callable[..., None], arguments: Iterable[tuple[Any, ...]]) -> list[str]:
    """Run one process for each, released together; their answers, sorted."""
    listed = list(arguments)
    barrier, answers = FORK.Barrier(len(listed)), FORK.Queue()
    racers = [FORK.Process(target=target, args=(*each, barrier, answers)) for each in listed]
    for racer in racers:
        racer.start()
    found = sorted(answers.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * len(listed)
    return found


def test_of_eight_that_commit_the_same_batch_one_does_and_seven_find_it(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    answers = race(race_to_commit, [(tmp_path, request_for_copying)] * RACERS)
    assert answers == ["committed"] + ["there"] * (RACERS - 1)
    assert committed(tmp_path) == ["batch=b1"]


def test_of_eight_that_commit_other_content_under_one_id_one_does_and_seven_are_told(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    racers = []
    for racer in range(RACERS):
        file = tmp_path / f"{racer}.parquet"
        file.write_bytes(request_for_copying.files[0].read_bytes() + bytes([racer]))
        racers.append((tmp_path, replace(request_for_copying, files=(file,), content_sha256=files_sha256([file]))))
    assert race(race_to_commit, racers) == ["committed"] + ["conflict"] * (RACERS - 1)
    assert committed(tmp_path) == ["batch=b1"]


def test_eight_that_quarantine_the_same_batch_meet_in_one_item(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n1\n")
    nonces = race(race_to_put, [(tmp_path, delivery, racer) for racer in range(RACERS)])
    store = LocalQuarantineStore({}, tmp_path)
    (manifest,) = store.list()
    assert set(nonces) == {manifest.nonce}
    assert [path.read_text() for path in store.data_files(manifest)] == ["a\n1\n"]


def test_of_eight_that_swap_one_item_one_wins(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n1\n")
    store = LocalQuarantineStore({}, tmp_path)
    quarantine_id = store.put(quarantine_request(delivery)).quarantine_id
    answers = race(race_to_swap, [(tmp_path, quarantine_id, racer) for racer in range(RACERS)])
    assert answers[:-1] == ["lost"] * (RACERS - 1)
    assert store.get(quarantine_id).nonce == answers[-1]
