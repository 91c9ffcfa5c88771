"""A check as it stands in a contract: what is promised, how much may break it, how bad that is, and where it is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum

from sluicegate.checks.model import CanonicalCheck, MetricQuery, RowExpression
from sluicegate.checks.values import RelativeTime
from sluicegate.words import plural

__all__ = ["Area", "ContractCheck", "Json", "NativeCheck", "Severity", "Tolerance", "Untestable", "plain"]

Json = None | bool | int | float | Decimal | str | list["Json"] | dict[str, "Json"]


class Severity(StrEnum):
    """How bad a violation is: ``error`` fails, ``warning`` and ``info`` warn; ``info`` leaves the decision alone."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Area(StrEnum):
    """Which of the contract's three violation policies a check answers to."""

    SCHEMA = "schema"
    QUALITY = "quality"
    SLA = "sla"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many rows may break a row-level check: a number, or percent of the rows considered. The smaller one counts."""

    rows: int | None = None
    percent: Decimal | None = None

    def __str__(self) -> str:
        limits = [plural(self.rows, "row")] if self.rows is not None else []
        return " and ".join(limits + ([f"{self.percent} %"] if self.percent is not None else [])) or "none"

    def holds(self, *, failing: int, considered: int) -> bool:
        """Compared as counts, exactly; percentages are never rounded.

        >>> Tolerance(percent=Decimal("0.1")).holds(failing=1, considered=999)
        False
        """
        if self.rows is not None and failing > self.rows:
            return False
        if self.percent is not None and failing * 100 > self.percent * considered:
            return False
        return failing == 0 or self.rows is not None or self.percent is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeCheck:
    """A check in an engine's own language: raw SodaCL, a GX expectation, a Python rule.

    Attributes:
        engine: the only engine that can run it.
        kind: the engine's word for it: a SodaCL check line, an expectation's name, a function's path.
        body: its arguments, as the contract gives them.
    """

    engine: str
    kind: str
    body: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untestable:
    """A promise that a gate can't test (an uptime, say): shown as ``skipped``, with the reason, in every run."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCheck:
    """One check of a contract.

    Attributes:
        id: unique within the contract, stable while the check's name is.
        name: what a person reads.
        promise: what is tested.
        tolerance: up to this the check passes.
        warn_tolerance: if given, passes up to this, warns up to ``tolerance``, fails above.
        engine: pinned engine, or None for the cheapest that can run it.
        file, line, column: where it is written; line 0 where nothing is (a check that the schema implies).
    """

    id: str
    name: str
    promise: CanonicalCheck | NativeCheck | Untestable
    severity: Severity = Severity.ERROR
    area: Area = Area.QUALITY
    tolerance: Tolerance = Tolerance()
    warn_tolerance: Tolerance | None = None
    engine: str | None = None
    description: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    _fingerprint: str = field(default="", init=False, repr=False, compare=False)

    @property
    def splits(self) -> bool:
        """Whether a batch can be split by it: it names the rows that break it, and they are errors.

        Warnings split nothing: a row that is warned of is committed.
        """
        return self.severity is Severity.ERROR and bool(getattr(self.promise, "row_level", False))

    @property
    def runs_own_sql(self) -> bool:
        """Whether words of the contract's author may reach the database as SQL: a batch with such a check is shut off from all else."""
        return isinstance(self.promise, NativeCheck | MetricQuery | RowExpression)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that change when the meaning does: promise, tolerance, severity; not its name or place."""
        if not self._fingerprint:
            parts = [
                type(self.promise).__name__,
                plain(self.promise),
                plain(self.tolerance),
                plain(self.warn_tolerance),
                self.severity,
            ]
            found = hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
            object.__setattr__(self, "_fingerprint", found)  # it is asked for several times in each run
        return self._fingerprint


def plain(value: object) -> Json:
    """Any value of a check as plain JSON, the same for equal values, different for different ones."""
    if is_dataclass(value) and not isinstance(value, type):
        if isinstance(value, RelativeTime):
            return {"relative": value.text}
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):  # 0.1 and 0.10 are one number; "0.1" is a text
        return {"number": format(value.normalize(), "f")} if value.is_finite() else {"number": str(value)}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return plain(Decimal(repr(value)))
    return {type(value).__name__: str(value)}
