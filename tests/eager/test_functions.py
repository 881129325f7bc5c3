"""Everyday functions of tensors: NumPy's values, PyTorch itself where it is installed, their other spellings."""

from __future__ import annotations

from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn.eager.tensor import Tensor

RNG = np.random.default_rng(11)
ARRAYS: dict[str, np.ndarray] = {
    "x": RNG.standard_normal((2, 3, 4)),
    "y": RNG.standard_normal((2, 3, 4)),
    "f": RNG.standard_normal(5).astype(np.float32),
    "half": np.array([-2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.5, 1234.5678]),
    "odd": np.array([np.nan, np.inf, -np.inf, 0.0, 1.0]),
    "i": RNG.integers(-9, 9, (2, 6)),
    "k": np.array([2, 0, 2, 1]),
    "b": RNG.random((2, 3, 4)) > 0.5,
    "m": RNG.standard_normal((3, 4)),
    "v": RNG.standard_normal(4),
    "w": RNG.standard_normal(4),
    "ties": np.array([3.0, 1.0, 3.0, 2.0, 1.0]),
    "p": RNG.standard_normal((2, 4, 2)),
    "one": np.array(-1.5),
}

# What is written of tensors, and of arrays; "": the same.
EXPRESSIONS = {
    "abs(x)": "", "x.abs()": "abs(x)", "i.abs()": "abs(i)", "torch.abs(x)": "abs(x)", "half.round()": "np.rint(half)",
    "torch.round(half, decimals=2)": "np.rint(half * 100) / 100",
    "half.round(decimals=-2)": "np.rint(half / 100) * 100",
    "half.floor()": "np.floor(half)", "half.ceil()": "np.ceil(half)", "half.trunc()": "np.trunc(half)",
    "torch.sign(half)": "np.sign(half)", "i.sign()": "np.sign(i)", "i.floor()": "i", "+x": "x", "-i": "",
    "x.clamp(-0.5, 0.5)": "np.clip(x, -0.5, 0.5)", "x.clamp(min=0)": "np.maximum(x, 0)",
    "i.clamp(max=3)": "np.minimum(i, 3)",
    "torch.clamp(x, max=0.25)": "np.minimum(x, 0.25)", "x.clip(0, 1)": "np.clip(x, 0, 1)",
    "x.clamp(1, -1)": "x * 0 - 1",
    "x.clamp(y, y + 1)": "np.minimum(np.maximum(x, y), y + 1)", "odd.clamp(-2, 2)": "np.clip(odd, -2, 2)",
    "torch.maximum(x, y)": "np.maximum(x, y)", "torch.minimum(x, y)": "np.minimum(x, y)",
    "torch.max(x, y)": "np.maximum(x, y)",
    "torch.min(i, k.sum())": "np.minimum(i, 5)", "torch.square(x)": "x * x", "x.square()": "x * x",
    "(x * x).rsqrt()": "1 / abs(x)",
    "x.reciprocal()": "1 / x", "x // 0.5": "", "x % 0.75": "", "x % -0.75": "", "-x // y": "", "x % y": "",
    "7 // i[i != 0]": "",
    "7.5 // x": "", "5 % x": "", "i // 2.5": "", "torch.remainder(i, 4)": "i % 4", "torch.floor_divide(i, 4)": "i // 4",
    "b & ~b": "", "b | (x > 0)": "", "b ^ b.all()": "", "i & 3": "", "i | 1": "", "3 ^ i": "", "~i": "", "~b": "",
    "b.logical_and(i.any())": "b", "torch.logical_not(i)": "i == 0", "torch.logical_or(b, x)": "b | (x != 0)",
    "odd.isnan()": "np.isnan(odd)", "torch.isinf(odd)": "np.isinf(odd)", "torch.isfinite(odd)": "np.isfinite(odd)",
    "torch.where(b, x, y)": "np.where(b, x, y)", "torch.where(b, x, 0)": "np.where(b, x, 0)",
    "x.where(b, y)": "np.where(b, x, y)",
    "torch.where(b, 1.0, 0.0)": "b.astype('f4')", "torch.where(i > 0)[1]": "np.nonzero(i > 0)[1]",
    "x.masked_fill(b, -1)": "np.where(b, -1, x)", "i.masked_fill(i > 0, 7)": "np.where(i > 0, 7, i)",
    "x.masked_select(b)": "x[b]",
    "x.std()": "x.std(ddof=1)", "torch.std(x, 1)": "x.std(1, ddof=1)",
    "x.std(dim=(0, 2), keepdim=True)": "x.std((0, 2), ddof=1, keepdims=True)",
    "x.std(unbiased=False)": "x.std()", "x.var(-1, False)": "x.var(-1)", "x.var(0, correction=0)": "x.var(0)",
    "x.std(False)": "x.std()",
    "x.min()": "", "x.min(1).values": "x.min(1)", "x.min(-1, True).indices": "x.argmin(-1)[..., None]",
    "x.argmin()": "",
    "x.argmin(0)": "", "i.min(1).values": "i.min(1)", "i.argmin(1)": "", "torch.min(i)": "i.min()",
    "x.amax((0, 1))": "x.max((0, 1))",
    "x.amin(1, keepdim=True)": "x.min(1, keepdims=True)", "b.any(1)": "", "b.all(dim=0)": "b.all(0)",
    "b.any(-1, keepdim=True)": "b.any(-1, keepdims=True)",
    "x.norm()": "(x**2).sum() ** 0.5", "x.norm(dim=1)": "(x**2).sum(1) ** 0.5",
    "x.norm(1, -1, True)": "abs(x).sum(-1, keepdims=True)",
    "x.norm(float('inf'), 1)": "abs(x).max(1)", "x.norm(3)": "(abs(x) ** 3).sum() ** (1 / 3)",
    "x.cumsum(1)": "", "torch.cumsum(i, dim=-1)": "i.cumsum(-1)", "b.count_nonzero()": "b.sum()", "b.cumsum(0)": "",
    "x.sort().values": "np.sort(x)", "torch.sort(i, dim=0, descending=True).values": "-np.sort(-i, axis=0)",
    "ties.argsort(stable=True)": "[1, 4, 3, 0, 2]", "ties.argsort(descending=True, stable=True)": "[0, 2, 3, 1, 4]",
    "x.topk(2).values": "-np.sort(-x)[..., :2]", "x.topk(2, dim=1).indices": "np.argsort(-x, 1)[:, :2]",
    "torch.topk(v, 3, largest=False)[0]": "np.sort(v)[:3]", "x.median()": "np.sort(x.ravel())[11]",
    "x.median(1).values": "np.median(x, 1)", "m.median(-1, True).values": "np.sort(m)[:, 1:2]",
    "i.unique()": "np.unique(i)",
    "torch.unique(k, return_counts=True)[1]": "[1, 1, 2]", "torch.unique(k, return_inverse=True)[1]": "k",
    "i.nonzero()": "np.argwhere(i)", "torch.bincount(k)": "[1, 1, 2]",
    "x.gather(2, k.view(1, 1, 4).expand(2, 3, 4))": "x[..., k]",
    "m.gather(0, k[None])": "m[k, np.arange(4)][None]", "x.index_select(1, k)": "x[:, k]",
    "torch.index_select(v, 0, k)": "v[k]",
    "x.view_as(y.view(6, 4))": "x.reshape(6, 4)", "v.expand_as(x)": "v + 0 * x",
    "x.unflatten(2, (2, -1))": "x.reshape(2, 3, 2, 2)",
    "x.split(2, dim=1)[1]": "x[:, 2:]", "torch.split(v, [1, 3])[1]": "v[1:]", "x.chunk(2, -1)[0]": "x[..., :2]",
    "torch.chunk(v, 3)[1]": "v[2:]",
    "x.unbind(1)[2]": "x[:, 2]", "x.narrow(2, 1, 2)": "x[..., 1:3]", "m.repeat(2, 3)": "np.tile(m, (2, 3))",
    "v.repeat(2, 1, 2)": "np.tile(v, (2, 1, 2))", "v.tile(2)": "np.tile(v, 2)", "x.flip(0, 2)": "x[::-1, :, ::-1]",
    "torch.flip(v, dims=(0,))": "v[::-1]",
    "x.movedim(0, 2)": "np.moveaxis(x, 0, 2)", "x.swapaxes(0, 1)": "", "torch.bmm(x, p)": "x @ p",
    "torch.dot(v, w)": "v @ w",
    "torch.outer(v, w)": "np.outer(v, w)", "m.mv(v)": "m @ v", "torch.add(x, y, alpha=2)": "x + 2 * y",
    "x.sub(y, alpha=0.5)": "x - y / 2",
    "torch.eq(i, 3)": "i == 3", "torch.ne(x, y)": "x != y", "torch.ge(i, 0)": "i >= 0", "torch.mul(x, 2)": "x * 2",
    "torch.neg(x)": "-x", "one.abs()": "abs(one)", "one.sort().values": "one", "one.topk(1).values": "one",
    "one.cumsum(0)": "one",
    "one.std(unbiased=False)": "0.0", "one.min(0).indices": "0", "x.to('cpu', torch.float32)": "x.astype('f4')",
    "x.to(f)": "x.astype('f4')", "x.byte() * 0": "x.astype('u1') * 0", "i.type(torch.FloatTensor)": "i.astype('f4')",
    "x.type('torch.LongTensor')": "x.astype('i8')", "x.type(torch.float32)": "x.astype('f4')",
    # other spellings
    "x.sum(axis=1)": "", "torch.sum(x, axis=(0, 1), keepdims=True)": "x.sum((0, 1), keepdims=True)",
    "torch.max(x, axis=1)[0]": "x.max(1)",
    "torch.cat((x, y), axis=2)": "np.concatenate((x, y), 2)", "torch.stack([v, w], axis=1)": "np.stack([v, w], 1)",
    "torch.argmax(input=x, dim=1)": "x.argmax(1)", "torch.mean(input=x, axis=-1)": "x.mean(-1)",
    "x.mean(dtype=torch.float32)": "x.astype('f4').mean()",
    "torch.softmax(i, dim=0, dtype=torch.float64)": "np.exp(i) / np.exp(i).sum(0)",
    "torch.unsqueeze(v, dim=0)": "v[None]",
}  # fmt: skip


