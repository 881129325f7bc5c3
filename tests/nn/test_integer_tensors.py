"""Integers without gradients: products, convolution, pooling and relu, exact, as PyTorch has them on CPUs."""

from __future__ import annotations

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.nn import functional as F

IMAGE = [[1, 2, 0, 3, 1], [0, 1, 2, 3, 1], [1, 2, 1, 0, 0], [5, 2, 3, 1, 1], [2, 1, 0, 1, 1]]
KERNEL = [[1, 2, 1], [0, 1, 0], [2, 1, 0]]
INTEGERS = (fastnn.int64, fastnn.int32, fastnn.uint8)


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: fastnn.dtype, most: int) -> fastnn.Tensor:
    low = 0 if dtype == fastnn.uint8 else -most
    return fastnn.from_numpy(rng.integers(low, most, shape).astype(dtype.numpy))


def test_the_tutorial_of_convolution() -> None:
    """The values that PyTorch prints."""
    x = fastnn.reshape(fastnn.tensor(IMAGE), (1, 1, 5, 5))
    kernel = fastnn.reshape(fastnn.tensor(KERNEL), (1, 1, 3, 3))
    assert F.conv2d(x, kernel, stride=1).tolist() == [[[[10, 12, 12], [18, 16, 16], [13, 9, 3]]]]
    assert F.conv2d(x, kernel, stride=2).tolist() == [[[[10, 12], [13, 3]]]]
    around = [[1, 3, 4, 10, 8], [5, 10, 12, 12, 6], [7, 18, 16, 16, 8], [11, 13, 9, 3, 4], [14, 13, 9, 7, 4]]
    found = F.conv2d(x, kernel, stride=1, padding=1)
    assert found.tolist() == [[around]] and found.dtype == fastnn.int64
    assert repr(F.max_pool2d(x, 3, ceil_mode=True)) == "tensor([[[[2, 3],\n          [5, 1]]]])"


