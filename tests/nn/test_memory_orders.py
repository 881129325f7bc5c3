"""Images in any order of memory: views give what a copy in PyTorch's order gives, bit for bit, forward and backward.

The shapes have sides and channels of one, where orders cannot be told apart.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F

Shape = tuple[int, int, int, int]
SHAPES: list[Shape] = [
    (2, 3, 5, 6),
    (1, 1, 4, 4),
    (3, 1, 5, 4),
    (2, 4, 1, 1),
    (1, 5, 1, 3),
    (1, 1, 1, 1),
    (2, 17, 3, 4),
]

# By name: the shape of an array, and the view of it that has the shape (N, C, H, W).
VIEWS: dict[str, tuple[Callable[..., tuple[int, ...]], Callable[..., Tensor]]] = {
    "channels last": (lambda n, c, h, w: (n, h, w, c), lambda t, *_: t.permute(0, 3, 1, 2)),
    "samples last": (lambda n, c, h, w: (h, w, c, n), lambda t, *_: t.permute(3, 2, 0, 1)),
    "rows and columns swapped": (lambda n, c, h, w: (n, c, w, h), lambda t, *_: t.transpose(2, 3)),
    "samples and channels swapped": (lambda n, c, h, w: (c, n, h, w), lambda t, *_: t.transpose(0, 1)),
    "some channels": (lambda n, c, h, w: (n, c + 2, h, w), lambda t, *_: t[:, 1:-1]),
    "every second channel, last": (lambda n, c, h, w: (n, h, w, 2 * c), lambda t, *_: t.permute(0, 3, 1, 2)[:, ::2]),
    "every second sample": (lambda n, c, h, w: (2 * n, h, w, c), lambda t, *_: t.permute(0, 3, 1, 2)[::2]),
    "a window": (lambda n, c, h, w: (n, c, h + 3, w + 2), lambda t, *_: t[:, :, 1:-2, 2:]),
    "a window, channels last": (
        lambda n, c, h, w: (n, h + 3, w + 2, c),
        lambda t, *_: t.permute(0, 3, 1, 2)[:, :, 1:-2, 2:],
    ),
    "one sample for all": (lambda n, c, h, w: (1, c, h, w), lambda t, n, *_: t.expand(n, -1, -1, -1)),
    "one channel for all": (lambda n, c, h, w: (n, 1, h, w), lambda t, n, c, *_: t.expand(-1, c, -1, -1)),
    "one pixel for all": (lambda n, c, h, w: (n, c, 1, 1), lambda t, n, c, h, w: t.expand(-1, -1, h, w)),
    "flipped": (lambda n, c, h, w: (n, c, h, w), lambda t, *_: t.flip(2)),
    "rows of numbers": (lambda n, c, h, w: (n, c * h * w), lambda t, n, c, h, w: t.view(-1, c, h, w)),
    "permuted rows": (lambda n, c, h, w: (n, h * w, c), lambda t, *shape: t.permute(0, 2, 1).reshape(*shape)),
}

weight = np.random.default_rng(1).standard_normal((4, 17, 3, 3))


def convolved(x: Tensor) -> Tensor:
    return F.conv2d(x, Tensor(weight[:, : x.shape[1]]), padding=1)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "conv2d": convolved,
    "conv2d, stride 2": lambda x: F.conv2d(x, Tensor(weight[:, : x.shape[1], :1, :1]), stride=2),
    "conv2d of each channel": lambda x: F.conv2d(
        x, Tensor(weight[:1, : x.shape[1]]).transpose(0, 1), padding=1, groups=x.shape[1]
    ),
    "max_pool2d": lambda x: F.max_pool2d(x, 2, 1, 1),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 2, 2, 1),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (2, 1)),
    "mean of each map": lambda x: F.adaptive_avg_pool2d(x, 1),
    "batch_norm": lambda x: F.batch_norm(x, Tensor(np.ones(x.shape[1])), Tensor(np.full(x.shape[1], 0.5))),
}

# What becomes of the maps of a convolution, and of the images beside them.
USES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum with an image": lambda maps, x: maps[:, :1] + x,
    "product with an image": lambda maps, x: x * maps[:, 1:2].sigmoid(),
    "joined": lambda maps, x: fastnn.cat([maps, x], 1),
    "flattened": lambda maps, x: maps.flatten(1),
    "viewed": lambda maps, x: maps.view(-1),
    "reshaped": lambda maps, x: maps.reshape(x.shape[0], 2, -1),
    "permuted": lambda maps, x: maps.permute(0, 2, 3, 1).reshape(-1, 2),
    "picked": lambda maps, x: maps[-1, :, :, 0],
    "softmax of channels": lambda maps, x: F.softmax(maps, 1),
    "sums": lambda maps, x: maps.mean((2, 3)) + maps.sum(1).sum(),
    "largest": lambda maps, x: maps.max(1)[0] + maps.amax((1, 2, 3)).sum(),
    "Gram matrix": lambda maps, x: maps.flatten(2) @ maps.flatten(2).transpose(1, 2),
    "padded": lambda maps, x: F.pad(maps, (1, 0, 0, 2)),
    "enlarged": lambda maps, x: F.interpolate(maps, scale_factor=2),
    "layer_norm": lambda maps, x: F.layer_norm(maps, maps.shape[2:]),
    "activated": lambda maps, x: F.leaky_relu(maps.tanh() * 2 - maps.relu()),
}


def of_both(view: str, shape: Shape, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A view, and what it shows in memory of its own, in PyTorch's order: both leaves."""
    base, turn = VIEWS[view]
    viewed = turn(Tensor(rng.standard_normal(base(*shape))), *shape)
    assert viewed.shape == shape
    plain = Tensor(np.array(viewed.numpy(), order="C"))
    return viewed.requires_grad_(), plain.requires_grad_()


