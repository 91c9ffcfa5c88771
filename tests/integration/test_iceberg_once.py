"""Processes that die at every storage operation of an Iceberg commit, pyiceberg's own included, and processes that race."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.io.pyarrow import PyArrowFile
from sqlalchemy import event
from sqlalchemy.engine import Engine

from sluicegate.errors import BatchConflict, SluicegateError
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.faults import Faults
from sluicegate.testing.targets import commit_request, parquet_file
from sluicegate_adapters.targets import iceberg
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.integration.test_kill_points import RACERS, ForkSafe, dies, race
from tests.unit.targets.iceberg_tables import table, values

ROWS = list(range(1000))
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


@pytest.fixture
def request_for_copying(tmp_path: Path) -> CommitRequest:
    source = parquet_file(tmp_path / "source.parquet", ROWS)
    return replace(commit_request(ROWS, files=(source,)), batch=ForkSafe())


@contextmanager
def watched(faults: Faults) -> Iterator[None]:
    """Let pyiceberg's own storage operations be numbered points, too: each file that it makes, each statement, each COMMIT."""
    create = PyArrowFile.create

    def creating(self: PyArrowFile, overwrite: bool = False) -> Any:
        with faults("pyiceberg creates", Path(self.location)):
            stream = create(self, overwrite)
        with faults("pyiceberg writes", Path(self.location)):
            return stream

    def before(*_: Any) -> None:
        with faults("SQL", Path()):
            pass

    def committing(*_: Any) -> None:
        with faults("SQL COMMIT", Path()):
            pass

    PyArrowFile.create = creating  # type: ignore[method-assign]
    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", before)
    event.listen(Engine, "commit", committing)
    try:
        yield
    finally:
        PyArrowFile.create = create  # type: ignore[method-assign]
        for name, listener in (("before_cursor_execute", before), ("after_cursor_execute", before), ("commit", committing)):
            event.remove(Engine, name, listener)


def commit_watched(base: Path, request: CommitRequest, faults: Faults, settings: dict[str, Any]) -> None:
    with watched(faults):
        IcebergTarget(settings, base, step=faults).commit(request)


def once_or_not_at_all(base: Path, before: list[int], rows: list[int], *, done: bool) -> None:
    found = values(base)
    assert found == before + rows or (not done and found == before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "settings"),
    [(True, {}), (False, {}), (False, {"branch": "audit", "publish": True})],
    ids=["into a new catalog", "into a table that is there", "by a branch that is published"],
)
def test_a_commit_killed_anywhere_is_made_once_by_its_recovery(
    tmp_path: Path, request_for_copying: CommitRequest, first: bool, settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    before: list[int] = []
    work = request_for_copying
    base = tmp_path / "base"  # the same place each time: the table's metadata names it
    if not first:
        base.mkdir()
        earlier = parquet_file(tmp_path / "earlier.parquet", [-1])
        IcebergTarget({}, base).commit(replace(commit_request([-1], files=(earlier,), batch_id="b0"), batch=ForkSafe()))
        before = [-1]
        shutil.copytree(base, origin, dirs_exist_ok=True)
    at = 0
    while True:
        at += 1
        shutil.rmtree(base, ignore_errors=True)
        shutil.copytree(origin, base)
        if not dies(lambda faults: commit_watched(base, work, faults, settings), at):
            break
        once_or_not_at_all(base, before, ROWS, done=False)
        if dies(lambda faults: commit_watched(base, work, faults, settings), 1 + at % 40):  # and its recovery dies somewhere else
            once_or_not_at_all(base, before, ROWS, done=False)
        IcebergTarget(settings, base).commit(work)
        once_or_not_at_all(base, before, ROWS, done=True)
        assert IcebergTarget(settings, base).commit(work).already_there
        once_or_not_at_all(base, before, ROWS, done=True)
    with capsys.disabled():
        sys.stdout.write(f"[{at - 1} points] ")
    assert at > 40


def race_to_commit(plant: bool, base: Path, request: CommitRequest, barrier: Any, answers: Any) -> None:
    """One racer: all have looked, and written their snapshots, when the first commits."""
    waited: list[str] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "commit" and not waited:
            waited.append(operation)
            barrier.wait(120)
        return nullcontext()

    if plant:
        iceberg.once = lambda _table, _transaction: None  # type: ignore[assignment]
    try:
        receipt = IcebergTarget({}, base, step=step).commit(request)
        answers.put("there" if receipt.already_there else "committed")
    except BatchConflict:
        answers.put("conflict")
    except SluicegateError as error:
        answers.put(f"error {error}")


def in_the_table(base: Path) -> list[str]:
    """The batches of the snapshots, oldest first."""
    return [str(snapshot.summary["sluicegate.batch-id"]) for snapshot in table(base).snapshots() if snapshot.summary]


def test_of_eight_that_commit_the_same_batch_one_does_and_seven_find_it(
    tmp_path: Path, request_for_copying: CommitRequest
) -> None:
    answers = race(race_to_commit, [(False, tmp_path, request_for_copying)] * RACERS)
    assert answers == ["committed"] + ["there"] * (RACERS - 1)
    assert in_the_table(tmp_path) == ["b1"]
    assert values(tmp_path) == ROWS


def test_the_race_finds_the_duplicates_that_pyicebergs_own_retries_make(
    tmp_path: Path, request_for_copying: CommitRequest
) -> None:
    """The harness' proof: with the planted bug the same race must see what the protocol is there to prevent."""
    race(race_to_commit, [(True, tmp_path, request_for_copying)] * RACERS)
    assert in_the_table(tmp_path).count("b1") > 1
    assert len(values(tmp_path)) > len(ROWS)


def test_of_eight_that_commit_other_content_under_one_id_one_does_and_seven_are_told(tmp_path: Path) -> None:
    racers = []
    for racer in range(RACERS):
        file = parquet_file(tmp_path / f"{racer}.parquet", [racer])
        racers.append((False, tmp_path, replace(commit_request([racer], files=(file,)), batch=ForkSafe())))
    assert race(race_to_commit, racers) == ["committed"] + ["conflict"] * (RACERS - 1)
    assert in_the_table(tmp_path) == ["b1"]
    assert len(values(tmp_path)) == 1


def test_eight_that_commit_eight_batches_all_get_in(tmp_path: Path) -> None:
    racers = []
    for racer in range(RACERS):
        rows = [racer, racer + 100]
        file = parquet_file(tmp_path / f"{racer}.parquet", rows)
        racers.append((False, tmp_path, replace(commit_request(rows, files=(file,), batch_id=f"b{racer}"), batch=ForkSafe())))
    assert race(race_to_commit, racers) == ["committed"] * RACERS
    assert sorted(in_the_table(tmp_path)) == [f"b{racer}" for racer in range(RACERS)]
    assert values(tmp_path) == [*range(RACERS), *range(100, 100 + RACERS)]
