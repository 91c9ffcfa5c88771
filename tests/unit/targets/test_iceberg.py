"""The Iceberg target: the suite that every target passes, and what only a catalog can get wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.ports.names import segment
from sluicegate.ports.target import Target
from sluicegate.testing.targets import TargetConformance, Visible
from sluicegate_adapters.targets.iceberg import IcebergTarget
from tests.unit.targets.iceberg_tables import values


class TestIcebergTarget(TargetConformance):
    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        return IcebergTarget({}, tmp_path / "lake [1]")

    @pytest.fixture
    def visible(self, target: Target, tmp_path: Path) -> Visible:
        return lambda dataset: values(tmp_path / "lake [1]", segment(dataset))


class TestIcebergTargetWithPartitions(TargetConformance):
    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        return IcebergTarget({"partition_by": ["bucket(3, a)", "truncate(2, a)"]}, tmp_path)

    @pytest.fixture
    def visible(self, target: Target, tmp_path: Path) -> Visible:
        return lambda dataset: values(tmp_path, segment(dataset))


class TestIcebergTargetOnABranch(TargetConformance):
    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        return IcebergTarget({"branch": "audit"}, tmp_path)

    @pytest.fixture
    def visible(self, target: Target, tmp_path: Path) -> Visible:
        return lambda dataset: values(tmp_path, segment(dataset), "audit")


class TestIcebergTargetOnABranchThatIsPublished(TargetConformance):
    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        return IcebergTarget({"branch": "audit", "publish": True}, tmp_path)

    @pytest.fixture
    def visible(self, target: Target, tmp_path: Path) -> Visible:
        return lambda dataset: values(tmp_path, segment(dataset))
