"""A table changes with the rows that need it to: in one commit, as far as the contract declares it, and no further."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import IntegerType, LongType, NestedField

from sluicegate.errors import CommitStateUnknown, StorageError, TransientStorageError
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.batches import MemoryBatch
from sluicegate.testing.targets import DATASET, commit_request
from sluicegate_adapters.targets import iceberg
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.unit.targets.iceberg_tables import opened, rows, table


def written(query: str, *, batch_id: str = "b1", **declared: str | None) -> CommitRequest:
    return replace(commit_request([0], batch_id=batch_id), batch=MemoryBatch(query), declared=declared)


def types(base: Path) -> dict[str, str]:
    return {field.name: str(field.field_type) for field in table(base).schema().fields}


def test_a_commit_that_is_refused_leaves_no_new_columns_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written("SELECT 1 AS a", batch_id="b0"))

    def lost(*_: object) -> None:
        raise RuntimeError("the connection is gone")

    with monkeypatch.context() as patched:
        patched.setattr(SqlCatalog, "commit_table", lost)
        with pytest.raises(CommitStateUnknown):
            target.commit(written("SELECT 1 AS a, 2 AS b", b=None))
    assert types(tmp_path) == {"a": "int"}


def test_new_columns_and_their_rows_are_one_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written("SELECT 1 AS a", batch_id="b0"))
    commits: list[list[str]] = []
    commit_table = SqlCatalog.commit_table

    def noting(self: SqlCatalog, loaded: Table, requirements: Any, updates: Any) -> Any:
        commits.append([update.action for update in updates])
        return commit_table(self, loaded, requirements, updates)

    monkeypatch.setattr(SqlCatalog, "commit_table", noting)
    target.commit(written("SELECT 1 AS a, 2 AS b", b=None))
    (actions,) = commits
    assert {"add-schema", "set-current-schema", "add-snapshot", "set-snapshot-ref"} <= set(actions)
    (newest,) = [snapshot for snapshot in table(tmp_path).snapshots() if snapshot.sequence_number == 2]
    assert newest.schema_id == table(tmp_path).metadata.current_schema_id == 1


WIDER = [
    ("7::INTEGER", "9007199254740993::BIGINT", "bigint", "long"),
    ("7::INTEGER", "9007199254740993::BIGINT", "integer", "long"),
    ("7::INTEGER", "4294967295::UINTEGER", "integer", "long"),
    ("1.5::FLOAT", "0.1::DOUBLE", "double", "double"),
    ("1.50::DECIMAL(4, 2)", "123456.78::DECIMAL(9, 2)", "decimal(9,2)", "decimal(9, 2)"),
    ("1.50::DECIMAL(4, 2)", "123456.78::DECIMAL(9, 2)", "decimal", "decimal(9, 2)"),
]


@pytest.mark.parametrize(("old", "new", "declared", "becomes"), WIDER)
def test_a_type_becomes_as_wide_as_the_contract_declares_it(
    tmp_path: Path, old: str, new: str, declared: str, becomes: str
) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written(f"SELECT {old} AS a", batch_id="b0"))
    target.commit(written(f"SELECT {new} AS a", a=declared))
    assert types(tmp_path) == {"a": becomes}
    with MemoryBatch(f"SELECT x::{becomes.replace('long', 'bigint')} AS a FROM (VALUES ({old}), ({new})) t(x)").connect() as made:
        expected = sorted(made.sql("FROM batch").to_arrow_table().to_pylist(), key=str)
    assert [row["a"] for row in rows(tmp_path)] == pytest.approx([row["a"] for row in expected])


NOT_WIDER = [
    ("7::INTEGER", "9007199254740993::BIGINT", "int32", "not every value of int64 fits into the table's int32"),
    ("7::INTEGER", "9007199254740993::BIGINT", None, "not every value of int64 fits into the table's int32"),
    ("1.5::FLOAT", "0.1::DOUBLE", "float32", "have another type: 'a'"),
    ("1.50::DECIMAL(4, 2)", "123456.78::DECIMAL(9, 2)", "decimal(4,2)", "column 'a': not every value"),
    ("1.50::DECIMAL(4, 2)", "1.234::DECIMAL(9, 3)", "decimal(9,3)", "column 'a': not every value"),
    ("7::BIGINT", "0.5::DOUBLE", "double", "have another type: 'a'"),
    ("'x'", "7::BIGINT", "bigint", "have another type: 'a'"),
]


@pytest.mark.parametrize(("old", "new", "declared", "message"), NOT_WIDER)
def test_a_type_that_iceberg_or_the_contract_does_not_allow_is_refused_and_the_table_stays(
    tmp_path: Path, old: str, new: str, declared: str | None, message: str
) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written(f"SELECT {old} AS a", batch_id="b0"))
    before = types(tmp_path)
    with pytest.raises(StorageError, match=message):
        target.commit(written(f"SELECT {new} AS a", a=declared))
    assert types(tmp_path) == before
    assert len(table(tmp_path).snapshots()) == 1


def test_values_that_fit_need_no_wider_type(tmp_path: Path) -> None:
    target = IcebergTarget({}, tmp_path)
    target.commit(written("SELECT 7::INTEGER AS a", batch_id="b0"))
    target.commit(written("SELECT 8::BIGINT AS a"))
    assert types(tmp_path) == {"a": "int"}
    assert rows(tmp_path) == [{"a": 7}, {"a": 8}]


def test_a_partitioned_column_can_become_wider(tmp_path: Path) -> None:
    target = IcebergTarget({"partition_by": ["a", "bucket(4, a)"]}, tmp_path)
    target.commit(written("SELECT 7::INTEGER AS a", batch_id="b0"))
    target.commit(written("SELECT 9007199254740993::BIGINT AS a", a="bigint"))
    assert len(table(tmp_path).scan(row_filter="a = 7").to_arrow()) == 1
    assert len(table(tmp_path).scan(row_filter="a = 9007199254740993").to_arrow()) == 1


def meddling(base: Path, times: int) -> Any:
    """A step that lets somebody else change the table's columns before a snapshot is written, so often."""
    done: list[int] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "commit" and len(done) < times:
            done.append(1)
            with opened(base) as catalog, catalog.load_table(("default", DATASET)).update_schema() as update:
                update.add_column(f"theirs_{len(done)}", IntegerType())
        return nullcontext()

    return step


