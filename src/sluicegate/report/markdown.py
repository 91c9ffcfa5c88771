"""Markdown for a job's summary or a comment on a pull request: names, counts and the next command, no rows of the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluicegate.report import wording
from sluicegate.report.model import Failure, Report
from sluicegate.report.wording import ATTENTION, MARKS, counts_text, reasons_of, sentence, word_of
from sluicegate.words import clean, plural

__all__ = ["markdown"]

_MOST_CHECKS, _MOST_TEXT = 60, 300
"""A comment on GitHub may have 65,536 characters; what is beyond is counted."""

_SIGNS = {"good": "✅", "warning": "⚠️", "bad": "❌"}
_MEANS = re.compile(r"[\\`*_{}\[\]<>|~&#]")
_ADDRESS = re.compile(r"https?://[^\s<>]+")
_CALLS = re.compile(r"(@|#|\bhttps?|\bwww|\b[A-Z]{2,}-(?=\d))", re.IGNORECASE)


def markdown(report: Report | Failure) -> str:
    """The page, at most some 40,000 characters."""
    lines = _of_failure(report) if isinstance(report, Failure) else _of_run(report)
    return "\n".join(lines) + "\n"


def _of_run(report: Report) -> Iterator[str]:
    facts, verdict = report.facts, report.facts["verdict"]
    word, tone = word_of(facts)
    yield f"### {_SIGNS[tone]} {_text(verdict['contract']['name'])} {_text(verdict['contract']['version'])}: {word}"
    yield ""
    yield f"**{_text(sentence(facts))}**"
    reasons = reasons_of(facts)
    yield from (f"- {_text(reason)}" for reason in reasons[:_MOST_CHECKS])
    yield from _more(len(reasons) - _MOST_CHECKS, "reason")
    yield ""
    if facts.get("next"):
        yield from ("Next:", "", "```shell", clean(facts["next"]), "```", "")
    checks = [item for outcome in ATTENTION for item in verdict["checks"] if item["outcome"] == outcome]
    if checks:
        yield from ("| | check | what was found | engine |", "|---|---|---|---|")
        for item in checks[:_MOST_CHECKS]:
            cells = (MARKS[item["outcome"]], f"**{_text(item['name'])}**", _text(item["message"]), _text(item["engine"]))
            yield f"| {' | '.join(cells)} |"
        yield ""
        yield from _more(len(checks) - _MOST_CHECKS, "check")
    told = [counts_text(verdict), f"batch {verdict['batch']['batch_id']}", plural(verdict["batch"]["rows"], "row")]
    told += [f"run {facts['run_id']}", f"{facts['seconds']:.2f} s"]
    yield f"{_text(' · '.join(told))}"
    if who := wording.told(facts):
        yield from ("", _text(f"told: {who}"))
    yield from _asked(facts)


def _asked(facts: Mapping[str, Any]) -> Iterator[str]:
    owner, url = facts.get("owner"), facts.get("documentation_url") or ""
    told = [f"owner {_text(owner)}"] if owner else []
    if url:
        told.append(f"<{url}>" if _ADDRESS.fullmatch(url) else _text(url))
    if told:
        yield ""
        yield " · ".join(told)


def _of_failure(failure: Failure) -> Iterator[str]:
    error = failure.error
    yield f"### ❌ {_text(failure.contract_file)}: no verdict"
    yield ""
    faults: Sequence[Mapping[str, Any]] = error.get("faults", ())
    if not faults:
        yield f"**{_text(error['message'])}**"
        yield from ([] if not error["hint"] else ["", _text(error["hint"])])
    for fault in faults[:_MOST_CHECKS]:
        place = f"{fault['file'] or failure.contract_file}:{fault['line']}:{fault['column']}"
        cure = f" ({_text(fault['hint'])})" if fault["hint"] else ""
        yield f"- **{_text(place)}** {_text(fault['message'])}{cure}"
    yield from _more(len(faults) - _MOST_CHECKS, "fault")
    lines = error.get("lines", ())
    yield from ("- " + _text(f"{line['file']}, line {line['line']}: {line['reason']}") for line in lines[:20])


def _more(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield f"… and {plural(count, f'more {noun}')}"
        yield ""


def _text(value: object) -> str:
    r"""The text as it is: nothing in it formats, links, loads a picture, names a person or another issue.

    >>> print(_text("*x* @all <img>"))
    \*x\* @<!-- -->all \<img\>
    """
    text = clean(value)
    text = text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
    escaped = (_MEANS.sub(lambda found: "\\" + found[0], part) for part in _CALLS.split(text)[::2])
    called = (_called(part) for part in _CALLS.split(text)[1::2])
    parts = [*escaped]
    return "".join(part + next(called, "") for part in parts)


def _called(text: str) -> str:
    return ("\\#" if text == "#" else text) + "<!-- -->"
