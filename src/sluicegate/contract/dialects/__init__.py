"""The dialects: each a module with ``accepts(document) -> bool`` and ``read(document, reading) -> Contract``.

Here: the native format's three files (``native``, ``asset``, ``job``), the door of ODCS (``odcs``), what all gather while they read
(``reading``). Another format is another module here, and its name in the tuple below.
"""

from __future__ import annotations

from typing import Protocol, cast

from sluicegate.contract.dialects import asset, job, native, odcs
from sluicegate.contract.dialects.reading import Reading
from sluicegate.contract.model import Contract
from sluicegate.contract.nodes import Document

__all__ = ["Dialect", "dialect_of"]


class Dialect(Protocol):
    """What such a module offers."""

    def accepts(self, document: Document) -> bool:
        """Whether the document's own keys say that it is written in this dialect."""
        ...

    def read(self, document: Document, reading: Reading) -> Contract:
        """The contract; what is wrong is noted in ``reading``."""
        ...


_DIALECTS = cast("tuple[Dialect, ...]", (odcs, asset, job, native))


def dialect_of(document: Document) -> Dialect | None:
    """The dialect that the document is written in."""
    return next((dialect for dialect in _DIALECTS if dialect.accepts(document)), None)
