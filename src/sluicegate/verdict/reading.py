"""Whether a check may read a classified column: yes, unless its words prove that it doesn't.

Columns of canonical checks are known. SQL and SodaCL reach a column in more ways than by its name (stars, positions, patterns, the row as one value, a
table's columns called anew), so only the plainest forms prove anything; what a Python rule is not handed by name it may have read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Json, NativeCheck, Untestable, plain

__all__ = ["counts", "is_hidden", "keeps_names", "may_tell"]

_NO_VALUES = (m.Schema, m.ColumnType, m.RowCount, Untestable)
"""Checks that look at no value of any column."""

_TOKEN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\W\d]\w*|\d[\w.]*|\S""")
_WORD = re.compile(r"[^\W\d]\w*")
_TABLE = "batch"
_CLAUSES = {"where", "group", "order", "having", "limit", "qualify"}
_BEYOND = {
    "columns", "describe", "except", "from", "intersect", "join", "lateral", "pivot", "positional", "replace", "select", "show", "summarize",
    "table", "union", "unnest", "unpivot", "using", "values", "with",
}  # fmt: skip
"""Words after which names may stand for something else, or columns be there that nobody named."""
_STRANGE = {"#", "$", "?", ";", "@", "\\", "{", "}", "`"}
_COUNT = re.compile(
    r"select count ?\( ?(?:\*|(?:distinct )?[\w\"]+)? ?\)(?: (?:as )?(?!from)\w+)? from (?!.*\b(?:union|intersect|except)\b)"
)
_SQL_KEY = re.compile(r"\b(?:query|expression|condition|filter|where)\b")
_NAMED_KEYS = {"name", "attributes", "identity"}


def is_hidden(column: str, classified: Collection[str]) -> bool:
    """Whether the values of a column must not be shown: it is classified, or a part of it is. Names know no case here, as in SQL.

    Args:
        column: as the batch calls it.
        classified: ``Contract.classified_columns``.
    """
    folded = column.casefold()
    return column in classified or any(
        folded == (name := known.casefold()) or name.startswith(f"{folded}.") for known in classified
    )


def may_tell(promise: object, classified: Collection[str]) -> bool:
    """Whether what an engine says or measures of a check may hold a value of a classified column."""
    if isinstance(promise, _NO_VALUES) or not ("" in classified or classified):
        return False
    if "" in classified:  # the contract as a whole: no column is called by the empty name
        return True
    columns = _columns(promise)
    if columns is not None:
        return any(is_hidden(name, classified) for name in columns)
    if any(_mentions(text, classified) for text in _texts(promise)):
        return True
    return not _is_plain(promise)


def counts(promise: object) -> bool:
    """Whether what is measured is a number or a share of rows, or of values: those may be told."""
    match promise:
        case m.Aggregate(function=function):
            return function is m.AggregateFunction.DISTINCT_COUNT
        case m.Drift(metric=metric):
            return metric in {m.DriftMetric.ROW_COUNT, m.DriftMetric.NULL_PERCENT, m.DriftMetric.DISTINCT_COUNT}
        case m.MetricQuery(query=query):
            return _COUNT.match(_lined(query)) is not None
        case _:
            return False


def keeps_names(promise: NativeCheck) -> bool:
    """Whether all rows that a check's queries select have the batch's own columns under their own names."""
    queries = [text for text in _texts(promise) if re.search(r"\b(?:select|from)\b", text)]
    return bool(queries) and all(_is_plain_rows(text) for text in queries)


def _columns(promise: object) -> Sequence[str] | None:
    """The columns that a check reads, where they are all named apart; None where words may name others."""
    if isinstance(promise, m.RowExpression | m.MetricQuery):
        return None
    if isinstance(promise, NativeCheck):
        listed = promise.body.get("columns") if promise.engine == "python" else None
        return [str(name) for name in listed] if isinstance(listed, list | tuple) and listed else None
    named = [getattr(promise, key, None) for key in ("column", "left", "right", "order_by")]
    return [name for name in (*named, *getattr(promise, "columns", ())) if isinstance(name, str)]


def _mentions(text: str, classified: Collection[str]) -> bool:
    """Whether a text names a classified column, or what a part of it is a part of; quotes in names are doubled in SQL."""
    for name in classified:
        for part in {name.casefold(), name.casefold().replace('"', '""'), name.casefold().partition(".")[0]}:
            if re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text):
                return True
    return False


