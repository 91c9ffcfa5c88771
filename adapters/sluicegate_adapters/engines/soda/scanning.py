"""Soda's scan as we run it: metrics kept apart, templates filled strictly, rows drawn from the run's one scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from sluicegate.checks.contract_check import Json
from sluicegate_adapters.engines.soda.answering import Answers

__all__ = ["define_scan", "render", "share_answers"]


class _Ours:
    """What is ours in a scan; mixed in before Soda's own class."""

    _checks: list[Any]
    _metrics: set[Any]
    _variables: dict[str, Any]
    _logs: Any
    _data_source_manager: Any
    _sodacl_cfg: Any
    _data_source_name: str
    sampler: Any

    def __init__(self) -> None:
        super().__init__()
        logs = object.__new__(type(self._logs))  # Logs() is one for the whole process: two scans would mix their errors
        logs._initialize()
        self._logs = self._data_source_manager.logs = logs
        self._shared: dict[str, Any] = {}
        self._sampled: list[Any] = []
        self.answers: Answers | None = None

    def _find_existing_metric(self, metric: Any) -> Any:
        """Soda's identity of a metric leaves out invalid values, formats and more, and hashes the rest to 32 bits."""
        return self._shared.get(_meaning(metric))

    def _add_metric(self, metric: Any) -> None:
        self._shared[_meaning(metric)] = metric
        metric.identity = f"{metric.identity}-{len(self._metrics)}"
        self._metrics.add(metric)

    def _parse_sodacl_yaml_str(self, sodacl_yaml_str: Any, file_path: str | None = None) -> None:
        """A document as it was written, or as it would be read."""
        if isinstance(sodacl_yaml_str, str):
            super()._parse_sodacl_yaml_str(sodacl_yaml_str, file_path)  # type: ignore[misc] # Soda's, which has no types
            return
        from soda.sodacl.sodacl_parser import SodaCLParser

        parser = SodaCLParser(
            sodacl_cfg=self._sodacl_cfg, logs=self._logs, file_path=file_path, data_source_name=self._data_source_name
        )
        document = _loaded(sodacl_yaml_str)
        parser.path_stack.set_antlr_collection_in_file_path_element(document)
        parser._parse_yaml_str = lambda _: document  # noqa: SLF001 - instead of a text
        parser.parse_sodacl_yaml_str("")

    def wants_samples(self, metric: Any) -> None:
        """Select failing rows of it, once it is known whether any check on it doesn't pass."""
        self._sampled.append(metric)

    def whose_samples(self, metric: Any) -> list[str]:
        """The checks that failing rows of a metric belong to, by name: Soda would give them to any one of them."""
        return [check.name for check in self._on(metric) if getattr(check.check_cfg, "metric_name", "") != "row_count"]

    def take_out(self, metric: Any) -> list[Any]:
        """Evaluate none of the checks that hang on a metric; those checks."""
        out = list(self._on(metric))
        self._checks = [check for check in self._checks if not any(check is gone for gone in out)]
        return out

    def _on(self, metric: Any) -> Iterator[Any]:
        return (check for check in self._checks if any(metric is found for found in _metrics_of(check)))

    def _close(self) -> None:
        bad = [check for check in self._checks if check.outcome is None or check.outcome.value != "pass"]
        wanting = {id(metric) for check in bad for metric in _metrics_of(check)} if self.sampler.limit else ()
        for metric in self._sampled:
            if id(metric) in wanting and (sample := metric.create_failed_rows_sample_query()):
                metric.queries.append(sample)
                sample.execute()
        super()._close()  # type: ignore[misc] # Soda's, which has no types

    def jinja_resolve(self, definition: Any, variables: Any = None, location: Any = None) -> Any:
        """As Soda does, but from the scan's variables alone: Soda prefers the environment's, and takes unknown ones for empty."""
        if not isinstance(definition, str) or "${" not in definition:
            return definition
        try:
            return render(definition, {**self._variables, **(variables or {})})
        except Exception as error:  # noqa: BLE001 - whatever a template can raise is the check's error
            self._logs.error(f"Error resolving Jinja template: {error}", exception=error, location=location)
            return None

    def get_variable(self, variable_name: str, default_value: Any = None) -> Any:
        """The run's clock, even where the environment has a ``NOW``."""
        return self._variables.get(variable_name, default_value)

    def _Scan__log_check_group(self, *_: Any) -> None:  # noqa: N802 - how Python calls Soda's own private method
        """The summary's lines hold values, nobody reads them, and for one kind of check they import a library of English."""

    def build_scan_results(self) -> dict[str, Any]:
        """Soda's report is neither needed nor cheap."""
        return {}


