"""GitHub annotations: workflow commands that put what is wrong beside the contract's line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sluicegate.report.model import Failure, Report
from sluicegate.report.wording import ATTENTION, reasons_of, refused, sentence, word_of
from sluicegate.words import clean, plural

__all__ = ["github"]

_MOST = 10
"""So many annotations of one level GitHub shows of a step; what is beyond is counted in the last of them."""


def github(report: Report | Failure, *, environ: Mapping[str, str] = os.environ) -> str:
    """One command in each line: the decision, then checks that did not pass, or everything that kept the run from a verdict."""
    root = Path(environ.get("GITHUB_WORKSPACE") or Path.cwd())
    lines = _of_failure(report, root) if isinstance(report, Failure) else _of_run(report, root)
    return "".join(line + "\n" for line in lines)


def _of_run(report: Report, root: Path) -> Iterator[str]:
    facts = report.facts
    word, tone = word_of(facts)
    contract = facts["verdict"]["contract"]["name"]
    told = [sentence(facts), *reasons_of(facts), *([f"next: {facts['next']}"] if facts.get("next") else [])]
    level = {"bad": "error", "warning": "warning"}.get(tone, "notice")
    yield _command(level, {"file": _near(report.contract_file, root), "title": f"{contract}: {word}"}, told)
    found: dict[str, list[Mapping[str, Any]]] = {"error": [], "warning": []}
    for outcome in ATTENTION:
        grave = outcome != "warned" and refused(facts)
        found["error" if grave else "warning"] += [item for item in facts["verdict"]["checks"] if item["outcome"] == outcome]
    for kind, checks in found.items():
        room = _MOST - (level == kind)
        several = checks if len(checks) <= room else checks[: room - 1]
        for check in several:
            place = check["place"]
            where = _place(place["file"] or report.contract_file, place["line"], place["column"], root)
            engine = f" ({check['engine']})" if check["engine"] else ""
            told = [f"{check['outcome']}: {check['message']}{engine}", check["hint"]]
            yield _command(kind, where | {"title": check["name"]}, told)
        yield from _rest(kind, [check["name"] for check in checks[len(several) :]])


def _rest(kind: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield _command(kind, {"title": f"and {plural(len(names), 'more check')}"}, names[:50])


def _of_failure(failure: Failure, root: Path) -> Iterator[str]:
    error = failure.error
    faults = error.get("faults", ())
    if not faults:
        lines = [f"{line['file']}, line {line['line']}: {line['reason']}" for line in error.get("lines", ())[:_MOST]]
        where = {"file": _near(failure.contract_file, root), "title": "no verdict"}
        yield _command("error", where, [error["message"], error["hint"], *lines])
    shown = faults if len(faults) <= _MOST else faults[: _MOST - 1]
    for fault in shown:
        where = _place(fault["file"] or failure.contract_file, fault["line"], fault["column"], root)
        yield _command("error", where | {"title": "fault in the contract"}, [fault["message"], fault["hint"]])
    if rest := faults[len(shown) :]:
        told = [f"{fault['file']}:{fault['line']}: {fault['message']}" for fault in rest[:50]]
        yield _command("error", {"title": f"and {plural(len(rest), 'more fault')}"}, told)


def _place(file: str, line: int, column: int, root: Path) -> dict[str, str]:
    found = {"file": _near(file, root)}
    return found | ({"line": str(line), "col": str(column)} if line else {})


def _near(file: str, root: Path) -> str:
    """The path as the repository has it."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 - a link keeps its name
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def _command(level: str, properties: Mapping[str, str], lines: Sequence[str]) -> str:
    told = ",".join(f"{key}={_escaped(clean(value), ':,')}" for key, value in properties.items() if value)
    return f"::{level} {told}::" + "%0A".join(_escaped(clean(line)) for line in lines if line)


def _escaped(text: str, more: str = "") -> str:
    """Percent signs first; colons and commas in properties only, where they end one."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for char in more:
        text = text.replace(char, f"%{ord(char):02X}")
    return text
