"""The conformance suite for what clears up after the dead: subclass ``RecoveryConformance`` and give a ``site``.

.. code-block:: python

    class TestMyStoreClearsUp(RecoveryConformance):
        @pytest.fixture
        def site(self, tmp_path: Path) -> RecoverySite:
            return MySite(tmp_path)

Needs pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from sluicegate.ports.recovery import Recoverable, Recovered

__all__ = ["RecoveryConformance", "RecoverySite"]


class RecoverySite(Protocol):
    """A target or a store with something in it, and how to make a mess of it."""

    @property
    def place(self) -> Recoverable:
        """What is under test, as a process would open it that has never seen it before."""
        ...

    def leave(self) -> None:
        """Leave what a worker leaves that dies before its commit, and whatever else nobody refers to."""
        ...

    def living(self) -> AbstractContextManager[object]:
        """A worker in the middle of a commit, everything written and nothing visible; at the end it comes through, or raises."""
        ...

    def lying(self) -> Mapping[str, object]:
        """All that lies there but locks and empty folders, and its content or size."""
        ...

    def served(self) -> object:
        """What readers see: the rows of a target, the manifests and bytes of a store."""
        ...


class RecoveryConformance:
    """What ``ports.recovery.Recoverable`` promises.

    Attributes:
        age_tells: whether only their age tells leavings from a living worker's. False: locks do, and no age protects anything.
    """

    age_tells = True

    @pytest.fixture
    def site(self) -> RecoverySite:
        """The place under test, with something committed or kept in it."""
        raise NotImplementedError

    def _recovered(self, site: RecoverySite, *, old: bool = True, dry_run: bool = False) -> list[Recovered]:
        """What is told of leavings that are old enough, or too young: moments are moved, not files' times."""
        moment = datetime.now(UTC) + (timedelta(hours=1) if old else timedelta(days=-1))
        return list(site.place.recover(older_than=moment, dry_run=dry_run))

    def test_what_the_dead_left_is_removed_and_told(self, site: RecoverySite) -> None:
        before = site.lying()
        site.leave()
        assert site.lying() != before
        found = self._recovered(site)
        assert site.lying() == before
        assert {item.done for item in found} == {"removed"}
        assert {item.exit_code for item in found} == {0}
        assert all(item.why and item.where and item.what for item in found)

    def test_what_readers_see_stays(self, site: RecoverySite) -> None:
        served = site.served()
        assert served
        site.leave()
        self._recovered(site)
        assert site.served() == served

    def test_where_nothing_was_left_nothing_is_done(self, site: RecoverySite) -> None:
        before = site.lying()
        assert self._recovered(site) == []
        assert site.lying() == before

    def test_what_is_too_young_stays_where_only_its_age_tells(self, site: RecoverySite) -> None:
        site.leave()
        before = site.lying()
        found = self._recovered(site, old=False)
        assert [item.done for item in found].count("removed") == (0 if self.age_tells else len(found))
        assert (site.lying() == before) == self.age_tells

    def test_a_dry_run_tells_the_same_and_changes_nothing(self, site: RecoverySite) -> None:
        site.leave()
        before = site.lying()
        would = self._recovered(site, dry_run=True)
        assert site.lying() == before
        done = self._recovered(site)
        assert [(item.what, item.where, item.bytes) for item in would] == [(item.what, item.where, item.bytes) for item in done]
        assert {item.done for item in would} == {"would be removed"}

    def test_again_it_finds_nothing(self, site: RecoverySite) -> None:
        site.leave()
        assert self._recovered(site)
        assert self._recovered(site) == []

    def test_a_living_worker_is_not_disturbed(self, site: RecoverySite) -> None:
        served = site.served()
        with site.living():
            found = self._recovered(site, old=not self.age_tells)
            assert "removed" not in {item.done for item in found}
        assert site.served() != served, "it came through"
