"""Canonical checks as contracts write them: ``{type: range, column: a, min: 0}`` or ``{range: {column: a, min: 0}}``."""

# ruff: noqa: RUF009 - the defaults of frozen values are values

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Area, ContractCheck, Severity, Tolerance
from sluicegate.contract.check_rules import complaints
from sluicegate.contract.decode import BAD, Bad, did_you_mean, plans_of, read_fields, read_node
from sluicegate.contract.naming import Draft, implied_name
from sluicegate.contract.nodes import Faults, Node
from sluicegate.contract.tolerances import read_tolerance

__all__ = [
    "ENGINE_ALIASES", "KEY_ALIASES", "TYPE_ALIASES", "EntryOptions", "canonical_type", "engine_name", "read_entry", "shaped",
]  # fmt: skip

TYPE_ALIASES: dict[str, tuple[str, ...]] = {
    "not_null": ("null_check", "not_null_check", "required", "no_nulls"),
    "unique": ("unique_check", "uniqueness", "uniqueness_check", "duplicate_check", "no_duplicates"),
    "accepted_values": ("set", "in_set", "set_check", "allowed_values", "valid_values", "accepted_values_check", "enum"),
    "rejected_values": ("not_in_set", "forbidden_values", "invalid_values", "rejected_values_check"),
    "range": ("range_check", "between", "value_range"),
    "pattern": ("regex", "regex_check", "pattern_check", "matches"),
    "length": ("length_check", "string_length", "text_length"),
    "completeness": ("completeness_check",),
    "column_comparison": ("comparison", "compare", "compare_columns", "column_comparison_check"),
    "reference": ("reference_check", "referential_integrity", "foreign_key", "exists_in"),
    "monotonic": ("monotonic_check",),
    "row_expression": ("expression", "row_condition", "sql_expression"),
    "schema": ("schema_check",),
    "column_type": ("type_check", "data_type", "column_type_check"),
    "row_count": ("row_count_check", "volume", "volume_check"),
    "freshness": ("freshness_check", "recency"),
    "aggregate": ("aggregate_check", "statistic"),
    "metric_query": ("query", "sql_query", "metric_query_check"),
    "drift": ("drift_check", "change"),
}
"""What else a canonical type may be called in a contract."""

_BOUNDS = {"min_value": "min", "max_value": "max"}
KEY_ALIASES: dict[str, dict[str, str]] = {
    "unique": {"column": "columns"},
    "accepted_values": dict.fromkeys(("value_set", "valid_values", "allowed_values", "accepted_values"), "values"),
    "rejected_values": dict.fromkeys(("value_set", "invalid_values", "forbidden_values", "rejected_values"), "values"),
    "range": _BOUNDS,
    "pattern": {"regex": "pattern"},
    "length": _BOUNDS | {"min_length": "min", "max_length": "max"},
    "reference": {"column": "columns", "reference_column": "reference_columns"},
    "row_count": _BOUNDS | {"min_rows": "min", "max_rows": "max"},
    "aggregate": _BOUNDS,
    "metric_query": _BOUNDS | {"sql": "query"},
}
"""What else a check's keys may be called."""

RENAMED: dict[str, dict[str, str]] = {"column_type": {"type": "data_type"}}
"""``type`` is the entry's own key."""

ENGINE_ALIASES: dict[str, str] = {
    "soda_core": "soda", "soda-core": "soda", "sodacl": "soda",
    "gx": "great_expectations", "greatexpectations": "great_expectations", "great-expectations": "great_expectations",
    "python_rules": "python",
}  # fmt: skip
"""What else an engine may be called."""

_TYPES = {alias: name for name in m.CANONICAL_TYPES for alias in (name, *TYPE_ALIASES.get(name, ()))}


def canonical_type(word: str) -> str | None:
    """The canonical type that a word means, or None."""
    return _TYPES.get(word.strip().lower().replace("-", "_"))


def engine_name(word: str) -> str:
    """An engine's own name for one of its aliases; any other word as it is."""
    return ENGINE_ALIASES.get(word.strip().lower(), word.strip())


