"""SodaCL as text: whatever a contract holds, YAML and Jinja give it back unchanged."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate.checks.contract_check import Json
from sluicegate_adapters.engines.soda import runtime
from sluicegate_adapters.engines.soda.runtime import load, render
from sluicegate_adapters.engines.soda.sodacl import dump, expression_text, metric_name, name_text, query_text
from tests.unit.engines.soda_cases import CASES, CONTEXT, batch

_AWKWARD = ("${x}", "{% raw %}", "{# no #}", "{{ x }}", "a\r\nb", "\r", "'", '"', "\\", "${'$'}{", "a: b # c", "日本語", "\x85", "\u2028", "\x7f", " ", "- a", "null", "1", "~")  # fmt: skip
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.lists(st.sampled_from(_AWKWARD)).map(
    "".join
)


def _loaded(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(StringIO(text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | _TEXT, lambda x: st.lists(x) | st.dictionaries(_TEXT, x), max_leaves=8
    )
)
def test_a_document_reads_back_as_it_was(value: Any) -> None:
    assert _loaded(dump({"top": value})) == json.loads(json.dumps({"top": value}))


@pytest.mark.parametrize(("value", "text"), [(Decimal("0.10"), "0.10"), (1e20, "100000000000000000000"), (float("inf"), ".inf")])
def test_numbers_keep_their_digits(value: Decimal | float, text: str) -> None:
    assert dump([value]) == f"- {text}\n"


def test_sql_stands_in_blocks_that_a_person_can_read() -> None:
    assert dump({"n query": "SELECT 'x'\nFROM batch"}) == "n query: |-\n  SELECT 'x'\n  FROM batch\n"


def _through_jinja(text: str, passes: int) -> str:
    load()
    for _ in range(passes):
        text = render(text, {})
    return text


@given(_TEXT)
def test_a_name_survives_one_pass_of_templates(text: str) -> None:
    assert _through_jinja(name_text(text), 1) == text


@given(st.lists(_TEXT, min_size=1, max_size=4))
def test_expressions_survive_being_filled_together(texts: list[str]) -> None:
    together = "SELECT " + ", ".join(expression_text(f"'{text}'") for text in texts) + " FROM batch"
    assert _through_jinja(together, 1) == "SELECT " + ", ".join(f"'{text}'" for text in texts) + " FROM batch"


@given(_TEXT)
def test_a_query_survives_two_passes_and_the_loss_of_its_indentation(text: str) -> None:
    from textwrap import dedent

    sql = f"SELECT '{text}' FROM batch"
    assert _through_jinja(dedent(query_text(sql)).strip(), 2) == sql


@pytest.mark.parametrize("check_id", ["a", "a-b", "a_b", "A_b", "", "日本語", "x" * 300, "1", "${x}"])
def test_names_of_metrics_are_words_of_sodas_grammar_and_differ_where_the_checks_do(check_id: str) -> None:
    load()
    from soda.sodacl.sodacl_parser import AntlrParser

    name = metric_name("failing", check_id)
    parsed = AntlrParser(f"{name} = 0", lambda parser: parser.check())
    assert parsed.is_ok()
    assert parsed.result.metric_check().metric().getText() == name
    assert all(name != metric_name("failing", other) for other in ("a", "a-b", "a_b", "A_b", "1", "日本語") if other != check_id)


# --- documents that are not read from their text -------------------------------------------------------------------------------


def _shown(value: Any) -> Any:
    """All that an object of Soda's holds, but where it stood in the text."""
    if isinstance(value, dict):
        return {str(key): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(item) for item in value]
    if type(value).__module__.startswith("soda.") and type(value).__name__ != "Location":
        return {"": type(value).__name__, **_shown({key: item for key, item in vars(value).items() if "location" not in key})}
    return None if type(value).__name__ == "Location" else value


def _documents() -> list[dict[str, Any]]:
    bodies = [body for case in CASES for body in (case.good, case.worse)]
    return [
        {"checks for batch": [body]} if isinstance(body, str) or _is_one_check(body) else body
        for body in bodies
        if isinstance(body, str | dict)
    ]


def _is_one_check(body: dict[str, Any]) -> bool:
    return not next(iter(body)).startswith(("checks", "filter", "configurations", "for each", "variables"))


@pytest.mark.parametrize("document", _documents(), ids=str)
def test_a_document_is_understood_as_its_text_would_be(document: dict[str, Any]) -> None:
    as_text, as_it_is = ([_shown(config) for config in runtime.configurations(runtime.parse(given)[0])] for given in (dump(document), document))  # fmt: skip
    assert as_text == as_it_is != []


def test_running_a_document_changes_nothing_in_what_was_read_of_it() -> None:
    rows = batch()
    for document in _documents():
        running: list[Any] = []
        original = runtime._read

        def listen(scan: Any, given: Any, into: list[Any] = running, real: Any = original) -> None:
            real(scan, given)
            into.append((scan, [_shown(config) for config in runtime.configurations(scan)]))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runtime, "_read", listen)
            first, second = (runtime.scan(document, rows.connect(), CONTEXT.now) for _ in range(2))
        ((one, before), (other, again)) = running
        assert before == again
        shared = list(one._sodacl_cfg.data_source_scan_cfgs.values()) == list(other._sodacl_cfg.data_source_scan_cfgs.values())
        assert shared is (list(document) in (["checks for batch"], ["checks"]))
        assert not shared or again == [_shown(config) for config in runtime.configurations(other)]
        outcomes = [[finding.outcome for found in scanned.findings.values() for finding in found] for scanned in (first, second)]
        assert outcomes[0] == outcomes[1]


def test_what_was_read_is_forgotten_in_the_end() -> None:
    rows = batch()
    for bound in range(runtime._READ_AT_MOST + 3):
        runtime.scan({"checks for batch": [f"row_count > {bound}"]}, rows.connect(), CONTEXT.now)
    assert len(runtime._read_before) == runtime._READ_AT_MOST


def test_a_threshold_that_is_a_template_is_filled_for_each_run_anew() -> None:
    document: dict[str, Json] = {"checks for batch": [{"row_count": {"fail": "when > ${BOUND}"}}]}
    found = []
    for _ in range(2):
        runtime.scan(document, batch().connect(), CONTEXT.now)
        found.append(dump(document) in runtime._read_before)
    assert found == [False, False]
