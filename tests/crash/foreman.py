"""The foreman: a process that has loaded everything and used nothing, and so may fork workers that live, stop and die as they are told.

    python -m tests.crash.foreman

Reads one JSON document a line, and answers with one: ``crew.Crew`` speaks to it. An order says where (``place``), what (``works``, one
after another), when (``now``), which bug to plant, and at which moment the worker is to be killed or stopped. Each storage operation has two
moments, before it and after it: steps of the adapters, requests to S3, files that pyiceberg makes, statements that change a database.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sqlite3
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb  # noqa: F401 - loaded once, used by workers only
import pyarrow.parquet  # noqa: F401 - as above
import pyiceberg.catalog.sql
import pyiceberg.table  # noqa: F401 - as above
from pyiceberg.io.pyarrow import PyArrowFile
from sqlalchemy import event
from sqlalchemy.engine import Engine

import sluicegate.history.sqlite  # noqa: F401 - as above
from sluicegate import Gate, plugins
from sluicegate.config import load_profile
from sluicegate.errors import SluicegateError
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.s3.objects import Bucket
from tests.crash.bucket_works import BUCKET_BUGS, BUCKET_WORKS
from tests.crash.planted import BUGS
from tests.crash.shop import WORKS

__all__ = ["DECIDING", "main"]

DECIDING = {"publish", "commit"}
"""Operations that decide who commits; with them the first lock of an item, and the first write of a manifest or of a batch's object."""
_WRITES = {"put_object", "complete_multipart_upload"}
_LONGEST = 120
"""Seconds that a worker may live, stops included: one that hangs ends, and fails its test."""
_PART = 300
"""Bytes: smaller than S3 would have it, so that a Parquet file goes up in parts."""
_CLIENTS: dict[str | None, Any] = {}
_WORKS = {**WORKS, **BUCKET_WORKS}
_BUGS = {**BUGS, **BUCKET_BUGS}


class Moments:
    """The step of everything in a worker: counts moments, and lets the worker be killed or stopped at some of them.

    Args:
        order: ``at``: a moment, counted from 1; or ``every`` (moment), ``calm`` (every one *before* an operation at which the worker has
            no lock that another would wait for), ``deciding`` (the first operation that decides something). ``then``: ``kill`` or ``stop``.
        line: to the foreman.
    """

    def __init__(self, order: Mapping[str, Any], line: socket.socket) -> None:
        self._at, self._then = order.get("at"), order.get("then", "kill")
        self._line = line
        self._lock = threading.Lock()
        self.locked = 0
        self.seen: list[str] = []

    @contextmanager
    def __call__(self, operation: str, path: Path) -> Iterator[None]:
        self._moment(operation, path, "before")
        yield
        self._moment(operation, path, "after")

    def _moment(self, operation: str, path: Path, when: str) -> None:
        with self._lock:
            self.seen.append(operation)
            if not self._chosen(operation, path, when):
                return
            if self._then == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            told = {"end": "stopped", "moment": len(self.seen), "operation": operation, "when": when}
            self._line.sendall(json.dumps(told).encode() + b"\n")
            heard = self._line.recv(1)
            if heard in {b"x", b""}:  # told to, or there is nobody left
                os.kill(os.getpid(), signal.SIGKILL)
            if heard == b"e":  # go on to the end
                self._at = None

    def _chosen(self, operation: str, path: Path, when: str) -> bool:
        match self._at:
            case "every":
                return True
            case "calm":
                return when == "before" and not self.locked and "SQL" not in operation
            case "deciding":
                first_lock = operation == "lock" and path.name == ".lock"
                found = (
                    first_lock
                    or operation in DECIDING
                    or (operation in _WRITES and path.name in {"manifest.json", "part-00000.parquet"})
                )
                if found:
                    self._at = None
                return found
            case number:
                return len(self.seen) == number


class _Watched(sqlite3.Connection):
    """A connection of the history's; what it changes goes through the step."""

    step: Callable[[str, Path], Any]

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql.lstrip().startswith(("SELECT", "PRAGMA")):
            return super().execute(sql, *arguments)
        with self.step(f"history SQL {sql.split(maxsplit=1)[0]}", Path()):
            return super().execute(sql, *arguments)


