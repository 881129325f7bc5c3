"""Tensors print as PyTorch's: golden lines, and PyTorch itself where it is installed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from fastnn.eager.tensor import Tensor

RNG = np.random.default_rng(6)
LABELS = RNG.integers(0, 10, 64)

ARRAYS: dict[str, np.ndarray] = {
    "scalar": np.float32(2.30258),
    "whole scalar": np.float32(3),
    "small scalar": np.float32(1e-5),
    "labels": LABELS,
    "wide integers": np.array([1, -20, 300000]),
    "more lines": np.arange(1000).reshape(50, 20),
    "cut": np.arange(1001),
    "cut rows": np.arange(4000).reshape(40, 100),
    "cut planes": np.arange(8 * 9 * 30, dtype=np.float32).reshape(8, 9, 30),
    "short rows cut": np.zeros((3, 2000), np.int64),
    "floats": RNG.standard_normal((3, 4)).astype(np.float32),
    "row of floats": RNG.standard_normal(30).astype(np.float32),
    "doubles": RNG.standard_normal((2, 2)),
    "whole floats": np.float32([[1, 2], [30, -4]]),
    "large whole": np.float32([1, 2000]),
    "larger whole": np.float32([1, 2, 1e9]),
    "far apart": np.float32([0.001, 5.0]),
    "too far apart": np.float32([0.0001, 5.0]),
    "tiny": np.float32([1e-5, 2e-5]),
    "zeros": np.zeros((2, 3), np.float32),
    "negative zero": np.float32([-0.0, 1]),
    "not finite": np.float32([np.nan, np.inf, -np.inf, 1.5]),
    "not finite whole": np.float32([np.nan, 2]),
    "only nan": np.float32([np.nan, np.nan]),
    "bools": np.array([[True, False]]),
    "bytes": np.uint8([[0, 255]]),
    "int32": np.int32([7]),
    "empty": np.zeros(0, np.float32),
    "empty int": np.zeros(0, np.int64),
    "empty rows": np.zeros((0, 3), np.int32),
    "planes": RNG.random((2, 2, 3)).astype(np.float32),
    "four dimensions": np.arange(16).reshape(2, 2, 2, 2),
    "column": RNG.random((5, 1)).astype(np.float32),
    "one": np.float32([[[0.5]]]),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_as_pytorch_prints_it(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert repr(Tensor(ARRAYS[name])) == repr(torch.from_numpy(np.array(ARRAYS[name])))


@pytest.mark.parametrize("size", [(2, 3), (3,), (), (70,), (5, 8)])
def test_what_stands_behind(size: tuple[int, ...]) -> None:
    """requires_grad and grad_fn, in a line of their own where the last has no room."""
    torch = pytest.importorskip("torch")
    array = np.random.default_rng(1).random(size).astype(np.float32)
    ours, theirs = Tensor(array, requires_grad=True), torch.from_numpy(np.array(array)).requires_grad_()
    assert repr(ours) == repr(theirs)
    assert repr(ours * 2) == repr(theirs * 2)
    assert repr(ours.double()) == repr(theirs.double())


def test_random_arrays() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    for _ in range(300):
        shape = tuple(rng.integers(1, 9, rng.integers(0, 4)))
        array = rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 10)
        array = [array.astype(np.float32), array, array.astype(np.int64), np.round(array)][rng.integers(4)]
        array = np.where(rng.random(shape) < 0.1, 0, array).astype(np.asarray(array).dtype)
        assert repr(Tensor(array)) == repr(torch.from_numpy(np.array(array))), array


GOLDEN = {
    "labels": """\
tensor([4, 5, 5, 3, 9, 3, 6, 3, 4, 9, 1, 6, 4, 6, 7, 3, 6, 6, 4, 1, 6, 0, 8, 8,
        8, 0, 9, 9, 5, 8, 7, 7, 1, 0, 2, 2, 5, 8, 7, 4, 5, 6, 7, 1, 7, 1, 5, 4,
        8, 7, 1, 5, 0, 1, 4, 8, 2, 1, 9, 4, 1, 5, 3, 3])""",
    "cut": "tensor([   0,    1,    2,  ...,  998,  999, 1000])",
    "whole floats": "tensor([[ 1.,  2.],\n        [30., -4.]])",
    "too far apart": "tensor([1.0000e-04, 5.0000e+00])",
    "not finite": "tensor([   nan,    inf,   -inf, 1.5000])",
    "empty rows": "tensor([], size=(0, 3), dtype=torch.int32)",
    "bools": "tensor([[ True, False]])",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    assert repr(Tensor(ARRAYS[name])) == GOLDEN[name]


def test_no_more_is_copied_than_is_shown() -> None:
    """Repeated arrays, and large ones of every rank: some kilobytes."""
    wide = np.zeros(1, np.float32)
    shapes = [(2**40,), (2**20, 2**20), (3, 2**33), (2**33, 2), (2, 2**16, 2**16), (2**33, 1, 1)]
    arrays = [np.broadcast_to(wide, shape) for shape in shapes] + [np.zeros(3_000_000), np.zeros((3_000_000, 1))]
    tracemalloc.start()
    try:
        for array in arrays:
            text = repr(Tensor(array))
            assert "..." in text and len(text) < 2000
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
