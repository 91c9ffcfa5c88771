"""The door to an Iceberg catalog: opened anew for each commit, its tables made race-safe, its errors told in our words.

Without ``uri`` and ``type`` the catalog is embedded: a SQLite file, and the warehouse beside it. With them, whatever pyiceberg
knows (``uri: http…`` is a REST catalog).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sluicegate.errors import ConfigError, PluginError, SluicegateError, StorageError, TransientStorageError
from sluicegate_adapters.local_files import LocalFiles, absolute
from sluicegate_adapters.targets._iceberg_io import IMPLEMENTATION
from sluicegate_adapters.targets._iceberg_partition import PartitionBy, spec_for
from sluicegate_adapters.targets._iceberg_types import kept_schema

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

__all__ = [
    "FOLDER",
    "CatalogSettings",
    "Identifier",
    "catalog_errors",
    "ensure_table",
    "open_catalog",
    "table_of",
]

FOLDER = ".sluicegate/iceberg"
"""Where the embedded catalog and its warehouse are."""
_LOCK_SECONDS = 60
_OPENINGS = 5
_REGION = "us-east-1"
_SQLITE = "sqlite:///"
_SECRET = re.compile(r"^uri$|secret|token|password|credential|key")

Identifier = tuple[str, str]


class CatalogSettings:
    """The ``catalog`` mapping of a profile: ``name``, and pyiceberg's own properties as text.

    Args:
        given: as the profile has it.
        base: where relative paths start.

    Raises:
        ConfigError: it can't be used.
    """

    def __init__(self, given: object, base: Path) -> None:
        if not isinstance(given, Mapping):
            raise ConfigError("target.catalog must be a mapping", hint="name, and pyiceberg's catalog properties")
        wrong = sorted(str(key) for key, value in given.items() if not isinstance(value, str | int | float) or value == "")
        if wrong:
            raise ConfigError(f"target.catalog.{wrong[0]} must be a text")
        properties = {str(key): _text(value) for key, value in given.items()}
        self.name = properties.pop("name", "sluicegate")
        self.embedded = not {"uri", "type", "py-catalog-impl"} & set(properties)
        self.database = absolute(base, f"{FOLDER}/catalog.sqlite") if self.embedded else None
        if self.database is not None:
            if {"?", "#", "%"} & set(str(self.database)):
                raise ConfigError(
                    f"{self.database} can't hold an embedded catalog", hint="no ?, # or % in the path, or name a uri"
                )
            properties["uri"] = f"{_SQLITE}{self.database}?timeout={_LOCK_SECONDS}"
            properties.setdefault("warehouse", f"{FOLDER}/warehouse")
        elif (uri := properties.get("uri", "")).startswith(_SQLITE) and uri != _SQLITE and ":memory:" not in uri:
            properties["uri"] = f"{_SQLITE}{absolute(base, uri.removeprefix(_SQLITE))}"
        if (warehouse := properties.get("warehouse")) and not urlsplit(warehouse).scheme and self._is_path(properties):
            properties["warehouse"] = str(absolute(base, warehouse))
        properties.setdefault("py-io-impl", IMPLEMENTATION)
        if "s3.endpoint" in properties and not {"s3.region", "client.region"} & set(properties):
            properties["s3.region"] = _REGION  # else AWS is asked where a bucket of somebody else's server lies
        self.properties = properties

    def _is_path(self, properties: Mapping[str, str]) -> bool:
        """A REST catalog's warehouse is a name."""
        return not properties.get("uri", "").startswith("http") and properties.get("type") != "rest"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def catalog_errors(doing: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Map whatever pyiceberg and the clients under it raise: nothing of theirs gets out.

    Args:
        doing: what failed, in words.
        secrets: texts that are not to stand in a message.

    Raises:
        StorageError: instead; TransientStorageError where the network or the server failed.
    """
    try:
        yield
    except SluicegateError:
        raise
    except OSError as error:  # a requests.ConnectionError is one, too
        kind = TransientStorageError if isinstance(error, ConnectionError | TimeoutError) or error.errno is None else StorageError
        raise kind(f"{doing}: {_said(error, secrets)}") from error
    except Exception as error:  # pyiceberg lets through what its catalogs' clients raise
        passing = {
            "ServiceUnavailableError",
            "ServerError",
            "TooManyRequestsError",
            "OperationalError",
            "WaitingForLockException",
        }
        kind = TransientStorageError if type(error).__name__ in passing else StorageError
        raise kind(f"{doing}: {_said(error, secrets)}") from error


def _said(error: BaseException, secrets: Iterable[str]) -> str:
    """The first line: SQLAlchemy adds statements and their parameters below it. What Arrow says may quote a value."""
    if type(error).__module__.partition(".")[0] == "pyarrow":
        return type(error).__name__
    line = str(error).partition("\n")[0].strip()
    for secret in secrets:
        line = line.replace(secret, "…")
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


@contextmanager
def open_catalog(settings: CatalogSettings, files: LocalFiles) -> Iterator[Catalog]:
    """The catalog, closed afterwards.

    Raises:
        PluginError: pyiceberg isn't installed.
        StorageError: it can't be opened.
    """
    try:
        import pyiceberg.catalog  # noqa: F401 - is it there?
    except ImportError as error:
        raise PluginError("the target 'iceberg' needs pyiceberg", hint="pip install 'sluicegate[iceberg]'") from error
    secrets = [value for key, value in settings.properties.items() if _SECRET.search(key) and not settings.embedded]
    with catalog_errors(f"the Iceberg catalog {settings.name!r} can't be opened", secrets):
        if settings.database is not None:
            files.make_folder(settings.database.parent)
        with files.step("open catalog", settings.database or Path(settings.name)):
            catalog = _opened(settings)
    try:
        yield catalog
    finally:
        catalog.close()


def _opened(settings: CatalogSettings) -> Catalog:
    from pyiceberg.catalog import load_catalog

    for remaining in reversed(range(_OPENINGS)):
        try:
            return load_catalog(settings.name, **settings.properties)
        except Exception as error:  # two that open a SQL catalog for the first time make its tables at once; one of them is told
            if not remaining or not type(error).__module__.startswith("sqlalchemy"):
                raise
    raise AssertionError


def table_of(catalog: Catalog, identifier: Identifier) -> Table | None:
    """The table as it is now, or None.

    Raises:
        StorageError: the catalog can't be asked.
    """
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

    with catalog_errors(f"table {'.'.join(identifier)} can't be loaded"):
        try:
            return catalog.load_table(identifier)
        except (NoSuchTableError, NoSuchNamespaceError):
            return None


def ensure_table(
    catalog: Catalog,
    identifier: Identifier,
    batch: Any,
    properties: Mapping[str, str],
    partition_by: tuple[PartitionBy, ...] = (),
) -> Table:
    """The table, made for a batch of these columns if there is none; whoever else makes it at the same time, all get the same one.

    Raises:
        StorageError: it can't be made; Iceberg has no type for a column; or it can't be partitioned so.
    """
    from pyiceberg.exceptions import TableAlreadyExistsError
    from pyiceberg.io.pyarrow import _pyarrow_to_schema_without_ids
    from pyiceberg.schema import assign_fresh_schema_ids

    if (table := table_of(catalog, identifier)) is not None:
        return table
    kept = kept_schema(batch)
    with catalog_errors(f"table {'.'.join(identifier)} can't be made"):
        schema = assign_fresh_schema_ids(_pyarrow_to_schema_without_ids(kept))
    spec = spec_for(schema, partition_by)
    with catalog_errors(f"table {'.'.join(identifier)} can't be made"):
        namespace = identifier[:1]
        if not catalog.namespace_exists(namespace):
            try:
                catalog.create_namespace(namespace)
            except Exception:  # the name of the error differs by catalog; what counts is that it is there
                if not catalog.namespace_exists(namespace):
                    raise
        try:
            return catalog.create_table(identifier, schema, partition_spec=spec, properties=dict(properties))
        except TableAlreadyExistsError:
            return catalog.load_table(identifier)
