"""Authors' own SQL, let in only as far as it is understood: it may read the batch and the declared references, nothing else.

DuckDB itself parses it, on a connection without data; the syntax tree is then walked with allow-lists, so that whatever is
not known here (a new kind of table, a function that is not DuckDB's own) is refused. Files, table functions, other schemas,
settings and the environment are out of reach, whatever the connection that runs the query would allow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from sluicegate.checks.sqltext import BATCH, identifier, literal

if TYPE_CHECKING:
    import duckdb

__all__ = ["Refused", "guard_expression", "guard_query"]

_PLACEHOLDER = re.compile(r"\$\{table\}|\{table\}|\{object\}")

_CLASSES = {
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "LAMBDA", "LAMBDA_REF",
    "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW",
}  # fmt: skip
_ROW_CLASSES = _CLASSES - {"STAR", "SUBQUERY", "WINDOW", "POSITIONAL_REFERENCE"}
_NODES = {
    "SELECT_NODE",
    "SET_OPERATION_NODE",
    "RECURSIVE_CTE_NODE",
    "CTE_NODE",
    "BASE_TABLE",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "SUBQUERY",
}
_HARMLESS = re.compile(r"\w+_MODIFIER|\w+_TYPE_INFO|ORDER_DEFAULT|ASCENDING|DESCENDING")
_WORDS = {
    "STAR": "*", "SUBQUERY": "a subquery", "WINDOW": "a window function", "PARAMETER": "a parameter", "TABLE_FUNCTION": "a table function",
    "SHOW_REF": "DESCRIBE, SHOW or SUMMARIZE", "PIVOT": "PIVOT or UNPIVOT", "POSITIONAL_REFERENCE": "a column by its number",
}  # fmt: skip

# Older versions don't list these among their functions.
_WINDOWS = (
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value", "nth_value",
    "unnest",
)  # fmt: skip
_OWN_SCHEMAS = {None, "", "main", "pg_catalog"}  # DuckDB writes extract() and substring() as pg_catalog's

# DuckDB's own functions that read or change something beside the rows: settings, environment, catalog, sequences, files, time.
_OUTSIDE = re.compile(
    r"__internal.*|pg_.*|has_.*_privilege|inet_.*|getenv|getvariable|current_(?!date|time|timestamp|localtime).*|nextval|currval|setval|"
    r"setseed|sleep.*|write_.*|read_.*|json_(de)?serialize_.*|json_execute.*|(session_)?user|version|txid_.*|in_search_path|"
    r"(obj|col|shobj)_description|get_block_size|query|query_table|add_parquet_key|finalize|combine|to_aggregate_state|map_to_pg_oid"
)

# What would give another figure each time: chance, and a clock that is not the run's.
_CHANCE = re.compile(r"random|uuid(v\d+)?|gen_random_uuid")
_CLOCK = re.compile(r"now|today|(get_)?current_(date|time|timestamp)|local(time|timestamp)|transaction_timestamp")
_CLOCK_WORD = re.compile(r"current_(date|time|timestamp)|local(time|timestamp)")
_CLOCK_HINT = (
    "use a range or freshness check, which know the run's clock: a range's bounds may be 'now', 'today' or '2 hours ago'"
)


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a piece of SQL is not let in, and the cure."""

    message: str
    hint: str = ""


