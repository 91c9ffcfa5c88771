"""Great Expectations: canonical checks as expectations."""

import pytest

from sluicegate.plugins import load
from sluicegate.ports.engine import Engine
from sluicegate.testing.engines import EngineConformance
from tests.conformance.declared import GREAT_EXPECTATIONS


class TestGreatExpectations(EngineConformance):
    divergences = GREAT_EXPECTATIONS

    @pytest.fixture
    def engine(self) -> Engine:
        engine: Engine = load("sluicegate.engines", "great_expectations")()
        return engine
