"""Golden files: each canonical check in each engine's language, as text that a person reviews.

``UPDATE_GOLDEN=1 pytest tests/golden`` rewrites them; the diff is then the review.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check_golden"]

_ROOT = Path(__file__).parent


def check_golden(engine: str, name: str, text: str) -> None:
    """Compare a translation with ``tests/golden/<engine>/<name>``, or write it if ``UPDATE_GOLDEN`` is set.

    Args:
        engine: the folder.
        name: the file's name, with the suffix of its language (``not_null.sql``).
        text: the translation; one newline is added at its end.
    """
    path = _ROOT / engine / name
    text = text.rstrip("\n") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: UPDATE_GOLDEN=1 pytest tests/golden writes it"
    assert path.read_text(encoding="utf-8") == text
