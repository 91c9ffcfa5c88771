"""Write, audit, publish: batches on a branch, and ``main`` following it without ever losing anything."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from sluicegate.errors import BatchConflict, StorageError
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.targets import DATASET, commit_request
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.unit.targets.iceberg_tables import opened, table, values


def main(base: Path) -> IcebergTarget:
    return IcebergTarget({}, base)


def audit(base: Path, **more: Any) -> IcebergTarget:
    return IcebergTarget({"branch": "audit", **more}, base)


def publishing(base: Path, **more: Any) -> IcebergTarget:
    return IcebergTarget({"branch": "audit", "publish": True}, base, **more)


def one(value: int, *, sha256: str = "ab" * 32) -> CommitRequest:
    return commit_request([value], batch_id=f"b{value}", sha256=sha256)


def test_a_new_branch_starts_where_main_is_and_main_stays(tmp_path: Path) -> None:
    main(tmp_path).commit(one(1))
    audit(tmp_path).commit(one(2))
    assert (values(tmp_path), values(tmp_path, branch="audit")) == ([1], [1, 2])


def test_a_branch_may_be_there_before_main(tmp_path: Path) -> None:
    audit(tmp_path).commit(one(1))
    assert (values(tmp_path), values(tmp_path, branch="audit")) == ([], [1])


def test_a_batch_that_main_has_is_not_put_on_the_branch_too(tmp_path: Path) -> None:
    main(tmp_path).commit(one(1))
    audit(tmp_path).commit(one(2))
    main(tmp_path).commit(one(3))
    assert audit(tmp_path).commit(one(3)).already_there
    assert values(tmp_path, branch="audit") == [1, 2]
    with pytest.raises(BatchConflict):
        audit(tmp_path).commit(one(3, sha256="cd" * 32))


def test_what_is_on_the_branch_alone_is_not_in_main(tmp_path: Path) -> None:
    audit(tmp_path).commit(one(1))
    assert audit(tmp_path).find("b1", dataset=DATASET) is not None
    assert main(tmp_path).find("b1", dataset=DATASET) is None
    assert publishing(tmp_path).find("b1", dataset=DATASET) is None


def test_a_published_batch_comes_to_the_branch_and_to_main_in_one_commit(tmp_path: Path) -> None:
    main(tmp_path).commit(one(1))
    publishing(tmp_path).commit(one(2))
    refs = table(tmp_path).metadata.refs
    assert refs["main"].snapshot_id == refs["audit"].snapshot_id
    assert (values(tmp_path), len(table(tmp_path).snapshots())) == ([1, 2], 2)


def test_a_batch_that_waits_on_the_branch_is_published_by_committing_it_again(tmp_path: Path) -> None:
    main(tmp_path).commit(one(1))
    audit(tmp_path).commit(one(2))
    assert publishing(tmp_path).commit(one(2)).already_there
    assert values(tmp_path) == values(tmp_path, branch="audit") == [1, 2]
    assert len(table(tmp_path).snapshots()) == 2


def test_publishing_brings_what_waited_on_the_branch_along(tmp_path: Path) -> None:
    audit(tmp_path).commit(one(1))
    publishing(tmp_path).commit(one(2))
    assert values(tmp_path) == [1, 2]


def test_a_branch_that_main_has_left_behind_is_brought_up_to_it_first(tmp_path: Path) -> None:
    publishing(tmp_path).commit(one(1))
    main(tmp_path).commit(one(2))
    publishing(tmp_path).commit(one(3))
    assert values(tmp_path) == values(tmp_path, branch="audit") == [1, 2, 3]


@pytest.mark.parametrize("again", [False, True], ids=["a new batch", "one that waits on the branch"])
def test_a_main_that_went_another_way_is_left_as_it_is(tmp_path: Path, again: bool) -> None:
    main(tmp_path).commit(one(1))
    audit(tmp_path).commit(one(2))
    main(tmp_path).commit(one(3))
    with pytest.raises(StorageError, match="can't be published: main has snapshots that it lacks"):
        publishing(tmp_path).commit(one(2 if again else 4))
    assert (values(tmp_path), values(tmp_path, branch="audit")) == ([1, 3], [1, 2])


@pytest.mark.parametrize("operation", ["commit", "publish"])
def test_a_main_that_moves_just_before_it_would_follow_the_branch_loses_nothing(tmp_path: Path, operation: str) -> None:
    if operation == "publish":
        audit(tmp_path).commit(one(2))
    done: list[str] = []

    def step(what: str, _path: Path) -> AbstractContextManager[object]:
        if what == operation and not done:
            done.append(what)
            main(tmp_path).commit(one(1))
        return nullcontext()

    target = publishing(tmp_path, step=step)
    if operation == "publish":
        with pytest.raises(StorageError, match="main has snapshots that it lacks"):
            target.commit(one(2))
        assert values(tmp_path) == [1]
    else:
        assert not target.commit(one(2)).already_there
        assert values(tmp_path) == values(tmp_path, branch="audit") == [1, 2]


def test_a_publication_whose_answer_is_lost_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit(tmp_path).commit(one(1))
    commit_table = SqlCatalog.commit_table

    def lost(self: SqlCatalog, *arguments: Any) -> Any:
        commit_table(self, *arguments)
        raise RuntimeError("the answer is lost")

    with monkeypatch.context() as patched:
        patched.setattr(SqlCatalog, "commit_table", lost)
        with pytest.raises(StorageError, match="can't be published"):
            publishing(tmp_path).commit(one(1))
    assert publishing(tmp_path).commit(one(1)).already_there
    assert values(tmp_path) == [1]


def test_a_tag_is_no_branch(tmp_path: Path) -> None:
    main(tmp_path).commit(one(1))
    with opened(tmp_path) as catalog:
        loaded = catalog.load_table(("default", DATASET))
        loaded.manage_snapshots().create_tag(loaded.snapshots()[0].snapshot_id, "audit").commit()
    with pytest.raises(StorageError, match="audit is a tag, not a branch"):
        audit(tmp_path).commit(one(2))
