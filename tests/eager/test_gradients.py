"""The tape: gradients against central differences in float64, and how gradients flow and add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn.eager import linalg
from fastnn.eager.tensor import Tensor
from fastnn.nn import Dropout
from fastnn.nn import functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

SHAPES = npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
Function = Callable[..., Tensor]
Problem = tuple[Function, list[np.ndarray]]


def values(data: st.DataObject, *shapes: tuple[int, ...], low: float = -2, high: float = 2, away: float = 0) -> list:
    """Distinct float64 values, none closer to zero than `away`."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    drawn = [rng.uniform(low, high, shape) for shape in shapes]
    return [np.asarray(array + np.copysign(away, array)) for array in drawn]


def unary(function: Function, **domain: float) -> Callable[[st.DataObject], Problem]:
    return lambda data: (function, values(data, data.draw(SHAPES), **domain))


def binary(function: Function, **domain: float) -> Callable[[st.DataObject], Problem]:
    """Two operands whose shapes broadcast."""

    def draw(data: st.DataObject) -> Problem:
        shapes = data.draw(npst.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3))
        return function, values(data, *shapes.input_shapes, **domain)

    return draw


def along(function: Callable[[Tensor, Any, bool], Tensor], least: int = 0, one: bool = False) -> Callable:
    """function(x, dim, keepdim) over one dimension, or several, of at least `least` elements."""

    def draw(data: st.DataObject) -> Problem:
        shape = data.draw(npst.array_shapes(max_dims=3, min_side=least, max_side=4))
        axis = st.integers(-len(shape), len(shape) - 1)
        dim = data.draw(axis if one else st.one_of(st.none(), axis, npst.valid_tuple_axes(len(shape))))
        keepdim = data.draw(st.booleans())
        return lambda x: function(x, dim, keepdim), values(data, shape)

    return draw


def like_shares(x: Tensor) -> Tensor:
    """A target of cross-entropy for x as one row."""
    return Tensor(np.linspace(0, 1, x.numel()).reshape(1, -1))


def moved(data: st.DataObject) -> Problem:
    """A chain of views, on which something is computed."""
    shape = data.draw(npst.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=3))
    order = data.draw(st.permutations(range(len(shape))))

    def function(x: Tensor) -> Tensor:
        y = x.permute(*order).unsqueeze(1).expand(*[3, 2][: 3 - len(shape)], *([-1] * (len(shape) + 1)))
        return (y.transpose(0, -1).flatten() * y.reshape(-1)).view(*y.shape).squeeze() + x.T.contiguous().sum()

    return function, values(data, shape)


def indexed(data: st.DataObject) -> Problem:
    shape = data.draw(npst.array_shapes(min_dims=1, max_dims=3, max_side=4))
    basic = npst.basic_indices(shape, allow_newaxis=True)
    several = npst.integer_array_indices(shape, result_shape=npst.array_shapes(min_dims=0, max_dims=2, max_side=3))
    mask = npst.arrays(bool, shape)
    key = data.draw(st.one_of(basic, several, mask))
    return lambda x: x[key], values(data, shape)


def product(data: st.DataObject) -> Problem:
    signature = data.draw(
        npst.mutually_broadcastable_shapes(signature="(m?,k),(k,n?)->(m?,n?)", max_dims=1, min_side=0, max_side=3)
    )
    return linalg.matmul, values(data, *signature.input_shapes)


def dense(data: st.DataObject) -> Problem:
    batch = data.draw(npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3))
    inputs, outputs, bias = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4), st.booleans()))
    return F.linear, values(data, (*batch, inputs), (outputs, inputs), *[(outputs,)] * bias)


REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


def classified(function: Function) -> Callable[[st.DataObject], Problem]:
    def draw(data: st.DataObject) -> Problem:
        samples, classes = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 5)))
        reduction = data.draw(REDUCTIONS)
        labels = Tensor(data.draw(npst.arrays(np.int64, samples, elements=st.integers(0, classes - 1))))
        return lambda x: function(x, labels, reduction), values(data, (samples, classes))

    return draw


def compared(function: Function, away: float = 0) -> Callable[[st.DataObject], Problem]:
    def draw(data: st.DataObject) -> Problem:
        shape, reduction = data.draw(st.tuples(npst.array_shapes(min_dims=0, max_side=3), REDUCTIONS))
        target = Tensor(values(data, shape, low=0, high=1)[0])
        x = target._data + values(data, shape, away=away)[0]
        return lambda x: function(x, target, reduction), [np.asarray(x)]

    return draw


