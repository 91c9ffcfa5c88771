"""The HTML page: one file, no script, nothing fetched; what needs a person first, all that passed folded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sluicegate.report.chart import caption, svg
from sluicegate.report.model import Failure, Report
from sluicegate.report.wording import ATTENTION, counts_text, reasons_of, sentence, told, word_of
from sluicegate.words import clean, plural

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["page"]

_FOLDER = Path(__file__).parent
_ROOM = {"evidence": 200_000, "translations": 120_000, "charts": 120}
"""What a page holds, those to look at first: characters, characters, drawings. It keeps one of 500 checks below a megabyte."""
_CELL_ROOM = 45
"""What a cell costs beside its text."""
_MOST_CELL, _MOST_TRANSLATION = 200, 2000
"""Longer texts are cut, with an ellipsis."""
_MOST_OPENED = 20
"""So many checks of a section are shown open; the others are one line each, to unfold."""
_SIGNS = {"good": "passed", "warning": "warned", "bad": "failed"}
"""Of the page as a whole: the drawing of an outcome."""
_SECTIONS = (
    ("To look at", ("errored", "failed", "unsupported"), True),
    ("Warnings", ("warned",), True),
    ("Not run", ("skipped",), False),
    ("Passed", ("passed",), False),
)


def page(report: Report | Failure) -> str:
    """The whole page."""
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    shown = _of_failure(report) if isinstance(report, Failure) else _of_run(report)
    return _template().render(style=_markup(style), policy=policy, **shown) + "\n"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    return environment.get_template("page.html")


def _shown(value: object) -> object:
    """Every text on the page without control characters, but not what is markup already."""
    return clean(value) if type(value) is str else value


def _markup(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - our own style, and drawings that hold numbers only


def _of_failure(failure: Failure) -> dict[str, Any]:
    error = failure.error
    faults: Sequence[Mapping[str, Any]] = error.get("faults", ())
    return {
        "title": f"{failure.contract_file}: no verdict",
        "failure": True,
        "heading": failure.contract_file,
        "tone": "bad",
        "sign": "errored",
        "word": "NO VERDICT",
        "sentence": plural(len(faults), "fault") + " in the contract; nothing was run" if faults else error["message"],
        "reasons": [],
        "hint": "" if faults else error["hint"],
        "faults": faults[:200],
        "lines": error.get("lines", ())[:200],
        "more_lines": max(0, len(error.get("lines", ())) - 200) + error.get("more_lines", 0),
    }


def _of_run(report: Report) -> dict[str, Any]:
    facts, verdict = report.facts, report.facts["verdict"]
    word, tone = word_of(facts)
    contract, batch = verdict["contract"], verdict["batch"]
    return {
        "title": f"{contract['name']}: {word.lower()} · batch {batch['batch_id']}",
        "failure": False,
        "heading": contract["name"],
        "version": contract["version"],
        "tone": tone,
        "sign": _SIGNS[tone],
        "word": word,
        "sentence": sentence(facts),
        "reasons": reasons_of(facts),
        "next": facts.get("next", ""),
        "told": told(facts),
        "owner": facts.get("owner") or "",
        "documentation": _link(facts.get("documentation_url") or ""),
        "warnings": facts["warnings"],
        "about": _about(facts),
        "counts": [(outcome, verdict["counts"].get(outcome, 0)) for outcome in (*ATTENTION, "skipped", "passed")],
        "counts_text": counts_text(verdict),
        "bar": _markup(_bar(verdict["counts"])),
        "sections": [*_sections(report)],
        "opened": _MOST_OPENED,
        "engines": ", ".join(f"{name} {version}" for name, version in verdict["engines"].items()),
    }


def _link(url: str) -> dict[str, str]:
    """An address that a browser may follow, or just a text."""
    return {"text": url, "href": url if urlsplit(url).scheme in {"http", "https"} else ""}


def _about(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    verdict = facts["verdict"]
    split = facts.get("split") or {}
    pairs = [
        ("Batch", verdict["batch"]["batch_id"]),
        ("Rows", f"{verdict['batch']['rows']:,}"),
        ("Rows committed", f"{split['rows_committed']:,}" if split else ""),
        ("Rows quarantined", f"{split['rows_quarantined']:,}" if split else ""),
        ("Dataset", verdict["dataset"]),
        ("Clock", verdict["clock"].replace("T", " ")[:16] + " UTC"),
        ("Quarantine ID", facts["quarantine_id"] or ""),
        ("Took", f"{facts['seconds']:.2f} s"),
        ("Exit code", str(facts["exit_code"])),
        ("Run", facts["run_id"]),
        ("Verdict", verdict["verdict_id"]),
        ("Location", facts["location"] or ""),
    ]
    return [(name, value) for name, value in pairs if value]


def _bar(counts: Mapping[str, int]) -> str:
    """How the checks ended, as one bar; the figures stand below it."""
    total, x, parts = sum(counts.values()) or 1, 0.0, []
    for outcome in (*ATTENTION, "skipped", "passed"):
        if count := counts.get(outcome, 0):
            width = 1000 * count / total
            parts.append(f'<rect class="{outcome}" x="{x:.5g}" width="{width:.5g}" height="10"/>')
            x += width
    return f'<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'


def _sections(report: Report) -> Iterator[dict[str, Any]]:
    """The groups of checks, those to look at first; each check as the template shows it."""
    room = dict(_ROOM)
    for title, outcomes, opened in _SECTIONS:
        checks = [
            _check(item, report, room)
            for outcome in outcomes
            for item in report.facts["verdict"]["checks"]
            if item["outcome"] == outcome
        ]
        if checks:
            yield {"title": title, "open": opened, "checks": checks}


def _check(check: Mapping[str, Any], report: Report, room: dict[str, int]) -> dict[str, Any]:
    place = check["place"]
    figures = [
        ("Type", check["type"]),
        ("Engine", check["engine"]),
        ("Area", check["area"]),
        ("Severity", check["severity"]),
        ("Dimension", check["dimension"] or ""),
        ("Rows", "" if check["rows"] is None else f"{check['rows']:,}"),
        ("Failing", "" if check["failing"] is None else f"{check['failing']:,}"),
        ("Value", "" if check["value"] is None else str(check["value"]).removesuffix(".0")),
        ("Where", f"{place['file']}:{place['line']}" if place["line"] else "implied by the schema"),
    ]
    return {
        "outcome": check["outcome"],
        "name": check["name"],
        "message": check["message"],
        "hint": check["hint"],
        "figures": [(name, value) for name, value in figures if value],
        **_translation(check, report, room),
        **_evidence(check, room),
        **_chart(check, report, room),
    }


def _evidence(check: Mapping[str, Any], room: dict[str, int]) -> dict[str, Any]:
    evidence = check["evidence"]
    if not evidence or not evidence["rows"]:
        return {"columns": (), "rows": (), "left_out": 0}
    rows = [[None if cell is None else _cut(str(cell), _MOST_CELL) for cell in row] for row in evidence["rows"]]
    room["evidence"] -= sum(_CELL_ROOM + len(cell or "") for row in rows for cell in row)
    if room["evidence"] < 0:
        return {"columns": (), "rows": (), "left_out": len(rows)}
    return {"columns": evidence["columns"], "rows": rows, "left_out": 0}


def _translation(check: Mapping[str, Any], report: Report, room: dict[str, int]) -> dict[str, Any]:
    language, text = report.translations.get(check["id"], ("", ""))
    text = _cut(text, _MOST_TRANSLATION)
    room["translations"] -= len(text)
    return {"language": language, "translation": text.splitlines() if room["translations"] >= 0 else ()}


def _chart(check: Mapping[str, Any], report: Report, room: dict[str, int]) -> dict[str, Any]:
    """The check's past, if it has one, and it moves; one that never failed is told in a word."""
    points = report.past.get(check["fingerprint"], ())
    share = check["rows"] is not None and check["failing"] is not None
    moves = any(point.figure != points[0].figure for point in points[1:])
    if len(points) < 2 or not moves or room["charts"] <= 0:  # noqa: PLR2004 - one point is no line
        return {"chart": "", "caption": ""}
    room["charts"] -= 1
    return {"chart": _markup(svg(points)), "caption": caption(points, share=share)}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
