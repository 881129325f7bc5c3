"""Activations: functions of each element, and their gradients, in arrays of any shape."""

from __future__ import annotations

import numpy as np

from fastnn import _core

__all__ = [
    "clamp_backward",
    "clamp_forward",
    "elu_backward",
    "elu_forward",
    "gelu_backward",
    "gelu_forward",
    "gelu_tanh_backward",
    "gelu_tanh_forward",
    "leaky_relu_backward",
    "leaky_relu_forward",
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "silu_backward",
    "silu_forward",
    "softplus_backward",
    "softplus_forward",
    "tanh_backward",
    "tanh_forward",
]


def relu_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, NaN where x is NaN, else +0. Any shape; ``out`` may be x."""
    return _core.relu(x, out)


def relu_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y where x > 0, else 0. x may be ReLU's input or its output; ``out`` may be grad_y."""
    return _core.relu_backward(grad_y, x, out)


def leaky_relu_forward(x: np.ndarray, negative_slope: float = 0.01, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, else negative_slope x. Any shape; ``out`` may be x."""
    return _core.leaky_relu(x, negative_slope, out)


def leaky_relu_backward(
    grad_y: np.ndarray, x: np.ndarray, negative_slope: float = 0.01, out: np.ndarray | None = None
) -> np.ndarray:
    """grad_y where x > 0, else negative_slope grad_y. ``out`` may be grad_y."""
    return _core.leaky_relu_backward(grad_y, x, negative_slope, out)


def sigmoid_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """1 / (1 + exp(-x)). Any shape; ``out`` may be x."""
    return _core.sigmoid(x, out)


def sigmoid_backward(grad_y: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y y (1 - y), y the sigmoid. ``out`` may be grad_y."""
    return _core.sigmoid_backward(grad_y, y, out)


def tanh_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """tanh(x). Any shape; ``out`` may be x."""
    return _core.tanh(x, out)


def tanh_backward(grad_y: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y (1 - y^2), y the tangent. ``out`` may be grad_y."""
    return _core.tanh_backward(grad_y, y, out)


def silu_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x sigmoid(x). Any shape; ``out`` may be x."""
    return _core.silu(x, out)


def silu_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y (s + x s (1 - s)), s the sigmoid of x. ``out`` may be grad_y."""
    return _core.silu_backward(grad_y, x, out)


def gelu_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x times the share of a normal distribution below x. Any shape; ``out`` may be x."""
    return _core.gelu(x, out)


def gelu_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y times gelu's derivative at x. ``out`` may be grad_y."""
    return _core.gelu_backward(grad_y, x, out)


def gelu_tanh_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. Any shape; ``out`` may be x."""
    return _core.gelu_tanh(x, out)


def gelu_tanh_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y times its derivative at x. ``out`` may be grad_y."""
    return _core.gelu_tanh_backward(grad_y, x, out)


def elu_forward(x: np.ndarray, alpha: float = 1.0, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, else alpha (exp(x) - 1). Any shape; ``out`` may be x."""
    return _core.elu(x, alpha, out)


def elu_backward(grad_y: np.ndarray, x: np.ndarray, alpha: float = 1.0, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y where x > 0, else grad_y alpha exp(x). ``out`` may be grad_y."""
    return _core.elu_backward(grad_y, x, alpha, out)


def softplus_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """log(1 + exp(x)). Any shape; ``out`` may be x."""
    return _core.softplus(x, out)


def softplus_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y sigmoid(x). ``out`` may be grad_y."""
    return _core.softplus_backward(grad_y, x, out)


def clamp_forward(x: np.ndarray, low: float, high: float, out: np.ndarray | None = None) -> np.ndarray:
    """min(max(x, low), high); an infinite bound is none. Any shape; ``out`` may be x."""
    return _core.clamp(x, low, high, out)


def clamp_backward(
    grad_y: np.ndarray, x: np.ndarray, low: float, high: float, out: np.ndarray | None = None
) -> np.ndarray:
    """grad_y where low <= x <= high, else 0. ``out`` may be grad_y."""
    return _core.clamp_backward(grad_y, x, low, high, out)
