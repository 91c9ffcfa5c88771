"""A gate's profile: where targets, quarantine and history are, and how engines are set. ``docs/configuration.md`` has every key.

Without a file the embedded profile holds, which is ``configs/local.yaml``. Relative paths start at the profile's folder; at the
working directory where there is no file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sluicegate.errors import ConfigError, ContractError
from sluicegate.redact import is_secret_name, learn

__all__ = ["ENVIRONMENT_VARIABLE", "NOTIFICATIONS_VARIABLE", "BatchLimits", "PluginSettings", "Profile", "load_profile"]

ENVIRONMENT_VARIABLE = "SLUICEGATE_CONFIG"
NOTIFICATIONS_VARIABLE = "SLUICEGATE_NOTIFICATIONS"

_HISTORY = Path(".sluicegate/history.sqlite")
_OTHERS_VARIABLES = ("AWS_", "PYICEBERG_")
"""What boto3 and pyiceberg read for themselves."""
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSettings:
    """Which adapter, by its entry point's name, and what it is told; the adapter itself knows its settings.

    ``also``: of a quarantine store, other places that items are looked for in: what differs in their settings.
    """

    type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How much of the machine a batch may use.

    Attributes:
        memory_limit: DuckDB's, such as ``2GB``; what doesn't fit spills to disk. None: 300 MB, or 100 MB for each thread.
        threads: None: one per core.
        temp_directory: where that goes; None: the system's.
        trust_statistics: whether Parquet's statistics may stand for what they are about.
    """

    memory_limit: str | None = None
    threads: int | None = None
    temp_directory: Path | None = None
    trust_statistics: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a gate needs to know beside the contract; every path in it is absolute.

    Attributes:
        target: where committed batches go; its relative paths start at ``base``.
        quarantine: where refused batches wait; as above.
        history: the run history's file.
        notifications: the file that says who is told, and how; None: nobody is.
        timeout_seconds: how long the checks of one engine may take.
        evidence_rows: at most this many failing rows are shown for a check.
        engine_order: which engines an unpinned check is offered to, the cheapest first.
        engines: engine -> its settings. ``python`` has ``rules``: the folders, files and packages that rules may come from;
            ``{contract}`` stands for the folder of the contract's own file.
        sources: a URI's scheme -> the settings of what reads such URIs, batches and references alike.
        base: where relative paths start.
        file: where all of this is from; None: the embedded profile.
    """

    base: Path
    file: Path | None = field(default=None, compare=False)
    target: PluginSettings = PluginSettings(type="parquet", settings={"path": ".sluicegate/data/{tenant}/{dataset}"})
    quarantine: PluginSettings = PluginSettings(type="local", settings={"path": ".sluicegate/quarantine"})
    history: Path = _HISTORY
    notifications: Path | None = None
    timeout_seconds: float = 300
    evidence_rows: int = 5
    engine_order: tuple[str, ...] = ("duckdb", "soda", "great_expectations")
    batch: BatchLimits = BatchLimits()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    engines: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"python": {"rules": ["./rules", "{contract}/rules"]}}
    )

    def __post_init__(self) -> None:
        base = Path(os.path.abspath(self.base))  # noqa: PTH100 - a link keeps its name
        spill = self.batch.temp_directory
        resolved = {
            "base": base,
            "file": self.file and _absolute(Path(), self.file),
            "history": _absolute(base, self.history),
            "notifications": self.notifications and _absolute(base, self.notifications),
            "batch": replace(self.batch, temp_directory=spill and _absolute(base, spill)),
            "engines": {name: _rules_resolved(base, settings) for name, settings in self.engines.items()},
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)


def load_profile(path: str | Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Profile:
    """The profile in a file; without one, in the file that ``$SLUICEGATE_CONFIG`` names; without that, the embedded one.

    The embedded one has its ``notifications`` from ``$SLUICEGATE_NOTIFICATIONS``.

    Raises:
        ConfigError: with every fault of the file, each with its place.
    """
    learn({name: value for name, value in environ.items() if name.startswith(_OTHERS_VARIABLES) and is_secret_name(name)})
    chosen = path or environ.get(ENVIRONMENT_VARIABLE)
    if not chosen:
        named = environ.get(NOTIFICATIONS_VARIABLE)
        return Profile(base=Path(), notifications=Path(named) if named else None)
    from sluicegate.config_file import read_profile

    file = Path(chosen).expanduser()
    try:
        found = read_profile(file, environ)
    except ContractError as error:
        raise ConfigError(str(error), hint="" if path else f"${ENVIRONMENT_VARIABLE} names this file") from error
    learn(found)
    kinds = {"target": PluginSettings, "quarantine": PluginSettings, "batch": BatchLimits}
    return Profile(
        base=file.parent, file=file, **{key: kinds[key](**value) if key in kinds else value for key, value in found.items()}
    )


def _absolute(base: Path, path: Path) -> Path:
    return Path(os.path.abspath(base / path.expanduser()))  # noqa: PTH100 - without "..", and a link keeps its name


def _rules_resolved(base: Path, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """An engine's settings with its ``rules`` as absolute paths; what is no path is a package's name."""
    rules = settings.get("rules")
    if not isinstance(rules, list):
        return settings
    return {**settings, "rules": [_rule_place(base, item) if isinstance(item, str) else item for item in rules]}


def _rule_place(base: Path, text: str) -> str:
    path = _absolute(base, Path(text))
    if text.startswith("{contract}"):  # known when there is a contract: the gate fills it
        return text
    return text if _PACKAGE.fullmatch(text) and not path.exists() else str(path)
