from __future__ import annotations

from pathlib import Path
from typing import Any

from sluicegate.errors import ContractError, Fault, StorageError
from sluicegate.report.github import github
from sluicegate.report.model import Report, run_failure
from tests.unit.report.samples import check, facts

ROOT = {"GITHUB_WORKSPACE": "/home/runner/work"}


def lines(*checks: dict[str, Any], **more: Any) -> list[str]:
    return github(Report(facts=facts(*checks, **more), contract_file="contracts/orders.yaml"), environ=ROOT).splitlines()


def test_the_decision_comes_first_then_what_did_not_pass_at_its_line() -> None:
    found = lines(check("a"), check("b", "warned"), check("c", "failed"))
    assert found[0].startswith("::error file=contracts/orders.yaml,title=orders%3A QUARANTINED::nothing was committed")
    assert found[0].endswith("c: failed%0Anext: sluicegate quarantine show q-1")
    assert found[1:] == [
        "::error file=contracts/orders.yaml,line=12,col=5,title=c::failed: 7 of 200 rows (3.50 %25) (duckdb)",
        "::warning file=contracts/orders.yaml,line=12,col=5,title=b::warned: 7 of 200 rows (3.50 %25) (duckdb)",
    ]


def test_a_run_that_passes_is_a_notice_and_what_it_warns_of_no_error() -> None:
    passed = lines(check("a"), decision="commit", action="committed", location="data/orders", exit_code=0)
    assert [line.partition(" ")[0] for line in passed] == ["::notice"]
    warned = lines(check("a", "failed"), decision="commit_with_warnings", action="committed", location="data/orders", exit_code=0)
    assert [line.partition(" ")[0] for line in warned] == ["::warning", "::warning"]


def test_no_text_ends_a_property_or_begins_a_command() -> None:
    found = lines(check("a,line=1::error::x\n::warning::y", "failed", message="100%\n::stop-commands::z"))
    assert len(found) == 2
    assert "title=a%2Cline=1%3A%3Aerror%3A%3Ax\\n%3A%3Awarning%3A%3Ay::" in found[1]
    assert found[1].endswith("failed: 100%25\\n::stop-commands::z (duckdb)")


def test_github_shows_ten_of_a_level_so_the_last_counts_those_that_are_beyond() -> None:
    found = lines(*(check(f"c{i}", "failed") for i in range(30)))
    assert len(found) == 10
    assert found[-1].startswith("::error title=and 22 more checks::c8%0Ac9%0A")
    assert len(lines(*(check(f"c{i}", "failed") for i in range(9)))) == 10


def test_a_place_in_the_repository_is_told_as_the_repository_has_it(tmp_path: Path) -> None:
    inside = check("a", "failed", place={"file": str(tmp_path / "sub" / "c.yaml"), "line": 3, "column": 1})
    outside = check("b", "failed", place={"file": "/elsewhere/c.yaml", "line": 0, "column": 0})
    report = Report(facts=facts(inside, outside), contract_file=str(tmp_path / "c.yaml"))
    found = github(report, environ={"GITHUB_WORKSPACE": str(tmp_path)}).splitlines()
    assert [line.partition(",")[0] for line in found] == [
        "::error file=c.yaml",
        "::error file=sub/c.yaml",
        "::error file=/elsewhere/c.yaml",
    ]


def test_each_fault_is_an_error_at_its_line() -> None:
    faults = tuple(Fault("c.yaml", i, 3, f"fault {i}", "cure") for i in range(1, 13))
    found = github(run_failure(ContractError(faults), "c.yaml"), environ=ROOT).splitlines()
    assert len(found) == 10
    assert found[0] == "::error file=c.yaml,line=1,col=3,title=fault in the contract::fault 1%0Acure"
    assert found[-1].startswith("::error title=and 3 more faults::c.yaml:10: fault 10%0A")


def test_a_run_without_a_verdict_is_an_error_at_its_contract() -> None:
    found = github(run_failure(StorageError("the disk is full", hint="free some space"), "c.yaml"), environ=ROOT)
    assert found == "::error file=c.yaml,title=no verdict::the disk is full%0Afree some space\n"
