"""Writes plain data and tensors as the pickle opcodes that torch.load(weights_only=True) accepts.

The mirror of `opcodes`: protocol 2, and nothing that the reader there does not read.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.io.opcodes import MAX_DEPTH, ORDERED_DICT, STORAGES, TENSOR, StorageRef, Token

_SHORT_TUPLES = {0: b")", 1: b"\x85", 2: b"\x86", 3: b"\x87"}
_EMPTY_ORDERED_DICT = b"c" + ORDERED_DICT.name.replace(" ", "\n").encode() + b"\n)R"

Store = Callable[[np.ndarray, str], StorageRef]


def write(value: Any, store: Store) -> bytes:
    """The pickle of nested dicts, OrderedDicts, lists, tuples, scalars and arrays.

    Args:
        value: str, int, float, bool, None, NumPy scalars and arrays, and containers of them with scalar keys.
        store: given an array and its place in `value` ("obj['layer1.weight']"), files the array's elements in
            C order and returns the reference to them.

    Raises:
        TypeError: a value that cannot be written, naming its place.
        ValueError: nested deeper than 64 (as anything that contains itself is), or an integer beyond 255
            bytes.
    """
    chunks: list[bytes] = [b"\x80\x02"]
    _Writer(chunks, store).value(value, "obj", 0)
    chunks.append(b".")
    return b"".join(chunks)


class _Writer:
    """Appends the opcodes of one value after the other; `place` names the value for error messages."""

    def __init__(self, chunks: list[bytes], store: Store) -> None:
        self.emit = chunks.append
        self.store = store

    def value(self, value: Any, place: str, depth: int) -> None:
        """Any value."""
        if depth >= MAX_DEPTH:
            raise ValueError(f"{place[:80]}... is nested deeper than {MAX_DEPTH}")
        if isinstance(value, np.ndarray):
            self.tensor(value, place)
        elif isinstance(value, dict):
            self.dict(value, place, depth)
        elif isinstance(value, list):
            self.emit(b"](")
            self.items(value, place, depth)
            self.emit(b"e")
        elif type(value) is tuple:
            self.tuple(value, place, depth)
        else:
            self.scalar(value, place)

    def scalar(self, value: Any, place: str) -> None:
        """A string, a number, a truth value or None."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None:
            self.emit(b"N")
        elif isinstance(value, bool):
            self.emit(b"\x88" if value else b"\x89")
        elif isinstance(value, int):
            self.integer(value, place)
        elif isinstance(value, float):
            self.emit(b"G" + struct.pack(">d", value))
        elif isinstance(value, str):
            self.string(value, place)
        else:
            kind = type(value).__name__
            raise TypeError(f"{place} is a {kind}; a .pth file holds arrays, dicts, lists, tuples, str, int, float")

    def dict(self, value: dict[Any, Any], place: str, depth: int) -> None:
        """A dict or OrderedDict."""
        self.emit(_EMPTY_ORDERED_DICT if isinstance(value, OrderedDict) else b"}")
        self.emit(b"(")
        for key, item in value.items():
            inner = f"{place}[{key!r:.60}]" if isinstance(key, str) else f"{place}[{key}]"
            self.scalar(key, f"key {inner}")
            self.value(item, inner, depth + 1)
        self.emit(b"u")

    def tuple(self, value: tuple[Any, ...], place: str, depth: int) -> None:
        """A tuple."""
        if len(value) not in _SHORT_TUPLES:
            self.emit(b"(")
        self.items(value, place, depth)
        self.emit(_SHORT_TUPLES.get(len(value), b"t"))

    def items(self, values: Any, place: str, depth: int) -> None:
        """The values of a list or tuple."""
        for index, item in enumerate(values):
            self.value(item, f"{place}[{index}]", depth + 1)

    def integer(self, value: int, place: str) -> None:
        """An integer, in the shortest form."""
        if 0 <= value < 2**8:
            self.emit(b"K" + bytes([value]))
        elif 0 <= value < 2**16:
            self.emit(b"M" + struct.pack("<H", value))
        elif -(2**31) <= value < 2**31:
            self.emit(b"J" + struct.pack("<i", value))
        else:
            size = value.bit_length() // 8 + 1
            if size > 255:
                raise ValueError(f"{place} is an integer of {size} bytes; at most 255 can be written")
            self.emit(bytes([0x8A, size]) + value.to_bytes(size, "little", signed=True))

    def string(self, value: str, place: str) -> None:
        """A string."""
        try:
            code = value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{place} is not valid Unicode: {value!a:.60}") from error
        self.emit(b"X" + struct.pack("<I", len(code)) + code)

    def token(self, token: Token) -> None:
        """A name of the fixed table."""
        self.emit(b"c" + token.name.replace(" ", "\n").encode() + b"\n")

    def tensor(self, array: np.ndarray, place: str) -> None:
        """The call of `_rebuild_tensor_v2` that builds this tensor: contiguous, without gradient."""
        storage = self.store(array, place)
        strides, step = [], 1
        for dim in reversed(array.shape):
            strides.append(step)
            step *= max(dim, 1)
        self.token(TENSOR)
        self.emit(b"((")
        self.string("storage", place)
        self.token(STORAGES[storage.kind])
        self.string(storage.key, place)
        self.string("cpu", place)
        self.integer(storage.count, place)
        self.emit(b"tQK\x00")
        self.value(array.shape, place, 0)
        self.value(tuple(reversed(strides)), place, 0)
        self.emit(b"\x89" + _EMPTY_ORDERED_DICT + b"tR")
