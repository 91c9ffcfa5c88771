r"""What a regular expression needs: the dialect is RE2's, and not every engine has another.

Three things are told apart: what RE2 and Python share; what only Python's ``re`` can do (look-around, back-references, …),
which is ``unsupported`` on engines that have RE2 alone; and what is broken in both. Where both accept a pattern and yet mean
different things (``\w`` on letters beyond ASCII, ``$`` before a final newline), a note says so.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found]  # the parser is re's own; it is the only one that knows all of it
import re._parser as sre_parser  # type: ignore[import-not-found]
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["PatternFacts", "inspect_pattern"]

_RE2_REPEATS = 1000
_NODES = {
    sre.ASSERT: "look-ahead or look-behind",
    sre.ASSERT_NOT: "negative look-ahead or look-behind",
    sre.GROUPREF: "a back-reference",
    sre.GROUPREF_EXISTS: "a conditional group",
    getattr(sre, "POSSESSIVE_REPEAT", object()): "a possessive quantifier",
    getattr(sre, "ATOMIC_GROUP", object()): "an atomic group",
}
_TOKEN = re.compile(
    r"\\(?P<escape>p\{\^?\w+\}|P\{\^?\w+\}|.)|(?P<group>\(\?(?:P?<\w+>|#|P[=>]|[a-zA-Z-]+[:)]|.))|(?P<posix>\[:\^?\w+:\])",
    re.DOTALL,
)
_PYTHON_ESCAPES = {"Z": r"\Z (RE2 writes \z)", "u": r"\u… (RE2 writes \x{…})", "U": r"\U… (RE2 writes \x{…})", "N": r"\N{…}"}
_RE2_ESCAPES = {"z": r"\z", "C": r"\C", "Q": r"\Q…\E", "E": r"\Q…\E"}
_CLASS_NOTE = r"\w, \d, \s and \b mean ASCII in RE2; Python's own re takes all of Unicode"


@dataclass(frozen=True, slots=True)
class PatternFacts:
    """What is known of one regular expression.

    Attributes:
        broken: why no engine can compile it, or an empty string.
        position: where it breaks, counted from 0; None where that is unknown.
        python_only: the features that RE2 lacks, each once.
        re2_only: the features that Python's ``re`` lacks, each once. A pattern that has some is RE2's to judge.
        notes: where both accept it and differ.
    """

    broken: str = ""
    position: int | None = None
    python_only: tuple[str, ...] = ()
    re2_only: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        """Whether RE2 and Python both take it."""
        return not (self.broken or self.python_only or self.re2_only)


def inspect_pattern(pattern: str) -> PatternFacts:
    r"""Look at a pattern without running it.

    >>> inspect_pattern(r"^(?=a)\w+$").python_only
    ('look-ahead or look-behind',)
    >>> inspect_pattern("a(").position
    1
    """
    written = _Written.of(pattern)
    try:
        with warnings.catch_warnings():  # "possible nested set" is a note of ours, not a warning of Python's
            warnings.simplefilter("ignore")
            parsed = sre_parser.parse(pattern)
    except re.error as error:
        if written.re2_only:
            return PatternFacts(re2_only=written.re2_only, python_only=written.python_only, notes=written.notes)
        return PatternFacts(broken=error.msg, position=error.pos)
    except (OverflowError, RecursionError):
        return PatternFacts(broken="it is too large or nested too deep")
    features = dict.fromkeys(_features(parsed))
    python_only = tuple(dict.fromkeys((*features, *written.python_only)))
    return PatternFacts(python_only=python_only, re2_only=written.re2_only, notes=written.notes)


@dataclass(frozen=True, slots=True)
class _Written:
    """What the pattern's text shows before it is parsed: escapes and groups that a syntax tree no longer has."""

    python_only: tuple[str, ...]
    re2_only: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, pattern: str) -> _Written:
        python: dict[str, None] = {}
        re2: dict[str, None] = {}
        notes: dict[str, None] = {}
        unescaped = ""
        for match in _TOKEN.finditer(pattern):
            if (escape := match["escape"]) is not None:
                _sort_escape(escape, python, re2, notes)
            elif (group := match["group"]) is not None:
                _sort_group(group, python, re2)
            else:
                re2[f"the class {match['posix']}"] = None
        unescaped = re.sub(r"\\.", "", pattern, flags=re.DOTALL)
        if re.search(r"\$(?!\])", re.sub(r"\[[^\]]*\]", "", unescaped)):
            notes["$ is the end of the text in RE2; Python's own re also stops before a final newline"] = None
        return cls(tuple(python), tuple(re2), tuple(notes))


def _sort_escape(escape: str, python: dict[str, None], re2: dict[str, None], notes: dict[str, None]) -> None:
    if escape[0] in "pP":
        re2[f"the Unicode class \\{escape}"] = None
    elif escape in _PYTHON_ESCAPES:
        python[_PYTHON_ESCAPES[escape]] = None
    elif escape in _RE2_ESCAPES:
        re2[_RE2_ESCAPES[escape]] = None
    elif escape in "wWdDsSbB":
        notes[_CLASS_NOTE] = None


def _sort_group(group: str, python: dict[str, None], re2: dict[str, None]) -> None:
    if group == "(?#":
        python["a comment (?#…)"] = None
    elif flags := re.fullmatch(r"\(\?([a-zA-Z-]+)[:)]", group):
        if foreign := set(flags[1]) & set("auLx"):
            python[f"the flag {', '.join(sorted(foreign))}"] = None
        if "U" in flags[1]:
            re2["the flag U"] = None
    elif re.fullmatch(r"\(\?<\w+>", group):  # and not a look-behind, of which the token is "(?<"
        re2["a named group written (?<name>…)"] = None


def _features(tree: object) -> Iterator[str]:
    """The features of a parsed pattern that RE2 lacks: a walk over ``re``'s own syntax tree."""
    if isinstance(tree, sre_parser.SubPattern):
        for node in tree.data:
            yield from _features(node)
    elif isinstance(tree, tuple | list):
        if tree and isinstance(tree[0], type(sre.ASSERT)):
            code, argument = tree[0], tree[1] if len(tree) > 1 else None
            if code in _NODES:
                yield _NODES[code]
            if code in {sre.MAX_REPEAT, sre.MIN_REPEAT} and argument is not None and _beyond(argument):
                yield f"a repeat of more than {_RE2_REPEATS}"
            yield from _features(argument)
        else:
            for node in tree:
                yield from _features(node)


def _beyond(argument: tuple[int, int, object]) -> bool:
    low, high = int(argument[0]), int(argument[1])
    return low > _RE2_REPEATS or (high != int(sre.MAXREPEAT) and high > _RE2_REPEATS)
