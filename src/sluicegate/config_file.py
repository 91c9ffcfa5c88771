"""A profile's file, key by key. Apart from ``config``, so that the embedded profile needs no YAML and no decoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from sluicegate.contract.decode import BAD, Bad, read_fields, reader_of
from sluicegate.contract.nodes import Faults, Node
from sluicegate.contract.yaml_source import read_yaml

__all__ = ["ProfileDocument", "read_profile"]

_MEMORY = re.compile(r"\d+(\.\d+)? ?([KMGT]i?B|%)", re.IGNORECASE)


def read_profile(file: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the file says, by the profile's field; what it doesn't say is not there.

    Raises:
        ContractError: with every fault.
    """
    root = read_yaml(file, environ).root
    faults = Faults(str(file))
    found = read_fields(ProfileDocument, root, faults)
    faults.stop()
    return {item.name: value for item in fields(ProfileDocument) if (value := getattr(found, item.name)) is not None}


def _plugin(node: Node, faults: Faults) -> dict[str, Any] | Bad:
    kind = node.get("type")
    if kind is None:
        what = "the key 'type' is missing" if isinstance(node.value, dict) else f"must be a mapping with a type, not {node.shown}"
        faults.add(node, what, "such as {type: parquet, path: data} or {type: local, path: quarantine}")
        return BAD
    name = reader_of(str)(kind, faults)
    if isinstance(name, Bad):
        return BAD
    return {"type": name, "settings": {key: item.data() for key, item in node.value.items() if key != "type"}}


def _store(node: Node, faults: Faults) -> dict[str, Any] | Bad:
    found = _plugin(node, faults)
    if isinstance(found, Bad) or "also" not in found["settings"]:
        return found
    places = reader_of(tuple[Mapping[str, Any], ...])(node.value["also"], faults)
    if isinstance(places, Bad):
        return BAD
    settings = {key: value for key, value in found["settings"].items() if key != "also"}
    return {"type": found["type"], "settings": settings, "also": places}


def _engines(node: Node, faults: Faults) -> dict[str, Any] | Bad:
    settings: dict[str, Any] = reader_of(Mapping[str, Mapping[str, Any]])(node, faults)
    python = node.get("python")
    rules = python.get("rules") if python else None
    if rules is not None and not isinstance(settings, Bad):
        read = reader_of(tuple[str, ...])(rules, faults)
        if isinstance(read, Bad):
            return BAD
        settings["python"]["rules"] = list(read)
    return settings


def _memory(node: Node, faults: Faults) -> Any:
    text = reader_of(str)(node, faults)
    if isinstance(text, Bad) or _MEMORY.fullmatch(text):
        return text
    faults.add(node, f"must be an amount of memory, not {node.shown}", "such as 2GB, 512MB or 50%")
    return BAD


@dataclass(frozen=True, kw_only=True)
class HistoryDocument:
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class BatchDocument:
    memory_limit: str | None = field(default=None, metadata={"read": _memory})
    threads: int | None = field(default=None, metadata={"minimum": 1})
    temp_directory: Path | None = None
    trust_statistics: bool = True


def _history(node: Node, faults: Faults) -> Any:
    found = reader_of(HistoryDocument)(node, faults)
    return found if isinstance(found, Bad) else found.path


def _batch(node: Node, faults: Faults) -> Any:
    found = reader_of(BatchDocument)(node, faults)
    return found if isinstance(found, Bad) else asdict(found)


@dataclass(frozen=True, kw_only=True)
class ProfileDocument:
    """The keys of a profile; None where the file doesn't say."""

    target: Mapping[str, Any] | None = field(default=None, metadata={"read": _plugin})
    quarantine: Mapping[str, Any] | None = field(default=None, metadata={"read": _store})
    history: Path | None = field(default=None, metadata={"read": _history})
    notifications: Path | None = None
    timeout_seconds: float | None = field(default=None, metadata={"minimum": 0.001})
    evidence_rows: int | None = field(default=None, metadata={"minimum": 0, "maximum": 1000})
    engine_order: tuple[str, ...] | None = field(default=None, metadata={"nonempty": True})
    batch: Mapping[str, Any] | None = field(default=None, metadata={"read": _batch})
    sources: Mapping[str, Mapping[str, Any]] | None = None
    engines: Mapping[str, Any] | None = field(default=None, metadata={"read": _engines})
