"""Soda's queries answered by the run's one scan.

Soda fuses its metrics into one SELECT, and asks one query more for each key. Each expression of that SELECT, and each key, is put
in the words of ``checks/questions.py``, whose answers all engines share; Soda gets its rows from them. What the questions can't
settle, Soda asks the connection for, as ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluicegate.checks.questions import ROWS, Aggregate, Key, Question, Unanswered, count_where
from sluicegate.checks.sqltext import BATCH, identifier
from sluicegate.checks.types import BatchSchema, Column, Kind

__all__ = ["SQL_WORDS", "Answers", "Share", "figure_share", "key_share", "own_share", "written_share"]

_CONDITION = re.compile(r"COUNT\(CASE WHEN (.*) THEN 1 END\)", re.DOTALL)
_NAME = r'("[^"]+"|[A-Za-z_]\w*)'
_MISSING, _PRESENT = re.compile(rf"{_NAME} IS NULL"), re.compile(rf"NOT \({_NAME} IS NULL\)")
_PLAIN = re.compile(rf"(MIN|MAX|SUM|AVG|STDDEV|STDDEV_POP|STDDEV_SAMP|VARIANCE|VAR_POP|VAR_SAMP)\({_NAME}\)")

SQL_WORDS = frozenset(
    """all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary bit boolean both by
    case cast char character check coalesce collate collation column columns concurrently constraint create cross dec
    decimal default deferrable desc describe distinct do else end except exists extract false fetch float for foreign freeze
    from full generated glob grant group grouping grouping_id having ilike in initially inner inout int integer intersect
    interval into is isnull join lambda lateral leading left like limit map national natural nchar none not notnull null
    nullif numeric offset on only or order out outer overlaps overlay pivot pivot_longer pivot_wider placing position
    positional precision primary qualify real references returning right row select semi setof show similar smallint some
    struct substring summarize symmetric table tablesample then time timestamp to trailing treat trim true try_cast tuple
    union unique unpack unpivot using values varchar variadic verbose when where window with xmlattributes xmlconcat
    xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable""".split()  # noqa: SIM905 - a list of words
)
"""Words that mean something else to DuckDB than a column, where they stand without quotes."""


@dataclass(frozen=True, slots=True)
class Share:
    """What the answers to some questions say to one of Soda's.

    Attributes:
        questions: what has to be asked.
        value: from their answers, none of them ``Unanswered``, to what Soda would have been answered; None for a key if it must
            ask itself.
    """

    questions: tuple[Question, ...]
    value: Callable[[Sequence[Any]], Any]


def _only(answers: Sequence[Any]) -> Any:
    return answers[0]


def figure_share(sql: str) -> Share:
    """A figure as it is."""
    return Share((Aggregate(sql),), _only)


def own_share(expression: str) -> Share:
    """An author's own expression. It stays one aggregate whatever it is (a constant, say), and ends what it may comment out."""
    return figure_share(f"CASE WHEN {ROWS.sql} >= 0 THEN ({expression}\n) END")


def written_share(expression: str, schema: BatchSchema | None) -> Share:
    """An expression that Soda wrote for one of its own metrics; in the spelling that other engines ask in, where there is one."""
    if expression == "COUNT(*)":
        return Share((ROWS,), _only)
    if counted := _CONDITION.fullmatch(expression):
        condition = counted[1]
        if (missing := _MISSING.fullmatch(condition)) and (column := _column(missing[1], schema)):
            return Share((ROWS, Aggregate(f"count({identifier(column.name)})")), lambda answers: answers[0] - answers[1])
        if (present := _PRESENT.fullmatch(condition)) and (column := _column(present[1], schema)):
            return figure_share(f"count({identifier(column.name)})")
        return Share((Aggregate(count_where(f"({condition})")),), lambda answers: answers[0] or 0)
    if (plain := _PLAIN.fullmatch(expression)) and (column := _column(plain[2], schema)):
        sql = f"{plain[1].lower()}({identifier(column.name)})"
        # A moment with a zone comes as UTC's wall clock: DuckDB hands it over only where pytz is installed.
        return figure_share(f"CAST({sql} AS TIMESTAMP)" if _is_moment(column) else sql)
    return figure_share(expression)


