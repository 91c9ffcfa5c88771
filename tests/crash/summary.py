"""What the crash suites killed, said at the end of a run: how many points, deaths and states, in which world."""

from __future__ import annotations

from collections import Counter
from typing import Any

__all__ = ["pytest_terminal_summary"]

KINDS = ("points", "killed", "states", "races", "interleavings")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """pytest's hook; the figures are properties of the tests' reports, wherever they ran."""
    found: dict[str, Counter[str]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()) or ())
            if getattr(report, "when", "") == "call" and "world" in properties:
                kinds = {kind: properties[kind] for kind in KINDS if kind in properties}
                found.setdefault(str(properties["world"]), Counter()).update(kinds)
    if found:
        terminalreporter.section("killed everywhere")
    for world, counts in sorted(found.items()):
        told = ", ".join(f"{counts[kind]:,} {kind}" for kind in KINDS if counts[kind])
        terminalreporter.write_line(f"{world}: {told}")
    if found:
        total = sum(found.values(), Counter())
        terminalreporter.write_line(f"together: {', '.join(f'{total[kind]:,} {kind}' for kind in KINDS if total[kind])}")
