"""Things that are dear to make and serve one user after the other: databases, connections."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, TypeVar

__all__ = ["Idle"]

T = TypeVar("T")


class Idle(Generic[T]):
    """What nobody uses at the moment. Safe to share between threads; when the process forks there is nothing.

    Neither DuckDB's databases nor SQLite's connections outlive a fork: to close one in the child is a crash, or worse. So all are
    ended before it, and nothing comes back until it is done.

    Args:
        end: closes one for good.
        most: so many are kept.
    """

    def __init__(self, end: Callable[[T], None], most: int) -> None:
        self._end = end
        self._most = most
        self._things: list[T] = []
        self._closed = False
        self._lock = Lock()
        _all.add(self)

    def take(self) -> T | None:
        """The one that was used last, for the caller alone; None if there is none."""
        with self._lock:
            return self._things.pop() if self._things else None

    def keep(self, thing: T) -> bool:
        """Whether it is kept for the next user; if not, it is the caller's to end."""
        with self._lock:
            if self._closed or len(self._things) >= self._most:
                return False
            self._things.append(thing)
            return True

    def close(self) -> None:
        """End them all, and keep nothing from now on."""
        with self._lock:
            self._closed = True
            things, self._things = self._things, []
        for thing in things:
            self._end(thing)

    def before_fork(self) -> None:
        """End them all; until ``after_fork`` nothing comes or goes."""
        self._lock.acquire()
        while self._things:
            with suppress(Exception):  # a fork can't be called off
                self._end(self._things.pop())

    def after_fork(self) -> None:
        """Go on, in the parent and in the child."""
        self._lock.release()


_all: weakref.WeakSet[Idle[Any]] = weakref.WeakSet()
_fork = Lock()  # held by the one thread that forks
_forking: list[Idle[Any]] = []


def _before_fork() -> None:
    _fork.acquire()
    _forking.extend(_all)
    for idle in _forking:
        idle.before_fork()


def _after_fork() -> None:
    for idle in _forking:
        idle.after_fork()
    _forking.clear()
    _fork.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
