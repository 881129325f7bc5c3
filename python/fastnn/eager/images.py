"""Functions of images (N, C, H, W): convolution, pooling, batch norm. Each forward line has its backward beside it.

In memory images lie [N][H][W][C], "channels last", and kernels [kh][kw][I][O], as the core reads them; shapes are
PyTorch's all the same. What lies otherwise is copied once, by an op that a recording sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn.eager import ops
from fastnn.eager.autograd import ANY
from fastnn.eager.inplace import write
from fastnn.eager.support import FACTORS, reshaped, result
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor

Pair = tuple[int, int]
Ints = int | Sequence[int]


def pair(name: str, value: Ints) -> Pair:
    """(rows, columns) of one number for both, or of two.

    Raises:
        TypeError: it is neither.
    """
    values = (value, value) if isinstance(value, int) else value
    if not isinstance(values, tuple | list) or len(values) != 2 or not all(_is_integer(each) for each in values):
        raise TypeError(f"{name} must be an integer or two of them (rows, columns), got {value!r}")
    return int(values[0]), int(values[1])


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def channels_last(data: np.ndarray) -> np.ndarray:
    """Images with their channels last in memory: data itself, or a copy."""
    if data.ndim != 4:
        return data
    turned = data.transpose(0, 2, 3, 1)
    return data if turned.flags.c_contiguous else ops.copy(turned).transpose(0, 3, 1, 2)


def _batch(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """function of a batch; of a single image (C, H, W) as a batch of one."""
    if x._data.ndim != 3:
        return function(x)
    return function(x.unsqueeze(0)).squeeze(0)


# -- convolution -----------------------------------------------------------------------------------------------------


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """y = x * weight + bias: x (N, C, H, W) or (C, H, W), weight (O, C / groups, kh, kw), bias (O,).

    padding: zeros on each side, or (above, left, below, right); ``"valid"``: none; ``"same"``: as many as keep the
    size, one more behind than before where they are odd (only with stride 1).

    Raises:
        ValueError: channels that do not fit, groups that do not divide, a kernel larger than the padded image.
        TypeError: dtypes that differ.
    """
    return _batch(input, lambda x: _conv2d(x, weight, bias, pair("stride", stride), padding, dilation, groups))


def _conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Ints | str, dilation: Ints, groups: int
) -> Tensor:
    data, w = channels_last(x._data), weight._to_read()
    spread = pair("dilation", dilation)
    settings = (stride, padding_of(padding, w.shape[2:], stride, spread), spread, groups)
    size, kernel = data.shape[2:], w.shape[2:]
    y = ops.conv2d(data, w, None if bias is None else bias._data, *settings)

    def backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grad = channels_last(g)
        grad_x = ops.conv2d_grad_x(grad, weight._to_read(), size, *settings) if x.requires_grad else None
        grad_w = ops.conv2d_grad_weight(grad, data, kernel, *settings) if weight.requires_grad else None
        if bias is None:
            return grad_x, grad_w
        return grad_x, grad_w, ops.conv2d_grad_bias(grad) if bias.requires_grad else None

    inputs = (x, weight) if bias is None else (x, weight, bias)
    return result(y, inputs, backward, "Convolution", FACTORS)


def padding_of(padding: Ints | str, kernel: Sequence[int], stride: Pair, dilation: Pair) -> tuple[int, int, int, int]:
    """What lies above, left, below and right of the images.

    Raises:
        ValueError: an unknown word, or "same" with a stride.
    """
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, got {stride}: it would keep the size")
        all_of = [spread * (size - 1) for size, spread in zip(kernel, dilation, strict=True)]
        return all_of[0] // 2, all_of[1] // 2, all_of[0] - all_of[0] // 2, all_of[1] - all_of[1] // 2
    if padding == "valid":
        return 0, 0, 0, 0
    if isinstance(padding, str):
        raise ValueError(f"padding must be numbers, 'same' or 'valid', got {padding!r}")
    return sides(padding)


def sides(padding: Ints) -> tuple[int, int, int, int]:
    """What lies above, left, below and right of the images, of as many numbers or of those of both sides.

    Raises:
        TypeError: neither.
    """
    if isinstance(padding, tuple) and len(padding) == 4:
        return (*pair("padding", padding[:2]), *pair("padding", padding[2:]))
    return pair("padding", padding) * 2


# -- pooling ---------------------------------------------------------------------------------------------------------


def max_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest of each window of (N, C, H, W) or (C, H, W); stride None: kernel_size. The first of equals has the
    gradient; NaN is largest; padding is never.

    Raises:
        ValueError: a kernel larger than the padded image, padding of more than half of it, return_indices.
    """
    if return_indices:
        raise ValueError("[max_pool2d] return_indices is not supported: indices are not kept (unpooling needs them)")
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    settings = (kernel, step, sides(padding), pair("dilation", dilation), bool(ceil_mode))

    def pooled(x: Tensor) -> Tensor:
        data = channels_last(x._data)
        return result(
            ops.max_pool2d(data, *settings),
            (x,),
            lambda g: (ops.max_pool2d_backward(channels_last(g), data, *settings),),
            "MaxPool2DWithIndices",
            reads=((0, ANY),),
        )

    return _batch(input, pooled)


