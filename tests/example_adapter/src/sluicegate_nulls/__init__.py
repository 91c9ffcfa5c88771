"""An engine that counts NULLs, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

from sluicegate.checks.contract_check import ContractCheck
from sluicegate.checks.model import NotNull
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema
from sluicegate.errors import EngineError
from sluicegate.ports.batch import BatchView
from sluicegate.ports.engine import Result, RunContext, Translation, Unsupported

__all__ = ["NullsEngine"]


class NullsEngine:
    name = "nulls"

    def versions(self) -> Mapping[str, str]:
        return {"sluicegate-nulls": version("sluicegate-nulls")}

    def translate(self, check: ContractCheck, schema: BatchSchema | None) -> Translation | Unsupported:
        if not isinstance(check.promise, NotNull):
            return Unsupported("this engine counts NULLs, and nothing else")
        column = identifier(check.promise.column)
        return Translation(language="sql", text=f"SELECT count(*), count(*) - count({column}) FROM {BATCH}")

    def run(self, checks: Sequence[ContractCheck], batch: BatchView, context: RunContext) -> Iterable[Result]:
        import duckdb

        for check in checks:
            query = self.translate(check, batch.schema)
            assert isinstance(query, Translation)
            try:
                [(rows, failing)] = batch.connect().execute(query.text).fetchall()
            except duckdb.Error as error:
                raise EngineError("the NULLs can't be counted") from error
            yield Result(check_id=check.id, rows=rows, failing=failing)
