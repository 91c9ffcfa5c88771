"""The S3 quarantine store: the suite that every store passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.ports.quarantine import QuarantineStore
from sluicegate.testing.quarantine import QuarantineConformance
from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from tests.s3.servers import settings_for


class TestS3QuarantineStore(QuarantineConformance):
    @pytest.fixture
    def store(self, server: str, bucket: str, tmp_path: Path) -> QuarantineStore:
        return S3QuarantineStore(settings_for(server, bucket), tmp_path)
