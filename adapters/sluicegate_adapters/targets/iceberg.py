"""An Iceberg table per dataset: each batch is one snapshot, whose properties say which batch it is.

    <table>/data/<batch_id>/<partition>/<content sha>-00000-<file sha>.parquet …    the rows
    <table>/metadata/…                                                              pyiceberg's

Before each attempt to commit the table is loaded anew, and the batch is looked for among the ancestors of the branch. The catalog
takes the commit only if the branch is still what was looked through: so a batch is committed once, however many try, and an
attempt whose answer was lost can't land beside another. pyiceberg would repeat a refused commit *without* looking: it is kept
from that.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import CommitStateUnknown, ConfigError, StorageError, TransientStorageError
from sluicegate.ports.names import segment
from sluicegate.ports.recovery import Recovered
from sluicegate.ports.target import CommitReceipt, CommitRequest
from sluicegate_adapters.local_files import LocalFiles, Step, absolute, storage_errors
from sluicegate_adapters.targets._iceberg_branches import Branching, once
from sluicegate_adapters.targets._iceberg_catalog import (
    FOLDER,
    CatalogSettings,
    Identifier,
    catalog_errors,
    ensure_table,
    open_catalog,
    table_of,
)
from sluicegate_adapters.targets._iceberg_evolve import Layout, evolve, layout_of
from sluicegate_adapters.targets._iceberg_files import Part, batch_columns, data_file, stage
from sluicegate_adapters.targets._iceberg_partition import read_partition_by
from sluicegate_adapters.targets._iceberg_places import Place, place_of
from sluicegate_adapters.targets._iceberg_recover import clear
from sluicegate_adapters.targets._iceberg_snapshots import (
    MAIN,
    Committed,
    Sought,
    find,
    known_since,
    local_files,
    owner_of,
    snapshot_properties,
)
from sluicegate_adapters.targets._staging import Staging

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table, Transaction

__all__ = ["BRANCH", "IcebergTarget", "once"]

BRANCH = MAIN
_ATTEMPTS = 1000
_LAYOUTS = 20
_KNOWN = {"catalog", "namespace", "table", "partition_by", "branch", "publish", "staging"}


class IcebergTarget:
    """A target for Iceberg tables.

    Args:
        settings: ``catalog``: ``name`` and pyiceberg's catalog properties (default: embedded, under ``.sluicegate/iceberg``);
            ``namespace`` (default ``{tenant}``) and ``table`` (default ``{dataset}``); ``partition_by``: how tables that are
            made here are partitioned; ``branch`` (default ``main``) and ``publish``: whether ``main`` is moved to it with
            each batch; ``staging``: where batches for a warehouse in a bucket wait on this machine's disk.
        base: where relative paths start.
        step: what goes around each operation, for tests that break them.

    Raises:
        ConfigError: a setting is unknown or can't be used.
    """

    def __init__(self, settings: Mapping[str, Any], base: Path, *, step: Step | None = None) -> None:
        unknown = sorted(set(settings) - _KNOWN)
        if unknown:
            raise ConfigError(f"target iceberg: unknown setting {unknown[0]!r}", hint=f"known: {', '.join(sorted(_KNOWN))}")
        self._catalog = CatalogSettings(settings.get("catalog", {}), base)
        self._names = (settings.get("namespace", "{tenant}"), settings.get("table", "{dataset}"))
        for key, name in zip(("namespace", "table"), self._names, strict=True):
            rest = name.replace("{tenant}", "t").replace("{dataset}", "d") if isinstance(name, str) else ""
            if segment(rest) != rest:
                raise ConfigError(
                    f"target.{key} can't be {name!r}", hint="letters, digits, '.', '_', '-', and {tenant} and {dataset}"
                )
        self._partition_by = read_partition_by(settings.get("partition_by", []))
        self._branching = Branching.read(settings)
        staging = settings.get("staging", f"{FOLDER}/staging")
        if not isinstance(staging, str) or not staging:
            raise ConfigError(f"target.staging must be a path, not {staging!r}")
        self._staging = absolute(base, staging)
        self._files = LocalFiles(step) if step else LocalFiles()
        self._seen: dict[str, Any] = {}

    def commit(self, request: CommitRequest) -> CommitReceipt:
        """Append the batch as one snapshot, or find that it is there already; see ``ports.target.Target``."""
        identifier = self._identifier(request.tenant, request.dataset)
        with open_catalog(self._catalog, self._files) as catalog:
            table = self._load(catalog, identifier)
            found = self._find(table, request) if table else None
            if found is not None:
                return self._settle(catalog, request, identifier, found, attempt="")
            columns = batch_columns(request)
            with self._files.step("ensure table", Path(identifier[1])):
                table = ensure_table(catalog, identifier, columns, owner_of(request.tenant, request.dataset), self._partition_by)
            for _ in range(_LAYOUTS):
                receipt = self._staged_and_appended(catalog, identifier, table, request, columns)
                if receipt is not None:
                    return receipt
                table = self._loaded(catalog, identifier)
        raise TransientStorageError(f"{'.'.join(identifier)}: others keep changing its columns", hint="run it again")

    def find(self, batch_id: str, *, dataset: str, tenant: str = "default") -> CommitReceipt | None:
        """What is committed under this batch_id; see ``ports.target.Target``."""
        identifier = self._identifier(tenant, dataset)
        with open_catalog(self._catalog, self._files) as catalog:
            table = self._load(catalog, identifier)
            found = self._sought(table, Sought(tenant, dataset, batch_id), self._branching.readers) if table else None
        return self._receipt(identifier, found, already_there=True) if found else None

    def files(self, batch_id: str, *, dataset: str, tenant: str = "default") -> tuple[Path, ...]:
        """The committed batch's own data files; see ``ports.target.Readable``."""
        identifier, sought = self._identifier(tenant, dataset), Sought(tenant, dataset, batch_id)
        with open_catalog(self._catalog, self._files) as catalog:
            table = self._load(catalog, identifier)
            found = self._sought(table, sought, self._branching.readers) if table else None
            if table is None or found is None:
                return ()
            with catalog_errors(f"the files of batch {batch_id!r} can't be listed"):
                return local_files(table, self._branching.readers, sought, found.rows)

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:
        """Clear away what dead workers left behind; see ``ports.recovery.Recoverable``."""
        with open_catalog(self._catalog, self._files) as catalog:
            yield from clear(catalog, self._place, self._files, self._staging, older_than=older_than, dry_run=dry_run)

    def _staged_and_appended(
        self, catalog: Catalog, identifier: Identifier, table: Table, request: CommitRequest, columns: Any
    ) -> CommitReceipt | None:
        """Write the batch as the table wants it now, and commit it; None: it wants it otherwise by then."""
        layout = self._layout(table, request, columns)
        place = self._writable(table, request)
        self._refuse_forgotten(table, request, place)
        with (
            storage_errors(f"the batch can't be written to {table.location()}"),
            Staging(place.staging, self._files).attempt() as staged,
        ):
            parts = stage(request, layout, staged, self._files)
            place.publish(parts)
            return self._append(catalog, identifier, request, columns, layout, place, parts)

    def _refuse_forgotten(self, table: Table, request: CommitRequest, place: Place) -> None:
        """Files of the batch from before the oldest snapshot that is left: of a dead attempt, or of a commit that was expired since.

        An attempt after that would be known, if it had come to anything.

        Raises:
            StorageError: there are such files.
        """
        known = known_since(table, self._branching.looked_at)
        if known is None:
            return
        folder = f"data/{segment(request.batch_id)}/"
        with storage_errors(f"{table.location()}/{folder} can't be listed"):
            old = [found.made for found in place.lying(folder) if found.made <= known]
        if old:
            raise StorageError(
                f"batch {request.batch_id!r} may be in {'.'.join(table.name())} already: it has files there of {min(old):%Y-%m-%d},"
                " and the snapshots of that time are expired; nothing was committed",
                hint=f"look for its rows in the table; if they are not there, remove {table.location()}/{folder} and run it again",
            )

    def _append(  # noqa: PLR0917 - all of one attempt
        self,
        catalog: Catalog,
        identifier: Identifier,
        request: CommitRequest,
        columns: Any,
        layout: Layout,
        place: Place,
        parts: list[Part],
    ) -> CommitReceipt | None:
        """Look, then commit on what was looked at, until the batch is there; None: the table's layout is another one."""
        from pyiceberg.exceptions import CommitFailedException

        attempt = uuid.uuid4().hex
        for _ in range(_ATTEMPTS):
            table = self._loaded(catalog, identifier)
            found = self._find(table, request)
            if found is not None:
                return self._settle(catalog, request, identifier, found, attempt=attempt)
            self._writable(table, request)
            if self._layout(table, request, columns) != layout:
                return None
            if self._begun(table):
                continue
            transaction = self._prepared(table, request, columns, parts, attempt)
            if not all(place.there(part.name) for part in parts):
                raise TransientStorageError("data files of this attempt were removed: nothing was committed", hint="run it again")
            if request.verify is not None:  # the last look: whoever lost the right to commit meanwhile stops here
                request.verify()
            try:
                with self._files.step("commit", Path(identifier[1])):
                    transaction.commit_transaction()
            except CommitFailedException:  # somebody else was first with something: look again
                continue
            except Exception as error:  # noqa: BLE001 - whatever the catalog's client raises, the answer is lost
                return self._look(catalog, identifier, request, attempt, error)
            made = self._find(table, request)  # in the catalog's answer
            if made is None:
                return self._look(catalog, identifier, request, attempt, None)
            return self._receipt(identifier, made, already_there=False)
        raise TransientStorageError(
            f"{_ATTEMPTS} times somebody else committed to {'.'.join(identifier)} first: this batch was not committed",
            hint="run it again",
        )

    def _layout(self, table: Table, request: CommitRequest, columns: Any) -> Layout:
        with catalog_errors(f"{'.'.join(table.name())} can't be changed for the batch"):
            return layout_of(table, columns, request.declared)

    def _begun(self, table: Table) -> bool:
        """Make the first snapshot of a table whose batches go to a branch; whether it was not there."""
        from pyiceberg.exceptions import CommitFailedException

        with (
            catalog_errors(f"{'.'.join(table.name())} can't get branch {self._branching.branch!r}"),
            suppress(CommitFailedException),  # somebody else made it: look again
        ):
            transaction = self._branching.first(table)
            if transaction is None:
                return False
            once(table, transaction)
            with self._files.step("begin", Path(table.name()[-1])):
                transaction.commit_transaction()
        return True

    def _prepared(self, table: Table, request: CommitRequest, columns: Any, parts: list[Part], attempt: str) -> Transaction:
        """All of a commit but the last step: the table's changes, the snapshot, the refs, and what must still hold."""
        with (
            catalog_errors(f"the snapshot for {'.'.join(table.name())} can't be written"),
            self._files.step("write snapshot", Path(table.name()[-1])),
        ):
            transaction = table.transaction()
            self._branching.begin(table, transaction)
            evolve(transaction, columns, request.declared)
            claimed(transaction, request)
            metadata = transaction.table_metadata
            with transaction._append_snapshot_producer(  # noqa: SLF001 - as its add_files does
                snapshot_properties(request, attempt), branch=self._branching.branch
            ) as append:
                for part in parts:
                    append.append_data_file(data_file(part, f"{table.location()}/{part.name}", metadata))
            self._branching.end(table, transaction)
            once(table, transaction)
            return transaction

    def _look(
        self, catalog: Catalog, identifier: Identifier, request: CommitRequest, attempt: str, error: Exception | None
    ) -> CommitReceipt:
        """The answer of a commit is lost: what the table says counts."""
        name = ".".join(identifier)
        found = None
        with suppress(StorageError):
            table = self._load(catalog, identifier)
            found = self._find(table, request) if table else None
        if found is not None:
            return self._settle(catalog, request, identifier, found, attempt=attempt)
        said = f": {type(error).__name__}" if error else ""
        raise CommitStateUnknown(
            f"it is not known whether batch {request.batch_id!r} was committed to {name}{said}",
            hint="run it again: it looks first, and commits nothing twice",
        ) from error

    def _settle(
        self, catalog: Catalog, request: CommitRequest, identifier: Identifier, found: Committed, *, attempt: str
    ) -> CommitReceipt:
        """The batch_id is taken: by the same content, or by other."""
        if found.content_sha256 != request.content_sha256:
            raise request.conflict(f"{'.'.join(identifier)}, snapshot {found.snapshot_id}")
        if self._branching.publish:
            self._publish(catalog, identifier, request)
        return self._receipt(identifier, found, already_there=not attempt or found.attempt != attempt)

    def _publish(self, catalog: Catalog, identifier: Identifier, request: CommitRequest) -> None:
        """Move ``main`` to the branch on which the batch was found, if it isn't on ``main``, too."""
        from pyiceberg.exceptions import CommitFailedException

        for _ in range(_ATTEMPTS):
            table = self._loaded(catalog, identifier)
            if self._sought(table, _sought(request), (MAIN,)) is not None:
                return
            transaction = self._branching.forward(table)
            once(table, transaction)
            with (
                catalog_errors(f"branch {self._branching.branch!r} of {'.'.join(identifier)} can't be published"),
                suppress(CommitFailedException),  # look again, whether it was this commit or another
                self._files.step("publish", Path(identifier[1])),
            ):
                transaction.commit_transaction()
        raise TransientStorageError(f"others keep changing {'.'.join(identifier)}", hint="run it again")

    def _receipt(self, identifier: Identifier, found: Committed, *, already_there: bool) -> CommitReceipt:
        return CommitReceipt(
            location=f"iceberg:{self._catalog.name}.{'.'.join(identifier)}@{found.snapshot_id}",
            rows=found.rows,
            content_sha256=found.content_sha256,
            already_there=already_there,
        )

    def _find(self, table: Table, request: CommitRequest) -> Committed | None:
        return self._sought(table, _sought(request), self._branching.looked_at)

    def _sought(self, table: Table, sought: Sought, branches: tuple[str, ...]) -> Committed | None:
        with catalog_errors(f"{'.'.join(table.name())} can't be looked through"):
            return find(table, sought, branches, self._seen)

    def _load(self, catalog: Catalog, identifier: Identifier) -> Table | None:
        with self._files.step("load table", Path(identifier[1])):
            return table_of(catalog, identifier)

    def _loaded(self, catalog: Catalog, identifier: Identifier) -> Table:
        table = self._load(catalog, identifier)
        if table is None:
            raise StorageError(f"table {'.'.join(identifier)} was dropped during the commit")
        return table

    def _identifier(self, tenant: str, dataset: str) -> Identifier:
        namespace, table = (
            name.replace("{tenant}", segment(tenant)).replace("{dataset}", segment(dataset)) for name in self._names
        )
        return namespace, table

    def _place(self, table: Table) -> Place:
        return place_of(".".join(table.name()), table.location(), table.io.properties, self._staging, self._files)

    def _writable(self, table: Table, request: CommitRequest) -> Place:
        """Where the table's files lie.

        Raises:
            StorageError: it is a table that this target doesn't write.
        """
        wanted = owner_of(request.tenant, request.dataset)
        owner = {key: table.properties.get(key) for key in wanted}
        if any(owner.values()) and owner != wanted:
            tenant, dataset = owner.values()
            raise ConfigError(
                f"table {'.'.join(table.name())} is of dataset {dataset!r}, tenant {tenant!r}",
                hint="give target.namespace and target.table the placeholders {tenant} and {dataset}",
            )
        return self._place(table)


def claimed(transaction: Transaction, request: CommitRequest) -> None:
    """Stage what the table's properties have to say: whose it is, and how files without field IDs are read."""
    metadata = transaction.table_metadata
    wanted = owner_of(request.tenant, request.dataset)
    if metadata.name_mapping() is None:
        wanted["schema.name-mapping.default"] = metadata.schema().name_mapping.model_dump_json()
    missing = {key: value for key, value in wanted.items() if metadata.properties.get(key) != value}
    if missing:
        transaction.set_properties(missing)


def _sought(request: CommitRequest) -> Sought:
    return Sought(request.tenant, request.dataset, request.batch_id)
