"""Where the batches of a Parquet dataset in a bucket lie: keys from names."""

from __future__ import annotations

import re

from sluicegate.errors import ConfigError
from sluicegate.ports.names import segment

__all__ = ["SCHEME", "Keys"]

SCHEME = "s3://"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_KNOWN = ("{tenant}", "{dataset}")
_DATA = "part-00000.parquet"
_FACTS = "_sluicegate-"
_EXAMPLE = "such as s3://bucket/prefix/{tenant}/{dataset}"


class Keys:
    """The ``path`` of a profile: ``s3://bucket/prefix``, in which ``{tenant}`` and ``{dataset}`` are filled.

    Raises:
        ConfigError: it can't be used.
    """

    def __init__(self, path: str) -> None:
        self.bucket, _, prefix = path.removeprefix(SCHEME).partition("/")
        strange = sorted(set(_PLACEHOLDER.findall(path)) - {*_KNOWN})
        if strange:
            raise ConfigError(f"target.path: unknown placeholder {strange[0]}", hint="known: {tenant}, {dataset}")
        levels = prefix.strip("/").split("/")
        wrong = [level for level in levels if level in {"", ".", ".."} or not level.isprintable()]
        if wrong:
            raise ConfigError(f"target.path can't have a level {wrong[0]!r}: {path!r}", hint=_EXAMPLE)
        self._levels = tuple(levels)
        filled = "/".join(re.escape(level) for level in levels)
        for place in _KNOWN:
            filled = filled.replace(re.escape(place), "[^/]+")
        self._batch = re.compile(f"{filled}/batch=[^/]+/")

    @property
    def by_dataset(self) -> bool:
        """Whether the path tells tenants and datasets apart."""
        return all(any(place in level for level in self._levels) for place in _KNOWN)

    @property
    def root(self) -> str:
        """What is the same for all tenants and datasets; empty, or with a ``/`` at its end."""
        fixed = []
        for level in self._levels:
            if "{" in level:
                break
            fixed.append(f"{level}/")
        return "".join(fixed)

    def data(self, tenant: str, dataset: str, batch_id: str) -> str:
        """The key that decides: a batch's rows."""
        place = "/".join(self._levels).replace("{tenant}", segment(tenant)).replace("{dataset}", segment(dataset))
        return f"{place}/batch={segment(batch_id)}/{_DATA}"

    def facts(self, data: str, attempt: str | None = None) -> str:
        """The key of what one attempt at a batch says of itself; without an attempt, what the keys of all begin with."""
        return data.removesuffix(_DATA) + _FACTS + ("" if attempt is None else f"{attempt}.json")

    def batches(self, data: str) -> str:
        """The prefix of all batches of a dataset, from the key of one."""
        return data.removesuffix(f"/{_DATA}").rpartition("/")[0] + "/batch="

    def is_data(self, key: str) -> bool:
        """Whether a key is that of a batch's rows."""
        return self._batch.fullmatch(key.removesuffix(_DATA)) is not None and key.endswith(f"/{_DATA}")

    def data_beside(self, key: str) -> tuple[str, str] | None:
        """Of an attempt's facts, the key of the batch's rows and the attempt; None if it is something else."""
        folder, slash, name = key.rpartition("/")
        if self._batch.fullmatch(folder + slash) and name.startswith(_FACTS) and name.endswith(".json"):
            return f"{folder}/{_DATA}", name.removeprefix(_FACTS).removesuffix(".json")
        return None

    def url(self, key: str) -> str:
        """A key as readers name it."""
        return f"{SCHEME}{self.bucket}/{key}"
