"""Names from contracts as path segments: one rule for every place that makes paths or keys of them."""

from __future__ import annotations

import hashlib
import re

__all__ = ["is_safe_id", "segment"]

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_UNSAFE_RUN = re.compile(r"[^A-Za-z0-9._-]+")
_READABLE = 40


def is_safe_id(text: str) -> bool:
    """Whether a text may stand in a path as it is.

    >>> is_safe_id("2013-01-01.a"), is_safe_id("../etc"), is_safe_id("")
    (True, False, False)
    """
    return _SAFE.fullmatch(text) is not None


def segment(name: str) -> str:
    """One path segment for a name: the name itself where that is safe, else a readable rest, ``~`` and a hash of all of it.

    Different names have different segments: ``~`` stands in no safe name.

    >>> segment("flights"), segment("Flüge / Köln")
    ('flights', 'Fl-ge-K-ln~cbb393f9da562bf5a7c2eaa7')
    """
    if is_safe_id(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    readable = _UNSAFE_RUN.sub("-", name)[:_READABLE].strip("._-")
    return f"{readable or 'x'}~{digest}"
