from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sluicegate.errors import BadLine, BatchUnreadable, ContractError, Fault
from sluicegate.report.junit import junit
from sluicegate.report.model import Report, run_failure
from tests.unit.report.samples import check, facts


def suite_of(document: dict[str, Any]) -> ET.Element:
    root = ET.fromstring(junit(Report(facts=document)))
    suite = root.find("testsuite")
    assert root.tag == "testsuites"
    assert suite is not None
    return suite


def ended(suite: ET.Element) -> list[str]:
    return [case[0].tag if len(case) else "passed" for case in suite.iter("testcase")]


def test_each_check_is_one_test_case_and_ends_as_it_ended() -> None:
    outcomes = ("passed", "warned", "failed", "errored", "unsupported", "skipped")
    suite = suite_of(facts(*(check(outcome, outcome) for outcome in outcomes)))
    assert ended(suite) == ["passed", "passed", "failure", "error", "error", "skipped"]
    wanted = {"tests": "6", "failures": "1", "errors": "2", "skipped": "1", "time": "0.500"}
    assert {name: suite.get(name) for name in wanted} == wanted
    assert "warned: warned: 7 of 200 rows" in (suite.findtext("system-out") or "")


def test_what_the_contract_lets_be_unsupported_fails_no_build() -> None:
    suite = suite_of(facts(check("a", "unsupported"), decision="commit_with_warnings", action="committed", exit_code=0))
    assert ended(suite) == ["skipped"]


def test_a_batch_that_no_check_refuses_and_that_is_refused_all_the_same_is_a_failure() -> None:
    suite = suite_of(facts(check("a")))  # it waits in quarantine since an earlier decision
    assert ended(suite) == ["passed", "failure"]
    assert suite.get("tests") == "2"
    assert ended(suite_of(facts(decision="block", action="blocked"))) == ["failure"]  # nothing was evaluated


def test_a_failure_says_where_the_check_stands_and_what_cures_it() -> None:
    failure = next(suite_of(facts(check("a", "failed", hint="ask the shop"))).iter("failure"))
    assert failure.get("message") == "7 of 200 rows (3.50 %)"
    assert (failure.text or "").splitlines() == ["ask the shop", "not_null on duckdb", "contracts/orders.yaml:12"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<a> & \"b\" 'c'", "<a> & \"b\" 'c'"),
        ("bell \x07, zero \x00, escape \x1b[31m", "bell \\x07, zero \\x00, escape \\x1b[31m"),
        ("\ud800 \ufffe \uffff \U0001fffe", "\\ud800 \ufffd \ufffd \ufffd"),
        ("two\nlines", "two\\nlines"),
    ],
)
def test_whatever_is_in_a_name_or_message_the_document_stays_well_formed(text: str, shown: str) -> None:
    document = facts(check(text, "failed", message=text, hint=text), next=text)
    case = next(ET.fromstring(junit(Report(facts=document)).encode()).iter("testcase"))
    assert (case.get("name"), case[0].get("message")) == (shown, shown)


def test_every_fault_of_a_contract_is_an_error_with_its_place() -> None:
    faults = (Fault("c.yaml", 4, 3, "unknown key 'x'", "did you mean 'y'?"), Fault("c.yaml", 9, 1, "no owner"))
    root = ET.fromstring(junit(run_failure(ContractError(faults), "c.yaml")))
    assert [case.get("name") for case in root.iter("testcase")] == ["c.yaml:4:3", "c.yaml:9:1"]
    assert [error.get("message") for error in root.iter("error")] == ["unknown key 'x'", "no owner"]


def test_a_batch_that_can_t_be_read_is_an_error_with_its_lines() -> None:
    error = BatchUnreadable("b.csv: 1 line can't be read", lines=(BadLine("b.csv", 3, "a quote is never closed"),))
    found = next(ET.fromstring(junit(run_failure(error, "c.yaml"))).iter("error"))
    assert "b.csv, line 3: a quote is never closed" in (found.text or "")