def convolved(x: np.ndarray, w: np.ndarray, bias: np.ndarray, stride: int, padding: int, groups: int) -> np.ndarray:
    """In Python's integers: exact."""
    x = np.pad(x.astype(object), [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    (n, channels, height, width), (outputs, inner, rows, columns) = x.shape, w.shape
    size = (n, outputs, (height - rows) // stride + 1, (width - columns) // stride + 1)
    y = np.zeros(size, object)
    for at in np.ndindex(size):
        first = at[1] // (outputs // groups) * inner
        top, left = at[2] * stride, at[3] * stride
        window = x[at[0], first : first + inner, top : top + rows, left : left + columns]
        y[at] = (window * w[at[1]].astype(object)).sum() + int(bias[at[1]])
    assert inner * groups == channels
    return y


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize(("stride", "padding", "groups"), [(1, 0, 1), (2, 1, 2), (1, 2, 4)])
def test_convolution(rng: np.random.Generator, dtype: fastnn.dtype, stride: int, padding: int, groups: int) -> None:
    """What a smaller type does not hold wraps around."""
    x, w = drawn(rng, (2, 4, 6, 7), dtype, 200), drawn(rng, (4, 4 // groups, 3, 2), dtype, 200)
    bias = drawn(rng, (4,), dtype, 200)
    found = F.conv2d(x, w, bias, stride, padding, groups=groups)
    wanted = convolved(x.numpy(), w.numpy(), bias.numpy(), stride, padding, groups)
    assert found.dtype == dtype
    assert found.tolist() == (wanted % 256 if dtype == fastnn.uint8 else wanted).tolist()
    assert found[0].tolist() == F.conv2d(x[0], w, bias, stride, padding, groups=groups).tolist()


def test_convolution_of_sequences_and_transposed() -> None:
    x, w = fastnn.tensor([[[1, 2, 3, -4]]]), fastnn.tensor([[[2, -1]]])
    assert F.conv1d(x, w, fastnn.tensor([7])).tolist() == [[[7, 8, 17]]]
    up = F.conv_transpose2d(x.unsqueeze(2), w.unsqueeze(2))
    assert up.tolist() == [[[[2, 3, 4, -11, 4]]]] and up.dtype == fastnn.int64


@pytest.mark.parametrize("dtype", INTEGERS)
def test_pooling(rng: np.random.Generator, dtype: fastnn.dtype) -> None:
    """Means are cut off towards zero: also those of large sums, whose quotients lie close below an integer."""
    x = drawn(rng, (1, 2, 6, 6), dtype, 2**45 if dtype == fastnn.int64 else 100)
    windows = x.numpy().astype(object).reshape(1, 2, 2, 3, 2, 3).transpose(0, 1, 2, 4, 3, 5).reshape(1, 2, 2, 2, 9)
    assert F.max_pool2d(x, 3).tolist() == windows.max(-1).tolist()
    sums = windows.sum(-1)
    means = np.sign(sums) * (abs(sums) // 9)
    assert F.avg_pool2d(x, 3).tolist() == means.tolist() and F.avg_pool2d(x, 3).dtype == dtype
    for count in (3, 7, 49, 60):  # whose reciprocals are rounded down, and up
        for value in (1, -1, 2**45):
            whole = fastnn.full((1, 1, count), value, dtype=fastnn.int64)
            assert F.avg_pool1d(whole, count).item() == value


@pytest.mark.parametrize("dtype", INTEGERS)
def test_products(rng: np.random.Generator, dtype: fastnn.dtype) -> None:
    a, b = drawn(rng, (3, 4), dtype, 100), drawn(rng, (4, 2), dtype, 100)
    wanted = a.numpy().astype(object) @ b.numpy().astype(object)
    wanted = wanted % 256 if dtype == fastnn.uint8 else wanted
    assert (a @ b).tolist() == fastnn.mm(a, b).tolist() == F.linear(a, b.t()).tolist() == wanted.tolist()
    assert (a @ b).dtype == F.linear(a, b.t()).dtype == dtype
    assert (a[0] @ b[:, 1]).item() == F.linear(a[0], b.t())[1].item() == wanted[0, 1]
    assert fastnn.stack([a, a]).matmul(b).tolist() == [wanted.tolist()] * 2
    bias = fastnn.tensor([1, 2], dtype=dtype)
    assert F.linear(a, b.t(), bias).tolist() == (a @ b + bias).tolist()


def test_large_products_wrap_around() -> None:
    """Fibonacci's numbers, by powers of a matrix: the 92nd is the last that int64 holds."""
    power, step = fastnn.eye(2, dtype=fastnn.int64), fastnn.tensor([[1, 1], [1, 0]])
    for _ in range(92):
        power = power @ step
    assert power[0, 1].item() == 7540113804746346429
    assert (power @ step)[0, 1].item() == 12200160415121876738 - 2**64


def test_relu() -> None:
    x = fastnn.tensor([-3, 0, 2])
    assert F.relu(x).tolist() == nn.ReLU()(x).tolist() == [0, 0, 2] and F.relu(x).dtype == fastnn.int64


def test_what_is_refused() -> None:
    x = fastnn.ones(1, 1, 4, 4, dtype=fastnn.int64)
    for weight in (fastnn.ones(1, 1, 3, 3), fastnn.ones(1, 1, 3, 3, dtype=fastnn.int32)):
        with pytest.raises(TypeError, match=r"images must be float32 or float64, got torch.int64"):
            F.conv2d(x, weight)
    with pytest.raises(TypeError, match=r"Conv2d\(1, 2.*the input is int64, the Conv2d float32: x.float\(\)"):
        nn.Sequential(nn.Conv2d(1, 2, 3))(x)
    with pytest.raises(TypeError, match=r"must be float32 or float64, got torch.bool"):
        F.max_pool2d(x == 1, 2)
    with pytest.raises(ValueError, match=r"sums of products up to 1125899906842624 may be beyond 2\^53: use x"):
        F.max_pool2d(x * 2**50, 2)
    with pytest.raises(ValueError, match=r"\[conv2d\].*kernel of 5 x 5"):
        F.conv2d(x, fastnn.ones(1, 1, 5, 5, dtype=fastnn.int64))
    with pytest.raises(TypeError, match=r"stride must be an integer or two of them"):
        F.conv2d(x, x, stride=1 / 2)
    with pytest.raises(ValueError, match=r"\[matmul\] \(4, 4\) and \(3, 2\): the last of one is not"):
        x[0, 0] @ fastnn.ones(3, 2, dtype=fastnn.int64)
