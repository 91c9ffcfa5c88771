"""The Parquet target in a bucket: the suite that every target passes, and what only a bucket can get wrong."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate import plugins
from sluicegate.cli.main import main
from sluicegate.errors import BatchConflict, BatchUnreadable, CommitStateUnknown, ConfigError, StorageError
from sluicegate.ports.names import segment
from sluicegate.ports.quarantine import Probed
from sluicegate.ports.recovery import Recoverable
from sluicegate.ports.target import CommitRequest, Target
from sluicegate.testing.faults import Faults, refuse
from sluicegate.testing.targets import DATASET, TargetConformance, Visible, commit_request, parquet_file
from sluicegate_adapters.s3.settings import MEBIBYTE
from sluicegate_adapters.targets.parquet import ParquetTarget
from sluicegate_adapters.targets.parquet_s3 import S3ParquetTarget
from tests.s3.lake import Lake, lake_settings
from tests.s3.proxy import Network
from tests.s3.servers import KEYS

BATCH = "lake/default/numbers/batch=b1"
DATA = f"{BATCH}/part-00000.parquet"


class TestS3ParquetTarget(TargetConformance):
    @pytest.fixture
    def target(self, lake: Lake) -> Target:
        return lake.target()

    @pytest.fixture
    def visible(self, lake: Lake) -> Visible:
        return lambda dataset: lake.rows(segment(dataset))


def large_request(tmp_path: Path, batch_id: str = "b1") -> CommitRequest:
    """A batch of one file that goes up in parts."""
    source = parquet_file(tmp_path / f"{batch_id}.parquet", range(40_000))
    return commit_request(range(40_000), batch_id=batch_id, files=(source,))


def in_small_parts(target: S3ParquetTarget, part_bytes: int = 60_000) -> S3ParquetTarget:
    """Parts smaller than S3 would have them, so that nothing here takes long."""
    target._bucket.settings = replace(target._bucket.settings, part_bytes=part_bytes)
    return target


def test_the_target_parquet_is_in_a_bucket_where_its_path_says_so(lake: Lake, tmp_path: Path) -> None:
    made = plugins.load("sluicegate.targets", "parquet")
    target = made(lake_settings(lake.server, lake.bucket), tmp_path)
    assert isinstance(target, S3ParquetTarget)
    assert isinstance(target, Probed)
    assert isinstance(target, Recoverable)
    assert isinstance(made({"path": "data"}, tmp_path), ParquetTarget)
    with pytest.raises(ConfigError, match=r"unknown setting 'endpoint_url'.*with an s3:// path"):
        made({"endpoint_url": lake.server}, tmp_path)


def test_one_object_holds_the_rows_and_another_tells_of_them(lake: Lake, tmp_path: Path) -> None:
    source = parquet_file(tmp_path / "a.parquet", [1, 2])
    request = commit_request([1, 2], files=(source,))
    receipt = lake.target().commit(request)
    assert receipt.location == f"s3://{lake.bucket}/{DATA}"
    facts, data = lake.listed()
    assert (data, facts.rpartition("-")[0]) == (DATA, f"{BATCH}/_sluicegate")
    assert lake.body(data) == source.read_bytes()
    told = json.loads(lake.body(facts))
    assert (told["batch_id"], told["rows"], told["content_sha256"]) == ("b1", 2, request.content_sha256)
    assert told["properties"] == {"contract": "numbers", "run_id": "r1"}


def test_a_large_file_goes_up_in_parts_and_arrives_byte_by_byte(lake: Lake, tmp_path: Path) -> None:
    request = large_request(tmp_path)
    seen = Faults()
    target = S3ParquetTarget(lake_settings(lake.server, lake.bucket), tmp_path, step=seen)
    in_small_parts(target).commit(request)
    assert seen.seen.count("upload_part") > 2 + 6  # beside the probe's
    assert lake.body(DATA) == request.files[0].read_bytes()
    assert lake.target().commit(request).already_there


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_files_around_the_size_of_a_part_arrive_whole(lake: Lake, tmp_path: Path, extra: int) -> None:
    source = parquet_file(tmp_path / "a.parquet", range(5000))
    length = source.stat().st_size
    in_small_parts(lake.target(), length + extra).commit(commit_request(range(5000), files=(source,)))
    assert lake.body(DATA) == source.read_bytes()


def test_a_batch_of_several_files_is_written_as_one(lake: Lake, tmp_path: Path) -> None:
    files = tuple(parquet_file(tmp_path / f"{number}.parquet", [number]) for number in range(3))
    request = commit_request(range(3), files=files)
    assert lake.target().commit(request).rows == 3
    assert [key for key in lake.listed() if key.endswith(".parquet")] == [DATA]
    assert lake.rows() == [0, 1, 2]
    files[1].write_bytes(files[0].read_bytes())
    with pytest.raises(BatchUnreadable, match="changed after they were checked"):
        lake.target().commit(replace(request, batch_id="b2"))


READER = """
import sys
import pyarrow.dataset, pyarrow.fs
server, bucket, access_key, secret_key = sys.argv[1:]
files = pyarrow.fs.S3FileSystem(
    endpoint_override=server, region="us-east-1", access_key=access_key, secret_key=secret_key, allow_bucket_creation=False
)
found = pyarrow.dataset.dataset(f"{bucket}/lake/default/numbers", filesystem=files, partitioning="hive").to_table()
print(sorted(zip(found.column("batch").to_pylist(), found.column("a").to_pylist())))
"""


def test_a_reader_that_knows_nothing_of_us_reads_the_folder_as_it_is(lake: Lake, tmp_path: Path) -> None:
    lake.target().commit(commit_request([1, 2]))
    in_small_parts(lake.target()).commit(commit_request([3], batch_id="b2"))
    lake.client.put_object(Bucket=lake.bucket, Key="lake/default/numbers/batch=b3/_sluicegate-dead.json", Body=b"{}")
    lake.client.create_multipart_upload(Bucket=lake.bucket, Key="lake/default/numbers/batch=b3/part-00000.parquet")
    reader = [
        sys.executable,
        "-c",
        READER,
        lake.server,
        lake.bucket,
        *KEYS.values(),
    ]  # its threads would not survive a fork of ours
    told = subprocess.run(reader, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout == "[('b1', 1), ('b1', 2), ('b2', 3)]\n"


def test_nothing_is_left_on_this_machine(lake: Lake, tmp_path: Path) -> None:
    lake.target(scratch="here").commit(commit_request([1]))
    assert list((tmp_path / "here").iterdir()) == []


def test_a_batch_is_looked_at_again_before_it_appears_and_nothing_of_a_refused_one_stays(lake: Lake, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def refused() -> None:
        seen.append(lake.listed())
        raise BatchUnreadable("the batch changed")

    with pytest.raises(BatchUnreadable):
        in_small_parts(lake.target()).commit(replace(large_request(tmp_path), verify=refused))
    assert [key for keys in seen for key in keys if key.endswith(".parquet")] == []
    assert lake.listed() == []
    assert lake.uploads() == []


def test_a_full_disk_here_is_told_with_its_cure_and_nothing_is_committed(lake: Lake, tmp_path: Path) -> None:
    def full(operation: str, path: Path) -> AbstractContextManager[object]:
        if operation == "write parquet":
            refuse(errno.ENOSPC)(operation, path)
        return nullcontext()

    target = S3ParquetTarget(lake_settings(lake.server, lake.bucket), tmp_path, step=full)
    with pytest.raises(StorageError, match="No space left") as caught:
        target.commit(commit_request([1]))
    assert "free some space" in caught.value.hint
    assert lake.listed() == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "sluicegate did not write it"),
        ({"sluicegate-rows": "many"}, "its metadata is damaged"),
        ({"sluicegate-bytes": "7"}, "is damaged: "),
    ],
)
def test_an_object_that_is_not_what_it_should_be_is_not_believed(lake: Lake, metadata: dict[str, str], message: str) -> None:
    target = lake.target()
    target.commit(commit_request([1]))
    good = lake.client.head_object(Bucket=lake.bucket, Key=DATA)["Metadata"]
    lake.client.put_object(Bucket=lake.bucket, Key=DATA, Body=lake.body(DATA), Metadata={**good, **metadata} if metadata else {})
    with pytest.raises(StorageError, match=message):
        target.find("b1", dataset=DATASET)
    with pytest.raises(StorageError, match=message):
        target.commit(commit_request([1]))
    lake.client.put_object(Bucket=lake.bucket, Key=DATA, Body=b"")
    with pytest.raises(StorageError, match="sluicegate did not write it"):
        target.find("b1", dataset=DATASET)


def test_bytes_that_changed_in_the_bucket_are_not_acknowledged(lake: Lake) -> None:
    target = lake.target()
    target.commit(commit_request([1]))
    told = lake.client.head_object(Bucket=lake.bucket, Key=DATA)
    body = bytearray(lake.body(DATA))
    body[10] ^= 1
    lake.client.put_object(Bucket=lake.bucket, Key=DATA, Body=bytes(body), Metadata=told["Metadata"])
    with pytest.raises(CommitStateUnknown, match="not what was uploaded"):
        target.commit(commit_request([1]))


def test_one_place_takes_one_dataset_where_the_path_does_not_tell_them_apart(lake: Lake, tmp_path: Path) -> None:
    settings = {**lake_settings(lake.server, lake.bucket), "path": f"s3://{lake.bucket}/one"}
    target = S3ParquetTarget(settings, tmp_path)
    target.commit(commit_request([1], dataset="one"))
    target.commit(commit_request([2], dataset="one", batch_id="b2"))
    with pytest.raises(ConfigError, match="holds another dataset than 'two'"):
        target.commit(commit_request([3], dataset="two", batch_id="b3"))
    with pytest.raises(StorageError, match="belongs to a batch of another dataset"):
        target.commit(commit_request([3], dataset="two"))
    assert target.find("b1", dataset="two") is None


def test_a_path_without_tenants_is_the_place_of_one_tenant(lake: Lake, tmp_path: Path) -> None:
    target = S3ParquetTarget(
        {**lake_settings(lake.server, lake.bucket), "path": f"s3://{lake.bucket}/lake/{{dataset}}"}, tmp_path
    )
    target.commit(replace(commit_request([1]), tenant="north"))
    with pytest.raises(ConfigError, match="or another tenant's"):
        target.commit(replace(commit_request([2], batch_id="b2"), tenant="south"))
    target.commit(replace(commit_request([2], dataset="another"), tenant="south"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "s3://Not A Bucket/x"}, "name of a bucket"),
        ({"path": "s3://a-bucket"}, "can't have a level ''"),
        ({"path": "s3://a-bucket/a/../{dataset}"}, "can't have a level '..'"),
        ({"path": "s3://a-bucket/a//{dataset}"}, "can't have a level ''"),
        ({"path": "s3://a-bucket/{day}"}, "unknown placeholder {day}"),
        ({"scratch": ""}, "target.scratch must be a path"),
        ({"staging": "x"}, "unknown setting 'staging'"),
        ({"part_size_mb": 1}, "target.part_size_mb"),
        ({"timeout_seconds": 0}, "target.timeout_seconds must be a number up to 3600"),
        ({"sse": "rot13"}, "target.sse can't be 'rot13'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        S3ParquetTarget({**lake_settings("http://127.0.0.1:9", "a-bucket"), **settings}, tmp_path)


def test_a_bucket_that_is_not_there_is_told_by_every_question(lake: Lake, tmp_path: Path) -> None:
    target = S3ParquetTarget(lake_settings(lake.server, "no-such-bucket"), tmp_path)
    questions: list[Callable[[], object]] = [
        lambda: target.find("b1", dataset=DATASET),
        lambda: target.commit(commit_request([1])),
        target.probe,
    ]
    for ask in questions:
        with pytest.raises(StorageError, match="no-such-bucket") as caught:
            ask()
        assert "create the bucket" in caught.value.hint


def test_doctor_tries_the_target_out(
    lake: Lake, tmp_path: Path, network: Network, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "gate.yaml"
    told = json.dumps({"target": {"type": "parquet", **lake_settings(network.url, lake.bucket)}})
    file.write_text(told)
    assert main(["doctor", "--config", str(file)]) == 0
    assert lake.listed("") == []
    network.ignores_conditions_of = ""
    assert main(["doctor", "--config", str(file)]) == 6
    assert "ignores conditional writes" in " ".join(capsys.readouterr().out.split())


def test_conflicts_name_the_place(lake: Lake) -> None:
    lake.target().commit(commit_request([1]))
    with pytest.raises(BatchConflict, match=f"s3://{lake.bucket}/{DATA}"):
        lake.target().commit(commit_request([2], sha256="cd" * 32))


def test_encryption_tags_and_storage_class_are_those_of_the_profile(lake: Lake, tmp_path: Path) -> None:
    more: dict[str, Any] = {"sse": "AES256", "storage_class": "STANDARD_IA", "tags": {"team": "a & b"}}
    lake.target(**more).commit(commit_request([1]))
    in_small_parts(lake.target(**more)).commit(large_request(tmp_path, "b2"))
    for key in lake.listed():
        told = lake.client.head_object(Bucket=lake.bucket, Key=key)
        assert told["ServerSideEncryption"] == "AES256"
        assert told.get("StorageClass", "STANDARD") == ("STANDARD" if key.endswith(".json") else "STANDARD_IA")
        if "batch=b2/part" not in key:  # this server forgets the tags of what came in parts
            tags = lake.client.get_object_tagging(Bucket=lake.bucket, Key=key)["TagSet"]
            assert tags == [{"Key": "team", "Value": "a & b"}]


def test_parts_of_the_smallest_size_that_s3_takes_are_enough_for_a_large_batch(lake: Lake, tmp_path: Path) -> None:
    source = parquet_file(tmp_path / "a.parquet", [1])
    body = source.read_bytes()
    source.write_bytes(body[:4] + b"\0" * (5 * MEBIBYTE) + body[4:])  # bytes between the pages and nobody's
    request = commit_request([1], files=(source,))
    lake.target(part_size_mb=5).commit(request)
    assert lake.client.head_object(Bucket=lake.bucket, Key=DATA)["ContentLength"] == source.stat().st_size
