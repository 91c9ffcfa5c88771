"""The engine port on Soda Core: canonical checks as SodaCL, and SodaCL as its author wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck, Untestable
from sluicegate.checks.custom_sql import Refused, guard_expression, guard_query
from sluicegate.checks.schema_diff import schema_faults
from sluicegate.checks.sqltext import BATCH
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext, Translation, Unsupported
from sluicegate_adapters.engines.soda.answering import Answers
from sluicegate_adapters.engines.soda.canonical import Entry, Probe, probe
from sluicegate_adapters.engines.soda.native import read, text_of
from sluicegate_adapters.engines.soda.native_run import run_natives
from sluicegate_adapters.engines.soda.problems import errored, raise_if_lost
from sluicegate_adapters.engines.soda.sodacl import dump

if TYPE_CHECKING:
    import duckdb

    from sluicegate_adapters.engines.soda.runtime import Scanned

__all__ = ["SodaEngine"]

_SECTION = f"checks for {BATCH}"
_NO_MOMENT = "the figure is a moment beyond the calendar (infinity, or a year beyond 9999)"
_NO_FIGURE = "Soda gave no figure for this check"


class SodaEngine:
    """Runs checks with Soda Core on DuckDB."""

    name = "soda"

    def versions(self) -> Mapping[str, str]:
        """What decides its verdicts."""
        return {package: version(package) for package in ("soda-core", "soda-core-duckdb", "duckdb")}

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        """The check as SodaCL: for a canonical check the very text that is executed."""
        match check.promise:
            case NativeCheck() as native if native.engine == self.name:
                found = read(native)
                if isinstance(found, Unsupported):
                    return found
                text, questions = text_of(native), found.questions(schema)
                return Translation(language="sodacl", text=text, questions=questions, own_path=found.own_path)
            case NativeCheck() | Untestable():
                return Unsupported("Soda runs canonical checks and SodaCL")
        asked = probe(check, schema)
        if isinstance(asked, Unsupported):
            return asked
        text = _document(asked.entries)
        return Translation(language="sodacl", text=text, questions=asked.questions, own_path=asked.own_path)

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterator[Result]:
        """One of Soda's scans for all canonical checks together, drawing from the run's one scan; what fails is asked again alone.

        Raises:
            EngineError: the connection was interrupted or lost.
        """
        if not checks:
            return
        connection = _connect(batch)
        canonical = [check for check in checks if not isinstance(check.promise, NativeCheck | Untestable)]
        yield from _Canonical(connection, batch, context).run(canonical)
        native = [check for check in checks if isinstance(check.promise, NativeCheck)]
        yield from run_natives(native, connection, batch, context)


def _connect(batch: BatchView) -> duckdb.DuckDBPyConnection:
    import duckdb

    try:
        return batch.connect()
    except duckdb.Error as error:
        raise EngineError("soda can't connect to the batch") from error


def _document(entries: Iterable[Entry], key: str | None = None) -> str:
    return dump({_SECTION: [_item(entry, key) for entry in entries]})


def _item(entry: Entry, key: str | None) -> Json:
    return {entry.line: {**entry.config, **({"attributes": {"sluicegate": key}} if key else {})}}


class _Canonical:
    """The canonical checks of one run."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, batch: BatchView, context: RunContext) -> None:
        self._connection = connection
        self._batch = batch
        self._context = context

    def run(self, checks: Sequence[ContractCheck]) -> Iterator[Result]:
        probes: dict[ContractCheck, Probe] = {}
        for check in checks:
            found = self._admit(check)
            if isinstance(found, Result):
                yield found
            else:
                probes[check] = found
        if not probes:
            return
        scanned = self._scan(probes)
        for check, asked in probes.items():
            yield self._result(check, asked, scanned) or self._alone(check, asked)

    def _admit(self, check: ContractCheck) -> Probe | Result:
        refused: Any = None
        match check.promise:
            case m.RowExpression(expression=expression):
                refused = guard_expression(expression)
            case m.MetricQuery(query=query):
                refused = guard_query(query, self._batch.references)
        if isinstance(refused, Refused):
            return Result(check_id=check.id, error=refused.message, error_hint=refused.hint, harmless=True)
        found = probe(check, self._batch.schema, self._batch.references, self._context.now)
        return Result(check_id=check.id, error=found.reason, harmless=True) if isinstance(found, Unsupported) else found

    def _scan(self, probes: Mapping[ContractCheck, Probe]) -> Scanned:
        from sluicegate_adapters.engines.soda.runtime import scan

        entries = [
            _item(entry, f"{check.id} {place}") for check, asked in probes.items() for place, entry in enumerate(asked.entries)
        ]
        known = {text: share for asked in probes.values() for entry in asked.entries for text, share in entry.asks.items()}
        answers = Answers(self._batch.answers, self._batch.schema, known)
        scanned = scan({_SECTION: entries}, self._connection, self._context.now, answers=answers)
        raise_if_lost(scanned.problems)
        return scanned

    def _alone(self, check: ContractCheck, asked: Probe) -> Result:
        """What can't be computed takes the whole statement with it that it was fused into."""
        scanned = self._scan({check: asked})
        return self._result(check, asked, scanned) or errored(check.id, scanned.problems, _NO_FIGURE)

    def _result(self, check: ContractCheck, asked: Probe, scanned: Scanned) -> Result | None:
        """The figures, if the database answered everything that was asked."""
        rows = []
        for place in range(len(asked.entries)):
            if why := scanned.unanswered.get(f"{check.id} {place}"):
                return Result(
                    check_id=check.id,
                    error=why.message,
                    error_hint=why.hint,
                    engine_broke=why.engine_broke,
                    harmless=why.harmless,
                )
            findings = scanned.findings.get(f"{check.id} {place}", [])
            if len(findings) != 1 or findings[0].row is None:
                return None
            rows.append(findings[0].row)
        try:
            result = asked.read(rows)
        except OverflowError:
            return Result(check_id=check.id, error=_NO_MOMENT, error_hint="a range check finds the rows", harmless=True)
        except ValueError as error:
            return Result(check_id=check.id, error=str(error), error_hint="a range check finds the rows")
        if isinstance(check.promise, m.Schema | m.ColumnType) and result.failing:
            return replace(result, message="; ".join(schema_faults(check.promise, self._batch.schema)), harmless=True)
        return result
