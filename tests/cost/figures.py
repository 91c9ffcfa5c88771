"""Figures as a file that people read in a diff, and in what two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["as_toml", "differences"]

_HEAD = """\
# What reference contracts cost, counted: tests/cost tells how. A figure that grows fails the build, and so does one that
# shrinks, so that nobody takes back unseen what somebody won. Written by `python -m tests.cost`.
"""
_UNHELD = "told"


def as_toml(counted: Mapping[str, Mapping[str, Any]]) -> str:
    """A table for each reference, its figures in the order of the alphabet."""
    tables = []
    for name, figures in counted.items():
        lines = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in sorted(figures.items()) if key != _UNHELD]
        tables.append("\n".join([f"[{json.dumps(name)}]", *lines, ""]))
    return "\n".join([_HEAD, *tables])


def differences(held: Mapping[str, Any], counted: Mapping[str, Any]) -> Iterator[str]:
    """What costs more than it may, or less, so that its figure is to be lowered."""
    for key in sorted({*held, *counted} - {_UNHELD}):
        before, now = held.get(key, 0), counted.get(key, 0)
        if isinstance(now, list) or isinstance(before, list):
            more, fewer = sorted({*(now or ())} - {*(before or ())}), sorted({*(before or ())} - {*(now or ())})
            if more:
                yield f"{key}: {', '.join(more)} came in"
            if fewer:
                yield f"{key}: {', '.join(fewer)} went, hold it: python -m tests.cost"
        elif now > before:
            yield f"{key}: {now:,} where {before:,} were enough"
        elif now < before:
            yield f"{key}: {now:,} instead of {before:,}, hold it: python -m tests.cost"
