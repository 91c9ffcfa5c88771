"""A store and a target in a bucket, alone: workers that die between all their requests, bodies in parts and at once, ``recover`` included.

Each work is really killed before its first request, between each two and after the last: what lies there after one and before the next
is the same. What then recovers is killed once, too, at another moment each time; and then comes to its end. By turns that is
the same work again, and that with a ``recover`` before it.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from tests.crash.bucket_works import DELIVERIES, ELSE, ROWS, furnish
from tests.crash.crew import Crew
from tests.crash.truth import at_rest, look
from tests.crash.worlds import World

pytestmark = pytest.mark.slow

Told = Callable[[str, object], None]
BATCHES = "data/default/numbers"
DATA = f"{BATCHES}/batch=b1/part-00000.parquet"
CLEAR_UP = "clear up"


@dataclass(frozen=True)
class Site:
    """A bucket, who works in it, and who is told how much died."""

    crew: Crew
    world: Any
    told: Told

    def do(self, *works: str, bug: str = "") -> tuple[str, ...]:
        """By a worker that lives."""
        return self.crew.do(self.world.place, *works, bug=bug).answers

    def keys(self) -> set[str]:
        return set(self.world.objects())

    def uploads(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.world.client.list_multipart_uploads(Bucket=self.world.bucket).get("Uploads", [])
        return found

    def begin_upload(self, key: str) -> None:
        """As a worker leaves one that dies over it."""
        upload = self.world.client.create_multipart_upload(Bucket=self.world.bucket, Key=key)["UploadId"]
        names = {"Bucket": self.world.bucket, "Key": key, "UploadId": upload}
        self.world.client.upload_part(**names, PartNumber=1, Body=b"x")

    def leave(self, key: str) -> None:
        self.world.client.put_object(Bucket=self.world.bucket, Key=key, Body=b"x")

    def item(self) -> Manifest:
        (found,) = self.world.manifests()
        assert isinstance(found, Manifest)
        return found

    def folder(self) -> str:
        """The prefix of the only item."""
        item = self.item()
        return f"held/{item.tenant}/{item.dataset}/{item.quarantine_id}/"

    def rows(self) -> list[int]:
        """What a reader sees who globs."""
        from pyarrow.parquet import read_table

        with self.world.glance():
            found = [each.body for key, each in self.world.objects().items() if key.endswith(".parquet")]
        return [value for body in found for value in read_table(io.BytesIO(body)).column("a").to_pylist()]


@pytest.fixture
def site(crew: Crew, world_of: Callable[[str], World], record_property: Told) -> Site:
    world = world_of("parquet on s3+s3")
    world.open()
    furnish(world.place)
    return Site(crew, world, record_property)


def kill_everywhere(
    site: Site, work: str, look: Callable[[bool], None], *, begin: Callable[[], None] = lambda: None, bug: str = ""
) -> None:
    """Kill a work before each of its operations and after the last, and what recovers from that.

    Args:
        site: as it is now each death begins.
        work: what dies.
        look: what must hold; told whether all is done.
        begin: what an earlier worker left besides: an upload, which no photograph shows.
        bug: planted into every worker.
    """
    place, origin, killed = site.world.place, site.world.photo(), 0
    begin()
    points = len(site.crew.do(place, work, bug=bug).operations)
    look(True)
    for number, at in enumerate([*range(1, points + 1, 2), points]):
        for upload in site.uploads():
            site.world.client.abort_multipart_upload(Bucket=site.world.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        site.world.put_back(origin)
        begin()
        assert site.crew.start(place, work, at=at, bug=bug).wait().end == "killed"
        look(False)
        recovery = (CLEAR_UP, work) if number % 2 and work != CLEAR_UP else (work,)
        again = site.crew.start(place, *recovery, at=1 + number * 7 % points, bug=bug).wait()
        look(False)
        site.do(*recovery, bug=bug)
        look(True)
        killed += 1 + (again.end == "killed")
    assert killed > points / 2
    for name, value in {"world": "a bucket's store and target alone", "points": points, "killed": killed}.items():
        site.told(name, value)


def test_a_put_of_a_small_and_a_large_file_keeps_one_item(site: Site) -> None:
    def look(done: bool) -> None:
        with site.world.glance():
            held = site.world.manifests()
            assert len(held) in ({1} if done else {0, 1})
            for item in held:
                assert site.world.kept(item) == [*DELIVERIES.values()], "whatever is listed can be replayed"
            assert not done or len(site.keys()) == 1 + len(DELIVERIES)
        assert not done or not site.uploads()
        assert {name: (site.world.place / name).read_bytes() for name in DELIVERIES} == DELIVERIES

    kill_everywhere(site, "put", look)


def committed_whole(site: Site) -> Callable[[bool], None]:
    """What must hold of the one batch of a target."""

    def look(done: bool) -> None:
        with site.world.glance():
            objects = site.world.objects()
            assert site.rows() in ([[*ROWS]] if done else [[], [*ROWS]])
            if DATA in objects:
                attempt = objects[DATA].metadata.get("sluicegate-attempt")
                assert f"{BATCHES}/batch=b1/_sluicegate-{attempt}.json" in objects, "the object says whose it is"
            assert not done or len(objects) == 2
        assert not done or not site.uploads()

    return look


@pytest.mark.parametrize("way", ["copy at once", "copy in parts", "write anew"])
def test_a_commit_into_a_bucket_is_made_once_or_not_at_all(site: Site, way: str) -> None:
    kill_everywhere(site, way, committed_whole(site))
    assert site.do(way) == ("there",)


def test_a_swap_is_made_or_not_made(site: Site) -> None:
    site.do("put")
    seen: list[str] = []

    def look(done: bool) -> None:
        item = site.item()
        assert len(item.history) == (2 if item.status is QuarantineStatus.REVIEWED else 1)
        assert item.status is QuarantineStatus.REVIEWED or not done
        assert site.world.kept(item) == [*DELIVERIES.values()]
        seen.append(item.status)

    kill_everywhere(site, "swap", look)
    assert set(seen[1::3]) == {"quarantined", "reviewed"}, "after the deaths"


def test_the_removal_of_a_tombstones_bytes_can_be_repeated_and_takes_nothing_else(site: Site) -> None:
    site.do("put", "bury")
    other = "held/default/numbers/q-another/data/first/00000-a"
    site.leave(other)
    folder, stone = site.folder(), site.item()

    def look(done: bool) -> None:
        assert site.item() == stone
        assert {f"{folder}manifest.json"} <= site.keys()
        assert not done or site.keys() <= {f"{folder}manifest.json", other}
        assert not done or not site.uploads()

    kill_everywhere(site, "remove data", look, begin=lambda: site.begin_upload(f"{folder}data/late/00000-a"))


def littered(site: Site) -> tuple[Callable[[], None], Callable[[bool], None]]:
    """A target and a store, each with a batch and all kinds of what dead workers leave; how they leave uploads, and what must hold."""
    site.do("put", "copy in parts")
    kept, folder = site.keys(), site.folder()
    for key in (
        f"{BATCHES}/batch=b1/_sluicegate-dead.json",
        f"{BATCHES}/batch=b2/_sluicegate-dead.json",
        f"{folder}data/dead/00000-a",
        f"{folder}data/dead/00001-b",
        "held/default/numbers/q-never/data/dead/00000-a",
    ):
        site.leave(key)

    def begin() -> None:
        for key in (DATA, f"{BATCHES}/batch=b2/part-00000.parquet", f"{folder}data/late/00000-a"):
            site.begin_upload(key)

    def look(done: bool) -> None:
        with site.world.glance():
            found = site.keys()
            assert site.world.kept(site.item()) == [*DELIVERIES.values()], "it has its bytes"
            assert found == kept if done else found >= kept
            assert site.rows() == [*ROWS]
        assert not done or not site.uploads()

    return begin, look


def test_a_recover_takes_nothing_that_counts_and_ends_what_another_began(site: Site) -> None:
    begin, look = littered(site)
    kill_everywhere(site, CLEAR_UP, look, begin=begin)


def test_of_eight_that_commit_small_batches_under_one_id_one_does_and_the_others_are_told(site: Site) -> None:
    works = ["copy at once", "copy else at once"] * 4
    workers = [site.crew.start(site.world.place, work, at="deciding", then="stop") for work in works]
    assert {worker.wait().end for worker in workers} == {"stopped"}
    for worker in workers:
        worker.go(to_the_end=True)
    answers = Counter(answer for worker in workers for answer in worker.wait().answers)
    assert answers == {"committed": 1, "there": 3, "BatchConflict": 4}
    assert site.rows() in ([*ROWS], [*ELSE])
    for name, value in {"world": "a bucket's store and target alone", "races": 1}.items():
        site.told(name, value)


def late(site: Site, *, bug: str = "") -> tuple[str, ...]:
    """What a worker answers that stalled right before it decided, while another one committed other content."""
    worker = site.crew.start(site.world.place, "copy at once", at="deciding", then="stop", bug=bug)
    assert worker.wait().end == "stopped"
    assert site.do("copy else at once", bug=bug) == ("committed",)
    worker.go(to_the_end=True)
    return worker.wait().answers


def test_who_comes_late_with_other_content_is_told_and_changes_nothing(site: Site) -> None:
    assert late(site) == ("BatchConflict",)
    assert site.rows() == [*ELSE]


def test_a_worker_that_stalled_before_its_item_and_died_after_it_owes_bytes_that_the_same_batch_brings(
    crew: Crew, world_of: Callable[[str], World]
) -> None:
    """``recover`` took the stalled worker for dead, and its data for nobody's."""
    world: Any = world_of("parquet on s3+s3")
    world.open()
    origin = world.photo()
    worker = crew.start(world.place, "quarantine", at="deciding", then="stop")
    moment = worker.wait().moment
    worker.kill()
    world.put_back(origin)
    worker = crew.start(world.place, "quarantine", at="every", then="stop")
    while worker.wait().moment < moment:
        worker.go()
    crew.do(world.place, CLEAR_UP)
    assert not any("/data/" in key for key in world.objects())
    worker.go()
    assert (said := worker.wait()).operation == "put_object"
    assert said.when == "after"
    worker.kill()
    with pytest.raises(AssertionError, match="has its bytes"):
        look(world)
    assert crew.do(world.place, "quarantine").answers == ("quarantined",)
    assert at_rest(world).status == "quarantined"
    assert crew.do(world.place, "passes").answers == ("replayed",)


class TestItFinds:
    """With a bug planted the same deaths and the same interleaving must see it."""

    def test_an_object_that_does_not_say_whose_it_is(self, site: Site) -> None:
        with pytest.raises(AssertionError, match="says whose it is"):
            kill_everywhere(site, "copy at once", committed_whole(site), bug="nameless")

    def test_a_recover_that_does_not_ask_what_manifests_name(self, site: Site) -> None:
        begin, look = littered(site)
        with pytest.raises(AssertionError, match="has its bytes"):
            kill_everywhere(site, CLEAR_UP, look, begin=begin, bug="names nothing")

    def test_a_create_without_a_condition(self, site: Site) -> None:
        assert late(site, bug="over what is there") == ("committed",)
        assert site.rows() != [*ELSE], "what the other was told is committed is gone"
