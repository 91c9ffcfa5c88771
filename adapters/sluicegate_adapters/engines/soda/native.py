"""SodaCL as its author wrote it: read with Soda's own parser, refused by name where it can't run, made ready to be executed.

An entry of a contract's list is one check (``row_count > 0``, with its configuration below it), or a mapping of SodaCL's
sections (``checks for batch [recent]``, ``filter batch [recent]``, ``for each dataset d``, …), which ends as one result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sluicegate.checks.contract_check import Json, NativeCheck
from sluicegate.checks.questions import Question
from sluicegate.checks.sqltext import BATCH
from sluicegate.checks.types import BatchSchema
from sluicegate.ports.engine import Unsupported
from sluicegate_adapters.engines.soda.answering import key_share
from sluicegate_adapters.engines.soda.plain import Plain, read_plain
from sluicegate_adapters.engines.soda.sodacl import dump

__all__ = [
    "CHECKS",
    "METRICS",
    "REFUSED_CHECKS",
    "REFUSED_KEYS",
    "REFUSED_SECTIONS",
    "SECTIONS",
    "Native",
    "columns_of",
    "line_and_config",
    "read",
    "text_of",
]

_CLOUD = "compares with earlier scans, which Soda keeps in Soda Cloud; the canonical check `drift` does it from our own history"
_SCIENTIFIC = "needs soda-core-scientific, which can't be installed beside Great Expectations; the canonical check `drift` may do"

CHECKS = frozenset(
    {
        "FreshnessCheckCfg", "GroupByCheckCfg", "GroupEvolutionCheckCfg", "MetricCheckCfg", "ReferenceCheckCfg",
        "RowCountComparisonCheckCfg", "SchemaCheckCfg", "UserDefinedFailedRowsCheckCfg", "UserDefinedFailedRowsExpressionCheckCfg",
    }
)  # fmt: skip
"""Soda's kinds of checks that run here, by the class of their configuration."""

REFUSED_CHECKS: Mapping[str, str] = {
    "ChangeOverTimeMetricCheckCfg": f"a change-over-time check {_CLOUD}",
    "AnomalyMetricCheckCfg": f"an anomaly score {_SCIENTIFIC}",
    "AnomalyDetectionMetricCheckCfg": f"anomaly detection {_SCIENTIFIC}",
    "DistributionCheckCfg": f"a distribution check {_SCIENTIFIC}",
}
"""Soda's kinds of checks that don't, and why."""

METRICS = frozenset(
    {
        "row_count", "missing_count", "missing_percent", "invalid_count", "invalid_percent", "valid_count", "duplicate_count",
        "duplicate_percent", "min", "max", "avg", "sum", "min_length", "max_length", "avg_length", "stddev", "stddev_pop", "stddev_samp",
        "variance", "var_pop", "var_samp", "percentile", "percentile_disc",
    }
)  # fmt: skip
"""Soda's own metrics on DuckDB; every other name must bring its expression or query."""

SECTIONS = ("checks for", "checks", "filter", "configurations for", "for each dataset", "for each table", "variables")
"""The sections that an entry may consist of."""

REFUSED_SECTIONS: Mapping[str, str] = {
    "for each column": "`for each column` is parsed by Soda Core and then not implemented; write the check for each column",
    "profile columns": "`profile columns` profiles for Soda Cloud and yields no check",
    "discover datasets": "`discover datasets` is for Soda Cloud and yields no check",
    "discover tables": "`discover tables` is for Soda Cloud and yields no check",
    "sample datasets": "`sample datasets` sends rows to Soda Cloud and yields no check",
    "sample tables": "`sample tables` sends rows to Soda Cloud and yields no check",
    "automated monitoring": "`automated monitoring` needs Soda Cloud",
}
"""The sections that it may not, and why."""

REFUSED_KEYS: Mapping[str, str] = {
    "sql_file": "`sql_file` reads a file beside the scan; write the query itself",
    "when schema changes": f"`when schema changes` {_CLOUD}",
    "when groups change": f"`when groups change` {_CLOUD}",
    "distribution reference file": REFUSED_CHECKS["DistributionCheckCfg"],
}
"""Configuration keys that can't work here, by how they end, and why."""

