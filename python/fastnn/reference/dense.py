"""The dense layer: y = relu(x W^T + b)."""

from __future__ import annotations

import numpy as np

from fastnn.reference.relu import relu as relu_of


def dense_forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, relu: bool = False) -> np.ndarray:
    """y = x W^T + b, then ReLU where asked; x (N, I), weight (O, I), bias (O,), y (N, O)."""
    y = np.matmul(x, weight.T)
    if bias is not None:
        y = y + bias
    return relu_of(y) if relu else y


def dense_grad_x(grad_y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """grad_y W: (N, I)."""
    return np.matmul(grad_y, weight)


def dense_grad_weight(grad_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """grad_y^T x: (O, I)."""
    return np.matmul(grad_y.T, x)


def dense_grad_bias(grad_y: np.ndarray) -> np.ndarray:
    """The sum of grad_y over the samples: (O,)."""
    return grad_y.sum(axis=0)
