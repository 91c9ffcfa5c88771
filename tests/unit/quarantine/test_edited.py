"""Manifests that a person, a script or a bad disk changed: nothing is done on their word that can't be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import StorageError
from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate_adapters.quarantine.local import LocalQuarantineStore


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.csv"
    path.write_text("a\n1\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> LocalQuarantineStore:
    return LocalQuarantineStore({"path": "held"}, tmp_path)


def edit(base: Path, change: Callable[[dict[str, Any]], object]) -> None:
    (path,) = base.glob("held/*/*/*/manifest.json")
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("expires_at", "2027-01-01"), ("expires_at", "soon"), ("lease_until", "2027-01-01T00:00:00"), ("created_at", None), ("rows", "many"),
        ("verdict", None), ("options", ["x"]), ("contract_text", 3), ("held", "yes"), ("scope", "columns"), ("target", "lake"), ("split", None), ("batch_rows", "all"), ("history", None), ("status", "lost"),
        ("owner", 5), ("history", [{"status": "quarantined", "at": None, "by": "x", "why": "y"}]),
        ("history", [{"status": "quarantined", "at": "x", "by": "x", "why": "y", "details": None}]),
        ("files", [{"path": "data/1/x", "original": None, "bytes": 1, "sha256": "ab"}]),
        ("files", [{"path": "data/1/x", "original": "x", "bytes": "1", "sha256": "ab"}]), ("files", ["data/1/x"]),
        ("batch_id", "b2"), ("content_sha256", "ab" * 32),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_is_told_and_not_acted_on(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path, key: str, value: object
) -> None:
    item = store.put(quarantine_request(delivery))
    edit(tmp_path, lambda document: document.update({key: value}))
    with pytest.raises(StorageError, match=r"is damaged \(.+\)"):
        store.get(item.quarantine_id)


def test_what_a_newer_version_says_of_a_file_or_a_step_is_passed_over(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path
) -> None:
    item = store.put(quarantine_request(delivery))
    edit(tmp_path, lambda document: (document["files"][0].update(mood="new"), document["history"][0].update(mood="new")))
    assert store.get(item.quarantine_id) == item


@pytest.mark.parametrize("path", ["data/../../x", "../x", "/etc/passwd", "x", "data/x", "data/another/delivery.csv", ""])
def test_the_bytes_stay_whatever_the_manifest_says_of_their_place(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path, path: str
) -> None:
    item = store.put(quarantine_request(delivery))
    (kept,) = store.data_files(item)
    edit(tmp_path, lambda document: document["files"][0].update(path=path))
    with pytest.raises(StorageError):
        store.put(quarantine_request(delivery))
    assert kept.read_text() == "a\n1\n"


def test_the_bytes_stay_where_the_manifest_names_none(tmp_path: Path, store: LocalQuarantineStore, delivery: Path) -> None:
    (kept,) = store.data_files(store.put(quarantine_request(delivery)))
    edit(tmp_path, lambda document: document.update(files=[]))
    with pytest.raises(StorageError, match="doesn't say where its files are"):
        store.put(quarantine_request(delivery))
    assert kept.read_text() == "a\n1\n"


@pytest.mark.parametrize("left", [None, "a\n"])
def test_a_batch_whose_kept_bytes_are_gone_is_not_said_to_be_kept(
    store: LocalQuarantineStore, delivery: Path, left: str | None
) -> None:
    (kept,) = store.data_files(store.put(quarantine_request(delivery)))
    kept.unlink()
    if left is not None:
        kept.write_text(left)
    with pytest.raises(StorageError, match="not what was quarantined"):
        store.put(quarantine_request(delivery))


def test_a_tombstone_without_bytes_is_what_is_there(store: LocalQuarantineStore, delivery: Path) -> None:
    item = store.put(quarantine_request(delivery))
    stone = store.swap(item, moved(item, QuarantineStatus.DELETED, nonce="n2"))
    store.remove_data(stone)
    assert store.put(quarantine_request(delivery)) == stone


def test_a_name_that_is_long_in_bytes_is_shortened(tmp_path: Path, store: LocalQuarantineStore) -> None:
    delivery = tmp_path / ("日" * 83 + ".csv")
    delivery.write_text("a\n1\n")
    (stored,) = store.put(quarantine_request(delivery)).files
    assert stored.path.endswith("日.csv")
    assert stored.original == str(delivery)
    assert Manifest.from_json(store.get(quarantine_request(delivery).manifest.quarantine_id).as_json()).files == (stored,)
