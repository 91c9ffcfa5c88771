"""The sentences of a message: what happened, what was done, how often. Plain text, made from facts; templates may use or leave them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sluicegate.history.alert import Event
from sluicegate.words import plural

__all__ = [
    "clock",
    "digest_headline",
    "fails_again",
    "heading",
    "headline",
    "moment",
    "particulars",
    "passes_again",
    "summary",
    "summary_of_all",
]

_DONE: Mapping[str, str] = {
    "quarantined": "quarantined",
    "split": "split",
    "blocked": "blocked",
    "unreadable": "could not be read",
    "broke": "not checked: an engine broke",
    "committed": "committed with warnings",
    "replayed": "replayed and committed",
    "released": "released and committed",
    "unknown": "not finished: its run died",
    "late": "refused too late: it had been committed",
    "deleted": "refused again: it had been given up",
}
"""Action -> what can be said of a batch, or of many."""
_SUMMARIES: Mapping[str, str] = {
    "quarantined": "Nothing was committed: {rows} {wait} in quarantine as {item}{until}.",
    "split": "{committed} committed, {waiting} waiting in quarantine as {item}{until}.",
    "blocked": "Nothing was committed: the batch stays where it was.",
    "unreadable": "It can't be read, so nothing was checked. It stays where it was.",
    "broke": "An engine broke, so there is no verdict. Nothing was committed: the batch stays where it was.",
    "committed": "{committed} committed{to}.",
    "late": "An earlier run had committed it{to}, and there it stays.",
    "deleted": "It had been given up before as {item}: nothing was committed, and nothing kept again.",
    "replayed": "It was replayed{by}: {committed} committed{to}.",
    "released": "It was released{by}, although its checks failed{why}. {committed} committed{to}.",
    "expiring": "It waits in quarantine as {item} and will be deleted on {expires}: replay it, release it or hold it before.",
    "unknown": "The run died before it could say what became of the batch.",
    "recovered": "Batch {batch} passed{refused}.",
}
"""The same, in a sentence."""


def moment(at: datetime | str, zone: str) -> str:
    """A moment as readers have it on their clocks; a text that is none stays.

    >>> moment("2026-01-31T12:05:00+00:00", "Europe/Madrid"), moment("", "UTC")
    ('2026-01-31 13:05 CET', '')
    """
    found = _local(at, zone)
    return f"{found:%Y-%m-%d %H:%M %Z}" if found else str(at)


def clock(first: datetime | str, last: datetime | str, zone: str) -> str:
    """The first moment in short: without the day where that is the last one's.

    >>> clock("2026-01-31T12:05:00+00:00", "2026-01-31T14:00:00+00:00", "UTC")
    '12:05'
    """
    begun, ended = _local(first, zone), _local(last, zone)
    if begun and ended and begun.date() == ended.date():
        return f"{begun:%H:%M}"
    return moment(first, zone)


def _local(at: datetime | str, zone: str) -> datetime | None:
    from zoneinfo import ZoneInfo

    try:
        found = at if isinstance(at, datetime) else datetime.fromisoformat(at)
        return found.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
    except (ValueError, KeyError, OSError, OverflowError):
        return None


def headline(facts: Mapping[str, Any]) -> str:
    """One line that says it all, of facts that are complete."""
    who = facts["contract_name"] or facts["asset_name"] or "a contract"
    if facts["tenant_id"] not in {"", "default"}:
        who = f"{facts['tenant_id']}/{who}"
    if facts["event"] == Event.RECOVERED:
        return f"{who} passed again, and fails now" if fails_again(facts) else f"{who} passes again"
    if facts["event"] == Event.RETENTION_WARNING:
        what = f"batch {facts['batch_id']}" if facts["folded"] == 1 else f"{facts['folded']:,} quarantined batches"
        return f"{who}: {what} will be deleted {'on ' + facts['expires_at'] if facts['folded'] == 1 else 'soon'}"
    done = _DONE.get(_action(facts), facts["action"] or facts["event"])
    if facts["folded"] > 1:
        return f"{who}: {facts['folded']:,} batches {done} since {facts['since']}"
    batch = f"batch {facts['batch_id']}" if facts["batch_id"] else "a batch"
    return f"{who}: {batch} {done}{_why(facts)}"


def _action(facts: Mapping[str, Any]) -> str:
    """What was done, of a batch that its verdict lets through, or that was not let through: that had been committed before."""
    late = facts["action"] == "committed" and facts["decision"] in {"quarantine", "block"}
    return "late" if late else str(facts["action"])


def _why(facts: Mapping[str, Any]) -> str:
    return f", {_broken(facts)}" if facts["violation_count"] and facts["event"] != Event.REPLAYED else ""


def _broken(facts: Mapping[str, Any]) -> str:
    outcomes = {each["outcome"] for each in facts["violations"]}
    return f"{plural(facts['violation_count'], 'check')} {outcomes.pop() if len(outcomes) == 1 else 'did not hold'}"


def digest_headline(facts: Mapping[str, Any]) -> str:
    """One line over a list of many."""
    contracts = {(group["tenant_id"], group["contract_name"]) for group in facts["groups"]}
    of_contracts = f" of {plural(len(contracts), 'contract')}" if not facts["more"] else ""  # what isn't listed may be of others
    return f"Digest: {plural(facts['folded'], 'alert')}{of_contracts} since {facts['since']}"


def heading(facts: Mapping[str, Any]) -> str:
    """What stands over the list of checks; nothing where there is none."""
    if not facts["violation_count"]:
        return ""
    return _broken(facts) + (" in the last one" if facts["folded"] > 1 else "")


def particulars(facts: Mapping[str, Any]) -> list[str]:
    """What the message is about, in a few words each."""
    version, batch, rows = facts["contract_version"], facts["batch_id"], facts["rows"]
    return [
        f"{facts['contract_name']} {version}".strip(),
        *([f"dataset {facts['asset_name']}"] if facts["asset_name"] not in {"", facts["contract_name"]} else []),
        *([f"batch {batch}"] if batch else []),
        *([plural(rows, "row")] if rows else []),
        *([facts["environment"]] if facts["environment"] not in {"", "default"} else []),
        facts["at"],
        *([f"run {facts['run_id']}"] if facts["run_id"] else []),
    ]


def passes_again(facts: Mapping[str, Any]) -> bool:
    """Whether a refusal is told when it is over already: the message waited for its window, or for the network."""
    return bool(facts["standing"] == "passing" and facts["event"] != Event.RECOVERED)


def fails_again(facts: Mapping[str, Any]) -> bool:
    """Whether it is told that a contract passes when that is over already: the message waited for the morning, or for the network."""
    return bool(facts["event"] == Event.RECOVERED and facts["standing"] == "failing")


def summary_of_all(facts: Mapping[str, Any]) -> str:
    """The summary of the last, said of all that a message stands for, and of what came after."""
    parts = [facts["summary"]]
    if facts["folded"] > 1 and facts["batch_id"]:
        parts.insert(0, f"The last one is batch {facts['batch_id']}.")
    if passes_again(facts):
        parts.append("Meanwhile the contract passes again.")
    if fails_again(facts):
        parts.append("Meanwhile the contract fails again.")
    return " ".join(filter(None, parts))


def summary(facts: Mapping[str, Any]) -> str:
    """What was done with the batch, in a sentence or two, of facts that are complete."""
    action = Event.RECOVERED.value if facts["event"] == Event.RECOVERED else _action(facts)
    if action == "unknown" and facts["problem"]:
        return ""  # which says it
    since = f" since {facts['failing_since']}" if facts["failing_since"] else ""
    return _SUMMARIES.get(action, "").format(
        batch=facts["batch_id"],
        item=facts["quarantine_id"],
        rows=plural(facts["rows"], "row"),
        wait="waits" if facts["rows"] == 1 else "wait",
        committed=plural(facts["rows_committed"] or facts["rows"], "row"),
        waiting=plural(facts["rows_quarantined"], "row"),
        expires=facts["expires_at"],
        until=f", until {facts['expires_at']}" if facts["expires_at"] else "",
        to=f" to {facts['location']}" if facts["location"] else "",
        by=f" by {facts['by']}" if facts["by"] else "",
        why=f": {facts['reason']}" if facts["reason"] else "",
        refused=f", after {plural(facts['refused'], 'refused batch', 'refused batches')}{since}" if facts["refused"] else "",
    )
