"""A rule that prints must not spoil the gate's own output: what its thread writes to stdout goes to stderr."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["prints_to_stderr"]

_lock = threading.Lock()


class _Router:
    """Stands in for ``sys.stdout``; tells threads apart, so that an abandoned rule can't take the main thread's output along."""

    def __init__(self, stdout: Any) -> None:
        self.stdout = stdout
        self.threads: set[int] = set()

    def _target(self) -> Any:
        return sys.stderr if threading.get_ident() in self.threads else self.stdout

    def write(self, text: str) -> int:
        written: int = self._target().write(text)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target(), name)


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """While it is open, this thread's ``print`` goes to stderr; other threads' stays where it was."""
    me = threading.get_ident()
    with _lock:
        if not isinstance(sys.stdout, _Router):
            sys.stdout = _Router(sys.stdout)
        router = sys.stdout
        router.threads.add(me)
    try:
        yield
    finally:
        with _lock:
            router.threads.discard(me)
            if not router.threads and sys.stdout is router:
                sys.stdout = router.stdout
