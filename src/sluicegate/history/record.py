"""What is kept of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sluicegate.redact import MASK

__all__ = ["RunRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: what was decided on which batch, what was done with it, and on which figures.

    Attributes:
        started_at: ISO 8601, UTC.
        seconds: how long it took.
        decision: what the verdict said: ``commit``, ``commit_with_warnings``, ``quarantine``, ``block``.
        action: what was done: ``checked`` (nothing was to be done), ``committed``, ``quarantined``, ``split``, ``blocked``; ``unreadable``: there was nothing
            to decide on, and ``verdict`` has the ``error``, with the lines that can't be read.
        location: where the batch is now, if the run put it anywhere.
        counts: outcome -> number of checks that ended so.
        verdict: the verdict document.
        figures: check fingerprint -> the number it measured, for checks that look at their own past: as it is, classified or not.
    """

    run_id: str
    started_at: str
    seconds: float
    contract_name: str
    contract_version: str
    contract_sha256: str
    tenant: str
    dataset: str
    batch_id: str
    batch_sha256: str
    rows: int
    decision: str
    action: str
    location: str = ""
    quarantine_id: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    verdict: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, int | float | Decimal] = field(default_factory=dict)

    @property
    def open_figures(self) -> Mapping[str, int | float | Decimal]:
        """The figures that may be shown: those that the verdict doesn't mask."""
        shown = {check.get("fingerprint") for check in self.verdict.get("checks", ()) if check.get("value") not in {None, MASK}}
        return {fingerprint: figure for fingerprint, figure in self.figures.items() if fingerprint in shown}
