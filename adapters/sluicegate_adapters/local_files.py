"""Local files, durably: every operation that a commit or a quarantine stands on, each a point where a test can break it.

Shared by the adapters that keep things on a local disk; it knows no port. Each operation announces itself to a *step*: a
callable that gets the operation's name and path and returns a context manager around it. In production it does nothing; a
test kills the process there, or raises what a full disk raises (``sluicegate.testing.faults``).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias

from sluicegate.errors import StorageError
from sluicegate.ports.fingerprint import BLOCK_BYTES

__all__ = ["LocalFiles", "Step", "absolute", "storage_errors"]

Step: TypeAlias = Callable[[str, Path], AbstractContextManager[object]]

_WRITE_BLOCK = 4096
_CLOCK_TICK_NS = 2_000_000_000  # FAT's
_NO_SPACE = "free some space, then run it again"
_NO_PERMISSION = "let this user write there, or name another place in the profile"
_IN_THE_WAY = "a file stands where a folder is needed: move it, or name another place in the profile"
_CURES = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: _NO_SPACE,
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: "the filesystem is mounted read-only: name another place in the profile",
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENAMETOOLONG: "shorten the path in the profile",
    errno.EXDEV: "let the staging folder and the data lie on one filesystem",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOTSUP: "this filesystem lacks what durable writing needs: name another place in the profile",
}


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Map what the operating system says to a StorageError with a cure.

    Raises:
        StorageError: instead of any OSError inside.
    """
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        reason = error.strerror or str(error)
        raise StorageError(f"{doing}: {reason}{where}", hint=_CURES.get(error.errno or 0, "")) from error


def absolute(base: Path, path: str) -> Path:
    """A path from a profile: it starts at ``base``, ``~`` is the home folder; without ``..``, and a link keeps its name."""
    return Path(os.path.abspath(base / Path(path).expanduser()))  # noqa: PTH100 - resolve() would follow links


def _unwatched(_operation: str, _path: Path) -> AbstractContextManager[object]:
    return nullcontext()


class LocalFiles:
    """The operations. All raise OSError as the operating system does; ``storage_errors`` maps them at the adapter's edge.

    Args:
        step: what goes around each operation; an adapter puts it around operations of its own, too.
    """

    def __init__(self, step: Step = _unwatched) -> None:
        self.step = step
        self._synced: dict[Path, tuple[int, int, int]] = {}

    def make_folder(self, folder: Path) -> None:
        """The folder and its parents, each of them durable in the one above."""
        missing = []
        level = folder
        while not level.is_dir():
            missing.append(level)
            level = level.parent
        for level in reversed(missing):
            with self.step("make folder", level):
                level.mkdir(exist_ok=True)
            self.sync_folder(level.parent)
        if not missing:  # whoever made it may not have come so far as to make that durable
            self._sync_unless_settled(folder.parent)

    def _sync_unless_settled(self, folder: Path) -> None:
        """Sync a folder, unless nothing came into it or went since this did so last.

        Its time of change tells, once it is older than the coarsest clock of a filesystem: until then a later change may have the same.
        """
        found = folder.stat()
        state = found.st_dev, found.st_ino, found.st_mtime_ns
        if self._synced.get(folder) == state:
            return
        is_old = time.time_ns() - found.st_mtime_ns > _CLOCK_TICK_NS
        self.sync_folder(folder)
        if is_old:
            self._synced[folder] = state

    def new_folder(self, folder: Path) -> None:
        """A new folder whose name need not last: what is published gets another one."""
        with self.step("make folder", folder):
            folder.mkdir()

    def write(self, path: Path, content: bytes) -> None:
        """A new file with this content, on disk when this returns."""
        with self.step("create", path):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - from a descriptor
            for start in range(0, len(content), _WRITE_BLOCK):
                with self.step("write", path):
                    _write_all(file.fileno(), memoryview(content)[start : start + _WRITE_BLOCK])
            with self.step("sync", path):
                os.fsync(file.fileno())

    def copy(self, source: Path, target: Path) -> tuple[int, str]:
        """A new file with the source's bytes, on disk when this returns; their number and the SHA-256 of what was written."""
        digest, length = hashlib.sha256(), 0
        buffer = memoryview(bytearray(BLOCK_BYTES))
        with self.step("copy", target), source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
            while count := reader.readinto(buffer):
                with self.step("copy block", target):
                    _write_all(writer.fileno(), buffer[:count])
                digest.update(buffer[:count])
                length += count
            with self.step("sync", target):
                os.fsync(writer.fileno())
        return length, digest.hexdigest()

    def sync_file(self, path: Path) -> None:
        """What another program wrote to the file is on disk when this returns."""
        self._sync(path, os.O_RDONLY)

    def sync_folder(self, folder: Path) -> None:
        """The names in the folder are on disk when this returns."""
        self._sync(folder, os.O_RDONLY | os.O_DIRECTORY)

    def publish_folder(self, staged: Path, final: Path) -> None:
        """Rename a folder onto a name that is free (or an empty folder), in one step.

        Raises:
            FileExistsError: somebody else was first; nothing changed.
        """
        try:
            with self.step("publish", final):
                os.rename(staged, final)  # noqa: PTH104 - pathlib's rename is this one, and this says so
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
            raise

    def link(self, written: Path, name: Path) -> None:
        """Give a written file a second name, if that is free.

        Raises:
            FileExistsError: somebody else was first; nothing changed.
        """
        with self.step("link", name):
            os.link(written, name)

    def replace(self, written: Path, name: Path) -> None:
        """Put a written file in another's place, in one step."""
        with self.step("replace", name):
            os.replace(written, name)  # noqa: PTH105 - as above

    def remove(self, path: Path) -> None:
        """Remove a file or a folder with all in it; that it isn't there is fine."""
        with self.step("remove", path), contextlib.suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    @contextmanager
    def lock(self, path: Path) -> Iterator[None]:
        """Hold the lock file, made if need be; waits. The system lets go of it when the process dies."""
        with self.step("lock", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def try_lock(self, path: Path, *, create: bool) -> int | None:
        """The descriptor of a lock file that is now ours alone, to be closed by the caller; None if it can't be had now."""
        flags = os.O_RDWR | os.O_CLOEXEC | ((os.O_CREAT | os.O_EXCL) if create else 0)
        with self.step("lock", path):
            try:
                descriptor = os.open(path, flags, 0o666)
            except FileExistsError:
                return None
            except FileNotFoundError:
                if create:
                    raise
                return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            named = os.stat(path)  # noqa: PTH116 - beside os.fstat
            if os.path.samestat(named, os.fstat(descriptor)):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def _sync(self, path: Path, flags: int) -> None:
        with self.step("sync", path):
            descriptor = os.open(path, flags | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _write_all(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
