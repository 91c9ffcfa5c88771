"""JUnit XML: one test case for each check, as Jenkins and GitLab read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from sluicegate.report.model import Failure, Report
from sluicegate.report.wording import refused, sentence, word_of
from sluicegate.words import clean

__all__ = ["junit"]

_KINDS = {"failed": "failure", "errored": "error", "skipped": "skipped"}


def junit(report: Report | Failure) -> str:
    """The document. What keeps a batch out is in it as a failure or an error, whatever it was."""
    return _of_failure(report) if isinstance(report, Failure) else _of_run(report)


def _of_run(report: Report) -> str:
    facts, verdict = report.facts, report.facts["verdict"]
    held = refused(facts)
    name = f"{verdict['contract']['name']} {verdict['contract']['version']}"
    cases = [_case(check, verdict["contract"]["name"], held=held) for check in verdict["checks"]]
    if held and not any(
        kind in {"failure", "error"} for kind, _ in cases
    ):  # nothing was evaluated, or an earlier decision stands
        message = f"{word_of(facts)[0]}: {sentence(facts)} {'; '.join(verdict['reasons'])}".strip()
        told = _element("failure", message, facts["action"], facts.get("next", ""))
        cases.append(("failure", _testcase("the batch is let through", verdict["contract"]["name"], told)))
    properties = {
        "run_id": facts["run_id"],
        "decision": verdict["decision"],
        "action": facts["action"],
        "batch_id": verdict["batch"]["batch_id"],
        "rows": verdict["batch"]["rows"],
        "quarantine_id": facts["quarantine_id"],
        "exit_code": facts["exit_code"],
        "next": facts.get("next"),
    }
    warned = [f"warned: {check['name']}: {check['message']}" for check in verdict["checks"] if check["outcome"] == "warned"]
    suite = {"package": verdict["dataset"], "clock": verdict["clock"], "seconds": facts["seconds"]}
    return _document(name, cases, properties, told=[*warned, *facts["warnings"]], **suite)


def _case(check: Mapping[str, Any], contract: str, *, held: bool) -> tuple[str, str]:
    outcome, place = check["outcome"], check["place"]
    kind = _KINDS.get(outcome, "")
    if outcome == "unsupported":  # the contract may let it be
        kind = "error" if held else "skipped"
    where = f"{place['file']}:{place['line']}" if place["line"] else place["file"]
    told = "\n".join(filter(None, (check["hint"], f"{check['type']} on {check['engine'] or 'no engine'}", where)))
    return kind, _testcase(
        check["name"], f"{contract}.{check['area']}", _element(kind, check["message"], outcome, told) if kind else ""
    )


def _of_failure(failure: Failure) -> str:
    error = failure.error
    cases = [("error", _testcase(name, failure.contract_file, inner)) for name, inner in _errors(error, failure.contract_file)]
    return _document(failure.contract_file, cases, {"exit_code": error["exit_code"]})


def _errors(error: Mapping[str, Any], contract_file: str) -> Iterator[tuple[str, str]]:
    if not error.get("faults"):
        lines = [f"{line['file']}, line {line['line']}: {line['reason']}" for line in error.get("lines", ())[:20]]
        yield "the run comes to a verdict", _element("error", error["message"], error["type"], "\n".join([error["hint"], *lines]))
    for fault in error.get("faults", ()):
        place = f"{fault['file'] or contract_file}:{fault['line']}:{fault['column']}"
        yield place, _element("error", fault["message"], error["type"], fault["hint"])


def _document(
    name: str,
    cases: Iterable[tuple[str, str]],
    properties: Mapping[str, Any],
    *,
    package: str = "",
    clock: str = "",
    seconds: float = 0,
    told: Iterable[str] = (),
) -> str:
    listed = list(cases)
    count = {kind: sum(found == kind for found, _ in listed) for kind in ("failure", "error", "skipped")}
    moment = clock[: len("2013-01-01T00:00:00")] or "1970-01-01T00:00:00"  # the schema wants one, without a zone: UTC
    totals = (
        f'id="0" timestamp="{moment}" hostname="localhost" tests="{len(listed)}" failures="{count["failure"]}" '
        f'errors="{count["error"]}" skipped="{count["skipped"]}" time="{seconds:.3f}"'
    )
    known = "".join(
        f'<property name="{key}" value="{_text(value)}"/>' for key, value in properties.items() if value not in {None, ""}
    )
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<testsuites>",
            f'<testsuite name="{_text(name)}" package="{_text(package)}" {totals}>',
            f"<properties>{known}</properties>",
            *(case for _, case in listed),
            f"<system-out>{chr(10).join(map(_text, told))}</system-out>",
            "<system-err/>",
            "</testsuite>",
            "</testsuites>",
            "",
        ]
    )


def _testcase(name: str, classname: str, inner: str) -> str:
    """How long a check took isn't known: all are answered from one scan. The schema wants a time all the same."""
    return f'<testcase name="{_text(name)}" classname="{_text(classname)}" time="0">{inner}</testcase>'


def _element(kind: str, message: str, type_: str, told: str) -> str:
    if kind == "skipped":
        return f'<skipped message="{_text(message)}"/>'
    body = "\n".join(_text(line) for line in told.splitlines())
    return f'<{kind} message="{_text(message)}" type="{_text(type_)}">{body}</{kind}>'


def _text(value: object) -> str:
    """Escaped, and without characters that XML does not know."""
    return "".join(char if ord(char) & 0xFFFE != 0xFFFE else "\ufffd" for char in escape(clean(value)))  # noqa: PLR2004 - U+xxFFFE, U+xxFFFF
