from __future__ import annotations

import base64
import hashlib
import re

from sluicegate.errors import BadLine, BatchUnreadable
from sluicegate.report.model import Point, Report, run_failure
from sluicegate.report.page import page
from tests.unit.report.samples import check, facts

EVIDENCE = {"columns": ["id", "name"], "rows": [["1", None], ["2", "x" * 5000]]}


def test_the_style_is_the_only_thing_that_the_policy_allows() -> None:
    text = page(Report(facts=facts(check("a"))))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert (
        policy[1].replace("&#39;", "'") == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert " style=" not in text
    assert "<script" not in text


def test_what_needs_a_person_comes_before_what_passed() -> None:
    checks = [
        check("fine"),
        check("warning", "warned"),
        check("broken", "failed"),
        check("unsure", "errored"),
        check("left", "skipped"),
    ]
    text = page(Report(facts=facts(*checks)))
    places = [text.index(f' {name} <span class="tag">') for name in ("unsure", "broken", "warning")]
    places += [text.index(f'<span class="name">{name}') for name in ("left", "fine")]
    assert places == sorted(places)


def test_evidence_is_shown_null_apart_from_a_text_and_long_cells_are_cut() -> None:
    text = page(Report(facts=facts(check("a", "failed", evidence=EVIDENCE))))
    assert '<td data-name="name"><i>NULL</i></td>' in text
    assert "x" * 199 + "…" in text
    assert "x" * 200 not in text


def test_the_translation_keeps_its_lines_and_shows_no_control_character() -> None:
    text = page(Report(facts=facts(check("a")), translations={"a": ("sql", "SELECT '<b>'\nFROM \x1b[31mbatch")}))
    assert "SELECT &#39;&lt;b&gt;&#39;\nFROM \\x1b[31mbatch" in text


def test_only_the_web_s_addresses_become_links() -> None:
    assert '<a href="https://example.com/orders"' in page(Report(facts=facts(check("a"))))
    assert "<a " not in page(Report(facts=facts(check("a"), documentation_url="javascript:run()")))


def test_a_past_that_never_moved_is_not_drawn() -> None:
    still = tuple(Point(at="2026-03-01", batch_id=str(i), figure=0, refused=False) for i in range(5))
    moved = (*still, Point(at="2026-03-02", batch_id="last", figure=3.5, refused=True))
    assert "<figure>" not in page(Report(facts=facts(check("a")), past={"print of a": still}))
    assert "<figure>" in page(Report(facts=facts(check("a")), past={"print of a": moved}))


def test_five_hundred_broken_checks_of_wide_rows_are_less_than_a_megabyte_and_none_is_missing() -> None:
    evidence = {"columns": [f"c{i}" for i in range(30)], "rows": [[str(i) * 20 for i in range(30)]] * 5}
    checks = [check(f"check {i:03}", "failed", evidence=evidence) for i in range(500)]
    points = tuple(Point(at="2026-03-01", batch_id=str(i), figure=i % 7, refused=i % 2 == 0) for i in range(30))
    translations = {f"check {i:03}": ("sql", "SELECT count(*)\n" * 10) for i in range(500)}
    text = page(
        Report(facts=facts(*checks), translations=translations, past={f"print of check {i:03}": points for i in range(500)})
    )
    assert all(f" check {i:03} <" in text or f">check {i:03}<" in text for i in range(500))
    assert len(text.encode()) < 1_000_000


def test_a_batch_that_can_t_be_read_is_shown_with_its_lines() -> None:
    error = BatchUnreadable("b.csv can't be read", lines=tuple(BadLine("b.csv", i, "torn", "9,<b>") for i in range(300)), more=7)
    text = page(run_failure(error, "c.yaml"))
    assert "NO VERDICT" in text
    assert text.count('<td data-name="Why">torn') == 200
    assert "at least 107 more" in text
    assert "9,&lt;b&gt;" in text
