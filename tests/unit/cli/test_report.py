from __future__ import annotations

from typing import Any

import pytest

from sluicegate.cli.report import MARKS, report_lines
from sluicegate.cli.screen import cells
from sluicegate.report.wording import counts_text
from sluicegate.verdict.model import Decision, Outcome

_LONG = "a very long name of a check that somebody wrote because they could, and did not think of terminals"


def _check(name: str, outcome: str, **more: Any) -> dict[str, Any]:
    base = {
        "id": name,
        "name": name,
        "type": "not_null",
        "engine": "duckdb",
        "area": "quality",
        "severity": "error",
        "outcome": outcome,
        "message": "472 of 930 rows (50.75 %)",
        "hint": "",
        "evidence": None,
    }
    return base | more


def _facts(
    checks: list[dict[str, Any]], *, decision: str = "quarantine", action: str = "quarantined", **more: Any
) -> dict[str, Any]:
    counts = {outcome.value: sum(check["outcome"] == outcome for check in checks) for outcome in Outcome}
    verdict = {
        "verdict_id": "v-0123456789abcdef",
        "decision": decision,
        "reasons": ["flight was not cancelled: failed"] if decision != "commit" else [],
        "contract": {"name": "flights", "version": "1.0.0", "sha256": "f" * 64},
        "batch": {"batch_id": "2013-02-08", "rows": 930},
        "clock": "2013-02-09T10:00:00+00:00",
        "engines": {"duckdb": "2.0.0"},
        "counts": counts,
        "checks": checks,
    }
    facts: dict[str, Any] = {
        "action": action,
        "location": None,
        "already_committed": None,
        "quarantine_id": None,
        "quarantined_at": None,
        "decided_before": False,
        "exit_code": 3,
        "seconds": 0.5,
        "warnings": [],
        "verdict": verdict,
    }
    return facts | more


def _text(facts: dict[str, Any], width: int = 80, *, verbose: bool = False) -> str:
    lines = report_lines(facts, width=width, verbose=verbose)
    return "\n".join("".join(span if isinstance(span, str) else span[0] for span in line).rstrip() for line in lines)


_EVERY = [_check(outcome.value, outcome.value) for outcome in Outcome]


def test_every_outcome_has_its_own_mark_so_that_colour_is_not_needed() -> None:
    assert set(MARKS) == {outcome.value for outcome in Outcome}
    assert len({mark for mark, _ in MARKS.values()}) == len(Outcome)
    text = _text(_facts(_EVERY))
    for outcome in Outcome:
        assert f"{MARKS[outcome][0]} {outcome}" in text


@pytest.mark.parametrize("width", [40, 60, 80, 120, 160])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    evidence = {
        "columns": [f"column_{i}" for i in range(9)],
        "rows": [["x" * 50, None, 1.5, "東京", "\x1b[31m", True, "", 2, 3]] * 3,
    }
    checks = [
        _check(_LONG, "failed", message=_LONG * 3, hint=_LONG, evidence=evidence),
        _check("short", "errored", engine="great_expectations", message="no " * 60),
    ]
    facts = _facts(checks, quarantine_id="q-" + "0" * 32)
    facts["verdict"]["batch"]["batch_id"] = "b" * 128
    for line in _text(facts, width).splitlines():
        assert cells(line) <= width, line
        assert line.isprintable()


def test_what_a_schema_implies_is_one_line_while_it_holds_and_whole_when_asked() -> None:
    checks = [_check(f"type of {name}", "passed", area="schema", type="column_type") for name in "abc"]
    checks.insert(1, _check("type of z", "failed", area="schema", type="column_type"))
    folded = _text(_facts(checks))
    assert "schema (3 checks)" in folded
    assert "3 column_type" in folded
    assert "✗ type of z" in folded
    assert "type of a" not in folded
    assert "type of a" in _text(_facts(checks), verbose=True)