def value_of(expression: str, torch: Any, tensor: Any) -> Any:
    return eval(expression, {"torch": torch, "np": np, **{name: tensor(array) for name, array in ARRAYS.items()}})


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_value(expression: str) -> None:
    expected = np.asarray(value_of(EXPRESSIONS[expression] or expression, None, np.copy))
    plain = value_of(expression, fastnn, Tensor)
    on_tape = value_of(expression, fastnn, lambda array: Tensor(array, requires_grad=array.dtype.kind == "f"))
    assert plain.shape == expected.shape and type(plain) is Tensor
    rounded = 1e-6 if plain.dtype is fastnn.float32 else 1e-13
    np.testing.assert_allclose(plain.numpy(), expected, rtol=rounded, atol=rounded * 1e-1)
    np.testing.assert_array_equal(on_tape.detach().numpy(), plain.numpy())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_value_and_dtype_are_torchs(expression: str) -> None:
    torch = pytest.importorskip("torch")
    wanted = value_of(expression, torch, lambda array: torch.from_numpy(array.copy()))
    result = value_of(expression, fastnn, Tensor)
    assert (repr(result.dtype), result.shape) == (repr(wanted.dtype), tuple(wanted.shape))
    tolerance = 2e-6 if result.dtype is fastnn.float32 else 1e-12
    np.testing.assert_allclose(result.numpy(), wanted.numpy(), rtol=tolerance, atol=tolerance)


