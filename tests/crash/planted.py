"""Bugs of the kind that this harness is there to find, planted into a worker: each breaks one rule of the protocols."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sluicegate.gate import keep
from sluicegate.gate.alerting import Alerting
from sluicegate.gate.items import Claim
from sluicegate.history.alert import Alert
from sluicegate.history.record import RunRecord
from sluicegate.history.sqlite import SqliteHistory
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, StoredFile
from sluicegate_adapters.local_files import LocalFiles
from sluicegate_adapters.quarantine.local import LocalQuarantineStore
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from sluicegate_adapters.s3.answers import Answer
from sluicegate_adapters.s3.objects import Bucket
from sluicegate_adapters.targets import iceberg

__all__ = ["BUGS"]


def _plant(owner: object, name: str, bug: Callable[..., object]) -> None:
    setattr(owner, name, bug)


def _file_by_file() -> None:
    """The batch's folder fills up before the readers' eyes."""

    def publish(files: LocalFiles, staged: Path, final: Path) -> None:
        final.mkdir(exist_ok=True)
        for file in sorted(staged.iterdir(), reverse=True):
            with files.step("publish", file):
                file.rename(final / file.name)

    _plant(LocalFiles, "publish_folder", publish)


def _over_others() -> None:
    """What stands in the way of the rename is moved away."""

    def publish(files: LocalFiles, staged: Path, final: Path) -> None:
        with files.step("publish", final):
            while staged.exists():
                shutil.rmtree(final, ignore_errors=True)
                with contextlib.suppress(OSError):
                    staged.rename(final)

    _plant(LocalFiles, "publish_folder", publish)


def _promised(request: QuarantineRequest) -> Manifest:
    """A manifest that names files which nobody has written yet."""
    named = [StoredFile(path=f"data/first/00000-{path.name}", original="", bytes=0, sha256="") for path in request.files]
    return replace(request.manifest, files=tuple(named))


def _manifest_first() -> None:
    """The item is there before its data."""
    write, upload = LocalQuarantineStore._write, S3QuarantineStore._upload

    def writing(store: LocalQuarantineStore, item: Path, request: QuarantineRequest) -> None:
        with store._written(item, _promised(request)) as written:
            store._files.link(written, item / "manifest.json")
        write(store, item, request)

    def uploading(store: S3QuarantineStore, item: str, attempt: str, request: QuarantineRequest) -> Iterator[StoredFile]:
        store._create(item, _promised(request))
        return upload(store, item, attempt, request)

    _plant(LocalQuarantineStore, "_write", writing)
    _plant(S3QuarantineStore, "_upload", uploading)


def _bytes_first() -> None:
    """The bytes go before the tombstone is there."""
    delete = keep.delete

    def deleting(desk: Any, quarantine_id: str, **options: Any) -> Manifest:
        item, store = desk.store.get(quarantine_id), desk.store
        if isinstance(store, LocalQuarantineStore):
            store._files.remove(store._find(quarantine_id).parent / "data")
        else:
            store._clear(f"{store._layout.item(item.tenant, item.dataset, quarantine_id)}data/")
        return delete(desk, quarantine_id, **options)

    _plant(keep, "delete", deleting)


def _no_last_look() -> None:
    """Whoever has claimed an item once believes that it is theirs for ever."""
    _plant(Claim, "renew", lambda _claim: None)


def _retries_on() -> None:
    """pyiceberg repeats a refused commit on the newest snapshot, without looking."""
    _plant(iceberg, "once", lambda _table, _transaction: None)


def _without_conditions() -> None:
    """Manifests are written whether or not they are what was read."""

    def write_anyway(bucket: Bucket, key: str, body: bytes, *, etag: str | None) -> Answer:
        bucket._write(key, body)
        return Answer(written=True)

    _plant(Bucket, "put_if", write_anyway)


def _created_over() -> None:
    """Objects are written whether or not one is there."""
    once = Bucket._once

    def anyway(bucket: Bucket, operation: str, key: str, **told: Any) -> Answer:
        told.pop("IfNoneMatch", None)
        return once(bucket, operation, key, **told)

    _plant(Bucket, "_once", anyway)


def _sent_twice() -> None:
    """The answer of each conditional write is lost, and a client sends it again by itself: it hears of its own write as of another's."""
    once = Bucket._once

    def twice(bucket: Bucket, operation: str, key: str, **told: Any) -> Answer:
        once(bucket, operation, key, **told)
        return once(bucket, operation, key, **told)

    _plant(Bucket, "_once", twice)


def _no_intent() -> None:
    """Nothing is planned before a run acts."""
    _plant(Alerting, "intend", lambda *_: None)


def _told_afterwards() -> None:
    """The alert is kept after its run's record, in a transaction of its own."""
    record = SqliteHistory.record

    def recording(history: SqliteHistory, run: RunRecord, *, alert: Alert | None = None, **more: Any) -> None:
        record(history, run, **more)
        if alert is not None:
            history.outbox.put(alert)

    _plant(SqliteHistory, "record", recording)


BUGS: Mapping[str, Callable[[], None]] = {
    "file by file": _file_by_file,
    "over others": _over_others,
    "manifest first": _manifest_first,
    "bytes first": _bytes_first,
    "no last look": _no_last_look,
    "retries on": _retries_on,
    "without conditions": _without_conditions,
    "created over": _created_over,
    "sent twice": _sent_twice,
    "no intent": _no_intent,
    "told afterwards": _told_afterwards,
}
