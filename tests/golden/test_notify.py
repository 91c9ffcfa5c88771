"""What each kind of alert says in each format, as text that a person reviews."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.samples import SAMPLES, sample_digest
from sluicegate.notify.templates import Folded, render
from sluicegate.ports.notifier import TextFormat
from tests.golden import check_golden

SETTINGS = NotificationSettings(timezone="Europe/Madrid", review_url="https://gate.example.com/items/{quarantine_id}")
CHANNEL = Channel(name="data-team", type="any")
SUFFIXES = {TextFormat.TEXT: "txt", TextFormat.MARKDOWN: "md", TextFormat.HTML: "html"}
REFUSED = Folded.of(SAMPLES["quality_violation"])
TOLD = {name: Folded.of(alert) for name, alert in SAMPLES.items()} | {
    "digest": replace(Folded.of(*sample_digest()), count=31),
    "folded": replace(REFUSED, count=41, first_at=REFUSED.last_at - timedelta(minutes=50)),
    "over": replace(REFUSED, standing="passing"),
}


@pytest.mark.parametrize("form", TextFormat)
@pytest.mark.parametrize("name", TOLD)
def test_each_kind_of_alert_says_this(name: str, form: TextFormat) -> None:
    message = render(CHANNEL, form, TOLD[name], SETTINGS)
    body = message.body if form is TextFormat.HTML else f"{message.title}\n\n{message.body}"
    check_golden("notify", f"{name}.{SUFFIXES[form]}", body)
