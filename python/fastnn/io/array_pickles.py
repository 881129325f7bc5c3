"""Pickles of numbers, text and NumPy arrays, as data sets are published in (CIFAR's), read without running anything.

The stack machine is that of :mod:`fastnn.io.opcodes`: strings of Python 2 are bytes here, and three names more have a
token: ``numpy.core.multiarray._reconstruct`` with ``numpy.ndarray`` (an array that BUILD fills), ``numpy.dtype``, and
``_codecs.encode``, as Python 3 writes bytes in protocol 2. Protocols 2 to 4.

Source: NumPy's array_reduce and arraydescr_reduce (numpy/_core/src/multiarray/methods.c, descriptor.c).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_name
from fastnn.io.opcodes import Reader, Token

MAX_BYTES = 2**28  # CIFAR-100's training file has 148 MiB

_ARRAY, _NDARRAY, _DTYPE = (Token(name) for name in ("_reconstruct", "numpy ndarray", "numpy dtype"))
_ENCODE = Token("_codecs encode")
_TABLE = {
    **{f"numpy.{core}.multiarray _reconstruct": _ARRAY for core in ("core", "_core")},
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _DTYPE,
    "_codecs encode": _ENCODE,
}
_KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1")


def read_arrays(data: memoryview, where: str) -> Any:
    """The value in a pickle: dicts (of text), lists, tuples, numbers, text, bytes, None, and arrays.

    Args:
        data: the pickle.
        where: what every error message begins with.

    Raises:
        FormatError: damaged, too large, or more than such data.
    """
    if len(data) > MAX_BYTES:
        raise FormatError(f"{where} has {len(data):,} bytes; at most {MAX_BYTES:,} are supported")
    return _values(_Reader(data, where, _no_tensor).run())


class _Array:
    """An array that is not filled yet."""

    def __init__(self) -> None:
        self.value: np.ndarray | None = None


class _Kind:
    """A dtype: its letter and size, its byte order."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.order = "|"


def _no_tensor(*_: Any) -> np.ndarray:
    raise AssertionError("there are no storages here")  # no token of this table has one


class _Reader(Reader):
    kind = "pickle of numbers, text and arrays"
    made = 0  # bytes of arrays and encoded text, which may be made of one piece of the file again and again

    def begin(self) -> None:
        if bytes(self.data[:1]) != b"\x80" or self.data[1:2] not in (b"\2", b"\3", b"\4"):
            raise self.fault("does not begin with pickle protocol 2, 3 or 4")
        self.place = 2

    def action_of(self, code: int) -> Callable[[Any], None] | None:
        return _ACTIONS.get(code) or super().action_of(code)

    def token_of(self, name: str) -> Token | None:
        return _TABLE.get(name)

    def objects(self, first: str) -> FormatError:
        text = (
            f"{self.where} contains Python objects (first: {first}), not only numbers, text and arrays: nothing of it "
            "was run. Fetch the file again from where the data set is published"
        )
        return told(FormatError(text), "file.code", path=self.where, first=first)

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise self.fault("the name of a global is no text")
        token = self.token_of(f"{module} {name}")
        if token is None:
            raise self.objects(shown_name(f"{module}.{name}"))
        self.stack.append(token)

    def call(self, function: Token, args: tuple[Any, ...]) -> Any:
        match (function, *args):
            case (token, owner, tuple(), bytes() | str()) if token is _ARRAY and owner is _NDARRAY:
                return _Array()
            case (token, bytes() | str() as kind, int(), int()) if token is _DTYPE and _text(kind) in _KINDS:
                return _Kind(_text(kind))
            case (token, str() as text, "latin1") if token is _ENCODE:
                return self.encoded(text)
        raise self.fault(f"unexpected arguments of {function.name.replace(' ', '.')}")

    def count(self, size: int) -> None:
        """Bounds what is made of the file's pieces."""
        self.made += size
        if self.made > MAX_BYTES:
            raise self.fault(f"more than {MAX_BYTES:,} bytes of arrays")

    def encoded(self, text: str) -> bytes:
        self.count(len(text))
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            raise self.fault("bytes that are none") from None

    def build(self) -> None:
        state, target = self.pop(), self.stack[-1] if self.stack else None
        match (target, state):
            case (_Array(), (1, tuple() as shape, _Kind() as kind, bool() | int() as by_columns, bytes() as data)):
                target.value = self.array(shape, kind, bool(by_columns), data)
            case (_Kind(), (int(), bytes() | str() as order, *_)) if _text(order) in ("<", ">", "|", "="):
                target.order = _text(order)
            case _:
                raise self.fault("BUILD of something that is no array")

    def array(self, shape: tuple[Any, ...], kind: _Kind, by_columns: bool, data: bytes) -> np.ndarray:
        """The array of these values, whose count is that of the shape."""
        dtype = np.dtype(f"{kind.order}{kind.kind}")
        if not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 8:
            raise self.fault("the shape of an array is none")
        if prod(shape) * dtype.itemsize != len(data):
            sizes = "x".join(map(str, shape))
            raise self.fault(f"an array of {sizes} values of {dtype.itemsize} bytes has {len(data):,} bytes")
        self.count(len(data))
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")
        return array.astype(dtype.newbyteorder("="), copy=False)

    def set_items(self, values: list[Any]) -> None:
        keys = [_text(key) if isinstance(key, bytes) else key for key in values[::2]]
        super().set_items([part for pair in zip(keys, values[1::2], strict=False) for part in pair])

    def remember(self) -> None:
        self.put(len(self.memo))

    def bytes_of(self, layout: struct.Struct) -> None:
        self.stack.append(bytes(self.take(self.number(layout))))

    def text_of(self, layout: struct.Struct) -> None:
        try:
            self.stack.append(str(self.take(self.number(layout)), "utf-8"))
        except UnicodeDecodeError as error:
            raise self.fault("a string is not UTF-8") from error

    def children(self, level: list[Any]) -> list[Any]:
        if any(isinstance(value, _Kind) or (isinstance(value, _Array) and value.value is None) for value in level):
            raise self.fault("a name or an empty array stands where data should")
        return super().children(level)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def _values(value: Any) -> Any:
    """With arrays in the places of those that were filled. The value is a tree of bounded size and depth."""
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, dict):
        return {key: _values(part) for key, part in value.items()}
    return type(value)(map(_values, value)) if isinstance(value, list | tuple) else value


_UINT8, _UINT32, _UINT64 = struct.Struct("B"), struct.Struct("<I"), struct.Struct("<Q")

_ACTIONS: dict[int, Callable[[_Reader], None]] = {
    ord("b"): _Reader.build,
    ord("U"): lambda machine: machine.bytes_of(_UINT8),
    ord("T"): lambda machine: machine.bytes_of(_UINT32),
    ord("C"): lambda machine: machine.bytes_of(_UINT8),
    ord("B"): lambda machine: machine.bytes_of(_UINT32),
    ord("X"): lambda machine: machine.text_of(_UINT32),
    0x8C: lambda machine: machine.text_of(_UINT8),
    0x8E: lambda machine: machine.bytes_of(_UINT64),
    0x93: _Reader.stack_global,
    0x94: _Reader.remember,
    0x95: lambda machine: machine.number(_UINT64),
}
