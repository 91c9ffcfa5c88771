"""Soda: canonical checks as SodaCL."""

import pytest

from sluicegate.plugins import load
from sluicegate.ports.engine import Engine
from sluicegate.testing.engines import EngineConformance
from tests.conformance.declared import SODA


class TestSoda(EngineConformance):
    divergences = SODA

    @pytest.fixture
    def engine(self) -> Engine:
        engine: Engine = load("sluicegate.engines", "soda")()
        return engine
