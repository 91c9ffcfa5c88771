"""What a message may say: the names that templates know, and how facts are made, kept and completed.

An alert keeps what is known when it happens (``facts_of``); what only the telling knows (how many happenings it stands for, times in
the reader's zone) is added when it is rendered. A name that an event has nothing to say for is there all the same, and empty: a
template that knows its names never fails for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluicegate.words import one_line

__all__ = ["EMPTY", "NAMES", "VIOLATIONS_SHOWN", "complete", "facts_of", "violations_list"]

NAMES: Mapping[str, str] = {
    "event": "what it is about above all: quality_violation, schema_violation, sla_violation, quarantined, …",
    "events": "everything that it is about, as a list",
    "severity": "critical, error, warning or info",
    "decision": "the verdict's: commit, commit_with_warnings, quarantine, block; empty where there is none",
    "action": "what was done: committed, quarantined, split, blocked, deleted, unreadable, broke, replayed, released, expiring, unknown",
    "headline": "one line that says it: the message's title",
    "summary": "a sentence or two on what was done with the batch",
    "problem": "why there is no verdict: what can't be read, which engine broke",
    "contract_name": "the contract's name",
    "contract_version": "its version",
    "asset_name": "the dataset",
    "tenant_id": "the tenant",
    "environment": "the environment",
    "owner": "who answers for the contract",
    "documentation_url": "where the dataset is described",
    "batch_id": "the batch",
    "rows": "its rows",
    "rows_committed": "how many of them are in the target now",
    "rows_quarantined": "how many of them wait in quarantine",
    "location": "where the committed rows are",
    "violation_count": "how many checks did not hold",
    "violations": "those checks, as a list: name, type, area, severity, outcome, engine, rows, failing, percent, value, message, place",
    "violations_list": "the same as text, a line for each",
    "quarantine_id": "the item that keeps the batch",
    "quarantine_path": "where that is",
    "expires_at": "when it will be deleted",
    "next_command": "the command that comes next",
    "replay_command": "the command that brings the batch through once it is mended",
    "review_url": "a page on it, where `review_url` is configured",
    "by": "who released or replayed it",
    "reason": "why, in their words",
    "failing_since": "since when the contract fails, or failed until now",
    "refused": "how many batches were refused in that time",
    "standing": "of the contract now: failing or passing; empty where nobody keeps account",
    "at": "when it happened",
    "folded": "how many happenings this message stands for",
    "first_at": "when the first of them happened",
    "last_at": "when the last one did; it is the one that all the other names are about",
    "since": "first_at in short",
    "alerts": "each of them (at most 20, the newest) as a list of such names",
    "run_id": "the run",
    "run": "the run: run_id, started_at, seconds, action, location",
    "verdict": "the verdict document; of its checks those that did not pass, without evidence",
}
"""Name -> what it says. Times are text in the configured zone; numbers are numbers; there are no values of the data."""

VIOLATIONS_SHOWN = 10
_MOST_CHECKS = 200
_LONGEST = 2_000
_LONGEST_NAME, _LONGEST_MESSAGE = 120, 300
_MOST_ITEMS = 500

_COUNTS = ("passed", "warned", "failed", "errored", "unsupported", "skipped")
_WORST = ("errored", "failed", "unsupported")

_VIOLATION: dict[str, Any] = dict.fromkeys(
    ("name", "type", "area", "severity", "outcome", "engine", "message", "hint", "place"), ""
) | dict.fromkeys(("rows", "failing", "percent", "value"))
_VERDICT: Mapping[str, Any] = {
    "verdict_id": "",
    "decision": "",
    "reasons": [],
    "contract": {"name": "", "version": "", "sha256": ""},
    "dataset": "",
    "batch": {"batch_id": "", "sha256": "", "rows": 0},
    "clock": "",
    "engines": {},
    "counts": dict.fromkeys(_COUNTS, 0),
    "checks": [],
}

EMPTY: Mapping[str, Any] = (
    dict.fromkeys(NAMES, "")
    | dict.fromkeys(("rows", "rows_committed", "rows_quarantined", "violation_count", "refused"), 0)
    | {"folded": 1, "events": [], "violations": [], "alerts": [], "verdict": _VERDICT}
    | {"run": {"run_id": "", "started_at": "", "seconds": 0, "action": "", "location": ""}}
)
"""Every name with nothing to say."""


def facts_of(verdict: Mapping[str, Any] | None = None, /, **known: Any) -> dict[str, Any]:
    """What an alert keeps: what a verdict document tells, and what else is known, under its name.

    Args:
        verdict: as ``verdict.document`` makes it, with the contract's classified columns masked; None where there is none.
        known: any of ``NAMES``; goes before what the verdict tells.

    Raises:
        TypeError: a name is none.
    """
    if unknown := known.keys() - NAMES.keys():
        raise TypeError(f"no template knows {', '.join(sorted(unknown))}")
    if verdict is None:
        return dict(known)
    violations = _violations(verdict)
    told = {
        "contract_name": verdict["contract"]["name"],
        "contract_version": verdict["contract"]["version"],
        "asset_name": verdict["dataset"],
        "batch_id": verdict["batch"]["batch_id"],
        "rows": verdict["batch"]["rows"],
        "decision": verdict["decision"],
        "violations": violations[:_MOST_CHECKS],
        "violation_count": len(violations),
        "verdict": {**verdict, "checks": list(_not_passed(verdict))[:_MOST_CHECKS]},
    }
    return told | known


def _not_passed(verdict: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for check in verdict["checks"]:
        if check["outcome"] != "passed":
            yield {key: value for key, value in check.items() if key != "evidence"}


def _violations(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The checks that did not hold, the worst first; warned ones only where there is nothing worse."""
    found = [check for check in verdict["checks"] if check["outcome"] in _WORST]
    found.sort(key=lambda check: _WORST.index(check["outcome"]))
    return [_violation(check) for check in found or [check for check in verdict["checks"] if check["outcome"] == "warned"]]


