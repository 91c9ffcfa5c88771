"""An Iceberg table per dataset: each batch is one snapshot, whose properties say which batch it is.

    <table>/data/<batch_id>/<content sha>-00000-<file sha>.parquet …    the rows
    <table>/metadata/…                                                  pyiceberg's

Before each attempt to commit the table is loaded anew, and the batch is looked for among the ancestors of ``main``. The catalog
takes the commit only if ``main`` is still what was looked through: so a batch is committed once, however many try, and an attempt
whose answer was lost can't land beside another. pyiceberg would repeat a refused commit *without* looking: it is kept from that.
"""

from __future__ import annotations

import importlib.metadata
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import BatchConflict, CommitStateUnknown, ConfigError, StorageError, TransientStorageError
from sluicegate.ports.names import segment
from sluicegate.ports.target import CommitReceipt, CommitRequest
from sluicegate_adapters.local_files import LocalFiles, Step, storage_errors
from sluicegate_adapters.targets._iceberg_catalog import (
    CatalogSettings,
    Identifier,
    add_columns,
    catalog_errors,
    ensure_table,
    local_folder,
    open_catalog,
    table_of,
)
from sluicegate_adapters.targets._iceberg_files import batch_columns, publish, stage
from sluicegate_adapters.targets._staging import Staging

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table, Transaction

__all__ = ["BRANCH", "IcebergTarget", "once"]

BRANCH = "main"
_ATTEMPTS = 1000
_STAGING = ".sluicegate-staging"
_KNOWN = {"catalog", "namespace", "table"}
_PREFIX = "sluicegate."
_RETRIES = "commit.retry.num-retries"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Committed:
    """What a snapshot says of its batch."""

    snapshot_id: int
    content_sha256: str
    rows: int
    attempt: str


