"""Whatever data is in the facts: every shipped template renders, nothing in it becomes a tag, a link, a mention or a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from sluicegate.history.alert import Alert, Event
from sluicegate.notify.dialects import DIALECTS
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.samples import SAMPLES
from sluicegate.notify.templates import Folded, faults_of, render
from sluicegate.ports.notifier import Message, TextFormat
from tests.golden.test_notify import TOLD

NASTY = (
    "<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", '" onmouseover="x', "<!channel>", "<!here|x>", "<@U024BE7LH>", "@everyone",
    "`x`", "``", "*", "**b**", "_i_", "~~s~~", "[a](http://evil.example)", "![a](http://evil.example)", "<http://evil.example|ok>", "a\nNext: rm",
    "\r\nBcc: all@example.com", "\u202egpj", "\x1b[31m", "\x00", "&lt;!channel&gt;", "{{ 7 * 7 }}", "{contract_name}", "{% raw %}", "\\", "|", "# h",
    "javascript:alert(1)", "https://example.com/a b\"'<>)", "\ud800", "東京", "x" * 3000,
)  # fmt: skip
TEXTS = st.sampled_from(NASTY) | st.text(max_size=40) | st.lists(st.sampled_from(NASTY), max_size=4).map("".join)
REVIEWED = NotificationSettings(review_url="https://gate.example.com/{quarantine_id}/{batch_id}")


def hostile(value: Any, draw: st.DrawFn) -> Any:
    """The same with other texts: all that isn't ours to choose."""
    match value:
        case str():
            return draw(TEXTS)
        case Mapping():
            return {key: each if key in {"outcome", "counts"} else hostile(each, draw) for key, each in value.items()}
        case list():
            return [hostile(each, draw) for each in value]
        case _:
            return value


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    sample = draw(st.sampled_from(list(SAMPLES.values())))
    kept = {"action", "decision"}
    facts = {name: value if name in kept else hostile(value, draw) for name, value in sample.facts.items()}
    facts["violations"] = facts.get("violations", []) * draw(st.sampled_from([1, 9]))
    facts["violation_count"] = len(facts["violations"])
    name, tenant = draw(TEXTS), draw(TEXTS)
    return replace(sample, facts=facts, contract_name=name, tenant=tenant, dataset=name, run_id=draw(TEXTS))


class Seen(HTMLParser):
    """The tags and their attributes, and whether they close as they open."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.open += [] if tag in self.VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def seen(folded: Folded) -> Seen:
    return Seen(told(folded, TextFormat.HTML).body)


OURS = {
    tag
    for folded in TOLD.values()
    for tag in Seen(render(Channel(name="x", type="x"), TextFormat.HTML, folded, REVIEWED).body).tags
}


def told(folded: Folded, form: TextFormat, template: str | None = None) -> Message:
    templates = {} if template is None else dict.fromkeys(Event, template)
    return render(Channel(name="x", type="x", templates=templates), form, folded, REVIEWED)


@given(st.lists(alerts(), min_size=1, max_size=3).map(tuple), st.sampled_from(["", "passing"]))
def test_whatever_the_facts_are_a_mail_is_made_of_our_own_tags(several: tuple[Alert, ...], standing: str) -> None:
    page = seen(Folded.of(*several, standing=standing))
    assert set(page.tags) <= OURS
    assert page.open == []
    assert all(link.startswith(("http://", "https://", "mailto:")) for link in page.links)


@given(st.lists(alerts(), min_size=1, max_size=3).map(tuple))
def test_nothing_in_the_facts_calls_people_in_a_chat(several: tuple[Alert, ...]) -> None:
    from apprise.plugins.slack import NotifySlack

    body = told(Folded.of(*several), TextFormat.MARKDOWN).body
    for sent in (body, NotifySlack._commonmark_to_slack(body)):
        assert not any(call in sent for call in ("<!", "<@", "<#", "@here", "@everyone", "@channel"))
    assert len(body) <= 3_000


@given(alerts())
def test_a_message_has_one_line_where_one_is_meant_and_can_be_encoded(alert: Alert) -> None:
    for form in TextFormat:
        message = told(Folded.of(alert), form)
        assert "\n" not in message.title
        assert 0 < len(message.title) <= 150
        for text in (message.title, message.body, message.text, message.link):
            assert not {char for char in text if char < " " and char != "\n"}
            text.encode()
    lines = told(Folded.of(alert), TextFormat.TEXT).body.split("\n")
    assert sum(line.startswith("Next:") for line in lines) == bool(alert.facts.get("next_command", "").strip("\n"))


@given(TEXTS)
@example("a*b<c>&amp;`d`")
def test_a_fact_is_written_exactly_once(text: str) -> None:
    alert = replace(SAMPLES["quarantined"], facts={**SAMPLES["quarantined"].facts, "owner": text})
    shown = told(Folded.of(alert), TextFormat.TEXT, "[{{ owner }}]").body[1:-1]
    for form in TextFormat:
        written = DIALECTS[form].text(shown)
        for template in (
            "[{{ owner }}]",
            "[{owner}]",
            "[{{ owner ~ '' }}]",
            "[{{ [owner] | join }}]",
            "[{{ owner | e }}]",
            "[{{ owner | string }}]",
        ):
            page = template if form is not TextFormat.HTML else f"<p>{template}</p>"
            body = told(Folded.of(alert), form, page).body.removeprefix("<p>").removesuffix("</p>")
            assert body == f"[{written}]"


PIECES = (
    "{{ ", " }}", "{% if ", "{% else %}", "{% endif %}", "{% for x in ", " %}", "{% endfor %}", "{% set y = ", "{%- ", "{#", "#}", "{rows}", "{batch_id}",
    "{", "}", "rows", "violations", "violations_list", "x", "x.name", "y", "verdict.checks", "alerts", "loop.index", " | join", " | replace('a', 'aa')",
    " | sort", " | map(attribute='name')", " | round", " | code", " | link", " | tojson", " | length", " | first", " ~ ", " + ", " * ", " % ", " / ", "'a'",
    "'%99d'", "9", "(", ")", "[", "]", ":", ",", " if ", " else ", " is defined", "Subject: ", "\n", "<p>", "text", ".upper()", ".items()", "none",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.sampled_from(list(SAMPLES)))
@example("{% for x in violations %}{{ x.name ~ x.name }}{% endfor %}", "split")
@example("{{ violations | map(attribute='name') | join }} {{ rows * rows }}", "broke")
@example("Subject: {batch_id}", "recovered")
def test_a_template_either_has_faults_or_tells_every_sample(template: str, sample: str) -> None:
    whole = not faults_of(template)
    for form in TextFormat:
        message = told(Folded.of(SAMPLES[sample]), form, template)
        assert whole <= ("can't be used" not in message.text)
        assert message.title