def _violation(check: Mapping[str, Any]) -> dict[str, Any]:
    rows, failing, place = check["rows"], check["failing"], check["place"]
    return {
        **{key: check[key] for key in _VIOLATION if key in check},
        "percent": round(100 * failing / rows, 2) if rows and failing is not None else None,
        "place": f"{place['file']}:{place['line']}" if place["line"] else place["file"],
    }


def complete(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as plain JSON values, every name there, every text one line without control characters, and none without end.

    Data must not forge a line of a message: what has several lines is made here, from texts that have one.
    """
    plain = {name: _plain(value) for name, value in facts.items() if name in NAMES}
    whole = _over(EMPTY, plain)
    whole["violations"] = [_VIOLATION | each for each in whole["violations"] if isinstance(each, dict)]
    whole["documentation_url"] = _harmless(whole["documentation_url"])
    whole["violations_list"] = violations_list(whole["violations"], whole["violation_count"])
    return whole


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One over the other, and so in each mapping in them; what is None, or no mapping in the place of one, is not there."""
    merged = {name: _plain(value) for name, value in below.items()}
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(under, dict):
            merged[name] = _over(under, value) if isinstance(value, dict) else under
        elif value is not None or name not in merged:
            merged[name] = value
    return merged


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return one_line(value, _LONGEST)
        case Mapping():
            return {one_line(str(key), _LONGEST): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value[:_MOST_ITEMS]]
        case _:
            return one_line(str(value), _LONGEST)


def _harmless(address: Any) -> str:
    """A link that a reader may click on; text that is no link stays, and what would run something goes."""
    scheme, colon, _ = str(address).partition(":")
    return str(address) if not colon or scheme.strip().lower() in {"http", "https", "mailto"} else ""


def violations_list(violations: Sequence[Mapping[str, Any]], count: int) -> str:
    """A short line for each check that did not hold, at most ``VIOLATIONS_SHOWN``, and how many more there are: other things are to be said, too."""
    lines = [
        f"- {one_line(each['name'], _LONGEST_NAME)}: {one_line(each['message'] or each['outcome'], _LONGEST_MESSAGE)}"
        for each in violations[:VIOLATIONS_SHOWN]
    ]
    more = count - len(lines)
    return "\n".join([*lines, f"- and {more:,} more"] if more > 0 else lines)
