"""``recover``: finish or roll back what dead workers left."""

from __future__ import annotations

import re
from argparse import Namespace
from dataclasses import asdict
from datetime import timedelta

from sluicegate.cli.quarantine import gate_of
from sluicegate.cli.screen import Screen, clean, wrap
from sluicegate.errors import UsageError
from sluicegate.words import plural

__all__ = ["age", "recover"]

_AGE = re.compile(r"(\d{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def recover(options: Namespace, screen: Screen) -> int:
    """One line for each thing that was found, as it is done; the exit code is the highest of theirs."""
    found = []
    for item in gate_of(options).recover(older_than=age(options.older_than), dry_run=options.dry_run):
        found.append(item)
        if not screen.quiet:
            told = f"{item.done}: {item.what} {item.where}" + (f", {plural(item.bytes, 'byte')}" if item.bytes else "")
            screen.lines([(line,) for line in wrap(clean(told), screen.width)])
            screen.lines([((f"  {line}", "dim"),) for line in wrap(clean(item.why), screen.width - 2)])
    code = max((item.exit_code for item in found), default=0)
    screen.document({"items": [asdict(item) for item in found], "dry_run": options.dry_run, "exit_code": code})
    failed, done = sum(item.exit_code > 0 for item in found), sum(not item.done.endswith("left") for item in found)
    would = " to do" if options.dry_run else " done"
    screen.line(
        f"{plural(done, 'thing')}{would}" + (f", {failed} could not be" if failed else "") if found else "nothing was left"
    )
    return code


def age(text: str) -> timedelta:
    """A length of time such as ``15m``.

    Raises:
        UsageError: it is none.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        raise UsageError(f"--older-than {text!r} is no length of time", hint="such as 90s, 15m, 24h or 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
