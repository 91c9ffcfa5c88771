"""The S3 quarantine store: the suite that every store passes, and what only a bucket can get wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import ConfigError, StorageError, UsageError
from sluicegate.ports.quarantine import Probed, QuarantineStatus, QuarantineStore
from sluicegate.testing.quarantine import QuarantineConformance, moved, quarantine_request
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from sluicegate_adapters.s3.settings import MEBIBYTE
from tests.s3.servers import client_of, settings_for


class TestS3QuarantineStore(QuarantineConformance):
    @pytest.fixture
    def store(self, server: str, bucket: str, tmp_path: Path) -> QuarantineStore:
        return S3QuarantineStore(settings_for(server, bucket), tmp_path)


class Behind:
    """The bucket, looked at behind the store's back."""

    def __init__(self, server: str, bucket: str) -> None:
        self.client, self.bucket = client_of(server), bucket

    def listed(self) -> list[str]:
        return [each["Key"] for each in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)

    def head(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.head_object(Bucket=self.bucket, Key=key)
        return found


@pytest.fixture
def behind(server: str, bucket: str) -> Behind:
    return Behind(server, bucket)


def key_of(store: S3QuarantineStore, quarantine_id: str) -> str:
    return store._layout.item("default", "numbers", quarantine_id) + "manifest.json"


@pytest.mark.parametrize(
    ("prefix", "where"),
    [
        ("sluicegate/quarantine/{tenant}/{dataset}", "sluicegate/quarantine/t/d"),
        ("", "t/d"),
        ("/held/", "held/t/d"),
        ("{dataset}/of/{tenant}/x", "d/of/t/x"),
        ("a/{tenant}", "a/t/d"),
    ],
)
def test_items_lie_where_the_prefix_says_each_tenant_and_dataset_apart(  # noqa: PLR0917 - fixtures
    server: str, bucket: str, behind: Behind, tmp_path: Path, delivery: Path, prefix: str, where: str
) -> None:
    store = S3QuarantineStore(settings_for(server, bucket, prefix=prefix), tmp_path)
    manifest = store.put(quarantine_request(delivery, tenant="t", dataset="d"))
    (stored,) = manifest.files
    assert behind.listed() == [
        f"{where}/{manifest.quarantine_id}/{stored.path}",
        f"{where}/{manifest.quarantine_id}/manifest.json",
    ]
    assert store.get(manifest.quarantine_id) == manifest
    assert list(store.list()) == [manifest]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bucket": None}, "name of a bucket"),
        ({"bucket": "Not A Bucket"}, "name of a bucket"),
        ({"pth": "x"}, "unknown setting 'pth'"),
        ({"prefix": "a/../b"}, "can't have a level '..'"),
        ({"prefix": "a//b"}, "can't have a level ''"),
        ({"prefix": "{tenant}-x/{dataset}"}, "can't be filled"),
        ({"prefix": "{tenant}/{tenant}"}, "twice"),
        ({"prefix": 3}, "must be a text"),
        ({"endpoint_url": "localhost:9000"}, "must be a server's URL"),
        ({"endpoint_url": "http://[x"}, "must be a server's URL"),
        ({"endpoint_url": "http://x:99999"}, "must be a server's URL"),
        ({"endpoint_url": "http://me:secret@x"}, "must not hold credentials"),
        ({"access_key_id": None}, "or neither"),
        ({"access_key_id": None, "secret_access_key": None, "session_token": "t"}, "belongs to an access_key_id"),
        ({"secret_access_key": 3}, "must be a text, not that"),
        ({"sse": "rot13"}, "can't be 'rot13'"),
        ({"sse_kms_key_id": "k"}, "needs sse: aws:kms"),
        ({"storage_class": "GLACIER"}, "can't be 'GLACIER'"),
        ({"checksums": "never"}, "can't be 'never'"),
        ({"tags": {"a": 1}}, "mapping of texts"),
        ({"tags": {str(i): "x" for i in range(11)}}, "10 tags at most"),
        ({"part_size_mb": 4}, "whole number from 5"),
        ({"part_size_mb": True}, "whole number from 5"),
        ({"retention_days": 0}, "whole number from 1"),
        ({"scratch": ""}, "must be a path"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        S3QuarantineStore({**settings_for("http://127.0.0.1:9", "a-bucket"), **settings}, tmp_path)


@pytest.mark.parametrize(
    "url", ["me:s3cret@x", "htp://me:s3cret@x", "http://me:s3cret@x", "http://x?key=s3cret", "http://x#s3cret"]
)
def test_an_address_that_is_refused_is_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="endpoint_url") as caught:
        S3QuarantineStore(settings_for(url, "a-bucket"), tmp_path)
    assert "s3cret" not in str(caught.value)


def test_secrets_are_not_shown_by_settings(tmp_path: Path) -> None:
    store = S3QuarantineStore(settings_for("http://127.0.0.1:9", "a-bucket", session_token="tok3n"), tmp_path)
    assert "a-secret" not in repr(store._bucket.settings)
    assert "tok3n" not in repr(store._bucket.settings)


def test_encryption_tags_and_storage_class_are_those_of_the_profile(
    server: str, bucket: str, behind: Behind, tmp_path: Path, delivery: Path
) -> None:
    more = {"sse": "AES256", "storage_class": "STANDARD_IA", "tags": {"team": "flights & co"}, "part_size_mb": 5}
    store = S3QuarantineStore(settings_for(server, bucket, **more), tmp_path)
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * (5 * MEBIBYTE + 1))
    manifest = store.put(quarantine_request(delivery, large))
    for key in behind.listed():
        assert behind.head(key)["ServerSideEncryption"] == "AES256"
        tags = behind.client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        if not key.endswith("large.bin"):  # this server forgets the tags of what came in parts
            assert tags == [{"Key": "team", "Value": "flights & co"}]
        assert behind.head(key).get("StorageClass", "STANDARD") == ("STANDARD" if key.endswith(".json") else "STANDARD_IA")
    assert [path.stat().st_size for path in store.data_files(manifest)] == [4, 5 * MEBIBYTE + 1]


