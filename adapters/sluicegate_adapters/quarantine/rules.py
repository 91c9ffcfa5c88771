"""What no quarantine store ever does, wherever its items lie: rewrite what was kept."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import PurePosixPath
from typing import Any

from sluicegate.errors import ConfigError, StorageError, UsageError
from sluicegate.ports.manifests import SCHEMA_VERSION
from sluicegate.ports.quarantine import Manifest, QuarantineRequest, quarantine_id

__all__ = ["IDENTITY", "attempts", "check_identity", "expiry", "name_of_copy", "read_retention", "refuse_rewriting"]

IDENTITY = ("quarantine_id", "tenant", "dataset", "batch_id", "content_sha256")
"""What an item's ID is made of."""
_DEPTH = 3  # data, the attempt, the file
_FIXED = (*IDENTITY, "files", "created_at")
_NAME_BYTES = 200
_MOST_DAYS = 36_500


def refuse_rewriting(old: Manifest, new: Manifest) -> None:
    """A swap only adds to what is known.

    Raises:
        UsageError: it would change what never changes, or isn't the next revision.
        StorageError: a newer version wrote it: what that knows beside would be lost.
    """
    if old.schema_version > SCHEMA_VERSION:
        raise StorageError(
            f"{old.quarantine_id} was written by a newer sluicegate (schema {old.schema_version}, this one knows {SCHEMA_VERSION})",
            hint="upgrade sluicegate, then run it again",
        )
    changed = [name for name in _FIXED if getattr(old, name) != getattr(new, name)]
    if changed:
        raise UsageError(f"{changed[0]} of a quarantined item never changes")
    if new.history[: len(old.history)] != old.history:
        raise UsageError("the history of a quarantined item only grows")
    if new.rev != old.rev + 1 or new.nonce == old.nonce:
        raise UsageError("a new manifest has the next revision and a nonce of its own")


def read_retention(days: Any) -> timedelta | None:
    """The setting ``retention_days``; None: for ever.

    Raises:
        ConfigError: it is no whole number from 1 to a hundred years of days.
    """
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _MOST_DAYS):
        raise ConfigError(f"quarantine.retention_days must be a whole number from 1 to {_MOST_DAYS}, not {days!r}")
    return None if days is None else timedelta(days=days)


def expiry(request: QuarantineRequest, retention: timedelta | None) -> str | None:
    """When the item expires: as its contract says, else as the store does, counted from when it came."""
    expires = request.manifest.expires_at
    if expires is None and retention is not None:
        return (request.now.astimezone(UTC) + retention).isoformat()
    return expires


def check_identity(manifest: Manifest) -> None:
    """An item's ID says what it is: a batch_id or a fingerprint that was edited would commit the batch as another one.

    Raises:
        ValueError: it is the ID of something else.
    """
    made_of = {name: getattr(manifest, name) for name in IDENTITY[1:]}
    if quarantine_id(**made_of) != manifest.quarantine_id:
        raise ValueError(f"{manifest.quarantine_id} is not the ID of this {', '.join(made_of)}")


def attempts(manifest: Manifest) -> frozenset[str]:
    """The folders under ``data/`` that the item's files lie in: all others are leavings.

    Raises:
        StorageError: the manifest names a file elsewhere, or none at all, so that nothing can be told of the others.
    """
    parts = [PurePosixPath(stored.path).parts for stored in manifest.files]
    if not parts or any(len(each) != _DEPTH or each[0] != "data" or ".." in each for each in parts):
        raise StorageError(
            f"the manifest of {manifest.quarantine_id} doesn't say where its files are",
            hint="restore it from a backup; its data is beside it",
        )
    return frozenset(attempt for _, attempt, _ in parts)


def name_of_copy(number: int, name: str) -> str:
    """What the batch's n-th file is called in its item: numbered, as far as there is room for it, without what can't be
    printed, and its suffix kept.

    >>> name_of_copy(3, "delivery.csv")
    '00003-delivery.csv'
    """
    plain = "".join(char if char.isprintable() else "_" for char in name)  # a key with control characters breaks listings
    return f"{number:05}-{plain.encode()[-_NAME_BYTES:].decode('utf-8', 'ignore')}"