def _is_moment(column: Column) -> bool:
    return column.kind is Kind.TIMESTAMP_TZ or column.native.upper() == "TIMESTAMP"


def key_share(columns: Iterable[str], schema: BatchSchema | None) -> Share | None:
    """How many values of a key occur more than once; None where that wasn't counted."""
    found = [_column(name, schema) for name in columns]
    if not found or any(column is None for column in found):
        return None
    key = Key(tuple(column.name for column in found if column))
    return Share((key,), lambda answers: answers[0].values if answers[0].failing else 0)


def _column(written: str, schema: BatchSchema | None) -> Column | None:
    """The batch's column that DuckDB takes a name for; where there is no data yet, any that it may be."""
    quoted = written.startswith('"')
    name = written[1:-1] if quoted else written
    if not quoted and name.lower() in SQL_WORDS:
        return None
    if schema is None:
        return Column(name, Kind.OTHER, "")
    alike = [column for column in schema if column.name.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


@dataclass
class Answers:
    """What one of Soda's scans draws from.

    Args:
        ask: answers questions, as ``BatchView.answers``.
        schema: the batch's columns.
        known: an expression or query of ours, as Soda gets it -> how it is answered.
        unanswered: whatever could not be answered, by Soda's checks (their ``id``).
    """

    ask: Callable[[Sequence[Question]], Sequence[Any]]
    schema: BatchSchema | None
    known: Mapping[str, Share] = field(default_factory=dict)
    unanswered: list[tuple[Any, Unanswered]] = field(default_factory=list)

    def fill_aggregation(self, query: Any) -> bool:
        """Give Soda's SELECT its row, and its metrics their values; whether that could be done."""
        scan = query.data_source_scan.scan
        if query.table.table_name != BATCH or query.partition.sql_partition_filter:
            return False
        shares = [self._share(scan, *pair) for pair in zip(query.metrics, query.select_expressions, strict=True)]
        wanted = [share for share in shares if share is not None]
        if len(wanted) != len(shares):
            return False  # a template that can't be filled: Soda says so itself
        replies = self._replies(wanted)
        row = []
        for metric, share in zip(query.metrics, wanted, strict=True):
            value = self._value(scan, metric, share, replies)
            row.append(None if isinstance(value, Unanswered) else value)
            if not isinstance(value, Unanswered):
                metric.set_value(value)
                scan.wants_samples(metric)
        query.row, query.row_count = tuple(row), 1
        return True

    def fill_query(self, query: Any) -> bool:
        """Give a query of ours, or Soda's count of repeated keys, its row; whether the questions settle it."""
        scan, metric = query.data_source_scan.scan, query.metric
        share = self.known.get(query.sql) or self._key_share(query)
        if share is None:
            return False
        value = self._value(scan, metric, share, self._replies([share]))
        if isinstance(value, Unanswered):
            return True  # no row, and the check is out
        if value is None:
            return False
        query.row = value if isinstance(value, tuple) else (value,)
        query.row_count, query.description = 1, tuple((f"c{place}",) for place in range(len(query.row)))
        return True

    def _share(self, scan: Any, metric: Any, text: str) -> Share | None:
        if known := self.known.get(text):
            return known
        expression = scan.jinja_resolve(text)
        if expression is None:
            return None
        return own_share(expression) if metric.aggregation else written_share(expression, self.schema)

    def _key_share(self, query: Any) -> Share | None:
        partition, metric = query.partition, query.metric
        if partition is None or partition.sql_partition_filter or metric.filter or query.table.table_name != BATCH:
            return None
        return key_share(metric.metric_args, self.schema)

    def _replies(self, shares: Sequence[Share]) -> dict[Question, Any]:
        questions = tuple(dict.fromkeys(question for share in shares for question in share.questions))
        return dict(zip(questions, self.ask(questions), strict=True))

    def _value(self, scan: Any, metric: Any, share: Share, replies: Mapping[Question, Any]) -> Any:
        """What the answers say; ``Unanswered`` takes the metric's checks out of the scan, and nothing else."""
        answers = [replies[question] for question in share.questions]
        broken = next((answer for answer in answers if isinstance(answer, Unanswered)), None)
        if broken is None:
            return share.value(answers)
        self.unanswered += [(check, broken) for check in scan.take_out(metric)]
        return broken
