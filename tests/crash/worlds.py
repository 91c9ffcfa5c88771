"""Worlds: a target and a store each, and how to look at them, photograph them and put them back without the gate's own code."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sluicegate.ports.quarantine import Manifest, QuarantineStatus
from tests.crash.shop import open_shop

__all__ = ["WORLDS", "Committed", "Photo", "World"]


@dataclass(frozen=True, slots=True)
class Committed:
    """A batch of the target: who it says it is, and how many rows it has."""

    batch_id: str
    content_sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of a bucket."""

    body: bytes
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Photo:
    """All that a crash leaves: every file (None: a folder) and every object, by name; and the keys of uploads without an end."""

    files: Mapping[str, bytes | None]
    objects: Mapping[str, Stored] = field(default_factory=dict)
    uploads: tuple[str, ...] = ()

    @cached_property
    def likeness(self) -> str:
        """The same for photographs that differ in nothing but random names, times and process numbers."""
        everything = {**self.files, **{name: found.body for name, found in self.objects.items()}}
        there = sorted(_likeness(name, everything) for name in everything if not name.endswith(_BESIDE_A_DATABASE))
        return "\n".join([*there, *(_SAME.sub("*", key) for key in self.uploads)])


_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")
_SAME = re.compile(
    r"'r-[^']*','[^']*',[^,]*|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)?|\b(?:[0-9a-f]{32}|[0-9a-f]{16}|[0-9a-f]{12})\b"
    r"|sluicegate-\d+-[0-9a-f]{8}|r-\d{8}T\d{6}-|\d{10,}|\d+\.\d{3,}(?:e[-+]\d+)?|/\d+\""
)
"""A run's ID, moment and seconds; UUIDs, times, nonces, scratch folders, snapshots, seconds, process numbers."""


def _likeness(name: str, everything: Mapping[str, bytes | None]) -> str:
    content = everything[name]
    if content is not None and name.endswith(".sqlite"):
        return "\n".join([name, *sorted(_SAME.sub("*", statement) for statement in _dumped(name, everything))])
    try:
        text = (content or b"").decode()
    except UnicodeDecodeError:  # Parquet and Avro: their names say what they are
        text = ""
    return _SAME.sub("*", f"{name} {text}")


def _dumped(name: str, everything: Mapping[str, bytes | None]) -> list[str]:
    """What the next one who opens a database finds in it; rows in the order of their random keys."""
    with tempfile.TemporaryDirectory() as folder:
        for beside in (name, *(f"{name}{ending}" for ending in _BESIDE_A_DATABASE)):
            if (content := everything.get(beside)) is not None:
                (Path(folder) / Path(beside).name).write_bytes(content)
        with closing(sqlite3.connect(Path(folder) / Path(name).name)) as connection:
            return [*connection.iterdump()]


class World(ABC):
    """A place on disk, and perhaps a bucket, with a shop in it.

    Args:
        place: always the same folder, for what is written there may name it.
        server: the URL of an S3 server, where the world needs one.
    """

    name: str
    needs_server = False
    counts_uploads = False
    """Whether photographs show uploads without an end: that costs a request each."""

    def __init__(self, place: Path, server: str = "") -> None:
        self.place = place
        self.server = server
        self.bucket = f"b-{uuid.uuid4().hex[:20]}"

    @abstractmethod
    def profile(self) -> str:
        """The text of ``gate.yaml``."""

    @abstractmethod
    def committed(self) -> list[Committed]:
        """The target's batches, as it says itself."""

    @abstractmethod
    def rows(self) -> list[tuple[str, str]]:
        """All rows that a reader of the target sees, as text, sorted."""

    @abstractmethod
    def manifests(self) -> list[Manifest]:
        """The store's items."""

    @abstractmethod
    def kept(self, item: Manifest) -> list[bytes]:
        """The bytes of an item."""

    @abstractmethod
    def unread(self) -> list[str]:
        """What lies in the target and belongs to no batch."""

    @abstractmethod
    def unnamed(self) -> list[str]:
        """What lies in the store and belongs to no item."""

    def open(self) -> None:
        """A new shop, in which nothing has happened yet."""
        open_shop(self.place, self.profile())

    def photo(self) -> Photo:
        """What is there now."""
        return Photo(dict(_files(self.place)), self.objects(), self.uploads())

    def put_back(self, photo: Photo) -> None:
        """Make everything as it was."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        for name, content in photo.files.items():
            path = self.place / name
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        self.put_objects(photo.objects)
        self.put_uploads(photo.uploads)

    def objects(self) -> dict[str, Stored]:
        """What is in the bucket."""
        return {}

    def uploads(self) -> tuple[str, ...]:
        """The keys of the bucket's uploads that have no end, where that is looked at."""
        return ()

    def put_uploads(self, keys: Sequence[str]) -> None:
        """Make those as they were."""
        assert not keys

    def glance(self) -> AbstractContextManager[None]:
        """Whoever looks inside several times sees the same, and asks the bucket once."""
        return nullcontext()

    def put_objects(self, objects: Mapping[str, Stored]) -> None:
        """Make the bucket as it was."""
        assert not objects


