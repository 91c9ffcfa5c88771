"""How much of the machine a DuckDB database may use, as numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__all__ = ["Limits"]

_SIZE = re.compile(r"([0-9.]+) ?([KMGTP]?)i?B")  # as DuckDB shows one: 18.8 GiB
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


@dataclass(frozen=True, slots=True)
class Limits:
    """What DuckDB may use.

    Attributes:
        threads: at once.
        memory: bytes, to the precision that DuckDB tells; None if it tells them in no way that is known.
    """

    threads: int
    memory: int | None

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection) -> Limits:
        """Those of a connection's database."""
        found = connection.execute("SELECT current_setting('threads'), current_setting('memory_limit')").fetchone()
        threads, shown = found or (1, "")
        size = _SIZE.fullmatch(str(shown))
        return cls(int(threads), int(float(size[1]) * 1024 ** _POWERS[size[2]]) if size else None)
