"""The report of one run, as lines for the screen; made from the verdict *document*, in which classified values are masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluicegate.cli.screen import Line, Span, cells, clean, cut, grid, wrap
from sluicegate.words import plural

__all__ = [
    "MARKS",
    "SHORT_ENGINES",
    "check_lines",
    "counts_text",
    "decision_lines",
    "header_lines",
    "near",
    "report_lines",
]

MARKS: Mapping[str, Span] = {
    "passed": ("✓", "green"),
    "warned": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "errored": ("?", "bold magenta"),
    "unsupported": ("\u2013", "magenta"),
    "skipped": ("·", "dim"),
}
"""Outcome -> mark and colour. The marks alone tell them apart: nobody needs to see red."""

_WIDE = 110
_MIN_NAME, _MIN_MESSAGE, _GOOD_MESSAGE = 16, 20, 25
SHORT_ENGINES = {"great_expectations": "gx"}
_SAY = {
    ("committed", "commit"): ("COMMITTED", "bold green"),
    ("committed", "commit_with_warnings"): ("COMMITTED WITH WARNINGS", "bold yellow"),
    ("blocked", "block"): ("BLOCKED", "bold red"),
    ("checked", "commit"): ("PASSED", "bold green"),
    ("checked", "commit_with_warnings"): ("PASSED WITH WARNINGS", "bold yellow"),
    ("checked", "quarantine"): ("FAILED", "bold red"),
    ("checked", "block"): ("FAILED", "bold red"),
}

_SAY_OF_ACTION = {
    "committed": ("REFUSED TOO LATE", "bold red"),
    "quarantined": ("QUARANTINED", "bold red"),
    "deleted": ("DELETED BEFORE", "bold red"),
    "split": ("SPLIT", "bold yellow"),
}
"""What is said whatever today's decision is: the first one stands."""

_WOULD = {
    "commit": "commit the batch",
    "commit_with_warnings": "commit the batch with warnings",
    "quarantine": "quarantine the batch",
    "block": "block the batch",
}


def report_lines(facts: Mapping[str, Any], *, width: int, verbose: bool = False) -> Iterator[Line]:
    """The whole report: what was looked at, every check, the decision and what to do next."""
    yield from header_lines(facts["verdict"], width=width, verbose=verbose)
    yield ()
    yield from check_lines(facts["verdict"]["checks"], width=width, verbose=verbose)
    yield ()
    yield from decision_lines(facts, width=width)


def header_lines(verdict: Mapping[str, Any], *, width: int, verbose: bool = False) -> Iterator[Line]:
    """The contract, the batch and the clock."""
    contract, batch = verdict["contract"], verdict["batch"]
    clock = str(verdict["clock"]).replace("T", " ")[: len("2013-01-01 00:00:00")].removesuffix(":00") + " UTC"
    facts = [f"contract {contract['version']}", f"batch {batch['batch_id']}", plural(batch["rows"], "row"), f"clock {clock}"]
    yield ((clean(contract["name"]), "bold"),)
    for line in wrap(clean(" · ".join(facts)), width - 2):
        yield ((f"  {line}", "dim"),)
    if verbose:
        engines = ", ".join(f"{name} {version}" for name, version in verdict["engines"].items())
        for line in wrap(f"verdict {verdict['verdict_id']} · contract sha256 {contract['sha256'][:16]} · {engines}", width - 2):
            yield ((f"  {line}", "dim"),)


def counts_text(verdict: Mapping[str, Any]) -> str:
    """``31 checks: 27 passed, 3 failed, 1 skipped``."""
    counts = {name: count for name, count in verdict["counts"].items() if count}
    return f"{plural(sum(counts.values()), 'check')}: " + (
        ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
    )


