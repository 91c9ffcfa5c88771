"""Processes that die at every request of a commit into a bucket, and processes that race: each batch is there whole, once, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import BatchConflict
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.faults import Faults
from sluicegate.testing.quarantine import quarantine_request
from sluicegate.testing.targets import commit_request, parquet_file
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from sluicegate_adapters.s3.answers import Answer
from sluicegate_adapters.s3.objects import Bucket
from sluicegate_adapters.targets.parquet_s3 import S3ParquetTarget
from tests.integration.test_kill_points import RACERS, ForkSafe, dies, kill_everywhere, other_contents, race
from tests.s3.lake import Lake, lake_settings
from tests.s3.servers import settings_for

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")]

ROWS = 1000
Open = Callable[..., S3ParquetTarget]


@pytest.fixture(autouse=True)
def without_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows are counted, and written anew, by engines whose threads do not survive a fork: a file written before stands in for them."""
    source = parquet_file(tmp_path / "source.parquet", range(ROWS))
    place = "sluicegate_adapters.targets.parquet_s3"
    monkeypatch.setattr(f"{place}.count_rows", lambda _batch, _files: ROWS)
    monkeypatch.setattr(f"{place}.written_rows", lambda _part: ROWS)
    monkeypatch.setattr(f"{place}.export", lambda _batch, part: shutil.copy(source, part))


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., CommitRequest]:
    def made(batch_id: str = "b1", *, copied: bool = True) -> CommitRequest:
        files = (tmp_path / "source.parquet",) if copied else ()
        return replace(commit_request(range(ROWS), files=files, batch_id=batch_id), batch=ForkSafe())

    return made


@pytest.fixture
def open_target(lake: Lake, tmp_path: Path) -> Open:
    """Opens a target under a prefix of its own: ready, and with a client that no process has used yet."""
    client = lake.target()._bucket.client()

    def opened(place: str, step: Any = None, *, part_bytes: int = 1 << 20) -> S3ParquetTarget:
        target = S3ParquetTarget(lake_settings(lake.server, lake.bucket, place), tmp_path, step=step)
        target._bucket.settings = replace(target._bucket.settings, part_bytes=part_bytes)
        target._bucket._made = client if step else None
        target._files.step = lambda operation, path: nullcontext()  # its staging is killed in test_kill_points
        target._probed = True
        return target

    return opened


