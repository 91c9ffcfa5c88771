"""Holding an engine's figures against the expected ones: exact where they must be, to nine digits where a root or a sum of floats is."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sluicegate.ports.engine import Result
from sluicegate.testing.oracle import Expected, ordered

__all__ = ["difference"]

_RELATIVE = 1e-9
_ABSOLUTE = 1e-12


def difference(wanted: Expected, found: Result | None) -> str:
    """What is wrong with a result, in one sentence; empty when nothing is."""
    if found is None:
        return "no result"
    if found.error:
        return f"errored: {found.error}"
    if (wanted.rows, wanted.failing) != (found.rows, found.failing):
        return f"expected {wanted.rows} rows, {wanted.failing} failing; found {found.rows}, {found.failing}"
    if not _same(wanted.value, found.value, exact=wanted.exact):
        return f"expected the value {wanted.value!r}; found {found.value!r}"
    return ""


def _same(wanted: Any, found: Any, *, exact: bool) -> bool:
    if wanted is None or found is None:
        return wanted is found
    if isinstance(wanted, float) and math.isfinite(wanted):  # of a quantile beside an infinity
        wanted = Fraction(wanted)
    if isinstance(wanted, float):
        return isinstance(found, float | Decimal) and ordered(found) == ordered(wanted)
    if isinstance(wanted, Fraction):
        if isinstance(found, bool) or not isinstance(found, int | float | Decimal) or not math.isfinite(found):
            return False
        return Fraction(found) == wanted if exact else math.isclose(found, wanted, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    if isinstance(found, date):
        return bool(ordered(found) == ordered(wanted))
    return bool(found == wanted)
