"""The local quarantine store: the suite that every store passes, and what only a folder on a disk can get wrong."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import CommitStateUnknown, ConfigError, StorageError
from sluicegate.ports.quarantine import QuarantineStatus, QuarantineStore
from sluicegate.testing.faults import Faults, refuse
from sluicegate.testing.quarantine import QuarantineConformance, moved, quarantine_request
from sluicegate_adapters.quarantine.local import LocalQuarantineStore


class TestLocalQuarantineStore(QuarantineConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> QuarantineStore:
        return LocalQuarantineStore({"path": "held [1]"}, tmp_path)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.csv"
    path.write_text("a\n1\n")
    return path


@pytest.fixture
def store(tmp_path: Path) -> LocalQuarantineStore:
    return LocalQuarantineStore({}, tmp_path)


def folder_of(base: Path, quarantine_id: str) -> Path:
    return base / ".sluicegate" / "quarantine" / "default" / "numbers" / quarantine_id


def test_an_item_is_a_folder_under_tenant_and_dataset(tmp_path: Path, store: LocalQuarantineStore, delivery: Path) -> None:
    manifest = store.put(quarantine_request(delivery))
    folder = folder_of(tmp_path, manifest.quarantine_id)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "data", "manifest.json"]
    assert json.loads((folder / "manifest.json").read_text())["schema_version"] == 1
    (kept,) = store.data_files(manifest)
    assert kept.name == "00000-delivery.csv"
    assert kept.is_relative_to(folder / "data")


def test_a_very_long_name_is_shortened_and_its_suffix_kept(tmp_path: Path, store: LocalQuarantineStore) -> None:
    delivery = tmp_path / ("n" * 240 + ".csv.gz")
    delivery.write_text("a\n")
    (stored,) = store.put(quarantine_request(delivery)).files
    assert stored.path.endswith("n.csv.gz")
    assert stored.original == str(delivery)


def test_a_name_with_what_cannot_be_printed_is_kept_without_it(tmp_path: Path, store: LocalQuarantineStore) -> None:
    delivery = tmp_path / "two\nlines\x01.csv"
    delivery.write_text("a\n")
    (stored,) = store.put(quarantine_request(delivery)).files
    assert (stored.path.rpartition("/")[2], stored.original) == ("00000-two_lines_.csv", str(delivery))


def test_retention_counts_from_the_run_and_the_contracts_word_wins(tmp_path: Path, delivery: Path) -> None:
    store = LocalQuarantineStore({"retention_days": 30}, tmp_path)
    assert store.put(quarantine_request(delivery)).expires_at == "2026-01-31T00:00:00+00:00"
    told = store.put(quarantine_request(delivery, batch_id="b2", expires_at="2027-01-01T00:00:00+00:00"))
    assert told.expires_at == "2027-01-01T00:00:00+00:00"
    assert LocalQuarantineStore({"path": "other"}, tmp_path).put(quarantine_request(delivery)).expires_at is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pth": "x"}, "unknown setting 'pth'"),
        ({"path": 3}, "quarantine.path must be a path"),
        ({"path": ""}, "quarantine.path must be a path"),
        ({"path": "s3://bucket/held"}, "quarantine.path must be a path"),
        ({"retention_days": 36_501}, "whole number from 1 to 36500"),
        ({"retention_days": 0}, "whole number from 1"),
        ({"retention_days": True}, "whole number from 1"),
        ({"retention_days": "30"}, "whole number from 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LocalQuarantineStore(settings, tmp_path)


def test_an_item_without_a_manifest_is_none_and_a_later_put_completes_it(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path
) -> None:
    request = quarantine_request(delivery)
    folder = folder_of(tmp_path, request.manifest.quarantine_id)
    (folder / "data" / "dead").mkdir(parents=True)
    (folder / "data" / "dead" / "00000-delivery.csv").write_text("a")
    (folder / "manifest.json.x.tmp").write_text("{")
    assert list(store.list()) == []
    manifest = store.put(request)
    assert list(store.list()) == [manifest]
    assert store.data_files(manifest)
    assert not (folder / "data" / "dead").exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "{}", '{"status": "odd"}'])
def test_a_damaged_manifest_is_named_after_all_the_others(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path, damage: str
) -> None:
    good = store.put(quarantine_request(delivery))
    bad = store.put(quarantine_request(delivery, batch_id="b2"))
    (folder_of(tmp_path, bad.quarantine_id) / "manifest.json").write_text(damage)
    listing = iter(store.list())
    assert next(listing) == good
    with pytest.raises(StorageError, match=bad.quarantine_id):
        next(listing)
    with pytest.raises(StorageError, match="damaged"):
        store.get(bad.quarantine_id)
    with pytest.raises(StorageError, match="damaged"):
        store.put(quarantine_request(delivery, batch_id="b2"))


def test_a_manifest_that_was_moved_to_another_tenant_is_refused(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path
) -> None:
    manifest = store.put(quarantine_request(delivery))
    tenant = tmp_path / ".sluicegate" / "quarantine" / "default"
    tenant.rename(tenant.with_name("another"))
    with pytest.raises(StorageError, match="belongs in default/numbers"):
        store.get(manifest.quarantine_id)


def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path, store: LocalQuarantineStore, delivery: Path) -> None:
    manifest = store.put(quarantine_request(delivery))
    (stored,) = manifest.files
    for path in ("../../../../../delivery.csv", str(delivery)):
        with pytest.raises(StorageError, match="outside of its item"):
            store.data_files(replace(manifest, files=(replace(stored, path=path),)))


@pytest.mark.parametrize("content", [None, "a\n2\n", "a\n1\n2\n"])
def test_data_that_is_not_what_it_was_is_never_handed_out(
    store: LocalQuarantineStore, delivery: Path, content: str | None
) -> None:
    manifest = store.put(quarantine_request(delivery))
    (kept,) = store.data_files(manifest)
    kept.unlink()
    if content is not None:
        kept.write_text(content)
    with pytest.raises(StorageError, match="not what was quarantined"):
        store.data_files(manifest)


def test_a_manifest_of_a_later_version_is_read_and_left_as_it_is(
    tmp_path: Path, store: LocalQuarantineStore, delivery: Path
) -> None:
    manifest = store.put(quarantine_request(delivery))
    path = folder_of(tmp_path, manifest.quarantine_id) / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 2, "mood": "new"}))
    newer = store.get(manifest.quarantine_id)
    assert newer == replace(manifest, schema_version=2)
    written = path.read_text()
    with pytest.raises(StorageError, match="newer sluicegate"):
        store.swap(newer, moved(newer, QuarantineStatus.REVIEWED, nonce="n2"))
    assert path.read_text() == written


def test_a_file_in_the_place_of_the_store_is_named(tmp_path: Path, delivery: Path) -> None:
    (tmp_path / "held").write_text("")
    with pytest.raises(StorageError, match="move it, or name another place"):
        LocalQuarantineStore({"path": "held"}, tmp_path).put(quarantine_request(delivery))


def points_of_a_put(tmp_path: Path, delivery: Path) -> list[str]:
    faults = Faults()
    (tmp_path / "counted").mkdir()
    LocalQuarantineStore({}, tmp_path / "counted", step=faults).put(quarantine_request(delivery))
    return faults.seen


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("after", [False, True])
def test_whatever_the_disk_refuses_nothing_is_half_quarantined(tmp_path: Path, delivery: Path, number: int, after: bool) -> None:
    points = points_of_a_put(tmp_path, delivery)
    assert "link" in points
    assert len(points) > 15
    refused = []
    for at in range(1, len(points) + 1):
        base = tmp_path / f"at-{at}"
        base.mkdir()
        healthy = LocalQuarantineStore({}, base)
        request = quarantine_request(delivery)
        try:
            LocalQuarantineStore({}, base, step=Faults(at, refuse(number), after=after)).put(request)
        except CommitStateUnknown:
            assert len(list(healthy.list())) == 1
        except StorageError as error:
            refused.append(error)
            assert len(list(healthy.list())) == (points[at - 1] == "link" and after)
        manifest = healthy.put(request)
        assert list(healthy.list()) == [manifest]
        assert [path.read_text() for path in healthy.data_files(manifest)] == ["a\n1\n"]
        assert len(list((folder_of(base, manifest.quarantine_id) / "data").iterdir())) == 1
    assert len(refused) > 10
    assert all(os.strerror(number) in error.message and bool(error.hint) == (number != errno.EIO) for error in refused)


@pytest.mark.parametrize("after", [False, True])
def test_whatever_the_disk_refuses_a_swap_happened_or_did_not(tmp_path: Path, delivery: Path, after: bool) -> None:
    faults = Faults()
    (tmp_path / "counted").mkdir()
    counted = LocalQuarantineStore({}, tmp_path / "counted", step=faults)
    first = counted.put(quarantine_request(delivery))
    before = len(faults.seen)
    counted.swap(first, moved(first, QuarantineStatus.REVIEWED, nonce="n2"))
    for at in range(before + 1, len(faults.seen) + 1):
        base = tmp_path / f"at-{at}"
        base.mkdir()
        store = LocalQuarantineStore({}, base, step=Faults(at, refuse(errno.EIO), after=after))
        first = store.put(quarantine_request(delivery))
        second = moved(first, QuarantineStatus.REVIEWED, nonce="n2")
        try:
            store.swap(first, second)
        except CommitStateUnknown:
            assert store.get(first.quarantine_id) == second
        except StorageError:
            assert store.get(first.quarantine_id) in (first, second)
        assert store.swap(first, second) == second
        assert not list(folder_of(base, first.quarantine_id).glob("*.tmp")) or at >= len(faults.seen) - 1


def test_a_copy_that_a_full_disk_cut_off_takes_no_space_afterwards(tmp_path: Path, delivery: Path) -> None:
    request = quarantine_request(delivery)
    counted = Faults()
    LocalQuarantineStore({}, tmp_path / "counted", step=counted).put(request)
    at = next(number for number, operation in enumerate(counted.seen, 1) if operation.startswith("copy"))
    with pytest.raises(StorageError):
        LocalQuarantineStore({}, tmp_path, step=Faults(at, refuse(errno.ENOSPC), after=True)).put(request)
    assert list((folder_of(tmp_path, request.manifest.quarantine_id) / "data").iterdir()) == []


@pytest.mark.parametrize("level", range(4))
def test_a_folder_that_may_not_be_read_is_not_taken_for_empty(tmp_path: Path, delivery: Path, level: int) -> None:
    store = LocalQuarantineStore({"path": "held"}, tmp_path)
    there = store.put(quarantine_request(delivery, tenant="a"))
    seen = store.put(quarantine_request(delivery, tenant="b"))
    barred = [tmp_path / "held", *(tmp_path / "held" / "a" / rest for rest in ("", "numbers", f"numbers/{there.quarantine_id}"))]
    for folder in (tmp_path, *tmp_path.rglob("*")):
        folder.chmod(0o777)
    with as_nobody(barred[level]):
        for names in ({}, {"tenant": "a", "dataset": "numbers"}):
            with pytest.raises(StorageError, match="Permission denied"):
                store.get(there.quarantine_id, **names)
        found = iter(store.list())
        if level:
            assert next(found) == seen
        with pytest.raises(StorageError, match="Permission denied"):
            next(found)


@contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """With the rights of a user who may not look into the folder."""
    above = [parent for parent in folder.parents if parent.stat().st_mode & 0o111 != 0o111]
    modes = [parent.stat().st_mode for parent in above]
    for parent, mode in zip(above, modes, strict=True):
        parent.chmod(mode | 0o111)
    folder.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)
        folder.chmod(0o777)
        for parent, mode in zip(above, modes, strict=True):
            parent.chmod(mode)
