"""The conformance cases of the canonical checks: a table of ``data.TABLES``, a check on it, and (for SQL checks) the figures.

Every other expectation is ``oracle.expected`` of the rows.
"""

from __future__ import annotations

from sluicegate.checks import model as m
from sluicegate.testing.case import NOW, Case
from sluicegate.testing.dataset_cases import DATASET_CASES
from sluicegate.testing.row_cases import ROW_CASES

__all__ = ["CASES", "NOW", "SAMPLES", "Case"]

CASES: tuple[Case, ...] = (*ROW_CASES, *DATASET_CASES)
"""Every case, in a fixed order; IDs are unique."""

SAMPLES: dict[str, m.CanonicalCheck] = {
    case.check.type_name: case.check
    for case in reversed(CASES)
    if case.table in {"integers", "texts", "pairs", "one_row", "lines", "keys", "fresh"}
}
"""One of each canonical check, by name."""
