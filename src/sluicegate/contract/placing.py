"""What a contract's asset and job say of the target, held against the profile's: what they may choose, and what they may not.

They choose names *in* the profile's target: a table, a namespace, a branch, how a new table is partitioned. Where that target is and
who may write to it (paths, catalogs, credentials) is the profile's to say. What would end in something else than was asked for is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluicegate.contract.model import Contract
from sluicegate.errors import Fault

__all__ = ["CHOOSABLE", "Placing", "place_in_target", "placing"]

_ICEBERG, _PARQUET = "iceberg", "parquet"
_MAIN = "main"
_LOCAL = "local"
"""What the embedded catalog's warehouse is called."""
_NAMES = ("namespace", "table", "branch")
_PARTITIONING = ("partition_by", "partitioning")
CHOOSABLE = frozenset({*_NAMES, "partition_by"})
"""The target's settings that a contract may replace."""
_PROFILES = ("path", "staging", "catalog", "uri", "endpoint_url", "access_key_id", "secret_access_key", "session_token", "bucket")
_APPEND, _FORMATS = "append", ("parquet",)


@dataclass(slots=True)
class Placing:
    """What becomes of ``target`` in an asset and a job.

    Attributes:
        chosen: settings that replace the profile's.
        notes: what is not acted on, a sentence each.
        faults: what can't be done, and so is not done in another way.
    """

    file: str
    chosen: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, key: str, what: str, hint: str) -> None:
        """Note a fault; assets and jobs keep no places for these keys."""
        self.faults.append(Fault(self.file, 0, 0, f"target.{key}: {what}", hint))


def place_in_target(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The part of what was chosen in which a ``batch_id`` is a key: how a table is partitioned makes no other place of it."""
    return {key: chosen[key] for key in _NAMES if key in chosen}


def placing(contract: Contract, target: str, settings: Mapping[str, Any]) -> Placing:
    """Hold a contract's wishes against the profile's target.

    Args:
        contract: whose asset and job have a ``target`` or not.
        target: the type of the profile's target.
        settings: its settings.
    """
    found = Placing(str(contract.files[0]) if contract.files else contract.name)
    wanted = {key: value for key, value in (contract.settings.get("target") or {}).items() if value is not None}
    if target not in {_ICEBERG, _PARQUET}:
        if wanted:
            found.notes.append(f"target ({', '.join(sorted(wanted))}): the profile's target {target!r} decides")
        return found
    rest = [key for key, value in sorted(wanted.items()) if not _taken(key, value, target, settings, found)]
    if rest:
        found.notes.append(f"target ({', '.join(rest)}): the profile's target {target!r} knows nothing of it")
    return found


def _taken(key: str, value: Any, target: str, settings: Mapping[str, Any], found: Placing) -> bool:
    """Whether something was made of this key."""
    if key == "type":
        if value != target:
            found.refuse(
                key, f"the profile's target is {target!r}, not {value!r}", "run it with a profile that has such a target"
            )
    elif key == "mode":
        if value != _APPEND:
            found.refuse(key, f"{value!r} is nothing that a gate does", "mode: append; a batch is added, and nothing is replaced")
    elif key == "file_format":
        if str(value).lower() not in _FORMATS:
            found.refuse(key, f"batches are kept as Parquet, not as {value!r}", "file_format: parquet")
    elif key in _PROFILES:
        found.refuse(key, "where batches lie is the profile's to say, not a contract's", "set it in the profile's target")
    elif key in _NAMES:
        return _named(key, value, target, settings, found)
    elif target == _ICEBERG and key in _PARTITIONING:
        _partitioned(key, value, found)
    elif target == _ICEBERG and key == "warehouse":
        _warehouse(value, settings, found)
    else:
        return False
    return True


def _partitioned(key: str, value: Any, found: Placing) -> None:
    fields = value if isinstance(value, list) else [value]
    if all(isinstance(each, str) and each for each in fields):
        found.chosen["partition_by"] = fields
    else:
        found.refuse(key, f"must be a list of columns and transforms, not {value!r}", "[country, day(ordered_at)]")


def _named(key: str, value: Any, target: str, settings: Mapping[str, Any], found: Placing) -> bool:
    if not isinstance(value, str) or not value:
        found.refuse(key, f"must be a name, not {value!r}", f"such as {key}: {_MAIN if key == 'branch' else 'flights'}")
    elif target == _ICEBERG:
        if value != settings.get(key, _MAIN if key == "branch" else None):
            found.chosen[key] = value
    elif key != "branch":
        return False
    elif value != _MAIN:
        found.refuse(key, f"the target {target!r} has no branches: the batch would be visible at once", "use an Iceberg target")
    return True


def _warehouse(value: Any, settings: Mapping[str, Any], found: Placing) -> None:
    catalog = settings.get("catalog") or {}
    known = [str(catalog[key]) for key in ("name", "warehouse") if key in catalog] if isinstance(catalog, Mapping) else []
    embedded = isinstance(catalog, Mapping) and not {"uri", "type", "py-catalog-impl"} & catalog.keys()
    if str(value) not in known and not (embedded and value == _LOCAL):
        said = f"the profile's catalog is {' in '.join(map(repr, known))}" if known else "the profile's catalog has no name"
        found.refuse(
            "warehouse", f"{said}, not {value!r}", f"run it with the profile of that warehouse (catalog: {{name: {value}}})"
        )
