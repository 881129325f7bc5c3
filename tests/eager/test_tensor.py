"""Tensor: arithmetic, dtypes, reductions, indexing, shapes and text. NumPy is the oracle; where torch is
installed the same expressions must give its values, shapes and dtypes."""

from __future__ import annotations

import re
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn.eager import dtypes
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor

rng = np.random.default_rng(3)
ARRAYS: dict[str, np.ndarray] = {
    "x": rng.standard_normal((2, 3, 4)),
    "y": rng.standard_normal((3, 1)),
    "v": rng.standard_normal(4),
    "m": rng.standard_normal((4, 5)),
    "s": np.array(-0.5),
    "e": np.zeros((0, 3)),
    "f": rng.standard_normal((2, 3)).astype(np.float32),
    "i": rng.integers(-9, 9, (2, 3, 4)),
    "n": np.array([7, -8, 9], np.int32),
    "u": np.array([250, 3, 0], np.uint8),
    "b": rng.random((2, 3, 4)) > 0.5,
    "k": np.array([1, 0, 1]),
    "ties": np.array([[1.0, 5.0, 5.0], [np.nan, 7.0, np.nan], [-np.inf, -np.inf, -0.0]]),
    "wide": np.array([[2**53 + 1, 2**53], [-(2**62), 3]]),
}

# Expressions of tensors, and NumPy's words for them where those differ.
COMPUTED = {
    "x + y": "", "x - y": "", "x * y": "", "x / y": "", "2 - x": "", "2 / y": "", "-x": "", "1.5 * x": "",
    "x + s": "", "x ** 2": "", "y ** -1": "", "(x * x) ** 1.5": "", "i / 4": "", "u / 255": "", "x.sub(1)": "x - 1",
    "x.add(1)": "x + 1", "x.mul(y)": "x * y", "x.div(y)": "x / y", "x.pow(3)": "x ** 3", "x.exp()": "np.exp(x)",
    "(x * x).sqrt()": "abs(x)", "(x * x).log()": "np.log(x * x)", "x.tanh()": "np.tanh(x)", "x.relu()": "x.clip(0)",
    "x.sigmoid()": "1 / (1 + np.exp(-x))", "(x * x) ** y": "(x * x) ** y", "2 ** x": "",
    "x.softmax(1)": "np.exp(x) / np.exp(x).sum(1, keepdims=True)",
    "x.log_softmax(-1)": "x - np.log(np.exp(x).sum(-1, keepdims=True))",
    "x.log_softmax(0)": "x - np.log(np.exp(x).sum(0))", "x @ m": "", "v @ m": "", "x @ v": "", "v @ v": "",
    "m.t() @ v": "m.T @ v", "x @ x.transpose(1, 2)": "x @ x.swapaxes(1, 2)", "x.matmul(m)": "x @ m",
    "x[0] @ x.transpose(1, 2)": "x[0] @ x.swapaxes(1, 2)", "x[:0] @ m": "", "x[..., :0] @ m[:0]": "", "x.sum()": "",
    "x.sum(1)": "", "x.sum((0, 2))": "", "x.sum([1, -1], keepdim=True)": "x.sum((1, 2), keepdims=True)",
    "x.mean()": "", "x.mean(-2)": "", "x.mean((0, 1), True)": "x.mean((0, 1), keepdims=True)", "s.sum(0)": "s",
    "e.sum(0)": "", "e.sum(1)": "", "e.sum()": "", "e.mean(1)": "e.sum(1)", "i.sum((0, 1))": "", "b.sum()": "",
    "(x > 0).float().mean()": "(x > 0).mean()",
}  # fmt: skip
MOVED = {
    "x.reshape(6, 4)": "", "x.reshape(-1)": "", "x.view(3, -1)": "x.reshape(3, 8)", "x.reshape((4, 6))": "",
    "x.flatten()": "", "x.flatten(1)": "x.reshape(2, 12)", "x.flatten(0, 1)": "x.reshape(6, 4)", "s.flatten()": "",
    "x.transpose(0, 2)": "x.swapaxes(0, 2)", "x.permute(2, 0, 1)": "x.transpose(2, 0, 1)",
    "x.permute((0, -1, 1))": "x.transpose(0, 2, 1)", "m.T": "", "m.t()": "m.T", "v.t()": "v", "x.clone()": "x",
    "x.unsqueeze(1)": "x[:, None]", "x.unsqueeze(-1)": "x[..., None]", "y.squeeze(1)": "", "y.squeeze()": "",
    "y.squeeze(0)": "y", "y.expand(3, 5)": "y.repeat(5, 1)",
    "y.expand(2, -1, 4)": "y[None].repeat(2, 0).repeat(4, 2)", "s.expand(3)": "s.repeat(3)", "x[1]": "",
    "x[-1, 2]": "", "x[1, 2, 3]": "", "x[0, 1:, ::2]": "", "x[..., 1]": "", "x[..., None]": "", "x[:, None, 1:3]": "",
    "x[[1, 0, 1]]": "", "x[[0, 1], [2, 0]]": "", "x[5:1]": "", "x[:, [True, False, True]]": "", "x[b]": "",
    "x[k]": "", "x[k, k]": "", "x[:, :, k]": "", "x[k[0]]": "x[1]", "x[k, :, 1]": "", "x[k[0], 2, k[1]]": "",
    "x[b[:, :, 0]]": "", "s[...]": "", "s[None]": "", "x.contiguous()": "x", "x.detach()": "x",
    "x[:0].reshape(0, 7)": "", "i.clone()": "i", "n.clone()": "n", "b.transpose(0, 2).reshape(24)": "b.T.ravel()",
    "n.expand(2, 3).t().reshape(6)": "n.repeat(2)", "x > 0": "", "x <= y": "", "i == i[0]": "", "x != x": "",
    "x >= s": "", "i > 0.5": "", "x.lt(y)": "x < y", "ties == ties": "", "x.float()": "x.astype('f4')",
    "x.long()": "x.astype('i8')", "x.int()": "x.astype('i4')", "b.double()": "b.astype('f8')",
    "x.bool()": "x.astype('?')", "x.type_as(k)": "x.astype('i8')", "i // 4": "", "i % 4": "", "i // -4": "",
    "i * i - 3": "", "i ** 3": "", "-i": "", "b + 1": "b * 1 + 1", "b * 3": "", "u - 4": "", "wide.max()": "",
    "wide.max(0).values": "wide.max(0)", "wide.argmax(1)": "", "b.any()": "", "b.all()": "",
    "ties.max(1).values": "ties.max(1)", "ties.max(1).indices": "[1, 0, 2]", "ties.argmax(0)": "[1, 1, 1]",
    "ties.argmax()": "3", "ties.max()": "", "x.argmax(2, keepdim=True)": "x.argmax(2)[..., None]",
    "x.max(-2, True).values": "x.max(1, keepdims=True)", "e.max(1).values": "e.sum(1)", "s.max(0).indices": "0",
}  # fmt: skip

