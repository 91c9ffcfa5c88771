"""GreatExpectationsEngine: GX's own classes give the verdict, DuckDB the figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.questions import ROWS
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext, Translation, Unsupported
from sluicegate_adapters.engines.great_expectations.arguments import check_names, refusal
from sluicegate_adapters.engines.great_expectations.canonical import suite_of
from sluicegate_adapters.engines.great_expectations.canonical_jobs import canonical_sought
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.native_sought import announced
from sluicegate_adapters.engines.great_expectations.sought import Sought

__all__ = ["GreatExpectationsEngine"]

_NAMES = frozenset({"great_expectations", "gx", "greatExpectations", "great-expectations"})
_DISTRIBUTIONS = ("great-expectations", "duckdb", "pandas", "numpy")


class GreatExpectationsEngine:
    """Runs canonical checks as GX expectations, and any expectation that GX exports.

    No data context is made, nothing is written, nothing is sent.
    """

    @property
    def name(self) -> str:
        return "great_expectations"

    def versions(self) -> Mapping[str, str]:
        found = {}
        for distribution in _DISTRIBUTIONS:
            try:
                found[distribution] = version(distribution)
            except PackageNotFoundError:
                continue
        return found

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        """The check as an entry of an expectation suite; imports nothing of GX."""
        match check.promise:
            case Untestable(reason=reason):
                return Unsupported(reason)
            case NativeCheck(engine=engine, kind=kind, body=body) as native:
                if engine not in _NAMES:
                    return Unsupported(f"a native check of {engine} runs there only")
                if reason := refusal(kind):
                    return Unsupported(reason)
                try:
                    check_names(kind, body)
                except Fault as fault:
                    return Unsupported(f"{fault.message} ({fault.hint})" if fault.hint else fault.message)
                entry = _entry(kind, {name: value for name, value in body.items() if name != "meta"}, check, body.get("meta"))
                return _with(entry, lambda: announced(native, schema))
            case canonical:
                suite = suite_of(canonical, check.tolerance, schema)
                if isinstance(suite, Unsupported):
                    return suite
                entry = _entry(suite.kind, suite.kwargs, check, None)
                return _with(entry, lambda: canonical_sought(canonical, schema))

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        """One result for each check; a check that can't be evaluated never takes another with it.

        Raises:
            EngineError: Great Expectations can't be imported.
        """
        if not checks:
            return
        from sluicegate_adapters.engines.great_expectations import gx
        from sluicegate_adapters.engines.great_expectations.run import run_checks

        try:
            gx.load()
        except ImportError as error:
            raise EngineError(f"Great Expectations can't be imported: {error}", hint="pip install great-expectations") from error
        yield from run_checks(checks, batch, context)


def _with(entry: Translation, seek: Callable[[], Sought[Any]]) -> Translation:
    """With what it will ask; a check that can't be run as written says so when it runs, and asks nothing."""
    try:
        sought = seek()
    except Fault:
        return entry
    nothing = () if sought.why else (ROWS,)  # what the schema answers takes nothing but the batch
    return replace(entry, questions=tuple(dict.fromkeys(sought.questions)) or nothing, own_path=sought.why)


def _entry(kind: str, kwargs: Mapping[str, Any], check: ContractCheck, meta: Any) -> Translation:
    """One entry of a suite's ``expectations``, as GX stores it."""
    notes = (dict(meta) if isinstance(meta, Mapping) else {}) | {"sluicegate": check.id}
    if check.tolerance.rows is not None:
        notes["sluicegate_tolerance_rows"] = check.tolerance.rows
    entry = {"type": kind, "kwargs": dict(kwargs), "meta": notes}
    return Translation(language="gx", text=json.dumps(entry, indent=2, ensure_ascii=False, default=_json))


def _json(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date) or hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterator | tuple | set | frozenset):
        return list(value)
    return str(value)
