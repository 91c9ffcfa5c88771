"""Expectations about one figure, or about the table: how their metrics are answered.

A metric is answered from asks; ``Answer.read`` makes GX's value of what DuckDB said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sluicegate.checks.custom_sql import Refused, guard_query
from sluicegate.checks.fitting import Misfit, fit_values
from sluicegate.checks.sqltext import BATCH, identifier, literals
from sluicegate.checks.types import BatchSchema, Column, Kind, kind_of
from sluicegate.checks.values import Scalar
from sluicegate_adapters.engines.great_expectations.asks import Ask
from sluicegate_adapters.engines.great_expectations.faults import Fault

__all__ = ["Answer", "Setting", "answer_metric", "type_matches"]


def _same(values: Sequence[Any]) -> Any:
    return values[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """The asks behind a metric, and what GX is told."""

    asks: tuple[Ask, ...] = ()
    read: Callable[[Sequence[Any]], Any] = _same


@dataclass(frozen=True, slots=True)
class Setting:
    """What an expectation is evaluated on.

    Attributes:
        exact: its arguments.
        condition: predicate of its row condition, or an empty string.
        source: the rows under that condition: the batch, or a view of the engine's own.
    """

    exact: Mapping[str, Any]
    schema: BatchSchema
    references: Mapping[str, str]
    condition: str = ""
    source: str = BATCH
    column: str = field(init=False)

    def __post_init__(self) -> None:
        name = self.exact.get("column")
        object.__setattr__(self, "column", identifier(str(name)) if name is not None else "")

    def aggregate(self, sql: str) -> Ask:
        return Ask(f"{sql} FILTER (WHERE {self.condition})" if self.condition else sql)

    @property
    def readable(self) -> str:
        """The column as Python can read it: DuckDB's client wants another package for moments with a zone."""
        return f"CAST({self.column} AS TIMESTAMP)" if self.own.kind is Kind.TIMESTAMP_TZ else self.column

    @property
    def own(self) -> Column:
        found = self.schema.get(str(self.exact.get("column")))
        if found is None:
            raise Fault(f"the batch has no column {self.exact.get('column')!r}")
        return found


def answer_metric(name: str, setting: Setting) -> Answer:
    """How a metric is answered.

    Args:
        name: GX's name for it among the expectation's dependencies.
        setting: the expectation's arguments and rows.

    Raises:
        Fault: nobody here knows the metric, or the arguments don't fit.
    """
    known = _METRICS.get(name)
    if known is None:
        raise Fault(f"the metric {name!r} can't be answered here")
    return known(setting)


def _one(function: str) -> Callable[[Setting], Answer]:
    return lambda setting: Answer((setting.aggregate(f"{function}({setting.readable})"),))


def _row_count(setting: Setting) -> Answer:
    return Answer((setting.aggregate("count(*)"),))


def _other_row_count(setting: Setting) -> Answer:
    view = _reference(str(setting.exact["other_table_name"]), setting)
    return Answer((Ask(f"SELECT count(*) FROM {identifier(view)}", fused=False),))


def _reference(name: str, setting: Setting) -> str:
    if name not in setting.references:
        known = ", ".join(sorted(setting.references)) or "none"
        raise Fault(f"no reference dataset of the contract is called {name!r}", f"open references: {known}")
    return setting.references[name]


def _share(numerator: str) -> Callable[[Setting], Answer]:
    def answer(setting: Setting) -> Answer:
        asks = (setting.aggregate(numerator.format(setting.column)), setting.aggregate(f"count({setting.column})"))
        return Answer(asks, lambda values: values[0] / values[1] if values[1] else 0)

    return answer


def _present_share(setting: Setting) -> Answer:
    asks = (setting.aggregate(f"count({setting.column})"), setting.aggregate("count(*)"))
    return Answer(asks, lambda values: values[0] / values[1] if values[1] else 0)


