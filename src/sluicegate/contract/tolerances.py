"""How many rows may be bad, as contracts write it: ``5``, ``0.5%``, ``{rows: 5, percent: 0.5}``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sluicegate.checks.contract_check import Tolerance
from sluicegate.contract.decode import BAD, Bad, read_fields
from sluicegate.contract.nodes import Faults, Node

__all__ = ["read_tolerance"]

_PERCENT_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_ALL = 100


@dataclass(frozen=True, slots=True)
class _Parts:
    rows: int | None = field(default=None, metadata={"minimum": 0})
    percent: Decimal | None = field(default=None, metadata={"minimum": 0, "maximum": _ALL})


def read_tolerance(node: Node, faults: Faults) -> Any:
    """``5`` rows, ``0.5%`` of the rows, or ``{rows: 5, percent: 0.5}``: the smaller one counts."""
    if isinstance(node.value, dict):
        parts = read_fields(_Parts, node, faults)
        if isinstance(parts, Bad):
            return BAD
        if parts.rows is None and parts.percent is None:
            faults.add(node, "must name 'rows', 'percent' or both")
            return BAD
        return Tolerance(rows=parts.rows, percent=parts.percent)
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= 0:
        return Tolerance(rows=node.value)
    match = _PERCENT_TEXT.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    if match and Decimal(match[1]) <= _ALL:
        return Tolerance(percent=Decimal(match[1]))
    faults.add(node, f"must be a number of rows or a percentage, not {node.shown}", "5, or 0.5%, or {rows: 5, percent: 0.5}")
    return BAD