@pytest.mark.parametrize("checksums", ["when_required", "when_supported"])
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_files_around_the_size_of_a_part_are_kept_whole(
    server: str, bucket: str, tmp_path: Path, extra: int, checksums: str
) -> None:
    store = S3QuarantineStore(settings_for(server, bucket, part_size_mb=5, checksums=checksums), tmp_path)
    delivery = tmp_path / "delivery.csv"
    delivery.write_bytes(b"0123456789" * (MEBIBYTE // 2) + b"\n" * 2 if extra > 0 else b"x" * (5 * MEBIBYTE + extra))
    (kept,) = store.data_files(store.put(quarantine_request(delivery)))
    assert kept.read_bytes() == delivery.read_bytes()


def test_retention_counts_from_the_run_and_the_contracts_word_wins(
    server: str, bucket: str, tmp_path: Path, delivery: Path
) -> None:
    store = S3QuarantineStore(settings_for(server, bucket, retention_days=30), tmp_path)
    assert store.put(quarantine_request(delivery)).expires_at == "2026-01-31T00:00:00+00:00"
    told = store.put(quarantine_request(delivery, batch_id="b2", expires_at="2027-01-01T00:00:00+00:00"))
    assert told.expires_at == "2027-01-01T00:00:00+00:00"


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "{}", '{"status": "odd"}'])
def test_a_damaged_manifest_is_named_after_all_the_others(
    store: S3QuarantineStore, behind: Behind, delivery: Path, damage: str
) -> None:
    good = store.put(quarantine_request(delivery))
    bad = store.put(quarantine_request(delivery, batch_id="b2"))
    behind.put(key_of(store, bad.quarantine_id), damage.encode())
    listing = iter(store.list())
    assert next(listing) == good
    with pytest.raises(StorageError, match=bad.quarantine_id):
        next(listing)


def test_a_manifest_that_was_moved_to_another_tenant_is_not_believed(
    store: S3QuarantineStore, behind: Behind, delivery: Path
) -> None:
    manifest = store.put(quarantine_request(delivery))
    key = key_of(store, manifest.quarantine_id)
    body = behind.client.get_object(Bucket=behind.bucket, Key=key)["Body"].read()
    behind.put(key.replace("/default/", "/another/"), body)
    with pytest.raises(StorageError, match="belongs in"):
        list(store.list())


def test_a_manifest_of_a_later_version_is_still_read(store: S3QuarantineStore, behind: Behind, delivery: Path) -> None:
    manifest = store.put(quarantine_request(delivery))
    behind.put(
        key_of(store, manifest.quarantine_id), json.dumps({**manifest.as_json(), "schema_version": 2, "mood": "new"}).encode()
    )
    assert store.get(manifest.quarantine_id) == replace(manifest, schema_version=2)


def test_data_that_changed_or_is_gone_is_not_handed_out(store: S3QuarantineStore, behind: Behind, delivery: Path) -> None:
    manifest = store.put(quarantine_request(delivery))
    key = key_of(store, manifest.quarantine_id).replace("manifest.json", manifest.files[0].path)
    behind.put(key, b"a\n2\n")
    with pytest.raises(StorageError, match="not what was quarantined"):
        store.data_files(manifest)
    behind.client.delete_object(Bucket=behind.bucket, Key=key)
    with pytest.raises(StorageError, match="is gone"):
        store.data_files(manifest)


