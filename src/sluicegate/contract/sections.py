"""The engines' own sections of ``quality_checks``: ``soda``, ``great_expectations``, ``custom``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sluicegate.checks.contract_check import ContractCheck, Json, NativeCheck, Severity
from sluicegate.contract.decode import BAD, Bad, did_you_mean, read_fields, read_node
from sluicegate.contract.documents import CustomRule, GxSection, SodaSection
from sluicegate.contract.entries import canonical_type, engine_name, read_entry, shaped
from sluicegate.contract.naming import Draft, implied_name
from sluicegate.contract.nodes import Faults, Node
from sluicegate.contract.scalars import number_of
from sluicegate.contract.yaml_source import MAX_DEPTH, read_text

__all__ = ["SODACL_SECTION", "Suite", "custom_checks", "gx_checks", "soda_checks"]

_FUNCTION = re.compile(r"(?P<module>[A-Za-z_][\w.]*|[^:]+\.py):(?P<function>[A-Za-z_]\w*)")
_DOTTED = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.(?P<function>[A-Za-z_]\w*)")
_OUR_KEYS = ("severity", "description")
SODACL_SECTION = (
    "(checks for|filter|configurations for|for each (dataset|table|column)) .*|checks|variables|profile columns( .*)?"
    "|(discover|sample) (datasets|tables)( .*)?|automated monitoring( .*)?"
)
"""The headers of a SodaCL file. Which of them can be run is the engine's to say."""

_SECTION = re.compile(SODACL_SECTION)
_CHECKED = re.compile(r"checks\b|for each\b|automated monitoring\b")
_GX_OPTIONS = ("severity", "description", "kwargs", "meta", "notes", "id", "title")
_EXPECTATION = re.compile(r"expect_\w+|unexpected_rows_expectation")
_SUITE_KEYS = (
    "type",
    "expectation_type",
    "kwargs",
    "meta",
    "notes",
    "id",
    "severity",
    "description",
    "rendered_content",
    "windows",
)
_GX_SEVERITIES = {"critical": Severity.ERROR}


def _draft(
    node: Node, faults: Faults, promise: NativeCheck, name: str | None, told: tuple[Severity, str] = (Severity.ERROR, "")
) -> Draft:
    check = ContractCheck(
        id="",
        name=name or implied_name(promise),
        promise=promise,
        severity=told[0],
        engine=promise.engine,
        description=told[1],
        file=faults.file,
        line=node.line,
        column=node.column,
    )
    return Draft(check, named=name is not None)


def _section_engine(section: SodaSection | GxSection, expected: str, faults: Faults) -> None:
    if engine_name(section.engine) != expected:
        faults.add(section.node.get("engine"), f"this section is for {expected}, not for {section.engine!r}", "move its checks")


def _options(node: Node, faults: Faults) -> tuple[Severity, str]:
    """Severity and description of a native check; GX's ``critical`` is our ``error``."""
    severity = Severity.ERROR
    if (found := node.get("severity")) is not None:
        word = _GX_SEVERITIES.get(found.text.lower()) or read_node(Severity, found, faults)
        severity = severity if word is BAD else word
    described = node.get("description")
    description = read_node(str, described, faults) if described and described.value is not None else ""
    return severity, "" if description is BAD else description


def soda_checks(section: SodaSection, faults: Faults) -> Iterator[Draft]:
    """Canonical checks pinned to Soda, and SodaCL as it is written."""
    _section_engine(section, "soda", faults)
    for node in section.checks:
        entry = shaped(node)
        if isinstance(node.value, dict) and any(map(_SECTION.fullmatch, node.value)):
            yield from _sodacl_sections(node, faults)
        elif entry and (entry.typed or _is_canonical(entry.word, entry.body)):
            yield from read_entry(node, faults, engine="soda")
        elif isinstance(node.value, str) and node.value.strip():
            line = " ".join(node.value.split())
            yield _draft(node, faults, NativeCheck(engine="soda", kind=line, body={"sodacl": node.value}), None)
        elif entry:
            yield from _sodacl_mapping(node, entry.word, faults)
        else:
            what = f"a mapping of {len(node.value)} keys" if isinstance(node.value, dict) else node.shown
            faults.add(node, f"a SodaCL check is a text or a mapping of one key, not {what}", "indent its keys one level deeper")