def test_there_is_no_deviation_of_one() -> None:
    assert Tensor(np.ones(1)).var().isnan() and fastnn.ones(2, 1).std(1).isnan().all()
    assert Tensor(np.ones(1)).std(unbiased=False).item() == 0


@pytest.mark.parametrize(
    "function", [lambda x: x.std(0), lambda x: x.norm(), lambda x: x.norm(p=3), lambda x: x.norm(1), abs]
)
def test_gradients_where_there_is_a_corner(function: Any) -> None:
    """0 as in PyTorch, not NaN."""
    x = Tensor(np.zeros(3), requires_grad=True)
    function(x).sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


# -- in place --------------------------------------------------------------------------------------------------------

IN_PLACE = {
    "add_(2)": "a + 2", "add_(a, alpha=3)": "a + 3 * a", "sub_(1)": "a - 1", "mul_(a)": "a * a", "div_(4)": "a / 4",
    "pow_(2)": "a**2",
    "neg_()": "-a", "abs_()": "abs(a)", "square_()": "a * a", "exp_()": "np.exp(a)",
    "clamp_(-1, 1)": "np.clip(a, -1, 1)",
    "clip_(min=0)": "np.maximum(a, 0)", "relu_()": "np.maximum(a, 0)", "sigmoid_()": "1 / (1 + np.exp(-a))",
    "tanh_()": "np.tanh(a)",
    "fill_(3)": "a * 0 + 3", "zero_()": "a * 0", "round_()": "np.rint(a)", "floor_()": "np.floor(a)",
    "sign_()": "np.sign(a)",
    "masked_fill_(a > 0, 9)": "np.where(a > 0, 9, a)", "remainder_(2)": "a % 2", "reciprocal_()": "1 / a",
    "copy_(a * 2)": "a * 2",
}  # fmt: skip