PROMOTED = {
    "f + x[0, :2, :3]": "float64", "f + i[0, :2, :3]": "float32", "i + x": "float64", "n + k": "int64",
    "u + n": "int32", "b + i": "int64", "b + 1": "int64", "b + b": "bool", "b * 2.5": "float32", "i + 1.5": "float32",
    "x + 1": "float64", "f * 2.5": "float32", "f + 1": "float32", "i / 3": "float32", "u / 255": "float32",
    "i ** 2": "int64", "u - 1": "uint8", "n * 2": "int32", "u.sum()": "int64", "b.sum()": "int64",
    "n.sum(0)": "int64", "f.sum()": "float32", "i.sigmoid()": "float32", "f.argmax()": "int64", "f > 0": "bool",
    "n.max()": "int32", "f.softmax(0)": "float32", "f.to(np.float64)": "float64", "f.to(dtype=float)": "float32",
    "i.to(int)": "int64", "f @ m[:3]": "float64",
}  # fmt: skip


def layouts(array: np.ndarray) -> list[np.ndarray]:
    """The same values contiguous, in Fortran order, every second element, and backwards in memory."""
    spread = np.zeros([2 * extent for extent in array.shape], array.dtype)
    spread = spread[(..., *[slice(None, None, 2)] * array.ndim)]
    spread[...] = array
    back = (..., *[slice(None, None, -1)] * array.ndim)
    return [array, np.array(array, order="F"), spread, array[back].copy()[back]]


def evaluate(expression: str, values: dict[str, Any]) -> Any:
    return eval(expression, {"np": np, **values})


@pytest.mark.parametrize("expression, plain", [*COMPUTED.items(), *MOVED.items()])
def test_value(expression: str, plain: str) -> None:
    expected = np.asarray(evaluate(plain or expression, ARRAYS))
    for number in range(4):
        on_tape = number == 0  # for the floats
        values = {n: Tensor(layouts(a)[number], on_tape and a.dtype.kind == "f") for n, a in ARRAYS.items()}
        result = evaluate(expression, values).detach()
        assert result.shape == expected.shape and type(result) is Tensor and type(result.numpy()) is np.ndarray
        if expression in COMPUTED:
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6 if result.dtype is dtypes.float32 else 1e-13)
        else:
            np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("expression", [*COMPUTED, *MOVED])
