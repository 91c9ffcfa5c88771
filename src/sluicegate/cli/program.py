"""What a person types to call us again."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

__all__ = ["program"]


def program() -> str:
    """``sluicegate`` where the shell finds it; else the path that it was called by, so that a proposed command can be copied."""
    called = Path(sys.argv[0])
    if called.name != "sluicegate" or shutil.which("sluicegate"):
        return "sluicegate"
    near = os.path.relpath(called)
    return shlex.quote(str(called) if near.startswith("..") else near)
