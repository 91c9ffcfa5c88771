"""A batch in memory, as engines see one: for conformance tests, and for adapter authors' own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sluicegate.checks.questions import Question
from sluicegate.checks.sqltext import BATCH, identifier, literal
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of
from sluicegate.scan.scan import Scan

if TYPE_CHECKING:
    import duckdb

__all__ = ["MemoryBatch"]


class MemoryBatch:
    """A BatchView over SQL: ``MemoryBatch("SELECT * FROM (VALUES (1), (NULL)) t(a)")``.

    Args:
        query: a SELECT whose rows are the batch.
        references: dataset name -> a SELECT whose rows are that dataset.
    """

    def __init__(self, query: str, references: Mapping[str, str] | None = None) -> None:
        import duckdb

        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'UTC'")
        self._database.execute(f"CREATE TABLE _sluicegate_rows AS {query}")
        self._database.execute(f"CREATE VIEW {BATCH} AS SELECT * FROM _sluicegate_rows")
        self.references: Mapping[str, str] = {name: f"reference_{i}" for i, name in enumerate(references or {})}
        for name, select in (references or {}).items():
            self._database.execute(f"CREATE VIEW {identifier(self.references[name])} AS {select}")
        self.schema = self.schema_of(BATCH)
        self.interrupted = False

    def schema_of(self, view: str) -> BatchSchema:
        """The columns of a view."""
        described = self._database.execute(f"DESCRIBE {identifier(view)}").fetchall()
        return BatchSchema(tuple(Column(name, kind_of(native) or Kind.OTHER, native) for name, native, *_ in described))

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own, in UTC."""
        connection = self._database.cursor()
        connection.execute(f"SET TimeZone = {literal('UTC')}")
        return connection

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        """Asked when they are asked for: nothing was announced."""
        return Scan().answers(questions, self)
