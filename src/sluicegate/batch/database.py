"""One DuckDB database per batch: shut off from files and network where DuckDB can, in UTC, with limits."""

from __future__ import annotations

import contextlib
import re
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.batch.scratch import LOCK, Scratch
from sluicegate.checks.questions import Question
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of
from sluicegate.errors import EngineError, UsageError
from sluicegate.scan.limits import Limits
from sluicegate.scan.scan import Scan

if TYPE_CHECKING:
    import duckdb

__all__ = ["ARROW_ROWS", "BatchSettings", "Database", "EngineView", "arrow_reader", "escaped", "interruptible", "schema_of"]

ARROW_ROWS = 65_536
"""Rows per Arrow batch that leaves the database."""


_INTERRUPTED = "Query interrupted"
_LEAST_MB, _THREAD_MB = 300, 100
_ROOM = "batch"
_OWN_OBJECTS = """
SELECT 'VIEW', view_name FROM duckdb_views() WHERE NOT internal
UNION ALL SELECT 'TABLE', table_name FROM duckdb_tables() WHERE NOT internal
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """How much of the machine a batch may use.

    Attributes:
        memory_limit: DuckDB's, such as ``2GB``; what doesn't fit spills. None: 300 MB, or 100 MB for each thread if that is more;
            never more than DuckDB's own default (80 % of the memory).
        threads: None: one per core.
        temp_directory: where spilled blocks and spooled files go; None: a folder of its own under the system's.
        trust_statistics: whether Parquet's statistics may stand for what they are about, where ``statistics.py`` says so.
    """

    memory_limit: str | None = None
    threads: int | None = None
    temp_directory: Path | None = None
    trust_statistics: bool = True


def schema_of(connection: duckdb.DuckDBPyConnection, view: str) -> BatchSchema:
    """The columns of a view or table."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {identifier(view)}").fetchall()
    return BatchSchema(tuple(Column(name, kind_of(native) or Kind.OTHER, native) for name, native, *_ in described))


def escaped(path: Path) -> str:
    """A path in which DuckDB sees no wildcards: it would read ``x1.csv`` for ``x[1].csv``."""
    return re.sub(r"[*?\[]", lambda found: f"[{found[0]}]", str(path))


