"""The conformance suite for targets: whoever writes one subclasses ``TargetConformance`` and gives two fixtures.

.. code-block:: python

    class TestMyTarget(TargetConformance):
        @pytest.fixture
        def target(self, tmp_path: Path) -> Target:
            return MyTarget({"path": str(tmp_path / "data")}, tmp_path)

        @pytest.fixture
        def visible(self, target: Target) -> Visible:
            return lambda dataset: sorted(...)  # the values of column ``a`` that a reader of this dataset sees

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

import pytest

from sluicegate.checks.sqltext import identifier, literal
from sluicegate.errors import BatchConflict, BatchUnreadable, StorageError
from sluicegate.ports.fingerprint import files_sha256
from sluicegate.ports.target import CommitRequest, Target
from sluicegate.testing.batches import MemoryBatch

__all__ = ["TargetConformance", "Visible", "commit_request", "parquet_file"]

Visible: TypeAlias = Callable[[str], list[int]]

DATASET = "numbers"
AWKWARD_NAMES = ("select", "Übergröße", "a b'c\"d", "../up", "x" * 200, "a/b", ".hidden", "1=2")


def values_query(values: Iterable[int]) -> str:
    """A SELECT of one BIGINT column ``a``."""
    rows = ", ".join(f"({value})" for value in values)
    return f"SELECT a::BIGINT AS a FROM (VALUES {rows}) t(a)" if rows else "SELECT 1::BIGINT AS a WHERE false"


def parquet_file(path: Path, values: Iterable[int]) -> Path:
    """Write a Parquet file of one BIGINT column ``a``."""
    batch = MemoryBatch(values_query(values))
    batch.connect().execute(f"COPY (FROM {identifier('batch')}) TO {literal(str(path))} (FORMAT parquet)")
    return path


def commit_request(
    values: Iterable[int], *, batch_id: str = "b1", dataset: str = DATASET, files: tuple[Path, ...] = (), sha256: str = "ab" * 32
) -> CommitRequest:
    """A request for one column ``a`` of these values: as the given Parquet files, else to be written anew."""
    values = tuple(values)
    return CommitRequest(
        dataset=dataset,
        batch_id=batch_id,
        content_sha256=files_sha256(files) if files else sha256,
        rows=len(values),
        files=files,
        batch=MemoryBatch(values_query(values)),
        properties={"contract": "numbers", "run_id": "r1"},
    )


class TargetConformance:
    """What every target promises."""

    @pytest.fixture
    def target(self) -> Target:
        """The target under test."""
        raise NotImplementedError

    @pytest.fixture
    def visible(self) -> Visible:
        """The values of column ``a`` that a reader of a dataset sees, sorted."""
        raise NotImplementedError

    @pytest.fixture(params=["copied", "written"])
    def request_of(self, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., CommitRequest]:
        """A request by values, once with Parquet files of its own and once without."""
        made: list[Path] = []

        def make(values: Iterable[int], *, batch_id: str = "b1", dataset: str = DATASET) -> CommitRequest:
            values = tuple(values)
            files: tuple[Path, ...] = ()
            if request.param == "copied":
                made.append(parquet_file(tmp_path / f"source-{len(made)}.parquet", values))
                files = (made[-1],)
            sha256 = f"{abs(hash(values)):064x}"
            return commit_request(values, batch_id=batch_id, dataset=dataset, files=files, sha256=sha256)

        return make

    def test_a_committed_batch_is_visible(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        receipt = target.commit(request_of([1, 2, 3]))
        assert (receipt.rows, receipt.already_there) == (3, False)
        assert visible(DATASET) == [1, 2, 3]

    def test_the_same_batch_again_changes_nothing(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        first = target.commit(request_of([1, 2, 3]))
        again = target.commit(request_of([1, 2, 3]))
        assert (again.location, again.rows, again.already_there) == (first.location, 3, True)
        assert visible(DATASET) == [1, 2, 3]

    def test_the_same_batch_id_with_other_content_is_a_conflict(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        target.commit(request_of([1, 2, 3]))
        with pytest.raises(BatchConflict):
            target.commit(request_of([1, 2, 4]))
        assert visible(DATASET) == [1, 2, 3]

    def test_batches_add_up(self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]) -> None:
        target.commit(request_of([1, 2], batch_id="b1"))
        target.commit(request_of([2, 3], batch_id="b2"))
        assert visible(DATASET) == [1, 2, 2, 3]

    def test_two_datasets_may_use_the_same_batch_id(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        target.commit(request_of([1], dataset="one"))
        target.commit(request_of([2], dataset="two"))
        assert (visible("one"), visible("two")) == ([1], [2])

    def test_an_empty_batch_can_be_committed(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        target.commit(request_of([1], batch_id="b1"))
        assert target.commit(request_of([], batch_id="b2")).rows == 0
        assert visible(DATASET) == [1]

    def test_find_tells_what_is_there(self, target: Target, request_of: Callable[..., CommitRequest]) -> None:
        assert target.find("b1", dataset=DATASET) is None
        request = request_of([1, 2, 3])
        receipt = target.commit(request)
        found = target.find("b1", dataset=DATASET)
        assert found is not None
        assert (found.location, found.rows, found.already_there) == (receipt.location, 3, True)
        assert (found.content_sha256, receipt.content_sha256) == (request.content_sha256,) * 2
        assert target.find("b2", dataset=DATASET) is None
        assert target.find("b1", dataset="another") is None
        assert target.find("b1", dataset=DATASET, tenant="another") is None

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_any_name_is_a_name(self, target: Target, visible: Visible, name: str) -> None:
        target.commit(commit_request([1], dataset=name))
        target.commit(commit_request([2], dataset=name, batch_id=name))
        assert visible(name) == [1, 2]
        assert target.find(name, dataset=name) is not None

    def test_fewer_rows_than_were_checked_are_not_committed(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        from dataclasses import replace

        with pytest.raises(StorageError):
            target.commit(replace(request_of([1, 2, 3]), rows=4))
        assert target.find("b1", dataset=DATASET) is None
        assert visible(DATASET) == []

    def test_files_that_changed_since_the_check_are_not_committed(self, target: Target, visible: Visible, tmp_path: Path) -> None:
        request = commit_request([1, 2, 3], files=(parquet_file(tmp_path / "source.parquet", [1, 2, 3]),))
        parquet_file(request.files[0], [1, 2, 4])
        with pytest.raises(BatchUnreadable):
            target.commit(request)
        assert visible(DATASET) == []

    def test_files_that_are_gone_since_the_check_are_not_committed(
        self, target: Target, visible: Visible, tmp_path: Path
    ) -> None:
        request = commit_request([1, 2, 3], files=(parquet_file(tmp_path / "source.parquet", [1, 2, 3]),))
        request.files[0].unlink()
        with pytest.raises(BatchUnreadable):
            target.commit(request)
        assert visible(DATASET) == []

    def test_a_batch_that_fails_its_last_look_is_not_committed(
        self, target: Target, visible: Visible, request_of: Callable[..., CommitRequest]
    ) -> None:
        from dataclasses import replace

        def changed() -> None:
            raise BatchUnreadable("the batch changed")

        with pytest.raises(BatchUnreadable):
            target.commit(replace(request_of([1, 2, 3]), verify=changed))
        assert visible(DATASET) == []
