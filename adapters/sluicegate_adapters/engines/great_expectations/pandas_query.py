"""What a row condition for pandas may say.

``DataFrame.query`` evaluates Python: ``@name`` reaches whatever its caller has imported, and from there the whole machine. So
only comparisons of the batch's own columns get through, by an allow-list of the expression's syntax.
"""

from __future__ import annotations

import ast

from sluicegate.checks.types import BatchSchema
from sluicegate_adapters.engines.great_expectations.arguments import need_columns
from sluicegate_adapters.engines.great_expectations.faults import Fault

__all__ = ["check_query"]

_NODES = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub, ast.UAdd, ast.BinOp, ast.Add, ast.Sub,
    ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.BitAnd, ast.BitOr, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt,
    ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple, ast.Attribute, ast.Call, ast.keyword,
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {
        "abs", "between", "eq", "ge", "gt", "isin", "isna", "isnull", "le", "lt", "ne", "notna", "notnull",
        "str", "contains", "endswith", "fullmatch", "len", "lower", "match", "startswith", "strip", "upper",
        "dt", "date", "day", "dayofweek", "hour", "minute", "month", "quarter", "second", "weekday", "year",
    }
)  # fmt: skip
_OWN_NAMES = frozenset({"index"})
_HINT = "compare the batch's columns: a > 5 and b == 'x', c.notnull(), `name with spaces`.isin([1, 2])"


def check_query(text: str, schema: BatchSchema | None) -> None:
    """Refuse whatever isn't a comparison of the batch's columns.

    Raises:
        Fault: the text can't be read, names a column that the batch lacks, or does more than compare.
    """
    plain, quoted = _without_backticks(text)
    try:
        tree = ast.parse(plain.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Fault("the row_condition can't be read as a condition for pandas", _HINT) from error
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise Fault(f"a row_condition may only compare, and this one has a {type(node).__name__}", _HINT)
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            raise Fault("a row_condition may only call methods of columns", _HINT)
        if isinstance(node, ast.Attribute) and node.attr not in _ATTRIBUTES:
            what = "call" if id(node) in called else "read"
            raise Fault(f"a row_condition may not {what} {node.attr!r}", _HINT)
        if isinstance(node, ast.Name) and node.id not in _OWN_NAMES:
            need_columns([quoted.get(node.id, node.id)], schema)


def _without_backticks(text: str) -> tuple[str, dict[str, str]]:
    """Python's own syntax, and what its stand-ins for names in backticks stand for."""
    written: list[str] = []
    names: dict[str, str] = {}
    quote, place = "", 0
    while place < len(text):
        step = text[place]
        if quote and step == "\\":
            step = text[place : place + 2]
        elif step == "`":
            end = text.find("`", place + 1)
            if quote or end < 0:  # pandas would see other names than we do
                raise Fault("a row_condition has a backtick that begins no column's name", _HINT)
            name = text[place + 1 : end]
            step = f"_sluicegate_{len(names)}"
            names[step] = name
            written.append(step)
            place = end + 1
            continue
        elif step in "'\"":
            quote = "" if step == quote else quote or step
        written.append(step)
        place += len(step)
    return "".join(written), names
