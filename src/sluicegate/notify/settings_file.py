"""Reading ``notifications.yaml``: docs/notifications.md has every key. It holds secrets: no fault shows what stands in a channel."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from sluicegate import plugins
from sluicegate.contract.decode import BAD, Bad, did_you_mean, read_fields, reader_of
from sluicegate.contract.interpolate import interpolate
from sluicegate.contract.nodes import Faults, Node
from sluicegate.contract.yaml_source import read_text, read_yaml
from sluicegate.errors import ConfigError, ContractError, Fault, PluginError
from sluicegate.history.alert import Event
from sluicegate.notify.model import Channel, Digest, NotificationSettings, QuietHours
from sluicegate.notify.opening import NOTIFIERS, open_notifier
from sluicegate.notify.settings_document import ChannelDocument, SettingsDocument
from sluicegate.redact import is_secret_name

__all__ = ["load_notifications"]

_CHANNEL = re.compile(r"\w[\w .@+-]{0,63}")
_KEY = re.compile(r"([\w-]+(?:\.[\w-]+)*): ")
_ADDRESS = re.compile(r"ur[il]s?$", re.IGNORECASE)
_SHOWABLE = 40
_HIDDEN = "…"
_COMMON = frozenset(item.name for item in fields(ChannelDocument))
_SHOWN = frozenset(item.name for item in fields(SettingsDocument)) - {"review_url", "templates"}
_AN_EXAMPLE = "such as {slack: {webhook_url: …}}"


def load_notifications(
    path: str | Path, environ: Mapping[str, str] = os.environ, *, thorough: bool = True
) -> NotificationSettings:
    """Read the file.

    Args:
        path: the file.
        environ: ``${VAR}`` is filled from these; those of a channel that is not enabled may be missing.
        thorough: also open each enabled channel's notifier, and try each template. A run does without, and to it a channel whose
            variables are missing is one that has ``trouble``: so what is wrong with one channel keeps no other's messages back.

    Raises:
        ConfigError: with every fault.
    """
    try:
        return _Reading(Path(path).expanduser(), environ).settings(thorough=thorough)
    except ContractError as error:
        raise ConfigError(str(error), faults=error.faults) from None


@dataclass(frozen=True, slots=True)
class _Template:
    """A template's text and where its first line is; ``by_line``: each of its lines is one of the file's."""

    text: str
    file: str
    line: int
    column: int
    by_line: bool = True


class _Reading:
    """One file, being read."""

    def __init__(self, file: Path, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._document = read_yaml(file, discreet=True)
        self._faults = Faults(str(file), discreet=True)
        self._base = Path(os.path.abspath(file)).parent  # noqa: PTH100 - a link keeps its name
        self._files = [self._base / file.name]
        self._warnings: list[Fault] = []
        self._known = plugins.known(NOTIFIERS)

    def settings(self, *, thorough: bool) -> NotificationSettings:
        """All of it.

        Raises:
            ContractError: with every fault.
        """
        root = self._root()
        own = {key: item for key, item in root.value.items() if key != "channels" and key not in self._misplaced(root)}
        node = self._filled(replace(root, value=own), self._faults)
        said = read_fields(SettingsDocument, _hidden(node, _SHOWN), self._faults, others=("channels",))
        shared = {} if isinstance(said, Bad) else self._templates(said.templates, thorough=thorough)
        channels = dict(self._channels(root.get("channels"), shared, thorough=thorough))
        self._look_at_defaults(node.get("default_channels"), root.get("channels"), channels)
        if not isinstance(said, Bad) and said.quiet_hours and said.quiet_hours.start == said.quiet_hours.end:
            self._faults.add(node.get("quiet_hours"), "'from' and 'to' are the same: quiet hours would never end, or never begin")
        self._faults.stop()
        assert not isinstance(said, Bad)  # noqa: S101 - what is bad has a fault
        return self._built(said, channels)

    def _built(self, said: SettingsDocument, channels: Mapping[str, Channel]) -> NotificationSettings:
        quiet, digest, retention = said.quiet_hours, said.digest, said.retention_warning
        return NotificationSettings(
            channels=channels,
            default_channels=said.default_channels,
            window=said.window,
            quiet_hours=QuietHours(start=quiet.start, end=quiet.end, severities=quiet.severities) if quiet else None,
            digest=Digest(at=digest.at, severities=digest.severities) if digest else None,
            timezone=said.timezone,
            time_limit=said.time_limit_seconds,
            give_up_after=said.give_up_after,
            retention_days_before=retention.days_before if retention else None,
            review_url=said.review_url,
            base=self._base,
            files=tuple(dict.fromkeys(self._files)),
            warnings=tuple(sorted(self._warnings, key=lambda fault: (fault.line, fault.column))),
        )

    def _root(self) -> Node:
        root = self._document.root
        if isinstance(root.value, dict) and "notifications" in root.value:
            for key in root.value.keys() - {"notifications"}:
                self._faults.add(
                    root.keys[key], f"{key!r} stands beside 'notifications'", "put it under that key, or leave that key out"
                )
            root = root.value["notifications"]
        if not isinstance(root.value, dict):
            self._faults.add(root, f"expected a mapping, not {root.kind}", f"channels: {_AN_EXAMPLE}")
        for mapping in root.walk():
            for key, place in mapping.keys.items():
                if _shown(key) == _HIDDEN:  # messages have keys in them, and this may be what should stand behind one
                    self._faults.add(place, "this is no key: it is too long, or a link", "a word, a colon, and then the value")
        self._faults.stop()
        return root

    def _misplaced(self, root: Node) -> frozenset[str]:
        """Channels that stand where ``channels`` should."""
        found = {key for key in root.value if key in self._known}
        for key in found:
            self._faults.add(root.keys[key], f"the channel {key!r} must stand under 'channels'", f"channels: {{{key}: …}}")
        return frozenset(found)

    def _filled(self, node: Node, faults: Faults) -> Node:
        return interpolate(replace(self._document, root=node), self._environ, faults).root

    def _look_at_defaults(self, node: Node | None, named: Node | None, channels: Mapping[str, Channel]) -> None:
        known = named.value if named and isinstance(named.value, dict) else {}
        for item in node.walk() if node else ():
            if item.text in channels and not channels[item.text].enabled:
                told = f"the channel {item.text!r} is not enabled: contracts that name no channel tell nobody by it"
                self._warnings.append(Fault(self._faults.file, item.line, item.column, told))
            elif item.text and not item.broken and item.text not in known:
                self._faults.add(item, f"the channel {_shown(item.text)!r} is not defined", did_you_mean(item.text, known))

    def _channels(self, node: Node | None, shared: Mapping[Event, _Template], *, thorough: bool) -> Iterator[tuple[str, Channel]]:
        if node is None or node.value is None:
            return
        if not isinstance(node.value, dict):
            self._faults.add(node, f"'channels' must be a mapping, not {node.kind}", _AN_EXAMPLE)
            return
        for name, raw in node.value.items():
            at = node.keys[name]
            if not _CHANNEL.fullmatch(name):
                self._faults.add(
                    at, "a channel's name has letters, digits, spaces and any of _ . @ + -, at most 64", "such as data-team"
                )
            elif not isinstance(raw.value, dict):
                self._faults.add(at, f"the channel {name!r} must be a mapping, not {raw.kind}", _AN_EXAMPLE)
            elif channel := self._channel(name, at, raw, shared, thorough=thorough):
                yield name, channel
                if thorough and channel.enabled:
                    self._open(channel, at, raw)

    def _channel(
        self, name: str, at: tuple[int, int], raw: Node, shared: Mapping[Event, _Template], *, thorough: bool
    ) -> Channel | None:
        missing = Faults(self._faults.file, discreet=True)
        node = self._filled(_with_text(raw), missing)
        trouble = ""
        if self._enabled(raw) is False or (missing.found and not thorough):  # what lacks a variable is as if it were not written
            kept = {key: item for key, item in node.value.items() if not any(part.broken for part in item.walk())}
            node = replace(node, value=kept)
            trouble = "; ".join(fault.message for fault in missing.found)
        else:
            self._faults.found += missing.found
        others = frozenset(node.value) - _COMMON
        settings = {key: _plain(item) for key, item in node.value.items() if key in others}
        for key in others:
            self._look_for_clear(key, raw.value[key])
        said = read_fields(ChannelDocument, _hidden(node, _COMMON - {"templates"}), self._faults, others=others)
        kind = self._kind(name, at, node)
        if isinstance(said, Bad) or kind is None or any(part.broken for part in node.walk()):
            return None
        return Channel(
            name=name,
            type=kind,
            enabled=said.enabled,
            settings=settings,
            severities=said.severities,
            decisions=frozenset(decision.value for decision in said.decisions),
            events=said.events,
            mention_on_critical=said.mention_on_critical,
            trouble=trouble if said.enabled else "",
            templates={
                event: one.text for event, one in {**shared, **self._templates(said.templates, thorough=thorough)}.items()
            },
        )

    def _enabled(self, raw: Node) -> bool | Bad:
        """Before anything else is read; what is wrong with the key itself is told when it is its turn."""
        given = raw.get("enabled")
        if given is None:
            return True
        node = self._filled(given, Faults("", discreet=True))
        found: bool | Bad = BAD if node.broken else reader_of(bool)(node, Faults("", discreet=True))
        return found

    def _kind(self, name: str, at: tuple[int, int], node: Node) -> str | None:
        given = node.get("type")
        if given is not None:
            return given.text or None
        if name in self._known:
            return name
        self._faults.add(at, f"the channel {name!r} has no type, and its name is none", did_you_mean(name, self._known))
        return None

    def _open(self, channel: Channel, at: tuple[int, int], raw: Node) -> None:
        try:
            open_notifier(channel, self._base)
        except PluginError as error:
            place = _place(raw, ["type"]) or at
            self._faults.add(place, error.message.replace(channel.type, _shown(channel.type)), error.hint)
        except ConfigError as error:
            for line in error.message.splitlines():
                path = found[1].split(".") if (found := _KEY.match(line)) else []
                self._faults.add(
                    _place(raw, path) or at, f"the channel {channel.name!r}: {line}", _meant(raw, path) or error.hint
                )

    def _look_for_clear(self, key: str, node: Node) -> None:
        """A secret that is no variable: whoever can read the file, or its history in a repository, has it."""
        if isinstance(node.value, dict):
            for name, item in node.value.items():
                self._look_for_clear(name, item)
        for item in node.value if isinstance(node.value, list) else [node]:
            if (is_secret_name(key) or _ADDRESS.search(key)) and _is_secret(item):
                hint = f"put it into a variable: ${{{key.upper()}}}"
                self._warnings.append(Fault(self._faults.file, item.line, item.column, f"{key!r} is written here in clear", hint))

    def _templates(self, nodes: Mapping[Event, Node] | None, *, thorough: bool) -> dict[Event, _Template]:
        found = {event: template for event, node in (nodes or {}).items() if (template := self._template(node))}
        if thorough:
            from sluicegate.notify.templates import faults_of

            for one in found.values():
                noted = Faults(one.file)
                for fault in faults_of(one.text):
                    below = fault.line - 1 if one.by_line else 0
                    noted.add((one.line + below, one.column), fault.message, fault.hint)
                self._faults.found += noted.found
        return found

    def _template(self, node: Node) -> _Template | None:
        if node.broken:
            return None
        if not isinstance(node.value, dict):
            text = reader_of(str)(node, self._faults)
            return None if isinstance(text, Bad) else self._inline(text, node)
        named = node.get("file")
        if named is None or len(node.value) > 1 or not isinstance(named.value, str):
            self._faults.add(node, "must be a text, or {file: PATH}")
            return None
        path = self._base / Path(named.value).expanduser()
        self._files.append(path)
        try:
            return _Template(read_text(path, Faults(str(path))), str(path), 1, 1)
        except ContractError as error:
            self._faults.add(named, f"{named.value}: {error.faults[0].message}", "relative paths start at this file's folder")
            return None

    def _inline(self, text: str, node: Node) -> _Template:
        lines = self._document.text.splitlines()
        opening = lines[node.line - 1][node.column - 1 :] if 0 < node.line <= len(lines) else ""
        if opening.startswith("|") and node.line < len(lines):  # a block, which begins in the line below
            first = lines[node.line]
            return _Template(text, self._faults.file, node.line + 1, len(first) - len(first.lstrip()) + 1)
        return _Template(text, self._faults.file, node.line, node.column, by_line=False)


def _hidden(node: Node, shown: Collection[str]) -> Node:
    """The mapping, such that no message shows what stands under another key than these; nor what looks like a link, or is long."""
    return replace(node, value={key: _covered(item, whole=key not in shown) for key, item in node.value.items()})


def _covered(node: Node, *, whole: bool) -> Node:
    if isinstance(node.value, dict):
        return replace(node, value={key: _covered(item, whole=whole) for key, item in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[_covered(item, whole=whole) for item in node.value])
    return replace(node, filled=_HIDDEN) if whole or _shown(node.text) == _HIDDEN else node


def _shown(text: str) -> str:
    """What is no secret by its place may be one all the same, put there by mistake."""
    return _HIDDEN if "://" in text or len(text) > _SHOWABLE else text


def _with_text(node: Node) -> Node:
    """A channel, such that variables are filled into its notifier's settings as texts: a password may look like a number that isn't one."""

    def quoted(item: Node) -> Node:
        if isinstance(item.value, dict):
            return replace(item, value={key: quoted(inner) for key, inner in item.value.items()})
        if isinstance(item.value, list):
            return replace(item, value=[quoted(inner) for inner in item.value])
        return replace(item, plain=item.plain and "${" not in item.text)

    return replace(node, value={key: item if key in _COMMON else quoted(item) for key, item in node.value.items()})


def _plain(node: Node) -> Any:
    """What the notifier is given: texts as they are written (a password may look like a date), truth values, and plain whole numbers."""
    if isinstance(node.value, dict):
        return {key: _plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    text = node.text
    if node.filled and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if node.value is None or isinstance(node.value, bool):
        return node.value
    return int(text) if (node.plain or node.filled) and re.fullmatch(r"0|[1-9]\d{0,8}", text) else text


def _place(node: Node, path: list[str]) -> tuple[int, int] | None:
    """Of what stands under these keys, or as many of them as there are; a notifier may leave out what the first ones are."""
    inner = [item for item in node.value.values() if isinstance(item.value, dict)]
    if path and path[0] not in node.value:
        return next((_place(item, path) for item in inner if path[0] in item.value), None)
    found: Node | None = None
    for key in path:
        found = node.get(key) or found
        node = node.get(key) or Node(None)
    return (found.line, found.column) if found else None


def _meant(node: Node, path: list[str]) -> str:
    """A common key that is misspelt goes to the notifier, who can't know what was meant."""
    near = difflib.get_close_matches(path[0], _COMMON, n=1, cutoff=0.8) if path and path[0] in node.keys else []
    return f"did you mean {near[0]!r}?" if near else ""


def _is_secret(node: Node) -> bool:
    if isinstance(node.value, bool | dict | list) or not node.text or "${" in node.text or node.text.startswith("not-a-secret"):
        return False
    scheme, link, rest = node.text.partition("://")
    return bool(scheme) and (not link or "@" in rest or "/" in rest.strip("/"))