_OWN_PATHS = {
    "ReferenceCheckCfg": "its values are looked up in another dataset",
    "RowCountComparisonCheckCfg": "another dataset's rows are counted",
    "UserDefinedFailedRowsCheckCfg": "it is a query of its author's own",
    "GroupByCheckCfg": "it is a query of its author's own",
    "GroupEvolutionCheckCfg": "it is a query of its author's own",
}
_FORESEEN = {"MetricCheckCfg", "FreshnessCheckCfg"}
_NO_FIGURE = {"name", "attributes", "identity", "samples limit", "samples columns"}
_SQL_KEYS = ("expression", "query", "condition", "filter", "where")
_LISTS = ("valid values", "invalid values", "missing values")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


class _NoError(Exception):
    """Carries the reason of a refusal out of the walk."""


@dataclass(frozen=True, slots=True)
class Native:
    """An author's entry, understood.

    Attributes:
        sections: the document that Soda gets, each check of it in a list under its section.
        configs: what Soda's parser made of the checks.
        is_single: one plain check on the batch, which may share a scan with others.
    """

    sections: Mapping[str, Json]
    configs: tuple[Any, ...]
    is_single: bool

    def questions(self, schema: BatchSchema | None) -> tuple[Question, ...]:
        """What Soda will ask of the batch's answers for it, as far as that is known before a run.

        Where an author's SQL takes part that nobody has looked at yet, it isn't; it is asked when Soda asks then.
        """
        if not self.is_single:
            return ()
        (config, *_) = self.configs
        if isinstance(config, Plain):
            return config.questions(schema)
        if type(config).__name__ not in _FORESEEN or not all(key_share([name], schema) for name in columns_of(config)):
            return ()
        section, line, settings = self._only_check
        if _has_sql(settings):
            return ()
        from sluicegate_adapters.engines.soda.runtime import rehearse

        return rehearse({section: [{line: settings}]}, schema)

    @property
    def _only_check(self) -> tuple[str, str, dict[str, Json]]:
        """Its section, its line, and those of its settings that decide a figure."""
        ((section, items),) = self.sections.items()
        assert isinstance(items, list)  # noqa: S101 - as it was made
        line, config = line_and_config(items[0])
        return section, line, {key: value for key, value in config.items() if key not in _NO_FIGURE}

    @property
    def own_path(self) -> str:
        """Why Soda reads the batch by itself for it; empty if it doesn't."""
        if not self.is_single:
            return "sections of SodaCL are a scan of Soda's own"
        (config, *_) = self.configs
        if getattr(config, "metric_query", None) is not None:
            return "it is a query of its author's own"
        if str(getattr(config, "metric_name", "")).startswith("duplicate_") and _has_sql(self._only_check[-1]):
            return "Soda counts the values that repeat among the rows of a filter"
        return _OWN_PATHS.get(type(config).__name__, "")


def columns_of(config: Any) -> list[str]:
    """The columns that a check names, as they are written."""
    named = [getattr(config, "column_name", None), *(getattr(config, "source_column_names", None) or ())]
    return [name for name in (*named, *(getattr(config, "metric_args", None) or ())) if isinstance(name, str) and name]


def text_of(check: NativeCheck) -> str:
    """The entry as a document that can be run by hand."""
    body = check.body.get("sodacl")
    return dump(body if isinstance(body, Mapping) and _is_sections(body) else {f"checks for {BATCH}": [body]})


def read(check: NativeCheck) -> Native | Unsupported:
    """Understand an entry, or say what in it can't be run."""
    try:
        return _read(check.body.get("sodacl"))
    except _NoError as no:
        return Unsupported(str(no))


def _read(body: Json) -> Native:
    single = not (isinstance(body, Mapping) and _is_sections(body))
    if single:
        line, config = line_and_config(body)
        _look(line, config)
        sections: dict[str, Json] = {f"checks for {BATCH}": [{line: config}]}
        if plain := read_plain(line, config):
            return Native(sections, (plain,), is_single=True)
    else:
        assert isinstance(body, dict)  # noqa: S101 - is_sections saw it
        for header, content in body.items():
            _look_at_section(header, content)
        sections = body
    found = _configurations(dump(sections))
    if isinstance(found, str):
        raise _NoError(found)
    return Native(sections, found, single)


def _is_sections(body: Mapping[str, Json]) -> bool:
    first = next(iter(body), "")
    names = (*SECTIONS, *REFUSED_SECTIONS)
    return any(first == name or first.startswith(name + " ") for name in names)