@cache
def _duckdb() -> Any:
    import duckdb

    return duckdb.connect(config={"threads": 1})


def _files(place: Path) -> Iterator[tuple[str, bytes | None]]:
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        try:
            yield name, None if path.is_dir() else path.read_bytes()
        except FileNotFoundError:  # a temporary file of a database that another thread has just closed
            continue


class _ParquetFolder(World):
    target = "target: {type: parquet, path: 'data/{dataset}'}\n"

    def committed(self) -> list[Committed]:
        receipts = (json.loads(path.read_bytes()) for path in self.place.glob("data/orders/*/_sluicegate.json"))
        return [Committed(found["batch_id"], found["content_sha256"], found["rows"]) for found in receipts]

    def rows(self) -> list[tuple[str, str]]:
        files = [str(path) for path in self.place.glob("data/orders/**/*.parquet")]
        if not files:
            return []
        query = "SELECT id::VARCHAR, amount::VARCHAR FROM read_parquet($1) ORDER BY ALL"
        return [(str(number), str(amount)) for number, amount in _duckdb().execute(query, [files]).fetchall()]

    def unread(self) -> list[str]:
        return [str(path) for path in self.place.glob("data/.sluicegate-staging/*")]


class _IcebergFolder(World):
    target = "target: {type: iceberg}\n"

    def unread(self) -> list[str]:
        folder = self.catalog()[0].parent / "warehouse" / "default" / "orders"
        with self.table() as table:
            read = {Path(name).name for name in table.inspect.all_files()["file_path"].to_pylist()}
        left = [path for path in folder.glob("data/**/*.parquet") if path.name not in read]
        return [str(path) for path in (*folder.glob(".sluicegate-staging/*"), *left)]

    def committed(self) -> list[Committed]:
        from pyiceberg.table.snapshots import ancestors_of

        with self.table() as table:
            if table is None:
                return []
            seen: list[Any] = [snapshot.summary for snapshot in ancestors_of(table.current_snapshot(), table.metadata)]
        batches = [said for said in seen if said and said["sluicegate.batch-id"]]  # a branch begins with an empty snapshot
        return [
            Committed(said["sluicegate.batch-id"], said["sluicegate.content-sha256"], int(said["added-records"]))
            for said in batches
        ]

    def rows(self) -> list[tuple[str, str]]:
        with self.table() as table:
            found = table.scan().to_arrow().to_pylist() if table is not None else []
        return sorted((str(row["id"]), str(row["amount"])) for row in found)

    def catalog(self) -> tuple[Path, dict[str, str]]:
        """The catalog's database, and what pyiceberg is told of it."""
        folder = self.place / ".sluicegate" / "iceberg"
        return folder / "catalog.sqlite", {"warehouse": str(folder / "warehouse")}

    @contextmanager
    def table(self) -> Iterator[Any]:
        """The table, opened by pyiceberg alone; None if there is none."""
        from pyiceberg.catalog.sql import SqlCatalog
        from pyiceberg.exceptions import NoSuchTableError

        database, properties = self.catalog()
        if not database.exists():
            yield None
            return
        with closing(SqlCatalog("sluicegate", uri=f"sqlite:///{database}", **properties)) as catalog:
            try:
                table = catalog.load_table(("default", "orders"))
            except NoSuchTableError:
                table = None
            yield table