class _No(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.refused = Refused(message, hint)


def guard_query(query: str, references: Mapping[str, str] | None = None) -> str | Refused:
    """A SELECT as safe SQL, complete enough to be executed as it stands.

    Args:
        query: what the author wrote; ``${table}``, ``{table}`` and ``{object}`` stand for the batch.
        references: dataset -> view; a query names a dataset by its own name, quoted where it isn't a plain word. None where
            they are not known yet (``plan``, lint): tables are then taken on trust, and must not be run.
    """
    text = _PLACEHOLDER.sub(BATCH, query).strip().removesuffix(";").rstrip()
    try:
        tree = _parsed(text)
        allowed = _tables(tree) if references is None else {BATCH, *references}
        _Walk(_CLASSES, allowed=allowed).look(tree, frozenset())
        named = [name for name in references or () if name.casefold() in _tables(tree) - {BATCH}]
    except _No as no:
        return no.refused
    if references is None or not named:
        return text
    views = ",\n     ".join(f"{identifier(name)} AS (SELECT * FROM {identifier(references[name])})" for name in named)
    return f"WITH {views}\nSELECT * FROM (\n{text}\n)"


def guard_expression(expression: str) -> str | Refused:
    """A row expression, if it is one expression over one row's columns and stays one inside ``CAST((…) AS BOOLEAN)``."""
    try:
        _look_at_expression(expression)
    except _No as no:
        return no.refused
    return expression


def _look_at_expression(expression: str) -> None:
    alone = _parsed(f"SELECT {expression}\n")
    if not _is_bare(alone) or len(alone["select_list"]) != 1:
        raise _No("the expression must be a single SQL expression", "leave SELECT, FROM and WHERE out")
    if alone["select_list"][0].get("alias"):
        raise _No("the expression must not be given a name", "leave AS … out")
    _Walk(_ROW_CLASSES, allowed=set(), row=True).look(alone, frozenset())
    wrapped = _parsed(f"SELECT CAST(({expression}\n) AS BOOLEAN) FROM {BATCH}")
    if len(wrapped["select_list"]) != 1 or wrapped["from_table"].get("table_name") != BATCH:
        raise _No("the expression must be a single SQL expression")


def _parsed(text: str) -> dict[str, Any]:
    """The syntax tree of exactly one SELECT."""
    if "\0" in text:
        raise _No("the SQL contains a NUL character")
    answer = json.loads(_serialized(text))
    if answer["error"]:
        reason = str(answer.get("error_message") or "it can't be parsed").splitlines()[0]
        raise _No(f"the SQL can't be read: {reason}", "one SELECT in DuckDB's dialect, or one expression")
    if len(answer["statements"]) != 1:
        raise _No("the SQL must be a single statement", f"{len(answer['statements'])} were given")
    node: dict[str, Any] = answer["statements"][0]["node"]
    return node


@lru_cache(maxsize=512)
def _serialized(text: str) -> str:
    """DuckDB's own reading of a text, as JSON: asked once for what stands in many checks, and in every run of a contract."""
    answer: str = _ask(f"SELECT json_serialize_sql({literal(text)})")[0][0]
    return answer


def _is_bare(node: dict[str, Any]) -> bool:
    """Whether a SELECT is nothing but its list."""
    extras = ("where_clause", "group_expressions", "having", "sample", "qualify", "modifiers")
    bare = node.get("type") == "SELECT_NODE" and node["from_table"].get("type") == "EMPTY"
    return bare and not any(node.get(part) for part in extras) and not node["cte_map"]["map"]


class _Walk:
    """One walk over a syntax tree; raises at the first thing that is not allowed."""

    def __init__(self, classes: Collection[str], *, allowed: Collection[str], row: bool = False) -> None:
        self._classes = classes
        self._allowed = {name.casefold() for name in allowed}
        self._row = row

    def look(self, node: Any, scope: frozenset[str]) -> None:
        if isinstance(node, list):
            for item in node:
                self.look(item, scope)
        elif isinstance(node, dict):
            scope = scope | _named_here(node)
            self._judge(node, scope)
            if node.get("sample"):
                raise _No("a sample is not allowed in a query", "it would give another figure each time")
            for value in node.values():
                self.look(value, scope)

    def _judge(self, node: dict[str, Any], scope: frozenset[str]) -> None:
        kind, category = node.get("type"), node.get("class")
        if category is not None:
            if category not in self._classes:
                self._refuse(str(category))
            if "function_name" in node:
                self._function(node)
            names = node.get("column_names", ())
            if len(names) == 1 and _CLOCK_WORD.fullmatch(str(names[0]).casefold()):  # a column of that name: batch.current_date
                raise _No(f"{names[0]!r} is not the run's clock", _CLOCK_HINT)
        elif isinstance(kind, str) and not _HARMLESS.fullmatch(kind):
            if kind not in _NODES or (self._row and kind not in {"SELECT_NODE", "EMPTY"}):
                self._refuse(kind)
            if kind == "BASE_TABLE":
                self._table(node, scope)

    def _refuse(self, what: str) -> None:
        word = _WORDS.get(what, what.lower().replace("_", " "))
        where = "an expression over one row" if self._row else "a query"
        raise _No(f"{word} is not allowed in {where}", "a metric query can do more" if self._row else "")

    def _table(self, node: dict[str, Any], scope: frozenset[str]) -> None:
        name = str(node.get("table_name", ""))
        plain = not (node.get("schema_name") or node.get("catalog_name") or node.get("at_clause"))
        known = ", ".join(sorted(self._allowed))
        if not plain:
            raise _No(f"the query reads {name!r} through a schema, a catalog or a version", f"it may read: {known}")
        if name.casefold() not in self._allowed | scope:
            raise _No(f"the query reads {name!r}, which is neither the batch nor a declared reference", f"it may read: {known}")

    def _function(self, node: dict[str, Any]) -> None:
        name = str(node["function_name"]).casefold()
        if node.get("catalog") or node.get("schema") not in _OWN_SCHEMAS:
            raise _No(f"the function {name!r} is named with a schema", "name it alone")
        kinds = _functions().get(name)
        if kinds is None:
            raise _No(f"there is no function {name!r}", "only DuckDB's own functions may be used")
        if _OUTSIDE.fullmatch(name):
            raise _No(f"the function {name!r} reaches beyond the batch's rows")
        if _CHANCE.fullmatch(name):
            raise _No(f"the function {name!r} gives another value each time", "a verdict must be reproducible")
        if _CLOCK.fullmatch(name):
            raise _No(f"the function {name!r} is not the run's clock", _CLOCK_HINT)
        if self._row and (("aggregate" in kinds and "scalar" not in kinds) or name == "unnest"):
            raise _No(f"the function {name!r} looks at more than one row", "a metric query can do that")


def _named_here(node: dict[str, Any]) -> frozenset[str]:
    """The names that a SELECT's own WITH gives to what is below it."""
    names = set()
    if isinstance(node.get("cte_map"), dict):
        names = {str(entry["key"]).casefold() for entry in node["cte_map"].get("map", ())}
    if node.get("type") == "CTE_NODE":  # as DuckDB 1.0 writes MATERIALIZED
        names.add(str(node.get("cte_name", node.get("ctename", ""))).casefold())
    # A name with a dot or a slash could stand for a file where the WITH doesn't reach.
    for name in names:
        if not re.fullmatch(r"\w+", name):
            raise _No(f"WITH can't name a query {name!r}", "use a plain word")
    return frozenset(names)


def _tables(node: Any) -> set[str]:
    """Every table name in a syntax tree, in lower case."""
    if isinstance(node, list):
        return set().union(*map(_tables, node))
    if not isinstance(node, dict):
        return set()
    own = {str(node["table_name"]).casefold()} if node.get("type") == "BASE_TABLE" and "class" not in node else set()
    return own.union(*map(_tables, node.values()))


@cache
def _functions() -> dict[str, frozenset[str]]:
    """DuckDB's own functions, by name: which kinds each one has. Operators and syntax that parse as functions included."""
    rows = _ask(
        "SELECT lower(function_name), list(DISTINCT function_type) FROM duckdb_functions() "
        "WHERE function_type IN ('scalar', 'aggregate', 'macro', 'window') AND function_name IS NOT NULL GROUP BY 1"
    )
    known = {str(name): frozenset(kinds) for name, kinds in rows}
    for name in _WINDOWS:
        known.setdefault(name, frozenset({"window"}))
    return known


def _ask(statement: str) -> list[tuple[Any, ...]]:
    """Run a statement of our own on a connection that has no data and reaches nothing."""
    with _parser().cursor() as cursor:  # a cursor each, for threads
        answer: list[tuple[Any, ...]] = cursor.execute(statement).fetchall()
        return answer


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(config={"enable_external_access": "false"})
