"""The report of one run, as lines for the screen; made from the verdict *document*, in which classified values are masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluicegate.cli.screen import Line, Span, cells, clean, cut, grid, wrap
from sluicegate.report import wording
from sluicegate.words import plural

__all__ = [
    "MARKS",
    "SHORT_ENGINES",
    "check_lines",
    "decision_lines",
    "header_lines",
    "report_lines",
]

_STYLES = {
    "passed": "green",
    "warned": "yellow",
    "failed": "bold red",
    "errored": "bold magenta",
    "unsupported": "magenta",
    "skipped": "dim",
}
MARKS: Mapping[str, Span] = {outcome: (mark, _STYLES[outcome]) for outcome, mark in wording.MARKS.items()}
"""Outcome -> mark and colour."""

_TONES = {"good": "bold green", "warning": "bold yellow", "bad": "bold red"}
_WIDE = 110
_MIN_NAME, _MIN_MESSAGE, _GOOD_MESSAGE = 16, 20, 25
SHORT_ENGINES = {"great_expectations": "gx"}


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
    word, tone = wording.word_of(facts)
    told = wrap(clean(f"{word}: {wording.sentence(facts)}"), width)
    yield ((word, _TONES[tone]), (told[0].removeprefix(word), ""))
    for line in told[1:]:
        yield ((line, ""),)
    for reason in wording.reasons_of(facts):
        for i, line in enumerate(wrap(clean(reason), width - 4)):
            yield (("  - " if i == 0 else "    ", ""), (line, ""))
    if verdict["decision"] != "commit" and facts.get("owner"):
        read = f" · read {facts['documentation_url']}" if facts.get("documentation_url") else ""
        for line in wrap(clean(f"ask {facts['owner']}{read}"), width - 2):
            yield ((f"  {line}", "dim"),)
    if who := wording.told(facts):
        for line in wrap(clean(f"told: {who}"), width - 2):
            yield ((f"  {line}", "dim"),)
    seconds = f" · {facts['seconds']:.2f} s" if facts.get("seconds") is not None else ""
    for line in wrap(f"{wording.counts_text(verdict)}{seconds}", width):
        yield ((line, "dim"),)
    if facts.get("next"):  # never wrapped: it is there to be copied
        yield (("next: ", "dim"), (facts["next"], "bold"))