class _LocalStore(World):
    store = "quarantine: {type: local, path: held}\n"

    def manifests(self) -> list[Manifest]:
        return [Manifest.from_json(json.loads(path.read_bytes())) for path in self.place.glob("held/*/*/*/manifest.json")]

    def kept(self, item: Manifest) -> list[bytes]:
        folder = self.place / "held" / item.tenant / item.dataset / item.quarantine_id
        return [(folder / stored.path).read_bytes() for stored in item.files if (folder / stored.path).exists()]

    def unnamed(self) -> list[str]:
        files = [
            path.relative_to(self.place / "held").as_posix() for path in self.place.glob("held/*/*/*/**/*") if path.is_file()
        ]
        return _not_named(files, self.manifests())


def _not_named(files: Iterable[str], items: Sequence[Manifest]) -> list[str]:
    folders = {f"{item.tenant}/{item.dataset}/{item.quarantine_id}": item for item in items}
    needed = {f"{folder}/{name}" for folder in folders for name in ("manifest.json", ".lock")}
    for folder, item in folders.items():
        if item.status is not QuarantineStatus.DELETED:
            needed |= {f"{folder}/{stored.path}" for stored in item.files}
    return [name for name in files if name not in needed and not name.endswith("/.lock")]


class _WithBucket(World):
    needs_server = True
    _glance: dict[str, Stored] | None = None

    @cached_property
    def client(self) -> Any:
        from tests.s3.servers import client_of

        return client_of(self.server)

    def open(self) -> None:
        super().open()
        self.client.create_bucket(Bucket=self.bucket)

    def objects(self) -> dict[str, Stored]:
        if self._glance is not None:
            return self._glance
        listed = self.client.list_objects_v2(Bucket=self.bucket)
        assert not listed["IsTruncated"]
        return {found["Key"]: self._get(found["Key"]) for found in listed.get("Contents", ())}

    @contextmanager
    def glance(self) -> Iterator[None]:
        self._glance = self.objects()
        try:
            yield
        finally:
            self._glance = None

    def uploads(self) -> tuple[str, ...]:
        return tuple(key for key, _ in self._uploads()) if self.counts_uploads else ()

    def _uploads(self) -> list[tuple[str, str]]:
        listed = self.client.list_multipart_uploads(Bucket=self.bucket)
        return sorted((found["Key"], found["UploadId"]) for found in listed.get("Uploads", ()))

    def put_uploads(self, keys: Sequence[str]) -> None:
        if not self.counts_uploads or keys == self.uploads():
            return
        for key, upload in self._uploads():
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)
        for key in keys:
            begun = self.client.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
            self.client.upload_part(Bucket=self.bucket, Key=key, UploadId=begun, PartNumber=1, Body=b"a part")

    def _get(self, key: str) -> Stored:
        found = self.client.get_object(Bucket=self.bucket, Key=key)
        return Stored(found["Body"].read(), found["Metadata"])

    def put_objects(self, objects: Mapping[str, Stored]) -> None:
        there = self.objects()
        for key in set(there) - set(objects):
            self.client.delete_object(Bucket=self.bucket, Key=key)
        for key, found in objects.items():
            if there.get(key) != found:
                self.client.put_object(Bucket=self.bucket, Key=key, Body=found.body, Metadata=found.metadata)


class _S3Store(_WithBucket):
    @property
    def store(self) -> str:
        from tests.s3.servers import settings_for

        return f"quarantine: {json.dumps({'type': 's3', **settings_for(self.server, self.bucket), 'prefix': 'held'})}\n"

    def manifests(self) -> list[Manifest]:
        bodies = (found.body for key, found in self.objects().items() if key.endswith("/manifest.json"))
        return [Manifest.from_json(json.loads(body)) for body in bodies]

    def kept(self, item: Manifest) -> list[bytes]:
        objects, folder = self.objects(), f"held/{item.tenant}/{item.dataset}/{item.quarantine_id}"
        return [objects[f"{folder}/{stored.path}"].body for stored in item.files if f"{folder}/{stored.path}" in objects]

    def unnamed(self) -> list[str]:
        keys = [*self.objects(), *(key for key, _ in self._uploads())]
        return _not_named((key.removeprefix("held/") for key in keys if key.startswith("held/")), self.manifests())