@pytest.mark.parametrize("call", IN_PLACE)
def test_in_place(call: str) -> None:
    """The same tensor, in the same memory, which views see."""
    array = np.array([[-2.5, -1.0], [0.5, 3.0]])
    expected = eval(IN_PLACE[call], {"a": array.copy(), "np": np})
    a = Tensor(array.copy())
    memory, row = a._data, a[0]
    assert eval(f"a.{call}", {"a": a}) is a and a._data is memory
    np.testing.assert_allclose(a.numpy(), expected, rtol=1e-13)
    np.testing.assert_array_equal(row.numpy(), a.numpy()[0])


def test_in_place_keeps_the_dtype() -> None:
    whole, narrow = Tensor(np.array([3, 5])), Tensor(np.float32([1, 2]))
    assert whole.mul_(2).tolist() == [6, 10] and whole.dtype is fastnn.int64
    narrow += Tensor(np.array([1.5, 2.5]))
    assert narrow.tolist() == [2.5, 4.5] and narrow.dtype is fastnn.float32
    with pytest.raises(ValueError, match=r"cannot turn shape .* of torch.int64 into"):
        whole.div_(2)
    with pytest.raises(ValueError, match=r"cannot turn shape \(2,\)"):
        narrow.add_(Tensor(np.ones((3, 2), np.float32)))


@pytest.mark.parametrize("call", [*IN_PLACE, "normal_()", "uniform_()"])
def test_in_place_on_the_tape_is_refused(call: str) -> None:
    leaf = Tensor(np.array([[-2.5, -1.0], [0.5, 3.0]]), requires_grad=True)
    for a in (leaf, leaf * 1):
        with pytest.raises(RuntimeError, match="cannot be changed in place: compute a new one"):
            eval(f"a.{call}", {"a": a})
        assert a.detach().tolist() == [[-2.5, -1.0], [0.5, 3.0]]
    with pytest.raises(RuntimeError, match="the other operand requires grad"):
        Tensor(np.ones(2)).mul_(leaf[0])
    with fastnn.no_grad():
        leaf.mul_(2).add_(leaf)
    assert leaf.tolist() == [[-10.0, -4.0], [2.0, 12.0]]


def test_scatter() -> None:
    """One-hot rows, as scripts make them."""
    labels = fastnn.tensor([2, 0, 1])
    assert fastnn.zeros(3, 3).scatter_(1, labels.unsqueeze(1), 1).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    source = fastnn.tensor([[1.0, 2.0], [3.0, 4.0]])
    index = fastnn.tensor([[0, 2], [1, 0]])
    assert fastnn.zeros(2, 3).scatter_(1, index, source).tolist() == [[1, 0, 2], [4, 3, 0]]
    assert fastnn.zeros(3, 2).scatter_(dim=0, index=index, value=5.0).tolist() == [[5, 5], [5, 0], [0, 5]]


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ("x.clamp()", ValueError, "give min, max or both"),
        ("v.topk(5)", ValueError, r"k is 5; dimension -1 of shape \(4,\) has 4"),
        ("v.split([1, 2])", ValueError, r"\[1, 2\] add up to 3, dimension 0 has 4"),
        ("v.split(0)", ValueError, "at least 1"),
        ("v.chunk(0)", ValueError, "at least 1"),
        ("x.repeat(2)", ValueError, "fewer sizes"),
        ("torch.bmm(x, x)", ValueError, r"\(B, M, K\) and \(B, K, N\), got \(2, 3, 4\) and \(2, 3, 4\)"),
        ("torch.dot(v, f)", ValueError, "two vectors of one length"),
        ("v.gather(0, k + 2)", IndexError, "from 2 to 4, the dimension has 4"),
        ("x.norm(0)", ValueError, "p is 0"),
        ("x.sum(dim=0, axis=1)", TypeError, "'dim' under two names"),
        ("i // torch.zeros(6).long()", ZeroDivisionError, "// by zero"),
        ("x.to('cuda:0', torch.float32)", RuntimeError, "CUDA"),
        ("x.type('torch.HalfTensor')", TypeError, "no tensor type 'torch.HalfTensor'; there are torch.BoolTensor"),
    ],
)
def test_faults(wrong: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        value_of(wrong, fastnn, Tensor)
