"""Python rules: no canonical check is one, and the engine says so."""

import pytest

from sluicegate.plugins import load
from sluicegate.ports.engine import Engine
from sluicegate.testing.engines import EngineConformance
from tests.conformance.declared import PYTHON


class TestPython(EngineConformance):
    divergences = PYTHON

    @pytest.fixture
    def engine(self) -> Engine:
        engine: Engine = load("sluicegate.engines", "python")()
        return engine
