from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.crew import Crew, hired
from tests.crash.worlds import WORLDS, World
from tests.s3.servers import running_server


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    with hired() as found:
        yield found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("s3")) as url:
        yield url


@pytest.fixture
def world_of(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], World]:
    """A world by its name; the S3 server is started for those that need it."""

    def made(name: str) -> World:
        kind = WORLDS[name]
        return kind(tmp_path / "shop", request.getfixturevalue("server") if kind.needs_server else "")

    return made
