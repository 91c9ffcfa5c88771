"""The Parquet target: the suite that every target passes, and what only a folder on a disk can get wrong."""

from __future__ import annotations

import errno
import glob
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sluicegate.errors import BatchConflict, BatchUnreadable, CommitStateUnknown, ConfigError, StorageError
from sluicegate.ports.names import segment
from sluicegate.ports.target import Target
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.faults import Faults, refuse
from sluicegate.testing.targets import DATASET, TargetConformance, Visible, commit_request, parquet_file
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.targets._staging import Staging
from sluicegate_adapters.targets.parquet import ParquetTarget


def rows_in(root: Path) -> list[int]:
    """What a reader that globs sees."""
    files = sorted(root.glob("**/*.parquet"))
    if not files:
        return []
    listed = [glob.escape(str(file)) for file in files]
    return sorted(
        row[0] for row in duckdb.execute("SELECT a FROM read_parquet(?, hive_partitioning = false)", [listed]).fetchall()
    )


def left_in(staging: Path) -> list[str]:
    return sorted(path.name for path in staging.iterdir())


class TestParquetTarget(TargetConformance):
    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        return ParquetTarget({"path": "lake [1]/{tenant}/{dataset}"}, tmp_path)

    @pytest.fixture
    def visible(self, target: Target, tmp_path: Path) -> Visible:
        return lambda dataset: rows_in(tmp_path / "lake [1]" / "default" / segment(dataset))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / ".sluicegate" / "data" / "default" / DATASET


@pytest.fixture
def staging(root: Path) -> Path:
    return root.parent / ".sluicegate-staging"


def test_without_settings_everything_lies_below_the_profiles_folder(tmp_path: Path, root: Path) -> None:
    receipt = ParquetTarget({}, tmp_path).commit(commit_request([1]))
    assert receipt.location == str(root / "batch=b1")
    assert sorted(path.name for path in Path(receipt.location).iterdir()) == ["_sluicegate.json", "part-00000.parquet"]


def test_parquet_files_are_copied_byte_by_byte_in_their_order(tmp_path: Path) -> None:
    files = tuple(parquet_file(tmp_path / f"{name}.parquet", [number]) for number, name in enumerate("ba"))
    location = Path(ParquetTarget({}, tmp_path).commit(commit_request([0, 1], files=files)).location)
    assert [(location / f"part-0000{i}.parquet").read_bytes() for i in (0, 1)] == [file.read_bytes() for file in files]


def test_the_receipt_tells_what_was_committed(tmp_path: Path) -> None:
    request = commit_request([1, 2], files=(parquet_file(tmp_path / "a.parquet", [1, 2]),))
    location = Path(ParquetTarget({}, tmp_path).commit(request).location)
    document = json.loads((location / "_sluicegate.json").read_text())
    assert document["content_sha256"] == request.content_sha256
    assert (document["rows"], document["batch_id"], document["dataset"], document["tenant"]) == (2, "b1", DATASET, "default")
    assert document["properties"] == {"contract": "numbers", "run_id": "r1"}
    assert document["files"][0]["original"] == str(tmp_path / "a.parquet")


