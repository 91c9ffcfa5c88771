"""Who has something in hand, and whether that process still lives: what the dead left is anybody's."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

__all__ = ["Owner"]


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told apart from later ones of its number and from those of other machines and containers.

    Attributes:
        host: the machine since its last start, and where on it process numbers mean the same.
        started: when it began, in the kernel's ticks; empty where that can't be known.
    """

    host: str
    pid: int
    started: str

    @classmethod
    def here(cls) -> Self:
        """This process."""
        pid = os.getpid()
        found = _seen(pid)
        return cls(_host(), pid, found.started if found else "")

    @property
    def is_dead(self) -> bool:
        """Whether it has certainly ended. Of another host's nobody here can say, and the answer is no: let time decide."""
        if self.host != _host():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # something is there, and it is another user's: perhaps it can't be looked at
            return False
        found = _seen(self.pid)
        return found is not None and (found.ended or found.started != self.started)


class _Seen(NamedTuple):
    started: str
    ended: bool


_NUMBERS = Path("/proc/self/ns/pid")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def _host() -> str:
    """Two containers may share a name, and a machine's process numbers begin anew when it does."""
    parts = [os.uname().nodename]
    with suppress(OSError):
        parts.append(_BOOT.read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(_NUMBERS.readlink()))
    return "/".join(parts)


def _seen(pid: int) -> _Seen | None:
    """What the kernel tells of a process; None where it tells nothing."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    words = told.rpartition(")")[2].split()  # its name stands in brackets, and may have some itself
    return _Seen(words[19], words[0] in {"Z", "X"})
