"""Several stores as one: the suite that every store passes, and what only several can get wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sluicegate.errors import NoSuchItem, StorageError
from sluicegate.gate.stores import Stores
from sluicegate.ports.quarantine import Manifest, QuarantineStatus, QuarantineStore
from sluicegate.testing.quarantine import QuarantineConformance, moved, quarantine_request
from sluicegate_adapters.quarantine.local import LocalQuarantineStore


def local(folder: Path, name: str) -> LocalQuarantineStore:
    return LocalQuarantineStore({"path": name}, folder)


class TestStores(QuarantineConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> QuarantineStore:
        return Stores([local(tmp_path, "new"), local(tmp_path, "old")])


class Away(LocalQuarantineStore):
    """A store that can't be asked."""

    def get(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Manifest:
        raise StorageError("away")


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.csv"
    path.write_text("a\n1\n")
    return path


def test_what_another_has_is_not_kept_a_second_time(tmp_path: Path, delivery: Path) -> None:
    old = local(tmp_path, "old").put(quarantine_request(delivery))
    both = Stores([local(tmp_path, "new"), local(tmp_path, "old")])
    assert both.put(quarantine_request(delivery, reason="again")) == old
    assert list(local(tmp_path, "new").list()) == []


def test_an_item_is_changed_read_and_emptied_where_it_is(tmp_path: Path, delivery: Path) -> None:
    item = local(tmp_path, "old").put(quarantine_request(delivery))

    def both() -> Stores:
        return Stores([local(tmp_path, "new"), local(tmp_path, "old")])

    stone = both().swap(item, moved(item, QuarantineStatus.DELETED, nonce="n2"))
    assert local(tmp_path, "old").get(item.quarantine_id) == both().get(item.quarantine_id) == stone
    (kept,) = both().data_files(stone)
    assert kept.read_bytes() == delivery.read_bytes()
    both().remove_data(stone)
    assert not kept.exists()


def test_all_items_are_listed_newest_first(tmp_path: Path, delivery: Path) -> None:
    for number, place in enumerate(("old", "new", "old")):
        stamp = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)).isoformat()
        local(tmp_path, place).put(quarantine_request(delivery, batch_id=f"b{number}", created_at=stamp))
    both = Stores([local(tmp_path, "new"), local(tmp_path, "old")])
    assert [item.batch_id for item in both.list()] == ["b2", "b1", "b0"]


def test_a_store_that_cannot_be_asked_is_an_error_and_no_miss(tmp_path: Path, delivery: Path) -> None:
    both = Stores([local(tmp_path, "new"), Away({"path": "old"}, tmp_path)])
    with pytest.raises(StorageError, match="away") as caught:
        both.get("q-1")
    assert not isinstance(caught.value, NoSuchItem)
    with pytest.raises(StorageError, match="away"):
        both.put(quarantine_request(delivery))
    assert list(local(tmp_path, "new").list()) == []


def test_leavings_are_cleared_in_each(tmp_path: Path, delivery: Path) -> None:
    for place in ("new", "old"):
        item = local(tmp_path, place).put(quarantine_request(delivery, dataset=place))
        (manifest,) = (tmp_path / place).glob(f"**/{item.quarantine_id}/manifest.json")
        manifest.unlink()  # as a worker leaves it that dies before its last step
    both = Stores([local(tmp_path, "new"), local(tmp_path, "old")])
    found = list(both.recover(older_than=datetime.now(UTC) + timedelta(days=1)))
    assert {Path(item.where).relative_to(tmp_path).parts[0] for item in found} == {"new", "old"}
    assert all(item.done == "removed" for item in found)