def _is_canonical(word: str, body: Node) -> bool:
    """SodaCL has a ``schema`` and a ``row_count`` of its own, whose keys are ``fail`` and ``warn``."""
    if canonical_type(word) is None or not isinstance(body.value, dict):
        return False
    return not {"fail", "warn"} & body.value.keys()


def _sodacl_mapping(node: Node, word: str, faults: Faults) -> Iterator[Draft]:
    body = node.value[word]
    ours = {key: item for key, item in body.value.items() if key in _OUR_KEYS} if isinstance(body.value, dict) else {}
    told = _options(body, faults)
    kept = {key: item for key, item in body.value.items() if key not in ours} if ours else body.value
    name = body.get("name")
    sodacl = {word: replace(body, value=kept).data()} if kept or not ours else word
    promise = NativeCheck(engine="soda", kind=" ".join(word.split()), body={"sodacl": sodacl})
    yield _draft(node, faults, promise, name.text if name and name.text.strip() else None, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What may stand beside the sections."""

    name: str | None = None
    severity: Severity = Severity.ERROR
    description: str | None = None


def _sodacl_sections(node: Node, faults: Faults) -> Iterator[Draft]:
    """Sections of a SodaCL file, such as a ``filter`` and its ``checks for``: one check, whatever is in them."""
    own = {key: item for key, item in node.value.items() if _SECTION.fullmatch(key)}
    told = read_fields(_Told, node, faults, others=own)
    if isinstance(told, Bad):
        return
    headers = [" ".join(key.split()) for key in own]
    kind = "; ".join([header for header in headers if _CHECKED.match(header)] or headers)
    promise = NativeCheck(engine="soda", kind=kind, body={"sodacl": replace(node, value=own).data()})
    yield _draft(node, faults, promise, told.name, (told.severity, told.description or ""))


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's JSON file, read while the contract was."""

    path: Path
    text: str


def gx_checks(
    section: GxSection, faults: Faults, locate: Callable[[str], Path], read: Callable[[Suite], None]
) -> Iterator[Draft]:
    """One native check per expectation, those of a suite's file first.

    Args:
        section: the section.
        faults: takes what is wrong.
        locate: where a path in this contract leads.
        read: is told of a suite's file, which belongs to the contract's hash.
    """
    _section_engine(section, "great_expectations", faults)
    suite = section.expectation_suite
    if suite is not None and suite.value is not None:
        name = read_node(str, suite, faults)
        if name is not BAD and (name.endswith(".json") or "/" in name):
            yield from _suite_file(locate(name), suite, faults, read)
        elif name is not BAD and not section.checks:
            faults.add(
                suite,
                f"the suite {name!r} is only a name, and no check stands beside it",
                "give the path of its JSON file, or list 'checks'",
            )
    elif not section.checks:
        faults.add(section.node, "there is neither an 'expectation_suite' nor a check: it tests nothing")
    for node in section.checks:
        yield from _expectation(node, faults)


def _expectation(node: Node, faults: Faults) -> Iterator[Draft]:
    if not isinstance(node.value, dict):
        return faults.add(
            node, f"an expectation is a mapping with a 'name', not {node.shown}", "- name: expect_column_values_to_not_be_null"
        )
    kind_key = next((key for key in ("type", "expectation_type", "expectation") if key in node.value), "name")
    kind = node.get(kind_key)
    if kind is None:
        return faults.add(node, "this expectation has no 'name'", "name: expect_column_values_to_not_be_null")
    if not isinstance(kind.value, str) or not _EXPECTATION.fullmatch(kind.value):
        hint = (
            "canonical checks stand in quality_checks.checks"
            if canonical_type(kind.text)
            else "names of expectations begin with expect_"
        )
        return faults.add(kind, f"no expectation is called {kind.text or kind.kind!r}", hint)
    title = node.get("title") or (node.get("name") if kind_key != "name" else None)
    told = _options(node, faults)
    kwargs = dict(_kwargs(node, faults))
    for key, item in node.value.items():
        if key in {kind_key, "name", *_GX_OPTIONS}:
            continue
        if key in kwargs:
            faults.add(node.keys.get(key), f"{key!r} stands beside 'kwargs' and in it", "keep one of them")
        kwargs[key] = item.data()
    promise = NativeCheck(engine="great_expectations", kind=kind.value, body=kwargs)
    yield _draft(node, faults, promise, title.text if title and title.text.strip() else None, told)
    return None


def _kwargs(node: Node, faults: Faults) -> Mapping[str, Json]:
    found = node.get("kwargs")
    if found is None or found.value is None:
        return {}
    if not isinstance(found.value, dict):
        faults.add(found, f"'kwargs' must be a mapping, not {found.shown}")
        return {}
    data: dict[str, Json] = found.data()
    return data


def _suite_file(path: Path, place: Node, faults: Faults, read: Callable[[Suite], None]) -> Iterator[Draft]:
    own = Faults(str(path))
    text = read_text(path, own) if path.is_file() else None
    if text is None:
        return faults.add(
            place, f"there is no suite file {str(path)!r}", "relative to this file; a suite's mere name has no '/' and no '.json'"
        )
    read(Suite(path, text))
    try:
        document = json.loads(
            text, parse_float=number_of, parse_int=number_of, parse_constant=_no_number, object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:
        at = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        return faults.add(place, f"the suite file {path.name!r} is not JSON{at}", str(error))
    expectations = document.get("expectations") if isinstance(document, dict) else None
    if not isinstance(expectations, list) or not expectations:
        return faults.add(
            place, f"the suite file {path.name!r} has no list of 'expectations'", "is it a suite as Great Expectations saves it?"
        )
    for index, item in enumerate(expectations):
        yield from _suite_entry(item, f"{path.name}: expectations[{index}]", place, faults)
    return None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key {key!r} stands twice")
    return dict(pairs)


def _depth(value: Any) -> int:
    """How deep it is nested, counted without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _suite_entry(item: Any, where: str, place: Node, faults: Faults) -> Iterator[Draft]:
    if not isinstance(item, dict):
        return faults.add(place, f"{where} is not a mapping")
    kind = item.get("type") or item.get("expectation_type")
    kwargs = item.get("kwargs") or {}
    if not isinstance(kind, str) or not _EXPECTATION.fullmatch(kind) or not isinstance(kwargs, dict):
        return faults.add(place, f"{where} has no 'type' such as expect_column_values_to_not_be_null")
    if _depth(kwargs) > MAX_DEPTH:
        return faults.add(place, f"{where} is nested deeper than {MAX_DEPTH} levels")
    for key in sorted(item.keys() - set(_SUITE_KEYS)):
        faults.add(place, f"{where}: unknown key {key!r}", did_you_mean(key, _SUITE_KEYS))
    word = str(item.get("severity") or "critical").lower()
    if word not in {*_GX_SEVERITIES, *Severity}:
        return faults.add(place, f"{where}: unknown severity {word!r}", "critical, warning or info")
    severity = _GX_SEVERITIES.get(word) or Severity(word)
    promise = NativeCheck(engine="great_expectations", kind=kind, body=kwargs)
    yield _draft(place, faults, promise, None, (severity, str(item.get("description") or "")))
    return None


def custom_checks(rules: tuple[CustomRule, ...], faults: Faults) -> Iterator[Draft]:
    """Python rules."""
    for rule in rules:
        match = _FUNCTION.fullmatch(rule.function) or _DOTTED.fullmatch(rule.function)
        if match is None:
            place = rule.node.get("function")
            faults.add(place, f"{rule.function!r} names no function", "write module:function or folder/file.py:function")
            continue
        body: dict[str, Json] = {"params": dict(rule.params or {}), "columns": list(rule.columns)}
        promise = NativeCheck(engine="python", kind=f"{match['module']}:{match['function']}", body=body)
        yield _draft(rule.node, faults, promise, rule.name, (rule.severity, rule.description))