def define_scan() -> type[Any]:
    """The class of scan that we run."""
    from soda.scan import Scan

    return type("_Scan", (_Ours, Scan), {})


def _loaded(value: Json) -> Any:
    """A document as ruamel would load it from ``sodacl.dump``'s text: Soda asks its collections where they stand."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    match value:
        case Mapping():
            mapping = CommentedMap((str(key), _loaded(item)) for key, item in value.items())
            for key in mapping:
                mapping.lc.add_kv_line_col(key, [0, 0, 0, 0])
            return mapping
        case list() | tuple():
            sequence = CommentedSeq(map(_loaded, value))
            for place in range(len(sequence)):
                sequence.lc.add_idx_line_col(place, [0, 0])
            return sequence
        case Decimal():
            return float(value)
    return value


def _metrics_of(check: Any) -> Iterator[Any]:
    for metric in check.metrics.values():
        yield metric
        formula = getattr(metric, "derived_formula", None)
        yield from formula.metric_dependencies.values() if formula else ()


@cache
def _templates() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(variable_start_string="${", variable_end_string="}", undefined=StrictUndefined)


def _meaning(metric: Any) -> str:
    """Equal for two metrics only if they are the same in everything that decides their value."""
    parts = [type(metric).__name__, metric.identity]
    if not hasattr(metric, "missing_and_valid_cfg"):  # references, schemas, queries: cheap to have twice, dangerous to mix up
        return f"{parts} {id(metric)}"
    valid = metric.missing_and_valid_cfg
    validity = {key: value for key, value in vars(valid).items() if not key.endswith("_location")} if valid else {}
    own = (metric.metric_args, metric.filter, getattr(metric, "aggregation", None), sorted(validity.items(), key=str))
    return f"{parts} {own!r}"


def share_answers() -> None:
    """Let the queries of our scans be answered without being asked, where that is possible."""
    from soda.execution.query.aggregation_query import AggregationQuery
    from soda.execution.query.duplicates_query import DuplicatesQuery
    from soda.execution.query.query import Query
    from soda.execution.query.user_defined_failed_rows_expression_query import UserDefinedFailedRowsExpressionQuery
    from soda.execution.query.user_defined_numeric_query import UserDefinedNumericQuery

    execute, select, store = AggregationQuery.execute, UserDefinedFailedRowsExpressionQuery.execute, Query.store

    def aggregate(self: Any) -> None:
        answers: Answers | None = getattr(self.data_source_scan.scan, "answers", None)
        if answers is None or not answers.fill_aggregation(self):
            execute(self)

    def fetchone(self: Any) -> None:
        answers: Answers | None = getattr(self.data_source_scan.scan, "answers", None)
        if answers is None or not answers.fill_query(self):
            Query.fetchone(self)

    def failing(self: Any) -> None:
        """They were counted; without samples nobody looks at them."""
        if not isinstance(self.data_source_scan.scan, _Ours) or self.data_source_scan.scan.sampler.limit:
            select(self)

    def sample(self: Any) -> None:
        scan, metric = self.data_source_scan.scan, getattr(self, "metric", None)
        if isinstance(scan, _Ours) and metric is not None:
            scan.sampler.names = scan.whose_samples(metric)
        store(self)

    AggregationQuery.execute = aggregate
    Query.store = sample
    UserDefinedFailedRowsExpressionQuery.execute = failing
    UserDefinedNumericQuery.fetchone = DuplicatesQuery.fetchone = fetchone


def render(text: str, variables: Mapping[str, object]) -> str:
    """Fill ``${…}``; an unknown variable raises jinja2's ``UndefinedError``, other faults of the template its other errors."""
    filled: str = _templates().from_string(text).render(variables) if "${" in text else text
    return filled
