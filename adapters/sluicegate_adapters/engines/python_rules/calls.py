"""Fitting a rule's parameters: the first one is the batch, ``context`` is the run, the others are the contract's ``params``."""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sluicegate.checks.values import parse_instant, parse_relative_time
from sluicegate.ports.rules import RuleContext

__all__ = ["Call", "RuleMiscalled", "prepare"]

_FORMS = {
    ("duckdb", "DuckDBPyRelation"): "relation",
    ("_duckdb", "DuckDBPyRelation"): "relation",
    ("pyarrow", "Table"): "table",
    ("pyarrow", "RecordBatchReader"): "reader",
    ("pyarrow", "RecordBatch"): "parts",
    ("pandas", "DataFrame"): "pandas",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "polars_lazy",
}
_USUAL_NAMES = {"pa": "pyarrow", "pd": "pandas", "pl": "polars"}
_KNOWN = "duckdb.DuckDBPyRelation, pa.Table, pa.RecordBatchReader, pa.RecordBatch, pd.DataFrame, pl.DataFrame or pl.LazyFrame"


class RuleMiscalled(Exception):
    """A rule's signature and its contract don't fit: ``str()`` is why, ``hint`` the cure."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Call:
    """How a rule is called: in which form it wants the batch, and its other arguments."""

    form: str
    arguments: Mapping[str, Any]


def prepare(rule: Callable[..., Any], params: Mapping[str, Any], context: RuleContext) -> Call:
    """Fit the arguments before any data is loaded.

    Raises:
        RuleMiscalled: the rule is no plain function, wants a form that doesn't exist, or ``params`` lacks one, has one too many or of
            another type.
    """
    if any(test(rule) for test in (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)):
        raise RuleMiscalled("it is an async or generator function", "write a plain function that returns its answer")
    try:
        parameters = list(inspect.signature(rule).parameters.values())
    except (TypeError, ValueError) as error:
        raise RuleMiscalled("it has no signature that Python can read", "write a plain function") from error
    if not parameters or parameters[0].kind in {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}:
        raise RuleMiscalled("it has no parameter for the batch", "its first parameter is the batch")
    form = _form(rule, parameters[0])
    return Call(form, _arguments(rule, parameters[1:], params, context))


def _form(rule: Callable[..., Any], parameter: inspect.Parameter) -> str:
    annotation = _evaluated(rule, parameter.annotation)
    if annotation is inspect.Parameter.empty or annotation is Any:
        return "relation"
    if isinstance(annotation, type):
        found = next((_FORMS[key] for kind in annotation.__mro__ if (key := _key(kind)) in _FORMS), None)
    else:
        module, _, name = str(annotation).strip("'\" ").rpartition(".")
        root = module.partition(".")[0]
        found = _FORMS.get((_USUAL_NAMES.get(root, root), name))
    if found is None:
        raise RuleMiscalled(f"its first parameter is annotated {_shown(annotation)}", f"annotate it as {_KNOWN}")
    return found


def _key(kind: type) -> tuple[str, str]:
    return kind.__module__.partition(".")[0], kind.__name__


def _shown(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _evaluated(rule: Callable[..., Any], annotation: Any) -> Any:
    """The annotation itself; its text where it names what is only imported for type checkers."""
    if not isinstance(annotation, str):
        return annotation
    inner = inspect.unwrap(rule)
    try:
        return eval(annotation, getattr(inner, "__globals__", {}))  # noqa: S307 - the rule's own code, about to run anyway
    except Exception:  # noqa: BLE001
        return annotation


def _arguments(
    rule: Callable[..., Any], parameters: list[inspect.Parameter], params: Mapping[str, Any], context: RuleContext
) -> dict[str, Any]:
    takes_all = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters)
    positional_only = next((item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_ONLY), None)
    if positional_only is not None:
        raise RuleMiscalled(f"its parameter {positional_only!r} can't be given by name", "move it behind the /")
    named = {
        item.name: item
        for item in parameters
        if item.kind not in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    }
    unknown = next((name for name in params if name not in named), None)
    if unknown is not None and not takes_all:
        near = difflib.get_close_matches(unknown, named, n=1)
        known = ", ".join(name for name in named if name != "context") or "none"
        raise RuleMiscalled(
            f"it has no parameter {unknown!r}", f"did you mean {near[0]!r}?" if near else f"its parameters are: {known}"
        )
    arguments: dict[str, Any] = {name: _plain(value) for name, value in params.items() if name not in named}
    for name, item in named.items():
        if name in params:
            arguments[name] = _fitted(name, params[name], _evaluated(rule, item.annotation), context)
        elif name == "context":
            arguments[name] = context
        elif item.default is inspect.Parameter.empty:
            raise RuleMiscalled(f"its parameter {name!r} has no value", f"write params: {{{name}: …}}")
    return arguments


def _fitted(name: str, value: Any, annotation: Any, context: RuleContext) -> Any:
    """The value as the annotation wants it, where that loses nothing."""
    wanted = [kind for kind in _alternatives(annotation) if kind is not None]
    if not wanted or (value is None and None in _alternatives(annotation)):
        return _plain(value)
    for kind in wanted:
        fits, fitted = _as(kind, value, context)
        if fits:
            return fitted
    raise RuleMiscalled(
        f"its parameter {name!r} is {_shown_type(annotation)}, and the contract gives {type(value).__name__}", "correct params"
    )


def _shown_type(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)


def _alternatives(annotation: Any) -> list[Any]:
    """The plain types of an annotation, None for NoneType; empty where anything goes, or nothing can be told."""
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        found: list[Any] = []
        for item in typing.get_args(annotation):
            inner = _alternatives(item)
            if not inner:
                return []
            found += inner
        return found
    if annotation is None or annotation is type(None):
        return [None]
    plain = typing.get_origin(annotation) or annotation
    return [plain] if plain in {bool, int, float, str, list, dict, tuple, set, Decimal, date, datetime} else []


def _as(kind: Any, value: Any, context: RuleContext) -> tuple[bool, Any]:
    if kind in {date, datetime}:
        return _as_moment(kind, value, context)
    if kind is Decimal and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return True, Decimal(value)
    if kind is float and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return True, float(value)
    if kind in {tuple, set} and isinstance(value, list | tuple):
        return True, kind(_plain(item) for item in value)
    if kind is int and isinstance(value, bool):
        return False, None
    return isinstance(value, kind), _plain(value)


def _as_moment(kind: Any, value: Any, context: RuleContext) -> tuple[bool, Any]:
    if isinstance(value, str):
        relative = parse_relative_time(value)
        value = relative.at(context.now) if relative else parse_instant(value)
    if kind is datetime:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        return isinstance(value, datetime), value
    if isinstance(value, datetime):
        value = value.date()
    return isinstance(value, date), value


def _plain(value: Any) -> Any:
    """Decimals are the contract reader's way to keep 0.1 a tenth; a rule that doesn't ask for one gets a float."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