def _option(doc: str, default: Any = None, **metadata: Any) -> Any:
    return field(default=default, metadata={"doc": doc, **metadata})


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryOptions:
    """What every canonical check may say beside its own keys."""

    name: str | None = _option("What people read, and the check's ID; `type(column)` otherwise. Unique within the contract.")
    severity: Severity = _option("`error` fails, `warning` and `info` warn; `info` leaves the decision alone.", Severity.ERROR)
    tolerance: Tolerance | None = _option(
        "Row-level checks: up to so many breaking rows it passes. `5` rows, `0.5%` of the rows considered, or `{rows: 5, percent: 0.5}`: both hold.",
        read=read_tolerance,
    )
    warn_tolerance: Tolerance | None = _option("Passes up to this, warns up to `tolerance`, fails above.", read=read_tolerance)
    engine: str | None = _option("The only engine that may run it; the cheapest that can, otherwise.")
    description: str = _option("For people.", "")


_OPTION_KEYS = tuple(plan.key for plan in plans_of(EntryOptions))


@dataclass(frozen=True, slots=True)
class Shaped:
    """An entry whichever way it was written: its type's word, and the mapping with everything else."""

    word: str
    place: Node | tuple[int, int]
    body: Node
    typed: bool


def shaped(node: Node) -> Shaped | None:
    """The entry's type and body; None if it is neither ``{type: …}`` nor a mapping of one known type."""
    if not isinstance(node.value, dict):
        return None
    kind = node.value.get("type")
    if kind is not None:
        return Shaped(kind.text if isinstance(kind.value, str) else kind.shown, kind, node, typed=True)
    if len(node.value) == 1:
        (key, body), *_ = node.value.items()
        return Shaped(key, node.keys.get(key, (node.line, node.column)), body, typed=False)
    return None


def read_entry(node: Node, faults: Faults, *, area: Area = Area.QUALITY, engine: str | None = None) -> Iterator[Draft]:
    """The checks of one entry: several where a check on one column is given ``columns``.

    Args:
        node: the entry.
        faults: takes what is wrong.
        area: which violation policy they answer to.
        engine: the engine that the section pins.
    """
    entry = shaped(node)
    if entry is None:
        guess = "write '- type: range', 'column: …', …"
        return faults.add(
            node,
            f"a check is a mapping with a 'type', not {node.shown}" if node.kind != "a mapping" else "this check has no 'type'",
            guess,
        )
    name = canonical_type(entry.word)
    if name is None:
        hint = did_you_mean(entry.word, _TYPES) or f"known: {', '.join(m.CANONICAL_TYPES)}"
        return faults.add(entry.place, f"no check is called {entry.word!r}", hint)
    if entry.body.value is None and not entry.typed:
        entry = replace(entry, body=replace(entry.body, value={}))
    if isinstance(entry.body.value, list | str) and not entry.typed:  # null_check: [a, b]
        entry = replace(entry, body=replace(entry.body, value={"columns": entry.body}))
    if not isinstance(entry.body.value, dict):
        return faults.add(entry.body, f"the keys of {entry.word!r} must be a mapping, not {entry.body.shown}")
    yield from _read(name, entry, node, faults, area=area, engine=engine)
    return None


