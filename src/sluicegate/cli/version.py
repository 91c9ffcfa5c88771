"""Our version, from the installed distribution."""

from __future__ import annotations

__all__ = ["version"]


def version() -> str:
    """``0.1.0``; ``unknown`` when run from a source tree that was never installed."""
    from importlib import metadata

    try:
        return metadata.version("sluicegate")
    except metadata.PackageNotFoundError:
        return "unknown"
