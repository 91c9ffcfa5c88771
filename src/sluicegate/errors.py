"""Every error that sluicegate raises on purpose.

    SluicegateError
    ├── UsageError              exit 2   the call itself is wrong
    │   └── NoSuchItem                   nothing is quarantined under this ID
    ├── ConfigError             exit 2   a profile in configs/ is wrong
    ├── ContractError           exit 2   a contract, asset or job file has faults (all of them, with places)
    ├── PluginError             exit 2   an engine, target or store that is not installed, or twice
    ├── BatchUnreadable         exit 4   the batch's bytes are not what their format says
    ├── BatchRefused            exit 3/4 a batch did not pass (raised only where the caller asked for it)
    ├── BatchConflict           exit 4   the same batch_id with other content
    ├── EngineError             exit 5   an engine broke while it ran
    └── StorageError            exit 6   a target, store or history can't be reached or written
        ├── TransientStorageError        the same call may succeed later
        └── CommitStateUnknown           the answer was lost: look, never retry blindly

An error carries a ``hint``: the cure, in one sentence, or an empty string. ``exit_code`` is the CLI's. No configured secret is in either:
adapters put into them what servers and libraries say, and these quote what they were asked with.
Foreign exceptions are mapped to these at an adapter's edge, with ``raise ... from``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from sluicegate.redact import redacted

__all__ = [
    "BadLine",
    "BatchConflict",
    "BatchRefused",
    "BatchUnreadable",
    "CommitStateUnknown",
    "ConfigError",
    "ContractError",
    "EngineError",
    "Fault",
    "NoSuchItem",
    "PluginError",
    "SluicegateError",
    "StorageError",
    "TransientStorageError",
    "UsageError",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file: where it is, what it is, and how to cure it.

    ``line`` and ``column`` count from 1; 0 means that the place is the file as a whole.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class SluicegateError(Exception):
    """The root: ``except SluicegateError`` catches all that this package raises on purpose."""

    exit_code: int = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = redacted(message)
        self.hint = redacted(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(SluicegateError):
    """The call itself is wrong: a missing file, an option that contradicts another."""


class NoSuchItem(UsageError):
    """Nothing is, or ever was, quarantined under this ID: what was deleted has a tombstone."""


class ConfigError(SluicegateError):
    """A gate profile is wrong, or a file that it names; ``faults`` holds everything that is wrong with it, where that is known."""

    def __init__(self, message: str, *, hint: str = "", faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.faults = faults


class ContractError(SluicegateError):
    """A contract, asset or job file can't be used; ``faults`` holds everything that is wrong with it."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = tuple(replace(fault, message=redacted(fault.message), hint=redacted(fault.hint)) for fault in faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class PluginError(SluicegateError):
    """An adapter was asked for that is not there, is there twice, or can't be loaded."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line of a batch that can't be read: the file, the line counted from 1, why, and what it looks like, its values masked."""

    file: str
    line: int
    reason: str
    text: str = ""


class BatchUnreadable(SluicegateError):
    """The batch exists, but its bytes can't be read as their format.

    Where it is for single lines of text, ``lines`` has them, in their order, and there are at least ``more`` besides.
    """

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", lines: tuple[BadLine, ...] = (), more: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.lines = lines
        self.more = more

    def renamed(self, names: Mapping[str, str]) -> Self:
        """This error, with what its reader calls the files instead of what they are called here: ``names`` has both."""
        for here, there in names.items():
            self.message = self.message.replace(here, there)
            self.lines = tuple(replace(line, file=line.file.replace(here, there)) for line in self.lines)
        self.args = (self.message,)
        return self


class BatchRefused(SluicegateError):
    """The gate did not let a batch through; ``outcome`` is the ``RunOutcome``."""

    def __init__(self, message: str, *, outcome: Any) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.exit_code = outcome.exit_code


class BatchConflict(SluicegateError):
    """The same ``batch_id`` was handed in before with other content."""

    exit_code = 4


class EngineError(SluicegateError):
    """An engine broke: its checks are ``errored``, never ``passed``."""

    exit_code = 5


class StorageError(SluicegateError):
    """A target, a quarantine store or the history can't be reached, read or written."""

    exit_code = 6


class TransientStorageError(StorageError):
    """The same call may succeed later."""


class CommitStateUnknown(StorageError):
    """It is not known whether the commit took place: resolve it by looking at the target."""
