# ruff: noqa: SLF001 - what has to be held back in Soda lies in its private parts; the tests hold this against its versions
"""Soda Core made safe to run inside another program: no network, no files, no shared log, no rollback, no guessing.

Soda is written for its own command line. ``load`` switches off what it does at import (telemetry, ``~/.soda/config.yml``,
``.env``); ``scan`` runs one SodaCL document on a connection that belongs to someone else and gives back plain values.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sluicegate.checks.contract_check import Json
from sluicegate.checks.questions import Question, Unanswered
from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.soda.answering import Answers
from sluicegate_adapters.engines.soda.scanning import define_scan, render, share_answers
from sluicegate_adapters.engines.soda.sodacl import dump
from sluicegate_adapters.engines.soda.sparing import imported_sparingly

if TYPE_CHECKING:
    import duckdb

__all__ = ["KEY", "Finding", "Problem", "Scanned", "configurations", "load", "parse", "rehearse", "render", "scan"]

KEY = "sluicegate"
"""The check attribute that carries whose check it is."""

_DATA_SOURCE = "duckdb"
_MOMENT_TYPES = {"TIMESTAMP WITH TIME ZONE", "DATETIME"}  # DuckDB 1.0 calls all moments the latter
_ZONED, _UTC = {"TIMESTAMP WITH TIME ZONE"}, literal("UTC")
_FUSED = 1000  # expressions per SELECT; Soda's own 50 would read the batch several times
_setting_up = threading.RLock()  # Soda's constructor, its parser and its import touch what all threads share
_here = threading.local()
_read_before: dict[str, Any] = {}  # a document -> what Soda's parser made of it; the eldest goes first
_READ_AT_MOST = 64
_CHECKS_ALONE = re.compile(r"checks[^\n]*(?:\n(?!\S)[^\n]*)*")  # other sections may change these, or the scan

Document = str | Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that Soda logged."""

    message: str
    exception: BaseException | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What Soda found for one of its checks.

    Attributes:
        kind: the name of its configuration's class.
        outcome: ``pass``, ``warn``, ``fail``, or None where Soda could not evaluate it.
        row: what the database answered, as it answered it; None if it didn't.
        value: what Soda held against the thresholds.
        check: Soda's own object, for what only one kind of check has.
        evidence: columns and some rows that Soda selected because they broke the check.
    """

    kind: str
    outcome: str | None
    row: tuple[Any, ...] | None
    value: Any
    check: Any
    evidence: tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]] | None = None


@dataclass(frozen=True, slots=True)
class Scanned:
    """One scan: what each key's checks found, in Soda's order, what went wrong anywhere in it, and whose figures there are none of."""

    findings: Mapping[str, Sequence[Finding]]
    problems: Sequence[Problem]
    unanswered: Mapping[str, Unanswered] = field(default_factory=dict)


@contextmanager
def _ours() -> Iterator[None]:
    """While this thread runs Soda for us, its logging stays inside and pandas stays unimported."""
    before = getattr(_here, "active", False)
    _here.active = True
    try:
        yield
    finally:
        _here.active = before


def _is_ours() -> bool:
    return getattr(_here, "active", False)


@cache
def load() -> type[Any]:
    """Import Soda with everything off that reaches beyond this process; the class of scan that we run."""
    with _setting_up, _ours(), imported_sparingly(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it writes regular expressions without r""
        from soda.common.config_helper import ConfigHelper

        if ConfigHelper._ConfigHelper__instance is None:  # else it would write ~/.soda/config.yml, with sending on
            ConfigHelper._ConfigHelper__config = {"send_anonymous_usage_stats": False, "user_cookie_id": "none"}
            ConfigHelper.get_instance()
        from soda.common import env_helper
        from soda.common.logs import Logs

        if env_helper.EnvHelper._EnvHelper__instance is None:  # its first instance loads .env over the environment
            real = env_helper.load_dotenv, env_helper.strtobool
            env_helper.load_dotenv, env_helper.strtobool = (lambda **_: False), _truth  # the latter would import distutils
            try:
                env_helper.EnvHelper(Logs())
            finally:
                env_helper.load_dotenv, env_helper.strtobool = real
        logging.getLogger("soda.scan").addFilter(lambda _: not _is_ours())
        importlib.import_module("soda.data_sources.duckdb_data_source")
        importlib.import_module("soda.sodacl.sodacl_parser")
        _spare_ourselves()
        share_answers()
        return define_scan()


def _truth(word: str) -> int:
    """As ``distutils.util.strtobool``.

    Raises:
        ValueError: it is no such word.
    """
    truths = {"y": 1, "yes": 1, "t": 1, "true": 1, "on": 1, "1": 1, "n": 0, "no": 0, "f": 0, "false": 0, "off": 0, "0": 0}
    if word.lower() not in truths:
        raise ValueError(f"invalid truth value {word.lower()!r}")
    return truths[word.lower()]


def _spare_ourselves() -> None:
    """Detours that Soda takes for nothing on DuckDB, left out on our threads."""
    from soda.execution.metric import numeric_query_metric
    from soda.execution.query import query
    from soda.sodacl import sodacl_parser

    find_spec, parse_columns = numeric_query_metric.find_spec, query.parse_columns_from_query
    # To convert values of numpy and pandas, which DuckDB never answers, Soda imports both: half a second.
    numeric_query_metric.find_spec = lambda name: None if _is_ours() else find_spec(name)
    # It looks at the same constructors' signatures for every check, which is a quarter of the time that it takes to read one.
    sodacl_parser.inspect = SimpleNamespace(signature=cache(inspect.signature))
    # To leave out excluded columns, of which we have none, it parses the SQL; where that fails, the whole scan dies.
    query.parse_columns_from_query = lambda sql: [] if _is_ours() else parse_columns(sql)


@dataclass
class _Connection:
    """Someone else's connection: Soda may ask it anything, and end nothing."""

    _connection: duckdb.DuckDBPyConnection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *arguments: Any) -> Any:
        """As asked, but moments with a zone come as UTC's wall clock: DuckDB hands them over only where pytz is installed."""
        done = self._connection.execute(sql, *arguments)
        if not any(str(column[1]).upper() in _MOMENT_TYPES for column in self._connection.description or ()):
            return done
        types = [str(row[1]) for row in self._connection.execute(f"DESCRIBE {sql}").fetchall()]
        columns = [str(column[0]) for column in self._connection.execute(f"SELECT * FROM ({sql}\n) LIMIT 0").description or ()]
        names = [identifier(f"c{place}") for place in range(len(types))]
        cells = (
            f"{name if native not in _ZONED else 'timezone(' + _UTC + ', ' + name + ')'} AS {identifier(column)}"
            for name, native, column in zip(names, types, columns, strict=True)
        )
        return self._connection.execute(f"SELECT {', '.join(cells)} FROM ({sql}\n) AS t({', '.join(names)})")

    def fetchone(self) -> tuple[Any, ...] | None:
        """The only row: where an author's query answers several, Soda would take whichever comes first.

        Raises:
            ValueError: there is a second one.
        """
        row: tuple[Any, ...] | None = self._connection.fetchone()
        if row is not None and self._connection.fetchone() is not None:
            raise ValueError("the query answers several rows")
        return row

    def rollback(self) -> None:
        """Soda rolls back on any error, which on DuckDB aborts, or undoes the caller's work."""

    commit = close = rollback


