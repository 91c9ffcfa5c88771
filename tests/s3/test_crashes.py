"""Processes that die at every single request, and processes that race, on a real S3 server: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import StorageError, TransientStorageError
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, QuarantineStatus, StoredFile
from sluicegate.testing.faults import Faults
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from sluicegate_adapters.s3.answers import Answer
from sluicegate_adapters.s3.objects import Bucket
from tests.integration.test_kill_points import RACERS, dies, kill_everywhere, race
from tests.s3.servers import client_of, settings_for

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")]

PART = 4000  # smaller than S3 would have it, so that nothing here takes long
Open = Callable[..., S3QuarantineStore]


@pytest.fixture
def open_store(server: str, bucket: str, tmp_path: Path) -> Open:
    """Opens a store under a prefix of its own: ready, and with a client that no process has used yet."""
    client = Bucket(S3QuarantineStore(settings_for(server, bucket), tmp_path)._bucket.settings).client()

    def opened(place: str, step: Any = None, kind: type[S3QuarantineStore] = S3QuarantineStore) -> S3QuarantineStore:
        store = kind(settings_for(server, bucket, prefix=place), tmp_path, step=step)
        store._bucket.settings = replace(store._bucket.settings, part_bytes=PART)
        store._bucket._made = client if step else None
        store._probed = True
        return store

    return opened


@pytest.fixture
def deliveries(tmp_path: Path) -> list[Path]:
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a\n1\n")
    large.write_text("a\n" + "1\n" * PART)
    return [small, large]


def test_a_put_killed_anywhere_and_its_recovery_killed_anywhere_keeps_one_item(
    server: str, bucket: str, open_store: Open, tmp_path: Path, deliveries: list[Path]
) -> None:
    request = quarantine_request(*deliveries)
    contents = [path.read_bytes() for path in deliveries]
    looking = client_of(server)
    healthy: dict[str, S3QuarantineStore] = {}

    def look(base: Path, done: bool) -> None:
        store = healthy.setdefault(base.name, open_store(base.name))
        held = list(store.list())
        assert len(held) in ({1} if done else {0, 1})
        for manifest in held:  # whatever is listed can be replayed
            assert [path.read_bytes() for path in store.data_files(manifest)] == contents
        if done:
            store.put(request)
            found = looking.list_objects_v2(Bucket=bucket, Prefix=f"{base.name}/")
            assert found["KeyCount"] == 1 + len(contents)
        assert [path.read_bytes() for path in deliveries] == contents

    deaths = kill_everywhere(tmp_path, lambda base, faults: open_store(base.name, faults).put(request), look)
    assert deaths > 40
    assert looking.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    print(f"a put to S3: {deaths} deaths")  # noqa: T201 - whoever asks with -s wants to know


class ManifestFirst(S3QuarantineStore):
    """A planted bug: the item is there before its data."""

    def _upload(self, item: str, attempt: str, request: QuarantineRequest) -> Iterator[StoredFile]:
        names = [f"{attempt}{number:05}-{path.name}" for number, path in enumerate(request.files)]
        sha256 = request.manifest.content_sha256
        files = tuple(StoredFile(path=name, original="", bytes=4, sha256=sha256) for name in names)
        self._create(item, replace(request.manifest, files=files))
        return super()._upload(item, attempt, request)


def test_the_harness_finds_a_manifest_that_is_there_before_its_data(
    open_store: Open, tmp_path: Path, deliveries: list[Path]
) -> None:
    request = quarantine_request(deliveries[0])

    def look(base: Path, _done: bool) -> None:
        store = open_store(base.name)
        for manifest in store.list():
            store.data_files(manifest)

    with pytest.raises(StorageError, match="is gone"):
        kill_everywhere(tmp_path, lambda base, faults: open_store(base.name, faults, ManifestFirst).put(request), look)


def test_a_swap_killed_anywhere_is_made_or_not_made(open_store: Open, delivery: Path) -> None:
    at, outcomes = 0, []
    while True:
        at += 1
        store = open_store(f"at-{at}")
        first = store.put(quarantine_request(delivery))
        second = moved(first, QuarantineStatus.REVIEWED, nonce="n2")

        def swap(faults: Faults) -> None:
            faulty = open_store(f"at-{at}", faults)  # noqa: B023 - forked at once
            faulty.swap(first, second)  # noqa: B023
            with faults("answer", Path()):
                pass

        if not dies(swap, at):
            break
        outcomes.append(store.get(first.quarantine_id).status)
        assert store.swap(first, second) == second
        assert list(store.list()) == [second]
    assert outcomes == [QuarantineStatus.QUARANTINED] * 2 + [QuarantineStatus.REVIEWED]


def at_the_manifest(barrier: Any) -> Callable[[str, Path], Any]:
    """All wait for each other right before they write the manifest for the first time."""
    waited: list[bool] = []

    def step(operation: str, path: Path) -> Any:
        if operation == "put_object" and path.name == "manifest.json" and not waited:
            waited.append(True)
            barrier.wait(60)
        return nullcontext()

    return step


def race_to_put(open_store: Open, delivery: Path, racer: int, barrier: Any, answers: Any) -> None:
    store = open_store("race", at_the_manifest(barrier))
    answers.put(store.put(quarantine_request(delivery, nonce=f"n{racer}")).nonce)


def race_to_swap(open_store: Open, first: Manifest, racer: int, barrier: Any, answers: Any) -> None:
    store = open_store("race", at_the_manifest(barrier))
    try:
        store.swap(first, moved(first, QuarantineStatus.REPLAYING, nonce=f"r{racer}"))
        answers.put(f"r{racer}")
    except TransientStorageError:
        answers.put("lost")


def test_eight_that_quarantine_the_same_batch_meet_in_one_item(
    server: str, bucket: str, open_store: Open, delivery: Path
) -> None:
    nonces = race(race_to_put, [(open_store, delivery, racer) for racer in range(RACERS)])
    store = open_store("race")
    (manifest,) = store.list()
    assert set(nonces) == {manifest.nonce}
    assert [path.read_text() for path in store.data_files(manifest)] == ["a\n1\n"]
    assert client_of(server).list_objects_v2(Bucket=bucket, Prefix="race/")["KeyCount"] == 2


def test_of_eight_that_swap_one_item_one_wins(open_store: Open, delivery: Path) -> None:
    first = open_store("race").put(quarantine_request(delivery))
    answers = race(race_to_swap, [(open_store, first, racer) for racer in range(RACERS)])
    assert answers[:-1] == ["lost"] * (RACERS - 1)
    assert open_store("race").get(first.quarantine_id).nonce == answers[-1]


def test_the_race_finds_writes_without_a_condition(open_store: Open, delivery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_anyway(bucket: Bucket, key: str, body: bytes, *, etag: str | None) -> Answer:
        bucket._write(key, body)
        return Answer(written=True)

    first = open_store("race").put(quarantine_request(delivery))
    monkeypatch.setattr(Bucket, "put_if", write_anyway)
    answers = race(race_to_swap, [(open_store, first, racer) for racer in range(RACERS)])
    assert answers.count("lost") < RACERS - 1
