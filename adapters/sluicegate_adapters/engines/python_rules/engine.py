"""The engine ``python``: a contract's rules, each a function of the batch."""

from __future__ import annotations

import contextlib
import difflib
import platform
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import ContractCheck, NativeCheck
from sluicegate.checks.questions import ROWS, Unanswered
from sluicegate.checks.sqltext import BATCH
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import NativeOutcome, Result, RunContext, Translation, Unsupported
from sluicegate.ports.rules import RuleContext
from sluicegate_adapters.engines.python_rules.answers import Answer, Reading, RuleUnclear, read_answer
from sluicegate_adapters.engines.python_rules.calls import Call, RuleMiscalled, prepare
from sluicegate_adapters.engines.python_rules.forms import load, rows_at
from sluicegate_adapters.engines.python_rules.output import prints_to_stderr
from sluicegate_adapters.engines.python_rules.places import RuleNotFound, load_rule, places
from sluicegate_adapters.engines.python_rules.streamed import answer_in_parts

if TYPE_CHECKING:
    import duckdb

__all__ = ["PythonEngine"]


class PythonEngine:
    """Runs rules, one after the other, in the order of the contract. Each has a connection of its own, rolled back afterwards."""

    @property
    def name(self) -> str:
        """``python``."""
        return "python"

    def versions(self) -> Mapping[str, str]:
        """Python itself, and what carries the batch to a rule."""
        return {"python": platform.python_version()} | {name: metadata.version(name) for name in ("duckdb", "pyarrow")}

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:  # noqa: ARG002
        """The call, with the columns that are loaded for it."""
        promise = check.promise
        if not isinstance(promise, NativeCheck):
            return Unsupported("Python runs rules, not canonical checks")
        if promise.engine != self.name:
            return Unsupported(f"this is a check in the language of {promise.engine}")
        columns, params = _columns(promise), _params(promise)
        batch = f"{BATCH}[{', '.join(columns)}]" if columns else BATCH
        arguments = ", ".join([batch, *(f"{name}={value!r}" for name, value in params.items())])
        reads = (
            "a rule reads the columns that its contract lists" if columns else "a rule without a list of columns reads them all"
        )
        return Translation(language="python", text=f"{promise.kind}({arguments})", questions=(ROWS,), own_path=reads)

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        """Evaluate the rules; a rule that breaks is an error of its own, the others go on.

        Raises:
            EngineError: the batch can't be read.
        """
        rows = _count(batch) if checks else 0
        for check in checks:
            with prints_to_stderr():
                result = _RuleRun(check, batch, context, rows).result()
            yield result


@dataclass(frozen=True, slots=True)
class _RuleRun:
    """One rule on one batch."""

    check: ContractCheck
    batch: BatchView
    context: RunContext
    rows: int

    def result(self) -> Result:
        promise = self.check.promise
        if not isinstance(promise, NativeCheck):
            return self._error("Python runs rules, not canonical checks", harmless=True)
        try:
            rule = load_rule(promise.kind, places(self.context.settings), self.check.file)
            call = prepare(rule, _params(promise), _context(self.context, self.rows))
            columns = _existing(_columns(promise), self.batch.schema)
        except RuleNotFound as error:
            return self._error(str(error), error.hint, harmless=True)
        except RuleMiscalled as error:
            return self._error(f"rule {promise.kind}: {error}", error.hint, harmless=True)
        return self._call(promise.kind, rule, call, columns)

    def _call(self, kind: str, rule: Callable[..., Any], call: Call, columns: Sequence[str]) -> Result:
        connection, evidence = self.batch.connect(), self.batch.connect()
        connection.execute("BEGIN TRANSACTION")  # what a rule creates or drops is undone
        try:
            loaded = load(connection, columns, call.form)
            reading = Reading(
                rows_at=partial(rows_at, evidence, columns),
                columns=columns,
                rows=self.rows,
                evidence_rows=self.context.evidence_rows,
            )
            filled = partial(_called, rule, call)
            found = answer_in_parts(filled, loaded, reading) if call.form == "parts" else read_answer(filled(loaded), reading)
            return _judged(self.check, found)
        except RuleUnclear as error:
            return self._error(f"rule {kind}: {error}", error.hint, harmless=error.harmless)
        except ModuleNotFoundError as error:
            return self._error(f"rule {kind}: {error.name} is not installed", f"pip install {error.name}")
        except BaseException as error:  # noqa: BLE001 - whatever a rule throws, even SystemExit, is that rule's error
            return _raised(self.check, kind, rule, error)
        finally:
            _roll_back(connection)

    def _error(self, message: str, hint: str = "", *, harmless: bool = False) -> Result:
        return Result(check_id=self.check.id, error=message, error_hint=hint, harmless=harmless)


def _called(rule: Callable[..., Any], call: Call, batch: Any) -> Any:
    return rule(batch, **call.arguments)


def _columns(promise: NativeCheck) -> list[str]:
    listed = promise.body.get("columns") or []
    return [str(name) for name in listed] if isinstance(listed, list | tuple) else [str(listed)]


def _params(promise: NativeCheck) -> Mapping[str, Any]:
    params = promise.body.get("params") or {}
    return params if isinstance(params, Mapping) else {}


def _existing(columns: Sequence[str], schema: BatchSchema) -> Sequence[str]:
    """The declared columns, or all if none are.

    Raises:
        RuleMiscalled: the batch has no such column.
    """
    missing = next((name for name in columns if name not in schema), None)
    if missing is not None:
        near = difflib.get_close_matches(missing, schema.names, n=1)
        raise RuleMiscalled(
            f"the batch has no column {missing!r}", f"did you mean {near[0]!r}?" if near else "correct the rule's columns"
        )
    return list(dict.fromkeys(columns)) or schema.names


def _count(batch: BatchView) -> int:
    (rows,) = batch.answers((ROWS,))
    if isinstance(rows, Unanswered):
        raise EngineError(rows.message, hint=rows.hint)
    return int(rows)


def _context(context: RunContext, rows: int) -> RuleContext:
    facts = {
        name: context.parameters[name]
        for name in ("batch_id", "dataset", "tenant_id", "environment")
        if name in context.parameters
    }
    return RuleContext(now=context.now, rows=rows, **facts)


def _judged(check: ContractCheck, answer: Answer) -> Result:
    """The rule's own verdict; where it only counts, the contract's tolerance decides."""
    passed = answer.passed
    if passed is None:
        passed = check.tolerance.holds(failing=answer.failing or 0, considered=answer.rows or 0)
    return Result(
        check_id=check.id,
        rows=answer.rows,
        failing=answer.failing,
        native=NativeOutcome.PASSED if passed else NativeOutcome.FAILED,
        message=answer.message,
        evidence=answer.evidence,
    )


def _raised(check: ContractCheck, kind: str, rule: Callable[..., Any], error: BaseException) -> Result:
    """Type and place only: an exception's text may hold values of the data."""
    import duckdb

    file = getattr(getattr(rule, "__code__", None), "co_filename", "")
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename == file] or frames[-1:]
    place = f" in {Path(inside[-1].filename).name}:{inside[-1].lineno}" if inside else ""
    broke = isinstance(error, MemoryError | duckdb.OutOfMemoryException | duckdb.InterruptException)
    return Result(
        check_id=check.id,
        error=f"rule {kind} raised {type(error).__name__}{place}",
        error_hint="its text is not shown: it may hold data; call the rule by itself to see it" if not broke else "",
        engine_broke=broke,
        harmless=True,
    )


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    with contextlib.suppress(duckdb.Error):
        connection.execute("ROLLBACK")