@dataclass
class _Sampler:
    """Keeps a few rows of what Soda selects because a check failed, and stops the query there.

    Attributes:
        names: the checks that the next sample belongs to; none: the one that Soda names.
    """

    limit: int
    kept: dict[str, tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]] = field(default_factory=dict)
    names: Sequence[str] = ()
    logs: Any = None

    def store_sample(self, context: Any) -> None:
        sample = context.sample
        if not self.limit or context.sample_name != "failed_rows":
            return
        columns = tuple(column[0] for column in sample.cursor.description)
        counted = sample.safe_fetcher.rows
        rows = sample.cursor.fetchmany(self.limit) if counted is None else counted[: self.limit]
        for name in self.names or [context.check_name]:
            self.kept.setdefault(name, (columns, tuple(map(tuple, rows))))
        self.names = ()


def parse(document: Document) -> tuple[Any, list[Problem]]:
    """Read a document without running it: a scan that has it, and the problems that Soda sees in it."""
    made = load()
    with _setting_up, _ours():
        scan = made()
        scan.set_data_source_name(_DATA_SOURCE)
        scan.add_sodacl_yaml_str(document)
    return scan, _problems(scan)


def _read(running: Any, document: Document) -> None:
    """Give a scan its document: as it was read before, if running it changes nothing in what was read."""
    key = document if isinstance(document, str) else dump(document)
    found = _read_before.get(key)
    if found is None:
        running.add_sodacl_yaml_str(document)
        is_fixed = _CHECKS_ALONE.fullmatch(key) and not any(map(_has_templates, configurations(running)))
        if not is_fixed or _problems(running):
            return
        while len(_read_before) >= _READ_AT_MOST:
            _read_before.pop(next(iter(_read_before)), None)
        _read_before[key] = found = running._sodacl_cfg.data_source_scan_cfgs
    running._sodacl_cfg.data_source_scan_cfgs = dict(found)


def _has_templates(config: Any) -> bool:
    """Whether running a check fills something in within its configuration."""
    levels = (getattr(config, f"{level}_threshold_cfg", None) for level in ("fail", "warn"))
    return any(isinstance(end, str) for level in levels if level for end in vars(level).values())


