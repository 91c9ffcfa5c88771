"""A local folder and a local Parquet dataset, cleared of what the dead left there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sluicegate.ports.quarantine import QuarantineStatus
from sluicegate.ports.recovery import Recoverable
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate.testing.recovery import RecoveryConformance, RecoverySite
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.local_files import Step
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from sluicegate_adapters.targets.parquet import ParquetTarget

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def stopped_at(operation: str, work: Callable[[Step], object]) -> Iterator[None]:
    """Somebody who does this work, and stands still before that operation as long as we are inside."""
    reached, go_on = threading.Event(), threading.Event()
    done: list[object] = []

    def step(current: str, _path: Path) -> AbstractContextManager[object]:
        if current == operation:
            reached.set()
            assert go_on.wait(60)
        return nullcontext()

    worker = threading.Thread(target=lambda: done.append(work(step)))
    worker.start()
    try:
        assert reached.wait(60)
        yield
    finally:
        go_on.set()
        worker.join(60)
    assert done, "it came through"


def files_below(root: Path) -> Mapping[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


class LocalStoreSite:
    def __init__(self, base: Path) -> None:
        self.base = base
        self.delivery = base / "a.csv"
        self.delivery.write_text("a\n1\n")
        self.item = LocalQuarantineStore({}, base).put(quarantine_request(self.delivery))
        self.folder = base / ".sluicegate" / "quarantine" / "default" / "numbers" / self.item.quarantine_id

    @property
    def place(self) -> Recoverable:
        return LocalQuarantineStore({}, self.base)

    def leave(self) -> None:
        never = self.folder.parent / "q-000000000000000000000000"
        for folder in (never, self.folder):
            copy = folder / "data" / "0123456789ab"
            copy.mkdir(parents=True)
            (copy / "00000-a.csv").write_text("half a cop")
        (never / ".lock").touch()
        (self.folder / "manifest.json.00ff.tmp").write_text("half a mani")

    def living(self) -> AbstractContextManager[None]:
        other = self.base / "b.csv"
        other.write_text("a\n2\n")
        return stopped_at("link", lambda step: LocalQuarantineStore({}, self.base, step=step).put(quarantine_request(other)))

    def lying(self) -> Mapping[str, bytes]:
        return files_below(self.base / ".sluicegate")

    def served(self) -> object:
        store = LocalQuarantineStore({}, self.base)
        return [(item, [path.read_bytes() for path in store.data_files(item)]) for item in store.list()]


class ParquetSite:
    def __init__(self, base: Path) -> None:
        self.base = base
        ParquetTarget({}, base).commit(commit_request([1, 2], files=(parquet_file(base / "a.parquet", [1, 2]),)))

    @property
    def place(self) -> Recoverable:
        return ParquetTarget({}, self.base)

    def leave(self) -> None:
        staging = self.base / ".sluicegate" / "data" / "default" / ".sluicegate-staging"
        (staging / "00ff").mkdir()
        (staging / "00ff" / "part-00000.parquet").write_bytes(b"half")
        (staging / "00ff.lock").touch()

    def living(self) -> AbstractContextManager[None]:
        request = commit_request([3], batch_id="b2", files=(parquet_file(self.base / "b.parquet", [3]),))
        return stopped_at("publish", lambda step: ParquetTarget({}, self.base, step=step).commit(request))

    def lying(self) -> Mapping[str, bytes]:
        return files_below(self.base / ".sluicegate")

    def served(self) -> object:
        return files_below(self.base / ".sluicegate" / "data" / "default" / DATASET)


class TestLocalQuarantineStoreClearsUp(RecoveryConformance):
    age_tells = False

    @pytest.fixture
    def site(self, tmp_path: Path) -> RecoverySite:
        return LocalStoreSite(tmp_path)


class TestParquetTargetClearsUp(RecoveryConformance):
    age_tells = False

    @pytest.fixture
    def site(self, tmp_path: Path) -> RecoverySite:
        return ParquetSite(tmp_path)


def test_the_bytes_of_a_tombstone_go(tmp_path: Path) -> None:
    site = LocalStoreSite(tmp_path)
    store = LocalQuarantineStore({}, tmp_path)
    stone = store.swap(site.item, moved(site.item, QuarantineStatus.DELETED, nonce="n2"))
    (gone,) = store.recover(older_than=NOW)
    assert (gone.done, gone.why, gone.bytes) == ("removed", "the item was deleted", 4)
    assert list(store.list()) == [stone]
    assert list(site.lying()) == [f"quarantine/default/numbers/{stone.quarantine_id}/manifest.json"]


def test_beside_a_damaged_manifest_nothing_is_touched(tmp_path: Path) -> None:
    site = LocalStoreSite(tmp_path)
    site.leave()
    (site.folder / "manifest.json").write_text("{}")
    before = {path: content for path, content in site.lying().items() if site.item.quarantine_id in path}
    list(LocalQuarantineStore({}, tmp_path).recover(older_than=NOW))
    assert {path: content for path, content in site.lying().items() if site.item.quarantine_id in path} == before


@pytest.mark.parametrize(
    ("settings", "staging"),
    [
        ({}, ".sluicegate/data/default/.sluicegate-staging"),
        ({"path": "lake [1]"}, ".sluicegate-staging"),
        ({"path": "lake/{dataset}/{tenant}"}, f"lake/{DATASET}/.sluicegate-staging"),
        ({"path": "lake/x", "staging": "wait here"}, "wait here"),
    ],
)
def test_staging_folders_are_found_wherever_the_dataset_is(tmp_path: Path, settings: dict[str, str], staging: str) -> None:
    ParquetTarget(settings, tmp_path).commit(commit_request([1]))
    dead = tmp_path / staging / "00ff"
    dead.mkdir()
    dead.with_name("00ff.lock").touch()
    (gone,) = ParquetTarget(settings, tmp_path).recover(older_than=NOW)
    assert (gone.where, gone.done, dead.exists()) == (str(dead), "removed", False)