def check_lines(checks: Sequence[Mapping[str, Any]], *, width: int, verbose: bool = False) -> Iterator[Line]:
    """Every check with its mark, engine and figures; what a schema implies is one line per engine while it holds."""
    rows = list(checks) if verbose else _folded(checks)
    engine = {name: name if width >= _WIDE else SHORT_ENGINES.get(name, name) for name in {row["engine"] for row in rows}}
    engine_width = max((cells(name) for name in engine.values()), default=0)
    longest = max((cells(clean(row["name"])) for row in rows), default=0)
    name_width = min(longest, max(_MIN_NAME, min(width * 45 // 100, width - engine_width - 6 - _GOOD_MESSAGE)))
    for row in rows:
        mark, style = MARKS[row["outcome"]]
        name = cut(clean(row["name"]), name_width)
        left = f" {name}{' ' * (name_width - cells(name))}  {engine[row['engine']]:<{engine_width}}  "
        quiet = "dim" if row["outcome"] in {"passed", "skipped"} else ""
        indent = 1 + cells(left)
        beside = width - indent >= _MIN_MESSAGE
        told = wrap(clean(row["message"]), width - indent if beside else width - 4)
        yield ((mark, style), (left, quiet), (told[0] if beside else "", quiet))
        for more in told[1:] if beside else told:
            yield ((" " * (indent if beside else 4) + more, quiet),)
        yield from _below(row, width)


def _folded(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    implied = [item for item in checks if item["outcome"] == "passed" and item["area"] == "schema"]
    if len(implied) < 2:  # noqa: PLR2004 - one is no group
        return list(checks)
    engines = list(dict.fromkeys(item["engine"] for item in implied))
    kinds: dict[str, int] = {}
    for item in implied:
        kinds[item["type"]] = kinds.get(item["type"], 0) + 1
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    line = {"name": f"schema ({plural(len(implied), 'check')})", "engine": ", ".join(engines), "message": told}
    first = implied[0]
    return [{**first, **line} if item is first else item for item in checks if item is first or item not in implied]


def _below(row: Mapping[str, Any], width: int) -> Iterator[Line]:
    """The cure, and the evidence."""
    if row["hint"]:
        for i, line in enumerate(wrap(clean(row["hint"]), width - 6)):
            yield (("      " if i else "    → ", "dim"), (line, "italic"))
    evidence = row["evidence"]
    if evidence and evidence["rows"]:
        cell_rows = [["NULL" if cell is None else str(cell) for cell in found] for found in evidence["rows"]]
        for i, line in enumerate(grid(evidence["columns"], cell_rows, width - 4)):
            yield (("    " + line, "dim bold" if i == 0 else "dim"),)


def decision_lines(facts: Mapping[str, Any], *, width: int) -> Iterator[Line]:
    """What became of the batch, in one sentence; why; and the next command."""
    verdict = facts["verdict"]
    word, style = _word(facts)
    sentence = wrap(clean(f"{word}: {_sentence(facts)}"), width)
    yield ((word, style), (sentence[0].removeprefix(word), ""))
    for line in sentence[1:]:
        yield ((line, ""),)
    for reason in _reasons(facts):
        for i, line in enumerate(wrap(clean(reason), width - 4)):
            yield (("  - " if i == 0 else "    ", ""), (line, ""))
    if verdict["decision"] != "commit" and facts.get("owner"):
        read = f" · read {facts['documentation_url']}" if facts.get("documentation_url") else ""
        for line in wrap(clean(f"ask {facts['owner']}{read}"), width - 2):
            yield ((f"  {line}", "dim"),)
    seconds = f" · {facts['seconds']:.2f} s" if facts.get("seconds") is not None else ""
    for line in wrap(f"{counts_text(verdict)}{seconds}", width):
        yield ((line, "dim"),)
    if facts.get("next"):  # never wrapped: it is there to be copied
        yield (("next: ", "dim"), (facts["next"], "bold"))


def _word(facts: Mapping[str, Any]) -> tuple[str, str]:
    action, decision = facts["action"], facts["verdict"]["decision"]
    if action == "checked" and facts.get("split"):
        return "PASSED IN PART", "bold yellow"
    if action == "committed" and facts["exit_code"] == 0 and decision not in {"commit", "commit_with_warnings"}:
        return "COMMITTED BEFORE", "bold yellow"  # replayed or released
    return _SAY.get((action, decision)) or _SAY_OF_ACTION[action]


def _sentence(facts: Mapping[str, Any]) -> str:
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


def _reasons(facts: Mapping[str, Any]) -> Sequence[str]:
    """Why; of a batch that was split, which checks broke how many of its rows."""
    split = facts.get("split")
    if not split:
        reasons: Sequence[str] = facts["verdict"]["reasons"]
        return reasons
    return [f"{check['name']}: {plural(check['rows'], 'row')}" for check in split["checks"]]


def near(path: str) -> str:
    """A path below the working folder, relative to it."""
    import os

    shorter = os.path.relpath(path) if "://" not in path else path
    return path if shorter.startswith("..") else shorter
