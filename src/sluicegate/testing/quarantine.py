"""The conformance suite for quarantine stores: whoever writes one subclasses ``QuarantineConformance`` and gives a fixture.

.. code-block:: python

    class TestMyStore(QuarantineConformance):
        @pytest.fixture
        def store(self, tmp_path: Path) -> QuarantineStore:
            return MyStore({"path": str(tmp_path / "quarantine")}, tmp_path)

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sluicegate.errors import BatchUnreadable, NoSuchItem, StorageError, TransientStorageError, UsageError
from sluicegate.ports.fingerprint import files_sha256
from sluicegate.ports.quarantine import (
    Confirming,
    Locating,
    Manifest,
    QuarantineRequest,
    QuarantineStatus,
    QuarantineStore,
    Transition,
    quarantine_id,
)

__all__ = ["NOW", "QuarantineConformance", "moved", "quarantine_request"]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AWKWARD_NAMES = ("select", "Übergröße", "a b'c\"d", "../up", "x" * 200, "a/b", ".hidden", "..")


def quarantine_request(
    *files: Path, tenant: str = "default", dataset: str = "numbers", batch_id: str = "b1", **changes: Any
) -> QuarantineRequest:
    """A request for these files, as the gate would make it."""
    sha256 = files_sha256(files)
    stamp = NOW.isoformat()
    manifest = Manifest(
        quarantine_id=quarantine_id(tenant=tenant, dataset=dataset, batch_id=batch_id, content_sha256=sha256),
        rev=1,
        nonce="n1",
        status=QuarantineStatus.QUARANTINED,
        attempt=1,
        tenant=tenant,
        dataset=dataset,
        batch_id=batch_id,
        content_sha256=sha256,
        format="csv",
        rows=3,
        files=(),
        contract_name="numbers",
        contract_version="1.0.0",
        contract_sha256="cd" * 32,
        contract_text="data_contract:\n  name: numbers\n",
        reason="a(not_null) failed: 1 of 3 rows",
        verdict={"decision": "quarantine", "outcomes": [{"check": "ä", "failing": 1}]},
        created_at=stamp,
        expires_at=None,
        history=(Transition(status=QuarantineStatus.QUARANTINED, at=stamp, by="run r1", why="not_null(a): failed"),),
    )
    return QuarantineRequest(manifest=replace(manifest, **changes), files=files, now=NOW)


def moved(manifest: Manifest, status: QuarantineStatus, *, nonce: str, why: str = "a test") -> Manifest:
    """The next revision of a manifest."""
    step = Transition(status=status, at=NOW.isoformat(), by="somebody", why=why)
    return replace(manifest, rev=manifest.rev + 1, nonce=nonce, status=status, history=(*manifest.history, step))


class QuarantineConformance:
    """What every quarantine store promises."""

    @pytest.fixture
    def store(self) -> QuarantineStore:
        """The store under test."""
        raise NotImplementedError

    @pytest.fixture
    def batch_file(self, tmp_path: Path) -> Path:
        """A file to quarantine."""
        path = tmp_path / "delivery.csv"
        path.write_text("a\n1\n2\n\n")
        return path

    def test_what_was_put_is_there(self, store: QuarantineStore, batch_file: Path) -> None:
        request = quarantine_request(batch_file)
        manifest = store.put(request)
        (stored,) = manifest.files
        assert replace(manifest, files=()) == request.manifest
        assert (stored.bytes, stored.original, stored.sha256) == (7, str(batch_file), request.manifest.content_sha256)
        assert store.get(manifest.quarantine_id) == manifest
        assert list(store.list()) == [manifest]

    def test_the_bytes_are_kept_and_the_input_is_left_alone(self, store: QuarantineStore, batch_file: Path) -> None:
        manifest = store.put(quarantine_request(batch_file))
        (kept,) = store.data_files(manifest)
        assert kept != batch_file
        assert kept.read_bytes() == batch_file.read_bytes() == b"a\n1\n2\n\n"

    def test_files_of_the_same_name_and_without_bytes_are_all_kept(self, store: QuarantineStore, tmp_path: Path) -> None:
        files = [tmp_path / name / "part.csv" for name in ("x", "y", "z")]
        for number, file in enumerate(files):
            file.parent.mkdir()
            file.write_text("a\n" * number)
        kept = store.data_files(store.put(quarantine_request(*files)))
        assert [path.read_text() for path in kept] == ["", "a\n", "a\na\n"]

    def test_the_same_again_returns_what_is_there(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        again = store.put(quarantine_request(batch_file, nonce="n2", reason="another reason"))
        assert again == first
        assert list(store.list()) == [first]

    def test_an_item_is_found_where_it_is_said_to_be_and_nowhere_else(self, store: QuarantineStore, batch_file: Path) -> None:
        item = store.put(quarantine_request(batch_file))
        assert store.get(item.quarantine_id, tenant=item.tenant, dataset=item.dataset) == item
        with pytest.raises(NoSuchItem, match=item.quarantine_id):
            store.get(item.quarantine_id, tenant="another", dataset=item.dataset)

    def test_a_store_that_confirms_tells_what_is_there_from_what_is_gone(self, store: QuarantineStore, batch_file: Path) -> None:
        if not isinstance(store, Confirming):
            pytest.skip("it doesn't offer that")
        item = store.put(quarantine_request(batch_file))
        store.confirm(item)
        (stored,) = item.files
        for wrong in (replace(stored, bytes=stored.bytes + 1), replace(stored, path=f"{stored.path}.gone")):
            with pytest.raises(StorageError, match="not what was quarantined"):
                store.confirm(replace(item, files=(wrong,)))

    def test_a_store_that_says_where_an_item_is_says_so_before_it_is_there(
        self, store: QuarantineStore, batch_file: Path
    ) -> None:
        if not isinstance(store, Locating):
            pytest.skip("it doesn't offer that")
        wanted = quarantine_request(batch_file).manifest
        before = store.where(wanted.quarantine_id, tenant=wanted.tenant, dataset=wanted.dataset)
        item = store.put(quarantine_request(batch_file))
        assert store.where(item.quarantine_id, tenant=item.tenant, dataset=item.dataset) == before
        assert item.quarantine_id in before
        assert before != store.where(item.quarantine_id, tenant="another", dataset=item.dataset)

    def test_other_content_is_another_item(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        batch_file.write_text("a\n3\n")
        second = store.put(quarantine_request(batch_file, created_at="2026-01-02T00:00:00+00:00"))
        assert first.quarantine_id != second.quarantine_id
        assert list(store.list()) == [second, first]

    def test_tenants_and_datasets_are_kept_apart(self, store: QuarantineStore, batch_file: Path) -> None:
        places = [("t1", "d1"), ("t1", "d2"), ("t2", "d1")]
        put = [store.put(quarantine_request(batch_file, tenant=tenant, dataset=dataset)) for tenant, dataset in places]
        assert len({manifest.quarantine_id for manifest in put}) == 3  # noqa: PLR2004 - as many as places
        assert sorted((manifest.tenant, manifest.dataset) for manifest in store.list()) == places

    @pytest.mark.parametrize("name", AWKWARD_NAMES)
    def test_any_name_is_a_name(self, store: QuarantineStore, batch_file: Path, name: str) -> None:
        manifest = store.put(quarantine_request(batch_file, tenant=name, dataset=name, batch_id=name))
        assert store.get(manifest.quarantine_id) == manifest
        assert store.data_files(manifest)

    def test_files_that_changed_since_the_check_are_not_kept(self, store: QuarantineStore, batch_file: Path) -> None:
        request = quarantine_request(batch_file)
        batch_file.write_text("a\n1\n2\n4\n")
        with pytest.raises(BatchUnreadable):
            store.put(request)
        assert list(store.list()) == []
        with pytest.raises(UsageError):
            store.get(request.manifest.quarantine_id)

    def test_spooled_files_need_not_have_the_batchs_fingerprint(self, store: QuarantineStore, batch_file: Path) -> None:
        sha256 = "ef" * 32
        spooled = quarantine_id(tenant="default", dataset="numbers", batch_id="b1", content_sha256=sha256)
        request = quarantine_request(batch_file, content_sha256=sha256, quarantine_id=spooled)
        assert store.put(replace(request, fingerprinted=False)).content_sha256 == sha256

    @pytest.mark.parametrize("unknown", ["q-0123", "", "..", "../../etc", "*", "q-\x00"])
    def test_an_unknown_id_is_no_item(self, store: QuarantineStore, batch_file: Path, unknown: str) -> None:
        store.put(quarantine_request(batch_file))
        with pytest.raises(NoSuchItem):
            store.get(unknown)

    def test_an_empty_store_lists_nothing(self, store: QuarantineStore) -> None:
        assert list(store.list()) == []

    def test_a_swap_replaces_what_was_seen(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        second = moved(first, QuarantineStatus.REVIEWED, nonce="n2")
        assert store.swap(first, second) == second
        assert store.get(first.quarantine_id) == second
        assert store.data_files(second)

    def test_a_swap_of_what_is_no_longer_there_changes_nothing(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        second = store.swap(first, moved(first, QuarantineStatus.REVIEWED, nonce="n2"))
        with pytest.raises(TransientStorageError):
            store.swap(first, moved(first, QuarantineStatus.REPLAYING, nonce="n3"))
        assert store.get(first.quarantine_id) == second

    def test_a_swap_whose_answer_was_lost_can_be_repeated(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        second = moved(first, QuarantineStatus.REVIEWED, nonce="n2")
        store.swap(first, second)
        assert store.swap(first, second) == second

    @pytest.mark.parametrize(
        "changes", [{"dataset": "another"}, {"content_sha256": "00" * 32}, {"files": ()}, {"history": ()}, {"rev": 1}, {"rev": 3}]
    )
    def test_a_swap_never_rewrites_the_past(self, store: QuarantineStore, batch_file: Path, changes: Mapping[str, Any]) -> None:
        first = store.put(quarantine_request(batch_file))
        with pytest.raises(UsageError):
            store.swap(first, replace(moved(first, QuarantineStatus.REVIEWED, nonce="n2"), **changes))
        assert store.get(first.quarantine_id) == first

    def test_only_a_tombstones_data_is_removed_and_the_tombstone_stays(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        with pytest.raises(UsageError):
            store.remove_data(first)
        assert store.data_files(first)
        stone = store.swap(first, moved(first, QuarantineStatus.DELETED, nonce="n2"))
        with pytest.raises(UsageError):
            store.remove_data(replace(first, quarantine_id="q-0123"))
        for _ in range(2):  # again changes nothing
            store.remove_data(stone)
            with pytest.raises(StorageError):
                store.data_files(stone)
            assert list(store.list()) == [stone]
        assert store.put(quarantine_request(batch_file)) == stone, "what was deleted does not come back by itself"

    def test_a_put_after_a_swap_returns_the_swapped(self, store: QuarantineStore, batch_file: Path) -> None:
        first = store.put(quarantine_request(batch_file))
        second = store.swap(first, moved(first, QuarantineStatus.REVIEWED, nonce="n2"))
        assert store.put(quarantine_request(batch_file)) == second
