"""Mails as a reader with a browser's eyes has them: on a phone and wide, by day and by night."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sluicegate.notify.model import Channel
from sluicegate.notify.samples import SAMPLES
from sluicegate.notify.templates import Folded, render
from sluicegate.ports.notifier import TextFormat
from tests.browser.chromium import Look, Scheme
from tests.golden.test_notify import SETTINGS, TOLD

_REFUSED = SAMPLES["quality_violation"]
_BROKEN = _REFUSED.facts["violations"][0]
SIGHTS: tuple[tuple[int, Scheme], ...] = ((400, "light"), (400, "dark"), (1000, "light"), (1000, "dark"))
LONG = Folded.of(
    replace(
        _REFUSED,
        contract_name="a_very_long_name_of_a_contract_that_breaks_nowhere_" * 3,
        facts={
            **_REFUSED.facts,
            "contract_name": "<script>document.title = 'ran'</script>" + "x" * 200,
            "violations": [{**_BROKEN, "name": f"<b>check</b> {number} " + "y" * 90} for number in range(30)],
            "violation_count": 30,
        },
    )
)


@pytest.mark.parametrize("name", ["quality_violation", "unreadable", "recovered", "digest", "long"])
def test_a_mail_is_readable(look: Look, tmp_path: Path, name: str) -> None:
    message = render(Channel(name="mail", type="email"), TextFormat.HTML, (TOLD | {"long": LONG})[name], SETTINGS)
    page = tmp_path / "mail.html"
    page.write_text(message.body, encoding="utf-8")
    for width, scheme in SIGHTS:
        seen = look(page, width=width, scheme=scheme)
        assert seen.faults() == {}, (width, scheme)
        assert seen.page.title() != "ran"