class _ParquetBucket(_WithBucket):
    @property
    def target(self) -> str:
        from tests.s3.servers import KEYS

        settings = {
            "type": "parquet",
            "path": f"s3://{self.bucket}/data/{{tenant}}/{{dataset}}",
            "endpoint_url": self.server,
            **KEYS,
        }
        return f"target: {json.dumps(settings)}\n"

    def _batches(self) -> dict[str, Stored]:
        """As any reader that globs sees them."""
        return {key: found for key, found in self.objects().items() if key.startswith("data/") and key.endswith(".parquet")}

    def committed(self) -> list[Committed]:
        objects, found = self.objects(), []
        for key, batch in self._batches().items():
            facts = objects[f"{key.rpartition('/')[0]}/_sluicegate-{batch.metadata['sluicegate-attempt']}.json"]
            said = json.loads(facts.body)
            found.append(Committed(said["batch_id"], said["content_sha256"], said["rows"]))
        return found

    def rows(self) -> list[tuple[str, str]]:
        import io

        import pyarrow.parquet as pq

        rows = [row for found in self._batches().values() for row in pq.read_table(io.BytesIO(found.body)).to_pylist()]
        return sorted((str(row["id"]), str(row["amount"])) for row in rows)

    def unread(self) -> list[str]:
        facts = [key for key in self.objects() if key.startswith("data/") and key.endswith(".json")]
        begun = [key for key, _ in self._uploads() if key.startswith("data/")]
        return [key for key in facts if f"{key.rpartition('/')[0]}/part-00000.parquet" not in self.objects()] + begun


_REST = "history: {path: history.sqlite}\nbatch: {threads: 1}\n"


class _IcebergBucket(_WithBucket, _IcebergFolder):
    @property
    def target(self) -> str:  # type: ignore[override]
        from tests.s3.iceberg_shop import settings_for

        return f"target: {json.dumps({'type': 'iceberg', **settings_for(self.server, self.bucket, self.place)})}\n"

    def catalog(self) -> tuple[Path, dict[str, str]]:
        from tests.s3.iceberg_shop import settings_for

        told = settings_for(self.server, self.bucket, self.place)["catalog"]
        return self.place / "catalog.sqlite", {"s3.region": "us-east-1", **{key: told[key] for key in told if key != "uri"}}


class ParquetLocal(_ParquetFolder, _LocalStore):
    name = "parquet+local"

    def profile(self) -> str:
        return f"{self.target}{self.store}{_REST}"


class IcebergLocal(_IcebergFolder, _LocalStore):
    name = "iceberg+local"

    def profile(self) -> str:
        return f"{self.target}{self.store}{_REST}"


class IcebergBranch(IcebergLocal):
    name = "iceberg by a branch+local"
    target = "target: {type: iceberg, branch: audit, publish: true}\n"


class IcebergS3(_IcebergFolder, _S3Store):
    name = "iceberg+s3"

    def profile(self) -> str:
        return f"{self.target}{self.store}{_REST}"


class ParquetS3(_ParquetBucket, _S3Store):
    name = "parquet on s3+s3"

    def profile(self) -> str:
        return f"{self.target}{self.store}{_REST}"


class IcebergOnS3(_IcebergBucket, _S3Store):
    name = "iceberg on s3+s3"

    def profile(self) -> str:
        return f"{self.target}{self.store}{_REST}"


_ALL: tuple[type[World], ...] = (ParquetLocal, IcebergLocal, IcebergBranch, IcebergS3, ParquetS3, IcebergOnS3)
WORLDS: Mapping[str, type[World]] = {world.name: world for world in _ALL}
