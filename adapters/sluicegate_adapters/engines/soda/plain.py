"""SodaCL so plain that it is understood without Soda: the common metrics, one column each, with simple settings.

What these ask of the batch is therefore known while the contract is planned, so the run's one scan can begin before Soda is
imported. Each expression is the one that Soda itself writes; a test holds them against the installed Soda. Whatever is written in
any other way is left to Soda's own parser: nothing is guessed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from sluicegate.checks.contract_check import Json
from sluicegate.checks.custom_sql import Refused, guard_query
from sluicegate.checks.questions import Question
from sluicegate.checks.sqltext import BATCH, literal
from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.soda.answering import key_share, own_share, written_share

__all__ = ["SODACL_WORDS", "Plain", "read_plain"]

SODACL_WORDS = frozenset({"with", "default", "percent", "must", "filter", "for", "and", "between", "not", "in", "warn", "fail", "pass", "change", "last", "avg", "min", "max", "d", "h", "m"})  # fmt: skip
"""Words of SodaCL's grammar: as a column's name they stand in double quotes."""

_NUMBER = r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?"
_COLUMN = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[A-Za-z0-9_][A-Za-z0-9_ .-]*")'
_THRESHOLD = rf"(?:(?:<=|>=|<|>|=|!=) {_NUMBER}|(?:not )?between {_NUMBER} and {_NUMBER})"
_LINE = re.compile(rf"([a-z_][a-z0-9_]*)(?:\(({_COLUMN}(?:, {_COLUMN})*)\))?( {_THRESHOLD})?")
_FRESH = re.compile(rf"freshness\(({_COLUMN})\) < [1-9]\d{{0,3}}[dhm]")
_WHEN = re.compile(rf"when {_THRESHOLD}")

_EXACT = 2**53

_MISSING = {"missing_count", "missing_percent"}
_VALIDITY = {"invalid_count", "invalid_percent", "valid_count"}
_DUPLICATES = {"duplicate_count", "duplicate_percent"}
_AGGREGATES = {"min", "max", "avg", "sum", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp"}
_LENGTHS = {"min_length": "MIN", "max_length": "MAX", "avg_length": "AVG"}
_KNOWN = {"row_count", *_MISSING, *_VALIDITY, *_DUPLICATES, *_AGGREGATES, *_LENGTHS}
_MISSING_KEYS = ("missing values", "missing regex")
_VALID_KEYS = ("valid values", "valid regex", "valid length", "valid min length", "valid max length", "valid min", "valid max")
_INVALID_KEYS = ("invalid values", "invalid regex")


@dataclass(frozen=True, slots=True)
class Plain:
    """A check on one metric, understood.

    Attributes:
        metric_name: as written; empty for ``freshness``.
        metric_args: its columns, as written.
        settings: of validity and ``filter``.
        expression: the author's own.
    """

    metric_name: str
    metric_args: tuple[str, ...]
    settings: Mapping[str, Json]
    expression: str = ""

    def questions(self, schema: BatchSchema | None) -> tuple[Question, ...]:
        """What Soda asks of the batch for it; nothing where a name isn't the batch's."""
        if self.expression:
            return own_share(self.expression).questions if _is_guarded(self.expression) else ()
        if not all(key_share([column], schema) for column in self.metric_args) or (
            self._filter and not _is_guarded(self._filter)
        ):
            return ()
        if self.metric_name in _DUPLICATES:
            found = None if self._filter else key_share(self.metric_args, schema)
            keys = found.questions if found else ()
        else:
            keys = written_share(self.written, schema).questions
        rows = written_share(self._counted(""), schema).questions if self.metric_name.endswith("_percent") else ()
        return tuple(dict.fromkeys((*keys, *rows)))

    @property
    def column_name(self) -> str | None:
        """The first of them, as Soda's own configurations have it."""
        return self.metric_args[0] if self.metric_args else None

    @property
    def _filter(self) -> str:
        text = str(self.settings.get("filter", ""))
        return (f"({text}\n)" if "--" in text else text).strip()

    @property
    def written(self) -> str:
        """The SQL expression that Soda writes for it."""
        name, column = self.metric_name.replace("_percent", "_count"), self.metric_args[0] if self.metric_args else ""
        match name:
            case "row_count":
                return self._counted("")
            case "missing_count":
                return self._counted(self._missing(column))
            case "valid_count" | "invalid_count":
                return self._counted(self._judged(column, wanted=name == "valid_count"))
        values = f"CASE WHEN {self._filter} THEN {column} END" if self._filter else column
        if name in _LENGTHS:
            return f"{_LENGTHS[name]}(LENGTH({values}))"
        return f"{(name or 'max').upper()}({values})"

    def _counted(self, condition: str) -> str:
        if self._filter:
            condition = f"({self._filter}) AND ({condition})" if condition else self._filter
        return f"COUNT(CASE WHEN {condition} THEN 1 END)" if condition else "COUNT(*)"

    def _missing(self, column: str) -> str:
        return " OR ".join([f"{column} IS NULL", *self._clauses(column, _MISSING_KEYS)])

    def _judged(self, column: str, *, wanted: bool) -> str:
        present = f"NOT ({self._missing(column)})"
        valid, invalid = " AND ".join(self._clauses(column, _VALID_KEYS)), " OR ".join(self._clauses(column, _INVALID_KEYS))
        if wanted:
            return f"{present} AND ({valid})" if valid else f"{present} AND NOT ({invalid})" if invalid else present
        if valid and invalid:
            return f"{present} AND (NOT ({valid}) OR ({invalid}))"
        return f"{present} AND NOT ({valid})" if valid else f"{present} AND ({invalid})"

    def _clauses(self, column: str, keys: tuple[str, ...]) -> Iterator[str]:
        """In Soda's order: values, regex, lengths, bounds."""
        for key in keys:
            if key not in self.settings:
                continue
            value = self.settings[key]
            if isinstance(value, list):
                yield f"{column} IN ({','.join(map(_sql, value))})"
            elif key.endswith("regex"):
                yield f"regexp_matches({column}, {literal(str(value))})"
            else:
                sign = ">=" if " min" in key else "<=" if " max" in key else "="
                yield f"LENGTH({column}) {sign} {value}" if key.endswith("length") else f"{column} {sign} {float(str(value))}"


