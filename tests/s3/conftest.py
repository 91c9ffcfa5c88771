from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluicegate_adapters.quarantine.s3 import S3QuarantineStore
from tests.notify.servers import smtp_server
from tests.s3.lake import Lake
from tests.s3.proxy import Network, bad_network
from tests.s3.servers import new_bucket, running_server, settings_for

__all__ = ["smtp_server"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture(autouse=True)
def system_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes into the system's temporary folder is this test's alone: stores clear up there what the dead left."""
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


@pytest.fixture
def bucket(server: str) -> str:
    return new_bucket(server)


@pytest.fixture
def network(server: str) -> Iterator[Network]:
    """The same server behind a network that can be made to fail."""
    with bad_network(server) as found:
        yield found


@pytest.fixture
def store(server: str, bucket: str, tmp_path: Path) -> S3QuarantineStore:
    return S3QuarantineStore(settings_for(server, bucket), tmp_path)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.csv"
    path.write_text("a\n1\n")
    return path


@pytest.fixture
def lake(server: str, bucket: str, tmp_path: Path) -> Lake:
    return Lake(server, bucket, tmp_path)
