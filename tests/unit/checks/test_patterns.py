from __future__ import annotations

import re
import warnings

import duckdb
import pytest

from sluicegate.checks.patterns import inspect_pattern

SHARED = [
    "", "a", "^[A-Z]{2}\\d+$", "(?i)abc", "(?i:abc)d", "(?s).", "(?m)^a$", "(?P<year>\\d{4})", "a|b|", "[^a-z]", "[]a]", "[$]", "\\$",
    "a{2,5}?", "a{1000}", "(a)(b)(c)", "\\x41", "\\.", "[\\w.-]+@[\\w.-]+", "é+", "\\bword\\b", "(?:ab)*", "a*?", "\\\\", "'", '"', "^$",
    "[(]", "[?<=]", "\\(?=", "a\\n",
]  # fmt: skip
PYTHON_ONLY = {
    "(?=a)b": "look-ahead", "(?!a)b": "negative look-ahead", "(?<=a)b": "look-behind", "(?<!a)b": "negative", r"(a)\1": "back-reference",
    "(?P<q>a)(?P=q)": "back-reference", "(a)?(?(1)b|c)": "conditional", "a++": "possessive", "(?>a+)b": "atomic", "a{1001}": "repeat",
    "a{2,5000}": "repeat", r"a\Z": r"\Z", "(?#note)a": "comment", "(?x) a b": "flag x", "(?a)\\w": "flag a", r"\u00e9": r"\u",
    "x(?=(?:y|(?!z)))": "look-ahead", "((?:(?=a)a)*)": "look-ahead",
}  # fmt: skip
RE2_ONLY = {
    r"\pL+": "Unicode class",
    r"\p{Greek}": "Unicode class",
    r"a\z": r"\z",
    r"\Qa.b\E": r"\Q",
    "[[:alpha:]]+": "[:alpha:]",
    "(?U)a+": "flag U",
}
BROKEN = {"(": 0, "a)": 1, "[a": 0, "*a": 0, "a(b": 1, "a{2,1}": 2, "\\": 0, "(?z)": 1, "a**": 2, "[z-a]": 1}


def re2_accepts(pattern: str) -> bool:
    try:
        duckdb.connect().execute("SELECT regexp_matches('x', ?)", [pattern]).fetchall()
    except duckdb.Error:
        return False
    return True


def python_accepts(pattern: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(pattern)
        except (re.error, OverflowError):
            return False
    return True


@pytest.mark.parametrize("pattern", SHARED)
def test_what_both_dialects_take_is_shared(pattern: str) -> None:
    assert inspect_pattern(pattern).is_shared
    assert re2_accepts(pattern)
    assert python_accepts(pattern)


@pytest.mark.parametrize(("pattern", "feature"), PYTHON_ONLY.items())
def test_what_re2_lacks_is_named(pattern: str, feature: str) -> None:
    facts = inspect_pattern(pattern)
    assert feature in "; ".join(facts.python_only)
    assert not facts.broken
    assert not re2_accepts(pattern)
    assert python_accepts(pattern)


@pytest.mark.parametrize(("pattern", "feature"), RE2_ONLY.items())
def test_what_pythons_re_lacks_or_misreads_is_named(pattern: str, feature: str) -> None:
    facts = inspect_pattern(pattern)
    assert feature in "; ".join(facts.re2_only)
    assert not facts.broken
    assert not facts.python_only
    assert re2_accepts(pattern)


@pytest.mark.parametrize(("pattern", "position"), BROKEN.items())
def test_what_is_broken_says_where(pattern: str, position: int) -> None:
    facts = inspect_pattern(pattern)
    assert facts.broken
    assert facts.position == position
    assert not re2_accepts(pattern)


def test_a_pattern_nested_too_deep_is_broken_and_not_a_crash() -> None:
    assert inspect_pattern("(" * 5000 + "a" + ")" * 5000).broken


@pytest.mark.parametrize(
    ("pattern", "note"),
    [(r"\w", "ASCII"), (r"[\d]", "ASCII"), ("a$", "final newline"), ("[a$]", ""), (r"a\$", ""), ("plain", "")],
)
def test_notes_tell_where_both_take_it_and_differ(pattern: str, note: str) -> None:
    notes = "; ".join(inspect_pattern(pattern).notes)
    assert note in notes
    assert bool(notes) == bool(note)
