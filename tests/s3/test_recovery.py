"""A quarantine store and a Parquet dataset in a bucket, cleared of what the dead left there: the suite that every place passes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sluicegate.ports.recovery import Recoverable
from sluicegate.testing.quarantine import quarantine_request
from sluicegate.testing.recovery import RecoveryConformance, RecoverySite
from sluicegate.testing.targets import commit_request, parquet_file
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from sluicegate_adapters.targets.parquet_s3 import S3ParquetTarget
from tests.s3.lake import Lake, lake_settings
from tests.s3.servers import settings_for
from tests.unit.quarantine.test_recovery import stopped_at

pytestmark = pytest.mark.slow

PART = 3000  # smaller than S3 would have it: all data goes up in parts


def lying(lake: Lake) -> Mapping[str, object]:
    objects = {key: lake.body(key) for key in lake.listed("")}
    return {**objects, **{upload["UploadId"]: upload["Key"] for upload in lake.uploads()}}


def leave(lake: Lake, data: str, upload: str) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=data, Body=b"half")
    begun = lake.client.create_multipart_upload(Bucket=lake.bucket, Key=upload)["UploadId"]
    lake.client.upload_part(Bucket=lake.bucket, Key=upload, UploadId=begun, PartNumber=1, Body=b"half")


class StoreSite:
    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.item = self.open().put(quarantine_request(parquet_file(lake.base / "a.parquet", range(1000))))

    def open(self, step: Any = None) -> S3QuarantineStore:
        store = S3QuarantineStore(settings_for(self.lake.server, self.lake.bucket, prefix=""), self.lake.base, step=step)
        store._bucket.settings = replace(store._bucket.settings, part_bytes=PART)
        store._probed = True
        return store

    @property
    def place(self) -> Recoverable:
        return self.open()

    def leave(self) -> None:
        folder = f"default/numbers/{self.item.quarantine_id}/data/dead"
        leave(self.lake, f"{folder}/00000-a.parquet", f"{folder}/00001-b.parquet")
        leave(self.lake, "default/numbers/q-00/data/dead/00000-a.parquet", "default/numbers/q-00/data/dying/00000-a.parquet")

    def living(self) -> AbstractContextManager[object]:
        other = quarantine_request(parquet_file(self.lake.base / "b.parquet", range(2000)))
        return stopped_at("put_object", lambda step: self.open(step).put(other))

    def lying(self) -> Mapping[str, object]:
        return lying(self.lake)

    def served(self) -> object:
        store = self.open()
        return [(item, [path.read_bytes() for path in store.data_files(item)]) for item in store.list()]


class TargetSite:
    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.open().commit(commit_request(range(1000), files=(parquet_file(lake.base / "a.parquet", range(1000)),)))

    def open(self, step: Any = None) -> S3ParquetTarget:
        target = S3ParquetTarget(lake_settings(self.lake.server, self.lake.bucket), self.lake.base, step=step)
        target._bucket.settings = replace(target._bucket.settings, part_bytes=PART)
        target._probed = True
        return target

    @property
    def place(self) -> Recoverable:
        return self.open()

    def leave(self) -> None:
        folder = "lake/default/numbers"
        leave(self.lake, f"{folder}/batch=b1/_sluicegate-dead.json", f"{folder}/batch=b1/part-00000.parquet")
        leave(self.lake, f"{folder}/batch=b2/_sluicegate-dead.json", f"{folder}/batch=b2/part-00000.parquet")

    def living(self) -> AbstractContextManager[object]:
        source = parquet_file(self.lake.base / "b.parquet", range(2000))
        request = commit_request(range(2000), batch_id="b2", files=(source,))
        return stopped_at("complete_multipart_upload", lambda step: self.open(step).commit(request))

    def lying(self) -> Mapping[str, object]:
        return lying(self.lake)

    def served(self) -> object:
        return self.lake.rows()


class TestS3QuarantineStoreClearsUp(RecoveryConformance):
    @pytest.fixture
    def site(self, lake: Lake) -> RecoverySite:
        return StoreSite(lake)


class TestS3ParquetTargetClearsUp(RecoveryConformance):
    @pytest.fixture
    def site(self, lake: Lake) -> RecoverySite:
        return TargetSite(lake)


def test_what_dead_processes_left_in_the_scratch_folder_of_a_target_goes_whatever_its_age(lake: Lake) -> None:
    place = TargetSite(lake).place
    staging: Path = lake.base / ".sluicegate" / "staging"
    (staging / "00ff").mkdir(parents=True)
    (staging / "00ff" / "part-00000.parquet").write_bytes(b"half")
    (staging / "00ff.lock").touch()
    for done in ("would be removed", "removed"):
        (found,) = place.recover(older_than=datetime(2026, 1, 1, tzinfo=UTC), dry_run=done != "removed")
        assert (found.what, found.where, found.done) == ("staging folder", str(staging / "00ff"), done)
    assert list(staging.iterdir()) == []
