"""Processes that die at every single storage operation, and processes that race: exactly once, nothing lost.

Each death is a real one: a child kills itself with SIGKILL before its n-th operation. Children are forked, with what they
need loaded before, so that hundreds of deaths cost seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import BatchConflict, StorageError, TransientStorageError
from sluicegate.ports.fingerprint import files_sha256
from sluicegate.ports.quarantine import QuarantineStatus
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.faults import Faults
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.local_files import LocalFiles
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
    monkeypatch.setattr("sluicegate_adapters.targets.parquet.count_rows", lambda _batch, _files: 1000)


def kill_everywhere(folder: Path, work: Callable[[Path, Faults], object], look: Callable[[Path, bool], object]) -> int:
    """Kill the work at each of its operations, then its recovery at each of its own, and look after every death.

    Args:
        folder: each scenario gets a folder of its own in it.
        work: what is done in a folder.
        look: what must hold there; told whether the work has come to its end at last.

    Returns:
        How many processes died.
    """
    at, deaths = 0, 0
    while True:
        at += 1
        base = folder / f"at-{at}"
        base.mkdir()
        if not dies(lambda faults, base=base: work(base, faults), at):  # type: ignore[misc]
            return deaths
        deaths += 1
        look(base, False)
        again = 0
        while dies(lambda faults, base=base: work(base, faults), again := again + 1):  # type: ignore[misc]
            deaths += 1  # each recovery comes one operation further than the one before
            look(base, False)
        look(base, True)


@pytest.mark.slow
def test_a_commit_killed_anywhere_and_its_recovery_killed_anywhere_commits_once(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    def look(base: Path, done: bool) -> None:
        assert committed(base) in ([["batch=b1"]] if done else [[], ["batch=b1"]])
        if not done:
            return
        receipt = ParquetTarget({}, base).commit(request_for_copying)
        assert (receipt.rows, receipt.already_there) == (1000, True)
        source = request_for_copying.files[0].read_bytes()
        assert (Path(receipt.location) / "part-00000.parquet").read_bytes() == source
        ParquetTarget({}, base).commit(replace(request_for_copying, batch_id="b2"))
        assert list((base / ".sluicegate" / "data" / "default" / ".sluicegate-staging").iterdir()) == []

    deaths = kill_everywhere(
        tmp_path, lambda base, faults: ParquetTarget({}, base, step=faults).commit(request_for_copying), look
    )
    assert deaths > 200


@pytest.mark.slow
def test_a_put_killed_anywhere_and_its_recovery_killed_anywhere_keeps_one_item(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n" + "1\n" * 1000)
    request = quarantine_request(delivery)
    wanted = request.manifest.quarantine_id

    def look(base: Path, done: bool) -> None:
        store = LocalQuarantineStore({}, base)
        held = list(store.list())
        assert [manifest.quarantine_id for manifest in held] in ([[wanted]] if done else [[], [wanted]])
        for manifest in held:  # whatever is listed can be replayed
            assert [path.read_bytes() for path in store.data_files(manifest)] == [delivery.read_bytes()]
        if done:
            store.put(request)
            item = base / ".sluicegate" / "quarantine" / "default" / "numbers" / wanted
            assert len(list((item / "data").iterdir())) == 1
        assert delivery.read_text() == "a\n" + "1\n" * 1000

    deaths = kill_everywhere(tmp_path, lambda base, faults: LocalQuarantineStore({}, base, step=faults).put(request), look)
    assert deaths > 200


class PublishesFileByFile(LocalFiles):
    """A planted bug: the batch's folder fills up before the readers' eyes."""

    def publish_folder(self, staged: Path, final: Path) -> None:
        final.mkdir()
        for file in sorted(staged.iterdir()):
            with self.step("publish", file):
                file.rename(final / file.name)


class PublishesOverOthers(LocalFiles):
    """A planted bug: what stands in the way is moved away."""

    def publish_folder(self, staged: Path, final: Path) -> None:
        with self.step("publish", final):
            while staged.exists():
                shutil.rmtree(final, ignore_errors=True)
                with suppress(OSError):
                    staged.rename(final)


class LinksBlockByBlock(LocalFiles):
    """A planted bug: the manifest is written under its own name."""

    def link(self, written: Path, name: Path) -> None:
        self.write(name, written.read_bytes())


def test_the_harness_finds_a_batch_that_is_not_published_at_once(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    def work(base: Path, faults: Faults) -> None:
        target = ParquetTarget({}, base)
        target._files = PublishesFileByFile(faults)
        target.commit(request_for_copying)

    with pytest.raises(AssertionError):
        kill_everywhere(tmp_path, work, lambda base, _done: committed(base))


def test_the_harness_finds_a_manifest_that_is_not_there_at_once(tmp_path: Path) -> None:
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n1\n")

    def work(base: Path, faults: Faults) -> None:
        store = LocalQuarantineStore({}, base)
        store._files = LinksBlockByBlock(faults)
        store.put(quarantine_request(delivery))

    with pytest.raises(StorageError, match="damaged"):
        kill_everywhere(tmp_path, work, lambda base, _done: list(LocalQuarantineStore({}, base).list()))


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


def race_to_commit(files: type[LocalFiles], base: Path, request: CommitRequest, barrier: Any, answers: Any) -> None:
    """One racer: it has staged everything at the barrier, which stands right before the publishing rename."""

    def step(operation: str, _path: Path) -> Any:
        if operation == "publish":
            barrier.wait(60)
        return nullcontext()

    target = ParquetTarget({}, base)
    target._files = files(step)
    try:
        receipt = target.commit(request)
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
    answers = race(race_to_commit, [(LocalFiles, tmp_path, request_for_copying)] * RACERS)
    assert answers == ["committed"] + ["there"] * (RACERS - 1)
    assert committed(tmp_path) == ["batch=b1"]


def other_contents(base: Path, request: CommitRequest) -> list[tuple[Path, CommitRequest]]:
    """As many requests of one batch_id as racers, each with a content of its own."""
    racers = []
    for racer in range(RACERS):
        file = base / f"{racer}.parquet"
        file.write_bytes(request.files[0].read_bytes() + bytes([racer]))
        racers.append((base, replace(request, files=(file,), content_sha256=files_sha256([file]))))
    return racers


def test_of_eight_that_commit_other_content_under_one_id_one_does_and_seven_are_told(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    racers = other_contents(tmp_path, request_for_copying)
    answers = race(race_to_commit, [(LocalFiles, *racer) for racer in racers])
    assert answers == ["committed"] + ["conflict"] * (RACERS - 1)
    assert committed(tmp_path) == ["batch=b1"]


def test_the_race_finds_a_publish_that_makes_way_for_itself(
    tmp_path: Path, request_for_copying: CommitRequest, without_an_engine: None
) -> None:
    racers = other_contents(tmp_path, request_for_copying)
    answers = race(race_to_commit, [(PublishesOverOthers, *racer) for racer in racers])
    assert answers.count("committed") > 1


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
