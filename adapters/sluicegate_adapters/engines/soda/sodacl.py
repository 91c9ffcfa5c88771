"""SodaCL as text: YAML that a person reads, and from which neither YAML nor Jinja takes anything away.

What this writes is what is printed by ``plan`` *and* what is executed. Soda fills ``${…}`` with Jinja in every text it
meets, and escapes nothing; so whatever comes from a contract is written so that Jinja gives it back unchanged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from textwrap import dedent

from sluicegate.checks.contract_check import Json

__all__ = ["dump", "expression_text", "metric_name", "name_text", "query_text"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ()=<>.,%/-]*(?<! )")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_TEMPLATE = re.compile(r"\$(?=\{)|\{(?=[%#])|\r")
_SQL_KEYS = (" expression", " query", " condition", "filter", "where")


def metric_name(prefix: str, check_id: str) -> str:
    """A name for a user-defined metric: unique for the check, and a word in Soda's grammar.

    >>> metric_name("failing", "arr_delay_range"), metric_name("failing", "Größe > 0")
    ('failing_arr_delay_range', 'failing_gr_e_0_d0f9a1')
    """
    slug = re.sub(r"[^a-z0-9]+", "_", check_id.lower()).strip("_")[:48]
    suffix = "" if slug == check_id else "_" + hashlib.sha256(check_id.encode()).hexdigest()[:6]
    return f"{prefix}_{slug}{suffix}"


def _escaped(text: str) -> str:
    """Text that one pass of Soda's Jinja turns back into ``text``."""
    return _TEMPLATE.sub(lambda found: "${%r}" % found[0], text)  # noqa: UP031 - braces are what this is about


def name_text(text: str) -> str:
    """A check's name: Soda resolves it once, by itself."""
    return _escaped(text) if "${" in text else text


def expression_text(sql: str) -> str:
    """A metric expression: resolved once, together with all others of the scan, so that any of them wakes Jinja up."""
    return _escaped(sql)


def query_text(sql: str) -> str:
    """A metric query: Soda strips its indentation, which a text literal may contain, and resolves it twice."""
    if "\n" in sql and dedent(sql).strip() != sql:
        sql = _escaped(sql).replace("\n", r"${'\n'}")
        return _escaped(sql)
    return name_text(name_text(sql))


def dump(value: Json | Mapping[str, Json]) -> str:
    """Any plain document as YAML 1.2, block style, SQL as literal blocks."""
    return "\n".join(_block(value, key="")) + "\n"


def _block(value: Json | Mapping[str, Json], *, key: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _under(f"{_scalar(str(name))}:", item, key=str(name))
    elif isinstance(value, list | tuple) and value:
        for item in value:
            first, *rest = _block(item, key=key)
            yield f"- {first}"
            yield from (f"  {line}" if line else "" for line in rest)
    else:
        yield _scalar(value)


def _under(head: str, item: Json, *, key: str) -> Iterator[str]:
    if isinstance(item, Mapping | list | tuple) and item:
        yield head
        yield from (f"  {line}" if line else "" for line in _block(item, key=key))
    elif isinstance(item, str) and key.endswith(_SQL_KEYS) and _fits_a_block(item):
        yield f"{head} |-"
        yield from (f"  {line}" if line else "" for line in item.split("\n"))
    else:
        yield f"{head} {_scalar(item)}"


def _fits_a_block(text: str) -> bool:
    lines = text.split("\n")
    return text.strip() == text != "" and all(line.isprintable() and line.rstrip() == line for line in lines)


def _scalar(value: Json | Mapping[str, Json]) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case float() | Decimal():
            return _float(float(value))
        case str():
            return _text(value)
        case _:
            return "{}" if isinstance(value, Mapping) else "[]"


def _float(value: float) -> str:
    return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(repr(value)) or format(Decimal(repr(value)), "f")


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if text.isprintable() and text:
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_character(character) for character in text) + '"'


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return r"\n"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004
