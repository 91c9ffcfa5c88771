"""The fixtures ``webhook_server`` and ``smtp_server``: real servers, one of each per test. Import both into a package's conftest.

What they can do is in ``webhooks`` and ``mailboxes``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notify.mailboxes import SmtpServer, smtp_server_running
from tests.notify.webhooks import WebhookServer, webhook_server_running

__all__ = ["SmtpServer", "WebhookServer", "smtp_server", "webhook_server"]


@pytest.fixture
def webhook_server() -> Iterator[WebhookServer]:
    with webhook_server_running() as server:
        yield server


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    with smtp_server_running() as server:
        yield server