def avg_pool2d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of (N, C, H, W) or (C, H, W); stride None: kernel_size.

    Raises:
        ValueError: a kernel larger than the padded image, padding of more than half of it, a divisor below 1.
    """
    if divisor_override is not None and divisor_override < 1:
        raise ValueError(f"[avg_pool2d] divisor_override is {divisor_override}; it must be at least 1")
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    settings = (kernel, step, sides(padding), bool(ceil_mode), bool(count_include_pad), divisor_override or 0)

    def pooled(x: Tensor) -> Tensor:
        data = channels_last(x._data)
        size = data.shape[2:]
        return result(
            ops.avg_pool2d(data, *settings),
            (x,),
            lambda g: (ops.avg_pool2d_backward(channels_last(g), size, *settings),),
            "AvgPool2D",
        )

    return _batch(input, pooled)


def adaptive_avg_pool2d(input: Tensor, output_size: Ints | Sequence[int | None] | None) -> Tensor:
    """Means of windows that cut (N, C, H, W) or (C, H, W) into output_size; None: that of the images.

    Raises:
        ValueError: a size below 1.
    """
    given = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)

    def pooled(x: Tensor) -> Tensor:
        data = channels_last(x._data)
        size = data.shape[2:]
        kept = [own if wanted is None else wanted for wanted, own in zip(given, size, strict=False)]
        return result(
            ops.adaptive_avg_pool2d(data, pair("output_size", kept)),
            (x,),
            lambda g: (ops.adaptive_avg_pool2d_backward(channels_last(g), size),),
            "AdaptiveAvgPool2D",
        )

    return _batch(input, pooled)


# -- batch norm ------------------------------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    unbiased: bool = True,
) -> Tensor:
    """Each channel of (N, C), (N, C, L) or (N, C, H, W) with mean 0 and variance 1, times weight, plus bias.

    In training with the batch's mean and variance, which move the running ones by momentum (unbiased: by the unbiased
    variance, as PyTorch); else with the running ones. Without those: always with the batch's.

    Raises:
        ValueError: sizes that do not fit, a single value a channel in training, where it is to be unbiased.
    """
    shape = input._data.shape
    if not 2 <= len(shape) <= 4:
        text = f"[batch_norm] expected (N, C), (N, C, L) or (N, C, H, W), got shape {shape}"
        raise told(ValueError(text), "batch_norm.rank", shape=shape)
    if not training and (running_mean is None or running_var is None):
        raise ValueError("[batch_norm] evaluation needs running_mean and running_var")
    wide = (*shape[:2], 1, *shape[2:], 1)[:4] if len(shape) < 4 else shape
    data = channels_last(reshaped(input._data, wide))
    w, b = (None if each is None else each._data for each in (weight, bias))
    if training:
        y, gradients = _normalised_by_batch(data, w, b, running_mean, running_var, momentum, eps, unbiased)
    else:
        running = (running_mean._data, running_var._data)
        y = ops.batch_norm_inference(data, w, b, *running, eps)

        def gradients(g: np.ndarray) -> tuple[np.ndarray, ...]:
            return ops.batch_norm_inference_backward(g, data, w, *running, eps)

    return _with_gradients(input, weight, bias, reshaped(y, shape), wide, gradients)


def _normalised_by_batch(
    data: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    momentum: float,
    eps: float,
    unbiased: bool,
) -> tuple[np.ndarray, Callable[[np.ndarray], tuple[np.ndarray, ...]]]:
    running = (None if each is None else each._data for each in (running_mean, running_var))
    y, mean, inverse, *moved = ops.batch_norm(data, weight, bias, *running, float(momentum), float(eps), bool(unbiased))
    for buffer, value in zip((running_mean, running_var), moved, strict=True):
        if buffer is not None:
            write(buffer, ..., value)
    return y, lambda g: ops.batch_norm_backward(g, data, weight, mean, inverse)


def _with_gradients(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    y: np.ndarray,
    wide: tuple[int, ...],
    gradients: Callable[[np.ndarray], tuple[np.ndarray, ...]],
) -> Tensor:
    shape = x._data.shape
    learned = [(place, each) for place, each in ((1, weight), (2, bias)) if each is not None]

    def backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grads = gradients(channels_last(reshaped(g, wide)))
        return reshaped(grads[0], shape), *(grads[place] for place, _ in learned)

    reads = ((0, ANY), *(() if weight is None else ((1, 0),)))
    return result(y, (x, *(each for _, each in learned)), backward, "NativeBatchNorm", reads)