def _sql(value: Json) -> str:
    return literal(value) if isinstance(value, str) else str(value)


def read_plain(line: str, config: Mapping[str, Json]) -> Plain | None:
    """The check, if it is plain."""
    if fresh := _FRESH.fullmatch(line):
        return (
            Plain("", (fresh[1],), {}) if not config.keys() - {"name"} and _is_column(fresh[1]) and _are_plain(config) else None
        )
    if not _are_plain(config):
        return None
    if line == "failed rows":
        return _failed_rows(config)
    found = _LINE.fullmatch(line)
    if not found:
        return None
    name, written, threshold = found.groups()
    columns = tuple(written.split(", ")) if written else ()
    if not all(map(_is_column, columns)) or not _has_threshold(config, threshold):
        return None
    return _own(name, columns, config) if name not in _KNOWN else _known(name, columns, config)


def _failed_rows(config: Mapping[str, Json]) -> Plain | None:
    """Soda counts the rows of a condition as rows of a filter."""
    condition, levels = config.get("fail condition"), {"warn", "fail"}.intersection(config)
    if not isinstance(condition, str) or config.keys() - {"name", "fail condition", "warn", "fail"}:
        return None
    return Plain("row_count", (), {"filter": condition}) if not levels or _has_threshold(config, None) else None


def _own(name: str, columns: tuple[str, ...], config: Mapping[str, Json]) -> Plain | None:
    key = f"{name} expression"
    expression = config.get(key)
    rest = config.keys() - {key, "name", "warn", "fail"}
    if columns or rest or name in SODACL_WORDS or not isinstance(expression, str) or not expression.strip():
        return None
    return None if name.endswith(("expression", "query")) else Plain(name, (), {}, expression.strip())


def _known(name: str, columns: tuple[str, ...], config: Mapping[str, Json]) -> Plain | None:
    number = len(columns)
    if not (number == 0 if name == "row_count" else number > 0 if name in _DUPLICATES else number == 1):
        return None
    settings = {key: value for key, value in config.items() if key not in {"name", "warn", "fail"}}
    allowed = {"filter"}
    if name in _MISSING | _VALIDITY:
        allowed |= {*_MISSING_KEYS, *(() if name in _MISSING else (*_VALID_KEYS, *_INVALID_KEYS))}
    judges = settings.keys() & {*_VALID_KEYS, *_INVALID_KEYS}
    if settings.keys() - allowed or (name.startswith("invalid_") and not judges):
        return None
    return Plain(name, columns, settings)


def _is_column(written: str) -> bool:
    return written not in SODACL_WORDS


def _has_threshold(config: Mapping[str, Json], threshold: str | None) -> bool:
    levels = [config[key] for key in ("warn", "fail") if key in config]
    if threshold:
        return not levels
    return bool(levels) and all(isinstance(level, str) and _WHEN.fullmatch(level) for level in levels)


def _are_plain(config: Mapping[str, Json]) -> bool:
    return all(_is_plain(key, value) for key, value in config.items())


def _is_plain(key: str, value: Json) -> bool:
    """Texts without templates, numbers that a float holds, lists of texts or of whole numbers."""
    if key == "name":
        return isinstance(value, str)  # it is not for Soda
    if isinstance(value, list):
        texts, numbers = ([isinstance(item, kind) for item in value] for kind in (str, int))
        return (
            bool(value) and key.endswith("values") and (all(texts) or all(numbers)) and all(_is_plain("", item) for item in value)
        )
    match value:
        case str():
            return "${" not in value and value != "" and not key.startswith(("valid m", "valid length"))
        case bool():
            return False
        case int():
            return abs(value) < _EXACT and not key.endswith("regex") and key not in {"filter", "warn", "fail"}
        case Decimal() | float():
            return key in {"valid min", "valid max"} and abs(float(value)) < _EXACT
    return False


@lru_cache(maxsize=512)
def _is_guarded(sql: str) -> bool:
    """Whether an author's part of an expression may run before anybody else has looked at it."""
    return not any(
        isinstance(guard_query(query, {}), Refused) for query in (f"SELECT {sql}\nFROM {BATCH}", f"SELECT ({sql}\n) FROM {BATCH}")
    )
