"""Convolution, pooling and batch norm beside PyTorch: over 300 random sizes, batch norm over 100 steps, networks drawn
at random, NaN and infinities.
"""

from __future__ import annotations

import fastnn
import numpy as np
import pytest
import random_networks
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from image_tests import CHANNELS, random_layer

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


@pytest.mark.filterwarnings("ignore:Using padding=.same.:UserWarning")  # PyTorch's, of even kernels
def test_same_padding(rng: np.random.Generator) -> None:
    """Also of even kernels, which have one more row of zeros behind than before."""
    for number in range(60):
        dtype = (np.float32, np.float64)[number % 2]
        kernel, dilation = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (6, 4))
        groups = int(rng.integers(1, 4))
        ins, outs = (groups * int(n) for n in rng.integers(1, 7, 2))
        shapes = [(2, ins, *rng.integers(1, 9, 2)), (outs, ins // groups, *kernel), (outs,)]
        leaves = [both(rng.standard_normal(shape).astype(dtype)) for shape in shapes]
        (x, tx), (weight, tw), (bias, tb) = leaves
        theirs = TF.conv2d(tx, tw, tb, 1, "same", dilation, groups)
        check(F.conv2d(x, weight, bias, 1, "same", dilation, groups), theirs, leaves, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dilated_pooling(dtype: type, rng: np.random.Generator) -> None:
    for _ in range(60):
        kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, 4, 2)) for _ in range(3))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        size = [int(rng.integers(0, 8)) + d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        shape = (2, int(rng.integers(1, 40)), *size)
        leaf, settings = (
            both(rng.permutation(int(np.prod(shape))).reshape(shape).astype(dtype)),
            (kernel, stride, padding, dilation),
        )
        check(F.max_pool2d(leaf[0], *settings), TF.max_pool2d(leaf[1], *settings), [leaf], rng)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm(dtype: type, training: bool, rng: np.random.Generator) -> None:
    """Random sizes of every rank, with and without weights; values far from zero as the spread allows."""
    for number in range(100):
        channels = int(rng.choice(CHANNELS))
        shape = (int(rng.integers(2, 7)), channels, *(int(n) for n in rng.integers(1, 8, (0, 1, 2)[number % 3])))
        x = both((rng.standard_normal(shape) * 3 + rng.standard_normal()).astype(dtype))
        learned = [both(rng.standard_normal(channels).astype(dtype)) for _ in range(2)] if rng.integers(3) else []
        mean, var = (values.astype(dtype) for values in (rng.standard_normal(channels), rng.uniform(0.5, 2, channels)))
        buffers = [(Tensor(each.copy()), torch.from_numpy(each.copy())) for each in (mean, var)]
        leaves = [x, *learned]
        ours, theirs = (
            norm(
                x[place],
                *(each[place] for each in buffers),
                *([each[place] for each in learned] or [None, None]),
                training,
                0.3,
                0.01,
            )
            for place, norm in enumerate((F.batch_norm, TF.batch_norm))
        )
        check(ours, theirs, leaves, rng)
        for mine, other in buffers:
            close(mine.numpy(), other.numpy())


@pytest.mark.filterwarnings("ignore:Using padding=.same.:UserWarning")  # PyTorch's, of even kernels
@pytest.mark.parametrize("part", range(10))
def test_random_networks(part: int) -> None:
    """Loss and gradients of three steps, then all state: in float64 to 1e-9, in float32 to 1e-4 of the largest."""
    for seed in range(30 * part, 30 * part + 30):
        for dtype, limit in ((np.float64, 1e-9), (np.float32, 1e-4)):
            check_network(seed, dtype, limit)


def check_network(seed: int, dtype: type, limit: float) -> None:
    random.manual_seed(seed)
    (ours, shape), (theirs, _) = (random_networks.network(lib, seed, dropout=False) for lib in (fastnn, torch))
    ours.to(dtype)
    theirs.to(torch.float64 if dtype is np.float64 else torch.float32)
    theirs.load_state_dict({name: torch.from_numpy(value.numpy().copy()) for name, value in ours.state_dict().items()})
    mine, other = optim.SGD(ours.parameters(), lr=0.05), torch.optim.SGD(theirs.parameters(), lr=0.05)

    def near(found: np.ndarray, wanted: np.ndarray, size: float, what: str) -> None:
        np.testing.assert_allclose(found, wanted, rtol=0, atol=limit * max(size, 1), err_msg=f"seed {seed}: {what}")

    for x, y in random_networks.batches(shape, seed, dtype=dtype):
        losses = (
            TF.cross_entropy(theirs(torch.from_numpy(x)), torch.from_numpy(y)),
            F.cross_entropy(ours(Tensor(x)), Tensor(y)),
        )
        for optimizer, loss in zip((other, mine), losses, strict=True):
            optimizer.zero_grad()
            loss.backward()
        near(losses[1].item(), losses[0].item(), 1, "loss")
        slopes = {name: None if each.grad is None else each.grad.numpy() for name, each in theirs.named_parameters()}
        size = max(np.abs(slope).max() for slope in slopes.values() if slope is not None)
        for name, each in ours.named_parameters():
            assert (each.grad is None) == (slopes[name] is None), name
            if each.grad is not None:
                near(each.grad.numpy(), slopes[name], size, name)
        other.step()
        mine.step()
    found = ours.state_dict()
    for name, value in theirs.state_dict().items():
        near(found[name].numpy(), value.numpy(), np.abs(value.numpy()).max(initial=0), name)


POOLS = {
    "max": lambda F, x: F.max_pool2d(x, 2),
    "max, padded": lambda F, x: F.max_pool2d(x, 3, 2, 1),
    "max, partial windows": lambda F, x: F.max_pool2d(x, 2, 2, 0, 1, True),
    "max, dilated": lambda F, x: F.max_pool2d(x, 2, 1, 1, 2),
    "mean": lambda F, x: F.avg_pool2d(x, 3, 2, 1),
    "mean, padding left out": lambda F, x: F.avg_pool2d(x, 3, 2, 1, False, False),
    "adaptive": lambda F, x: F.adaptive_avg_pool2d(x, (3, 2)),
    "global": lambda F, x: F.adaptive_avg_pool2d(x, 1),
    "norm": lambda F, x: F.batch_norm(x, None, None, training=True),
    "convolution": lambda F, x: F.conv2d(x, x[:, :, :3, :3].detach() * 0 + 0.5, padding=1),
}


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0, 1e-42])
@pytest.mark.parametrize("name", POOLS)
def test_special_values(name: str, value: float, rng: np.random.Generator) -> None:
    """One of them somewhere, in two places, and in images of -inf, which are larger than padding."""
    for number in range(12):
        x = rng.standard_normal((2, 3, 7, 6)).astype((np.float32, np.float64)[number % 2])
        if number >= 8:
            x[:] = -np.inf
        for _ in range(1 + number // 4 % 2):
            x[tuple(rng.integers(0, x.shape))] = value
        if name == "convolution":
            x[:, :, :3, :3] = 1  # of which the weight is made
        ours, theirs = both(x)
        y, ty = POOLS[name](F, ours), POOLS[name](TF, theirs)
        same_values(y.detach().numpy(), ty.detach().numpy())
        grad = rng.standard_normal(tuple(y.shape)).astype(x.dtype)
        y.backward(Tensor(grad))
        ty.backward(torch.from_numpy(grad))
        same_values(ours.grad.numpy(), theirs.grad.numpy())


def same_values(found: np.ndarray, wanted: np.ndarray) -> None:
    """NaN and infinities in the same places, the others close."""
    finite = np.isfinite(wanted)
    assert np.array_equal(found[~finite], wanted[~finite], equal_nan=True)
    close(found[finite], wanted[finite])


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
