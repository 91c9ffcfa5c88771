"""What a report is made of: documents, nothing that runs. Classified values are masked in all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sluicegate.errors import BatchUnreadable, ContractError, SluicegateError
from sluicegate.history.record import RunRecord

__all__ = ["Failure", "Point", "Report", "error_document", "past_of", "run_failure"]

_INTERNAL = 70
_MOST = 1e300
"""Larger figures can't be drawn; whole numbers have no bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a check measured on one batch: in percent of rows that failed, or its figure."""

    at: str
    batch_id: str
    figure: float
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run that came to a verdict.

    Attributes:
        facts: the run document, as ``--json`` prints it.
        contract_file: as the caller named it: where a check that stands in no file has its place.
        translations: check ID -> language and text of what its engine was asked.
        past: check fingerprint -> what it measured on earlier batches and on this one, which is the last.
    """

    facts: Mapping[str, Any]
    contract_file: str = ""
    translations: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    past: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A run that came to no verdict; ``error`` is the document that ``--json`` prints of it."""

    error: Mapping[str, Any]
    contract_file: str = ""


def run_failure(error: BaseException, contract_file: str) -> Failure:
    """The failure that this exception makes of a run."""
    if isinstance(error, SluicegateError):
        return Failure(error=error_document(error), contract_file=contract_file)
    stopped = not isinstance(error, Exception)
    told = "the run was interrupted" if stopped else f"internal error: {type(error).__name__}"
    hint = "" if stopped else "please report it, with what --verbose prints"
    found = {"type": type(error).__name__, "message": told, "hint": hint, "exit_code": _INTERNAL}
    return Failure(error=found, contract_file=contract_file)


def error_document(error: SluicegateError) -> dict[str, Any]:
    """The error as JSON: what it is, its cure, and the places of all faults or unreadable lines."""
    found: dict[str, Any] = {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint,
        "exit_code": error.exit_code,
    }
    if isinstance(error, ContractError) and error.faults:
        found["faults"] = [asdict(fault) for fault in error.faults]
    if isinstance(error, BatchUnreadable):
        found |= {"lines": [asdict(line) for line in error.lines], "more_lines": error.more}
    return found


def past_of(facts: Mapping[str, Any], earlier: Iterable[RunRecord]) -> dict[str, tuple[Point, ...]]:
    """The past of each check, oldest first, this run the last; without checks that can't be compared.

    A figure's past is shown only where this run shows the figure, too: what is classified now may not have been when it was kept.

    Args:
        facts: the run document.
        earlier: runs on other batches, newest first.
    """
    found: dict[str, list[Point]] = {}
    kinds = {check["fingerprint"]: kind for check in facts["verdict"]["checks"] if (kind := _kind(check))}
    runs = [_run(record) for record in earlier][::-1]
    for at, batch_id, held, checks in [*runs, _this(facts)]:
        for check in checks:
            fingerprint: str = check["fingerprint"]
            kind = kinds.get(fingerprint, "")
            if kind and _kind(check) == kind and (not (known := found.get(fingerprint)) or known[-1].batch_id != batch_id):
                point = Point(at=at, batch_id=batch_id, figure=_figure(check, kind), refused=held)
                found.setdefault(fingerprint, []).append(point)
    return {fingerprint: tuple(points) for fingerprint, points in found.items()}


_Run = tuple[str, str, bool, Iterable[Mapping[str, Any]]]


def _run(record: RunRecord) -> _Run:
    return record.started_at, record.batch_id, _held(record.action, record.decision), record.verdict.get("checks", ())


def _this(facts: Mapping[str, Any]) -> _Run:
    verdict = facts["verdict"]
    held = _held(facts["action"], "" if facts.get("split") else verdict["decision"])
    return verdict["clock"], verdict["batch"]["batch_id"], held, verdict["checks"]


def _held(action: str, decision: str) -> bool:
    """Whether the batch was kept from the target, or would be."""
    return action in {"quarantined", "blocked", "deleted"} or (action == "checked" and decision in {"quarantine", "block"})


def _kind(check: Mapping[str, Any]) -> str:
    if check["rows"] is not None and check["failing"] is not None:
        return "share"
    value = check["value"]
    return "value" if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST else ""


def _figure(check: Mapping[str, Any], kind: str) -> float:
    if kind == "share":
        return 100 * check["failing"] / check["rows"] if check["rows"] else 0.0
    return float(check["value"])
