"""The browser finds what is planted: a look that could find nothing would prove nothing."""

from pathlib import Path

from tests.browser.chromium import Look

BAD = """<!doctype html><html><title>x</title><style>p { font-size: 9px; width: 900px }</style>
<p>tiny, and too wide</p><img src="https://example.org/x.png"><script>nowhere()</script>"""
GOOD = """<!doctype html><html lang="en"><title>A page</title><meta name="viewport" content="width=device-width">
<main><h1>A page</h1><details><summary>more</summary><p>folded</p></details></main>"""


def test_every_fault_of_a_bad_page_is_found(look: Look, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(BAD)
    found = look(tmp_path / "bad.html", width=400).faults()
    assert found.keys() == {"console", "requests", "pixels too wide", "small text", "axe"}
    assert any("nowhere is not defined" in each for each in found["console"])
    assert found["requests"] == ["https://example.org/x.png"]
    assert found["small text"] == ["tiny, and too wide"]
    assert {"html-has-lang", "image-alt"} <= {each[0] for each in found["axe"]}


def test_a_page_as_it_should_be_has_no_fault(look: Look, tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(GOOD)
    assert look(tmp_path / "good.html", width=400, scheme="dark").faults() == {}
