"""What the gate asks of a bucket, asked of its store and its target alone: every request is theirs, and bodies go up in parts or at once.

A place has the deliveries that ``furnish`` puts there; the store and the target are those of its profile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sluicegate import Gate
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, QuarantineStatus
from sluicegate.ports.recovery import Recovered
from sluicegate.ports.target import CommitRequest
from sluicegate.testing.quarantine import moved, quarantine_request
from sluicegate.testing.targets import commit_request, parquet_file
from sluicegate_adapters.quarantine import s3
from sluicegate_adapters.s3.answers import Answer
from sluicegate_adapters.s3.objects import Bucket

__all__ = ["BUCKET_BUGS", "BUCKET_WORKS", "DELIVERIES", "ELSE", "ROWS", "furnish"]

DELIVERIES: Mapping[str, bytes] = {"small.csv": b"a\n1\n", "large.csv": b"a\n" + b"1\n" * 400}
"""The first goes up at once, the second in parts."""
ROWS, ELSE = range(3), range(10, 13)
"""What is committed, and what else under the same batch_id."""
_AT_ONCE = 1 << 20


def furnish(place: Path) -> None:
    """The deliveries of a put, and the Parquet files of two commits with other content under one ID."""
    for name, content in DELIVERIES.items():
        (place / name).write_bytes(content)
    parquet_file(place / "rows.parquet", ROWS)
    parquet_file(place / "else.parquet", ELSE)


def _request_to_keep(place: Path) -> QuarantineRequest:
    """The deliveries, to be kept."""
    return quarantine_request(*(place / name for name in DELIVERIES))


def _put(gate: Gate, place: Path) -> Manifest:
    return gate.quarantine_store.put(_request_to_keep(place))


def _reviewed(gate: Gate, place: Path) -> Manifest:
    """The same revision whoever asks for it: this very swap made again is the same swap."""
    first = replace(_request_to_keep(place).manifest, files=_the_item(gate).files)
    return gate.quarantine_store.swap(first, moved(first, QuarantineStatus.REVIEWED, nonce="n2"))


def _buried(gate: Gate, place: Path) -> Manifest:
    first = replace(_request_to_keep(place).manifest, files=_the_item(gate).files)
    return gate.quarantine_store.swap(first, moved(first, QuarantineStatus.DELETED, nonce="n2"))


def _remove_data(gate: Gate, _place: Path) -> str:
    gate.quarantine_store.remove_data(_the_item(gate))
    return "removed"


def _the_item(gate: Gate) -> Manifest:
    (item,) = gate.quarantine_store.list()
    return item


def _recover(gate: Gate, _place: Path) -> str:
    """All that is there is old enough."""
    places: Iterable[Any] = (gate.target, gate.quarantine_store)
    later = datetime.now(UTC) + timedelta(hours=1)
    found: list[Recovered] = [done for each in places for done in each.recover(older_than=later)]
    assert all(not done.exit_code for done in found), found
    return "recovered"


def _request(place: Path, name: str | None, rows: Iterable[int]) -> CommitRequest:
    return commit_request(rows, files=() if name is None else (place / name,))


def _commit(name: str | None, *, at_once: bool = False, rows: Iterable[int] = ROWS) -> Callable[[Gate, Path], str]:
    def commit(gate: Gate, place: Path) -> str:
        bucket = gate.target._bucket  # type: ignore[attr-defined]
        if at_once:
            bucket.settings = replace(bucket.settings, part_bytes=_AT_ONCE)
        return "there" if gate.target.commit(_request(place, name, rows)).already_there else "committed"

    return commit


BUCKET_WORKS: Mapping[str, Callable[[Gate, Path], object]] = {
    "put": _put,
    "swap": _reviewed,
    "bury": _buried,
    "remove data": _remove_data,
    "clear up": _recover,
    "copy at once": _commit("rows.parquet", at_once=True),
    "copy in parts": _commit("rows.parquet"),
    "write anew": _commit(None),
    "copy else at once": _commit("else.parquet", at_once=True, rows=ELSE),
    "copy else in parts": _commit("else.parquet", rows=ELSE),
}
"""What a worker can be told to do, besides ``shop.WORKS``."""


def _nameless() -> None:
    """The batch's object doesn't say whose it is."""

    def create(bucket: Bucket, key: str, body: bytes, _metadata: Mapping[str, str]) -> Answer:
        bucket._write(key, body)
        return Answer(written=True)

    Bucket.create = create  # type: ignore[assignment, method-assign]


def _over_what_is_there() -> None:
    """The batch's object is made whether or not there is one."""

    def create(bucket: Bucket, key: str, body: bytes, metadata: Mapping[str, str]) -> Answer:
        bucket._request("put_object", key, **bucket._object(key), Body=body, Metadata=dict(metadata))
        return Answer(written=True)

    Bucket.create = create  # type: ignore[assignment, method-assign]


def _names_nothing() -> None:
    """No manifest is asked which data is its own."""
    s3.attempts = lambda _manifest: frozenset()  # type: ignore[assignment,attr-defined]


BUCKET_BUGS: Mapping[str, Callable[[], None]] = {
    "nameless": _nameless,
    "over what is there": _over_what_is_there,
    "names nothing": _names_nothing,
}
"""Bugs that are to be found, besides ``planted.BUGS``."""
