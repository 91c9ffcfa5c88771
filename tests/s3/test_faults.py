"""A fault proxy in front of a real S3 server: whatever goes wrong with whichever request, nothing is lost and nothing is twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sluicegate.errors import CommitStateUnknown, StorageError, TransientStorageError, UsageError
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, QuarantineStatus
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from tests.s3.proxy import FAULTS, Network, patience
from tests.s3.servers import client_of, settings_for

pytestmark = pytest.mark.slow

MANIFEST_IS_WRITTEN = "manifest.json"
PART = 60_000  # smaller than S3 would have it, so that nothing here takes long


@pytest.fixture
def far(request: pytest.FixtureRequest, network: Network, bucket: str, tmp_path: Path) -> S3QuarantineStore:
    """The store behind the bad network, which has seen that the server keeps conditions, and doesn't wait."""
    store = S3QuarantineStore(settings_for(network.url, bucket, **patience(request)), tmp_path)
    store._bucket._pause = lambda _seconds: None
    store._bucket.settings = replace(store._bucket.settings, part_bytes=PART)
    store._probed = True
    return store


@pytest.fixture
def deliveries(tmp_path: Path) -> list[Path]:
    """One file that goes up at once, and one that goes up in parts."""
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a\n1\n")
    large.write_bytes(b"a\n" + b"1234567\n" * (PART // 6))
    return [small, large]


def find(store: S3QuarantineStore, request: QuarantineRequest) -> Manifest | None:
    try:
        return store.get(request.manifest.quarantine_id)
    except UsageError:
        return None


def look(healthy: S3QuarantineStore, request: QuarantineRequest) -> Manifest | None:
    """What is listed can be replayed, whole."""
    manifest = find(healthy, request)
    if manifest is not None:
        kept = healthy.data_files(manifest)
        assert [path.read_bytes() for path in kept] == [path.read_bytes() for path in request.files]
    return manifest


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_befalls_one_request_of_a_put_the_batch_is_kept_once_or_not_at_all(  # noqa: PLR0917 - fixtures
    bucket: str, network: Network, far: S3QuarantineStore, store: S3QuarantineStore, deliveries: list[Path], fault: str
) -> None:
    far.put(quarantine_request(*deliveries, batch_id="makes the connection"))
    network.breaks("", 0)
    far.put(quarantine_request(*deliveries, batch_id="counts the requests"))
    points = len(network.seen)
    assert points > 10
    looking = client_of(network.upstream)
    for at in range(1, points + 1):
        request = quarantine_request(*deliveries, batch_id=f"b{at}")
        network.breaks(fault, at)
        try:
            far.put(request)
        except CommitStateUnknown:
            pass
        except StorageError:
            assert find(store, request) is None
        else:
            assert find(store, request)
        manifest = store.put(request)
        assert look(store, request) == manifest
        item = f"sluicegate/quarantine/default/numbers/{manifest.quarantine_id}/"
        found = looking.list_objects_v2(Bucket=bucket, Prefix=item)["Contents"]
        assert sorted(each["Key"] for each in found) == sorted(
            [f"{item}manifest.json", *(item + file.path for file in manifest.files)]
        )
    assert looking.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_whatever_befalls_a_swap_it_is_made_once_or_not_at_all(  # noqa: PLR0917 - fixtures
    network: Network, far: S3QuarantineStore, store: S3QuarantineStore, delivery: Path, fault: str, at: int
) -> None:
    first = far.put(quarantine_request(delivery))
    second = moved(first, QuarantineStatus.REVIEWED, nonce="n2")
    network.breaks(fault, at)
    try:
        assert far.swap(first, second) == second
    except CommitStateUnknown:
        assert store.get(first.quarantine_id) in (first, second)
    except StorageError:
        assert store.get(first.quarantine_id) == first
    else:
        assert store.get(first.quarantine_id) == second
    assert store.swap(first, second) == second


def test_a_claim_whose_answer_was_lost_is_known_to_have_been_made_even_when_others_have_moved_on_since(
    network: Network, far: S3QuarantineStore, store: S3QuarantineStore, delivery: Path
) -> None:
    first = far.put(quarantine_request(delivery))
    claimed = moved(first, QuarantineStatus.REPLAYING, nonce="ours")
    third = moved(claimed, QuarantineStatus.QUARANTINED, nonce="theirs")

    def overtaken(_seconds: float) -> None:
        store.swap(claimed, third)

    network.breaks("lost", 2)  # the write; the next request is the look
    reading, far_read = far._bucket.read, []

    def read(key: str) -> object:
        far_read.append(key)
        if len(far_read) == 2:
            overtaken(0)
        return reading(key)

    far._bucket.read = read  # type: ignore[method-assign, assignment]
    assert far.swap(first, claimed) == claimed
    assert store.get(first.quarantine_id) == third


@pytest.mark.parametrize("fault", ["500", "503", "409", "half a request"])
def test_a_server_that_stays_out_of_order_is_given_up_after_a_few_requests(
    network: Network, far: S3QuarantineStore, store: S3QuarantineStore, delivery: Path, fault: str
) -> None:
    request = quarantine_request(delivery)
    network.breaks(fault, 1, always=True)
    with pytest.raises(StorageError) as caught:
        far.put(request)
    assert caught.value.exit_code == 6
    assert len(network.seen) <= 5
    network.breaks("", 0)
    assert look(store, request) is None
    assert delivery.read_text() == "a\n1\n"


def test_a_server_that_dies_before_it_confirms_leaves_it_open_and_says_so(
    network: Network, far: S3QuarantineStore, store: S3QuarantineStore, delivery: Path
) -> None:
    far.put(quarantine_request(delivery, batch_id="b0"))
    network.breaks("", 0)
    far.put(quarantine_request(delivery, batch_id="b1"))
    at = 1 + next(i for i, request in enumerate(network.seen) if request.startswith("PUT") and MANIFEST_IS_WRITTEN in request)
    request = quarantine_request(delivery, batch_id="b2")
    network.breaks("lost", at, always=True)
    with pytest.raises(CommitStateUnknown, match="it is not known whether"):
        far.put(request)
    network.breaks("", 0)
    assert look(store, request)
    first = store.get(request.manifest.quarantine_id)
    network.breaks("lost", 2, always=True)
    with pytest.raises(CommitStateUnknown, match="it is not known whether"):
        far.swap(first, moved(first, QuarantineStatus.REVIEWED, nonce="n2"))
    network.breaks("", 0)
    assert store.get(first.quarantine_id).nonce == "n2"


def test_a_server_that_is_not_there_is_a_storage_error_with_a_cure(bucket: str, delivery: Path, tmp_path: Path) -> None:
    store = S3QuarantineStore(settings_for("http://127.0.0.1:9", bucket), tmp_path)
    store._bucket._pause = lambda _seconds: None
    with pytest.raises(TransientStorageError, match="can't be reached") as caught:
        store.put(quarantine_request(delivery))
    assert "endpoint_url" in caught.value.hint
    with pytest.raises(TransientStorageError, match="can't be reached"):
        list(store.list())


def test_wrong_bytes_are_told_from_a_damaged_item(far: S3QuarantineStore, network: Network, delivery: Path) -> None:
    manifest = far.put(quarantine_request(delivery))
    network.breaks("wrong bytes back", 2)  # the manifest, then the data
    with pytest.raises(StorageError, match="is not what was quarantined"):
        far.data_files(manifest)
    assert [path.read_text() for path in far.data_files(manifest)] == ["a\n1\n"]