class IcebergTarget:
    """A target for unpartitioned Iceberg tables.

    Args:
        settings: ``catalog``: ``name`` and pyiceberg's catalog properties (default: embedded, under ``.sluicegate/iceberg``);
            ``namespace`` (default ``{tenant}``) and ``table`` (default ``{dataset}``).
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
        self._files = LocalFiles(step) if step else LocalFiles()

    def commit(self, request: CommitRequest) -> CommitReceipt:
        """Append the batch as one snapshot, or find that it is there already; see ``ports.target.Target``."""
        identifier = self._identifier(request.tenant, request.dataset)
        with open_catalog(self._catalog, self._files) as catalog:
            table = self._load(catalog, identifier)
            found = _find(table, request.tenant, request.dataset, request.batch_id) if table else None
            if found is not None:
                return self._settle(request, identifier, found, attempt="")
            columns = batch_columns(request)
            with self._files.step("ensure table", Path(identifier[1])):
                table = ensure_table(catalog, identifier, columns, _owner(request))
            folder = self._writable(table, request)
            with self._files.step("add columns", Path(identifier[1])):
                table = add_columns(catalog, table, columns, request.declared)
            with (
                storage_errors(f"the batch can't be written to {folder}"),
                Staging(folder / _STAGING, self._files).attempt() as staged,
            ):
                parts = stage(request, table, staged, self._files)
                paths = publish(parts, folder / "data" / segment(request.batch_id), request.content_sha256, self._files)
            return self._append(
                catalog, identifier, request, [f"{table.location()}/{path.relative_to(folder)}" for path in paths]
            )

    def find(self, batch_id: str, *, dataset: str, tenant: str = "default") -> CommitReceipt | None:
        """What is committed under this batch_id; see ``ports.target.Target``."""
        identifier = self._identifier(tenant, dataset)
        with open_catalog(self._catalog, self._files) as catalog:
            table = self._load(catalog, identifier)
            found = _find(table, tenant, dataset, batch_id) if table else None
        return self._receipt(identifier, found, already_there=True) if found else None

    def _append(self, catalog: Catalog, identifier: Identifier, request: CommitRequest, paths: list[str]) -> CommitReceipt:
        """Look, then commit on what was looked at, until the batch is there."""
        from pyiceberg.exceptions import CommitFailedException

        attempt = uuid.uuid4().hex
        for _ in range(_ATTEMPTS):
            table = self._load(catalog, identifier)
            if table is None:
                raise StorageError(f"table {'.'.join(identifier)} was dropped during the commit")
            found = _find(table, request.tenant, request.dataset, request.batch_id)
            if found is not None:
                return self._settle(request, identifier, found, attempt=attempt)
            transaction = self._prepared(table, request, paths, attempt)
            if request.verify is not None:  # the last look: whoever lost the right to commit meanwhile stops here
                request.verify()
            try:
                with self._files.step("commit", Path(identifier[1])):
                    transaction.commit_transaction()
            except CommitFailedException:  # somebody else was first with something: look again
                continue
            except Exception as error:  # noqa: BLE001 - whatever the catalog's client raises, the answer is lost
                return self._look(catalog, identifier, request, attempt, error)
            made = _find(table, request.tenant, request.dataset, request.batch_id)  # in the catalog's answer
            if made is None:
                return self._look(catalog, identifier, request, attempt, None)
            return self._receipt(identifier, made, already_there=False)
        raise TransientStorageError(
            f"{_ATTEMPTS} times somebody else committed to {'.'.join(identifier)} first: this batch was not committed",
            hint="run it again",
        )

    def _prepared(self, table: Table, request: CommitRequest, paths: list[str], attempt: str) -> Transaction:
        """All of a commit but the last step."""
        with (
            catalog_errors(f"the snapshot for {'.'.join(table.name())} can't be written"),
            self._files.step("write snapshot", Path(table.name()[-1])),
        ):
            transaction = table.transaction()
            properties = {**_properties(request), f"{_PREFIX}attempt": attempt}
            transaction.add_files(paths, snapshot_properties=properties, check_duplicate_files=False, branch=BRANCH)
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
            found = _find(table, request.tenant, request.dataset, request.batch_id) if table else None
        if found is not None:
            return self._settle(request, identifier, found, attempt=attempt)
        said = f": {type(error).__name__}" if error else ""
        raise CommitStateUnknown(
            f"it is not known whether batch {request.batch_id!r} was committed to {name}{said}",
            hint="run it again: it looks first, and commits nothing twice",
        ) from error

    def _settle(self, request: CommitRequest, identifier: Identifier, found: _Committed, *, attempt: str) -> CommitReceipt:
        """The batch_id is taken: by the same content, or by other."""
        if found.content_sha256 != request.content_sha256:
            raise BatchConflict(
                f"batch {request.batch_id!r} of {request.dataset!r} was committed before with other content"
                f" ({'.'.join(identifier)}, snapshot {found.snapshot_id})",
                hint="give the new delivery a batch_id of its own",
            )
        return self._receipt(identifier, found, already_there=found.attempt != attempt)

    def _receipt(self, identifier: Identifier, found: _Committed, *, already_there: bool) -> CommitReceipt:
        return CommitReceipt(
            location=f"iceberg:{self._catalog.name}.{'.'.join(identifier)}@{found.snapshot_id}",
            rows=found.rows,
            content_sha256=found.content_sha256,
            already_there=already_there,
        )

    def _load(self, catalog: Catalog, identifier: Identifier) -> Table | None:
        with self._files.step("load table", Path(identifier[1])):
            return table_of(catalog, identifier)

    def _identifier(self, tenant: str, dataset: str) -> Identifier:
        namespace, table = (
            name.replace("{tenant}", segment(tenant)).replace("{dataset}", segment(dataset)) for name in self._names
        )
        return namespace, table

    def _writable(self, table: Table, request: CommitRequest) -> Path:
        """The table's folder.

        Raises:
            StorageError: it is a table that this target doesn't write.
        """
        name = ".".join(table.name())
        owner = {key: table.properties.get(key) for key in _owner(request)}
        if any(owner.values()) and owner != _owner(request):
            raise ConfigError(
                f"table {name} is of dataset {owner[f'{_PREFIX}dataset']!r}, tenant {owner[f'{_PREFIX}tenant']!r}",
                hint="give target.namespace and target.table the placeholders {tenant} and {dataset}",
            )
        if not table.spec().is_unpartitioned():
            raise StorageError(f"table {name} is partitioned: this target writes unpartitioned tables only")
        folder = local_folder(table.location())
        if folder is None:
            raise StorageError(f"table {name} is at {table.location()}: this target writes to local warehouses only")
        return folder


def once(table: Table, transaction: Transaction) -> None:
    """Let a transaction's commit be tried once, and leave all files where they are.

    pyiceberg repeats a refused commit on the newest snapshot, where the batch may be by then. It also deletes the manifests of a
    commit that it takes for refused: a catalog behind a proxy that repeats requests may have taken it.
    """
    table.metadata.properties[_RETRIES] = "0"
    transaction._snapshot_producers.clear()  # noqa: SLF001 - pinned; a test holds it to this


def _owner(request: CommitRequest) -> dict[str, str]:
    return {f"{_PREFIX}tenant": request.tenant, f"{_PREFIX}dataset": request.dataset}


def _properties(request: CommitRequest) -> dict[str, str]:
    """What a snapshot says of its batch."""
    given = {f"{_PREFIX}{key.replace('_', '-')}": value for key, value in request.properties.items()}
    return {
        **given,
        **_owner(request),
        f"{_PREFIX}batch-id": request.batch_id,
        f"{_PREFIX}content-sha256": request.content_sha256,
        f"{_PREFIX}rows": str(request.rows),
        f"{_PREFIX}version": importlib.metadata.version("sluicegate"),
    }


def _find(table: Table, tenant: str, dataset: str, batch_id: str) -> _Committed | None:
    """The batch among the ancestors of the branch, or None."""
    wanted = {f"{_PREFIX}tenant": tenant, f"{_PREFIX}dataset": dataset, f"{_PREFIX}batch-id": batch_id}
    for snapshot_id, said in _ancestors(table):
        if all(said.get(key) == value for key, value in wanted.items()):
            try:
                return _Committed(
                    snapshot_id=snapshot_id,
                    content_sha256=said[f"{_PREFIX}content-sha256"],
                    rows=int(said[f"{_PREFIX}rows"]),
                    attempt=said.get(f"{_PREFIX}attempt", ""),
                )
            except (KeyError, ValueError) as error:
                raise StorageError(f"snapshot {snapshot_id} of {'.'.join(table.name())} has damaged properties") from error
    return None


def _ancestors(table: Table) -> Iterator[tuple[int, Mapping[str, str]]]:
    from pyiceberg.table.snapshots import ancestors_of

    for snapshot in ancestors_of(table.snapshot_by_name(BRANCH), table.metadata):
        if snapshot.summary is not None:
            yield snapshot.snapshot_id, snapshot.summary.additional_properties
