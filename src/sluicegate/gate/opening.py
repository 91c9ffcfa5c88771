"""How the gate opens what it is handed and what it kept: always with the contract's types and the profile's limits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.batch.files import format_of
from sluicegate.batch.pool import DatabasePool
from sluicegate.batch.remote import Remote
from sluicegate.batch.source import Batch, BatchSettings, open_batch
from sluicegate.config import Profile
from sluicegate.contract.model import Contract
from sluicegate.contract.references import references_to_open
from sluicegate.errors import UsageError
from sluicegate.gate.lending import lent
from sluicegate.gate.merge import merged
from sluicegate.gate.places import Places
from sluicegate.gate.rest import rest_contract
from sluicegate.ports.quarantine import CHECKS_COLUMN, ROW_COLUMN, Manifest

__all__ = ["Opening"]


class Opening:
    """What opens batches for a gate. ``Gate`` is one: it has the parts that are only named here."""

    profile: Profile

    if TYPE_CHECKING:

        @property
        def places(self) -> Places: ...

    @cached_property
    def _databases(self) -> DatabasePool:
        limits = self.profile.batch
        return DatabasePool(
            BatchSettings(
                memory_limit=limits.memory_limit,
                threads=limits.threads,
                temp_directory=limits.temp_directory,
                trust_statistics=limits.trust_statistics,
            )
        )

    def _open(
        self,
        contract: Contract,
        source: object,
        batch_id: str | None,
        format_: str | None,
        options: Mapping[str, Any] | None = None,
    ) -> Batch:
        where: Mapping[str, Any] = contract.settings.get("source") or {}
        if source is None:
            source = where.get("path")
            if source is None:
                raise UsageError("no batch was named", hint="name its files, or give the job or asset a source.path")
        return open_batch(
            source,
            batch_id=batch_id,
            format=format_ or where.get("format"),
            options={**(where.get("options") or {}), **(options or {})},
            references=references_to_open(contract),
            **self._reading(contract),
        )

    def _open_kept(
        self,
        item: Manifest,
        contract: Contract,
        data: object = None,
        format: str | None = None,  # noqa: A002
        *,
        checked: bool = True,
    ) -> Batch:
        """A quarantined batch, or what shall stand in for it, under the batch_id that it is committed with.

        Of a batch that was split these are its broken rows, without what the quarantine added to them.
        """
        rows = item.scope == "rows"
        came, options = (item.split.get("format"), item.split.get("options")) if rows else (item.format, item.options)
        same = isinstance(data, str | os.PathLike | list | tuple) and self._format_of(data, format) == came
        if data is None:
            format, options = item.format, item.options  # noqa: A001
        with ExitStack() as stack:
            files = data if data is not None else [str(path) for path in stack.enter_context(lent(self.places.store(), item))]
            batch = open_batch(
                files,
                batch_id=item.target_batch_id,
                format=format,
                options=options if same or data is None else None,
                references=references_to_open(contract) if checked else None,
                known_sha256=item.content_sha256 if data is None and not rows else None,
                dropped=(ROW_COLUMN, CHECKS_COLUMN) if rows else (),
                types=item.split.get("columns") if data is None else None,
                **self._reading(contract),
            )
            batch.on_close(stack.pop_all().close)
            return batch

    @contextmanager
    def _merged(self, item: Manifest, contract: Contract, rows: Batch) -> Iterator[Batch | None]:
        """The batch of a rows item as it will be with these rows, if the target can show its rest."""

        def opened(files: tuple[Path, ...], sha256: str) -> Batch:
            return open_batch(
                [str(path) for path in files],
                batch_id=item.batch_id,
                format="parquet",
                references=references_to_open(contract),
                known_sha256=sha256,
                types=item.split.get("columns"),
                **self._reading(contract),
            )

        with merged(self.places.target_of(item), item, rows, opened) as whole:
            yield whole

    def _open_original(self, item: Manifest) -> Batch:
        """The files that a rows item was split from, as they are now."""
        return open_batch(
            list(item.split.get("files", ())),
            batch_id=item.batch_id,
            format=item.split.get("format"),
            options=item.split.get("options") or None,
            **self._reading(rest_contract(item)),
        )

    def _format_of(self, data: Any, format: str | None) -> str:  # noqa: A002
        with closing(Remote(self.places.source, self.profile.batch.temp_directory)) as remote:
            return format_of(data, format, remote)

    def _reading(self, contract: Contract) -> dict[str, Any]:
        pool = self._databases
        return {
            "sources": self.places.source,
            "declared": tuple((spec.name, spec.type) for spec in contract.fields if spec.type),
            "settings": pool.settings,
            "pool": None if any(check.runs_own_sql for check in contract.checks) else pool,
        }
