"""The entry point: arguments to verb, errors to one message and an exit code."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sluicegate.errors import BatchUnreadable, ContractError, SluicegateError

if TYPE_CHECKING:
    from argparse import Namespace

    from sluicegate.cli.screen import Screen

__all__ = ["main"]

INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h: our own fault, not the user's."""
INTERRUPTED = 130
_LINES = 20
TERMINATED_BY = 128
"""Plus the signal's number, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (DESIGN section 8; 70 is an error of our own, 130 an interrupt).

    Without arguments it is the console's entry point: there SIGTERM cleans up as an interrupt does (143), and the process ends in here.
    """
    if argv is None:
        _occupy_standard_streams()
        signal.signal(signal.SIGTERM, _terminate)
    code = _run(argv)
    if argv is None:
        _leave(code)
    return code


def _terminate(number: int, _frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # once is enough; and it tells what a KeyboardInterrupt out of DuckDB was
    raise SystemExit(TERMINATED_BY + number)


def _occupy_standard_streams() -> None:
    """Where the caller closed a standard stream, its number must not go to a file of ours: a library may print into it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def _run(argv: Sequence[str] | None) -> int:
    from sluicegate.cli.parser import parse

    arguments = list(sys.argv[1:] if argv is None else argv)
    options: Namespace | None = None
    try:
        options = parse(arguments)
        return _call(options)
    except SluicegateError as error:
        return _refuse(error, _screen(options, arguments))
    except KeyboardInterrupt:
        if argv is None and signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
            return TERMINATED_BY + signal.SIGTERM
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:  # argparse's --help and --version
        return stop.code if isinstance(stop.code, int) else 0
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for anything a user can cause
        return _report_bug(error, _screen(options, arguments))


def _leave(code: int) -> None:
    """End the process without taking the interpreter down: that takes longer than judging a small batch.

    Around threads of ours that were abandoned it can hang, crash or complain, besides. What registered itself for the end is called, as ever.
    """
    threading = sys.modules.get("threading")  # nobody has started any where it was never imported
    abandoned = threading is not None and any(thread.name.startswith("sluicegate-") for thread in threading.enumerate())
    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - it has no other name
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except Exception:  # noqa: BLE001 - a stream that takes nothing more: Python has its own words and code for it
        if not abandoned:
            return
    os._exit(code)


def _call(options: Namespace) -> int:
    from importlib import import_module

    module, _, function = options.handler.partition(":")
    code: int = getattr(import_module(module), function)(options, _screen(options, ()))
    return code


def _screen(options: Namespace | None, arguments: Sequence[str]) -> Screen:
    from sluicegate.cli.screen import Screen

    if options is None:  # the command line could not be read: guess what its author wants to see
        return Screen(json="--json" in arguments)
    return Screen(json=options.json, quiet=options.quiet, verbose=options.verbose, color=options.color)


def _refuse(error: SluicegateError, screen: Screen) -> int:
    from sluicegate.cli.screen import clean

    faults = error.faults if isinstance(error, ContractError) else ()
    lines = error.lines if isinstance(error, BatchUnreadable) else ()
    if screen.json:
        from sluicegate.report.model import error_document

        screen.document({"error": error_document(error)})
        return error.exit_code
    if faults:
        screen.problem("\n".join(str(fault) for fault in faults))
        screen.problem(f"{len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was run")
    else:
        screen.problem(f"error: {error.message}")
        if error.hint:
            screen.problem(f"  hint: {error.hint}")
        for line in lines[:_LINES] if len(lines) > 1 else ():
            screen.problem(clean(f"  {line.file}, line {line.line}: {line.reason}: {line.text}"))
        if len(lines) > _LINES and isinstance(error, BatchUnreadable):
            screen.problem(f"  … and {len(lines) - _LINES + error.more:,} more; --json has the first {len(lines)}")
    return error.exit_code


def _report_bug(error: Exception, screen: Screen) -> int:
    """Say what broke, and where. What the exception itself says may quote the batch: only $SLUICEGATE_DEBUG shows that."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""  # noqa: PTH119 - pathlib is not needed
    told = f"internal error: {type(error).__name__}{place}"
    if screen.json:
        found = {"type": "InternalError", "message": told, "hint": "please report it", "exit_code": INTERNAL_ERROR}
        screen.document({"error": found})
    else:
        screen.problem(f"{told}\n  hint: please report it, with what --verbose prints")
    if os.environ.get("SLUICEGATE_DEBUG"):
        screen.problem("".join(traceback.format_exception(error)))
    elif screen.verbose:
        screen.problem("\n".join(_without_texts(error)))
    return INTERNAL_ERROR


def _without_texts(error: BaseException) -> Iterator[str]:
    """The traceback: of it and of what caused it the places and the types."""
    import traceback

    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield (
            "".join(traceback.format_tb(cause.__traceback__))
            + f"{type(cause).__name__} (its text may quote data: SLUICEGATE_DEBUG=1 shows it)"
        )
        cause = cause.__cause__ or cause.__context__
