"""What no quarantine store ever does, wherever its items lie: rewrite what was kept."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from sluicegate.errors import ConfigError, UsageError
from sluicegate.ports.quarantine import Manifest, QuarantineRequest

__all__ = ["IDENTITY", "expiry", "name_of_copy", "read_retention", "refuse_rewriting"]

IDENTITY = ("quarantine_id", "tenant", "dataset", "batch_id", "content_sha256")
"""What an item's ID is made of."""
_FIXED = (*IDENTITY, "files", "created_at")
_NAME_LENGTH = 100


def refuse_rewriting(old: Manifest, new: Manifest) -> None:
    """A swap only adds to what is known.

    Raises:
        UsageError: it would change what never changes, or isn't the next revision.
    """
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
        ConfigError: it is no whole number from 1.
    """
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or days < 1):
        raise ConfigError(f"quarantine.retention_days must be a whole number from 1, not {days!r}")
    return None if days is None else timedelta(days=days)


def expiry(request: QuarantineRequest, retention: timedelta | None) -> str | None:
    """When the item expires: as its contract says, else as the store does, counted from the run."""
    expires = request.manifest.expires_at
    if expires is None and retention is not None:
        return (request.now.astimezone(UTC) + retention).isoformat()
    return expires


def name_of_copy(number: int, name: str) -> str:
    """What the batch's n-th file is called in its item: numbered, and its suffix kept.

    >>> name_of_copy(3, "delivery.csv")
    '00003-delivery.csv'
    """
    return f"{number:05}-{name[-_NAME_LENGTH:]}"