def _watch(moments: Moments) -> None:
    """Put the step around what the adapters don't announce: the history, pyiceberg's own files, its statements."""
    _Watched.step = moments
    sqlite3.connect = partial(sqlite3.connect, factory=_Watched)  # type: ignore[assignment]
    create, lock = PyArrowFile.create, LocalFiles.lock

    def creating(self: PyArrowFile, overwrite: bool = False) -> Any:
        with moments("pyiceberg creates", Path(self.location)):
            return create(self, overwrite)

    @contextmanager
    def locking(self: LocalFiles, path: Path) -> Iterator[None]:
        with lock(self, path):
            moments.locked += 1
            try:
                yield
            finally:
                moments.locked -= 1

    def statement(when: str) -> Callable[..., None]:
        def happen(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
            if not sql.lstrip().startswith(("SELECT", "PRAGMA")):
                moments._moment("SQL", Path(), when)

        return happen

    PyArrowFile.create = creating  # type: ignore[method-assign]
    LocalFiles.lock = locking  # type: ignore[method-assign]
    event.listen(Engine, "before_cursor_execute", statement("before"))
    event.listen(Engine, "after_cursor_execute", statement("after"))
    event.listen(Engine, "commit", lambda *_: moments._moment("SQL COMMIT", Path(), "before"))


def _gate(place: Path, now: datetime, step: Any = None) -> Gate:
    """The shop's gate; every operation of its target and its store goes through the step."""
    profile = load_profile(place / "gate.yaml")
    gate = Gate(profile, clock=lambda: now)
    kinds = {
        "target": ("sluicegate.targets", profile.target),
        "quarantine_store": ("sluicegate.quarantine_stores", profile.quarantine),
    }
    for name, (group, chosen) in kinds.items():
        made: Any = plugins.load(group, chosen.type)(chosen.settings, profile.base, step=step)
        gate.__dict__[name] = made
        bucket = getattr(made, "_bucket", None)
        if isinstance(bucket, Bucket):
            made._probed = True  # the probe has tests of its own
            bucket.settings = replace(bucket.settings, part_bytes=_PART)
            server = bucket.settings.endpoint_url
            if server not in _CLIENTS:
                _CLIENTS[server] = bucket._make()
            bucket._made = _CLIENTS[server]  # fit to be forked: nobody uses it here
    return gate


def _answer(done: object) -> str:
    if isinstance(done, str):
        return done
    action = getattr(done, "action", None)
    return str(action or getattr(done, "manifest", done).status)  # type: ignore[attr-defined]


def _work(order: Mapping[str, Any], line: socket.socket) -> dict[str, Any]:
    moments = Moments(order, line)
    place, now = Path(order["place"]), datetime.fromisoformat(order["now"])
    tempfile.tempdir = str(place.parent)  # `recover` clears up there what the dead left: this test's, and nobody else's
    _watch(moments)
    if order.get("bug"):
        _BUGS[order["bug"]]()
    answers = []
    for name in order["works"]:
        try:
            answers.append(_answer(_WORKS[name](_gate(place, now, moments), place)))
        except SluicegateError as error:
            answers.append(type(error).__name__)
    return {"end": "done", "answers": answers, "operations": moments.seen}


class Foreman:
    """Has workers, each with a number and a line to it."""

    def __init__(self) -> None:
        self._lines: dict[int, socket.socket] = {}

    def start(self, order: Mapping[str, Any]) -> dict[str, Any]:
        gate = _gate(
            Path(order["place"]), datetime.fromisoformat(order["now"])
        )  # so that a client to S3 is made once, not in each worker
        if (notifiers := gate.alerting.notifiers()) is not None:  # likewise: what speaks to services is loaded once
            for channel in notifiers.settings.channels:
                notifiers.of(channel)
        ours, theirs = socket.socketpair()
        worker = os.fork()
        if worker == 0:
            for line in (ours, *self._lines.values()):
                line.close()
            self._live(order, theirs)
        theirs.close()
        self._lines[worker] = ours
        return {"worker": worker}

    def _live(self, order: Mapping[str, Any], line: socket.socket) -> None:
        try:
            signal.alarm(_LONGEST)
            told = _work(order, line)
        except BaseException:  # noqa: BLE001 - told to the test
            told = {"end": "broke", "trace": traceback.format_exc()}
        with suppress(OSError):
            line.sendall(json.dumps(told).encode() + b"\n")
        os._exit(0)

    def wait(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Until the worker stops, ends or dies."""
        worker = order["worker"]
        told = b""
        while not told.endswith(b"\n") and (block := self._lines[worker].recv(1 << 16)):
            told += block
        said: dict[str, Any] = json.loads(told) if told else {"end": "killed"}
        if said["end"] != "stopped":
            self._lines.pop(worker).close()
            _, status = os.waitpid(worker, 0)
            if said["end"] == "killed" and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
                return {"end": "broke", "trace": f"the worker ended with status {status}"}
        return said

    def go(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Let a stopped worker go on (``how`` g: to its next stop; e: to its end), or kill it where it stands (x)."""
        self._lines[order["worker"]].sendall(order["how"].encode())
        return {}


def main() -> None:
    """Take orders until there are no more."""
    gc.freeze()
    foreman = Foreman()
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"start": foreman.start, "wait": foreman.wait, "go": foreman.go}[order["do"]](order)
        except Exception:  # noqa: BLE001 - told to the test
            answer = {"broke": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    os._exit(0)  # what was frozen for the workers' sake isn't to be taken apart


if __name__ == "__main__":
    main()
