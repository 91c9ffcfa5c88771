"""What is wrong with a check as its author wrote it."""

from __future__ import annotations

__all__ = ["Fault"]


class Fault(Exception):
    """A check that can't be run as written: what and why in one line without values of the data, and the cure."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
