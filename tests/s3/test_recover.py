"""What dead workers left in a bucket is found by its age and removed; what anybody could need or still be writing is not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluicegate.errors import StorageError
from sluicegate.ports.quarantine import QuarantineStatus
from sluicegate.ports.recovery import Recoverable, Recovered
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate.testing.targets import commit_request, parquet_file
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from sluicegate_adapters.s3.objects import Bucket
from tests.s3.lake import Lake
from tests.s3.proxy import Network
from tests.s3.servers import settings_for

pytestmark = pytest.mark.slow

BATCH = "lake/default/numbers/batch=b1"
DATA = f"{BATCH}/part-00000.parquet"
PROBE = "sluicegate/quarantine/.sluicegate-probe/dead/one"


def hours(count: int) -> datetime:
    return datetime.now(UTC) + timedelta(hours=count)


def told(found: Iterable[Recovered]) -> set[tuple[str, str, str]]:
    return {(each.what, each.where, each.done) for each in found}


@pytest.fixture
def held(lake: Lake) -> Lake:
    """The bucket as a whole."""
    return Lake(lake.server, lake.bucket, lake.base, place="sluicegate")


def begin(lake: Lake, key: str) -> None:
    upload = lake.client.create_multipart_upload(Bucket=lake.bucket, Key=key)["UploadId"]
    lake.client.upload_part(Bucket=lake.bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x")


def put(lake: Lake, key: str) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=b"x")


def item_of(batch_id: str, delivery: Path) -> str:
    manifest = quarantine_request(delivery, batch_id=batch_id).manifest
    return f"sluicegate/quarantine/default/numbers/{manifest.quarantine_id}"


def test_of_a_target_uploads_and_facts_without_rows_go_and_all_else_stays(lake: Lake) -> None:
    target = lake.target()
    target.commit(commit_request([1]))
    kept = [*lake.listed(), "lake/default/numbers/_sluicegate-notes.json", "lake/x/y/z/batch=b1/_sluicegate-dead.json"]
    for key in kept[2:]:
        put(lake, key)
    dead = [f"{BATCH}/_sluicegate-dead.json", "lake/default/numbers/batch=b2/_sluicegate-dead.json"]
    for key in dead:
        put(lake, key)
    begin(lake, DATA)
    begin(lake, "lake/default/numbers/not-ours.parquet")
    found = {("upload", DATA), *(("orphan file", key) for key in dead)}
    assert told(target.recover(older_than=hours(-1))) == set()
    assert told(target.recover(older_than=hours(1), dry_run=True)) == {(*each, "would be removed") for each in found}
    assert sorted(lake.listed()) == sorted([*kept, *dead])
    assert told(target.recover(older_than=hours(1))) == {(*each, "removed") for each in found}
    assert sorted(lake.listed()) == sorted(kept)
    assert [upload["Key"] for upload in lake.uploads()] == ["lake/default/numbers/not-ours.parquet"]
    assert told(target.recover(older_than=hours(1))) == set()
    assert lake.rows() == [1]


def test_of_a_store_data_that_no_manifest_names_goes_and_all_else_stays(
    store: S3QuarantineStore, held: Lake, delivery: Path
) -> None:
    first = store.put(quarantine_request(delivery))
    stone = store.put(quarantine_request(delivery, batch_id="b2"))
    store.swap(stone, moved(stone, QuarantineStatus.DELETED, nonce="n2"))
    kept = held.listed()
    new, there = item_of("b3", delivery), item_of("b1", delivery)
    dead = [f"{new}/data/dead/00000-a.csv", f"{new}/data/dead/00001-b.csv", f"{there}/data/dead/00000-a.csv", PROBE]
    for key in dead:
        put(held, key)
    others = [f"{new}/notes.txt", "sluicegate/quarantine/default/numbers/.hidden/data/x/y", "sluicegate/else"]
    for key in others:
        put(held, key)
    begin(held, f"{new}/data/dying/00000-a.csv")
    begin(held, "sluicegate/else/upload")
    found = {("upload", f"{new}/data/dying/00000-a.csv"), *(("orphan file", key) for key in dead)}
    assert isinstance(store, Recoverable)
    assert told(store.recover(older_than=hours(-1))) == set()
    assert told(store.recover(older_than=hours(1), dry_run=True)) == {(*each, "would be removed") for each in found}
    assert told(store.recover(older_than=hours(1))) == {(*each, "removed") for each in found}
    assert sorted(held.listed()) == sorted([*kept, *others])
    assert [upload["Key"] for upload in held.uploads()] == ["sluicegate/else/upload"]
    assert store.data_files(first)


def test_an_attempt_into_which_parts_still_come_is_left_alone(
    store: S3QuarantineStore, held: Lake, delivery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = item_of("b1", delivery)
    put(held, f"{item}/data/alive/00000-a.csv")
    begin(held, f"{item}/data/alive/00001-b.csv")
    with monkeypatch.context() as alive:
        alive.setattr(Bucket, "last_part", lambda _bucket, _upload: hours(2))
        assert told(store.recover(older_than=hours(1))) == set()
    assert len(told(store.recover(older_than=hours(1)))) == 2


def test_data_beside_a_damaged_manifest_is_left_and_the_item_is_named(
    store: S3QuarantineStore, held: Lake, delivery: Path
) -> None:
    item = store.put(quarantine_request(delivery))
    prefix = item_of("b1", delivery)
    put(held, f"{prefix}/manifest.json")
    before = held.listed()
    (left,) = store.recover(older_than=hours(1))
    assert (left.what, left.done, left.exit_code) == ("item", "left", 6)
    assert item.quarantine_id in left.where
    assert "damaged" in left.why
    assert held.listed() == before


def test_a_put_whose_data_was_taken_for_a_dead_workers_uploads_it_again(
    server: str, bucket: str, store: S3QuarantineStore, tmp_path: Path, delivery: Path
) -> None:
    cleared: list[Recovered] = []

    def step(operation: str, path: Path) -> contextlib.AbstractContextManager[object]:
        if operation == "put_object" and path.name == "manifest.json":
            cleared.extend(store.recover(older_than=hours(1)))
        return contextlib.nullcontext()

    slow = S3QuarantineStore(settings_for(server, bucket), tmp_path, step=step)
    manifest = slow.put(quarantine_request(delivery))
    assert [each.where.rpartition("/")[2] for each in cleared] == ["00000-delivery.csv"]
    assert [path.read_bytes() for path in store.data_files(manifest)] == [delivery.read_bytes()]


def test_a_batch_whose_kept_bytes_are_gone_is_not_acknowledged_unless_they_can_be_kept_again(
    store: S3QuarantineStore, held: Lake, delivery: Path
) -> None:
    request = quarantine_request(delivery)
    manifest = store.put(request)
    key = f"{item_of('b1', delivery)}/{manifest.files[0].path}"
    held.client.delete_object(Bucket=held.bucket, Key=key)
    delivery.write_text("a\n2\n")
    with pytest.raises(StorageError, match="is gone"):
        store.put(request)
    delivery.write_text("a\n1\n")
    assert store.put(request) == manifest
    assert store.data_files(manifest)


def test_more_than_a_page_of_leavings_is_removed_with_a_few_requests(
    network: Network, bucket: str, tmp_path: Path, held: Lake, delivery: Path
) -> None:
    far = S3QuarantineStore(settings_for(network.url, bucket), tmp_path)
    far._bucket.page = 3
    for number in range(4):
        item = item_of(f"b{number}", delivery)
        put(held, f"{item}/data/dead/00000-a.csv")
        put(held, f"{item}/data/dead/00001-b.csv")
        begin(held, f"{item}/data/dying/00000-a.csv")
    network.breaks("", 0)
    assert {each.done for each in far.recover(older_than=hours(1))} == {"removed"}
    assert (held.listed(), held.uploads()) == ([], [])
    assert len([request for request in network.seen if request.startswith("POST")]) == 1


@pytest.mark.parametrize(("fault", "done"), [("501", "removed"), ("denied", "left")])
def test_a_server_that_does_not_remove_many_at_once_removes_one_after_the_other(  # noqa: PLR0917 - fixtures
    network: Network, bucket: str, tmp_path: Path, held: Lake, delivery: Path, fault: str, done: str
) -> None:
    far = S3QuarantineStore(settings_for(network.url, bucket), tmp_path)
    item = item_of("b1", delivery)
    keys = [f"{item}/data/dead/{name}" for name in ("a", "b")]
    for key in keys:
        put(held, key)
    network.breaks({"501": "unheard of"}.get(fault, fault), 0)
    network.at_requests_that_begin = "POST"
    found = list(far.recover(older_than=hours(1)))
    assert [(each.where, each.done, each.exit_code) for each in found] == [(key, done, 6 * (done == "left")) for key in keys]
    assert held.listed() == ([] if done == "removed" else keys)


def test_a_server_that_is_away_is_told(network: Network, lake: Lake, bucket: str, tmp_path: Path) -> None:
    store = S3QuarantineStore(settings_for(network.url, bucket), tmp_path)
    store._bucket._pause = lambda _seconds: None
    target = lake.target(endpoint_url=network.url)
    target._bucket._pause = lambda _seconds: None
    network.breaks("500", 1, always=True)
    for place in (store, target):
        with pytest.raises(StorageError):
            list(place.recover(older_than=hours(1)))


def test_an_upload_that_is_cleared_away_while_its_worker_lives_is_begun_anew(lake: Lake, tmp_path: Path) -> None:
    source = parquet_file(tmp_path / "a.parquet", range(2000))
    target = lake.target()
    target._bucket.settings = replace(target._bucket.settings, part_bytes=4000)
    cleared: list[Recovered] = []

    def verify() -> None:
        if not cleared:
            cleared.extend(lake.target().recover(older_than=hours(1)))

    target.commit(replace(commit_request(range(2000), files=(source,)), verify=verify))
    assert {each.what for each in cleared} == {"upload", "orphan file"}
    assert lake.rows() == [*range(2000)]
    assert lake.uploads() == []
