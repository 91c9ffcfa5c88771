"""The JSON Schema of the native format, from the same dataclasses that read it.

``python -m sluicegate.contract.json_schema`` prints it; ``native.schema.json`` beside this file is what it prints.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from sluicegate.checks import model as m
from sluicegate.checks.contract_check import Tolerance
from sluicegate.checks.values import Instant, Scalar
from sluicegate.contract import documents as d
from sluicegate.contract.decode import FieldPlan, plans_of
from sluicegate.contract.entries import KEY_ALIASES, RENAMED, TYPE_ALIASES, EntryOptions
from sluicegate.contract.nodes import Node
from sluicegate.contract.sections import SODACL_SECTION

__all__ = ["SCALARS", "Json", "main", "native_schema", "reference"]

SHIPPED = Path(__file__).with_name("native.schema.json")
Json = dict[str, Any]

_VARIABLE: Json = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\}"}
_TEXT: Json = {"type": ["string", "number"], "minLength": 1}
_SCALARS: dict[Any, Json] = {
    str: _TEXT,
    bool: {"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off"]}, _VARIABLE]},
    int: {"anyOf": [{"type": "integer"}, _VARIABLE]},
    Decimal: {"anyOf": [{"type": "number"}, _VARIABLE]},
    float: {"anyOf": [{"type": "number"}, _VARIABLE]},
    date: {"type": "string"},
    datetime: {"type": "string"},
    Scalar: {"type": ["string", "number", "boolean"]},
    Instant: {"type": ["string", "number"]},
    Any: {},
    Node: {},
}
_TEXTS: Json = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/text"}}, {"type": "string", "minLength": 1}]}
_NAMES: dict[Any, str] = {
    str: "text", bool: "truth", int: "whole", Decimal: "number", float: "number", date: "moment", datetime: "moment", Scalar: "scalar",
    Instant: "instant", Any: "any", Node: "any",
}  # fmt: skip
SCALARS: Json = {name: _SCALARS[hint] for hint, name in _NAMES.items()} | {"texts": _TEXTS}
"""The definitions that all others refer to."""
_TOLERANCE: Json = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^\s*0*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%\s*$"},
        {
            "type": "object",
            "properties": {
                "rows": {"type": "integer", "minimum": 0},
                "percent": {"type": "number", "minimum": 0, "maximum": 100},
            },
            "minProperties": 1,
            "additionalProperties": False,
        },
        _VARIABLE,
    ]
}


def native_schema() -> Json:
    """The whole schema, as plain JSON."""
    definitions: Json = {}
    contract, asset, job = (reference(cls, definitions) for cls in (d.ContractDocument, d.Asset, d.Job))
    for name in m.CANONICAL_TYPES:
        definitions[f"check_{name}"] = _check(name)
    definitions |= SCALARS | {"tolerance": _TOLERANCE}
    definitions |= {f"option_{plan.key}": _option(plan) for plan in plans_of(EntryOptions)} | _entries()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sluicegate: contract, asset and job files",
        "anyOf": [
            _document({"data_contract": contract}),
            _document({"asset": asset}),
            {
                "not": {
                    "anyOf": [
                        {"required": ["asset"]},
                        {"required": ["data_contract"], "properties": {"data_contract": {"required": ["name"]}}},
                    ]
                },
                **job,
            },
        ],
        "$defs": dict(sorted(definitions.items())),
    }


def _document(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def reference(cls: type, definitions: Json) -> Json:
    """A dataclass that documents are read by, described among the definitions; what refers to it there."""
    name = cls.__name__.removesuffix("Document")
    if name not in definitions:
        definitions[name] = {}  # so that it is known while its parts are described
        definitions[name] = _object(cls, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _object(cls: type, definitions: Json) -> Json:
    properties: Json = {}
    for plan in plans_of(cls):
        described = _value(plan, definitions)
        doc = str(plan.metadata.get("doc", "")).replace("`", "")
        properties[plan.key] = described | ({"description": doc} if doc else {})
        properties |= dict.fromkeys(plan.aliases, described)
    result: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [plan for plan in plans_of(cls) if plan.required]
    if alone := [plan.key for plan in required if not plan.aliases]:
        result["required"] = alone
    if several := [plan for plan in required if plan.aliases]:
        result["allOf"] = [{"anyOf": [{"required": [key]} for key in (plan.key, *plan.aliases)]} for plan in several]
    if cls.__doc__:
        result["description"] = cls.__doc__.splitlines()[0].replace("`", "")
    return result


def _value(plan: FieldPlan, definitions: Json) -> Json:
    if item := plan.metadata.get("item"):
        return _nodes(item, plan.hint)
    if own := plan.metadata.get("schema"):
        return {"anyOf": [own, {"type": "null"}]} if not plan.required else dict(own)
    if plan.hint == d.SchemaDocument | None:
        inner = reference(d.SchemaDocument, definitions)
        fields = {"type": "array", "items": reference(d.FieldDocument, definitions), "minItems": 1}
        return {"anyOf": [fields, inner, {"type": "null"}]}
    described = _type(plan.hint, definitions)
    limits = {key: float(plan.metadata[key]) for key in ("minimum", "maximum") if key in plan.metadata}
    if plan.metadata.get("nonempty"):
        limits["minItems"] = 1
    return described | {key: int(value) for key, value in limits.items()}


def _nodes(item: str, hint: Any) -> Json:
    inner: Json = {"$ref": f"#/$defs/{item}"}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": inner}
    return {"anyOf": [inner, {"type": "null"}]} if type(None) in typing.get_args(hint) else inner


def _type(hint: Any, definitions: Json) -> Json:
    if hint in _NAMES:
        return {"$ref": f"#/$defs/{_NAMES[hint]}"}
    if hint is Tolerance:
        return {"$ref": "#/$defs/tolerance"}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"anyOf": [{"enum": [member.value for member in hint]}, _VARIABLE]}
    if is_dataclass(hint):
        return reference(typing.cast(type, hint), definitions)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        inner = [item for item in arguments if item is not type(None)]
        return {"anyOf": [*(_type(item, definitions) for item in inner), {"type": "null"}]}
    if origin is tuple:
        return {"$ref": "#/$defs/texts"} if arguments[0] is str else {"type": "array", "items": _type(arguments[0], definitions)}
    if origin in {dict, Mapping}:
        return {"type": "object"}
    raise TypeError(f"no JSON Schema for {hint!r}")


def _check(name: str) -> Json:
    """One canonical check: its keys, their aliases, and the options that every check has."""
    cls = m.CANONICAL_TYPES[name]
    renamed, aliases = RENAMED.get(name, {}), KEY_ALIASES.get(name, {})
    properties: Json = {"type": {"enum": [name, *TYPE_ALIASES.get(name, ())]}}
    needed: list[Json] = []
    for plan in _leaves(plans_of(typing.cast(Any, cls))):
        key = renamed.get(plan.key, plan.key)
        names = (key, *(alias for alias, real in aliases.items() if real == key), *(("columns",) if key == "column" else ()))
        described = _type(plan.hint, {})
        properties |= dict.fromkeys(names, described)
        if key == "column":
            properties["columns"] = _type(tuple[str, ...], {})
        if plan.required and plan.key != "reference_columns":
            needed.append({"required": [key]} if len(names) == 1 else {"anyOf": [{"required": [one]} for one in names]})
    properties |= {plan.key: {"$ref": f"#/$defs/option_{plan.key}"} for plan in plans_of(EntryOptions)}
    about = " ".join((cls.__doc__ or "").split("\n\n")[0].split()).replace("`", "")
    result: Json = {"type": "object", "description": about, "properties": properties, "additionalProperties": False}
    return result | ({"allOf": needed} if needed else {})


def _option(plan: FieldPlan) -> Json:
    described: Json = {"$ref": "#/$defs/tolerance"} if plan.key.endswith("tolerance") else _type(plan.hint, {})
    return described | {"description": str(plan.metadata["doc"]).replace("`", "")}


def _leaves(plans: tuple[FieldPlan, ...]) -> list[FieldPlan]:
    return [leaf for plan in plans for leaf in (_leaves(plan.inner) if plan.inner else [plan])]


def _entries() -> Json:
    names = {name: (name, *TYPE_ALIASES.get(name, ())) for name in m.CANONICAL_TYPES}
    typed = [
        {"if": {"properties": {"type": {"enum": list(words)}}}, "then": {"$ref": f"#/$defs/check_{name}"}}
        for name, words in names.items()
    ]
    columns: Json = _type(tuple[str, ...], {})
    short = {word: {"anyOf": [{"$ref": f"#/$defs/check_{name}"}, columns]} for name, words in names.items() for word in words}
    every = [word for words in names.values() for word in words]
    entry: Json = {
        "type": "object",
        "if": {"required": ["type"]},
        "then": {"properties": {"type": {"enum": every}}, "allOf": typed},
        "else": {"properties": short, "additionalProperties": False, "minProperties": 1, "maxProperties": 1},
    }
    severity = {"$ref": "#/$defs/option_severity"}
    sodacl = {"if": {"type": "object"}, "then": {"properties": {"severity": severity}}}
    native: Json = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": sodacl}
    told = {"name": {"$ref": "#/$defs/option_name"}, "severity": severity, "description": {"$ref": "#/$defs/option_description"}}
    headers: Json = {f"^({SODACL_SECTION})$": {}}
    sections: Json = {"type": "object", "properties": told, "patternProperties": headers, "additionalProperties": False}
    gx: Json = {"type": "object", "anyOf": [{"required": [key]} for key in ("name", "type", "expectation_type", "expectation")]}
    gx["properties"] = {"kwargs": {"type": ["object", "null"]}, "severity": {"anyOf": [{"const": "critical"}, severity]}}
    sets = {word: {"anyOf": [{"type": "object"}, {"type": "array"}, {"type": "string"}]} for word in every}
    return {
        "entry": entry,
        "soda_entry": {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/entry"}, native, sections]},
        "gx_entry": gx,
        "inline": {
            "anyOf": [
                {"type": "array", "items": {"$ref": "#/$defs/entry"}},
                {"type": "object", "properties": sets, "additionalProperties": False},
            ]
        },
    }


def main() -> None:
    """Print it."""
    print(json.dumps(native_schema(), indent=1, ensure_ascii=False))  # noqa: T201 - printing is its job


if __name__ == "__main__":
    main()
