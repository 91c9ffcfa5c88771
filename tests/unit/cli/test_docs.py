from __future__ import annotations

from pathlib import Path

from sluicegate.verdict.policy import decision_table

_PAGE = Path(__file__).parents[3] / "docs" / "decisions.md"


def test_the_decision_table_of_the_docs_is_what_the_code_decides() -> None:
    shown = _PAGE.read_text("utf-8").partition("<!-- decision-table -->\n")[2].partition("<!-- /decision-table -->")[0]
    assert shown.strip() == decision_table().strip()
