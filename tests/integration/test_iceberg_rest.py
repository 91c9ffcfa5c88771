"""The Iceberg target on a REST catalog, over real HTTP: the suite of every target, and answers that lie or get lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from pyiceberg.exceptions import NoSuchTableError

from sluicegate.errors import CommitStateUnknown, StorageError, TransientStorageError
from sluicegate.ports.names import segment
from sluicegate.ports.recovery import Recoverable
from sluicegate.ports.target import Target
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.targets import DATASET, TargetConformance, Visible, commit_request
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.integration.rest_catalog import RestCatalog, serve


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RestCatalog]:
    with serve(tmp_path / "server") as running:
        yield running


@pytest.fixture
def target(server: RestCatalog, tmp_path: Path) -> Target:
    return IcebergTarget({"catalog": {"name": "prod", "uri": server.uri}}, tmp_path)


def values(server: RestCatalog, name: str = DATASET) -> list[int]:
    try:
        rows = server.backend.load_table(("default", name)).scan().to_arrow()
    except NoSuchTableError:
        return []
    return sorted(rows.column("a").to_pylist())


class TestIcebergTargetOnRest(TargetConformance):
    @pytest.fixture
    def target(self, server: RestCatalog, tmp_path: Path) -> Target:
        return IcebergTarget({"catalog": {"name": "prod", "uri": server.uri}}, tmp_path)

    @pytest.fixture
    def visible(self, server: RestCatalog) -> Visible:
        return lambda dataset: values(server, segment(dataset))


@pytest.mark.parametrize("lie", [0, 409, 429, 500, 502, 503, 504])
def test_a_commit_that_was_made_is_found_whatever_the_answer_says(server: RestCatalog, target: Target, lie: int) -> None:
    server.lies = [lie]
    receipt = target.commit(commit_request([1, 2]))
    assert (receipt.rows, receipt.already_there, server.commits) == (2, False, 1)
    assert values(server) == [1, 2]


def test_a_server_that_is_away_is_a_storage_error_and_may_be_tried_again(tmp_path: Path) -> None:
    with serve(tmp_path / "server") as running:
        target = IcebergTarget({"catalog": {"uri": running.uri}}, tmp_path)
        target.commit(commit_request([1]))
    with pytest.raises(TransientStorageError, match="can't be opened"):
        target.commit(commit_request([1]))


def test_a_server_that_goes_away_after_a_commit_leaves_it_unknown_until_it_is_asked_again(
    server: RestCatalog, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.lies = [500]
    load, loads = IcebergTarget._load, []

    def away(self: IcebergTarget, *arguments: object) -> object:
        loads.append(1)
        if server.commits:
            raise StorageError("away")
        return load(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(IcebergTarget, "_load", away)
        with pytest.raises(CommitStateUnknown):
            target.commit(commit_request([1, 2]))
    assert target.commit(commit_request([1, 2])).already_there
    assert values(server) == [1, 2]


def test_of_eight_threads_that_commit_the_same_batch_one_does(server: RestCatalog, target: Target) -> None:
    barrier = Barrier(8)

    def commit(_: int) -> bool:
        request = commit_request([1, 2])
        barrier.wait(60)
        return target.commit(request).already_there

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(commit, range(8))) == [False] + [True] * 7
    assert values(server) == [1, 2]


def test_partitions_new_columns_and_a_branch_that_is_published_work_over_rest(server: RestCatalog, tmp_path: Path) -> None:
    settings = {"catalog": {"uri": server.uri}, "partition_by": ["bucket(2, a)"], "branch": "audit", "publish": True}
    target = IcebergTarget(settings, tmp_path)
    target.commit(commit_request(range(9)))
    wider = replace(
        commit_request([100], batch_id="b2"), batch=MemoryBatch("SELECT 100::BIGINT AS a, 'x' AS b"), declared={"b": "string"}
    )
    target.commit(wider)
    assert target.commit(wider).already_there
    assert values(server) == [*range(9), 100]
    found = server.backend.load_table(("default", DATASET))
    assert [str(field.transform) for field in found.spec().fields] == ["bucket[2]"]
    assert found.metadata.refs["main"].snapshot_id == found.metadata.refs["audit"].snapshot_id


@pytest.mark.parametrize("lie", [0, 409, 500])
def test_a_publication_that_was_made_is_found_whatever_the_answer_says(server: RestCatalog, tmp_path: Path, lie: int) -> None:
    settings = {"catalog": {"uri": server.uri}, "branch": "audit"}
    IcebergTarget(settings, tmp_path).commit(commit_request([1, 2]))
    publishing = IcebergTarget(settings | {"publish": True}, tmp_path)
    server.lies = [lie]
    with suppress(StorageError):
        publishing.commit(commit_request([1, 2]))
    assert publishing.commit(commit_request([1, 2])).already_there
    assert values(server) == [1, 2]


def test_batches_of_expired_snapshots_are_found_and_orphans_removed_over_rest(
    server: RestCatalog, target: Target, tmp_path: Path
) -> None:
    for name in ("b1", "b2"):
        target.commit(commit_request([1], batch_id=name))
    loaded = server.backend.load_table(("default", DATASET))
    loaded.maintenance.expire_snapshots().by_id(loaded.snapshots()[0].snapshot_id).commit()
    assert target.find("b1", dataset=DATASET) is not None
    data = tmp_path / "server" / "house" / "default" / DATASET / "data"
    orphan = data / "b3" / f"{'0' * 64}-00000-{'0' * 32}.parquet"
    orphan.parent.mkdir()
    orphan.write_bytes(b"?")
    assert isinstance(target, Recoverable)
    (told,) = target.recover(older_than=datetime.now(UTC) + timedelta(hours=1))
    assert told.where.endswith(orphan.name)
    assert values(server) == [1, 1]
