"""A PostgreSQL server of our own for a test, where Debian's (or another) is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["missing", "running_postgres"]

_USERS = ("postgres", "nobody")
_OPEN = "/tmp"
"""pytest's own folders let nobody else in, and a socket's path must be short."""


def _program(name: str) -> str | None:
    """Debian keeps the server's programs out of the path."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(kept[-1]) if kept else None)


def missing() -> str:
    """Why no server can be started here; empty if one can."""
    absent = [name for name in ("initdb", "pg_ctl") if _program(name) is None]
    return f"no {' and no '.join(absent)} here: apt-get install postgresql" if absent else ""


def _user() -> str | None:
    """Who runs the server: it refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


@contextmanager
def running_postgres(port: int) -> Iterator[str]:
    """A server on this port of this machine; its SQLAlchemy URL. Gone, with all that it kept, when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="sluicegate-postgres-", dir=_OPEN))
    user, data = _user(), folder / "data"

    def run(name: str, *arguments: str) -> None:
        program = _program(name)
        assert program is not None
        done = subprocess.run(
            [program, *arguments], user=user, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        if user is not None:
            shutil.chown(folder, user)
        run("initdb", "-D", str(data), "-U", "lake", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8")
        options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql+psycopg2://lake@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
