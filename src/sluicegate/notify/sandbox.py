"""Templates of the configuration, in Jinja's sandbox and within our own bounds: it bounds neither memory nor loops.

Whoever writes a template may configure where alerts go, so what is held off here are accidents, and facts: they are data, and never run.
A template is one text with names, conditions, loops and filters. What could make much of little isn't there: no macro, no include, no
power, products of numbers only; texts, loops and the message itself have an end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from sluicegate.notify.dialects import DIALECTS
from sluicegate.notify.facts import NAMES
from sluicegate.ports.notifier import TextFormat
from sluicegate.words import plural

if TYPE_CHECKING:
    from jinja2 import Environment, Template, nodes

__all__ = ["TemplateFault", "TooMuch", "check", "environment", "fill", "in_jinja", "suggest"]

LONGEST_TEMPLATE = 50_000
_LONGEST_TEXT = 100_000
_MOST_STEPS = 10_000
_MOST_LISTED = 50_000
_GREATEST = 10**30
_WIDEST_INDENT = 40
_DEEPEST = 10

_OFFERED = frozenset({
    "Template", "Output", "TemplateData", "Name", "Const", "If", "For", "Assign", "With", "CondExpr", "Getattr", "Getitem", "Filter", "Test",
    "Compare", "Operand", "And", "Or", "Not", "Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Neg", "Pos", "Concat", "List", "Tuple", "Dict",
    "Pair", "Slice", "Keyword", "Call",
})  # fmt: skip
_CALLABLE = frozenset({
    "items", "keys", "values", "get", "upper", "lower", "title", "strip", "startswith", "endswith", "split", "cycle"
})  # fmt: skip
_FILTERS = frozenset({
    "abs", "capitalize", "count", "d", "default", "dictsort", "filesizeformat", "first", "float", "groupby", "int", "items", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "string", "sum", "title", "trim",
    "truncate", "unique", "upper", "wordcount",
})  # fmt: skip
_TESTS = frozenset({
    "boolean", "defined", "divisibleby", "even", "false", "float", "in", "integer", "mapping", "none", "number", "odd", "sequence", "string",
    "true", "undefined",
})  # fmt: skip
_COMPARISONS = frozenset(
    {"eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt", "greaterthan", ">", "ge", ">="}
)
_JINJA = re.compile(r"\{\{|\{%")
_PLAIN = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_PLAIN_WITH_FORMAT = re.compile(r"\{([a-z_]+)(?:![rsa])?(?::[^{}\s]+)?\}")


class TooMuch(Exception):
    """A template would make more than a message needs."""


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """One thing wrong in a template: the line counts from 1 within its text."""

    line: int
    message: str
    hint: str = ""


def suggest(word: str, known: Collection[str]) -> str:
    """What was meant, if that can be guessed."""
    near = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def in_jinja(text: str) -> tuple[str, tuple[TemplateFault, ...]]:
    """A template in Jinja's words. One without any is in the plain style: ``{name}`` stands for a fact, every other brace for itself.

    Returns:
        The text, its lines where they were, and the plain names that are none.
    """
    if _JINJA.search(text):
        return text, ()
    faults = []
    for number, line in enumerate(text.split("\n"), 1):
        names = [(found[1], found[0]) for found in _PLAIN.finditer(line)]
        faults += [
            TemplateFault(number, f"there is no {name!r}", suggest(name, NAMES))
            for name, _ in names
            if name.partition(".")[0] not in NAMES
        ]
        faults += [
            TemplateFault(number, f"{found[0]}: plain names take no format", f"write {{{{ {found[1]} }}}}, filters follow a |")
            for found in _PLAIN_WITH_FORMAT.finditer(line)
            if found[1] in NAMES and found[0] != f"{{{found[1]}}}"
        ]
    return _PLAIN.sub(r"{{ \1 }}", text.replace("{#", "{{ '{#' }}")), tuple(faults)


def check(text: str) -> tuple[nodes.Template | None, tuple[TemplateFault, ...]]:
    """A template's tree, ready to be compiled, or what is wrong with it: its syntax, what isn't offered, names that are none."""
    from jinja2 import TemplateSyntaxError, meta

    if len(text) > LONGEST_TEMPLATE:
        return None, (TemplateFault(1, f"it is longer than {LONGEST_TEMPLATE:,} characters"),)
    if not text.strip():
        return None, (TemplateFault(1, "it says nothing"),)
    source, faults = in_jinja(text)
    if faults:
        return None, faults
    env = environment(TextFormat.TEXT)
    try:
        tree = env.parse(source)
        found = [*_not_offered(tree, env), *_mixed(tree)] or [
            *_unknown(tree, meta.find_undeclared_variables(tree) - NAMES.keys())
        ]
        return (None if found else _bounded(tree)), tuple(sorted(found, key=lambda fault: fault.line))
    except TemplateSyntaxError as error:
        return None, (TemplateFault(error.lineno, error.message or "it is no template"),)
    except RecursionError:
        return None, (TemplateFault(1, "it is nested too deeply"),)


def _not_offered(tree: nodes.Template, env: Environment) -> Iterator[TemplateFault]:
    from jinja2 import nodes

    for node in _all(tree):
        kind = type(node).__name__
        if kind not in _OFFERED:
            yield TemplateFault(
                node.lineno,
                f"a template can't have {_CALLED.get(kind, kind)}",
                "names, conditions, loops and filters are offered",
            )
        if isinstance(node, nodes.For) and (node.recursive or len([*node.find_all(nodes.For)]) >= _DEEPEST):
            yield TemplateFault(node.lineno, "a loop can't be recursive, nor hold so many others")
        if isinstance(node, nodes.Filter) and node.name not in env.filters:
            yield TemplateFault(node.lineno, f"there is no filter {node.name!r}", suggest(node.name, env.filters))
        if isinstance(node, nodes.Test) and node.name not in env.tests:
            yield TemplateFault(node.lineno, f"there is no test {node.name!r}", suggest(node.name, env.tests))
        if isinstance(node, nodes.Getattr | nodes.Name) and _name(node).startswith("_"):
            yield TemplateFault(node.lineno, f"there is no {_name(node)!r}")
        if isinstance(node, nodes.Call) and not (isinstance(node.node, nodes.Getattr) and node.node.attr in _CALLABLE):
            yield TemplateFault(node.lineno, f"{_name(node.node) or 'it'!r} can't be called", "filters follow a |")


def _mixed(tree: nodes.Template) -> Iterator[TemplateFault]:
    """Plain names among Jinja's, which would be shown as they are."""
    from jinja2 import nodes

    for node in tree.find_all(nodes.TemplateData):
        for found in _PLAIN.finditer(node.data):
            if found[1].partition(".")[0] in NAMES:
                line = node.lineno + node.data.count("\n", 0, found.start())
                yield TemplateFault(line, f"{found[0]} stands among names in {{{{ }}}}", f"write {{{{ {found[1]} }}}}")


