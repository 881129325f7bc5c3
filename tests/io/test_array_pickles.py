"""Pickles of arrays as Python writes them, and as nobody should: nothing in them runs."""

from __future__ import annotations

import os
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn.errors import FormatError, fault_of
from fastnn.io import array_pickles
from fastnn.io.array_pickles import read_arrays


def read(data: bytes) -> Any:
    return read_arrays(memoryview(data), "batch")


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, np.ndarray):
        return found.dtype == expected.dtype.newbyteorder("=") and np.array_equal(found, expected)
    if isinstance(expected, dict):
        return all(same(found[key], value) for key, value in expected.items()) and len(found) == len(expected)
    return type(found) is type(expected) and found == expected


VALUES = {
    "data": np.arange(24, dtype=np.uint8).reshape(2, 12),
    "labels": [0, 9, 255, 70000, -1, 2**40],
    "filenames": [b"a.png", "b.png"],
    "nested": ({"x": (1.5, True, None)}, []),
    "by columns": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">i4"),
    "floats": np.array([0.5, -2]),
    "long": np.arange(300, dtype=np.uint8).repeat(300),
}


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_python_3_writes(protocol: int) -> None:
    assert same(read(pickle.dumps(VALUES, protocol)), VALUES)
    assert same(read(pickle.dumps({b"data": 1}, protocol)), {"data": 1})  # keys are text


def python_2(data: bytes, labels: list[int]) -> bytes:
    """A batch as CIFAR's authors wrote it with cPickle of Python 2: {"data": uint8 (1, n), "labels": labels}."""
    words = [
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85q\x05"
    ]
    words += [
        b"U\x01b\x87q\x06Rq\x07(K\x01K\x01M",
        struct.pack("<H", len(data)),
        b"\x86q\x08cnumpy\ndtype\nq\x09U\x02u1",
    ]
    words += [b"K\x00K\x01\x87q\x0aRq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0cb\x89"]
    words += [b"T", struct.pack("<I", len(data)), data, b"q\x0dtq\x0ebU\x06labelsq\x0f]q\x10("]
    return b"".join([*words, *(bytes([ord("K"), label]) for label in labels), b"eu."])


def test_what_python_2_wrote() -> None:
    found = read(python_2(bytes(range(200)) * 2, [3, 7]))
    assert same(found, {"data": np.frombuffer(bytes(range(200)) * 2, np.uint8)[None], "labels": [3, 7]})


class Evil:
    def __init__(self, call: Callable, *args: Any) -> None:
        self.call = (call, args)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
def test_hostile_ones_are_refused_by_name(tmp_path: Path, protocol: int) -> None:
    made = tmp_path / "made"
    for call, args, name in (
        (os.system, (f"touch {made}",), "posix.system" if os.name == "posix" else "nt.system"),
        (eval, (f"open({str(made)!r}, 'w')",), "builtins.eval"),
    ):
        with pytest.raises(FormatError, match=r"^batch contains Python objects \(first: ") as raised:
            read(pickle.dumps({"data": Evil(call, *args)}, protocol, fix_imports=False))
        assert name in str(raised.value) and "nothing of it was run" in str(raised.value)
        assert fault_of(raised.value).code == "file.code"
    assert not made.exists()
    with pytest.raises(FormatError, match=r"first: .*numpy.*"):
        read(pickle.dumps(np.array([{}], object), protocol).replace(b"multiarray", b"multiarrxy"))


GLOBAL = b"cnumpy.core.multiarray\n_reconstruct\n"
FAULTS = {
    "protocol": (b"\x80\x05N.", "protocol 2, 3 or 4"),
    "text": (b"(dp0\n.", "protocol 2, 3 or 4"),
    "truncated": (python_2(bytes(99), [1])[:-30], "ends .* bytes too early|takes a value|STOP"),
    "sizes": (python_2(bytes(99), [1]).replace(b"M\x63\x00", b"M\x62\x00"), "1x98 values of 1 bytes has 99 bytes"),
    "objects": (python_2(bytes(9), [1]).replace(b"U\x02u1", b"U\x02O8"), "unexpected arguments of numpy.dtype"),
    "empty array": (
        b"\x80\x02" + GLOBAL + b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R.",
        "an empty array stands where data",
    ),
    "bare name": (b"\x80\x02" + GLOBAL + b".", "a name or storage stands where data"),
    "called array": (b"\x80\x02cnumpy\nndarray\nK\x05\x85R.", "unexpected arguments of numpy.ndarray"),
    "built list": (b"\x80\x02]}b.", "BUILD of something that is no array"),
    "name of lists": (b"\x80\x04]]\x93.", "name of a global is no text"),
    "name twice": (b"\x80\x02}(U\x01aK\x01U\x01aK\x02u.", "'a' stands twice"),
    "inside itself": (b"\x80\x02]q\x01h\x01a.", "nested deeper"),
    "no latin": (
        b"\x80\x02c_codecs\nencode\nX\x03\x00\x00\x00\xe2\x82\xacX\x06\x00\x00\x00latin1\x86R.",
        "bytes that are none",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name: str) -> None:
    data, text = FAULTS[name]
    with pytest.raises(FormatError, match=text) as raised:
        read(data)
    assert str(raised.value).startswith("batch ")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One text that is made into bytes a thousand times."""
    monkeypatch.setattr(array_pickles, "MAX_BYTES", 2**21)
    text = b"x" * 2**20
    encode = b"c_codecs\nencode\nq\x00X" + struct.pack("<I", len(text)) + text + b"q\x01X\x06\x00\x00\x00latin1q\x02"
    again = b"h\x00h\x01h\x02\x86R"
    tracemalloc.start()
    with pytest.raises(FormatError, match="more than 2,097,152 bytes of arrays"):
        read(b"\x80\x02]" + encode + b"\x86R(" + again * 1000 + b"t.")
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()
    with pytest.raises(FormatError, match=r"at most 2,097,152 are supported"):
        read(b"\x80\x02" + bytes(2**21))
