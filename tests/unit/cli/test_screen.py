from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from sluicegate.cli.screen import Screen, cells, clean, cut, grid, wrap


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _screen(**options: object) -> tuple[Screen, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Screen(out=out, err=err, **options), out, err  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["\x1b[2J", "a\rb", "bell\x07", "\u202edrowssap", "line\nbreak", "\x9b31m"])
def test_data_cannot_move_the_cursor(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert shown != text


def test_no_line_and_no_code_moves_the_cursor_whoever_wrote_it() -> None:
    screen, out, _ = _screen()
    screen.line(("evil \x1b[31m\nname", "bold"), " \u202edrowssap")
    screen.code("# \x1b]0;title\x07\nSELECT\t1", "sql")
    assert out.getvalue() == "evil \\x1b[31m\\nname \\u202edrowssap\n# \\x1b]0;title\\x07\nSELECT  1\n"


@pytest.mark.parametrize("text", ["plain", "Ünïcödé", "東京", "N3ALAA", "👩\u200d🚀"])
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_cut_text_never_takes_more_columns_than_it_may(width: int) -> None:
    assert cells(cut("東京 departures", width)) <= width


@pytest.mark.parametrize("width", [10, 23, 40])
def test_wrapped_text_loses_no_letter_and_never_overflows(width: int) -> None:
    text = "the batch waits as q-0123456789abcdef0123456789abcdef in /a/very/long/path/without/any/break.parquet because 東京東京東京東京東京東京"
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_wrapping_nothing_is_one_empty_line() -> None:
    assert wrap("", 20) == [""]


def test_a_grid_leaves_out_columns_that_do_not_fit_and_counts_them() -> None:
    lines = grid(("a", "b", "c", "d"), [("x" * 12, "y" * 12, "z" * 12, "w" * 12)], 40)
    assert all(cells(line) <= 40 for line in lines)
    assert "more" in lines[0]
    assert "x" * 12 in lines[1]


def test_a_grid_shows_everything_when_there_is_room() -> None:
    assert grid(("city", "n"), [("東京", "1"), ("Ulm", "22")], 40) == ["city  n", "東京  1", "Ulm   22"]


def test_with_json_standard_output_is_one_document_and_nothing_else() -> None:
    screen, out, _ = _screen(json=True)
    screen.line("not this")
    screen.code("nor this", "sql")
    screen.document({"a": "ü"})
    assert json.loads(out.getvalue()) == {"a": "ü"}


def test_without_json_there_is_no_document() -> None:
    screen, out, _ = _screen()
    screen.document({"a": 1})
    screen.line(("bold", "bold"), " plain")
    screen.code("SELECT 1\n", "sql")
    assert out.getvalue() == "bold plain\nSELECT 1\n"


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert Screen(out=_Terminal()).styled
    assert not Screen(out=io.StringIO()).styled
    assert not Screen(out=_Terminal(), color=False).styled
    assert Screen(out=io.StringIO(), color=True).styled
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Screen(out=_Terminal()).styled


def test_a_styled_line_says_the_same_words() -> None:
    screen, out, _ = _screen(color=True)
    screen.line(("passed", "green"), " [bold]not markup[/bold]")
    assert "\x1b[32mpassed" in out.getvalue()
    assert "[bold]not markup[/bold]" in out.getvalue()
    screen.code("SELECT 1", "sql")
    assert "SELECT" in out.getvalue()


def test_a_terminal_without_unicode_gets_ascii_marks() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    Screen(out=out).line("✓ ✗ · \u2013 naïve")
    assert raw.getvalue() == b"+ x . - na\\xefve\n"


def test_progress_is_silent_in_a_pipe_and_spins_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, out, err = _screen()
    with screen.progress("working") as tell:
        tell("still working")
    assert out.getvalue() == err.getvalue() == ""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Screen(out=_Terminal(), err=_Terminal())
    with terminal.progress("working") as tell:
        tell("still working")
    assert "working" in terminal.err.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("9", 40), ("4000", 160)])
def test_the_width_is_the_terminals_within_reason(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert _screen()[0].width == width


def test_a_reader_that_goes_away_changes_neither_the_end_nor_the_exit_code() -> None:
    code = (
        "from sluicegate.cli.screen import Screen\ns = Screen()\nfor i in range(20000): s.line(f'line {i}')\nraise SystemExit(3)"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 3
