"""A proof within one scan that no key repeats: a function of the key with as many distinct values as there are keys.

Whatever the function is: were two keys equal, their images would be, and there would be fewer images than keys. So the function may
be guessed. Numbers, dates, moments at a fixed step and texts such as ``C000123`` are numbered densely more often than not; their last
bits are such a function, and ``bit_count(bitstring_agg(…))`` counts its values with one bit for each. A value that the guess didn't
foresee is NULL, isn't counted, and leaves the question open, as two keys with one image do. Nothing here can raise an error.

Where the scan finds fewer images than keys, or there are too many bits for the memory, the same function is a sieve: images in groups
of 32 neighbours, and only the groups with more rows than images can hold a key that repeats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sluicegate.checks.sqltext import identifier
from sluicegate.checks.types import Column, Kind

__all__ = ["Sampled", "Witness", "sampled_value", "witness"]

_MOST_BITS = 29  # in one bit string: DuckDB counts up to 10^9 values
_SPARE_BITS = 4  # 16 bits for each row are still less than a hash table has
_FINE_BITS = (
    5  # of an image, within its group of neighbours: the fewer, the less rows are looked at again; the more, the fewer groups
)
_SLACK = 1.25  # a sample at the start of a sorted column tells only about how far it goes
_NUMBERED = re.compile(r"([^0-9]*)([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Sampled:
    """A column of a key, and its values in a sample of rows, in the batch's order: as ``sampled_value`` reads them, None where NULL."""

    column: Column
    values: Sequence[int | str | None]


@dataclass(frozen=True, slots=True)
class Witness:
    """A function of a key with few possible values.

    Attributes:
        image: SQL of its value in a row: a whole number from 0, or NULL.
        bits: it has 2^bits possible values.
    """

    image: str
    bits: int

    @property
    def images(self) -> str:
        """Aggregate over the batch: how many distinct values it has; NULL for no rows. Only where ``memory`` is not None."""
        return f"bit_count(bitstring_agg({self.image}, 0, {2**self.bits - 1}))"

    @property
    def memory(self) -> int | None:
        """Bytes that ``images`` takes in each of DuckDB's threads: bits, rounded up to the next power of two. None: too many."""
        return 1 << max(0, self.bits - 2) if self.bits <= _MOST_BITS else None

    @property
    def neighbours(self) -> str:
        """SQL of the group of neighbours that a row's image belongs to; never NULL."""
        return f"coalesce(({self.image}) // {2**_FINE_BITS}, -1)"

    @property
    def crowded(self) -> str:
        """Of the rows of such a group, as an aggregate: whether two of them may have the same key."""
        return f"coalesce(bit_count(bit_or(1 << (({self.image}) & {2**_FINE_BITS - 1}))), 0) < count(*)"


@dataclass(frozen=True, slots=True)
class _Part:
    """A column as a whole number: SQL, and how many of its last bits tell the values apart."""

    number: str
    bits: int


def sampled_value(column: Column) -> str | None:
    """SQL of what a witness wants to see of a column: a whole number or a text; None if it has no use for such columns."""
    if column.kind is Kind.STRING:
        return identifier(column.name) if column.native.upper() == "VARCHAR" else None
    return _whole(column)


def witness(key: Sequence[Sampled], rows: int) -> Witness | None:
    """A function that is likely to tell all keys of a batch apart; None if the sample suggests none.

    Args:
        key: its columns, of one sample of rows; there are at least two.
        rows: of the batch.
    """
    parts: list[_Part] = []
    for item in key:
        part = _part(item, rows)
        if part is None:
            return None
        parts.append(part)
    bits = sum(part.bits for part in parts)
    if bits > rows.bit_length() + _SPARE_BITS:
        return None
    image, below = "", 0
    for part in parts:
        last = f"({part.number} & {2**part.bits - 1})"
        image += f" + {last} * {2**below}" if image else last
        below += part.bits
    return Witness(image, bits)


def _whole(column: Column) -> str | None:
    """The column as a BIGINT, NULL where there is none."""
    name, native = identifier(column.name), column.native.upper()
    match column.kind:
        case Kind.BOOLEAN:
            return f"CAST({name} AS BIGINT)"
        case Kind.INTEGER:
            return f"TRY_CAST({name} AS BIGINT)"
        case Kind.DECIMAL if native.endswith(",0)"):
            return f"TRY_CAST({name} AS BIGINT)"
        case Kind.DATE:
            return f"CAST({name} - DATE '1970-01-01' AS BIGINT)"
        case Kind.TIMESTAMP | Kind.TIMESTAMP_TZ if native in {"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}:
            return f"epoch_us({name})"
    return None


def _part(item: Sampled, rows: int) -> _Part | None:
    number, values = _whole(item.column), [value for value in item.values if isinstance(value, int)]
    texts = [value for value in item.values if isinstance(value, str)]
    if texts:
        prefix = _common_prefix(texts)
        if prefix is None:
            return None
        name = identifier(item.column.name)
        tail = f"substr({name}, {len(prefix) + 1})" if prefix else name
        number, values = f"TRY_CAST({tail} AS BIGINT)", [int(text[len(prefix) :]) for text in texts]
    if number is None or not values:
        return None
    step = math.gcd(*(value - values[0] for value in values)) or 1
    span = (max(values) - min(values)) // step + 1
    if _is_sorted(values) and span > 1:  # then the sample is only a corner of the column
        span = int(span * max(1.0, rows / len(item.values)) * _SLACK)
    bits = (span - 1).bit_length()
    return _Part(f"({number} // {step})" if step > 1 else number, bits)


def _common_prefix(texts: Sequence[str]) -> str | None:
    """What stands before the digits, if it is the same in all texts, and nothing follows them."""
    found = [_NUMBERED.fullmatch(text) for text in texts]
    prefixes = {match[1] if match else None for match in found}
    return prefixes.pop() if len(prefixes) == 1 else None


def _is_sorted(values: Sequence[int]) -> bool:
    return all(a <= b for a, b in pairwise(values)) or all(a >= b for a, b in pairwise(values))