def _quantiles(setting: Setting) -> Answer:
    """As SQL means it: a value that occurs; ``allow_relative_error: linear`` interpolates, as pandas does."""
    way = setting.exact.get("allow_relative_error") or False
    if way not in {False, True, "linear"}:
        raise Fault(f"allow_relative_error can't be {way!r} here", "leave it out (a value that occurs) or say linear")
    function = "quantile_cont" if way == "linear" else "quantile_disc"
    ranges = setting.exact["quantile_ranges"]
    quantiles = [float(value) for value in ranges["quantiles"]]
    if not all(0 <= value <= 1 for value in quantiles):
        raise Fault("quantiles must lie between 0 and 1")
    return Answer(tuple(setting.aggregate(f"{function}({setting.readable}, {value!r})") for value in quantiles), list)


def _values(setting: Setting) -> tuple[Scalar, ...]:
    try:
        return fit_values(setting.own, setting.exact["value_set"])
    except Misfit as misfit:
        raise Fault(misfit.message, misfit.hint) from misfit


def _not_in_set_count(setting: Setting) -> Answer:
    inside = f"{setting.column} IN ({literals(_values(setting))})" if _values(setting) else "FALSE"
    condition = f"NOT ({inside})" + (f" AND {setting.condition}" if setting.condition else "")
    return Answer((Ask(f"count(DISTINCT {setting.column}) FILTER (WHERE {condition})"),))


def _missing_count(setting: Setting) -> Answer:
    values = _values(setting)
    asked = {value for value in setting.exact["value_set"] if value is not None}
    if not values:
        return Answer((), lambda _: len(asked))
    condition = f"{setting.column} IN ({literals(values)})" + (f" AND {setting.condition}" if setting.condition else "")
    found = Ask(f"count(DISTINCT {setting.column}) FILTER (WHERE {condition})")
    return Answer((found,), lambda answers: max(0, len(asked) - answers[0]))


def _most_common(setting: Setting) -> Answer:
    sql = (
        f"SELECT {setting.readable} FROM {identifier(setting.source)} WHERE {setting.column} IS NOT NULL GROUP BY 1 "
        "QUALIFY count(*) = max(count(*)) OVER ()"
    )
    texts = all(isinstance(value, str) for value in setting.exact["value_set"])
    return Answer(
        (Ask(sql, False, lambda rows: [row[0] for row in rows.fetchall()]),), lambda asks: [_like(x, texts) for x in asks[0]]
    )


def _like(value: Any, texts: bool) -> Any:  # noqa: FBT001 - one caller
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if texts and hasattr(value, "isoformat") else value


def _columns(setting: Setting) -> Answer:
    return Answer((), lambda _: list(setting.schema.names))


def _column_count(setting: Setting) -> Answer:
    return Answer((), lambda _: len(setting.schema.names))


def _column_types(setting: Setting) -> Answer:
    """Each column's type; the one asked for under the expected name, where the two are the same type."""
    expected = [setting.exact["type_"]] if "type_" in setting.exact else list(setting.exact.get("type_list") or ())
    for name in expected:
        if kind_of(str(name)) is None and str(name).casefold() not in _PYTHON_TYPES:
            raise Fault(f"{name!r} is not a type's name", "use DuckDB's names, such as BIGINT, VARCHAR or TIMESTAMP")

    def types(_: Sequence[Any]) -> list[dict[str, str]]:
        same = next((str(name) for name in expected if type_matches(str(name), setting.own)), setting.own.native)
        return [{"name": c.name, "type": same if c.name == setting.own.name else c.native} for c in setting.schema]

    return Answer((), types)


_ALIASES = {
    "int": "integer", "int4": "integer", "int32": "integer", "signed": "integer", "int8": "bigint", "int64": "bigint", "long": "bigint",
    "int2": "smallint", "int16": "smallint", "short": "smallint", "int1": "tinyint", "float4": "float", "float32": "float",
    "real": "float", "float8": "double", "float64": "double", "double precision": "double", "numeric": "decimal", "dec": "decimal",
    "bool": "boolean", "logical": "boolean", "text": "varchar", "string": "varchar", "char": "varchar", "bpchar": "varchar",
    "timestamptz": "timestamp with time zone", "timestamp_tz": "timestamp with time zone", "datetime": "timestamp",
    "bytea": "blob", "binary": "blob", "varbinary": "blob", "uint8": "utinyint", "uint16": "usmallint", "uint32": "uinteger",
    "uint64": "ubigint",
}  # fmt: skip
_PYTHON_TYPES = {
    "str": "varchar",
    "object": "varchar",
    "datetime64[ns]": "timestamp",
    "datetime64[us]": "timestamp",
    "bytes": "blob",
}


