"""Our version. Read from the installed distribution only when asked for: that import costs more than the whole parser."""

from __future__ import annotations

__all__ = ["VERSION"]


class _Version:
    def __str__(self) -> str:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("sluicegate")
        except PackageNotFoundError:  # run from a source tree that was never installed
            return "unknown"


VERSION = _Version()
