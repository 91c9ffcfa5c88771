"""An Iceberg REST catalog over HTTP, for tests: the protocol's few endpoints in front of pyiceberg's own SqlCatalog.

It can answer a commit wrongly after it was made, as a real one behind a proxy may.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest, Table

__all__ = ["RestCatalog", "serve"]

_STATUS: dict[type[Exception], int] = {
    NoSuchNamespaceError: 404,
    NoSuchTableError: 404,
    NamespaceAlreadyExistsError: 409,
    TableAlreadyExistsError: 409,
    CommitFailedException: 409,
}
_NAMESPACE = re.compile(r"/v1/namespaces/([^/]+)")
_TABLES = re.compile(r"/v1/namespaces/([^/]+)/tables")
_TABLE = re.compile(r"/v1/namespaces/([^/]+)/tables/([^/]+)")


class RestCatalog(ThreadingHTTPServer):
    """The server.

    Attributes:
        lies: statuses with which the next commits are answered after they were made; 0: the connection is cut.
        commits: how many commits it was asked for.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        folder.mkdir(parents=True, exist_ok=True)
        self.backend = SqlCatalog("rest", uri=f"sqlite:///{folder / 'rest.sqlite'}?timeout=60", warehouse=str(folder / "house"))
        self.lies: list[int] = []
        self.commits = 0

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path.startswith("/v1/config"):
            return 200, {"defaults": {}, "overrides": {}}
        if (found := _TABLE.fullmatch(path)) and method == "POST":
            return self.commit((found[1], found[2]), body)
        if found:
            return 200, _loaded(self.backend.load_table((found[1], found[2])))
        if (found := _TABLES.fullmatch(path)) and method == "GET":
            listed = self.backend.list_tables(found[1])
            return 200, {"identifiers": [{"namespace": [found[1]], "name": identifier[-1]} for identifier in listed]}
        if found := _TABLES.fullmatch(path):
            return 200, _loaded(self.made((found[1], body["name"]), body))
        if path == "/v1/namespaces" and method == "GET":
            return 200, {"namespaces": self.backend.list_namespaces()}
        if found := _NAMESPACE.fullmatch(path):
            return 200, {"namespace": [found[1]], "properties": dict(self.backend.load_namespace_properties(found[1]))}
        self.backend.create_namespace(tuple(body["namespace"]))
        return 200, {"namespace": body["namespace"], "properties": {}}

    def made(self, identifier: tuple[str, str], body: dict[str, Any]) -> Table:
        schema, properties = Schema.model_validate(body["schema"]), body.get("properties", {})
        spec = PartitionSpec.model_validate(body.get("partition-spec") or {"fields": []})
        return self.backend.create_table(identifier, schema, partition_spec=spec, properties=properties)

    def commit(self, identifier: tuple[str, str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.commits += 1
        asked = CommitTableRequest.model_validate(body | {"identifier": {"namespace": [identifier[0]], "name": identifier[1]}})
        done = self.backend.commit_table(self.backend.load_table(identifier), asked.requirements, asked.updates)
        if self.lies:
            return self.lies.pop(0), _error("Lie", "it was made")
        return 200, json.loads(done.model_dump_json(by_alias=True))


class _Handler(BaseHTTPRequestHandler):
    server: RestCatalog

    def handle_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "{}")
        try:
            status, said = self.server.answer(self.command, self.path.partition("?")[0], body)
        except tuple(_STATUS) as error:
            status, said = _STATUS[type(error)], _error(type(error).__name__, str(error))
        if status == 0:
            self.close_connection = True
            return
        content = b"" if self.command == "HEAD" else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the base class's names

    def log_message(self, *_: Any) -> None:
        pass


def _loaded(table: Table) -> dict[str, Any]:
    return {"metadata-location": table.metadata_location, "metadata": json.loads(table.metadata.model_dump_json()), "config": {}}


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "code": 0}}


@contextmanager
def serve(folder: Path) -> Iterator[RestCatalog]:
    """A catalog that listens until the block ends."""
    server = RestCatalog(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        server.backend.close()
