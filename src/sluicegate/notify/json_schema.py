"""The JSON Schema of ``notifications.yaml``, from the same dataclasses that read it.

``python -m sluicegate.notify.json_schema`` prints it; ``notifications.schema.json`` beside this file is what it prints.
"""

from __future__ import annotations

import json
from pathlib import Path

from sluicegate.contract.json_schema import SCALARS, Json, reference
from sluicegate.notify.settings_document import ChannelDocument, SettingsDocument

__all__ = ["SHIPPED", "main", "notifications_schema"]

SHIPPED = Path(__file__).with_name("notifications.schema.json")


def notifications_schema() -> Json:
    """The whole schema, as plain JSON."""
    definitions: Json = {}
    settings, channel = (reference(cls, definitions) for cls in (SettingsDocument, ChannelDocument))
    definitions["Channel"]["additionalProperties"] = True  # the notifier's own
    definitions["Settings"]["properties"]["channels"] = {
        "type": "object",
        "additionalProperties": channel,
        "description": "Ways to people, each under its name.",
    }
    wrapped = {
        "type": "object",
        "properties": {"notifications": settings},
        "required": ["notifications"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sluicegate: notifications.yaml",
        "anyOf": [settings, wrapped],
        "$defs": dict(sorted((definitions | SCALARS).items())),
    }


def main() -> None:
    """Print it."""
    print(json.dumps(notifications_schema(), indent=1, ensure_ascii=False))  # noqa: T201 - printing is its job


if __name__ == "__main__":
    main()
