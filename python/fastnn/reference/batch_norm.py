"""Batch normalisation (Ioffe and Szegedy, 2015) of each channel of x (N, C, H, W), in the orders of
``cpp/ops/batch_norm.h``: sums in float64 at least, a chain over the pixels of a sample, then over the samples.
"""

from __future__ import annotations

import numpy as np

from fastnn.reference.convolution import pixel_sums


def _wide(dtype: np.dtype) -> np.dtype:
    return np.promote_types(dtype, np.float64)


def _by_channel(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, -1, 1, 1)


def _normalised(x: np.ndarray, mean: np.ndarray, scale: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """(x - mean) scale + bias, mean and scale rounded to x's precision before."""
    y = (x - _by_channel(mean.astype(x.dtype))) * _by_channel(scale.astype(x.dtype))
    return y + (x.dtype.type(0) if bias is None else _by_channel(bias))


def _scale(inverse: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    return inverse if weight is None else inverse * weight


def batch_norm(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    running_mean: np.ndarray | None,
    running_var: np.ndarray | None,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> tuple[np.ndarray, ...]:
    """y, mean, 1 / sqrt(var + eps) and the new running values (of none: empty arrays).

    var is the biased one; the running one takes that, or the unbiased: running = (1 - momentum) running + momentum new.
    """
    count = x.shape[0] * x.shape[2] * x.shape[3]
    mean = pixel_sums(x) / count
    deviations = x.astype(_wide(x.dtype)) - _by_channel(mean)
    var = pixel_sums(deviations * deviations) / count
    inverse = 1 / np.sqrt(var + eps)
    y = _normalised(x, mean, _scale(inverse, weight), bias)
    return (
        y,
        mean,
        inverse,
        _moved(running_mean, mean, momentum, x.dtype),
        _moved(running_var, var * count / (count - 1) if unbiased else var, momentum, x.dtype),
    )


def _moved(running: np.ndarray | None, new: np.ndarray, momentum: float, dtype: np.dtype) -> np.ndarray:
    if running is None:
        return np.zeros(0, dtype)
    return ((1 - momentum) * running.astype(new.dtype) + momentum * new).astype(running.dtype)


def batch_norm_backward(
    grad_y: np.ndarray, x: np.ndarray, weight: np.ndarray | None, mean: np.ndarray, inverse: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """grad_x, grad_weight, grad_bias of the training forward.

    With d = x - mean, s = sum of grad_y, t = sum of grad_y d, m values a channel:
    grad_x = (grad_y - s / m - d inverse^2 t / m) inverse weight, grad_weight = t inverse, grad_bias = s.
    """
    count = x.shape[0] * x.shape[2] * x.shape[3]
    total, product = _sums(grad_y, x, mean)
    a, b = total / count, inverse * inverse * product / count
    d = x - _by_channel(mean.astype(x.dtype))
    rest = (grad_y - _by_channel(a.astype(x.dtype))) - d * _by_channel(b.astype(x.dtype))
    grad_x = rest * _by_channel(_scale(inverse, weight).astype(x.dtype))
    return grad_x, (product * inverse).astype(x.dtype), total.astype(x.dtype)


def _sums(grad_y: np.ndarray, x: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wide = _wide(x.dtype)
    deviations = x.astype(wide) - _by_channel(mean.astype(wide))
    return pixel_sums(grad_y), pixel_sums(grad_y.astype(wide) * deviations)


def batch_norm_inference(
    x: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float = 1e-5,
) -> np.ndarray:
    """(x - running_mean) / sqrt(running_var + eps) weight + bias."""
    inverse = 1 / np.sqrt(running_var.astype(_wide(x.dtype)) + eps)
    return _normalised(x, running_mean, _scale(inverse, weight), bias)


def batch_norm_inference_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray | None,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    eps: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """grad_x = grad_y weight / sqrt(running_var + eps), grad_weight, grad_bias."""
    inverse = 1 / np.sqrt(running_var.astype(_wide(x.dtype)) + eps)
    total, product = _sums(grad_y, x, running_mean)
    grad_x = grad_y * _by_channel(_scale(inverse, weight).astype(x.dtype))
    return grad_x, (product * inverse).astype(x.dtype), total.astype(x.dtype)
