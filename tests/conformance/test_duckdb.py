"""DuckDB runs every canonical check."""

import pytest

from sluicegate.plugins import load
from sluicegate.ports.engine import Engine
from sluicegate.testing.engines import EngineConformance
from tests.conformance.declared import DUCKDB


class TestDuckdb(EngineConformance):
    divergences = DUCKDB

    @pytest.fixture
    def engine(self) -> Engine:
        engine: Engine = load("sluicegate.engines", "duckdb")()
        return engine
