"""SodaCL as text: whatever a contract holds, YAML and Jinja give it back unchanged."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluicegate_adapters.engines.soda.runtime import load, render
from sluicegate_adapters.engines.soda.sodacl import dump, expression_text, metric_name, name_text, query_text

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
