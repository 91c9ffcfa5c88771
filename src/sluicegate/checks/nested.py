"""What a nested type is made of, in the spellings of SQL, Spark and Arrow."""

from __future__ import annotations

import re

__all__ = ["inner_types"]

_BRACKETS = {"(": 1, "<": 1, "[": 1, ")": -1, ">": -1, "]": -1}
_OUTER = re.compile(
    r"(?:list|array|large_list|struct|object|record|row|map)\s*[<(\[](?P<inside>.*)[>)\]]", re.DOTALL | re.IGNORECASE
)
_SUFFIX = re.compile(r"(?P<inside>.+)\[\d*\]", re.DOTALL)
_FIELD = re.compile(r'(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[^\s:"<(]+))\s*(?::\s*|\s+)(?P<type>\S.*)', re.DOTALL)
_NOT_NULL = re.compile(r"\s+not\s+null$", re.IGNORECASE)  # a promise beside the type, in Arrow and Spark
_ELEMENT = re.compile(r"(?:item|element)\s*:\s*", re.IGNORECASE)


def inner_types(type_name: str) -> dict[str, str]:
    """The types inside a list, a map or a struct, by name; empty where the text names none.

    >>> inner_types("list<item: int64>"), inner_types("VARCHAR[][3]"), inner_types("MAP(VARCHAR, DECIMAL(10,2))")
    ({'element': 'int64'}, {'element': 'VARCHAR[]'}, {'key': 'VARCHAR', 'value': 'DECIMAL(10,2)'})
    >>> inner_types("list<item: string not null>")
    {'element': 'string'}
    >>> inner_types('STRUCT(a BIGINT, "b, c" VARCHAR[])'), inner_types("struct<a: int>"), inner_types("struct")
    ({'a': 'BIGINT', 'b, c': 'VARCHAR[]'}, {'a': 'int'}, {})
    """
    text = type_name.strip()
    if suffix := _SUFFIX.fullmatch(text):
        return {"element": suffix["inside"].strip()}
    outer = _OUTER.fullmatch(text)
    if outer is None:
        return {}
    parts = _parts(outer["inside"])
    match text[0].lower(), text[:3].lower():
        case _, "map":
            return dict(zip(("key", "value"), parts, strict=False))
        case "l" | "a", _:
            return {"element": _ELEMENT.sub("", parts[0], count=1)} if parts else {}
    return dict(_field(part) for part in parts)


def _field(part: str) -> tuple[str, str]:
    """Name and type; what can't be read as such has a type that nothing fits."""
    found = _FIELD.fullmatch(part)
    if found is None:
        return part, ""
    return (found["quoted"].replace('""', '"') if found["quoted"] else found["plain"]), found["type"].strip()


def _parts(text: str) -> list[str]:
    """Cut at the commas that stand in no brackets and no quotes."""
    parts, depth, quoted = [""], 0, False
    for step in text:
        quoted ^= step == '"'
        depth += 0 if quoted else _BRACKETS.get(step, 0)
        if step == "," and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += step
    return [_NOT_NULL.sub("", part.strip()) for part in parts if part.strip()]
