"""A notifier that writes each message into a file, as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sluicegate.errors import ConfigError
from sluicegate.ports.notifier import Message, Sent, TextFormat

__all__ = ["LinesNotifier"]


class LinesNotifier:
    format = TextFormat.TEXT
    secrets: frozenset[str] = frozenset()

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        if not settings.get("path"):
            raise ConfigError("path: is missing", hint="path: alerts.jsonl")
        self._path = base / str(settings["path"])

    def services(self, recipients: Sequence[str]) -> tuple[str, ...]:
        return ("file",)

    def send(self, service: str, message: Message, *, timeout: float) -> Sent:
        line = {"key": message.key, "title": message.title, "text": message.body}
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            return Sent(delivered=False, detail=type(error).__name__)
        return Sent(delivered=True)