def test_evidence_shows_nulls_and_keeps_control_characters_out() -> None:
    evidence = {"columns": ["tailnum", "dep_time"], "rows": [["N\x1b[31m1", None]]}
    text = _text(_facts([_check("a", "failed", evidence=evidence)]))
    assert "tailnum" in text
    assert "NULL" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("action", "decision", "more", "expected"),
    [
        ("committed", "commit", {"location": "data/batch=1", "already_committed": False}, "COMMITTED: 930 rows are in data/batch=1"),
        ("committed", "commit_with_warnings", {"location": "s3://b/1", "already_committed": False}, "COMMITTED WITH WARNINGS: 930 rows are in s3://b/1, although"),
        ("committed", "commit", {"location": "data/batch=1", "already_committed": True}, "930 rows had been committed before"),
        ("committed", "quarantine", {"location": "data/batch=1", "already_committed": True}, "REFUSED TOO LATE: 930 rows had been committed before and are as they were: data/batch=1, although"),
        ("quarantined", "quarantine", {"quarantine_id": "q-1"}, "QUARANTINED: nothing was committed; 930 rows wait as q-1 because"),
        ("quarantined", "commit", {"quarantine_id": "q-1", "quarantined_at": "2013-02-08T06:00:00+00:00", "decided_before": True}, "QUARANTINED: nothing was committed; 930 rows wait as q-1 since 2013-02-08 06:00 UTC"),
        ("quarantined", "block", {"quarantine_id": "q-1", "quarantined_at": "2013-02-08T06:00:00+00:00", "decided_before": True}, "930 rows wait as q-1 since 2013-02-08 06:00 UTC because"),
        ("committed", "block", {"location": "data/batch=1", "already_committed": True}, "REFUSED TOO LATE: 930 rows had been committed before"),
        ("committed", "quarantine", {"location": "data/batch=1", "already_committed": True, "exit_code": 0}, "COMMITTED BEFORE: 930 rows had been committed before"),
        ("committed", "quarantine", {"location": "data/batch=1", "already_committed": True, "exit_code": 0, "other_data": True, "rows_committed": 458}, "COMMITTED BEFORE: not this data, but a repaired delivery of it: 458 rows in data/batch=1, although"),
        ("deleted", "commit", {"quarantine_id": "q-1"}, "DELETED BEFORE: nothing was committed, and nothing kept again: q-1 was given up"),
        ("blocked", "block", {}, "BLOCKED: nothing was committed; the batch stays where it was because"),
        ("checked", "commit", {}, "PASSED: nothing was changed; a run would commit the batch"),
        ("checked", "commit_with_warnings", {}, "a run would commit the batch with warnings because"),
        ("checked", "quarantine", {}, "FAILED: nothing was changed; a run would quarantine the batch because"),
        ("checked", "block", {}, "a run would block the batch because"),
    ],
)  # fmt: skip
def test_the_decision_is_one_plain_sentence(action: str, decision: str, more: dict[str, Any], expected: str) -> None:
    text = " ".join(_text(_facts(_EVERY, action=action, decision=decision, **more), 120).split())
    assert expected in text


@pytest.mark.parametrize(
    ("action", "decision", "again", "expected"),
    [
        ("committed", "commit", False, "1 row is in data/batch=1"),
        ("committed", "commit", True, "1 row had been committed before and is as it was"),
        ("quarantined", "quarantine", False, "1 row waits as q-1"),
    ],
)
def test_one_row_is_said_in_the_singular(action: str, decision: str, again: bool, expected: str) -> None:
    facts = _facts([], action=action, decision=decision, location="data/batch=1", already_committed=again, quarantine_id="q-1")
    facts["verdict"]["batch"]["rows"] = 1
    assert expected in " ".join(_text(facts, 120).split())


@pytest.mark.parametrize("decision", list(Decision))
def test_every_decision_has_a_sentence_for_a_check(decision: Decision) -> None:
    assert "a run would" in " ".join(_text(_facts([], action="checked", decision=decision.value)).split())


def test_who_answers_for_the_data_is_named_when_something_is_wrong() -> None:
    about: dict[str, Any] = {"owner": "data@example.com", "documentation_url": "https://example.com/wiki/flights"}
    assert "ask data@example.com · read https://example.com/wiki/flights" in _text(_facts(_EVERY, **about))
    assert "ask data@example.com\n" in _text(_facts(_EVERY, **about | {"documentation_url": None}))
    assert "ask" not in _text(_facts([], decision="commit", action="committed", location="a", already_committed=False, **about))


def test_the_next_command_is_never_wrapped() -> None:
    command = "sluicegate quarantine show q-0123456789 --config /a/long/path/to/a/profile/that/does/not/fit.yaml"
    assert f"next: {command}" in _text(_facts([], next=command), 60)


def test_counts_name_only_what_there_is() -> None:
    assert counts_text(_facts(_EVERY)["verdict"]).startswith("6 checks: 1 passed, 1 warned, 1 failed")
    assert counts_text(_facts([])["verdict"]) == "0 checks: none"


def test_verbose_names_what_makes_the_verdict_reproducible() -> None:
    text = _text(_facts([]), verbose=True)
    assert "v-0123456789abcdef" in text
    assert "duckdb 2.0.0" in text
    assert "clock 2013-02-09 10:00 UTC" in text
