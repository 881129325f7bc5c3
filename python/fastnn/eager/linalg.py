"""Matrix products of tensors, PyTorch's rules for 1-D, 2-D and batched operands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.eager import autograd, dtypes, ops
from fastnn.eager.support import FACTORS, promoted, reshaped, result, unbroadcast, wrap
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a (..., M, K) times b (..., K, N), batches broadcast."""
    if a.ndim == 2 and b.ndim == 2:
        return ops.matmul(a, b)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return ops.matmul(np.broadcast_to(a, batch + a.shape[-2:]), np.broadcast_to(b, batch + b.shape[-2:]))


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product: (M, K) @ (K, N), vectors as rows or columns, leading dimensions broadcast.

    Raises:
        ValueError: the inner dimensions differ.
    """
    a, b = promoted(a, b)
    if a._data.ndim == 0 or b._data.ndim == 0:
        raise ValueError("[matmul] both inputs need at least one dimension; use * for a number")
    left = a.reshape(1, -1) if a._data.ndim == 1 else a
    right = b.reshape(-1, 1) if b._data.ndim == 1 else b
    x, y = left._data, right._data

    def backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        # z = x y: dx = dz y^T, dy = x^T dz
        return (
            unbroadcast(_product(g, y.swapaxes(-1, -2)), x.shape) if left.requires_grad else None,
            unbroadcast(_product(x.swapaxes(-1, -2), g), y.shape) if right.requires_grad else None,
        )

    try:
        product = _product(x, y)
    except TypeError:
        if not dtypes.is_integer(x.dtype):
            raise
        if x.shape[-1] != y.shape[-2]:
            raise ValueError(f"[matmul] {x.shape} and {y.shape}: the last of one is not the second to last") from None
        product = ops.exact("matmul", x, y)
    except ValueError as error:
        told(error, "matmul.shapes", first=a._data.shape, second=b._data.shape)
        raise
    out = result(product, (left, right), backward, "Mm", FACTORS)
    shape = out._data.shape
    kept = shape[:-2] + (() if a._data.ndim == 1 else shape[-2:-1]) + (() if b._data.ndim == 1 else shape[-1:])
    return out if kept == shape else out.reshape(*kept)


def bmm(a: Tensor, b: Tensor) -> Tensor:
    """Products of a batch of matrices: (B, M, K) and (B, K, N) to (B, M, N).

    Raises:
        ValueError: other shapes.
    """
    x, y = a._data.shape, b._data.shape
    if len(x) != 3 or len(y) != 3 or x[0] != y[0] or x[2] != y[1]:
        raise ValueError(f"[bmm] expected shapes (B, M, K) and (B, K, N), got {tuple(x)} and {tuple(y)}")
    return matmul(a, b)


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum of the products of two vectors of one length.

    Raises:
        ValueError: other shapes.
    """
    if a._data.ndim != 1 or a._data.shape != b._data.shape:
        raise ValueError(f"[dot] expected two vectors of one length, got shapes {tuple(a.shape)} and {tuple(b.shape)}")
    return (a * b).sum()


def outer(a: Tensor, b: Tensor) -> Tensor:
    """All products of the elements of two vectors: (M,) and (N,) to (M, N)."""
    return a.reshape(-1, 1) * b.reshape(1, -1)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x W^T + b: x (..., I), weight (O, I), bias (O,), y (..., O). One fused op and its three gradients."""
    given = x._data
    flat = given.ndim == 2
    data = given if flat else reshaped(given, (-1, given.shape[-1] if given.ndim else 1))
    w, finite = weight._for_product()
    if not flat and data.shape[-1] != w.shape[-1]:  # told of the shape that was given, not of the rows made of it
        inputs, features = w.shape[-1], data.shape[-1]
        text = (
            f"[linear] weight has {inputs} inputs, x has shape {given.shape}: {features} features in its last dimension"
        )
        raise told(ValueError(text), "linear.features", inputs=inputs, rows=len(data), features=features)
    b = None if bias is None else bias._data
    try:
        if finite and len(data) == 1 and ops.recorder is None:
            y = ops.dense_forward(data, w, b, False, None, True)  # what a zero would be multiplied with is not read
        else:
            y = ops.dense_forward(data, w, b)
    except TypeError:
        if not dtypes.is_integer(given.dtype) or w.dtype != given.dtype:
            raise
        product = matmul(x, weight.t())
        return product if bias is None else product + bias
    out = y if flat else reshaped(y, (*given.shape[:-1], w.shape[0]))
    if not autograd.grad_mode.enabled:
        return wrap(out)
    inputs = (x, weight) if bias is None else (x, weight, bias)
    return result(out, inputs, _gradients(x, weight, bias, data), "Addmm", FACTORS)


def _gradients(x: Tensor, weight: Tensor, bias: Tensor | None, data: np.ndarray) -> autograd.Backward:
    """Those of linear, given x as rows. The weight's array is not held: its parameter must know when nobody has it."""

    def backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grad = g if g.ndim == 2 else reshaped(g, (-1, g.shape[-1]))
        grad_x = reshaped(ops.dense_grad_x(grad, weight._to_read()), x._data.shape) if x.requires_grad else None
        grad_w = ops.dense_grad_weight(grad, data) if weight.requires_grad else None
        if bias is None:
            return grad_x, grad_w
        return grad_x, grad_w, ops.dense_grad_bias(grad) if bias.requires_grad else None

    return backward