def dropped(x: Tensor) -> Tensor:
    module = Dropout(0.4)
    module.number, module.calls = 3, 5
    return module(x)


CASES: dict[str, Callable[[st.DataObject], Problem]] = {
    "add": binary(lambda x, y: x + y),
    "subtract": binary(lambda x, y: x - y),
    "multiply": binary(lambda x, y: x * y),
    "divide": binary(lambda x, y: x / y, away=0.5),
    "power": binary(lambda x, y: x**y, low=0.5),
    "power of a number": unary(lambda x: 2.5**x + 0.3**x),
    "numbers": unary(lambda x: 3 - 2 * x + 1 / (x + 5) + (x - 0.5) / 4),
    "pow": unary(lambda x: x**3 + (x * x + 1) ** -1.5 + x**1 + x**0),
    "sqrt": unary(Tensor.sqrt, low=0.5),
    "exp": unary(Tensor.exp),
    "log": unary(Tensor.log, low=0.3),
    "relu": unary(Tensor.relu, away=0.1),
    "leaky_relu": unary(lambda x: F.leaky_relu(x, -0.3), away=0.1),
    "activations": unary(lambda x: F.gelu(x) + F.gelu(x, "tanh") * F.silu(x) + F.softplus(x)),
    "elu": unary(lambda x: F.elu(x, -0.3), away=0.1),
    "sigmoid": unary(Tensor.sigmoid),
    "tanh": unary(Tensor.tanh),
    "abs": unary(abs, away=0.1),
    "signs": unary(lambda x: x.sign() * x + x.round() * x + x.floor() - x.ceil() + x.trunc(), away=0.1),
    "clamp": unary(lambda x: x.clamp(-0.71, 1.03) * x),
    "clamp by tensors": binary(lambda x, y: x.clamp(y, y + 1.3) * x),
    "maximum": binary(lambda x, y: fastnn.maximum(x, y) * fastnn.minimum(x, y * 2)),
    "where": binary(lambda x, y: fastnn.where(x > 0, x * y, y)),
    "masked_fill": unary(lambda x: x.masked_fill(x > 0, 2.0) * x),
    "remainder": binary(lambda x, y: x % y, away=0.5),
    "powers": unary(lambda x: x.square() + x.reciprocal() + (x * x).rsqrt(), away=0.5),
    "var": along(lambda x, dim, keepdim: x.var(dim, False, keepdim), least=1),
    "std": along(lambda x, dim, keepdim: x.std(dim, keepdim=keepdim, correction=0.5), least=3),
    "norm": along(lambda x, dim, keepdim: x.norm(2, dim, keepdim) + x.norm(3, dim, keepdim), least=1),
    "norms": along(lambda x, dim, keepdim: x.norm(1, dim, keepdim) + x.norm(float("inf"), dim, keepdim), least=1),
    "min": along(lambda x, dim, keepdim: x.min(dim, keepdim).values ** 2, least=1, one=True),
    "amax": along(lambda x, dim, keepdim: x.amax(dim, keepdim) * x.amin(dim, keepdim), least=1),
    "cumsum": along(lambda x, dim, keepdim: x.cumsum(dim) ** 2, one=True),
    "sort": along(lambda x, dim, keepdim: x.sort(dim, keepdim).values * x, one=True),
    "topk": along(lambda x, dim, keepdim: x.topk(1, dim, keepdim).values ** 2, least=1, one=True),
    "median": along(lambda x, dim, keepdim: x.median(dim, keepdim).values ** 2, least=1, one=True),
    "repeat": unary(lambda x: x.repeat(*[2] * (x.dim() + 1)) ** 2),
    "flip": along(lambda x, dim, keepdim: x.flip(dim) * x, one=True),
    "split": along(lambda x, dim, keepdim: fastnn.cat([a * a for a in x.split(2, dim)], dim), least=1, one=True),
    "unbind": along(lambda x, dim, keepdim: fastnn.stack(x.unbind(dim), 0) ** 2, least=1, one=True),
    "outer": binary(lambda x, y: fastnn.outer(x.flatten(), y.flatten())),
    "clone": unary(lambda x: x.clone() * x),
    "dropout": unary(dropped),
    "sum": along(lambda x, dim, keepdim: x.sum(dim, keepdim) ** 2),
    "mean": along(lambda x, dim, keepdim: x.mean(dim, keepdim) ** 2, least=1),
    "max": along(lambda x, dim, keepdim: x.max(dim, keepdim).values ** 2, least=1, one=True),
    "max of all": unary(lambda x: x.max() * x if x.numel() else x),
    "softmax": along(lambda x, dim, keepdim: x.softmax(dim), least=1, one=True),
    "log_softmax": along(lambda x, dim, keepdim: x.log_softmax(dim), least=1, one=True),
    "views": moved,
    "index": indexed,
    "matmul": product,
    "linear": dense,
    "cross_entropy": classified(F.cross_entropy),
    "nll": classified(F.nll_loss),
    "mse": compared(F.mse_loss),
    "l1": compared(F.l1_loss, away=0.01),
    "smooth_l1": compared(lambda x, t, reduction: F.smooth_l1_loss(x, t, beta=0.7, reduction=reduction), away=0.01),
    "huber": compared(lambda x, t, reduction: F.huber_loss(x, t, reduction, 0.7), away=0.01),
    "bce of shares": compared(lambda x, t, reduction: F.binary_cross_entropy(x.sigmoid(), t, reduction=reduction)),
    "bce, weighted": compared(lambda x, t, how: F.binary_cross_entropy_with_logits(x, t, t, None, None, how, t)),
    "kl_div": compared(lambda x, t, reduction: F.kl_div(x, t, reduction=reduction)),
    "smoothed": classified(lambda x, y, reduction: F.cross_entropy(x, y, reduction=reduction, label_smoothing=0.3)),
    "weighted": classified(lambda x, y, how: F.cross_entropy(x, y, np.arange(1.0, 1 + x.shape[1]), reduction=how)),
    "nll, weighted": classified(lambda x, y, how: F.nll_loss(x, y, np.arange(1.0, 1 + x.shape[1]), reduction=how)),
    "normalize": along(lambda x, dim, keepdim: F.normalize(x, 2, dim) ** 2 * x, least=1, one=True),
    "cosine": along(lambda x, dim, keepdim: F.cosine_similarity(x, x * x + 1, dim), least=1, one=True),
    "erf": unary(Tensor.erf),
    "smooth": unary(lambda x: F.gelu(x) + F.gelu(x, "tanh") + F.silu(x) + F.mish(x) + F.softplus(x, 2) + F.softsign(x)),
    "with corners": unary(lambda x: F.elu(x, 0.7) + F.selu(x) + F.celu(x) + F.hardtanh(x, -9, 0), away=0.1),
    "prelu": binary(lambda x, y: F.prelu(x, y.sum()) * x, away=0.1),
    "layer norm": along(lambda x, *_: F.layer_norm(x, x.shape[-1:], x[(0,) * (x.dim() - 1)]), least=2, one=True),
    "pad": along(lambda x, *_: F.pad(x, (1, 2), value=3) * F.pad(x, (2, 1))),
    "nearest": along(lambda x, *_: F.interpolate((x * x).reshape(1, 1, -1), scale_factor=2.3), least=1),
    "probabilities": along(lambda x, *_: F.cross_entropy(x.reshape(1, -1), like_shares(x)), least=1),
    "bce": compared(F.binary_cross_entropy_with_logits),
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=200)
@given(data=st.data())
def test_gradient(name: str, data: st.DataObject) -> None:
    """The sum of the outputs, or a weighted one, differentiated by every element of every input."""
    function, inputs = CASES[name](data)
    weight: Any = np.random.default_rng(7).uniform(0.5, 1.5, function(*map(Tensor, inputs)).shape)
    weighted, step = data.draw(st.booleans()), 1e-5

    def objective(*operands: Tensor) -> Tensor:
        return (function(*operands) * weight).sum() if weighted else function(*operands).sum()

    def gradients() -> list[np.ndarray]:
        leaves = [Tensor(array.copy(), requires_grad=True) for array in inputs]
        objective(*leaves).backward()
        return [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]

    found = gradients()
    for array, gradient in zip(inputs, found, strict=True):
        assert gradient.shape == array.shape and gradient.flags.writeable
        slopes = np.empty(array.shape)
        for at in np.ndindex(array.shape):
            middle = array[at]
            array[at] = middle + step
            above = objective(*map(Tensor, inputs)).item()
            array[at] = middle - step
            slopes[at] = (above - objective(*map(Tensor, inputs)).item()) / (2 * step)
            array[at] = middle
        assert np.all(np.abs(gradient - slopes) <= 1e-8 + 1e-6 * np.abs(slopes))
    for first, second in zip(found, gradients(), strict=True):
        assert first.tobytes() == second.tobytes()
