"""How long hypothesis looks: the same examples every time where CI is set, new ones on a developer's machine.

What the crash suites tell at the end of a run. And no test knows the secrets of another one.
"""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sluicegate import redact
from tests.crash.summary import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

DEFAULT = settings(
    max_examples=50, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("default", DEFAULT)
settings.register_profile("ci", DEFAULT, derandomize=True, database=None)
settings.register_profile("thorough", DEFAULT, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


@pytest.fixture(autouse=True)
def _no_secrets_of_others() -> Iterator[None]:
    known, factory = redact._known, logging.getLogRecordFactory()
    yield
    redact._known = known
    logging.setLogRecordFactory(factory)
