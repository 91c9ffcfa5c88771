"""``doctor``: is everything here that a run needs, and if not, what to do."""

from __future__ import annotations

import os
import platform
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.cli.quarantine import gate_of
from sluicegate.cli.report import MARKS
from sluicegate.cli.screen import Screen, clean, wrap
from sluicegate.errors import ConfigError, SluicegateError
from sluicegate.words import plural

if TYPE_CHECKING:
    from sluicegate.gate.gate import Gate
    from sluicegate.notify.model import Channel
    from sluicegate.ports.notifier import Notifier

__all__ = ["Finding", "doctor"]

_PLUGIN_GROUPS = (
    "sluicegate.engines",
    "sluicegate.targets",
    "sluicegate.quarantine_stores",
    "sluicegate.sources",
    "sluicegate.notifiers",
)
_MARK_OF = {"ok": "passed", "advice": "warned", "broken": "failed"}
_PLUGIN_BROKEN, _STORAGE_BROKEN = 2, 6
_SERVICES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``status``: ``ok``, ``advice`` (works, could be better), ``broken``."""

    name: str
    status: str
    detail: str
    advice: str = ""
    exit_code: int = 0


def doctor(options: Namespace, screen: Screen) -> int:
    """Look at everything, say what is wrong; the exit code is that of the first broken thing."""
    found = list(_examine(options))
    code = next((item.exit_code for item in found if item.status == "broken"), 0)
    screen.document({"healthy": code == 0, "findings": [asdict(item) for item in found]})
    width = max(len(item.name) for item in found)
    for item in found:
        mark, style = MARKS[_MARK_OF[item.status]]
        for i, line in enumerate(wrap(clean(item.detail), max(20, screen.width - width - 4))):
            left = f" {item.name:<{width}}  " if i == 0 else " " * (width + 4)
            screen.line((mark, style) if i == 0 else "", left, line)
        screen.lines(
            [(" " * (width + 4), (line, "italic")) for line in wrap(clean(item.advice), screen.width - width - 4)]
            if item.advice
            else []
        )
    broken = sum(item.status == "broken" for item in found)
    screen.line("")
    screen.line((f"{broken} broken" if broken else "everything that a run needs is here", "bold red" if broken else "bold green"))
    return code


def _examine(options: Namespace) -> Iterator[Finding]:
    yield from _versions()
    yield from _plugins()
    yield Finding("telemetry", "ok", "off: Soda's is switched off before Soda is imported; GX 1.24 has none; we have none")

    try:
        gate = gate_of(options)
    except SluicegateError as error:
        yield Finding("profile", "broken", error.message, error.hint, error.exit_code)
        return
    yield Finding(
        "profile", "ok", options.config or os.environ.get("SLUICEGATE_CONFIG") or "the embedded one (no file was named)"
    )
    yield from _storage(gate)
    yield from _people(gate)


def _versions() -> Iterator[Finding]:
    from sluicegate.cli.version import version

    yield Finding(
        "sluicegate", "ok", f"{version()} on Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    import duckdb

    old = tuple(int(part) for part in duckdb.__version__.split(".")[:2]) < (1, 1)
    advice = "older than 1.1: CVE-2024-41672 and slow GROUP BYs; pip install --upgrade duckdb" if old else ""
    yield Finding("duckdb", "advice" if old else "ok", duckdb.__version__, advice)


def _plugins() -> Iterator[Finding]:
    from sluicegate import plugins

    for group in _PLUGIN_GROUPS:
        kind = group.rpartition(".")[2].removesuffix("s").replace("_", " ")
        for name in plugins.known(group):
            yield _plugin(group, kind, name)
    if not plugins.known("sluicegate.engines"):
        yield Finding(
            "engines",
            "broken",
            "none is registered",
            "the installation is damaged: pip install --force-reinstall sluicegate",
            _PLUGIN_BROKEN,
        )


def _plugin(group: str, kind: str, name: str) -> Finding:
    from sluicegate import plugins

    try:
        loaded = plugins.load(group, name)
        versions = loaded().versions() if kind == "engine" else {}
    except SluicegateError as error:
        return Finding(f"{kind} {name}", "broken", error.message, error.hint, _PLUGIN_BROKEN)
    except Exception as error:  # noqa: BLE001 - an adapter of a stranger may break in any way
        return Finding(
            f"{kind} {name}",
            "broken",
            f"{type(error).__name__}: {error}",
            "reinstall the distribution that it comes from",
            _PLUGIN_BROKEN,
        )
    return Finding(f"{kind} {name}", "ok", ", ".join(f"{dist} {version}" for dist, version in versions.items()) or "found")


def _storage(gate: Gate) -> Iterator[Finding]:
    """Ask each store something harmless, and see whether its folder can be written."""
    profile = gate.profile
    looks: tuple[tuple[str, Any, Callable[[], object]], ...] = (
        ("target", profile.target.settings.get("path"), lambda: _ask_target(gate)),
        ("quarantine", profile.quarantine.settings.get("path"), lambda: _ask_quarantine(gate)),
        ("history", profile.history, lambda: len(list(gate.history.runs(limit=1)))),
    )
    for name, path, ask in looks:
        try:
            ask()
        except SluicegateError as error:
            yield Finding(name, "broken", error.message, error.hint, error.exit_code)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's store raises is what we are here to tell
            yield Finding(name, "broken", f"{type(error).__name__}: {error}", "", _STORAGE_BROKEN)
        else:
            local = path and "://" not in str(path)
            yield _writable(name, path, profile.base) if local else Finding(name, "ok", "answers")


def _ask_target(gate: Gate) -> None:
    gate.target.find("doctor", dataset="doctor")
    _try_out(gate.target)


def _ask_quarantine(gate: Gate) -> None:
    for _ in gate.places.store().list():
        pass
    _try_out(gate.places.store())


def _try_out(place: object) -> None:
    from sluicegate.ports.quarantine import Probed

    if isinstance(place, Probed):
        place.probe()


def _people(gate: Gate) -> Iterator[Finding]:
    """Whom the gate would tell; nobody is contacted (`notify test` does that)."""
    from sluicegate.notify.reach import inspect

    path = gate.profile.notifications
    if path is None:
        yield Finding("notifications", "ok", "nobody is told: the profile names no file of notifications")
        return
    found = inspect(path, os.environ)
    for fault in found.faults:
        yield Finding("notifications", "broken", str(replace(fault, hint="")), fault.hint, ConfigError.exit_code)
    for fault in found.warnings:
        yield Finding("notifications", "advice", str(replace(fault, hint="")), fault.hint)
    if found.settings and not found.faults:
        yield Finding("notifications", "ok", f"{path}: {plural(len(found.settings.channels), 'channel')}")
        for name, channel in found.settings.channels.items():
            yield _channel(name, channel, found.notifiers.get(name))
    yield _outbox(gate)


def _channel(name: str, channel: Channel, notifier: Notifier | None) -> Finding:
    label = f"channel {name}"
    if notifier is None:
        return Finding(label, "ok", f"{channel.type}, not enabled")
    if services := notifier.services(()):
        more = f" and {len(services) - _SERVICES_SHOWN} more" if len(services) > _SERVICES_SHOWN else ""
        return Finding(label, "ok", f"{channel.type}: {', '.join(services[:_SERVICES_SHOWN])}{more}")
    return Finding(label, "advice", f"{channel.type}: it reaches whom a contract names, and nobody otherwise", "recipients: […]")


def _outbox(gate: Gate) -> Finding:
    from sluicegate.history.message import DeliveryState

    try:
        outbox = gate.history.outbox
        alerts = len(outbox.waiting())
        due, failed = (len(outbox.messages(state=state, limit=None)) for state in (DeliveryState.DUE, DeliveryState.FAILED))
    except SluicegateError as error:
        return Finding("outbox", "broken", error.message, error.hint, error.exit_code)
    detail = f"{plural(alerts, 'alert')} and {plural(due, 'message')} waiting, {plural(failed, 'message')} given up"
    advice = "`sluicegate notify list --state failed` says why" if failed else ""
    return Finding("outbox", "advice" if failed else "ok", detail, advice)


def _writable(name: str, path: object, base: Path) -> Finding:
    fixed = str(path).partition("{")[0] or "."  # {tenant} and {dataset} are filled in later
    place = (base / fixed).absolute()
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    if os.access(nearest, os.W_OK):
        return Finding(name, "ok", f"{path}: can be written")
    return Finding(
        name,
        "broken",
        f"{path}: {nearest} can't be written",
        f"chown or chmod it, or set {name}'s path in the profile",
        _STORAGE_BROKEN,
    )
