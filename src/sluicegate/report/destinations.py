"""Where reports go: what ``--report KIND=PATH`` says, told before the run if it can't be, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from sluicegate.errors import StorageError, UsageError
from sluicegate.redact import redacted
from sluicegate.report.model import Failure, Report

__all__ = ["KINDS", "Destination", "destinations", "reserve", "save", "text_of"]

KINDS = ("html", "junit", "github", "json", "markdown")
_UNFINISHED = {
    "type": "Unfinished",
    "message": "the run has not come to its end: it goes on still, or it was killed",
    "hint": "`sluicegate history` knows the runs that did",
    "exit_code": 70,
}


class Destination(NamedTuple):
    """One report that is wanted; without a path it goes to standard output."""

    kind: str
    path: Path | None

    def __str__(self) -> str:
        return f"--report {self.kind}" + (f"={self.path}" if self.path else "")


def destinations(given: Iterable[str], *, inputs: Sequence[str] = ()) -> tuple[Destination, ...]:
    """What each ``KIND=PATH`` means.

    Args:
        given: as typed; ``-`` or no path is standard output.
        inputs: the contract, the profile and the batch's files: no report is written over them.

    Raises:
        UsageError: one can't be.
    """
    found: list[Destination] = []
    for each in given:
        kind, _, path = each.partition("=")
        if kind not in KINDS:
            raise UsageError(f"--report {kind!r} is not known", hint=f"known: {', '.join(f'{known}=PATH' for known in KINDS)}")
        wanted = Destination(kind, Path(path).expanduser() if path not in {"", "-"} else None)
        if wanted.path is None and kind == "html":
            raise UsageError("--report html needs a path", hint="--report html=report.html")
        if wanted.path is None and any(other.path is None for other in found):
            raise UsageError(f"{wanted}: another report goes to standard output already", hint=f"--report {kind}=PATH")
        if wanted.path and any(other.path and _same(wanted.path, other.path) for other in found):
            raise UsageError(f"{wanted}: another report goes there already", hint="give each a path of its own")
        for source in inputs if wanted.path else ():
            if _is_among(wanted.path or Path(), source):
                raise UsageError(f"{wanted}: {source} is what the run reads", hint="give the report a path of its own")
        found.append(wanted)
    return tuple(found)


def _is_among(path: Path, source: str) -> bool:
    """Whether the run would read the report: it is the file, within the folder, or what the glob finds."""
    here, there = os.path.realpath(path), os.path.realpath(source)
    return here == there or fnmatchcase(here, there) or (os.path.isdir(there) and here.startswith(there + os.sep))  # noqa: PTH112


def _same(left: Path, right: Path) -> bool:
    return os.path.realpath(left) == os.path.realpath(right)


def reserve(wanted: Iterable[Destination], contract_file: str) -> None:
    """Put a report into each file that says that the run has not ended: proof that it can be written, and true if the run is killed.

    Raises:
        UsageError: one can't be written.
    """
    unfinished = Failure(error=_UNFINISHED, contract_file=contract_file)
    for each in wanted:
        if each.path is None or _is_stream(each.path):
            continue
        if each.path.is_dir():
            raise UsageError(f"{each}: that is a folder", hint=f"--report {each.kind}={each.path / 'report'}")
        if not each.path.absolute().parent.is_dir():
            raise UsageError(f"{each}: there is no folder {each.path.parent}", hint=f"mkdir -p {each.path.parent}")
        try:
            save(text_of(unfinished, each.kind), each.path)
        except StorageError as error:
            raise UsageError(f"{each}: {error.message}", hint=error.hint) from error


def text_of(report: Report | Failure, kind: str) -> str:
    """The report in the words of this kind, without any configured secret.

    Raises:
        UsageError: there is no such kind.
    """
    return redacted(_text_of(report, kind))


def _text_of(report: Report | Failure, kind: str) -> str:
    match kind:
        case "html":
            from sluicegate.report.page import page

            return page(report)
        case "junit":
            from sluicegate.report.junit import junit

            return junit(report)
        case "github":
            from sluicegate.report.github import github

            return github(report)
        case "markdown":
            from sluicegate.report.markdown import markdown

            return markdown(report)
        case "json":
            import json

            found = {"error": report.error} if isinstance(report, Failure) else report.facts
            return json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n"
    raise UsageError(f"there is no report {kind!r}", hint=f"known: {', '.join(KINDS)}")


def save(text: str, path: Path) -> None:
    """Write a report to a file: whole, or what was there before stays.

    Raises:
        StorageError: it could not be written.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        if _is_stream(path):
            _send(data, path)
        else:
            _replace(data, Path(os.path.realpath(path)))  # a link stays one
    except OSError as error:
        raise StorageError(
            f"the report {path} can't be written: {error.strerror or error}",
            hint="let this user write there, or name another path",
        ) from error


def _is_stream(path: Path) -> bool:
    """A pipe or a device, which no file can take the place of."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _send(data: bytes, path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)  # a pipe that nobody reads must not hold the run up
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor
        stream.write(data)


def _replace(data: bytes, path: Path) -> None:
    made = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        with made.open("xb") as file:
            file.write(data)
        made.replace(path)
    except BaseException:
        with suppress(OSError):
            made.unlink()
        raise
