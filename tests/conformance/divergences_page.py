"""``docs/divergences.md`` from what the engines declare: ``python -m tests.conformance.divergences_page`` writes it anew."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from sluicegate.testing.cases import CASES
from sluicegate.testing.engines import Divergence
from tests.conformance.declared import DECLARED

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[2] / "docs" / "divergences.md"

_INTRODUCTION = """# Where engines differ

<!-- Written by `python -m tests.conformance.divergences_page` from tests/conformance/declared.py; a test holds it current. -->

Every engine is held to one meaning of each canonical check: the conformance suite runs {cases} cases, each an awkward table and a check, and
compares rows considered, failing rows and values with an oracle in plain Python. What follows is *all* that an engine declares
against it. The suite fails for a difference that isn't declared, and for a declaration that is no longer true.

*Refused* means that the check is `unsupported` on that engine, by name, when the run is planned; an unpinned check then goes to
another engine. *Differs* means that the engine answers, and that the answer is an error or not exact.

- **never**: the engine means something else, and will
- **notyet**: what the engine stands on lacks it
- **notimpl**: ours to do, and not done yet
"""
_EXAMPLES = 2


def _covered(item: Divergence) -> list[str]:
    return [case.id for case in CASES if fnmatchcase(case.id, item.cases)]


def _rows(items: tuple[Divergence, ...]) -> list[str]:
    merged: dict[tuple[str, bool, str], list[str]] = {}
    for item in items:
        merged.setdefault((item.kind, item.differs, item.reason), []).append(item.cases)
    rows = []
    for (kind, differs, reason), patterns in merged.items():
        checks = sorted({case_id.partition("/")[0] for item in items if item.cases in patterns for case_id in _covered(item)})
        names = "every check" if len(checks) > len(DECLARED) * 2 else ", ".join(f"`{name}`" for name in checks)
        count = sum(len(_covered(item)) for item in items if item.cases in patterns)
        rows.append(f"| {names} | {'differs' if differs else 'refused'} | {kind} | {reason} | {count} |")
    return rows


def page() -> str:
    """The page's whole text."""
    parts = [_INTRODUCTION.format(cases=len(CASES))]
    for engine, items in DECLARED.items():
        parts += [f"\n## {engine}\n", "| check | | | why | cases |", "|---|---|---|---|---|", *_rows(items)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