@pytest.mark.parametrize("path", ["../../other/manifest.json", "/etc/passwd", "manifest.json", "data/../../x"])
def test_a_manifest_that_names_files_outside_of_its_item_is_refused(store: S3QuarantineStore, delivery: Path, path: str) -> None:
    manifest = store.put(quarantine_request(delivery))
    with pytest.raises(StorageError, match="outside of its item"):
        store.data_files(replace(manifest, files=(replace(manifest.files[0], path=path),)))


def test_what_dead_workers_left_is_removed_by_the_next_put(store: S3QuarantineStore, behind: Behind, delivery: Path) -> None:
    request = quarantine_request(delivery)
    item = key_of(store, request.manifest.quarantine_id).removesuffix("manifest.json")
    behind.put(f"{item}data/dead/00000-delivery.csv", b"a")
    behind.client.create_multipart_upload(Bucket=behind.bucket, Key=f"{item}data/dying/00000-delivery.csv")
    assert list(store.list()) == []
    manifest = store.put(request)
    assert behind.listed() == [f"{item}{manifest.files[0].path}", f"{item}manifest.json"]
    assert behind.client.list_multipart_uploads(Bucket=behind.bucket).get("Uploads", []) == []


def test_a_swap_of_an_item_that_was_never_kept_is_a_usage_error(store: S3QuarantineStore, delivery: Path) -> None:
    first = quarantine_request(delivery).manifest
    with pytest.raises(UsageError, match="nothing is quarantined"):
        store.swap(first, moved(first, first.status, nonce="n2"))
    with pytest.raises(UsageError, match="nothing is quarantined"):
        store.data_files(first)


def test_downloads_lie_in_the_scratch_folder(server: str, bucket: str, tmp_path: Path, delivery: Path) -> None:
    store = S3QuarantineStore(settings_for(server, bucket, scratch="downloads"), tmp_path)
    manifest = store.put(quarantine_request(delivery))
    (kept,) = store.data_files(manifest)
    assert kept.is_relative_to(tmp_path / "downloads")
    kept.write_text("somebody wrote here")
    assert [path.read_text() for path in store.data_files(manifest)] == ["a\n1\n"]


def test_downloads_are_gone_when_the_process_has_ended(server: str, bucket: str, tmp_path: Path, delivery: Path) -> None:
    script = (
        "import sys, pathlib\nfrom sluicegate_adapters.quarantine.s3 import S3QuarantineStore\n"
        f"store = S3QuarantineStore({settings_for(server, bucket, scratch='downloads')!r}, pathlib.Path({str(tmp_path)!r}))\n"
        "[path] = store.data_files(store.get(sys.argv[1]))\nprint(path.read_text())"
    )
    manifest = S3QuarantineStore(settings_for(server, bucket), tmp_path).put(quarantine_request(delivery))
    command = [sys.executable, "-c", script, manifest.quarantine_id]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "a\n1\n\n"
    assert list((tmp_path / "downloads").iterdir()) == []


def test_only_a_tombstones_data_is_removed_and_the_tombstone_stays(
    store: S3QuarantineStore, behind: Behind, delivery: Path
) -> None:
    first = store.put(quarantine_request(delivery))
    with pytest.raises(UsageError, match="only a tombstone"):
        store.remove_data(first)
    assert store.data_files(first)
    stone = store.swap(first, moved(first, QuarantineStatus.DELETED, nonce="n2"))
    for _ in range(2):  # again changes nothing
        store.remove_data(stone)
        with pytest.raises(StorageError, match="is gone"):
            store.data_files(stone)
        assert behind.listed() == [key_of(store, stone.quarantine_id)]
    assert store.put(quarantine_request(delivery)) == stone, "what was deleted does not come back by itself"
    with pytest.raises(UsageError, match="nothing is quarantined"):
        store.remove_data(replace(stone, quarantine_id="q-0123"))


def test_other_things_in_the_bucket_are_no_items(store: S3QuarantineStore, behind: Behind, delivery: Path) -> None:
    for key in (
        "x",
        "sluicegate/quarantine/file",
        "sluicegate/quarantine/t/d/.hidden/manifest.json",
        "sluicegate/quarantine/t/d/e/f",
    ):
        behind.put(key, b"{}")
    manifest = store.put(quarantine_request(delivery))
    assert list(store.list()) == [manifest]


def test_more_items_than_one_answer_holds_are_all_listed(store: S3QuarantineStore, behind: Behind, delivery: Path) -> None:
    item = key_of(store, store.put(quarantine_request(delivery)).quarantine_id).rpartition("/")[0].rpartition("/")[0]
    store._bucket.page = 3
    for number in range(10):
        behind.put(f"{item}/e{number}/x", b"")
    assert len(list(store._layout.items(store._bucket))) == 11


def test_a_store_can_be_tried_out(store: S3QuarantineStore) -> None:
    assert isinstance(store, Probed)
