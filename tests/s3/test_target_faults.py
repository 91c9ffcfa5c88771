"""A fault proxy in front of a real S3 server: whatever befalls whichever request of a commit, the rows are there once or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sluicegate.errors import BatchUnreadable, CommitStateUnknown, StorageError, TransientStorageError
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.targets import DATASET, commit_request, parquet_file
from sluicegate_adapters.targets.parquet_s3 import S3ParquetTarget
from tests.s3.lake import Lake, lake_settings
from tests.s3.proxy import FAULTS, Network, patience

pytestmark = pytest.mark.slow

PART = 4000  # smaller than S3 would have it, so that nothing here takes long
SMALL, LARGE = range(3), range(1000)


@pytest.fixture
def far(request: pytest.FixtureRequest, network: Network, lake: Lake, tmp_path: Path) -> S3ParquetTarget:
    """The target behind the bad network, which has seen that the server keeps conditions, and doesn't wait."""
    target = S3ParquetTarget(lake_settings(network.url, lake.bucket, **patience(request)), tmp_path)
    target._bucket._pause = lambda _seconds: None
    target._bucket.settings = replace(target._bucket.settings, part_bytes=PART)
    target._probed = True
    return target


def request_of(tmp_path: Path, values: range, batch_id: str) -> CommitRequest:
    source = tmp_path / f"{len(values)}.parquet"
    if not source.exists():
        parquet_file(source, values)
    return commit_request(values, batch_id=batch_id, files=(source,))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("values", [SMALL, LARGE], ids=["at once", "in parts"])
def test_whatever_befalls_one_request_of_a_commit_the_rows_are_there_once_or_not_at_all(  # noqa: PLR0917 - fixtures
    network: Network, far: S3ParquetTarget, lake: Lake, tmp_path: Path, fault: str, values: range
) -> None:
    far.commit(request_of(tmp_path, values, "makes-the-connection"))
    network.breaks("", 0)
    far.commit(request_of(tmp_path, values, "counts-the-requests"))
    points = len(network.seen)
    assert points > (8 if values is LARGE else 4)
    healthy = lake.target()
    healthy._probed = True
    for at in range(1, points + 1):
        request = request_of(tmp_path, values, f"b{at}")
        network.breaks(fault, at)
        try:
            receipt = far.commit(request)
        except CommitStateUnknown:
            pass
        except StorageError:
            assert healthy.find(request.batch_id, dataset=DATASET) is None
        else:
            assert not receipt.already_there
        assert healthy.commit(request).rows == len(values)
        facts, data = lake.listed(f"lake/default/numbers/batch=b{at}/")
        assert lake.body(data) == request.files[0].read_bytes()
        assert facts.endswith(".json")
    assert lake.uploads() == []


@pytest.mark.parametrize("fault", ["500", "503", "409", "412", "half a request"])
@pytest.mark.parametrize("values", [SMALL, LARGE], ids=["at once", "in parts"])
def test_a_server_that_stays_out_of_order_is_given_up_after_a_few_requests(  # noqa: PLR0917 - fixtures
    network: Network, far: S3ParquetTarget, lake: Lake, tmp_path: Path, fault: str, values: range
) -> None:
    request = request_of(tmp_path, values, "b1")
    for at in (1, 3):
        network.breaks(fault, at, always=True)
        with pytest.raises(StorageError) as caught:
            far.commit(request)
        assert caught.value.exit_code == 6
        assert len(network.seen) < 24
        network.breaks("", 0)
        assert lake.rows() == []
    far.commit(request)
    assert lake.rows() == [*values]


@pytest.mark.parametrize("values", [SMALL, LARGE], ids=["at once", "in parts"])
def test_a_server_that_dies_before_it_confirms_leaves_it_open_and_the_next_attempt_finds_it(
    network: Network, far: S3ParquetTarget, lake: Lake, tmp_path: Path, values: range
) -> None:
    deciding = {len(SMALL): "PUT", len(LARGE): "POST"}[len(values)]
    far.commit(request_of(tmp_path, values, "b0"))
    network.breaks("", 0)
    far.commit(request_of(tmp_path, values, "b1"))
    at = max(i for i, request in enumerate(network.seen, 1) if request.startswith(deciding) and "part-00000" in request)
    request = request_of(tmp_path, values, "b2")
    network.breaks("lost", at, always=True)
    with pytest.raises(CommitStateUnknown, match="it is not known whether batch 'b2' is committed"):
        far.commit(request)
    network.breaks("", 0)
    receipt = far.commit(request)
    assert receipt.already_there
    assert lake.rows() == sorted([*values] * 3)


def test_a_last_look_that_fails_after_a_lost_answer_leaves_it_open(
    network: Network, far: S3ParquetTarget, lake: Lake, tmp_path: Path
) -> None:
    looks: list[int] = []

    def verify() -> None:
        looks.append(len(network.seen))
        if len(looks) > 1:
            raise BatchUnreadable("the batch changed")
        network.breaks("500", 1)

    with pytest.raises(CommitStateUnknown, match="it is not known"):
        far.commit(replace(request_of(tmp_path, SMALL, "b1"), verify=verify))
    assert len(looks) == 2
    assert lake.rows() == []


def test_an_upload_that_somebody_cleared_away_is_sent_anew(
    network: Network, far: S3ParquetTarget, lake: Lake, tmp_path: Path
) -> None:
    cleared: list[str] = []

    def verify() -> None:
        if not cleared:
            for upload in lake.uploads():
                lake.client.abort_multipart_upload(Bucket=lake.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                cleared.append(upload["Key"])

    request = replace(request_of(tmp_path, LARGE, "b1"), verify=verify)
    assert not far.commit(request).already_there
    assert cleared == ["lake/default/numbers/batch=b1/part-00000.parquet"]
    assert lake.rows() == [*LARGE]


def test_a_server_that_is_not_there_is_a_storage_error_with_a_cure(tmp_path: Path) -> None:
    target = S3ParquetTarget(lake_settings("http://127.0.0.1:9", "a-bucket"), tmp_path)
    target._bucket._pause = lambda _seconds: None
    with pytest.raises(TransientStorageError, match="can't be reached") as caught:
        target.commit(commit_request([1]))
    assert "endpoint_url" in caught.value.hint
