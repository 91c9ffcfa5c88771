"""Reports as people see them: nothing complains, nothing leaves, nothing runs, and everybody can read them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.browser.chromium import Look, Scheme
from tests.browser.pages import PAGES, write_pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return write_pages(tmp_path_factory.mktemp("pages"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
@pytest.mark.parametrize("name", PAGES)
def test_a_report_is_readable_and_silent(look: Look, pages: Mapping[str, Path], name: str, width: int, scheme: Scheme) -> None:
    assert look(pages[name], width=width, scheme=scheme).faults() == {}


def test_no_text_of_contract_or_data_becomes_markup(look: Look, pages: Mapping[str, Path]) -> None:
    page = look(pages["hostile"], width=1600).page
    assert page.title().startswith("hostile: ")
    assert page.locator("script, img, b[onmouseover], [onclick], a[href^='javascript']").count() == 0
    assert "</td><script>run()</script>" in (page.locator("td").first.text_content() or "")
    assert page.locator(".ask").inner_text().endswith("javascript:run()")


def test_what_is_to_be_looked_at_is_open_and_what_passed_is_folded(look: Look, pages: Mapping[str, Path]) -> None:
    page = look(pages["failed"], width=1600).page
    assert page.locator("article.check h3").first.inner_text().strip().startswith("a temperature that a sensor can have")
    assert not page.locator(".row.passed .name").first.is_visible()
    page.locator(".folded > summary", has_text="Passed").click()
    assert page.locator(".row.passed .name").first.is_visible()


def test_the_page_says_what_became_of_the_batch_and_what_comes_next(look: Look, pages: Mapping[str, Path]) -> None:
    page = look(pages["failed"], width=400).page
    assert page.locator(".word").inner_text() == "QUARANTINED"
    assert page.locator(".next").inner_text().split()[1:3] == ["quarantine", "show"]
    assert page.locator(".word").bounding_box() is not None


def test_the_past_is_drawn_and_said(look: Look, pages: Mapping[str, Path]) -> None:
    figure = look(pages["failed"], width=1600).page.locator("article.failed figure").first
    assert figure.locator("path.line").count() == 1
    assert "in the last 5 batches" in figure.locator("figcaption").inner_text()


def test_evidence_is_a_table_on_a_desk_and_cards_on_a_telephone(look: Look, pages: Mapping[str, Path]) -> None:
    cell = "article.failed td"
    assert look(pages["failed"], width=1600).page.locator(cell).first.evaluate("e => getComputedStyle(e).display") == "table-cell"
    assert look(pages["failed"], width=400).page.locator(cell).first.evaluate("e => getComputedStyle(e).display") == "grid"


def test_no_classified_value_is_on_any_page(pages: Mapping[str, Path]) -> None:
    assert all("secret-name" not in file.read_text(encoding="utf-8") for file in pages.values())


def test_five_hundred_checks_are_less_than_a_megabyte(look: Look, pages: Mapping[str, Path]) -> None:
    assert pages["many"].stat().st_size < 1_000_000
    page = look(pages["many"], width=1600).page
    assert page.locator("article.check").count() == 20
    assert page.locator(".row").count() >= 480


def test_a_run_without_a_verdict_says_why(look: Look, pages: Mapping[str, Path]) -> None:
    faulty = look(pages["faulty"], width=1600).page
    assert faulty.locator(".word").inner_text() == "NO VERDICT"
    assert "faulty.yaml:4" in faulty.locator(".place").all_inner_texts()[0]
    assert "torn.csv" in look(pages["unreadable"], width=1600).page.locator("main").inner_text()
