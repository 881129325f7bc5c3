"""Convolution, pooling and batch norm beside PyTorch: over 300 random sizes, and batch norm over 100 steps."""

from __future__ import annotations

import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from image_tests import random_layer

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def both(array: np.ndarray) -> tuple[Tensor, object]:
    """A leaf of ours and one of PyTorch's."""
    return Tensor(array.copy(), requires_grad=True), torch.from_numpy(array.copy()).requires_grad_()


def check(ours: Tensor, theirs: object, leaves: list[tuple[Tensor, object]], rng: np.random.Generator) -> None:
    """Outputs and the leaves' gradients, within some hundred roundings of the largest."""
    found, wanted = ours.detach().numpy(), theirs.detach().numpy()
    assert found.shape == wanted.shape
    close(found, wanted)
    grad = rng.standard_normal(found.shape).astype(found.dtype)
    ours.backward(Tensor(grad))
    theirs.backward(torch.from_numpy(grad))
    for mine, other in leaves:
        close(mine.grad.numpy(), other.grad.numpy())


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    size = np.abs(wanted).max(initial=1e-30)
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=0, atol=500 * np.finfo(found.dtype).eps * size)


def test_convolution(rng: np.random.Generator) -> None:
    for number in range(300):
        layer, dtype = random_layer(rng), (np.float32, np.float64)[number % 2]
        top, left, bottom, right = layer.padding
        shapes = [(layer.samples, layer.channels, *layer.size)]
        shapes += [(layer.outputs, layer.channels // layer.groups, *layer.kernel), (layer.outputs,)]
        leaves = [both(rng.standard_normal(shape).astype(dtype)) for shape in shapes]
        (x, tx), (weight, tw), (bias, tb) = leaves
        stride, _, dilation, groups = layer.settings
        theirs = TF.conv2d(TF.pad(tx, (left, right, top, bottom)), tw, tb, stride, 0, dilation, groups)
        if (top, left) == (bottom, right):
            ours = F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)
        else:  # zeros beside the image, as a batch of its own
            padded, _ = leaves[0] = both(np.pad(x._data, [(0, 0), (0, 0), (top, bottom), (left, right)]))
            theirs = TF.conv2d(leaves[0][1], tw, tb, stride, 0, dilation, groups)
            ours = F.conv2d(padded, weight, bias, stride, 0, dilation, groups)
        check(ours, theirs, leaves, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pooling(dtype: type, rng: np.random.Generator) -> None:
    for _ in range(150):
        kernel, stride = (tuple(int(n) for n in rng.integers(1, 5, 2)) for _ in range(2))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        size = [max(int(rng.integers(1, 12)), k) for k in kernel]
        shape = (int(rng.integers(1, 4)), int(rng.integers(1, 40)), *size)
        ceil_mode, counted = bool(rng.integers(2)), bool(rng.integers(2))
        leaf = both(rng.permutation(int(np.prod(shape))).reshape(shape).astype(dtype))
        check(
            F.max_pool2d(leaf[0], kernel, stride, padding, 1, ceil_mode),
            TF.max_pool2d(leaf[1], kernel, stride, padding, 1, ceil_mode),
            [leaf],
            rng,
        )
        leaf = both(rng.standard_normal(shape).astype(dtype))
        check(
            F.avg_pool2d(leaf[0], kernel, stride, padding, ceil_mode, counted),
            TF.avg_pool2d(leaf[1], kernel, stride, padding, ceil_mode, counted),
            [leaf],
            rng,
        )
        leaf, cut = both(rng.standard_normal(shape).astype(dtype)), tuple(int(n) for n in rng.integers(1, 6, 2))
        check(F.adaptive_avg_pool2d(leaf[0], cut), TF.adaptive_avg_pool2d(leaf[1], cut), [leaf], rng)
        leaf = both(leaf[0].detach().numpy())
        check(F.adaptive_max_pool2d(leaf[0], cut), TF.adaptive_max_pool2d(leaf[1], cut), [leaf], rng)


def test_batch_norm_over_100_steps(rng: np.random.Generator) -> None:
    """In float64, with Adam: parameters and running values within 1e-9."""
    ours, theirs = nn.BatchNorm2d(5, momentum=0.2).double(), torch.nn.BatchNorm2d(5, momentum=0.2).double()
    start = {"weight": rng.standard_normal(5), "bias": rng.standard_normal(5)}
    ours.load_state_dict(start, strict=False)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in start.items()}, strict=False)
    mine, other = optim.Adam(ours.parameters(), lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(100):
        x, factor = rng.standard_normal((4, 5, 3, 6)) * 3 + 1, rng.standard_normal((4, 5, 3, 6))
        (ours(Tensor(x)) ** 2 * Tensor(factor)).sum().backward()
        (theirs(torch.from_numpy(x)) ** 2 * torch.from_numpy(factor)).sum().backward()
        for optimizer in (mine, other):
            optimizer.step()
            optimizer.zero_grad()
    expected = {name: value.detach().numpy() for name, value in theirs.state_dict().items()}
    for name, value in ours.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=0, atol=1e-9)


TEXTS = [
    ("Conv2d", (3, 6, 5)),
    ("Conv2d", (4, 8, (3, 1), 2, 1, 2, 4, False)),
    ("BatchNorm2d", (4,)),
    ("BatchNorm1d", (4, 0.1, None, False)),
    ("MaxPool2d", ((2, 3),)),
    ("AvgPool2d", (2, 1)),
    ("AdaptiveAvgPool2d", (1,)),
    ("AdaptiveMaxPool2d", ((2, None),)),
]


@pytest.mark.parametrize(("name", "arguments"), TEXTS)
def test_text_is_the_same(name: str, arguments: tuple) -> None:
    assert repr(getattr(nn, name)(*arguments)) == repr(getattr(torch.nn, name)(*arguments))
