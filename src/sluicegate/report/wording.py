"""How a run is told, in the same words wherever it is: on the terminal, in every report. Made from the run document, which is masked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from sluicegate.words import plural

__all__ = ["ATTENTION", "MARKS", "counts_text", "near", "reasons_of", "refused", "sentence", "told", "word_of"]

MARKS: Mapping[str, str] = {"passed": "✓", "warned": "!", "failed": "✗", "errored": "?", "unsupported": "\u2013", "skipped": "·"}
"""Outcome -> mark. The marks alone tell them apart: nobody needs to see red."""

ATTENTION = ("errored", "failed", "unsupported", "warned")
"""Outcomes that somebody should look at, the gravest first."""

_SAY = {
    ("committed", "commit"): ("COMMITTED", "good"),
    ("committed", "commit_with_warnings"): ("COMMITTED WITH WARNINGS", "warning"),
    ("blocked", "block"): ("BLOCKED", "bad"),
    ("checked", "commit"): ("PASSED", "good"),
    ("checked", "commit_with_warnings"): ("PASSED WITH WARNINGS", "warning"),
    ("checked", "quarantine"): ("FAILED", "bad"),
    ("checked", "block"): ("FAILED", "bad"),
}

_SAY_OF_ACTION = {
    "committed": ("REFUSED TOO LATE", "bad"),
    "quarantined": ("QUARANTINED", "bad"),
    "deleted": ("DELETED BEFORE", "bad"),
    "split": ("SPLIT", "warning"),
}
"""What is said whatever today's decision is: the first one stands."""

_WOULD = {
    "commit": "commit the batch",
    "commit_with_warnings": "commit the batch with warnings",
    "quarantine": "quarantine the batch",
    "block": "block the batch",
}


def word_of(facts: Mapping[str, Any]) -> tuple[str, str]:
    """What became of the batch in a word or two, and whether that is ``good``, a ``warning`` or ``bad``."""
    action, decision = facts["action"], facts["verdict"]["decision"]
    if action == "checked" and facts.get("split"):
        return "PASSED IN PART", "warning"
    if action == "committed" and facts["exit_code"] == 0 and decision not in {"commit", "commit_with_warnings"}:
        return "COMMITTED BEFORE", "warning"  # replayed or released
    return _SAY.get((action, decision)) or _SAY_OF_ACTION[action]


def refused(facts: Mapping[str, Any]) -> bool:
    """Whether the batch was not let through."""
    return word_of(facts)[1] == "bad"


def counts_text(verdict: Mapping[str, Any]) -> str:
    """``31 checks: 27 passed, 3 failed, 1 skipped``."""
    counts = {name: count for name, count in verdict["counts"].items() if count}
    return f"{plural(sum(counts.values()), 'check')}: " + (
        ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
    )


def sentence(facts: Mapping[str, Any]) -> str:
    """What became of the batch; where there are reasons, it ends before them."""
    verdict = facts["verdict"]
    rows = plural(verdict["batch"]["rows"], "row")
    are, they_were, wait_ = ("is", "it was", "waits") if verdict["batch"]["rows"] == 1 else ("are", "they were", "wait")
    reasons = " because" if verdict["reasons"] else ""
    match facts["action"]:
        case "committed":
            if facts["already_committed"]:
                although = ", although" if verdict["reasons"] else ""
                if facts.get("other_data"):  # it was replayed with a repaired file
                    told = plural(facts["rows_committed"], "row")
                    return f"not this data, but a repaired delivery of it: {told} in {near(facts['location'])}{although}"
                return f"{rows} had been committed before and {are} as {they_were}: {near(facts['location'])}{although}"
            return f"{rows} {are} in {near(facts['location'])}" + (", although" if verdict["reasons"] else "")
        case "quarantined":
            since = f" since {facts['quarantined_at'][:16].replace('T', ' ')} UTC" if facts["decided_before"] else ""
            return f"nothing was committed; {rows} {wait_} as {facts['quarantine_id']}{since}{reasons}"
        case "split":
            before = "it was split before; " if facts["decided_before"] else ""
            split = facts["split"]
            committed, kept = plural(split["rows_committed"], "row"), f"{split['rows_quarantined']:,}"
            return f"{before}{committed} in {near(facts['location'])}, {kept} kept as {facts['quarantine_id']}{reasons}"
        case "checked" if facts.get("split"):
            split = facts["split"]
            committed, kept = plural(split["rows_committed"], "row"), f"{split['rows_quarantined']:,}"
            return f"nothing was changed; a run would commit {committed}, and quarantine {kept}{reasons}"
        case "deleted":
            return f"nothing was committed, and nothing kept again: {facts['quarantine_id']} was given up{reasons}"
        case "blocked":
            return f"nothing was committed; the batch stays where it was{reasons}"
        case _:
            return f"nothing was changed; a run would {_WOULD[verdict['decision']]}{reasons}"


def reasons_of(facts: Mapping[str, Any]) -> Sequence[str]:
    """Why; of a batch that was split, which checks broke how many of its rows."""
    split = facts.get("split")
    if not split:
        reasons: Sequence[str] = facts["verdict"]["reasons"]
        return reasons
    return [f"{check['name']}: {plural(check['rows'], 'row')}" for check in split["checks"]]


def near(path: str) -> str:
    """A path below the working folder, relative to it."""
    shorter = os.path.relpath(path) if "://" not in path else path
    return path if shorter.startswith("..") else shorter


def told(facts: Mapping[str, Any]) -> str:
    """Who has been told, and who has not yet: ``email ops@example.com; slack: connection refused, tried again from 14:05 UTC``."""
    return "; ".join(map(_told, facts.get("alerts", ())))


def _told(alert: Mapping[str, Any]) -> str:
    who = f"{alert['channel']} {alert['service']}".rstrip()
    at = str(alert["next_at"] or "")[:16].replace("T", " ")
    why = f"{alert['detail']}, " if alert["detail"] else ""
    match alert["state"]:
        case "delivered":
            return who
        case "waiting":
            return f"{who}: not before {at} UTC, with what comes until then"
        case "due":
            return f"{who}: {why}tried again from {at} UTC"
        case "sending":
            return f"{who}: no answer yet"
        case _:
            return f"{who}: {why}given up"
