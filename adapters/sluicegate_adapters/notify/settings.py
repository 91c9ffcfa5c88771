"""A channel's own keys, read one by one: a fault names the key, and never what it says."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from sluicegate.errors import ConfigError

__all__ = ["Keys", "address_secrets", "spelled", "web_address"]

_TELLING = 6  # shorter parts of an address are words or a version; without these no message could be read
_WORDS = {
    "services", "workflows", "triggers", "manual", "invoke", "powerautomate", "automations", "direct", "webhook", "webhooks", "webhookb2",
    "incomingwebhook", "enqueue", "markdown",
}  # fmt: skip


class Keys:
    """The keys that are not read yet. Several names for one key are older spellings of the first."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._left = {key: value for key, value in settings.items() if value is not None}
        self._known: list[str] = []

    def text(self, *names: str, default: str = "") -> str:
        """A text; a number counts as one.

        Raises:
            ConfigError: it is something else.
        """
        name, value = self._taken(*names)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ConfigError(f"{name}: must be a text")
        return str(value).strip()

    def needed(self, *names: str, hint: str = "") -> str:
        """A text that has to be there.

        Raises:
            ConfigError: it isn't, or is empty.
        """
        if found := self.text(*names):
            return found
        raise ConfigError(f"{names[0]}: is missing", hint=hint)

    def texts(self, *names: str, commas: bool = True) -> tuple[str, ...]:
        """A list of texts, or one text that has them with commas in between; without ``commas`` it is one.

        Raises:
            ConfigError: it is something else.
        """
        name, value = self._taken(*names)
        items = (
            []
            if value is None
            else value.split(",")
            if isinstance(value, str) and commas
            else [value]
            if isinstance(value, str)
            else value
        )
        if not isinstance(items, list | tuple) or not all(isinstance(item, str | int) for item in items):
            raise ConfigError(f"{name}: must be a list of texts")
        return tuple(dict.fromkeys(text for item in items if (text := str(item).strip())))

    def number(self, *names: str, default: int) -> int:
        """A port.

        Raises:
            ConfigError: it can't be one.
        """
        name, value = self._taken(*names)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not str(value).isdecimal() or not 0 < int(value) < 2**16:
            raise ConfigError(f"{name}: must be a port's number")
        return int(value)

    def one_of(self, *names: str, choices: Mapping[str, str], default: str) -> str:
        """What one of these words stands for.

        Raises:
            ConfigError: it is none of them.
        """
        name, value = self._taken(*names)
        if value is None or value == "":
            return default
        found = choices.get(str(value).strip().lower())
        if found is None:
            raise ConfigError(f"{name}: must be one of {', '.join(dict.fromkeys(choices.values()))}")
        return found

    def inner(self, name: str) -> Mapping[str, Any] | str | None:
        """A mapping of further keys, or a text."""
        _, value = self._taken(name)
        if value is None or isinstance(value, str | Mapping):
            return value
        raise ConfigError(f"{name}: must be a mapping or a text")

    def done(self) -> None:
        """Nothing may be left.

        Raises:
            ConfigError: a key is left that nobody knows.
        """
        for key in self._left:
            near = difflib.get_close_matches(str(key), self._known, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            raise ConfigError(f"{key}: is no setting of this kind of channel", hint=f"{guess}known: {', '.join(self._known)}")

    def _taken(self, *names: str) -> tuple[str, Any]:
        names = tuple(dict.fromkeys(names))
        self._known.extend(names)
        there = [name for name in names if name in self._left]
        if len(there) > 1:
            raise ConfigError(f"{there[1]}: says the same as {there[0]}", hint="keep one of them")
        return (there[0], self._left.pop(there[0])) if there else (names[0], None)


def web_address(key: str, text: str) -> str:
    """An address that can be posted to.

    Raises:
        ConfigError: it isn't one.
    """
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(letter.isspace() or not letter.isprintable() for letter in text):
        raise ConfigError(f"{key}: is no address such as https://…")
    return text


def address_secrets(url: str) -> Iterator[str]:
    """What of an address gives access: all of it, whoever logs in with it, and each longer piece of its path and query."""
    yield url
    parts = urlsplit(url)
    yield from filter(None, (parts.username, parts.password))
    pieces = [
        *parts.path.split("/"),
        *(value for name, value in parse_qsl(parts.query) if name not in {"api-version", "sp", "sv"}),
    ]
    yield from (piece for piece in pieces if len(piece) >= _TELLING and piece.casefold() not in _WORDS)
    yield from (
        whole for whole in (parts.path, f"{parts.path}?{parts.query}") if len(whole) > _TELLING
    )  # as HTTP libraries log it


def spelled(texts: Iterator[str] | tuple[str, ...]) -> frozenset[str]:
    """These, and how else they may be written: in addresses, in JSON."""
    found: set[str] = set()
    for text in filter(None, texts):
        plain = unquote(text)
        found |= {text, plain, quote(plain), quote(plain, safe=""), quote_plus(plain), json.dumps(plain)[1:-1]}
    return frozenset(found)