def test_value_and_dtype_are_torchs(expression: str) -> None:
    torch = pytest.importorskip("torch")
    wanted = evaluate(expression, {name: torch.from_numpy(array.copy()) for name, array in ARRAYS.items()})
    result = evaluate(expression, {name: Tensor(array) for name, array in ARRAYS.items()})
    assert (repr(result.dtype), result.shape) == (repr(wanted.dtype), tuple(wanted.shape))
    np.testing.assert_allclose(result.numpy(), wanted.numpy(), rtol=2e-6 if result.dtype is dtypes.float32 else 1e-12)


@pytest.mark.parametrize("expression, kind", PROMOTED.items())
def test_dtype(expression: str, kind: str) -> None:
    values = {name: Tensor(array) for name, array in ARRAYS.items()}
    assert repr(evaluate(expression, values).dtype) == f"torch.{kind}"


@pytest.mark.parametrize(
    "expression, error, text",
    [
        ("x + m", ValueError, r"\(2, 3, 4\) and \(4, 5\) do not broadcast"),
        ("x @ x", ValueError, r"\[matmul\].*\(2, 3, 4\)"),
        ("s @ x", ValueError, "at least one dimension"),
        ("x + 'a'", TypeError, "cannot be combined with str"),
        ("b // b", TypeError, "for numbers, not torch.bool"),
        ("x & 1", TypeError, "compare first"),
        ("~x", TypeError, "compare first"),
        ("i // 0", ZeroDivisionError, "// by zero"),
        ("i % (i * 0)", ZeroDivisionError, "% by zero"),
        ("i.mean()", RuntimeError, r"int64: call .float\(\) first"),
        ("e.mean()", ValueError, r"no mean of nothing.*\(0, 3\)"),
        ("e.max()", ValueError, "no largest of nothing"),
        ("x.sum(3)", IndexError, "dimension 3 is outside a tensor of 3"),
        ("x.unsqueeze(4)", IndexError, "dimension 4 is outside a tensor of 4"),
        ("x.flatten(0, 3)", IndexError, "dimension 3 is outside"),
        ("x.flatten(2, 1)", ValueError, "start_dim 2 comes after end_dim 1"),
        ("x.permute(0, 1, 1)", ValueError, "each of the 3 dimensions once"),
        ("x.t()", ValueError, "at most 2 dimensions"),
        ("x.reshape(5, 5)", ValueError, r"\(2, 3, 4\) has 24 elements, it cannot become \(5, 5\)"),
        ("x.expand(2, 3, 5)", ValueError, r"\(2, 3, 4\) cannot be repeated to \(2, 3, 5\)"),
        ("x.item()", RuntimeError, r"one element.*\(2, 3, 4\)"),
        ("bool(x)", RuntimeError, "use .any"),
        ("[1, 2][x]", TypeError, "only integer tensors"),
        ("x.to('tpu')", ValueError, "unknown device 'tpu'"),
        ("i.requires_grad_()", RuntimeError, "only floating point"),
        ("x.requires_grad_().numpy()", RuntimeError, "detach"),
        ("np.asarray(x.requires_grad_())", RuntimeError, "detach"),
    ],
)
def test_error(expression: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        evaluate(expression, {name: Tensor(array) for name, array in ARRAYS.items()})


@pytest.mark.parametrize("kind", ["float16", "complex128", "uint32", "O", "U3"])
def test_dtypes_without_tensors(kind: str) -> None:
    with pytest.raises(TypeError, match=r"no tensors of dtype .*float32, float64, int64"):
        Tensor(np.zeros(3, kind))


def test_views_share_memory_and_copies_do_not() -> None:
    array = np.arange(12.0).reshape(3, 4)
    x = Tensor(array)
    for same in (x.detach(), x.data, x.T, x[1:, ::2], x.view(-1), x.numpy(), Tensor(x), x.contiguous()):
        assert np.shares_memory(np.asarray(same), array)
    for same in (x.T.unsqueeze(0), x.T.unsqueeze(-1).squeeze(), x.T.unsqueeze(1).squeeze(1)):
        assert np.shares_memory(np.asarray(same), array)
    for other in (x.clone(), x[[0]], x[x > 3], x.T.contiguous(), x.T.reshape(-1), np.array(x), x.float()):
        assert not np.shares_memory(np.asarray(other), array)
    assert x.double() is x and x.to("cpu") is x and x.cpu() is x


def test_what_a_tensor_says_about_itself() -> None:
    x = Tensor(np.zeros((2, 3), np.float32), requires_grad=True)
    assert x.shape == (2, 3) == x.size() and x.size(-1) == 3 and len(x) == 2 and x.numel() == x.shape.numel() == 6
    assert (
        x.dim() == x.ndim == 2
        and str(x.device) == "cpu"
        and not x.is_cuda
        and x.dtype is dtypes.float32
        and x.dtype.itemsize == 4
    )
    assert x.is_leaf and x.grad_fn is None and not (x + 1).is_leaf and repr((x + 1).grad_fn) == "<AddBackward0>"
    assert x in {x: 1} and (x == None) is False and (x != None) is True  # noqa: E711
    assert [row.tolist() for row in x] == [[0, 0, 0]] * 2


def test_numbers_come_out_exactly() -> None:
    one = Tensor(np.float32([[0.1]]))
    assert one.item() == float(one) == np.float32(0.1) and f"{one[0, 0]:.3f}" == "0.100" and int(one) == 0
    assert Tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]] and [5, 6][Tensor(1)] == 6
    assert bool(Tensor(0.0)) is False and Tensor(True).item() is True
    assert np.asarray(Tensor([1.5]), dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("expression", ["array + x", "x + array", "np.float64(2) * x", "array / x", "array @ x"])
def test_a_numpy_operand_gives_a_tensor(expression: str) -> None:
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    result = evaluate(expression, {"array": array, "x": Tensor(array)})
    assert type(result) is Tensor
    np.testing.assert_allclose(result.numpy(), evaluate(expression, {"array": array, "x": array}), rtol=1e-15)


@pytest.mark.parametrize(
    "values, text",
    [
        (np.float32([[1, -2.25], [3, 4]]), "tensor([[ 1.0000, -2.2500],\n        [ 3.0000,  4.0000]])"),
        (np.float32(2.30258), "tensor(2.3026)"),
        (np.array([1, 2]), "tensor([1, 2])"),
        (np.array([1.5]), "tensor([1.5000], dtype=torch.float64)"),
        (np.zeros((0, 3), np.int32), "tensor([], size=(0, 3), dtype=torch.int32)"),
        (Tensor(np.float32([1]), requires_grad=True), "tensor([1.], requires_grad=True)"),
        (Tensor(np.float32([1]), requires_grad=True).sum(), "tensor(1., grad_fn=<SumBackward0>)"),
    ],
)
def test_print(values: np.ndarray | Tensor, text: str) -> None:
    assert str(values if isinstance(values, Tensor) else Tensor(values)) == text
    assert f"{Tensor([1, 2])}" == "tensor([1, 2])" and repr(Tensor(ARRAYS["x"]).shape) == "torch.Size([2, 3, 4])"


@pytest.mark.parametrize("change", ["x += 2", "x *= 3", "x /= 4", "x[1:] = 7", "x[x > 1] = x[0]", "x.zero_()"])
def test_in_place(change: str) -> None:
    x, expected = Tensor(np.arange(3.0)), np.arange(3.0)
    alias = x.detach()
    exec(change, {"x": x})
    exec(change if change != "x.zero_()" else "x[:] = 0", {"x": expected})
    np.testing.assert_array_equal(alias.numpy(), expected)
    parameter = Tensor(np.arange(3.0), requires_grad=True)
    with pytest.raises(RuntimeError, match="cannot be changed in place"):
        exec(change, {"x": parameter})
    with no_grad():
        exec(change, {"x": parameter})
    np.testing.assert_array_equal(parameter.detach().numpy(), expected)


def test_in_place_off_the_leaves() -> None:
    x = Tensor(np.arange(3.0), requires_grad=True)
    y = z = x * 2
    y += 1  # a new tensor: backward() may need the old one
    (y * z).sum().backward()
    assert y is not z and x.grad.tolist() == [2.0, 10.0, 18.0]  # d/dx of (2x + 1) 2x
    total = Tensor(np.float64(0))
    total += x.sum()
    assert total.requires_grad
    for wrong in (lambda: z.zero_(), lambda: z.copy_(y), lambda: z.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match=re.escape("clone()")):
            wrong()
    for other in (Tensor(np.ones((2, 3))), Tensor(np.ones(3, np.float32)) > 0):
        with pytest.raises(ValueError, match="in place cannot turn"):
            exec("k += other", {"k": Tensor(np.arange(3) > 1), "other": other * 2})


@pytest.mark.parametrize(
    ("shape", "wanted", "advice"),
    [
        ((1, 1, 60, 60), 784, r"; Resize\(\(28, 28\)\) makes rows of 784 of these images$"),
        ((1, 3, 60, 60), 784, r"; Grayscale\(\) and Resize\(\(28, 28\)\) makes rows of 784 of these images$"),
        ((1, 3, 60, 60), 3072, r"; Resize\(\(32, 32\)\) makes rows of 3072 of these images$"),
        ((64, 1, 28, 28), 780, r"makes a row of each of its 64 samples$"),
        ((64, 1, 28, 28), -1, r"makes a row of each of its 64 samples$"),
    ],
)
def test_rows_that_images_do_not_become(shape: tuple[int, ...], wanted: int, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        fastnn.zeros(*shape).view(-1, wanted)
