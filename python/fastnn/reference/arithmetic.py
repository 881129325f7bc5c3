"""y = a (+ - * /) b with broadcasting. Each element is one correctly rounded operation."""

from __future__ import annotations

import numpy as np


def _summed(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A repeated input's gradient: the sum over what it was repeated for."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1)
    return grad.sum(axis=repeated, keepdims=True)


def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a + b."""
    return np.add(a, b)


def add_backward(grad_y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """grad_a = grad_y, grad_b = grad_y."""
    return _summed(grad_y, a.shape), _summed(grad_y, b.shape)


def subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a - b."""
    return np.subtract(a, b)


def subtract_backward(grad_y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """grad_a = grad_y, grad_b = -grad_y."""
    return _summed(grad_y, a.shape), _summed(-grad_y, b.shape)


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a b."""
    return np.multiply(a, b)


def multiply_backward(grad_y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """grad_a = grad_y b, grad_b = grad_y a."""
    return _summed(grad_y * b, a.shape), _summed(grad_y * a, b.shape)


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """y = a / b."""
    return np.divide(a, b)


def divide_backward(grad_y: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """grad_a = grad_y / b, grad_b = -grad_y a / b^2."""
    return _summed(grad_y / b, a.shape), _summed(-grad_y * a / (b * b), b.shape)


def copy(x: np.ndarray) -> np.ndarray:
    """x in contiguous memory."""
    return np.array(x, order="C")