def results_of(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[tuple[int, ...], bytes, bytes]:
    """The shape and the bits of a function, and of its gradient."""
    x.grad = None
    y = function(x)
    y.backward(Tensor(np.random.default_rng(5).standard_normal(y.shape)))
    return y.shape, y.detach().numpy().tobytes(), x.grad.numpy().tobytes()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_views(name: str, view: str, rng: np.random.Generator) -> None:
    for shape in SHAPES:
        viewed, plain = of_both(view, shape, rng)
        assert results_of(FUNCTIONS[name], viewed) == results_of(FUNCTIONS[name], plain), shape


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", USES)
def test_maps(name: str, view: str, rng: np.random.Generator) -> None:
    """As the convolution leaves them, channels last, and in PyTorch's order."""
    use = USES[name]
    for shape in SHAPES:
        viewed, plain = of_both(view, shape, rng)
        expected = results_of(lambda x: use(convolved(x).contiguous(), x), plain)
        for x in (viewed, plain):
            assert results_of(lambda x: use(convolved(x), x), x) == expected, shape


@pytest.mark.parametrize("view", VIEWS)
def test_gradients_come_in_any_order(view: str, rng: np.random.Generator) -> None:
    """What goes back into a convolution, batch norm and pooling may be a view."""
    for shape in SHAPES:
        gradients = of_both(view, shape, rng)
        for function in (
            lambda x: F.conv2d(x, Tensor(np.eye(shape[1])[:, :, None, None])),  # noqa: B023
            lambda x: F.max_pool2d(x, 1),
            lambda x: F.batch_norm(x, Tensor(np.zeros(x.shape[1])), Tensor(np.ones(x.shape[1]))),
        ):
            results = []
            for gradient in gradients:
                x = Tensor(np.random.default_rng(5).standard_normal(shape)).requires_grad_()
                function(x).backward(gradient.detach())
                results.append(x.grad.numpy().tobytes())
            assert results[0] == results[1], shape


@pytest.mark.parametrize("view", VIEWS)
def test_copies_texts_and_files(view: str, rng: np.random.Generator, tmp_path: Path) -> None:
    """Printed, copied, pickled and saved images are those that a copy in PyTorch's order gives."""
    for shape in SHAPES:
        results = []
        for x in of_both(view, shape, rng):
            y = convolved(x.detach())
            fastnn.save({"y": y}, tmp_path / "y.pth")
            copies = [copy.deepcopy(y), copy.copy(y), pickle.loads(pickle.dumps(y)), y.clone(), y.contiguous()]
            copies.append(fastnn.load(tmp_path / "y.pth")["y"])
            assert all(np.array_equal(each.numpy(), y.numpy()) for each in copies)
            results.append((repr(y), str(y), y.tolist(), [each.numpy().tobytes() for each in copies]))
        assert results[0] == results[1], shape


@pytest.mark.parametrize("shape", [(4, 3, 3, 2), (1, 3, 1, 1), (4, 1, 3, 3), (5, 1, 1, 1)])
def test_weights_are_set_from_any_order(shape: Shape, rng: np.random.Generator) -> None:
    """A layer computes with the weight that it was given, however that lies."""
    layer = nn.Conv2d(shape[1], shape[0], shape[2:], bias=False).double()
    x = Tensor(rng.standard_normal((2, shape[1], 5, 4)))
    for view in VIEWS:
        viewed, plain = of_both(view, shape, rng)
        expected = F.conv2d(x, plain.detach()).numpy()
        for given in (viewed.detach(), plain.detach()):
            layer.weight.data = given
            assert np.array_equal(layer(x).detach().numpy(), expected), view
            layer.weight.data = Tensor(np.zeros(shape))  # memory of its own again
            layer.load_state_dict({"weight": given})
            assert np.array_equal(layer(x).detach().numpy(), expected), view
            with fastnn.no_grad():
                layer.weight.zero_()
                layer.weight.copy_(given)
            assert np.array_equal(layer(x).detach().numpy(), expected), view


def changes(weight: Tensor) -> None:
    """In place, through views of it in other shapes."""
    weight.view(-1)[:7] = 1.5
    weight.view(weight.shape[0], -1)[0] += 2
    weight.view_as(Tensor(np.zeros((weight.numel(), 1))))[3:5].zero_()
    weight.view(weight.shape[0], -1, 2)[:, 1].view(-1).fill_(0.25)
    nn.init.constant_(weight.view(-1)[-3:], 4.0)


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 4, (3, 2)), nn.Linear(6, 5)], ids=str)
def test_views_of_weights_are_written_through(layer: nn.Module) -> None:
    """Where memory allows no view, too: a change is not lost in a copy."""
    plain = Tensor(np.array(layer.weight.detach().numpy(), order="C"))
    with fastnn.no_grad():
        changes(plain)
        changes(layer.weight)
    assert layer.weight.tolist() == plain.tolist()
    changes(layer.weight.data)
    changes(plain)
    assert layer.weight.tolist() == plain.tolist()
    with pytest.raises(RuntimeError, match="requires grad cannot be changed in place"):
        layer.weight.view(-1)[0] = 1
    for copied in (layer.weight.data.contiguous().view(-1), plain.transpose(0, 1).reshape(-1)):
        before = layer.weight.tolist(), plain.tolist()
        copied.zero_()
        assert (layer.weight.tolist(), plain.tolist()) == before
