"""What an engine sees of a batch: the schema, answers to its questions, and a DuckDB connection with views on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from sluicegate.checks.questions import Question
from sluicegate.checks.types import BatchSchema

if TYPE_CHECKING:
    import duckdb

__all__ = ["BatchView"]


class BatchView(Protocol):
    """A batch opened for one engine. Its rows are the view ``batch`` (``sqltext.BATCH``)."""

    @property
    def schema(self) -> BatchSchema:
        """The batch's columns."""
        ...

    @property
    def references(self) -> Mapping[str, str]:
        """Each dataset that a ``reference`` check names, and the view over it."""
        ...

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of the engine's own, its session in UTC, with the views of this batch.

        Connections of one batch share one database; the gate interrupts and closes them. The engine may create
        temporary objects, and must leave the views as they are.
        """
        ...

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        """The answers to questions about the batch, in their order: a value, ``Repeats``, or ``Unanswered``.

        Those that the engine named in its translations come from the run's one scan, which this waits for; others are asked now.

        Raises:
            EngineError: the run was interrupted, or the batch can't be read any more.
        """
        ...
