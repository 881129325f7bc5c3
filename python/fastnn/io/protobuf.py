"""Protobuf's wire format, without protobuf: a key (field number, kind), then the value.

https://protobuf.dev/programming-guides/encoding. The reader takes what strangers wrote: it allocates no more than the
message is long, and holds to a number of fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from fastnn.errors import FormatError

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5  # kinds of values: 64 bits, 8 bytes, a length and so many bytes, 4 bytes
_LONGEST = 10  # bytes of a varint of 64 bits
MOST_FIELDS = 1_000_000  # of a file: up to some hundred bytes of Python objects each
MOST_PACKED = 2**22  # bytes of integers in a row: 25 times as many while they are unpacked


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def integer(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | EIGHT) + struct.pack("<d", value)


def submessage(field: int, value: bytes) -> bytes:
    return head(field, len(value)) + value


def head(field: int, size: int) -> bytes:
    """What stands before a value of so many bytes."""
    return varint(field << 3 | BYTES) + varint(size)


def text(field: int, value: str) -> bytes:
    return submessage(field, value.encode("utf-8", "replace"))


def single(field: int, value: float) -> bytes:
    return varint(field << 3 | FOUR) + np.float32(value).tobytes()


class Reader:
    """Reads the messages of one file. where: what its errors begin with.

    Raises (all methods):
        FormatError: no such message.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._left = MOST_FIELDS

    def damaged(self, what: str) -> FormatError:
        return FormatError(f"{self.where} is damaged or no ONNX file: {what}")

    def spend(self, count: int) -> None:
        """So many values are about to become Python objects."""
        self._left -= count
        if self._left < 0:
            raise FormatError(f"{self.where} has more than {MOST_FIELDS:,} values outside of its tensors")

    def fields(self, data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """(field number, value) one after the other: an integer below 2**64, or the bytes."""
        place, end = 0, len(data)
        while place < end:
            self.spend(1)
            key, place = self._varint(data, place)
            number, kind = key >> 3, key & 7
            value: int | memoryview
            if kind == VARINT:
                value, place = self._varint(data, place)
            else:
                size = {EIGHT: 8, FOUR: 4}.get(kind)
                if kind == BYTES:
                    size, place = self._varint(data, place)
                if size is None or not 0 < number < 2**29:
                    raise self.damaged(f"a field of number {number} and kind {kind}")
                if size > end - place:
                    raise self.damaged(f"field {number} says {size:,} bytes, {end - place:,} are left")
                value, place = data[place : place + size], place + size
            yield number, value

    def _varint(self, data: memoryview, place: int) -> tuple[int, int]:
        value = 0
        for i, byte in enumerate(data[place : place + _LONGEST]):
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                return value & (2**64 - 1), place + i + 1
        raise self.damaged("an integer without an end")

    def number(self, value: int | memoryview) -> int:
        """A value as an int64."""
        if not isinstance(value, int):
            raise self.damaged("bytes where a number should be")
        return value - 2**64 if value >= 2**63 else value

    def bytes(self, value: int | memoryview, size: int | None = None) -> memoryview:
        """A value of bytes; of so many."""
        if isinstance(value, int) or (size is not None and len(value) != size):
            raise self.damaged("a number where bytes should be")
        return value

    def text(self, value: int | memoryview) -> str:
        try:
            return str(self.bytes(value), "utf-8")
        except UnicodeDecodeError:
            raise self.damaged("a name that is not UTF-8") from None

    def floats(self, value: int | memoryview, dtype: np.dtype) -> np.ndarray:
        """Of a repeated field's value."""
        data = self.bytes(value)
        if len(data) % dtype.itemsize:
            raise self.damaged(f"{len(data)} bytes of {dtype}")
        return np.frombuffer(data, dtype)

    def numbers(self, value: int | memoryview) -> np.ndarray:
        """int64, of a repeated field's value: one, or all of them packed."""
        if isinstance(value, int):
            return np.array([self.number(value)], np.int64)
        if len(value) > MOST_PACKED:
            raise FormatError(f"{self.where} has {len(value):,} bytes of packed integers; at most {MOST_PACKED:,}")
        read = np.frombuffer(value, np.uint8)
        ends = np.flatnonzero(read < 0x80)
        counts = np.diff(ends, prepend=-1)
        if len(read) and (read[-1] >= 0x80 or counts.max() > _LONGEST):
            raise self.damaged("an integer without an end")
        first = ends - counts + 1
        shifts = 7 * (np.arange(len(read)) - np.repeat(first, counts))
        bits = (read & 0x7F).astype(np.uint64) << shifts.astype(np.uint64)
        return (np.bitwise_or.reduceat(bits, first) if len(first) else bits).view(np.int64)