_CALLED: Mapping[str, str] = {
    "Pow": "powers",
    "Macro": "macros",
    "CallBlock": "calls of macros",
    "FilterBlock": "filters of blocks",
    "AssignBlock": "blocks that are set",
    "Block": "blocks",
    "Extends": "extends",
    "Include": "include",
    "Import": "import",
    "FromImport": "import",
}


def _name(node: nodes.Node) -> str:
    """Of a name, or of what is asked of something."""
    return str(getattr(node, "attr", "") or getattr(node, "name", ""))


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _unknown(tree: nodes.Template, unknown: Collection[str]) -> Iterator[TemplateFault]:
    from jinja2 import nodes

    for name in sorted(unknown):
        line = min((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), default=1)
        yield TemplateFault(line, f"there is no {name!r}", suggest(name, NAMES))


def _bounded(tree: nodes.Template) -> nodes.Template:
    """The same with its loops counted, and texts put together within bounds."""
    from jinja2 import nodes

    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "_steps", [], [], None, None, lineno=loop.lineno)
    for joined in tree.find_all(nodes.Concat):
        every = nodes.List(joined.nodes, lineno=joined.lineno)
        joined.nodes = [nodes.Filter(every, "join", [], [], None, None, lineno=joined.lineno)]
    for pair in tree.find_all(nodes.Pair):
        pair.value = nodes.Filter(pair.value, "_weighed", [], [], None, None, lineno=pair.lineno)
    lists: Iterator[Any] = tree.find_all((nodes.List, nodes.Tuple))
    for listed in lists:
        if getattr(listed, "ctx", "load") == "load":  # else names that something is set to
            listed.items = [nodes.Filter(item, "_weighed", [], [], None, None, lineno=listed.lineno) for item in listed.items]
    return tree


@cache
def environment(format: TextFormat) -> Environment:  # noqa: A002 - the port's word
    """The sandbox in which every fact that is printed is written as this format needs it, exactly once."""
    from jinja2 import StrictUndefined, pass_context
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True, optimized=False
    )
    written = _Written(format)
    own = {"e": written.fact, "escape": written.fact, "code": written.code, "link": written.link, "join": written.join}
    bounded = {"replace": _replace, "indent": _indent, "round": _round, "tojson": _tojson, "_steps": _steps()}
    bounded["_weighed"] = pass_context(_weighed)
    said = {"number": _number, "plural": plural, "short": _short}
    env.filters = {name: env.filters[name] for name in _FILTERS} | own | bounded | said
    env.tests = {name: env.tests[name] for name in _TESTS | _COMPARISONS}
    env.globals = {}
    env.finalize = pass_context(lambda _, value: written.fact(value))  # with the context, or constants would be escaped as HTML
    env.intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    env.call_binop = _reckon  # type: ignore[method-assign] # its subclasses are meant to; a class can't be made here before it is imported
    return env


