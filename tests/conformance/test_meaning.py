"""The reference meaning itself, ``checks/meaning.py``, held against the oracle: one statement per check, nothing fused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import ContractCheck, NativeCheck, Untestable
from sluicegate.checks.meaning import row_meaning
from sluicegate.checks.patterns import inspect_pattern
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Engine, Result, RunContext, Translation, Unsupported
from sluicegate.testing.engines import EngineConformance, never
from tests.conformance.declared import LOOKING_AROUND


class MeaningEngine:
    """Counts the rows of ``row_meaning``, and nothing else."""

    name = "meaning"

    def versions(self) -> Mapping[str, str]:
        return {}

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        promise = check.promise
        if isinstance(promise, NativeCheck | Untestable) or not promise.row_level:
            return Unsupported("only row-level checks have a row meaning")
        if isinstance(promise, m.Pattern) and inspect_pattern(promise.pattern).python_only:
            return Unsupported("RE2 has no such thing")
        meaning = row_meaning(promise, schema)
        return Translation(language="sql", text=f"{meaning.considered} / {meaning.failing}")

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        import duckdb

        for check in checks:
            assert not isinstance(check.promise, NativeCheck | Untestable)
            meaning = row_meaning(check.promise, batch.schema, batch.references)
            counts = (
                f"SELECT count(*) FILTER (WHERE {meaning.considered}), count(*) FILTER (WHERE {meaning.failing}),"
                f" count(*) FILTER (WHERE ({meaning.considered}) IS NULL OR ({meaning.failing}) IS NULL) FROM {meaning.source}"
            )
            try:
                found = batch.connect().execute(counts).fetchone()
            except duckdb.ConnectionException as error:
                raise EngineError("no connection") from error
            except duckdb.ConversionException:
                yield Result(check_id=check.id, error="a value can't be converted")
                continue
            except duckdb.Error as error:
                yield Result(check_id=check.id, error=str(error))
                continue
            assert found is not None
            rows, failing, unknown = found
            yield Result(check_id=check.id, rows=rows, failing=failing, error="a predicate is NULL" if unknown else "")


class TestMeaning(EngineConformance):
    divergences = LOOKING_AROUND + tuple(
        never(f"{name}/*", reason="a dataset-level check has no row meaning")
        for name, check in m.CANONICAL_TYPES.items()
        if not check.row_level
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return MeaningEngine()