def test_a_batch_that_is_written_anew_keeps_its_types_and_values(tmp_path: Path) -> None:
    query = """SELECT 9007199254740993::BIGINT AS big, 12345678901234567890123456789::HUGEINT AS huge, 0.10::DECIMAL(10, 2) AS d,
        DATE '2013-01-01' AS day, TIMESTAMPTZ '2013-01-01 00:00:00+00' AS moment, TIMESTAMP_NS '2013-01-01 00:00:00.000000001' AS ns,
        ['x', NULL] AS texts, {'a': 1} AS one, 'NaN'::DOUBLE AS nan, '' AS empty, NULL::VARCHAR AS nothing"""
    request = replace(commit_request([1]), batch=MemoryBatch(query))
    location = ParquetTarget({}, tmp_path).commit(request).location
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(
            "SELECT * EXCLUDE (nan, ns) REPLACE (moment::VARCHAR AS moment), isnan(nan), epoch_ns(ns) % 1000 "
            "FROM read_parquet(?, hive_partitioning = false)",
            [f"{location}/part-00000.parquet"],
        ).fetchall()
    assert rows == [
        (
            9007199254740993, Decimal(12345678901234567890123456789), Decimal("0.10"), date(2013, 1, 1),
            "2013-01-01 00:00:00+00", ["x", None], {"a": 1}, "", None, True, 1,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["TIMETZ '10:00:00+02'", "INTERVAL 1 DAY", "'101'::BIT", "{'a': INTERVAL 1 DAY}"])
def test_a_type_that_parquet_cannot_keep_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    with pytest.raises(StorageError, match="column 'odd one': Parquet keeps no"):
        ParquetTarget({}, tmp_path).commit(replace(commit_request([1]), batch=MemoryBatch(f'SELECT {kind} AS "odd one"')))


def test_a_struct_field_that_is_called_like_a_type_is_no_type(tmp_path: Path) -> None:
    request = replace(commit_request([1]), batch=MemoryBatch("SELECT {'interval': 1, 'bit': 2} AS \"interval\""))
    assert ParquetTarget({}, tmp_path).commit(request).rows == 1


def test_a_batch_that_cannot_be_read_to_its_end_is_not_committed(tmp_path: Path, root: Path) -> None:
    class Broken(MemoryBatch):
        def connect(self) -> duckdb.DuckDBPyConnection:
            connection = super().connect()
            connection.execute("CREATE TEMP VIEW batch AS SELECT CAST(a AS INTEGER) AS a FROM (VALUES ('1'), ('x')) t(a)")
            return connection

    with pytest.raises(BatchUnreadable, match="to its end"):
        ParquetTarget({}, tmp_path).commit(replace(commit_request([1, 2]), batch=Broken("SELECT 1 AS a")))
    assert rows_in(root.parent) == []


def test_locations_are_told_without_the_way_to_them(tmp_path: Path) -> None:
    target = ParquetTarget({"path": "../data/{dataset}", "staging": "../staging"}, tmp_path / "configs")
    assert target.commit(commit_request([1])).location == str(tmp_path / "data" / "numbers" / "batch=b1")


def test_where_a_path_is_of_one_dataset_another_ones_batch_is_not_found(tmp_path: Path) -> None:
    target = ParquetTarget({"path": "data"}, tmp_path)
    target.commit(commit_request([1]))
    assert target.find("b1", dataset="another") is None


def test_bytes_that_are_no_parquet_are_not_committed(tmp_path: Path, root: Path) -> None:
    fake = tmp_path / "fake.parquet"
    fake.write_bytes(b"not Parquet")
    with pytest.raises(BatchUnreadable, match="not Parquet"):
        ParquetTarget({}, tmp_path).commit(commit_request([1], files=(fake,)))
    assert not root.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pth": "x"}, "unknown setting 'pth'"),
        ({"path": 3}, "target.path must be a path"),
        ({"path": ""}, "target.path must be a path"),
        ({"path": "{batch}"}, "unknown placeholder {batch}"),
        ({"path": "{dataset.__class__}"}, "unknown placeholder"),
        ({"staging": 1}, "target.staging must be a path"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ParquetTarget(settings, tmp_path)


def test_a_path_without_placeholders_is_the_place_of_one_dataset(tmp_path: Path) -> None:
    target = ParquetTarget({"path": "lake"}, tmp_path)
    target.commit(commit_request([1], batch_id="b1"))
    target.commit(commit_request([2], batch_id="b2"))
    with pytest.raises(ConfigError, match="holds dataset 'numbers'"):
        target.commit(commit_request([3], batch_id="b3", dataset="another"))
    with pytest.raises(StorageError, match="belongs to batch"):
        target.commit(commit_request([1], batch_id="b1", dataset="another"))
    assert rows_in(tmp_path / "lake") == [1, 2]


def test_a_path_without_tenants_is_the_place_of_one_tenant(tmp_path: Path) -> None:
    target = ParquetTarget({"path": "lake/{dataset}"}, tmp_path)
    target.commit(replace(commit_request([1], batch_id="b1"), tenant="north"))
    with pytest.raises(ConfigError, match="of tenant 'north', not 'numbers' of 'south'"):
        target.commit(replace(commit_request([2], batch_id="b2"), tenant="south"))
    target.commit(replace(commit_request([3], batch_id="b1", dataset="another"), tenant="south"))
    assert rows_in(tmp_path / "lake" / "numbers") == [1]


def test_an_answer_counts_the_rows_that_are_there(tmp_path: Path) -> None:
    target = ParquetTarget({}, tmp_path)
    first = target.commit(commit_request([1, 2]))
    again = target.commit(replace(commit_request([1]), content_sha256=first.content_sha256))
    assert (again.already_there, again.rows) == (True, 2)


def test_a_folder_that_somebody_else_made_is_left_alone(tmp_path: Path, root: Path) -> None:
    foreign = root / "batch=b1"
    foreign.mkdir(parents=True)
    (foreign / "theirs.parquet").write_bytes(b"?")
    with pytest.raises(StorageError, match="did not write it"):
        ParquetTarget({}, tmp_path).commit(commit_request([1]))
    assert [path.name for path in foreign.iterdir()] == ["theirs.parquet"]


def test_an_empty_folder_of_the_batchs_name_is_no_batch(tmp_path: Path, root: Path) -> None:
    (root / "batch=b1").mkdir(parents=True)
    assert not ParquetTarget({}, tmp_path).commit(commit_request([1])).already_there
    assert rows_in(root) == [1]


def test_a_damaged_receipt_is_never_taken_for_a_commit(tmp_path: Path) -> None:
    target = ParquetTarget({}, tmp_path)
    receipt = Path(target.commit(commit_request([1])).location) / "_sluicegate.json"
    receipt.write_text(receipt.read_text()[:50])
    with pytest.raises(StorageError, match="damaged"):
        target.find("b1", dataset=DATASET)
    with pytest.raises(StorageError, match="damaged"):
        target.commit(commit_request([1]))


def test_a_file_in_the_place_of_the_dataset_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("")
    with pytest.raises(StorageError, match="move it, or name another place"):
        ParquetTarget({"path": "lake/{dataset}"}, tmp_path).commit(commit_request([1]))


def points_of_a_commit(tmp_path: Path) -> list[str]:
    faults = Faults()
    (tmp_path / "counted").mkdir()
    ParquetTarget({}, tmp_path / "counted", step=faults).commit(commit_request([1, 2]))
    return faults.seen


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("after", [False, True])
def test_whatever_the_disk_refuses_nothing_is_half_committed(tmp_path: Path, number: int, after: bool) -> None:
    points = points_of_a_commit(tmp_path)
    assert "publish" in points
    assert len(points) > 15
    refused = []
    for at in range(1, len(points) + 1):
        base = tmp_path / f"at-{at}"
        base.mkdir()
        root = base / ".sluicegate" / "data"
        try:
            receipt = ParquetTarget({}, base, step=Faults(at, refuse(number), after=after)).commit(commit_request([1, 2]))
        except CommitStateUnknown:
            assert rows_in(root) == [1, 2]
        except StorageError as error:
            refused.append(error)
            assert rows_in(root) == []
        else:  # where only the tidying up failed, or the answer to the rename was lost
            assert not receipt.already_there
            assert rows_in(root) == [1, 2]
        healthy = ParquetTarget({}, base)
        assert healthy.commit(commit_request([1, 2])).rows == 2
        assert rows_in(root) == [1, 2]
        healthy.commit(commit_request([3], batch_id="b2"))  # the next commit tidies up
        assert left_in(root / "default" / ".sluicegate-staging") == []
    assert len(refused) > 10
    assert all(os.strerror(number) in error.message and bool(error.hint) == (number != errno.EIO) for error in refused)


def test_a_failed_commit_leaves_nothing_in_staging(tmp_path: Path, staging: Path) -> None:
    with pytest.raises(StorageError):
        ParquetTarget({}, tmp_path).commit(replace(commit_request([1]), rows=2))
    assert left_in(staging) == []


def test_what_a_dead_process_left_is_cleaned_and_what_a_living_one_holds_is_not(tmp_path: Path, staging: Path) -> None:
    files = LocalFiles()
    staging.mkdir(parents=True)
    (staging / "dead").mkdir()
    (staging / "dead" / "part-00000.parquet").write_bytes(b"?")
    (staging / "dead.lock").touch()
    with Staging(staging, files).attempt() as living:
        ParquetTarget({}, tmp_path).commit(commit_request([1]))
        assert left_in(staging) == sorted([living.name, f"{living.name}.lock"])
    assert left_in(staging) == []


def test_a_lock_that_a_cleaner_took_first_makes_the_next_name_be_tried(tmp_path: Path) -> None:
    taken: list[Path] = []

    def step(operation: str, path: Path) -> AbstractContextManager[object]:
        if operation == "lock" and not taken:
            taken.append(path)
            path.touch()  # as if the name were in use
        return nullcontext()

    with Staging(tmp_path, LocalFiles(step)).attempt() as staged:
        assert staged.with_suffix(".lock") != taken[0]


def racing(hook: Callable[[], object]) -> Callable[[str, Path], AbstractContextManager[object]]:
    """A step that lets another commit win just before this one publishes."""

    def step(operation: str, path: Path) -> AbstractContextManager[object]:
        if operation == "publish":
            hook()
        return nullcontext()

    return step


def test_who_loses_the_race_with_the_same_content_finds_it_there(tmp_path: Path, root: Path) -> None:
    other = ParquetTarget({}, tmp_path)
    mine = ParquetTarget({}, tmp_path, step=racing(lambda: other.commit(commit_request([1, 2]))))
    assert mine.commit(commit_request([1, 2])).already_there
    assert rows_in(root) == [1, 2]


def test_who_loses_the_race_with_other_content_is_told(tmp_path: Path, root: Path) -> None:
    other = ParquetTarget({}, tmp_path)
    mine = ParquetTarget({}, tmp_path, step=racing(lambda: other.commit(commit_request([1, 2], sha256="cd" * 32))))
    with pytest.raises(BatchConflict, match="other content"):
        mine.commit(commit_request([1, 2]))
    assert rows_in(root) == [1, 2]


@pytest.fixture
def another_filesystem(tmp_path: Path) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if Path(folder).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("one filesystem only")
        yield Path(folder)


def test_staging_on_another_filesystem_is_refused_with_the_cure(tmp_path: Path, root: Path, another_filesystem: Path) -> None:
    with pytest.raises(StorageError, match="on one filesystem"):
        ParquetTarget({"staging": str(another_filesystem)}, tmp_path).commit(commit_request([1]))
    assert rows_in(root) == []
    assert left_in(another_filesystem) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir(mode=0o555)
    with pytest.raises(StorageError, match="let this user write there"):
        ParquetTarget({"path": "lake/{dataset}"}, tmp_path).commit(commit_request([1]))
