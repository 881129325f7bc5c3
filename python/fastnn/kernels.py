"""The kernels on NumPy arrays, float32 or float64. Array results other than images can also be written into ``out``.

Inputs may be non-contiguous, misaligned, byte-swapped or read-only: they are copied where the kernel needs it. ``out``
must be a writeable, contiguous array of the right shape and dtype that overlaps no input. Results are the same bits on
every ISA and any number of threads (``cpp/README.md`` has the order of every sum).

Letters: N samples, I inputs, O outputs, C classes. Images are (N, C, H, W) with C channels, kernels
(O, C / groups, kh, kw); results of images lie [N][H][W][C] in memory, gradients of kernels [kh][kw][C / groups][O],
which is also what is fastest to give (others are copied).
"""

from __future__ import annotations

import operator

import numpy as np

from fastnn import _core, arrays

__all__ = [
    "adam_step",
    "conv2d_backward",
    "conv2d_forward",
    "dense_backward",
    "dense_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "relu_backward",
    "relu_forward",
    "softmax_cross_entropy",
]


def dense_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    activation: str | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """y = x W^T + b, then ReLU where asked.

    Args:
        x: (N, I).
        weight: (O, I); fastest as the transposed view of an (I, O) array.
        bias: (O,) or None.
        activation: None or "relu".
        out: (N, O) or None.

    Returns:
        y, (N, O).

    Raises:
        ValueError: shapes that do not fit, or an unknown activation.
        TypeError: dtypes that differ, or no arrays.
    """
    if activation not in (None, "relu"):
        raise ValueError(f"[linear] activation must be None or 'relu', got {activation!r}")
    return _core.dense_forward(x, weight, bias, activation == "relu", out)


def dense_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    out: tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of y = x W^T + b: grad_x = grad_y W, grad_weight = grad_y^T x, grad_bias = sum of grad_y over samples.

    Args:
        grad_y: (N, O); after a fused ReLU it must be masked first (:func:`relu_backward` with y for x).
        x: (N, I).
        weight: (O, I).
        out: arrays for the three results, each may be None.

    Returns:
        grad_x (N, I), grad_weight (O, I) in the memory layout of weight, grad_bias (O,).

    Raises:
        ValueError, TypeError: as :func:`dense_forward`.
    """
    into_x, into_weight, into_bias = out or (None, None, None)
    arrays.check_apart(
        "dense", {"grad_x": into_x, "grad_weight": into_weight, "grad_bias": into_bias}, (grad_y, x, weight)
    )
    grad_x = _core.dense_grad_x(grad_y, weight, into_x)
    if not isinstance(x, np.ndarray) or x.shape != grad_x.shape:
        raise ValueError(f"[linear] x has shape {np.shape(x)}; grad_y and weight belong to inputs of {grad_x.shape}")
    if into_weight is None and not weight.flags.f_contiguous:
        into_weight = np.empty(weight.shape, dtype=grad_x.dtype)
    return grad_x, _core.dense_grad_weight(grad_y, x, into_weight), _core.dense_grad_bias(grad_y, into_bias)


def conv2d_forward(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    activation: str | None = None,
) -> np.ndarray:
    """Convolution plus bias, then ReLU where asked.

    Args:
        x: (N, C, H, W).
        weight: (O, C / groups, kh, kw).
        bias: (O,) or None.
        stride, padding, dilation: of rows and columns.
        activation: None or "relu".

    Returns:
        y, (N, O, oh, ow).

    Raises:
        ValueError: shapes that do not fit, groups that do not divide, a kernel larger than the padded image, an unknown
            activation.
        TypeError: dtypes that differ, or no arrays.
    """
    if activation not in (None, "relu"):
        raise ValueError(f"[conv2d] activation must be None or 'relu', got {activation!r}")
    return _core.conv2d(x, weight, bias, stride, (*padding, *padding), dilation, groups, activation == "relu")


def conv2d_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of :func:`conv2d_forward` without activation, given that of y.

    Returns:
        grad_x (N, C, H, W), grad_weight (O, C / groups, kh, kw), grad_bias (O,).

    Raises:
        ValueError, TypeError: as :func:`conv2d_forward`.
    """
    settings = (stride, (*padding, *padding), dilation, groups)
    return (
        _core.conv2d_grad_x(grad_y, weight, x.shape[2:], *settings),
        _core.conv2d_grad_weight(grad_y, x, weight.shape[2:], *settings),
        _core.conv2d_grad_bias(grad_y),
    )


def max_pool2d_forward(
    x: np.ndarray,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """The largest of each window of x (N, C, H, W): (N, C, oh, ow). stride None: kernel_size.

    Raises:
        ValueError: a kernel larger than the padded image, padding of more than half of it.
    """
    return _core.max_pool2d(x, kernel_size, stride or kernel_size, padding)


def max_pool2d_backward(
    grad_y: np.ndarray,
    x: np.ndarray,
    kernel_size: tuple[int, int],
    stride: tuple[int, int] | None = None,
    padding: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """The gradient of x, given that of y: each window's goes to its first largest.

    Raises:
        ValueError: as :func:`max_pool2d_forward`, or a grad_y of another shape than y.
    """
    return _core.max_pool2d_backward(grad_y, x, kernel_size, stride or kernel_size, padding)


def relu_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """x where x > 0, NaN where x is NaN, else +0. Any shape; ``out`` may be x."""
    return _core.relu(x, out)


def relu_backward(grad_y: np.ndarray, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """grad_y where x > 0, else 0. x may be ReLU's input or its output; ``out`` may be grad_y."""
    return _core.relu_backward(grad_y, x, out)


def softmax_cross_entropy(
    logits: np.ndarray, labels: np.ndarray, out: np.ndarray | None = None
) -> tuple[float, np.ndarray]:
    """Mean over samples of log(sum exp(x)) - x[label], and its gradient (softmax - onehot) / N.

    Args:
        logits: (N, C), N at least 1.
        labels: int64 (N,), 0 .. C-1.
        out: (N, C) for the gradient.

    Returns:
        mean loss as a float, grad_logits (N, C).

    Raises:
        ValueError: a label out of range (the first is named), an empty batch, sizes that differ.
    """
    total, _, grad = _core.cross_entropy(logits, labels, True, 0.0, out)
    return float(total), grad


def adam_step(
    param: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> None:
    """One Adam update in place (Kingma and Ba, 2015).

    Args:
        param, m, v: one shape, dtype and memory layout; they are changed.
        grad: of that shape and dtype.
        step: from 1.

    Raises:
        ValueError: a step below 1 or from 2^63 on, lr, eps or weight_decay below 0 or not finite, a beta outside of
            0 <= beta < 1, shapes or layouts that differ, arrays that overlap in memory, a read-only array.
        TypeError: a step that is no integer, dtypes that differ, or no arrays.
    """
    if not 1 <= operator.index(step) < 2**63:
        raise ValueError(f"[adam] step is {step}; steps are counted from 1, up to 2^63 - 1")
    if lr < 0 or weight_decay < 0:
        raise ValueError(f"[adam] lr is {lr} and weight_decay {weight_decay}; both must be at least 0")
    settings = _core.AdamSettings()
    settings.lr, settings.beta1, settings.beta2, settings.eps, settings.weight_decay = (
        lr,
        beta1,
        beta2,
        eps,
        weight_decay,
    )
    settings.set_step(step)
    if isinstance(grad, np.ndarray) and isinstance(param, np.ndarray) and grad.strides != param.strides:
        grad = np.array(grad, order="F" if param.flags.f_contiguous else "C")
    _core.adam(param, grad, m, v, settings)
