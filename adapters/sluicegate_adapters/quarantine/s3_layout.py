"""Where the items of a bucket lie: keys from names, and names from keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from sluicegate.errors import ConfigError, StorageError
from sluicegate.ports.names import is_safe_id, segment
from sluicegate.ports.quarantine import Manifest
from sluicegate_adapters.s3.objects import Bucket

__all__ = ["DEFAULT_PREFIX", "MANIFEST", "Layout"]

DEFAULT_PREFIX = "sluicegate/quarantine/{tenant}/{dataset}"
MANIFEST = "manifest.json"
_PLACES = ("{tenant}", "{dataset}")


class Layout:
    """The prefix of a profile: ``{tenant}`` and ``{dataset}`` are whole levels of it; what it doesn't name is added at its end.

    Raises:
        ConfigError: it can't be used.
    """

    def __init__(self, prefix: object) -> None:
        if not isinstance(prefix, str):
            raise ConfigError(f"quarantine.prefix must be a text, not {prefix!r}", hint=f"such as {DEFAULT_PREFIX}")
        levels = [level for level in prefix.strip("/").split("/") if prefix.strip("/")]
        levels += [place for place in _PLACES if place not in levels]
        for level in levels:
            if level in _PLACES:
                continue
            if "{" in level or "}" in level:
                raise ConfigError(f"quarantine.prefix: {level!r} can't be filled", hint="{tenant} and {dataset} are whole levels")
            if level in {"", ".", ".."} or not level.isprintable():
                raise ConfigError(f"quarantine.prefix can't have a level {level!r}", hint=f"such as {DEFAULT_PREFIX}")
        if any(levels.count(place) > 1 for place in _PLACES):
            raise ConfigError("quarantine.prefix names {tenant} or {dataset} twice")
        self._levels = tuple(levels)
        filled = "/".join("[^/.][^/]*" if level in _PLACES else re.escape(level) for level in levels)
        self._data = re.compile(f"({filled}/([^/]+)/)data/([^/]+)/[^/]+")

    @property
    def root(self) -> str:
        """What is the same for all tenants and datasets; empty, or with a ``/`` at its end."""
        fixed = self._levels[: next(i for i, level in enumerate(self._levels) if level in _PLACES)]
        return "".join(f"{level}/" for level in fixed)

    def item(self, tenant: str, dataset: str, quarantine_id: str) -> str:
        """The prefix of all objects of an item."""
        names = {"{tenant}": segment(tenant), "{dataset}": segment(dataset)}
        return "".join(f"{names.get(level, level)}/" for level in (*self._levels, quarantine_id))

    def attempt(self, key: str) -> tuple[str, str] | None:
        """The item that an object with data belongs to, and the attempt that wrote it; None if it is something else."""
        found = self._data.fullmatch(key)
        return (found[1], found[3]) if found and is_safe_id(found[2]) else None

    def places(self, bucket: Bucket) -> list[str]:
        """The prefixes of all tenants' datasets that hold something.

        Raises:
            StorageError: the bucket can't be listed.
        """
        found = [""]
        for level in self._levels:
            if level in _PLACES:
                found = [folder for above in found for folder in bucket.folders(above) if not _name(folder).startswith(".")]
            else:
                found = [f"{above}{level}/" for above in found]
        return found

    def items(self, bucket: Bucket) -> Iterable[str]:
        """The prefixes of all that may be an item.

        Raises:
            StorageError: the bucket can't be listed.
        """
        for place in self.places(bucket):
            yield from (folder for folder in bucket.folders(place) if is_safe_id(_name(folder)))

    def check(self, item: str, manifest: Manifest) -> None:
        """Hold what a manifest says against where it lies.

        Raises:
            StorageError: it belongs somewhere else.
        """
        place = self.item(manifest.tenant, manifest.dataset, manifest.quarantine_id)
        if place != item:
            raise StorageError(f"{item}{MANIFEST} says that it belongs in {place}", hint="move the item back to where it was")


def _name(folder: str) -> str:
    return PurePosixPath(folder).name
