from __future__ import annotations

from sluicegate.errors import ContractError, Fault, UsageError
from sluicegate.report.markdown import markdown
from sluicegate.report.model import Report, run_failure
from tests.unit.report.samples import check, facts


def test_it_says_what_became_of_the_batch_what_is_wrong_and_what_comes_next() -> None:
    text = markdown(Report(facts=facts(check("a"), check("b", "failed"))))
    assert text.startswith("### ❌ orders 1.2.0: QUARANTINED\n")
    assert "| ✗ | **b** | 7 of 200 rows (3.50 %) | duckdb |" in text
    assert "```shell\nsluicegate quarantine show q-1\n```" in text
    assert "**a**" not in text
    assert "owner shop@<!-- -->example.com · <https://example.com/orders>" in text


def test_rows_of_the_data_are_not_in_it() -> None:
    evidence = {"columns": ["name"], "rows": [["ada lovelace"]]}
    assert "ada" not in markdown(Report(facts=facts(check("a", "failed", evidence=evidence))))


def test_no_name_becomes_markup_or_calls_anybody() -> None:
    name = "*b* | `c` <img src=x> [l](http://e.example) @all #12 www.e.example\n# head"
    text = markdown(Report(facts=facts(check(name, "failed"))))
    (row,) = [line for line in text.splitlines() if line.startswith("| ✗")]
    shown = r"\*b\* \| \`c\` \<img src=x\> \[l\](http<!-- -->://e.example) @<!-- -->all \#<!-- -->12 www<!-- -->.e.example\\n\#<!-- --> head"
    assert shown in row


def test_an_address_that_is_none_is_a_text() -> None:
    text = markdown(Report(facts=facts(check("a"), documentation_url="https://e.example/<script>", owner="")))
    assert "https<!-- -->://e.example/\\<script\\>" in text


def test_it_fits_into_a_comment_whatever_a_contract_has() -> None:
    checks = [check(f"{i} {'long ' * 200}", "failed", message="m" * 5000) for i in range(500)]
    text = markdown(Report(facts=facts(*checks)))
    assert len(text) < 65_536
    assert "… and 440 more checks" in text


def test_faults_are_listed_with_their_places() -> None:
    text = markdown(run_failure(ContractError((Fault("c.yaml", 4, 3, "unknown key", "did you mean 'y'?"),)), "c.yaml"))
    assert "- **c.yaml:4:3** unknown key (did you mean 'y'?)" in text
    assert "**no such file**" in markdown(run_failure(UsageError("no such file"), "c.yaml"))
