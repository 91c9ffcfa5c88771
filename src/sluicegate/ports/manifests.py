"""What a manifest must be before anybody acts on it: it lies where people can edit it, and newer versions write it, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

__all__ = ["SCHEMA_VERSION", "check_manifest"]

SCHEMA_VERSION = 1
"""The newest that this version changes: one that it doesn't know is read, but may mean more than is read of it."""
_TEXTS = (
    "quarantine_id", "nonce", "tenant", "dataset", "batch_id", "content_sha256", "format", "contract_name", "contract_version",
    "contract_sha256", "contract_text", "reason", "created_at",
)  # fmt: skip
_NUMBERS = ("schema_version", "rev", "attempt", "rows")
_MAPPINGS = ("verdict", "options", "target", "split")
_TIMES = ("created_at", "expires_at", "lease_until")


def check_manifest(document: Mapping[str, Any]) -> None:
    """Hold a manifest's document against what its keys must be.

    Raises:
        ValueError: it can't be acted on; says why.
        KeyError: a key is missing.
        TypeError: it is no mapping.
    """
    for names, fits, what in (
        (_TEXTS, _is_text, "a text"),
        (("owner",), lambda value: value is None or _is_text(value), "a text"),
        (_NUMBERS, _is_number, "a whole number"),
        (("batch_rows",), lambda value: value is None or _is_number(value), "a whole number"),
        (_MAPPINGS, lambda value: isinstance(value, Mapping), "a mapping"),
        (("files", "history"), lambda value: isinstance(value, list | tuple), "a list"),
        (("held",), lambda value: isinstance(value, bool), "true or false"),
        (("scope",), lambda value: value in {"batch", "rows"}, "batch or rows"),
    ):
        _check(document, names, fits, what)
    for name in _TIMES:
        if document.get(name) is not None and not _is_moment(document[name]):
            raise ValueError(f"{name} must be a time with its zone, such as 2026-01-31T12:00:00+00:00")
    for file in document["files"]:
        path = PurePosixPath(file["path"])
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"a file outside of its item: {file['path']!r}")
        _check(file, ("path", "original", "sha256"), _is_text, "a text")
        _check(file, ("bytes",), _is_number, "a whole number")
    for step in document.get("history", ()):
        _check(step, ("at", "by", "why"), _is_text, "a text")
        _check(step, ("details",), lambda value: isinstance(value, Mapping), "a mapping")


def _check(document: Mapping[str, Any], names: Iterable[str], fits: Callable[[Any], bool], what: str) -> None:
    for name in names:
        if name in document and not fits(document[name]):
            raise ValueError(f"{name} must be {what}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_moment(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