def configurations(scan: Any) -> Iterator[Any]:
    """The configuration of every check in a parsed document, those below ``group by`` and ``for each`` included."""
    cfg = scan._sodacl_cfg
    found = [each for for_each in cfg.for_each_dataset_cfgs for each in for_each.check_cfgs]
    for source in cfg.data_source_scan_cfgs.values():
        found += source.check_cfgs
        for partition in (part for table in source.tables_cfgs.values() for part in table.partition_cfgs):
            found += partition.check_cfgs
            found += [each for column in partition.column_checks_cfgs.values() for each in column.check_cfgs]
    for each in found:
        yield each
        yield from getattr(each, "check_cfgs", None) or ()


def scan(
    document: Document,
    connection: duckdb.DuckDBPyConnection,
    now: datetime,
    *,
    evidence_rows: int = 0,
    answers: Answers | None = None,
) -> Scanned:
    """Run a document whose checks carry a ``KEY`` attribute.

    Args:
        document: SodaCL, as text or as what the text says.
        connection: with the views that it names.
        now: Soda's variable ``NOW``.
        evidence_rows: select at most so many failing rows per check; none is selected for 0.
        answers: what need not be asked of the connection; None asks it everything.
    """
    made = load()
    with _setting_up, _ours():
        running = made()
        running.set_data_source_name(_DATA_SOURCE)
        running.add_duckdb_connection(_Connection(connection), _DATA_SOURCE)
        running._variables["NOW"] = now.isoformat()
        running._data_timestamp = now
        running._configuration.samples_limit = evidence_rows
        running.sampler = _Sampler(evidence_rows)
        running.answers = answers
        _read(running, document)
        data_source_scan = running._get_or_create_data_source_scan(_DATA_SOURCE)
        source = data_source_scan.data_source
        source.get_max_aggregation_fields = lambda: _FUSED
        source.literal_string = lambda value: None if value is None else literal(str(value))  # Soda escapes nothing,
        source.expr_regexp_like = lambda value, pattern: f"regexp_matches({value}, {literal(str(pattern))})"  # or wrongly
    with _ours():
        running.execute()
    unanswered = {_key(check): why for check, why in answers.unanswered} if answers else {}
    return Scanned(_findings(running), _problems(running), unanswered)


class _NoConnection:
    """Has no answers."""

    def cursor(self) -> _NoConnection:
        return self

    def execute(self, sql: str, *_: Any) -> Any:
        raise LookupError(sql)

    def close(self) -> None:
        """Nothing was opened."""


def rehearse(document: Document, schema: BatchSchema | None) -> tuple[Question, ...]:
    """What Soda would ask of the batch's answers for a document, as Soda itself writes it; needs no data."""
    asked: dict[Question, None] = {}

    def ask(questions: Sequence[Question]) -> list[Unanswered]:
        asked.update(dict.fromkeys(questions))
        return [Unanswered("a rehearsal")] * len(questions)

    nothing: Any = _NoConnection()
    scan(document, nothing, datetime.fromtimestamp(0, tz=UTC), answers=Answers(ask, schema))
    return tuple(asked)


def _problems(scan: Any) -> list[Problem]:
    return [Problem(str(log.message), log.exception) for log in scan.get_error_logs()]


def _findings(scan: Any) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for check in scan._checks:
        finding = Finding(
            kind=type(check.check_cfg).__name__,
            outcome=check.outcome.value if check.outcome else None,
            row=_row(check),
            value=getattr(check, "check_value", None),
            check=check,
            evidence=scan.sampler.kept.get(str(check.check_cfg.name)),
        )
        found.setdefault(_key(check), []).append(finding)
    return found


def _key(check: Any) -> str:
    attributes = (check.check_cfg.source_configurations or {}).get("attributes") or {}
    return str(attributes.get(KEY))


def _row(check: Any) -> tuple[Any, ...] | None:
    """The database's answer itself: Soda makes floats of decimals and rounds percentages."""
    if hasattr(check, "measured_schema"):
        return None if check.outcome is None else (_faults(check.fail_result),)
    for metric in check.metrics.values():
        for query in metric.queries:
            row = (None,) if query.row_count == 0 and query.exception is None else query.row
            if row is None:
                continue
            if (place := _places(query).get(id(metric))) is not None:
                return (row[place],)
            if getattr(query, "metric", None) is metric:
                return tuple(row)
    return None


def _places(query: Any) -> dict[int, int]:
    """Where each metric stands in the row of a fused query."""
    if "places" not in vars(query):
        query.places = {id(metric): place for place, metric in enumerate(getattr(query, "metrics", ()))}
    found: dict[int, int] = query.places
    return found


def _faults(result: Any) -> int:
    """How many faults a schema check found, under either of its two outcomes."""
    return sum(len(each) for each in vars(result).values()) if result else 0
