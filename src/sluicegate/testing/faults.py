"""Breaking storage on purpose: every operation is a numbered point at which a test can kill, refuse, or lose the answer.

An adapter that lets itself be watched takes a ``step``: a callable ``(operation, path)`` that returns a context manager
around the operation. ``Faults`` is one. Run the scenario once with ``Faults()`` to count its points, then once for each.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Faults", "kill", "refuse"]


def kill(_operation: str, _path: Path) -> None:
    """End this process at once, as a crash does: nothing is flushed, no ``finally`` runs. Use it in a subprocess."""
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(number: int) -> Callable[[str, Path], None]:
    """Fail as the operating system does: ``refuse(errno.ENOSPC)`` is a full disk."""

    def happen(_operation: str, path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    return happen


class Faults:
    """A step that counts operations, and lets something happen at one of them.

    Args:
        at: which operation, counted from 1; 0: none.
        happen: what happens there: ``kill``, ``refuse(…)``, or any callable of the operation's name and path.
        after: it happens when the operation is done: its answer is lost.

    >>> import errno
    >>> faults = Faults(at=2, happen=refuse(errno.ENOSPC))
    >>> with faults("write", Path("x")): pass
    >>> with faults("sync", Path("x")): pass
    Traceback (most recent call last):
    OSError: [Errno 28] No space left on device: 'x'
    """

    def __init__(self, at: int = 0, happen: Callable[[str, Path], None] = kill, *, after: bool = False) -> None:
        self._at = at
        self._happen = happen
        self._after = after
        self.seen: list[str] = []

    @contextmanager
    def __call__(self, operation: str, path: Path) -> Iterator[None]:
        self.seen.append(operation)
        here = len(self.seen) == self._at
        if here and not self._after:
            self._happen(operation, path)
        yield
        if here and self._after:
            self._happen(operation, path)
