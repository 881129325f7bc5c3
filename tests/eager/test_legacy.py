"""Tensor, FloatTensor and friends, Variable: what older scripts make tensors with."""

from __future__ import annotations

from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import autograd, nn
from fastnn.eager.tensor import Tensor

NAMES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "LongTensor": "int64", "IntTensor": "int32",
    "ByteTensor": "uint8", "BoolTensor": "bool",
}  # fmt: skip


@pytest.mark.parametrize(
    "held",
    [
        [[0, 0], [0, 1]],
        ((0, 0), (0, 1)),
        [[0.0, 0.0], [0.0, 1.0]],
        [[False, False], [False, True]],
        [np.array([0, 0]), np.array([0, 1])],
        np.array([[0, 0], [0, 1]]),
        np.array([[0.0, 0.0], [0.0, 1.0]]),
        np.uint8([[0, 0], [0, 1]]),
        [fastnn.tensor([0, 0]), fastnn.tensor([0.0, 1.0])],
        fastnn.tensor([[0, 0], [0, 1]]),
    ],
)
def test_values(held: Any) -> None:
    """Always in the type's own dtype, whatever holds them."""
    x = fastnn.Tensor(held)
    assert x.dtype is fastnn.float32 and x.tolist() == [[0, 0], [0, 1]] and not x.requires_grad
    assert nn.Linear(2, 1)(x).shape == (2, 1)
    for name, kind in NAMES.items():
        made = getattr(fastnn, name)(held)
        assert repr(made.dtype) == f"torch.{kind}" and made.tolist() == [[0, 0], [0, 1]]


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [((), (0,)), ((3,), (3,)), ((2, 3), (2, 3)), ((np.int64(2), 0), (2, 0)), ((fastnn.Size((4, 1)),), (4, 1))],
)
def test_sizes(sizes: tuple, shape: tuple[int, ...]) -> None:
    for name in ("Tensor", *NAMES):
        made = getattr(fastnn, name)(*sizes)
        assert made.shape == shape and not made.numpy().any()
    assert fastnn.Tensor([3]).tolist() == [3.0] and fastnn.Tensor((2, 3)).tolist() == [2.0, 3.0]


def test_values_that_fit_are_not_copied() -> None:
    array = np.zeros(3, np.float32)
    x = fastnn.Tensor(array)
    x[0] = 1
    assert array[0] == 1 and fastnn.Tensor(x).data[0] == 1
    assert fastnn.LongTensor([1.7, -1.7]).tolist() == [1, -1]
    assert fastnn.Tensor(array, requires_grad=True).requires_grad
    w = fastnn.Tensor([1.0, 2.0]).requires_grad_()
    loss = (w * w).sum()
    fastnn.Tensor(w).zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_instances() -> None:
    """Every tensor is a Tensor; of the others those that have the dtype."""
    x, labels, parameter = fastnn.ones(2), fastnn.arange(3), nn.Parameter(np.ones(2, np.float32))
    for each in (x, labels, parameter):
        assert isinstance(each, fastnn.Tensor) and isinstance(each, autograd.Variable)
    assert isinstance(x, fastnn.FloatTensor) and isinstance(parameter, fastnn.FloatTensor)
    assert isinstance(labels, fastnn.LongTensor) and not isinstance(labels, fastnn.FloatTensor | fastnn.IntTensor)
    assert not isinstance(np.ones(2), fastnn.Tensor) and not isinstance(np.ones(2), fastnn.FloatTensor)
    assert type(x) == fastnn.Tensor and {type(x)} == {fastnn.Tensor}  # noqa: E721
    assert fastnn.FloatTensor != fastnn.Tensor and fastnn.Tensor.relu(x).tolist() == [1, 1]


def test_subclasses() -> None:
    class Mine(fastnn.Tensor):
        pass

    mine = Mine(np.ones(2))
    assert type(mine) is Mine and isinstance(mine, fastnn.Tensor) and not isinstance(fastnn.ones(2), Mine)


def test_type() -> None:
    x = fastnn.ones(2)
    assert x.type() == "torch.FloatTensor" and x.long().type() == "torch.LongTensor"
    for kind in (fastnn.LongTensor, "torch.LongTensor", fastnn.int64, np.int64):
        assert x.type(kind).dtype is fastnn.int64
    assert x.type(fastnn.Tensor) is x


def test_variables() -> None:
    x = fastnn.ones(2)
    assert autograd.Variable(x) is x
    (autograd.Variable(x, requires_grad=True) * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: fastnn.Tensor("abc"), TypeError, "made of str 'abc': it holds no numbers"),
        (lambda: fastnn.Tensor({"a": 1}), TypeError, "made of dict"),
        (lambda: fastnn.Tensor(2, 3.5), TypeError, "expected sizes or one list of values, got 2, 3.5"),
        (lambda: fastnn.FloatTensor([1], device="cuda"), RuntimeError, "CUDA"),
        (lambda: autograd.Variable([1.0]), TypeError, "expected a tensor, got list"),
        (lambda: fastnn.set_default_dtype(fastnn.float64), TypeError, r"model.double\(\) and dtype=float64"),
        (lambda: fastnn.set_default_tensor_type("torch.cuda.FloatTensor"), TypeError, "no tensor type"),
    ],
)
def test_faults(wrong: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong()


def test_default_types() -> None:
    for kind in (fastnn.float32, fastnn.FloatTensor, "torch.FloatTensor"):
        fastnn.set_default_tensor_type(kind)
    fastnn.set_default_dtype(fastnn.float32)
    assert fastnn.get_default_dtype() is fastnn.float32 and isinstance(fastnn.ones(1), Tensor)