def line_and_config(body: Json) -> tuple[str, dict[str, Json]]:
    """A check of a list: its line, and what is configured below it."""
    match body:
        case str() if body.strip():
            return body, {}
        case {**entries} if len(entries) == 1:
            (line, config), *_ = entries.items()
            if config is None or isinstance(config, Mapping):
                return str(line), dict(config or {})
            raise _NoError(f"what stands below {line!r} must be a mapping of settings")
        case {**entries} if entries:
            first, *others = entries
            raise _NoError(f"Soda would ignore {', '.join(map(repr, others))} beside {first!r}: indent what belongs below it")
    raise _NoError("a SodaCL check is a line of text, or a mapping of one line to its settings")


def _look_at_section(header: str, content: Json) -> None:
    for name, reason in REFUSED_SECTIONS.items():
        if header == name or header.startswith(name + " "):
            raise _NoError(reason)
    _look(header, content)


def _look(key: str, value: Json) -> None:
    """Refuse what Soda would take and then do something else than is written."""
    for ending, reason in REFUSED_KEYS.items():
        if key == ending or key.endswith(" " + ending):
            raise _NoError(reason)
    if key in _LISTS and isinstance(value, list) and not value:
        raise _NoError(f"an empty list of {key} is one that Soda ignores")
    for text in (key, *([value] if isinstance(value, str) and key in {"warn", "fail"} else [])):
        _look_at_numbers(text)
    if key in {"valid min", "valid max"} and isinstance(value, int | Decimal):
        _look_at_numbers(str(value))
    if isinstance(value, Mapping):
        for name, item in value.items():
            _look(name, item)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                _look(item, None)
            elif isinstance(item, Mapping):
                _look("", item)


def _look_at_numbers(text: str) -> None:
    for number in _NUMBER.findall(text):
        if "." not in number and int(float(number)) != int(number):
            raise _NoError(f"Soda reads numbers as floats, and {number} is none")


def _has_sql(value: Json | Mapping[str, Json]) -> bool:
    """Whether there is SQL of an author's, or a template, anywhere in a document."""
    if isinstance(value, Mapping):
        return any(name.endswith(_SQL_KEYS) or _has_sql(item) for name, item in value.items())
    if isinstance(value, list):
        return any(map(_has_sql, value))
    return isinstance(value, str) and "${" in value


@lru_cache(maxsize=512)
def _configurations(document: str) -> tuple[Any, ...] | str:
    """What Soda's parser makes of a document, or why it can't run. Nothing changes it, so it may be had by several threads."""
    try:
        return tuple(_parsed(document))
    except _NoError as no:
        return str(no)


def _parsed(document: str) -> Iterator[Any]:
    from sluicegate_adapters.engines.soda.runtime import configurations, parse

    scan, problems = parse(document)
    if problems:
        reason = problems[0].message.strip().splitlines()[0]
        detail = str(problems[0].exception).strip().splitlines()[:1] if problems[0].exception else []
        cure = "; a name that is also a word of SodaCL stands in double quotes" if "mismatched input" in reason else ""
        raise _NoError(f"Soda can't read it: {': '.join([reason, *detail])}{cure}")
    found = list(configurations(scan))
    if not found:
        raise _NoError("Soda finds no check in it")
    for config in found:
        _judge(config)
        yield config


def _judge(config: Any) -> None:
    kind = type(config).__name__
    if kind in REFUSED_CHECKS:
        raise _NoError(REFUSED_CHECKS[kind])
    if kind not in CHECKS:
        raise _NoError(f"this version of sluicegate doesn't know Soda's {kind}")
    if kind == "RowCountComparisonCheckCfg" and config.other_data_source_name:
        raise _NoError(
            f"the data source {config.other_data_source_name!r} is out of reach: a gate sees one batch and its references"
        )
    if kind == "SchemaCheckCfg" and not _can_break(config):
        raise _NoError("the schema check wants nothing of the columns, and would pass whatever they are")
    if kind == "GroupByCheckCfg" and not config.check_cfgs:
        raise _NoError("there is no check below `group by`")
    if kind == "MetricCheckCfg":
        own = config.metric_expression is not None or config.metric_query is not None
        if not own and config.metric_name not in METRICS:
            raise _NoError(f"Soda has no metric {config.metric_name!r} on DuckDB; give it an expression or a query")
        if not config.fail_threshold_cfg and not config.warn_threshold_cfg:
            raise _NoError("the check has no threshold")


def _can_break(schema: Any) -> bool:
    """Whether each level of a schema check that is written wants something of the columns."""
    wants = ("required_column_names", "required_column_types", "required_column_indexes", "forbidden_column_names")
    levels = [level for level in (schema.fail_validations, schema.warn_validations) if level is not None]
    return bool(levels) and all(any(getattr(level, name) for name in wants) for level in levels)
