"""Which branch of an Iceberg table batches go to, whether ``main`` follows it, and what must still hold when a commit is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluicegate.errors import ConfigError, StorageError
from sluicegate_adapters.targets._iceberg_snapshots import MAIN, ancestors

if TYPE_CHECKING:
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.update import SetSnapshotRefUpdate

__all__ = ["Branching", "once"]

_RETRIES = "commit.retry.num-retries"
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def once(table: Table, transaction: Transaction) -> None:
    """Let a transaction's commit be tried once, and leave all files where they are.

    pyiceberg repeats a refused commit on the newest snapshot, where the batch may be by then. It also deletes the manifests of a
    commit that it takes for refused: a catalog behind a proxy that repeats requests may have taken it.
    """
    table.metadata.properties[_RETRIES] = "0"
    transaction._snapshot_producers.clear()  # noqa: SLF001 - pinned; a test holds it to this


@dataclass(frozen=True, slots=True)
class Branching:
    """Where batches go.

    Attributes:
        branch: the branch that gets them.
        publish: ``main`` is moved to it in the same commit; it never goes another way than forward.
    """

    branch: str = MAIN
    publish: bool = False

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Branching:
        """From the settings of a target.

        Raises:
            ConfigError: they can't be used.
        """
        branch, publish = settings.get("branch", MAIN), settings.get("publish", False)
        if not isinstance(branch, str) or not _BRANCH.fullmatch(branch):
            raise ConfigError(f"target.branch can't be {branch!r}", hint="letters, digits, '.', '_' and '-'")
        if not isinstance(publish, bool):
            raise ConfigError(f"target.publish must be true or false, not {publish!r}")
        return cls(branch, publish and branch != MAIN)

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The branches in which a batch counts as there already."""
        return (MAIN,) if self.branch == MAIN else (self.branch, MAIN)

    @property
    def readers(self) -> tuple[str, ...]:
        """The branches in which a batch counts as committed: where it is published, that is ``main`` alone."""
        return (MAIN,) if self.publish else self.looked_at

    def first(self, table: Table) -> Transaction | None:
        """The commit of an empty snapshot that a table without any needs before it can have a branch; None: it needs none."""
        if self.branch == MAIN or table.metadata.snapshots:
            return None
        transaction = table.transaction()
        with transaction.update_snapshot().fast_append():
            pass
        return transaction

    def begin(self, table: Table, transaction: Transaction) -> None:
        """Stage the branch, where it isn't there yet, or is behind ``main`` and to be published.

        Raises:
            StorageError: it is to be published, and ``main`` has gone another way.
        """
        main, head = _head(table, MAIN), _head(table, self.branch)
        if self.publish and not _leads_to(table, main, self.branch):
            if not _leads_to(table, head, MAIN):
                raise self._diverged(table)
            head = None
        if main is not None and head is None and self.branch != MAIN:
            transaction._stage((_moved(self.branch, main),))  # noqa: SLF001 - there is no other way to stage it with what follows

    def end(self, table: Table, transaction: Transaction) -> None:
        """Stage that ``main`` follows, and let the commit hold only on the very table that was looked through."""
        from pyiceberg.table.update import AssertCurrentSchemaId, AssertDefaultSpecId, AssertLastAssignedFieldId

        if self.publish:
            transaction._stage((_moved(MAIN, transaction.table_metadata.refs[self.branch].snapshot_id),))  # noqa: SLF001
        known = table.metadata
        transaction._requirements = (  # noqa: SLF001 - all of ours: pyiceberg keeps one requirement of each kind only
            *self._held(table),
            AssertCurrentSchemaId.model_validate({"current-schema-id": known.current_schema_id}),
            AssertLastAssignedFieldId.model_validate({"last-assigned-field-id": known.last_column_id}),
            AssertDefaultSpecId.model_validate({"default-spec-id": known.default_spec_id}),
        )

    def _held(self, table: Table) -> tuple[Any, ...]:
        """That the branches are where they were when they were looked through."""
        from pyiceberg.table.update import AssertRefSnapshotId

        heads = {branch: _head(table, branch) for branch in self.looked_at}
        return tuple(AssertRefSnapshotId.model_validate({"ref": ref, "snapshot-id": head}) for ref, head in heads.items())

    def forward(self, table: Table) -> Transaction:
        """The commit that moves ``main`` to the branch, and nothing else.

        Raises:
            StorageError: ``main`` has gone another way.
        """
        if not _leads_to(table, _head(table, MAIN), self.branch):
            raise self._diverged(table)
        head = _head(table, self.branch)
        if head is None:
            raise StorageError(f"{'.'.join(table.name())} has no branch {self.branch!r} to publish")
        transaction = table.transaction()
        transaction._stage((_moved(MAIN, head),))  # noqa: SLF001 - manage_snapshots would not hold main to what was looked at
        transaction._requirements = self._held(table)  # noqa: SLF001 - as above
        return transaction

    def _diverged(self, table: Table) -> StorageError:
        return StorageError(
            f"branch {self.branch!r} of {'.'.join(table.name())} can't be published: main has snapshots that it lacks",
            hint=f"bring main's newer snapshots onto {self.branch}, or drop the branch if main has all of it; nothing was committed",
        )


def _moved(branch: str, snapshot_id: int) -> SetSnapshotRefUpdate:
    from pyiceberg.table.update import SetSnapshotRefUpdate

    return SetSnapshotRefUpdate.model_validate({"ref-name": branch, "type": "branch", "snapshot-id": snapshot_id})


def _head(table: Table, branch: str) -> int | None:
    ref = table.metadata.refs.get(branch)
    return ref.snapshot_id if ref else None


def _leads_to(table: Table, snapshot_id: int | None, branch: str) -> bool:
    """Whether a branch has a snapshot among its ancestors, or is at it: it then can follow the branch and lose nothing."""
    return snapshot_id is None or any(snapshot.snapshot_id == snapshot_id for snapshot in ancestors(table, branch))
