"""The browser, once for each worker; where it can't be had the tests are skipped, except in CI."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import Look, chromium, why_not


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if missing := why_not():
        if os.environ.get("CI"):
            pytest.fail(f"CI must look at the pages: {missing}")
        pytest.skip(missing)
    with chromium() as opened:
        yield opened


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """``look(file, width=400, scheme="dark").faults()`` is empty for a page that is as it should be."""
    looking = Look(browser)
    yield looking
    looking.close()