WAYS: Mapping[str, Mapping[str, Any]] = {
    "copied at once": {"copied": True, "part_bytes": 1 << 20},
    "copied in parts": {"copied": True, "part_bytes": 3000},
    "written anew": {"copied": False, "part_bytes": 1 << 20},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_commit_killed_anywhere_and_its_recovery_killed_anywhere_is_made_once(
    lake: Lake, open_target: Open, request_of: Callable[..., CommitRequest], tmp_path: Path, way: str
) -> None:
    copied, part_bytes = WAYS[way]["copied"], WAYS[way]["part_bytes"]
    request = request_of(copied=copied)
    body = (tmp_path / "source.parquet").read_bytes()
    healthy: dict[str, S3ParquetTarget] = {}

    def look(base: Path, done: bool) -> None:
        target = healthy.setdefault(base.name, open_target(base.name))
        data = [key for key in lake.listed(f"{base.name}/") if key.endswith(".parquet")]
        assert len(data) in ({1} if done else {0, 1})
        assert [lake.body(key) for key in data] == [body] * len(data)
        assert (target.find("b1", dataset=request.dataset) is not None) == bool(data)
        if done:
            assert target.commit(request).already_there
            assert len(lake.listed(f"{base.name}/")) == 2

    deaths = kill_everywhere(
        tmp_path, lambda base, faults: open_target(base.name, faults, part_bytes=part_bytes).commit(request), look
    )
    assert deaths > 20
    assert lake.uploads() == []
    print(f"a commit to S3, {way}: {deaths} deaths")  # noqa: T201 - whoever asks with -s wants to know


def create_anyway(bucket: Bucket, key: str, body: bytes, _metadata: Mapping[str, str]) -> Answer:
    bucket._write(key, body)
    return Answer(written=True)


def test_the_harness_finds_an_object_that_does_not_say_whose_it_is(
    open_target: Open, request_of: Callable[..., CommitRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bucket, "create", create_anyway)
    with pytest.raises(Exception, match="sluicegate did not write it"):
        kill_everywhere(
            tmp_path,
            lambda base, faults: open_target(base.name, faults).commit(request_of()),
            lambda base, _done: open_target(base.name).find("b1", dataset="numbers"),
        )


def race_to_commit(open_target: Open, request: CommitRequest, part_bytes: int, barrier: Any, answers: Any) -> None:
    """One racer: all have sent everything when the first asks for the object."""
    waited: list[bool] = []

    def step(operation: str, path: Path) -> Any:
        deciding = operation == "complete_multipart_upload" or (operation == "put_object" and path.suffix == ".parquet")
        if deciding and not waited:
            waited.append(True)
            barrier.wait(120)
        return nullcontext()

    try:
        receipt = open_target("race", step, part_bytes=part_bytes).commit(request)
        answers.put("there" if receipt.already_there else "committed")
    except BatchConflict:
        answers.put("conflict")


@pytest.mark.parametrize("part_bytes", [1 << 20, 3000], ids=["at once", "in parts"])
def test_of_eight_that_commit_the_same_batch_one_does_and_seven_find_it(
    lake: Lake, open_target: Open, request_of: Callable[..., CommitRequest], part_bytes: int
) -> None:
    answers = race(race_to_commit, [(open_target, request_of(), part_bytes)] * RACERS)
    assert answers == ["committed"] + ["there"] * (RACERS - 1)
    assert len(lake.listed("race/")) == 2
    assert lake.uploads() == []


@pytest.mark.parametrize("part_bytes", [1 << 20, 3000], ids=["at once", "in parts"])
def test_of_eight_that_commit_other_content_under_one_id_one_does_and_seven_are_told(
    lake: Lake, open_target: Open, request_of: Callable[..., CommitRequest], tmp_path: Path, part_bytes: int
) -> None:
    racers = [request for _, request in other_contents(tmp_path, request_of())]
    answers = race(race_to_commit, [(open_target, request, part_bytes) for request in racers])
    assert answers == ["committed"] + ["conflict"] * (RACERS - 1)
    data = [key for key in lake.listed("race/") if key.endswith(".parquet")]
    assert len(data) == 1
    assert lake.body(data[0]) in [request.files[0].read_bytes() for request in racers]
    assert lake.uploads() == []


def test_the_race_finds_a_create_without_a_condition(
    open_target: Open, request_of: Callable[..., CommitRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unconditionally(bucket: Bucket, key: str, body: bytes, metadata: Mapping[str, str]) -> Answer:
        bucket._request("put_object", key, **bucket._object(key), Body=body, Metadata=dict(metadata))
        return Answer(written=True)

    monkeypatch.setattr(Bucket, "create", unconditionally)
    monkeypatch.setattr(S3ParquetTarget, "_acknowledge", lambda self, key, there, **told: self._receipt(key, there, **told))
    racers = [request for _, request in other_contents(tmp_path, request_of())]
    answers = race(race_to_commit, [(open_target, request, 1 << 20) for request in racers])
    assert answers.count("committed") > 1


def test_a_recover_killed_anywhere_can_be_called_again_and_takes_nothing_that_counts(
    lake: Lake, open_target: Open, request_of: Callable[..., CommitRequest], tmp_path: Path
) -> None:
    """Of a target and of a store, each with a batch, and with what dead workers left."""
    later = datetime.now(UTC) + timedelta(hours=1)
    delivery = tmp_path / "delivery.csv"
    delivery.write_text("a\n1\n")
    client = lake.target()._bucket.client()
    delivered = request_of()

    def open_store(place: str, step: Any = None) -> S3QuarantineStore:
        store = S3QuarantineStore(settings_for(lake.server, lake.bucket, prefix=f"{place}/held"), tmp_path, step=step)
        store._bucket._made = client if step else None
        store._probed = True
        return store

    def recover(place: str, faults: Faults) -> None:
        for each in (open_target(place, faults), open_store(place, faults)):
            for _ in each.recover(older_than=later):
                pass

    at = 0
    while True:
        at += 1
        place = f"at-{at}"
        open_target(place).commit(delivered)
        store = open_store(place)
        item = store.put(quarantine_request(delivery))
        kept = sorted(lake.listed(f"{place}/"))
        folder = next(key for key in kept if key.endswith("manifest.json")).removesuffix("manifest.json")
        for key in (f"{place}/default/numbers/batch=b2/_sluicegate-x.json", f"{folder}data/x/00000-a", f"{folder}data/x/00001-b"):
            lake.client.put_object(Bucket=lake.bucket, Key=key, Body=b"x")
        lake.client.create_multipart_upload(Bucket=lake.bucket, Key=f"{folder}data/y/00000-a")
        died = dies(lambda faults, place=place: recover(place, faults), at)  # type: ignore[misc]
        assert set(kept) <= set(lake.listed(f"{place}/"))
        recover(place, Faults())
        assert sorted(lake.listed(f"{place}/")) == kept
        assert lake.uploads() == []
        assert store.data_files(item)
        if not died:
            break
    assert at > 8