class _Written:
    """How facts are printed; what is marked as written already is left alone. Jinja's autoescape alone would only know HTML."""

    def __init__(self, format: TextFormat) -> None:  # noqa: A002 - the port's word
        from markupsafe import Markup

        self._dialect = DIALECTS[format]
        self._mark = Markup

    def fact(self, value: Any) -> Any:
        if hasattr(value, "__html__"):
            return value
        return self._mark(self._dialect.text(_shown(value)))

    def code(self, value: Any) -> Any:
        return self._mark(self._dialect.code(_shown(value)))

    def link(self, value: Any, called: str = "") -> Any:
        address = _shown(value)
        return self._mark(self._dialect.link(address, called or address) if address else "")

    def join(self, value: Iterable[Any], between: Any = "", attribute: str | None = None) -> Any:
        parts = [part if attribute is None else part[attribute] for part in value]
        written = any(hasattr(part, "__html__") for part in (*parts, between))
        texts = [str(self.fact(part)) if written else _shown(part) for part in parts]
        gap = str(self.fact(between)) if written else _shown(between)
        _within(sum(map(len, texts)) + len(gap) * len(texts))
        joined = gap.join(texts)
        return self._mark(joined) if written else joined


def _shown(value: Any) -> str:
    """A value as text: nothing for None, yes or no, a list or mapping as JSON."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case list() | dict() | tuple():
            return _tojson(value)
        case _:
            return str(value)


def _within(length: int) -> None:
    if length > _LONGEST_TEXT:
        raise TooMuch(f"a text of more than {_LONGEST_TEXT:,} characters")


def _replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    if not old:
        return text
    _within(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _indent(value: Any, width: int = 4, first: bool = False) -> str:  # noqa: FBT001, FBT002 - Jinja's own
    gap = " " * min(width, _WIDEST_INDENT)
    text = str(value)
    _within(len(text) + len(gap) * (1 + text.count("\n")))
    return (gap if first else "") + text.replace("\n", "\n" + gap)


def _round(value: float, precision: int = 0) -> float:
    return round(value, max(-10, min(precision, 10)))


def _tojson(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent and min(indent, 8), default=str)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else _shown(value)


def _short(value: Any, longest: int = 80) -> str:
    text = _shown(value)
    return text if len(text) <= longest else text[: max(longest - 1, 0)] + "…"


def _steps() -> Callable[..., Iterator[Any]]:
    from jinja2 import pass_context

    @pass_context
    def steps(context: Any, value: Any) -> Iterator[Any]:
        left = context.get("_steps")
        for item in value:
            left[0] -= 1
            if left[0] < 0:
                raise TooMuch(f"loops take more than {_MOST_STEPS:,} steps")
            yield item

    return steps


def _weighed(context: Any, value: Any) -> Any:
    """The same, if there is room for it in a list: one within another that has it twice, and so on, doubles each time."""
    room, level = context.get("_room"), [value]
    while level:
        found = level.pop()
        room[0] -= 1 + (len(found) if isinstance(found, str) else 0)
        if room[0] < 0:
            raise TooMuch("lists without end")
        if isinstance(found, list | tuple):
            level += found
        elif isinstance(found, Mapping):
            level += found.values()
    return value


def _reckon(context: Any, operator: str, left: Any, right: Any) -> Any:
    """Numbers are reckoned with, texts and lists put together; anything else that Python could make of the sign is refused."""
    if operator == "+" and type(left) is type(right) and isinstance(left, str | list):
        _within(len(left) + len(right))
        return left + right if isinstance(left, str) else _weighed(context, left + right)
    if not (isinstance(left, int | float) and isinstance(right, int | float)) or operator not in _SIGNS:
        raise TypeError(f"{operator} takes two numbers")
    found = _SIGNS[operator](left, right)
    if abs(found) > _GREATEST:
        raise TooMuch("a number without end")
    return found


_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
}


def fill(template: Template, facts: Mapping[str, Any], longest: int) -> tuple[str, bool]:
    """The text that a template makes of facts, at most this long, and whether there was more.

    Raises:
        TooMuch: it works without end.
        jinja2.TemplateError, TypeError, ValueError, ArithmeticError, …: it can't be filled.
    """
    parts: list[str] = []
    length = 0
    for part in template.generate({**facts, "_steps": [_MOST_STEPS], "_room": [_MOST_LISTED]}):
        parts.append(part)
        length += len(part)
        if length > longest:
            return "".join(parts)[:longest], True
    return "".join(parts), False