def _is_plain(promise: object) -> bool:
    """Whether a check reads nothing but what it names."""
    match promise:
        case m.RowExpression(expression=expression):
            return _is_plain_expression(_tokens(expression))
        case m.MetricQuery(query=query):
            return _is_plain_query(query)
        case NativeCheck(engine="soda", body=body):
            entry = body.get("sodacl")
            return not _is_sections(entry) and all(map(_is_plain_sql, _sql_in(entry)))
        case NativeCheck(engine="great_expectations", body=body):
            return all(map(_is_plain_sql, _sql_in(dict(body))))
        case _:
            return False


def _is_sections(entry: Json) -> bool:
    """Sections of SodaCL (``checks for``, ``filter``, ``for each``) name tables, and group by what they like."""
    heads = [str(key).casefold() for key in entry] if isinstance(entry, Mapping) else []
    return any(re.match(r"checks\b|filter\b|for each\b|configurations\b|variables\b", head) for head in heads) or "${" in str(
        entry
    )


def _sql_in(value: Json) -> Iterator[str]:
    """The texts under keys that hold SQL."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if _SQL_KEY.search(str(key).casefold().replace("_", " ")):
                yield from (str(text) for text in (item if isinstance(item, list) else [item]) if text is not None)
            elif str(key).casefold() not in _NAMED_KEYS:
                yield from _sql_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sql_in(item)


def _is_plain_sql(text: str) -> bool:
    text = text.replace("{batch}", _TABLE)
    return _is_plain_query(text) if re.search(r"\bselect\b", text, re.IGNORECASE) else _is_plain_expression(_tokens(text))


def _tokens(text: str) -> list[str]:
    return [token if token.startswith("'") else token.casefold() for token in _TOKEN.findall(text)]


def _is_plain_query(query: str) -> bool:
    """``SELECT expressions FROM batch [alias] [WHERE …]``, in which no name can be another's."""
    tokens = _tokens(query)
    if tokens[:1] != ["select"] or tokens.count("from") != 1:
        return False
    place = tokens.index("from")
    chosen, (table, *rest) = tokens[1:place], tokens[place + 1 :] or [""]
    if table.strip('"') != _TABLE:
        return False
    if rest[:1] == ["as"]:
        rest = rest[1:]
    alias = rest[0].strip('"') if rest and rest[0] not in _CLAUSES and _WORD.fullmatch(rest[0].strip('"')) else _TABLE
    rest = rest[1:] if alias != _TABLE else rest
    if rest and rest[0] not in _CLAUSES:
        return False
    return _is_plain_expression(chosen, alias) and _is_plain_expression(rest, alias)


def _is_plain_rows(query: str) -> bool:
    """``SELECT * FROM batch [WHERE …]``, or with names of columns for the star."""
    tokens = _tokens(query.replace("{batch}", _TABLE))
    if tokens[:1] != ["select"] or "from" not in tokens:
        return False
    place = tokens.index("from")
    chosen, (table, *rest) = tokens[1:place], tokens[place + 1 :] or [""]
    names = chosen[::2]
    listed = all(name.startswith('"') or _WORD.fullmatch(name) for name in names) and all(mark == "," for mark in chosen[1::2])
    if not (chosen == ["*"] or (listed and len(chosen) % 2 and _TABLE not in (name.strip('"') for name in names))):
        return False
    return table.strip('"') == _TABLE and (not rest or (rest[0] == "where" and _BEYOND.isdisjoint(rest)))


def _is_plain_expression(tokens: Sequence[str], alias: str = _TABLE) -> bool:
    """Whether nothing in an expression stands for a column that isn't named in it."""
    if not _BEYOND.isdisjoint(tokens) or not _STRANGE.isdisjoint(tokens):
        return False
    for i, word in enumerate(tokens):
        if word.strip('"') in {_TABLE, alias} and (tokens[i + 1 : i + 2] != ["."] or tokens[i + 3 : i + 4] == ["("]):
            return False  # the row as one value: hash(batch), batch.hash()
        is_star = word == "*" and tokens[max(0, i - 1) : i] in (["("], [","], ["."], [])
        if is_star and (tokens[max(0, i - 2) : i] != ["count", "("] or tokens[i + 1 : i + 2] != [")"]):
            return False
    comments = {("-", "-"), ("/", "*"), ("u", "&"), ("-", ">")}
    return comments.isdisjoint(pairwise(tokens))


def _lined(text: str) -> str:
    return " ".join(text.casefold().split())


def _texts(promise: object) -> Iterator[str]:
    """Every text in a promise, in lower case: names of columns, values, queries."""
    level: list[Json] = [plain(promise)]
    while level:
        match level.pop():
            case str() as text:
                yield _lined(text)
            case list() as items:
                level += items
            case Mapping() as items:
                level += [*items, *items.values()]
