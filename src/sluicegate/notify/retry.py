"""What is noted of an attempt, and when the next one is due: pure functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluicegate.ports.notifier import Sent

__all__ = ["FIRST_WAIT", "next_try"]

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
SHORTEST_REST, LONGEST_REST = 1.0, 86_400.0
"""How long a service is left alone that says for how long, in seconds, whatever it says."""


def next_try(sent: Sent, attempts: int, now: datetime, *, jitter: float) -> datetime:
    """When a service that did not take a message is asked again.

    Args:
        sent: what it said; if it says when it wants to be asked again, that holds.
        attempts: how often it was asked, this time included.
        now: when it answered.
        jitter: 0 to 1, by chance: up to a fifth is added, so that those who failed together don't come back together.

    >>> at = datetime(2026, 1, 1)
    >>> for attempts in (1, 2, 99):
    ...     print((next_try(Sent(delivered=False), attempts, at, jitter=0) - at).seconds)
    30
    60
    3600
    """
    if sent.retry_after is not None:
        return now + timedelta(seconds=min(max(SHORTEST_REST, sent.retry_after), LONGEST_REST))
    doubled: int = 2 ** min(attempts - 1, 16)
    wait = min(FIRST_WAIT * doubled, LONGEST_WAIT)
    return now + wait * (1 + jitter / 5)