def type_matches(name: str, column: Column) -> bool:
    """Whether a type's name, as SQL, numpy or pandas has it, is that column's; a bare ``DECIMAL`` takes any precision."""
    wanted = " ".join(name.casefold().split()).replace(", ", ",")
    wanted = _ALIASES.get(wanted) or _PYTHON_TYPES.get(wanted) or wanted
    native = column.native.casefold().replace(", ", ",")
    return native in {wanted, _ALIASES.get(wanted, wanted)} or native.partition("(")[0] == wanted


def _query(key: str) -> Callable[[Setting], str]:
    def guarded(setting: Setting) -> str:
        text = str(setting.exact[key])
        try:
            filled = text.format(batch=BATCH)
        except (KeyError, IndexError, ValueError) as error:
            raise Fault(f"{key} has a brace that is not {{batch}}", "write {{ and }} for braces of the SQL itself") from error
        safe = guard_query(filled, setting.references)
        if isinstance(safe, Refused):
            raise Fault(safe.message, safe.hint)
        return safe

    return guarded


def _unexpected_rows(setting: Setting) -> Answer:
    return Answer((Ask(f"SELECT count(*) FROM (\n{_query('unexpected_rows_query')(setting)}\n)", fused=False),))


_MOST_ROWS = 100_000


def _records(key: str) -> Callable[[Setting], Answer]:
    """All rows of a query as GX takes them. GX itself compares the first 200 only, in no order: that could be any verdict."""

    def fold(rows: Any) -> list[dict[str, Any]]:
        names = [item[0] for item in rows.description]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchmany(_MOST_ROWS + 1)]

    def read(answers: Sequence[Any]) -> list[dict[str, Any]]:
        if len(answers[0]) > _MOST_ROWS:
            raise Fault(f"{key} has more than {_MOST_ROWS} rows", "aggregate in the query")
        found: list[dict[str, Any]] = answers[0]
        return found

    return lambda setting: Answer((Ask(_query(key)(setting), False, fold),), read)


def _comparison(setting: Setting) -> Answer:
    source = str(setting.exact["comparison_data_source_name"])
    if source != BATCH:
        _reference(source, setting)
    return _records("comparison_query")(setting)


def _nothing(_: Setting) -> Answer:
    return Answer((), lambda _: [])


_METRICS: Mapping[str, Callable[[Setting], Answer]] = {
    "table.row_count": _row_count,
    "table.row_count.self": _row_count,
    "table.row_count.other": _other_row_count,
    "table.columns": _columns,
    "table.column_count": _column_count,
    "table.column_types": _column_types,
    "column.max": _one("max"),
    "column.min": _one("min"),
    "column.sum": _one("sum"),
    "column.mean": _one("avg"),
    "column.median": _one("median"),
    "column.standard_deviation": _one("stddev_samp"),
    "column.distinct_values.count": lambda setting: Answer((setting.aggregate(f"count(DISTINCT {setting.column})"),)),
    "column.non_null_proportion": _present_share,
    "column.unique_proportion": _share("count(DISTINCT {0})"),
    "column.quantile_values": _quantiles,
    "column.most_common_value": _most_common,
    "column.distinct_values.not_in_set.count": _not_in_set_count,
    "column.distinct_values.not_in_set": _nothing,
    "column.distinct_values.missing_from_column.count": _missing_count,
    "column.distinct_values.missing_from_column": _nothing,
    "unexpected_rows_query.row_count": _unexpected_rows,
    "unexpected_rows_query.table": _nothing,
    "base_query.table": _records("base_query"),
    "comparison_query.data_source_table": _comparison,
}
