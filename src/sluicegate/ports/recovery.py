"""The recovery port: what a target or a store may offer besides: clearing away what dead workers left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

__all__ = ["Recoverable", "Recovered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """One thing that was found, and what became of it.

    Attributes:
        what: its kind, in a word or two: ``staging folder``, ``upload``, ``orphan file``, ``lease``, ``tombstone``, ``rows``.
        where: its path, key or ID.
        done: ``removed``, ``finished``, ``rolled back``, ``left``; of a dry run ``would be removed`` and so on.
        why: how it is known that nobody needs it; or why it was left.
        bytes: how much room it took, where that is known.
        exit_code: 0, or why it could not be done.
    """

    what: str
    where: str
    done: str
    why: str
    bytes: int = 0
    exit_code: int = 0


@runtime_checkable
class Recoverable(Protocol):
    """A target or a store that can tell a dead worker's leavings from a living one's work."""

    def recover(self, *, older_than: datetime, dry_run: bool = False) -> Iterator[Recovered]:
        """Remove what no manifest, receipt, marker or snapshot refers to, and what nobody can still be writing.

        Any worker may call it at any time, several at once; killed anywhere, it can be called again. Nothing that a reader or a
        replay could need is touched.

        Args:
            older_than: leavings whose age alone tells that they are dead must have been written before this moment (UTC).
            dry_run: tell, and change nothing.

        Raises:
            StorageError: it can't be asked.
        """
        ...
