"""Several quarantine stores as one: those of a profile, and those that contracts have chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from sluicegate.errors import NoSuchItem, StorageError
from sluicegate.ports.quarantine import Confirming, Lending, Locating, Manifest, Probed, QuarantineRequest, QuarantineStore
from sluicegate.ports.recovery import Recoverable, Recovered

__all__ = ["Stores"]


class Stores:
    """A ``QuarantineStore``: an item is looked for in each, and stays where it is.

    A store that can't be asked is an error and no miss: the item may be there.

    Args:
        stores: the first is where new items go.

    Attributes:
        members: the same.
    """

    def __init__(self, stores: Sequence[QuarantineStore]) -> None:
        self.members = tuple(stores)
        self._homes: dict[str, QuarantineStore] = {}

    def put(self, request: QuarantineRequest) -> Manifest:
        """Keep the batch in the first store, unless another one has it already; where it was found before, that one makes it whole."""
        wanted = request.manifest
        if home := self._homes.get(wanted.quarantine_id):
            return home.put(request)
        for store in self.members[1:]:
            found = _found(store, wanted.quarantine_id, wanted.tenant, wanted.dataset)
            if found is not None:
                self._homes[wanted.quarantine_id] = store
                return found
        self._homes[wanted.quarantine_id] = self.members[0]
        return self.members[0].put(request)

    def get(self, quarantine_id: str, *, tenant: str | None = None, dataset: str | None = None) -> Manifest:
        """The item of this ID; see ``ports.quarantine.QuarantineStore``."""
        known = self._homes.get(quarantine_id)
        for store in [known] if known else self.members:
            try:
                found = store.get(quarantine_id, tenant=tenant, dataset=dataset)
            except NoSuchItem:
                if store is (known or self.members[-1]):
                    raise
            else:
                self._homes[quarantine_id] = store
                return found
        raise AssertionError

    def list(self) -> Iterable[Manifest]:
        """Every item of all of them, newest first.

        Raises:
            StorageError: at the end, if some can't be read.
        """
        found: list[Manifest] = []
        trouble: list[StorageError] = []
        for store in self.members:
            items = iter(store.list())
            try:
                for item in items:
                    self._homes.setdefault(item.quarantine_id, store)
                    found.append(item)
            except StorageError as error:
                trouble.append(error)
        yield from sorted(found, key=lambda item: (item.created_at, item.quarantine_id), reverse=True)
        if trouble:
            raise StorageError("\n".join(error.message for error in trouble), hint=trouble[0].hint)

    def swap(self, old: Manifest, new: Manifest) -> Manifest:
        """Replace the manifest where it is."""
        return self._home(old).swap(old, new)

    def data_files(self, manifest: Manifest) -> tuple[Path, ...]:
        """The item's files, from where they are."""
        return self._home(manifest).data_files(manifest)

    def confirm(self, manifest: Manifest) -> None:
        """Look whether the item's files are there, if its store can."""
        home = self._home(manifest)
        if isinstance(home, Confirming):
            home.confirm(manifest)

    def where(self, quarantine_id: str, *, tenant: str, dataset: str) -> str:
        """Where the item was found; where new ones go."""
        home = self._homes.get(quarantine_id, self.members[0])
        return home.where(quarantine_id, tenant=tenant, dataset=dataset) if isinstance(home, Locating) else quarantine_id

    def give_back(self, files: Sequence[Path]) -> None:
        """Let each take back its own."""
        for store in self.members:
            if isinstance(store, Lending):
                store.give_back(files)

    def remove_data(self, manifest: Manifest) -> None:
        """Remove a tombstone's bytes where they are."""
        self._home(manifest).remove_data(manifest)

    def probe(self) -> None:
        """Try out each that can be."""
        for store in self.members:
            if isinstance(store, Probed):
                store.probe()

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:
        """Clear up in each that can."""
        for store in self.members:
            if isinstance(store, Recoverable):
                yield from store.recover(older_than=older_than, dry_run=dry_run)

    def _home(self, manifest: Manifest) -> QuarantineStore:
        if manifest.quarantine_id not in self._homes:
            self.get(manifest.quarantine_id, tenant=manifest.tenant, dataset=manifest.dataset)
        return self._homes[manifest.quarantine_id]


def _found(store: QuarantineStore, quarantine_id: str, tenant: str, dataset: str) -> Manifest | None:
    try:
        return store.get(quarantine_id, tenant=tenant, dataset=dataset)
    except NoSuchItem:
        return None
