"""Where text goes: plain in a pipe, coloured on a terminal, one JSON document on demand. Never a traceback, a secret, nor torn lines."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from sluicegate.redact import redacted, redacted_tree
from sluicegate.words import clean

__all__ = ["Line", "Screen", "Span", "cells", "clean", "cut", "grid", "wrap"]

Span = tuple[str, str]
"""A text and its style; an empty style is plain."""

Line = Sequence[Span | str]
"""One line of a report: a bare text is a plain span."""

_PIPE_WIDTH = 100
_MIN_WIDTH, _MAX_WIDTH = 40, 160
_MIN_COLUMN = 8
_ASCII = str.maketrans({"✓": "+", "✗": "x", "\u2013": "-", "·": ".", "…": "~", "→": ">", "█": "#", "▁": "_", "─": "-"})


def cells(text: str) -> int:
    """How many columns of a terminal the text takes.

    >>> cells("né東")
    4
    """
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or char == "\u200d":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text, shortened with an ellipsis to at most ``width`` columns.

    >>> cut("departures", 6)
    'depar…'
    """
    if cells(text) <= width:
        return text
    kept, used = "", 0
    for char in text:
        used += _cells(char)
        if used > width - 1:
            break
        kept += char
    return kept + "…"


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` columns, broken between words; a word that is longer is broken, never cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in _pieces(word, width):
            joined = f"{line} {piece}" if line else piece
            if cells(joined) > width:
                lines.append(line)
                joined = piece
            line = joined
    return [*lines, line]


def _pieces(word: str, width: int) -> Iterator[str]:
    piece = ""
    for char in word:
        if piece and cells(piece) + _cells(char) > width:
            yield piece
            piece = ""
        piece += char
    yield piece


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> list[str]:
    """Aligned columns; columns that don't fit are left out from the right, and counted.

    >>> grid(("a", "b"), [("1", "22")], 40)
    ['a  b', '1  22']
    """
    table = [[clean(cell) for cell in row] for row in (header, *rows)]
    widths = _fit([max(cells(row[i]) for row in table) for i in range(len(header))], width)
    hidden = f"  +{len(header) - len(widths)} more" if len(widths) < len(header) else ""
    lines = []
    for i, row in enumerate(table):
        parts = [_pad(cut(cell, column), column) for cell, column in zip(row, widths, strict=False)]
        lines.append(("  ".join(parts) + (hidden if i == 0 else "")).rstrip())
    return lines


def _fit(wanted: Sequence[int], width: int) -> list[int]:
    """Column widths that fit, the first ones first; the last that gets in may be narrower than it wants."""
    widths: list[int] = []
    for i, column in enumerate(wanted):
        least = min(column, max(_MIN_COLUMN, width // 3))
        more = len(wanted) - i - 1
        room = width - sum(widths) - 2 * len(widths) - (len(f"  +{more} more") if more else 0)
        if least > room:
            if room >= _MIN_COLUMN:
                widths.append(room)
            break
        widths.append(least if more else min(column, room))
    return widths or [width]


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - cells(text))


@dataclass(slots=True)
class Screen:
    """Standard output and standard error, as the user wants them.

    Attributes:
        json: standard output carries exactly one JSON document, and nothing else.
        color: None for colours on a terminal only; ``NO_COLOR`` is respected.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool | None = None
    out: TextIO = field(default_factory=lambda: sys.stdout or io.StringIO())  # None where the caller closed it
    err: TextIO = field(default_factory=lambda: sys.stderr or io.StringIO())

    @property
    def is_terminal(self) -> bool:
        return self.out.isatty()

    @property
    def styled(self) -> bool:
        if self.color is not None:
            return self.color
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """Columns to use: the terminal's, or ``COLUMNS``, or 100 in a pipe."""
        found = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns
        return max(_MIN_WIDTH, min(found, _MAX_WIDTH))

    def line(self, *spans: Span | str) -> None:
        """One line of the report (nothing with ``--json``); whatever is in it, it stays one line and moves no cursor."""
        if not self.json:
            pairs = [(span, "") if isinstance(span, str) else span for span in spans]
            self._emit([(clean(redacted(text)), style) for text, style in pairs])

    def lines(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.line(*line)

    def code(self, text: str, language: str) -> None:
        """A block of an engine's language, highlighted on a terminal."""
        if self.json:
            return
        text = "\n".join(clean(line.expandtabs()) for line in redacted(text).split("\n"))
        if not self.styled:
            self._write(text.rstrip("\n") + "\n")
            return
        from rich.syntax import Syntax

        self._console().print(Syntax(text.rstrip("\n"), language, theme="ansi_dark", background_color="default", word_wrap=True))

    def text(self, text: str) -> None:
        """A text in another program's language, as it is."""
        self._write(text)

    def document(self, document: Any) -> None:
        """The JSON document (only with ``--json``)."""
        if self.json:
            self._write(json.dumps(redacted_tree(document), ensure_ascii=False, indent=2, default=str) + "\n")

    def problem(self, text: str) -> None:
        """A message on standard error."""
        with contextlib.suppress(OSError):
            print(self._encodable(redacted(text), self.err), file=self.err)

    @contextlib.contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """A spinner while something runs, and how to tell it what; silent in a pipe."""
        if self.json or self.quiet or not (self.err.isatty() and self.is_terminal):
            yield lambda _: None
            return
        from rich.console import Console

        with Console(file=self.err).status(text) as status:
            yield status.update

    def _console(self) -> Any:
        from rich.console import Console

        return Console(file=self.out, force_terminal=True, width=self.width, highlight=False, soft_wrap=True)

    def _emit(self, spans: Sequence[Span]) -> None:
        if not self.styled:
            self._write("".join(text for text, _ in spans).rstrip() + "\n")
            return
        from rich.text import Text

        with self._unbroken():
            self._console().print(Text.assemble(*[(self._encodable(text, self.out), style) for text, style in spans]))

    def _write(self, text: str) -> None:
        with self._unbroken():
            self.out.write(self._encodable(text, self.out))
            self.out.flush()

    @contextlib.contextmanager
    def _unbroken(self) -> Iterator[None]:
        """A reader that went away (``| head``) or a full disk must not change what happens to the batch, nor the exit code."""
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError, ValueError):  # from here on all output goes nowhere
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())
            if not isinstance(error, BrokenPipeError):
                self.problem(f"warning: the report can't be written: {error.strerror or error}")

    @staticmethod
    def _encodable(text: str, stream: TextIO) -> str:
        encoding = stream.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
        return text