def arrow_reader(relation: Any) -> Any:
    """A relation's rows as a RecordBatchReader, under the name that this DuckDB has for it."""
    return (getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader)(ARROW_ROWS)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make Ctrl-C in the middle of a statement a KeyboardInterrupt again: DuckDB says RuntimeError for whatever a signal raised."""
    try:
        yield
    except RuntimeError as error:
        if str(error) != _INTERRUPTED:
            raise
        raise KeyboardInterrupt from error


class Database:
    """A DuckDB database in memory. ``seal`` shuts it off from everything but the given files, once its views exist.

    Args:
        settings: how much of the machine it may use.
        lasting: it may serve several batches: nobody may change its configuration, and it is not to be sealed.

    Attributes:
        trusts_statistics: as the settings say.
        keeper: is offered the database when it is closed, emptied; says whether it keeps it for another batch.
    """

    keeper: Callable[[Database], bool] | None = None

    def __init__(self, settings: BatchSettings, *, lasting: bool = False) -> None:
        import duckdb

        self.trusts_statistics = settings.trust_statistics
        scratch = Scratch(settings.temp_directory)
        self._folder = scratch.path
        self._clean = weakref.finalize(self, scratch.remove)
        config: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",  # nothing is ever downloaded
            "autoload_known_extensions": "false",
            "temp_directory": str(self._folder),
        }
        if settings.memory_limit:
            config["memory_limit"] = settings.memory_limit
        if settings.threads:
            config["threads"] = str(settings.threads)
        try:
            self._instance = self.root = duckdb.connect(":memory:", config=config)
        except duckdb.Error as error:
            self._clean()
            message = str(error).splitlines()[0]
            raise UsageError(f"DuckDB refuses the batch settings: {message}", hint="memory_limit is text such as 2GB") from error
        if not settings.memory_limit:
            self._stay_small()
        self.root.execute("SET GLOBAL TimeZone = 'UTC'")
        self._try("SET GLOBAL python_enable_replacements = false")  # DuckDB 1.0 has none: SQL there may see Python variables
        if lasting:
            self._try("SET GLOBAL enable_external_file_cache = false")  # no batch may see another one's bytes
            self.root.execute("SET lock_configuration = true")
            self.root = self._instance.cursor()

    @property
    def scratch(self) -> Path:
        """A folder for the batch's own files, made by whoever needs it; it goes when the database is closed."""
        return self._folder / _ROOM

    def _try(self, statement: str) -> bool:
        import duckdb

        with contextlib.suppress(duckdb.CatalogException):
            self.root.execute(statement)
            return True
        return False

    def _stay_small(self) -> None:
        """Leave the machine to the pipeline: DuckDB would take 80 % of it before it spills, and is hardly slower with less."""
        limits = Limits.of(self.root)
        enough = max(_LEAST_MB, _THREAD_MB * limits.threads) * 10**6
        if limits.memory is None or limits.memory > enough:  # else a small machine: DuckDB knows better
            self.root.execute(f"SET memory_limit = '{enough}B'")

    def seal(self, files: Iterable[Path]) -> None:
        """No file but these, no network, no extension, no other setting from here on.

        DuckDB before 1.2 can't allow single files; there the door stays open when views read files.
        """
        paths = sorted({text for path in files for text in (str(path), escaped(path))})
        listed = ", ".join(literal(path) for path in paths)
        if not paths or self._try(f"SET allowed_paths = [{listed}]"):
            self.root.execute("SET enable_external_access = false")
        self.root.execute("SET lock_configuration = true")

    def close(self, *, busy: bool) -> None:
        """Close it, unless an abandoned thread still computes (DuckDB would wait for it, or refuse), or somebody keeps it."""
        if not busy:
            keeper, self.keeper = self.keeper, None
            if keeper is not None and self._emptied() and keeper(self):
                return
            self.destroy()
        self._clean()

    def destroy(self) -> None:
        """Close it for good."""
        self.root.close()
        self._instance.close()
        self._clean()

    def _emptied(self) -> bool:
        """Take out what the batch put in; whether all of it went.

        What engines made for themselves is temporary, and went with their connections.
        """
        import duckdb

        try:
            self.root.close()
            self.root = self._instance.cursor()
            for kind, name in self.root.execute(_OWN_OBJECTS).fetchall():
                self.root.execute(f"DROP {kind} {identifier(name)}")
        except duckdb.Error:
            return False
        shutil.rmtree(self.scratch, ignore_errors=True)
        return [item.name for item in self._folder.iterdir()] == [LOCK]  # else it spilled, and that isn't over


class EngineView:
    """A batch as one engine sees it: its own connections, which the gate can interrupt from another thread."""

    def __init__(
        self,
        database: Database,
        schema: BatchSchema,
        references: Mapping[str, str],
        *,
        scan: Scan | None = None,
        known: Mapping[Question, Any] | None = None,
    ) -> None:
        self._database = database
        self._scan = scan or Scan(known=known)
        self._connections: list[duckdb.DuckDBPyConnection] = []
        self._schema = schema
        self._references = references
        self.interrupted = False

    @property
    def schema(self) -> BatchSchema:
        """The batch's columns."""
        return self._schema

    @property
    def references(self) -> Mapping[str, str]:
        """Each dataset that a ``reference`` check names, and the view over it."""
        return self._references

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of the engine's own, in UTC, with the batch's views.

        Raises:
            EngineError: the view was interrupted: whoever still runs was abandoned.
        """
        connection = self._database.root.cursor()
        self._connections.append(connection)
        if self.interrupted:
            raise EngineError("the run was interrupted")
        return connection

    def answers(self, questions: Sequence[Question]) -> tuple[Any, ...]:
        """The answers, as ``ports.batch.BatchView`` has it.

        Raises:
            EngineError: the view was interrupted, or DuckDB is of no more use.
        """
        return self._scan.answers(questions, self)

    def interrupt(self) -> None:
        """Stop what runs on this view's connections now, and let nothing new begin."""
        import duckdb

        self.interrupted = True
        for connection in tuple(self._connections):
            with contextlib.suppress(duckdb.Error):
                connection.interrupt()
        self._scan.wake()

    def close(self) -> None:
        """Close its connections; those of an interrupted view are left to their thread, which may still be inside DuckDB."""
        import duckdb

        if self.interrupted:
            return
        for connection in self._connections:
            with contextlib.suppress(duckdb.Error):
                connection.close()
        self._connections.clear()
