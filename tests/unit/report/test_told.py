from __future__ import annotations

import pytest

from sluicegate.report import wording


@pytest.mark.parametrize(
    ("state", "detail", "said"),
    [
        ("delivered", "200 OK", "email ops@example.com"),
        ("due", "connection refused", "email ops@example.com: connection refused, tried again from 2026-01-02 12:30 UTC"),
        ("sending", "", "email ops@example.com: no answer yet"),
        ("failed", "the key is wrong", "email ops@example.com: the key is wrong, given up"),
        ("dropped", "", "email ops@example.com: given up"),
        ("waiting", "", "email ops@example.com: not before 2026-01-02 12:30 UTC, with what comes until then"),
    ],
)
def test_how_far_an_alert_is_with_each_service(state: str, detail: str, said: str) -> None:
    told = {
        "channel": "email",
        "service": "ops@example.com",
        "state": state,
        "detail": detail,
        "next_at": "2026-01-02T12:30:05+00:00",
    }
    assert wording.told({"alerts": [told]}) == said


def test_several_services_are_one_line_and_none_is_no_line() -> None:
    told = {"channel": "slack", "service": "", "state": "delivered", "detail": "", "next_at": None}
    assert wording.told({"alerts": [told, told]}) == "slack; slack"
    assert not wording.told({"alerts": []})
