"""Batches out of resident data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def gather_rows(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """y[i] = x[index[i]]; x (R, ...), index int64 (N,), y (N, ...)."""
    return x[index]


def gather_uint8(
    x: np.ndarray,
    index: np.ndarray,
    mean: np.ndarray | None = None,
    std: np.ndarray | None = None,
    double_precision: bool = False,
) -> np.ndarray:
    """y[i] = x[index[i]] / 255, then (y - mean[c]) / std[c] where given (torchvision's ToTensor, Normalize).

    x uint8 (R, C, ...), mean and std (C,), y (N, C, ...), each step rounded to y's precision.
    """
    real = np.float64 if double_precision else np.float32
    y = x[index].astype(real) / real(255)
    if mean is None or std is None:
        return y
    channels = (1, -1) + (1,) * (x.ndim - 2)
    return (y - mean.astype(real).reshape(channels)) / std.astype(real).reshape(channels)


def take(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """y[i] = x.flat[index[i]]; y has index's shape."""
    return x.reshape(-1)[index]


def take_backward(grad_y: np.ndarray, index: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """grad_x = 0; grad_x.flat[index[i]] += grad_y[i], i ascending."""
    grad_x = np.zeros(shape, grad_y.dtype)
    np.add.at(grad_x.reshape(-1), index.reshape(-1), grad_y.reshape(-1))
    return grad_x