def _read(name: str, entry: Shaped, node: Node, faults: Faults, *, area: Area, engine: str | None) -> Iterator[Draft]:
    body = entry.body
    cls = m.CANONICAL_TYPES[name]
    options = read_fields(EntryOptions, _only(body, _OPTION_KEYS), faults)
    others = ("type", *_OPTION_KEYS) if entry.typed else _OPTION_KEYS
    fanned = list(_fan_out(cls, body, faults))
    for one in fanned:
        promise = read_fields(
            cls, _with_defaults(name, one), faults, aliases=KEY_ALIASES.get(name), renamed=RENAMED.get(name), others=others
        )
        if isinstance(promise, Bad) or isinstance(options, Bad):
            continue
        found = list(complaints(promise))
        for key, message, hint in found:
            faults.add(_place(one, name, key) or node, message, hint)
        options_good = _options_fit(options, promise, body, faults)
        if found or not options_good:
            continue
        pinned = _pinned(options, engine, body, faults)
        named = options.name if len(fanned) == 1 or options.name is None else f"{options.name} ({getattr(promise, 'column', '')})"
        check = ContractCheck(
            id="",
            name=named or implied_name(promise),
            promise=promise,
            severity=options.severity,
            area=area,
            tolerance=options.tolerance or Tolerance(),
            warn_tolerance=options.warn_tolerance,
            engine=pinned,
            description=options.description,
            file=faults.file,
            line=node.line,
            column=node.column,
        )
        yield Draft(check, named=named is not None)


def _only(node: Node, keys: tuple[str, ...]) -> Node:
    return replace(node, value={key: item for key, item in node.value.items() if key in keys})


def _fan_out(cls: type, body: Node, faults: Faults) -> Iterator[Node]:
    """``columns: [a, b]`` on a check that has one ``column`` means one check for each."""
    names = {plan.key for plan in plans_of(cls)}
    if "columns" not in body.value or "columns" in names or "column" not in names:
        yield body
        return
    if "column" in body.value:
        faults.add(
            body.keys.get("columns", (body.line, body.column)), "'column' and 'columns' say the same thing", "keep one of them"
        )
        return
    columns = body.value["columns"]
    if read_node(tuple[str, ...], columns, faults) is BAD:
        return
    items = columns.value if isinstance(columns.value, list) else [columns]
    if not items:
        faults.add(columns, "'columns' must name at least one column")
    seen: set[str] = set()
    for item in items:
        if item.text in seen:
            faults.add(item, f"column {item.text!r} stands twice")
        seen.add(item.text)
        rest = {key: value for key, value in body.value.items() if key != "columns"}
        yield replace(body, value={**rest, "column": item})


def _with_defaults(name: str, body: Node) -> Node:
    """A reference without ``reference_columns`` means columns of the same names."""
    columns = body.get("columns") or body.get("column")
    if name == "reference" and columns and not ({"reference_columns", "reference_column"} & body.value.keys()):
        return replace(body, value={**body.value, "reference_columns": columns})
    return body


def _place(body: Node, name: str, key: str) -> Node | None:
    names = (key, *(alias for alias, real in KEY_ALIASES.get(name, {}).items() if real == key))
    return next((found for found in map(body.get, names) if found), None)


def _options_fit(options: EntryOptions, promise: m.CanonicalCheck, body: Node, faults: Faults) -> bool:
    before = len(faults.found)
    for key in ("tolerance", "warn_tolerance"):
        if getattr(options, key) is None:
            continue
        if not promise.row_level:
            faults.add(body.get(key), f"{promise.type_name} counts no rows: it has no {key}", "widen its bounds instead")
        elif isinstance(promise, m.Completeness):
            faults.add(
                body.get(key),
                "completeness says with min_percent how much may be missing",
                "use not_null for a tolerance in rows",
            )
    warn, fail = options.warn_tolerance, options.tolerance
    if warn and not fail and len(faults.found) == before:
        hint = "to warn only, use 'severity: warning' and 'tolerance'"
        faults.add(body.get("warn_tolerance"), "warn_tolerance needs a tolerance above it: the first row fails without one", hint)
    if (
        warn
        and fail
        and any(a is not None and b is not None and a > b for a, b in ((warn.rows, fail.rows), (warn.percent, fail.percent)))
    ):
        faults.add(body.get("warn_tolerance"), "warn_tolerance is greater than tolerance: it would fail before it warns")
    return len(faults.found) == before


def _pinned(options: EntryOptions, section: str | None, body: Node, faults: Faults) -> str | None:
    named = engine_name(options.engine) if options.engine else None
    if section and named and named != section:
        faults.add(
            body.get("engine"), f"this section is for {section}, not for {named}", "move the check to quality_checks.checks"
        )
    return section or named
