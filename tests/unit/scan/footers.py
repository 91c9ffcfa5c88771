"""Parquet footers, taken apart and put together again: files whose statistics lie, or are as old writers left them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Statistics", "edit_statistics", "name_writer"]

Statistics = dict[int, Any]
"""Thrift's field number -> value; of a column chunk: 1 max, 2 min (both old), 3 null_count, 5 max_value, 6 min_value, 7 and 8: whether exact."""

_MAGIC = b"PAR1"
_TRUE, _FALSE, _BYTE, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 6, 7, 8, 9, 10, 12


def edit_statistics(path: Path, column: str, edit: Callable[[Statistics], object]) -> Path:
    """Let ``edit`` change the statistics of a top-level column, in every row group; the data stays as it is."""

    def change(footer: Statistics) -> None:
        chunks = [chunk for group in _items(footer, 4) for chunk in _items(group, 1)]
        for metadata in (chunk[3][1] for chunk in chunks):
            if [name.decode() for name in _items(metadata, 3)] == [column]:
                plain = {number: value for number, (_, value) in metadata.get(12, (_STRUCT, {}))[1].items()}
                edit(plain)
                metadata[12] = (_STRUCT, {number: (_kind(value), value) for number, value in plain.items()})

    return _rewrite(path, change)


def name_writer(path: Path, created_by: str) -> Path:
    """Let the file say that somebody else wrote it."""
    return _rewrite(path, lambda footer: footer.update({6: (_BINARY, created_by.encode())}))


def _items(of: Statistics, number: int) -> list[Any]:
    items: list[Any] = of[number][1][1]
    return items


def _kind(value: object) -> int:
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    return _I64 if isinstance(value, int) else _BINARY


def _rewrite(path: Path, change: Callable[[Statistics], object]) -> Path:
    whole = path.read_bytes()
    length = int.from_bytes(whole[-8:-4], "little")
    footer = _Reader(whole[-8 - length : -8]).struct()
    change(footer)
    written = _struct(footer)
    path.write_bytes(whole[: -8 - length] + written + len(written).to_bytes(4, "little") + _MAGIC)
    return path


class _Reader:
    """Thrift's compact protocol: a struct is field number -> (type, value), a list is (type, values)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Statistics:
        found: Statistics = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._number()
            found[number] = (head & 15, self._value(head & 15))
        return dict(sorted(found.items()))

    def _value(self, kind: int) -> Any:
        if kind in {_TRUE, _FALSE}:
            return kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._take(8))[0]
        if kind == _BINARY:
            return self._take(self._varint())
        if kind in {_LIST, _SET}:
            head = self._byte()
            count = self._varint() if head >> 4 == 15 else head >> 4
            inner = head & 15
            return inner, [self._byte() == _TRUE if inner <= _FALSE else self._value(inner) for _ in range(count)]
        return self.struct() if kind == _STRUCT else self._number()

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _number(self) -> int:
        zigzag = self._varint()
        return (zigzag >> 1) ^ -(zigzag & 1)


def _struct(fields: Statistics) -> bytes:
    written, last = b"", 0
    for number, (kind, value) in sorted(fields.items()):
        kind = (_TRUE if value else _FALSE) if kind in {_TRUE, _FALSE} else kind  # noqa: PLW2901 - a flag's type is its value
        step = number - last
        written += bytes([step << 4 | kind]) if step <= 15 else bytes([kind]) + _zigzag(number)
        written += b"" if kind in {_TRUE, _FALSE} else _write(kind, value)
        last = number
    return written + b"\0"


def _write(kind: int, value: Any) -> bytes:
    if kind in {_TRUE, _FALSE}:
        return bytes([_TRUE if value else _FALSE])
    if kind == _BYTE:
        return bytes([value])
    if kind == _DOUBLE:
        return struct.pack("<d", value)
    if kind == _BINARY:
        return _varint(len(value)) + bytes(value)
    if kind in {_LIST, _SET}:
        inner, values = value
        head = bytes([len(values) << 4 | inner]) if len(values) < 15 else bytes([0xF0 | inner]) + _varint(len(values))
        return head + b"".join(_write(inner, item) for item in values)
    return _struct(value) if kind == _STRUCT else _zigzag(value)


def _varint(value: int) -> bytes:
    written = b""
    while value > 127:
        written += bytes([value & 127 | 128])
        value >>= 7
    return written + bytes([value])


def _zigzag(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)
