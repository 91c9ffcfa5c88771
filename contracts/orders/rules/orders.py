"""The shop's own rules."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def whole_cents(batch: pa.Table, column: str) -> pa.Array:
    """True for every row whose amount has no more than two decimal places."""
    cents = pc.multiply(batch[column].cast(pa.float64()), 100)
    return pc.fill_null(pc.less(pc.abs(pc.subtract(cents, pc.round(cents))), 1e-6), fill_value=True)
