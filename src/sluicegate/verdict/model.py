"""Outcomes, the verdict and the decision: frozen values, nothing that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.values import Scalar
from sluicegate.ports.engine import Evidence

__all__ = ["CheckOutcome", "Decision", "Outcome", "Verdict"]


class Outcome(StrEnum):
    """How one check ended. Every check of a contract ends as exactly one of these."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERRORED = "errored"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"


class Decision(StrEnum):
    """What happens to the batch."""

    COMMIT = "commit"
    COMMIT_WITH_WARNINGS = "commit_with_warnings"
    QUARANTINE = "quarantine"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """One check and how it ended.

    Attributes:
        engine: which engine ran it, empty where none did.
        rows, failing, value: the figures, as ``ports.engine.Result`` defines them.
        message: one sentence for a person, without values of the data.
        engine_broke: an ``errored`` that is the engine's fault, not the check's.
        instead: where ``message`` and ``hint`` are words of an engine, a library or a rule, which may quote values: what is said in
            their place where these are classified.
        unmasked: the outcome as it was before masking, if that took anything away; in no document, and for no eyes but the caller's.
    """

    check: ContractCheck
    outcome: Outcome
    engine: str
    rows: int | None = None
    failing: int | None = None
    value: Scalar = None
    message: str = ""
    hint: str = ""
    engine_broke: bool = False
    evidence: Evidence | None = None
    instead: str = ""
    unmasked: CheckOutcome | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run found, and what the contract's policy makes of it; enough to reproduce it.

    Attributes:
        verdict_id: hash of everything below that decides, so equal inputs have equal IDs.
        now: the clock that relative times and ages were held against, UTC.
        reasons: why the decision is not ``commit``, one sentence per deciding check.
        batch_sha256: the batch's content fingerprint.
        engines: distribution -> version, of the engines that ran.
    """

    verdict_id: str
    decision: Decision
    outcomes: tuple[CheckOutcome, ...]
    reasons: tuple[str, ...]
    contract_name: str
    contract_version: str
    contract_sha256: str
    dataset: str
    batch_id: str
    batch_sha256: str
    rows: int
    now: datetime
    engines: Mapping[str, str] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """How many checks ended so."""
        return sum(item.outcome is outcome for item in self.outcomes)

    @property
    def exit_code(self) -> int:
        """The CLI's: 0 through, 3 quarantined, 4 blocked, 5 blocked because an engine broke."""
        if any(item.engine_broke for item in self.outcomes):
            return 5
        return {Decision.QUARANTINE: 3, Decision.BLOCK: 4}.get(self.decision, 0)
