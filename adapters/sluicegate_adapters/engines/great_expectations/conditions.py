"""GX's row conditions as SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sluicegate.checks.sqltext import identifier, literal
from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.great_expectations.arguments import need_columns
from sluicegate_adapters.engines.great_expectations.faults import Fault
from sluicegate_adapters.engines.great_expectations.pandas_query import check_query

__all__ = ["Condition", "read_condition"]

_CLAUSE = re.compile(
    r"""\s*col\(\s*(?P<quote>["'])(?P<column>.+?)(?P=quote)\s*\)\s*(?:(?P<notnull>\.notnull\(\))
    |(?P<sign>==|!=|<=|>=|<|>)\s*(?:(?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
    |(?:date\(\s*)?(?P<mark>["'])(?P<text>.*?)(?P=mark)\s*\)?))\s*""",
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_SHAPES = """it reads col("name") > 5, col("name") == "text" or col("name").notnull()"""


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows an expectation looks at.

    Attributes:
        sql: a predicate that is never NULL; empty where only pandas can say.
        pandas_query: the text for ``DataFrame.query``; empty where SQL can say.
    """

    sql: str = ""
    pandas_query: str = ""


def read_condition(exact: Mapping[str, Any], schema: BatchSchema | None) -> Condition | None:
    """The row condition of an expectation, or None.

    Raises:
        Fault: it can't be read, or names a column that the batch lacks.
    """
    condition, parser = exact.get("row_condition"), exact.get("condition_parser")
    if condition is None or condition == "":
        return None
    if isinstance(condition, Mapping):
        return Condition(sql=f"coalesce({_object(condition, schema)}, FALSE)")
    text = str(condition)
    if parser in {"great_expectations", "great_expectations__experimental__"}:
        return Condition(sql=f"coalesce({_clause(text, schema)}, FALSE)")
    if parser in {None, "pandas"}:
        check_query(text, schema)
        return Condition(pandas_query=text)
    raise Fault(f"condition_parser {parser!r} needs Spark", "use great_expectations or pandas")


def _clause(text: str, schema: BatchSchema | None) -> str:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise Fault("the row_condition can't be read", _SHAPES)
    need_columns([found["column"]], schema)
    column = identifier(found["column"])
    if found["notnull"]:
        return f"{column} IS NOT NULL"
    value = literal(Decimal(found["number"]) if found["number"] else found["text"])
    return f"({column} {_SIGNS[found['sign']]} {value})"


def _object(condition: Mapping[str, Any], schema: BatchSchema | None) -> str:
    """A condition as suites store it: ``{"type": "comparison", "column": {"name": …}, "operator": …, "parameter": …}``."""
    kind = condition.get("type")
    if kind in {"and", "or"}:
        parts = [_object(part, schema) for part in condition.get("conditions") or ()]
        return f"({f' {kind.upper()} '.join(parts) or 'TRUE'})"
    named = condition.get("column")
    name = str(named.get("name") if isinstance(named, Mapping) else named)
    need_columns([name], schema)
    column, operator, parameter = identifier(name), str(condition.get("operator")), condition.get("parameter")
    if kind == "nullity":
        return f"({column} IS {'' if condition.get('is_null') else 'NOT '}NULL)"
    if kind != "comparison":
        raise Fault(f"the row_condition's type {kind!r} is none of comparison, nullity, and, or")
    if operator in {"IN", "NOT_IN"} and isinstance(parameter, list):
        inside = f"({column} IN ({', '.join(literal(item) for item in parameter)}))" if parameter else "FALSE"
        return inside if operator == "IN" else f"NOT {inside}"
    if operator not in _SIGNS or isinstance(parameter, list | Mapping):
        raise Fault(f"the row_condition's operator {operator!r} can't be read with its parameter")
    return f"({column} {_SIGNS[operator]} {literal(parameter)})"
