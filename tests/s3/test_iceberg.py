"""The Iceberg target with its warehouse in a bucket: the suite of every target, a bad network, recovery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import SluicegateError, StorageError
from sluicegate.ports.names import segment
from sluicegate.ports.target import Target
from sluicegate.testing.targets import DATASET, TargetConformance, Visible, commit_request
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.s3.iceberg_shop import settings_for, values
from tests.s3.proxy import Network
from tests.s3.servers import client_of

LATER = datetime.now(UTC) + timedelta(hours=1)
pytestmark = pytest.mark.slow


@pytest.fixture
def settings(server: str, bucket: str, tmp_path: Path) -> dict[str, Any]:
    return settings_for(server, bucket, tmp_path)


class TestIcebergTargetInABucket(TargetConformance):
    @pytest.fixture
    def target(self, settings: dict[str, Any], tmp_path: Path) -> Target:
        return IcebergTarget(settings, tmp_path)

    @pytest.fixture
    def visible(self, settings: dict[str, Any], tmp_path: Path) -> Visible:
        return lambda dataset: values(settings, tmp_path, segment(dataset))


def keys(server: str, bucket: str) -> list[str]:
    found = client_of(server).list_objects_v2(Bucket=bucket).get("Contents", [])
    return [entry["Key"] for entry in found if "/data/" in entry["Key"]]


def test_partitions_and_a_branch_work_in_a_bucket_too(settings: dict[str, Any], tmp_path: Path) -> None:
    more = {"partition_by": ["bucket(2, a)"], "branch": "audit", "publish": True}
    target = IcebergTarget(settings | more, tmp_path)
    target.commit(commit_request(range(9)))
    assert target.commit(commit_request(range(9))).already_there
    assert values(settings, tmp_path) == list(range(9))
    assert target.files("b1", dataset=DATASET) == ()


def test_recovery_removes_what_no_snapshot_refers_to(settings: dict[str, Any], server: str, bucket: str, tmp_path: Path) -> None:
    target = IcebergTarget(settings, tmp_path)
    target.commit(commit_request([1]))
    (kept,) = keys(server, bucket)
    orphan = kept.replace("/b1/", "/b2/")
    foreign = f"{kept.rpartition('/')[0]}/00000-0-somebody-elses.parquet"
    for key in (orphan, foreign):
        client_of(server).put_object(Bucket=bucket, Key=key, Body=b"?")
    client_of(server).create_multipart_upload(Bucket=bucket, Key=orphan)
    client_of(server).create_multipart_upload(Bucket=bucket, Key=foreign)
    (tmp_path / "staging" / "dead").mkdir(parents=True)
    (tmp_path / "staging" / "dead.lock").touch()
    before = datetime.now(UTC) - timedelta(hours=1)
    assert [found.what for found in target.recover(older_than=before, dry_run=True)] == ["staging folder"]
    assert sorted(found.what for found in target.recover(older_than=LATER)) == ["orphan file", "staging folder", "upload"]
    assert sorted(keys(server, bucket)) == sorted([kept, foreign])
    uploads = client_of(server).list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert [upload["Key"] for upload in uploads] == [foreign]
    assert values(settings, tmp_path) == [1]


@pytest.mark.parametrize("fault", ["lost", "wrong bytes there"])
def test_whatever_goes_wrong_with_one_request_the_batch_is_committed_once(
    settings: dict[str, Any], network: Network, tmp_path: Path, fault: str
) -> None:
    settings["catalog"] |= {"s3.endpoint": network.url}
    IcebergTarget(settings, tmp_path).commit(commit_request([0], batch_id="b0"))
    network.breaks("", 0)
    IcebergTarget(settings, tmp_path).commit(commit_request([1], batch_id="b1"))
    writes = [number for number, request in enumerate(network.seen, 1) if request.startswith(("PUT", "POST"))]
    expected = [0, 1]
    for at in writes:
        batch = commit_request([at + 1], batch_id=f"at-{at}")
        network.breaks(fault, at)
        try:
            IcebergTarget(settings, tmp_path).commit(batch)
        except StorageError:
            assert values(settings, tmp_path) in (expected, [*expected, at + 1])
        network.breaks("", 0)
        IcebergTarget(settings, tmp_path).commit(batch)
        expected.append(at + 1)
        assert values(settings, tmp_path) == expected


def test_a_bucket_that_is_not_there_is_a_storage_error_and_nothing_is_committed(settings: dict[str, Any], tmp_path: Path) -> None:
    settings["catalog"] |= {"warehouse": "s3://nowhere-at-all/lake"}
    with pytest.raises(SluicegateError) as caught:
        IcebergTarget(settings, tmp_path).commit(commit_request([1]))
    assert isinstance(caught.value, StorageError)
    assert "\n" not in caught.value.message