def test_a_table_that_somebody_changes_meanwhile_gets_files_for_what_it_is_then(tmp_path: Path) -> None:
    IcebergTarget({}, tmp_path).commit(written("SELECT 1 AS a", batch_id="b0"))
    IcebergTarget({}, tmp_path, step=meddling(tmp_path, 2)).commit(written("SELECT 2 AS a, 3 AS mine", mine=None))
    assert {"a": 2, "mine": 3, "theirs_1": None, "theirs_2": None} in rows(tmp_path)
    assert len(table(tmp_path).snapshots()) == 2


def test_a_table_that_never_stops_changing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iceberg, "_LAYOUTS", 3)
    IcebergTarget({}, tmp_path).commit(written("SELECT 1 AS a", batch_id="b0"))
    with pytest.raises(TransientStorageError, match="others keep changing its columns"):
        IcebergTarget({}, tmp_path, step=meddling(tmp_path, 9)).commit(written("SELECT 2 AS a"))
    assert len(table(tmp_path).snapshots()) == 1


def test_a_column_that_is_renamed_meanwhile_gets_no_rows_of_the_old_name(tmp_path: Path) -> None:
    with opened(tmp_path) as catalog:
        catalog.create_namespace("default")
        catalog.create_table(("default", DATASET), Schema(NestedField(1, "a", LongType()), NestedField(2, "b", LongType())))
    done: list[int] = []

    def step(operation: str, _path: Path) -> AbstractContextManager[object]:
        if operation == "commit" and not done:
            done.append(1)
            with opened(tmp_path) as catalog, catalog.load_table(("default", DATASET)).update_schema() as update:
                update.rename_column("a", "other")
        return nullcontext()

    with pytest.raises(StorageError, match="these are not in the table: 'a'"):
        IcebergTarget({}, tmp_path, step=step).commit(commit_request([1]))
    assert table(tmp_path).snapshots() == []
