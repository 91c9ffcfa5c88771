"""``--report KIND=PATH``: reports of one run beside what the terminal shows. They never change its decision, nor its exit code."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from sluicegate.cli.screen import Screen
from sluicegate.errors import StorageError, UsageError

if TYPE_CHECKING:
    from sluicegate.report.destinations import Destination
    from sluicegate.report.model import Failure, Report

__all__ = ["Reports", "reports"]


class Reports:
    """The reports that were asked for."""

    def __init__(self, wanted: tuple[Destination, ...], screen: Screen) -> None:
        self._wanted = wanted
        self._screen = screen

    @property
    def take_standard_output(self) -> bool:
        """Whether a document goes there that must stand alone; annotations go among other lines."""
        return any(each.path is None and each.kind != "github" for each in self._wanted)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """For what is shown beside the reports: where GitHub reads it, no text of the data in it is taken for a workflow command."""
        read = os.environ.get("GITHUB_ACTIONS") == "true" and any(each == ("github", None) for each in self._wanted)
        token = os.urandom(16).hex()
        if read:
            self._screen.text(f"::stop-commands::{token}\n")
        yield
        if read:
            self._screen.text(f"::{token}::\n")

    def write(self, made: Callable[[], Report | Failure]) -> None:
        """Make and write all of them. What can't be is a warning: the batch has been decided on."""
        from sluicegate.report.destinations import save, text_of

        once = cache(made)
        for each in self._wanted:
            try:
                text = text_of(once(), each.kind)
                if each.path is None:
                    self._screen.text(text)
                else:
                    save(text, each.path)
            except StorageError as error:
                self._screen.problem(f"warning: {error}")
            except Exception as error:  # noqa: BLE001 - our own fault, and no reason to tell another exit code
                self._screen.problem(f"warning: {each} could not be made: {type(error).__name__}")  # its text may quote data


@contextmanager
def reports(options: Namespace, screen: Screen) -> Iterator[Reports]:
    """The reports that the options ask for; if what is done with them ends in an error they say so.

    Raises:
        UsageError: one can't be written, and nothing was done.
    """
    from sluicegate.report.destinations import destinations, reserve
    from sluicegate.report.model import run_failure

    wanted = destinations(options.report, inputs=(options.contract, *options.batch, *filter(None, [options.config])))
    if screen.json and any(each.path is None for each in wanted):
        raise UsageError("--json and a report both want standard output", hint="give the report a path: --report KIND=PATH")
    asked = Reports(wanted, screen)
    reserve(wanted, options.contract)
    try:
        yield asked
    except BaseException as error:
        failure = run_failure(error, options.contract)
        asked.write(lambda: failure)
        raise
