"""Ops set the floating-point mode they need and put back the caller's: same bits under any mode (P8)."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from fastnn import _core
from harness import check_same_bits

X86 = platform.machine() in ("x86_64", "AMD64") and platform.libc_ver()[0] == "glibc"
pytestmark = pytest.mark.skipif(not X86, reason="reads and writes MXCSR through glibc's fenv_t on x86-64")

MXCSR = 28  # its offset in fenv_t (bits/fenv.h)
FLUSH, DENORMALS_ARE_ZERO, UPWARD, DOWNWARD = 0x8000, 0x0040, 0x4000, 0x2000
MODES = {"flush to zero": FLUSH | DENORMALS_ARE_ZERO, "upward": UPWARD, "downward": DOWNWARD}
STICKY = 0x3F  # flags that any operation may raise


def libm() -> ctypes.CDLL:
    return ctypes.CDLL(ctypes.util.find_library("m"))


def read_mode() -> int:
    environment = (ctypes.c_uint8 * 32)()
    libm().fegetenv(environment)
    return int.from_bytes(bytes(environment[MXCSR : MXCSR + 4]), "little")


@contextmanager
def mode(bits: int) -> Iterator[None]:
    """These bits set in MXCSR inside the block."""
    kept, changed = (ctypes.c_uint8 * 32)(), (ctypes.c_uint8 * 32)()
    libm().fegetenv(kept)
    libm().fegetenv(changed)
    changed[MXCSR : MXCSR + 4] = list((read_mode() | bits).to_bytes(4, "little"))
    libm().fesetenv(changed)
    try:
        yield
    finally:
        libm().fesetenv(kept)


def results(a: np.ndarray, b: np.ndarray, tiny: np.ndarray) -> list[np.ndarray]:
    """Ops whose bits change with rounding or with subnormals flushed; big enough for several threads."""
    product, small = _core.matmul(a, b), _core.matmul(tiny, b)
    return [product, small, _core.softmax(a), _core.sum(a[np.newaxis]), _core.exp(a), _core.multiply(tiny, a)]


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("threads", [1, 3])
def test_same_bits_and_mode_restored(name: str, threads: int, rng: np.random.Generator) -> None:
    _core.set_num_threads(threads)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((640, 300), (300, 65)))
    tiny = np.full((640, 300), 1e-40, np.float32)
    expected = results(a, b, tiny)
    with mode(MODES[name]):
        before = read_mode()
        found = results(a, b, tiny)
        after = read_mode()
    assert before & MODES[name] == MODES[name], "the mode was really changed"
    assert (before ^ after) & ~STICKY == 0
    for array, wanted in zip(found, expected, strict=True):
        check_same_bits(array, wanted)


@pytest.mark.parametrize("name", MODES)
def test_the_modes_change_ordinary_arithmetic(name: str) -> None:
    """Otherwise the test above would prove nothing."""
    x = np.array([1e-40, 1, -1], np.float32)
    plain = [x * np.float32(0.7), x / np.float32(3)]
    with mode(MODES[name]):
        changed = [x * np.float32(0.7), x / np.float32(3)]
    assert any(np.any(a != b) for a, b in zip(plain, changed, strict=True))
