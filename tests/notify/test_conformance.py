"""Our own notifiers keep the promises that a stranger's are held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sluicegate.ports.notifier import Notifier, Sent
from sluicegate.testing.notifiers import MemoryNotifier, NotifierConformance
from tests.notify.messages import KINDS, mail_settings, notifier, web_settings
from tests.notify.ports import HOST
from tests.notify.servers import SmtpServer, WebhookServer
from tests.notify.webhooks import webhook_server_running


@pytest.fixture
def deserted() -> Iterator[WebhookServer]:
    """Down, and nobody else gets its port."""
    with webhook_server_running() as server:
        server.down()
        yield server


class OverHttp(NotifierConformance):
    kind: str

    @pytest.fixture
    def notifier(self, webhook_server: WebhookServer) -> Notifier:
        return notifier(self.kind, web_settings(self.kind, webhook_server))

    @pytest.fixture
    def nobody_there(self, deserted: WebhookServer) -> Notifier:
        return notifier(self.kind, web_settings(self.kind, deserted))

    @pytest.fixture
    def arrived(self, webhook_server: WebhookServer) -> Callable[[], bytes]:
        return lambda: b"\n".join(request.everything for request in webhook_server.requests)


class TestSlack(OverHttp):
    kind = "slack"


class TestTeams(OverHttp):
    kind = "teams"


class TestPagerDuty(OverHttp):
    kind = "pagerduty"


class TestApprise(OverHttp):
    kind = "apprise"


class TestMail(NotifierConformance):
    @pytest.fixture
    def notifier(self, smtp_server: SmtpServer) -> Notifier:
        smtp = mail_settings(smtp_server)["smtp"] | {"username": smtp_server.user, "password": smtp_server.password}
        return notifier("email", mail_settings(smtp_server, smtp=smtp))

    @pytest.fixture
    def nobody_there(self, smtp_server: SmtpServer, deserted: WebhookServer) -> Notifier:
        smtp = {"host": HOST, "port": deserted.port, "username": smtp_server.user, "password": smtp_server.password}
        return notifier("email", mail_settings(smtp_server, smtp=smtp))

    @pytest.fixture
    def arrived(self, smtp_server: SmtpServer) -> Callable[[], bytes]:
        return lambda: b"\n".join(mail.content for mail in smtp_server.mails)


class TestMemory(NotifierConformance):
    """The fake is one, too."""

    @pytest.fixture
    def notifier(self) -> MemoryNotifier:
        return MemoryNotifier(secrets={"hush-hush"})

    @pytest.fixture
    def nobody_there(self) -> Notifier:
        return MemoryNotifier(*[Sent(delivered=False, detail="nobody is there")] * 9)

    @pytest.fixture
    def arrived(self, notifier: MemoryNotifier) -> Callable[[], bytes]:
        return lambda: "\n".join(message.title for _, message in notifier.kept).encode()


assert {one.kind for one in (TestSlack, TestTeams, TestPagerDuty, TestApprise)} == set(KINDS)
